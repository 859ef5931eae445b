"""Finds the last moment at which something on the calendar changed by the clock."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0008_editors_propose")]

    operations = [
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["recording_until_at"],
                condition=models.Q(("recording_until_at", None), _negated=True),
                name="events_recorded_until",
            ),
        ),
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["registration_opens_at"],
                condition=models.Q(("registration_opens_at", None), _negated=True),
                name="events_opens",
            ),
        ),
        migrations.AddIndex(
            "event",
            models.Index(
                fields=["registration_closes_at"],
                condition=models.Q(("registration_closes_at", None), _negated=True),
                name="events_closes",
            ),
        ),
    ]
