from django.db import migrations

from aspen.db.audit import begin


class Migration(migrations.Migration):
    """What was there before the history gets its first entry."""

    dependencies = [("tracks", "0004_history")]

    operations = [
        migrations.RunPython(
            begin("tracks", ("Participation", "ParticipationHistory")),
            migrations.RunPython.noop,
        )
    ]
