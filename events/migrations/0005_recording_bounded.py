import datetime as dt

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("events", "0004_description_limit")]

    operations = [
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=Q(recording_available_at=None)
                | Q(
                    recording_available_at__gte=F("begins_at"),
                    recording_available_at__lt=dt.datetime(2100, 1, 1, tzinfo=dt.UTC),
                ),
                name="events_recording_after_begin",
                violation_error_message=(
                    "A recording is available from the event's beginning at the earliest."
                ),
            ),
        ),
    ]
