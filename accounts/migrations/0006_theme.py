"""People choose the colors of the pages."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('accounts', '0005_search_and_sort_keys')]

    operations = [
        migrations.AddField(
            model_name='user',
            name='theme',
            field=models.CharField(blank=True, choices=[('light', 'Light'), ('dark', 'Dark')], default='', help_text='Leave blank to follow the device.', max_length=5),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('theme__in', ['', 'light', 'dark'])), name='accounts_theme_known'),
        ),
    ]
