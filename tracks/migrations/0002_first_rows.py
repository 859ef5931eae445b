"""The certification tracks with the State Library's published rules of 2009 and 2023.

Amounts are credits. Minimums are in the order of the four categories, and every rule set counts
all four. Only the year of each rule set is published, so the days here are January 1 and
December 31. The rules of 2026 are not included because their numbers are not published.
"""

import datetime as dt

from django.db import migrations

TRACKS = [
    ("Library Director", "For directors of public libraries."),
    ("Library Staff", "For everyone who works in a library."),
    ("Library Trustee", "For members of library boards."),
]
RULES_2009 = "Montana State Library, certification program rules of 2009."
RULES_2023 = "Montana State Library, certification program rules of 2023."
# track, name, kind, year from, year until, total, minimums, who, source
RULE_SETS = [
    ("Library Director", "2009 Library Administrator", "both", 2009, 2022, 60, (20, 10, 10, 10),
     "Public library directors", RULES_2009),
    ("Library Trustee", "2009 Trustee", "both", 2009, 2022, 15, (10, 0, 0, 0),
     "Library trustees", RULES_2009),
    ("Library Director", "2023 Library Director, initial", "initial", 2023, None, 60, (30, 0, 0, 0),
     "Public library directors (required for state aid)", RULES_2023),
    ("Library Director", "2023 Library Director, renewal", "renewal", 2023, None, 60, (0, 0, 0, 0),
     "Public library directors who were certified before", RULES_2023),
    ("Library Staff", "2023 Library Staff", "both", 2023, None, 60, (5, 5, 5, 5),
     "Library staff", RULES_2023),
    ("Library Trustee", "2023 Library Trustee", "both", 2023, None, 15, (10, 0, 0, 0),
     "Library trustees", RULES_2023),
]


def add(apps, schema_editor):
    Track = apps.get_model("tracks", "Track")
    RuleSet = apps.get_model("tracks", "RuleSet")
    Requirement = apps.get_model("tracks", "Requirement")
    categories = list(apps.get_model("events", "Category").objects.order_by("position"))
    tracks = {
        name: Track.objects.create(name=name, description=description, position=position)
        for position, (name, description) in enumerate(TRACKS, start=1)
    }
    for track, name, kind, since, until, total, minimums, audience, source in RULE_SETS:
        rule_set = RuleSet.objects.create(
            track=tracks[track],
            name=name,
            kind=kind,
            valid_from=dt.date(since, 1, 1),
            valid_until=dt.date(until, 12, 31) if until else None,
            total=total,
            audience=audience,
            source=source,
        )
        for category, minimum in zip(categories, minimums, strict=True):
            Requirement.objects.create(rule_set=rule_set, category=category, minimum=minimum)


def remove(apps, schema_editor):
    names = [name for _, name, *_ in RULE_SETS]
    apps.get_model("tracks", "RuleSet").objects.filter(name__in=names).delete()
    apps.get_model("tracks", "Track").objects.filter(name__in=[n for n, _ in TRACKS]).delete()


class Migration(migrations.Migration):
    dependencies = [("tracks", "0001_initial")]

    operations = [migrations.RunPython(add, remove)]
