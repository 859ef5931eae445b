from django.db import migrations

from aspen.db.audit import begin


class Migration(migrations.Migration):
    """What was there before the history gets its first entry."""

    dependencies = [("helpdesk", "0002_history")]

    operations = [
        migrations.RunPython(
            begin("helpdesk", ("Ticket", "TicketHistory")),
            migrations.RunPython.noop,
        )
    ]
