"""Montana's six library federations."""

from django.db import migrations

FEDERATIONS = [
    "Broad Valleys",
    "Golden Plains",
    "Pathfinder",
    "Sagebrush",
    "South Central",
    "Tamarack",
]


def add(apps, schema_editor):
    Federation = apps.get_model("accounts", "Federation")
    for name in FEDERATIONS:
        Federation.objects.create(name=name)


def remove(apps, schema_editor):
    apps.get_model("accounts", "Federation").objects.filter(name__in=FEDERATIONS).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(add, remove)]
