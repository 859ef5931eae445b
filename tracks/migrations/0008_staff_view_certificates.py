"""Staff who look at credits look at certificates too, also where their group exists already."""

from django.db import migrations

GROUPS = ("Help desk", "CE Coordinators", "Administrators")


def allow(apps, schema_editor):
    """Give the permission to the groups that exist; a new portal creates both later."""
    groups = list(apps.get_model("auth", "Group").objects.filter(name__in=GROUPS))
    if not groups:
        return
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="tracks", model="certificate"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type,
        codename="view_certificate",
        defaults={"name": "Can view certificate"},
    )
    for group in groups:
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("tracks", "0007_staff_review_records"),
    ]

    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
