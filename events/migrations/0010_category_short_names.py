"""Short names of the CE categories, for lists."""

from django.db import migrations

from aspen.db.constraints import CleanColumn
from aspen.db.fields import LineField
from aspen.migrations._operations import AddCleanColumns

SHORT_NAMES = {
    "library-administration": "Administration",
    "public-services": "Public",
    "collection-technical": "Collection",
    "technology": "Technology",
}
HELP = "One word for lists, such as Administration."


def add(apps, schema_editor):
    categories = apps.get_model("events", "Category").objects
    for category in categories.order_by("pk"):
        # A category that is not one of the State Library's four keeps as much of its name as fits.
        short_name = SHORT_NAMES.get(category.slug, category.name[:20])
        categories.filter(pk=category.pk).update(short_name=short_name)
    if schema_editor:  # pending deferred triggers would block ALTER TABLE
        schema_editor.connection.check_constraints()


class Migration(migrations.Migration):
    dependencies = [("events", "0009_catalog_committee")]

    operations = [
        migrations.AddField(
            "category", "short_name", LineField(default="", help_text=HELP, max_length=20), False
        ),
        migrations.RunPython(add, migrations.RunPython.noop),
        migrations.AlterField(
            "category", "short_name", LineField(help_text=HELP, max_length=20, unique=True)
        ),
        AddCleanColumns(
            "category",
            [
                CleanColumn(
                    field="short_name",
                    kind="line",
                    name="events_category_short_name_clean",
                    required=True,
                )
            ],
        ),
    ]
