"""What was never reviewed cannot be verified: a comparison with nothing let it pass."""

from django.db import migrations, models
from django.db.models import F, Q

NAME = "tracks_reviewed_before_verified"


class Migration(migrations.Migration):
    dependencies = [("tracks", "0009_reports")]

    operations = [
        migrations.RemoveConstraint(model_name="submission", name=NAME),
        migrations.AddConstraint(
            model_name="submission",
            constraint=models.CheckConstraint(
                condition=Q(verified_at=None)
                | Q(reviewed_at__isnull=False, reviewed_at__lte=F("verified_at")),
                name=NAME,
            ),
        ),
    ]
