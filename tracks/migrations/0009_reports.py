"""CE Coordinators and administrators see the reports, also where their groups exist already."""

from django.db import migrations

GROUPS = ("CE Coordinators", "Administrators")
CODENAME, NAME = "view_reports", "Can see the reports on certification and credits"


def allow(apps, schema_editor):
    """Give the permission to the groups where they exist; a new portal creates both later."""
    groups = apps.get_model("auth", "Group").objects.filter(name__in=GROUPS)
    if not groups.exists():
        return
    types = apps.get_model("contenttypes", "ContentType").objects
    content_type, _ = types.get_or_create(app_label="tracks", model="certificate")
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=CODENAME, defaults={"name": NAME}
    )
    for group in groups:
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("tracks", "0008_staff_view_certificates"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="certificate",
            options={"ordering": ["-issued_on", "-number"], "permissions": [(CODENAME, NAME)]},
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
