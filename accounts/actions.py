"""Actions on accounts, positions and organizations.

Each function is atomic. Functions that run for a signed-in person take `by=`; imports and the
demonstration have no such person. Administrators edit the directory through Django's admin forms
(admin.py).
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.core import signing
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from accounts.enums import STAFF_ROLES, PositionKind, Role, Theme
from accounts.models import Organization, Position, User, WelcomeDraft
from accounts.queries import lock_people
from aspen.clock import today
from aspen.db.audit import audited, audited_as
from aspen.db.last_change import UNDO_WINDOW
from aspen.errors import Refused
from aspen.text import clean_email

UNDO_SALT = "accounts.positions"


@audited
def rename(*, display_name: str, by: User) -> None:
    """Change `by`'s name, which is shown on pages and printed on certificates."""
    by.display_name = display_name
    by.save(update_fields=["display_name"])


@audited
def set_reminders(
    *, by: User, events: bool | None = None, certification: bool | None = None
) -> None:
    """Turn reminders about events and about certification deadlines on or off for `by`.

    None leaves a setting unchanged. Idempotent.
    """
    if events is not None:
        by.wants_reminders = events
    if certification is not None:
        by.wants_certification_reminders = certification
    by.save(update_fields=["wants_reminders", "wants_certification_reminders"])


@audited
def set_shows_progress(*, agreed: bool, by: User) -> None:
    """Set whether library directors can see `by`'s progress and certificates. Idempotent."""
    by.shows_progress = agreed
    by.save(update_fields=["shows_progress"])


@audited
def set_theme(*, theme: Theme | None, by: User) -> None:
    """Set the colors of the pages that `by` sees. None follows the device. Idempotent."""
    by.theme = theme.value if theme else ""
    by.save(update_fields=["theme"])


@audited
def save_welcome_draft(*, typed: Mapping[str, str], by: User) -> None:
    """Keep `by`'s answers on the welcome page, in place of earlier ones."""
    WelcomeDraft.objects.update_or_create(person=by, defaults={"typed": dict(typed)})


@audited
def skip_welcome(*, typed: Mapping[str, str], by: User) -> None:
    """Do not show the welcome page to `by` at sign-in again, and keep the answers. Idempotent."""
    save_welcome_draft(typed=typed, by=by)
    _end_welcome(by)


@audited
def finish_welcome(*, by: User) -> None:
    """Do not show the welcome page to `by` at sign-in again, and delete the draft. Idempotent."""
    WelcomeDraft.objects.filter(person=by).delete()
    _end_welcome(by)


def _end_welcome(person: User) -> None:
    person.welcomed_at = person.welcomed_at or timezone.now()
    person.save(update_fields=["welcomed_at"])


@audited
def take_position(*, organization: Organization, kind: PositionKind, by: User) -> Position:
    """Record that `by` works at the organization from today. Idempotent; locks the person."""
    lock_people([by.pk])
    positions = Position.objects.without_last_day().filter(
        person=by, organization=organization, kind=kind
    )
    return positions.first() or Position.objects.create(
        person=by, organization=organization, kind=kind, since_on=today()
    )


class Move(NamedTuple):
    """A new position and those that it replaces. `ticket` undoes it (undo_positions)."""

    position: Position
    ended: list[Position]
    ticket: str


@audited
def move(
    *,
    organization: Organization,
    kind: PositionKind,
    since_on: dt.date,
    ended: Collection[int],
    by: User,
) -> Move:
    """Record that `by` works at the organization from a day, and end other positions before it.

    The positions with the ids `ended` end on the day before, or on their first day if that is
    later. One that ends earlier does not change. Idempotent for the new position, which keeps its
    first day if `by` already has it. Locks the person.

    Raises Refused if one of the positions has ended or is not `by`'s, or is the new one.
    """
    lock_people([by.pk])
    old = list(
        Position.objects.not_ended()
        .select_for_update(of=("self",))
        .filter(pk__in=list(ended), person=by)
        .select_related("organization")
        .order_by("pk")
    )
    if len(old) != len(set(ended)):
        raise Refused(
            "One of these positions has already ended. Reload the page, and choose again.",
            field="ended",
        )
    if any((each.organization_id, each.kind) == (organization.pk, kind) for each in old):
        raise Refused("This is the position that you add. Do not end it.", field="ended")
    last_day = since_on - dt.timedelta(days=1)
    changes = [_end(each, last_day) for each in old]
    same = Position.objects.without_last_day().filter(
        person=by, organization=organization, kind=kind
    )
    position = same.first()
    is_new = position is None
    position = position or Position.objects.create(
        person=by, organization=organization, kind=kind, since_on=since_on
    )
    return Move(position, old, _undo_ticket(changes, position.pk if is_new else None))


@audited
def end_position(*, position_id: int, by: User) -> str:
    """Make today the last day of one of `by`'s positions; it stays on record.

    Returns the ticket with which the person can undo this within a day (undo_positions).

    If the position has not started, it ends on its first day. If its last day is in the future,
    that becomes today. Raises Position.DoesNotExist, or Refused if the position has ended or ends
    today.
    """
    position = Position.objects.select_for_update(of=("self",)).get(pk=position_id, person=by)
    if position.ends_today_or_ended:
        raise Refused("This position has already ended or ends today.")
    return _undo_ticket([_end(position, today())])


# The id of a position that ended, with its last day before and after.
EndOfPosition = tuple[int, str | None, str | None]


def _end(position: Position, last_day: dt.date) -> EndOfPosition:
    """End a position on a day or on its first day, unless it ends earlier."""
    before = position.until_on
    last_day = max(last_day, position.since_on or last_day)
    position.until_on = min(last_day, before or last_day)
    position.save(update_fields=["until_on"])
    earlier = before.isoformat() if before else None
    return position.pk, earlier, position.until_on.isoformat()


def _undo_ticket(ended: list[EndOfPosition], added: int | None = None) -> str:
    return signing.dumps([ended, added], salt=UNDO_SALT)


@audited_as("accounts.undo_end_of_position")
def undo_positions(*, ticket: str, by: User) -> list[Position]:
    """Restore positions that `by` ended, and delete the one that replaced them. Idempotent.

    Returns the restored positions. `ticket` comes from end_position or move, so a last day that
    staff entered cannot be undone. Locks the person. All or nothing: raises Refused if the ticket
    is older than a day or invalid, a position has changed since, or the person has added it again.
    """
    lock_people([by.pk])
    try:
        ended, added = signing.loads(ticket, salt=UNDO_SALT, max_age=UNDO_WINDOW)
        positions = Position.objects.select_for_update(of=("self",)).filter(person=by)
        restored = [
            (positions.get(pk=pk), before and dt.date.fromisoformat(before), after)
            for pk, before, after in ended
        ]
    except (signing.BadSignature, Position.DoesNotExist) as error:
        raise Refused(
            "A change of your positions can only be undone within one day. Correct them below."
        ) from error
    _delete_added(positions.filter(pk=added).first())
    for position, before, after in restored:
        _restore(position, before, after)
    return [position for position, _, _ in restored]


def _delete_added(position: Position | None) -> None:
    if position is None:
        return
    if position.is_confirmed or position.supervisor_id or position.until_on:
        raise Refused(f"This position has changed since then: {position}. It cannot be undone.")
    position.delete()


def _restore(position: Position, until_on: dt.date | None, ended_on: str) -> None:
    if position.until_on == until_on:
        return
    if position.until_on is None or position.until_on.isoformat() != ended_on:
        raise Refused("This position has changed since then, so ending it cannot be undone.")
    same = Position.objects.without_last_day().filter(
        person=position.person_id, organization=position.organization_id, kind=position.kind
    )
    if until_on is None and same.exists():
        raise Refused("You have added this position again, so ending it cannot be undone.")
    position.until_on = until_on
    position.save(update_fields=["until_on"])


@audited
def create_account(
    *, email: str, display_name: str, password_hash: str, roles: Iterable[Role] = (), **fields: Any
) -> User:
    """Create an account with a confirmed e-mail address, so that it can sign in immediately.

    A role in STAFF_ROLES makes the person staff.
    """
    roles = list(roles)
    if _needs_staff(role.value for role in roles):
        fields["is_staff"] = True
    user: User = User.objects.create(
        email=clean_email(email), display_name=display_name, password=password_hash, **fields
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    user.groups.set(Group.objects.filter(name__in=[role.value for role in roles]).order_by("pk"))
    return user


@audited
def assign_position(
    *, person: User, organization: Organization, kind: PositionKind, supervisor: User | None
) -> Position:
    """Record a confirmed position and its supervisor. Idempotent; locks the person.

    If there is an open position of the same kind with a supervisor, it keeps that supervisor.
    """
    position = take_position(organization=organization, kind=kind, by=person)
    position.is_confirmed = True
    position.supervisor = position.supervisor or supervisor
    position.save(update_fields=["is_confirmed", "supervisor"])
    return position


@audited
def import_organization(*, organization_id: int | None, values: Mapping[str, Any]) -> Organization:
    """Create an organization from an import file, or lock and update the one with this id.

    Raises ValidationError by field, or IntegrityError.
    """
    organization = (
        Organization()
        if organization_id is None
        else Organization.objects.select_for_update(of=("self",), no_key=True).get(
            pk=organization_id
        )
    )
    for name, value in values.items():
        setattr(organization, name, value)
    organization.clean_fields(exclude={"federation", "parent"})
    organization.save()
    return organization


@audited
def save_person(*, person: User, by: User, roles: Iterable[Group] = ()) -> User:
    """Save a person whom staff added or changed. Locks an existing person.

    The password is already set. `roles` are the person's new roles, which the caller saves. A role
    in STAFF_ROLES makes the person staff. A new e-mail address must be confirmed at the next
    sign-in; the old address no longer works for signing in.

    Raises Refused if `by` lacks the right to make the change.
    """
    before = User.objects.select_for_update(of=("self",), no_key=True).filter(pk=person.pk).first()
    if _needs_staff(role.name for role in roles):
        person.is_staff = True
    _refuse_overreach(before, person, by)
    person.save()
    if before and before.email != person.email:
        EmailAddress.objects.filter(user=person).exclude(email=person.email).delete()
    return person


def _needs_staff(role_names: Iterable[str]) -> bool:
    return not {role.value for role in STAFF_ROLES}.isdisjoint(role_names)


def _refuse_overreach(before: User | None, after: User, by: User) -> None:
    if by.is_superuser:
        return
    if after.is_superuser or (before and before.is_superuser):
        raise Refused("Only a superuser can change a superuser's account.")
    if before is None or before.pk != by.pk:
        return
    if (before.is_staff, before.is_active) != (after.is_staff, after.is_active):
        raise Refused("You cannot change your own access. Ask another administrator.")


@transaction.atomic
def all_or_nothing(step: Callable[..., HttpResponse], *args: Any, **kwargs: Any) -> HttpResponse:
    """Run a step of django-allauth. Its changes and the e-mails that it queues are one change."""
    return step(*args, **kwargs)


def portal_user() -> User:
    """Return the portal's own account, creating it if needed. It cannot sign in.

    The history shows it as the author of changes that no person makes, such as imports.
    """
    portal, _ = User.objects.get_or_create(
        email="portal@aspen.invalid",
        defaults={"display_name": "The portal", "is_active": False, "password": "!"},
    )
    return portal
