from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('credits', '0003_clean_text'),
    ]

    operations = [
        migrations.AddField(
            model_name='merge',
            name='records',
            field=models.JSONField(default=list, help_text='Submitted records that the merge changed (RecordEffect).'),
        ),
    ]
