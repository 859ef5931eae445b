"""The rules of 2009 for library staff, from the State Library's page on program changes."""

import datetime as dt

from django.db import migrations

TRACK, NAME = "Library Staff", "2009 Library Staff"
MINIMUM = 10  # credits in each category


def add(apps, schema_editor):
    track = apps.get_model("tracks", "Track").objects.filter(name=TRACK).first()
    RuleSet = apps.get_model("tracks", "RuleSet")
    # Staff may have renamed the track or added these rules themselves.
    if track is None or RuleSet.objects.filter(track=track, name=NAME).exists():
        return
    rule_set = RuleSet.objects.create(
        track=track,
        name=NAME,
        kind="both",
        valid_from=dt.date(2009, 1, 1),
        valid_until=dt.date(2022, 12, 31),
        total=60,
        audience="Library staff",
        source="Montana State Library, certification program rules of 2009.",
    )
    Requirement = apps.get_model("tracks", "Requirement")
    for category in apps.get_model("events", "Category").objects.order_by("position"):
        Requirement.objects.create(rule_set=rule_set, category=category, minimum=MINIMUM)


def remove(apps, schema_editor):
    apps.get_model("tracks", "RuleSet").objects.filter(track__name=TRACK, name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("tracks", "0004_clean_text")]

    operations = [migrations.RunPython(add, remove)]
