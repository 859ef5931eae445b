"""What was marked as in the catalog is in that of the fiscal year in which it ended. CE
Coordinators decide about the catalog, also where their group exists already."""

import pghistory
from django.db import migrations
from django.utils import timezone

from events.models import FiscalYear

GROUP = "CE Coordinators"
CODENAME = "decide_listing"
NAME = "Can approve and decline what is proposed for the course catalog"


def carry_over(apps, schema_editor):
    """Approved by the portal's own account; nobody knows any more who proposed it."""
    marked = apps.get_model("events", "Event").objects.filter(in_catalogue=True)
    rows = list(
        marked.order_by("pk").annotate(year=FiscalYear("last_day")).values_list("pk", "year")
    )
    if not rows:
        return
    portal, _ = apps.get_model("accounts", "User").objects.get_or_create(
        email="portal@aspen.invalid",
        defaults={"display_name": "The portal", "is_active": False, "password": "!"},
    )
    listing, now = apps.get_model("events", "CatalogueListing"), timezone.now()
    with pghistory.context(act="events.carry_over", by=portal.pk):
        listing.objects.bulk_create(
            (
                listing(
                    event_id=pk,
                    fiscal_year=year,
                    state="approved",
                    proposed_at=now,
                    decided_by=portal,
                    decided_at=now,
                )
                for pk, year in rows
            ),
            ignore_conflicts=True,
            batch_size=1000,
        )


def mark_again(apps, schema_editor):
    """The mark knows no years: what was approved for any has it."""
    events = apps.get_model("events", "Event").objects
    events.filter(listings__state="approved").update(in_catalogue=True)


def allow(apps, schema_editor):
    """Give the permission to the group where it exists; a new portal creates both later."""
    group = apps.get_model("auth", "Group").objects.filter(name=GROUP).first()
    if group is None:
        return
    types = apps.get_model("contenttypes", "ContentType").objects
    listing_type, _ = types.get_or_create(app_label="events", model="cataloguelisting")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=listing_type, codename=CODENAME, defaults={"name": NAME}
    )
    group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_history_begins"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("events", "0013_catalogue"),
    ]

    operations = [
        migrations.RunPython(carry_over, mark_again),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
