from django.db import migrations

from aspen.db.audit import begin


class Migration(migrations.Migration):
    """What was there before the history gets its first entry."""

    dependencies = [("accounts", "0005_history")]

    operations = [
        migrations.RunPython(
            begin("accounts", ("User", "AccountHistory")),
            migrations.RunPython.noop,
        )
    ]
