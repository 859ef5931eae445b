"""The four CE categories, with the State Library's names and order; the calendar's version."""

from django.db import migrations

CATEGORIES = [
    (
        "Library Administration",
        "library-administration",
        "■",
        "Governance, library law, budgets, personnel, policy, planning, advocacy, boards.",
    ),
    (
        "Library Services to the Public",
        "public-services",
        "●",
        "Reference, programs, children and teens, outreach, accessibility.",
    ),
    (
        "Collection Management and Technical Services",
        "collection-technical",
        "▲",
        "Selection, weeding, cataloging, shared catalogs, OCLC, preservation.",
    ),
    (
        "Technology",
        "technology",
        "◆",
        "Hardware, software, networks, web sites, privacy and security, digital literacy.",
    ),
]


def add(apps, schema_editor):
    Category = apps.get_model("events", "Category")
    for position, (name, slug, shape, description) in enumerate(CATEGORIES, start=1):
        Category.objects.create(
            name=name, slug=slug, shape=shape, position=position, description=description
        )
    apps.get_model("events", "CalendarVersion").objects.create(pk=1, number=1)


def remove(apps, schema_editor):
    apps.get_model("events", "CalendarVersion").objects.all().delete()
    apps.get_model("events", "Category").objects.filter(
        slug__in=[slug for _, slug, _, _ in CATEGORIES]
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunPython(add, remove)]
