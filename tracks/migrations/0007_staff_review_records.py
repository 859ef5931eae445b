"""Whose group exists already may review records, or see them, as in a new portal."""

from django.db import migrations

NAMES = {
    "review_submission": "Can review records, extend periods and revoke certificates",
    "view_submission": "Can view submission",
}
GROUPS = {
    "Help desk": ["view_submission"],
    "CE Coordinators": ["view_submission", "review_submission"],
    "Administrators": ["view_submission"],
}


def allow(apps, schema_editor):
    """Give the permissions to the groups that exist; a new portal creates both later."""
    groups = list(apps.get_model("auth", "Group").objects.filter(name__in=GROUPS))
    if not groups:
        return
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="tracks", model="submission"
    )
    permissions = {
        codename: apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )[0]
        for codename, name in NAMES.items()
    }
    for group in groups:
        group.permissions.add(*(permissions[codename] for codename in GROUPS[group.name]))


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("tracks", "0006_certification"),
    ]

    operations = [migrations.RunPython(allow, migrations.RunPython.noop)]
