"""CE Coordinators decide claims and award credits, also where their group exists already."""

from django.db import migrations

GROUP = "CE Coordinators"
OWN = {
    "decide_claim": "Can approve and decline claims, and correct what events earn",
    "award_credit": "Can award an event's credits to people",
}
VIEWED = ("merge", "awardlist", "waitingaward")


def allow(apps, schema_editor):
    """Give the permissions to the group where it exists; a new portal creates both later."""
    group = apps.get_model("auth", "Group").objects.filter(name=GROUP).first()
    if group is None:
        return
    names = {("claim", codename): name for codename, name in OWN.items()}
    names |= {(model, f"view_{model}"): f"Can view {model}" for model in VIEWED}
    types = apps.get_model("contenttypes", "ContentType").objects
    permissions = apps.get_model("auth", "Permission").objects
    for (model, codename), name in names.items():
        content_type, _ = types.get_or_create(app_label="credits", model=model)
        permission, _ = permissions.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
        group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("credits", "0004_history_begins"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="claim",
            options={"ordering": ["-claimed_at", "-id"], "permissions": list(OWN.items())},
        ),
        migrations.RunPython(allow, migrations.RunPython.noop),
    ]
