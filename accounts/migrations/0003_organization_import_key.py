from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_federations")]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="import_key",
            field=models.CharField(editable=False, max_length=80, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="organization",
            name="import_digest",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
    ]
