"""An event that ends at midnight ends on the day before."""

from django.db import migrations, models
from django.db.models.functions import Coalesce, Greatest

from events.models.event import DayOfEnd, MountainDay


class Migration(migrations.Migration):
    dependencies = [("events", "0004_clean_text")]

    # PostgreSQL 15 cannot change the expression of a generated column.
    operations = [
        migrations.RemoveField("event", "last_day"),
        migrations.AddField(
            "event",
            "last_day",
            models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(
                        models.Q(("all_day", True), ("ends_at", None), _connector="OR"),
                        then=MountainDay(Coalesce("ends_at", "begins_at")),
                    ),
                    default=Greatest(MountainDay("begins_at"), DayOfEnd("ends_at")),
                    output_field=models.DateField(),
                ),
                output_field=models.DateField(),
            ),
        ),
    ]
