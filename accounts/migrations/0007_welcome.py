"""The welcome page, which people see after they sign in for the first time."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [('accounts', '0006_theme')]

    operations = [
        migrations.AddField(
            model_name='user',
            name='welcomed_at',
            field=models.DateTimeField(editable=False, help_text='When the person finished or skipped the welcome page.', null=True),
        ),
        migrations.CreateModel(
            name='WelcomeDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('typed', models.JSONField(default=dict, help_text='Form input by field name.')),
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='welcome_draft', to=settings.AUTH_USER_MODEL)),
            ],
            options={'ordering': ['person_id']},
        ),
    ]
