"""Two roles look at the outbox. A group that exists is not touched when roles are created."""

from django.db import migrations

GROUPS = ["CE Coordinators", "Administrators"]
PERMISSIONS = {"view_mail": "Can view message", "resend_mail": "Can send a message again"}


def allow(apps, schema_editor):
    """Give the permissions to the groups where they exist; a new portal creates both later."""
    groups = list(apps.get_model("auth", "Group").objects.filter(name__in=GROUPS).order_by("pk"))
    if not groups:
        return
    types = apps.get_model("contenttypes", "ContentType").objects
    mail_type, _ = types.get_or_create(app_label="aspen", model="mail")
    for codename, name in PERMISSIONS.items():
        permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=mail_type, codename=codename, defaults={"name": name}
        )
        for group in groups:
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("aspen", "0001_outbox"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
