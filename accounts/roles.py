"""The permissions of each role, created by `migrate`. Administrators can change them."""

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from accounts.enums import Role

STAFF_VIEW_PERMISSIONS = [
    "accounts.view_organization",
    "accounts.view_user",
    "accounts.view_position",
    "events.view_event",
    "events.view_customevent",
    "events.view_category",
    "events.view_registration",
    "credits.view_claim",
    "tracks.view_certificate",
    "tracks.view_participation",
    "tracks.view_ruleset",
    "tracks.view_submission",
    "tracks.view_track",
    "helpdesk.view_ticket",
]
MAIL_PERMISSIONS = ["aspen.view_mail", "aspen.resend_mail"]
SYNONYM_PERMISSIONS = [f"events.{action}_synonym" for action in ("view", "add", "change", "delete")]
HELP_PERMISSIONS = ["helpdesk.add_article", "helpdesk.change_article"]
ROLE_PERMISSIONS: dict[Role, list[str]] = {
    Role.EVENT_EDITOR: [
        "events.view_event",
        "events.view_category",
        "events.propose_event",
    ],
    Role.HELP_DESK: [*STAFF_VIEW_PERMISSIONS, *HELP_PERMISSIONS, "helpdesk.work_ticket"],
    Role.CE_COORDINATOR: [
        *STAFF_VIEW_PERMISSIONS,
        *MAIL_PERMISSIONS,
        *HELP_PERMISSIONS,
        "events.add_event",
        "events.change_event",
        "events.decide_event",
        "events.prepare_listing",
        "credits.decide_claim",
        "credits.award_credit",
        "credits.view_merge",
        "credits.view_awardlist",
        "credits.view_waitingaward",
        "tracks.add_ruleset",
        "tracks.change_ruleset",
        "tracks.change_track",
        "tracks.review_submission",
        "tracks.view_reports",
        "events.change_category",
        *SYNONYM_PERMISSIONS,
        "helpdesk.work_ticket",
    ],
    Role.CATALOG_COMMITTEE: ["events.decide_listing"],
    Role.ADMINISTRATOR: [
        *STAFF_VIEW_PERMISSIONS,
        *MAIL_PERMISSIONS,
        *HELP_PERMISSIONS,
        "accounts.add_user",
        "accounts.change_user",
        "accounts.add_position",
        "accounts.change_position",
        "accounts.add_organization",
        "accounts.change_organization",
        "accounts.view_federation",
        "accounts.add_federation",
        "accounts.change_federation",
        "events.change_category",
        *SYNONYM_PERMISSIONS,
        "tracks.change_track",
        "tracks.view_reports",
    ],
}


def create_roles() -> None:
    """Create missing groups with their permissions. Idempotent.

    Existing groups are left unchanged, because an administrator may have edited them.
    """
    # Django's own receiver, which creates the last app's permissions, runs after this one.
    for config in apps.get_app_configs():
        create_permissions(config, verbosity=0)
    for role, names in ROLE_PERMISSIONS.items():
        group, created = Group.objects.get_or_create(name=role.value)
        if created:
            group.permissions.set(_permissions(names))


def _permissions(names: list[str]) -> list[Permission]:
    wanted = Q()
    for name in names:
        app, codename = name.split(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    permissions = list(Permission.objects.filter(wanted).order_by("pk"))
    assert len(permissions) == len(names), "a role has a permission that does not exist"
    return permissions
