from django.db import migrations

from aspen.db.audit import begin


class Migration(migrations.Migration):
    """What was there before the history gets its first entry."""

    dependencies = [("events", "0010_merging_college_work_history")]

    operations = [
        migrations.RunPython(
            begin("events", ("Event", "EventHistory"), ("CreditOffer", "CreditOfferHistory")),
            migrations.RunPython.noop,
        )
    ]
