from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracks", "0002_rule_sets")]

    operations = [
        migrations.RemoveConstraint(model_name="ruleset", name="tracks_rule_set_has_years"),
        migrations.AddConstraint(
            model_name="ruleset",
            constraint=models.CheckConstraint(
                condition=models.Q(("years__gte", 1), ("years__lte", 20)),
                name="tracks_rule_set_has_years",
                violation_error_message="The years must lie between 1 and 20.",
            ),
        ),
    ]
