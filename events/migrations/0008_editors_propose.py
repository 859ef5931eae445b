"""Event editors may propose events. A group that exists is not touched when roles are created."""

from django.db import migrations

GROUP, PERMISSION = "Event editors", "propose_event"


def allow(apps, schema_editor):
    """Give the permission to the group where it exists; a new portal creates both later."""
    group = apps.get_model("auth", "Group").objects.filter(name=GROUP).first()
    if group is None:
        return
    types = apps.get_model("contenttypes", "ContentType").objects
    event_type, _ = types.get_or_create(app_label="events", model="event")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=event_type,
        codename=PERMISSION,
        defaults={"name": "Can propose events of the own organization"},
    )
    group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("events", "0007_calendar_version"),
    ]

    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
