"""Issuing and withdrawing certificates of attendance."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today
from aspen.db.audit import audited
from aspen.errors import Refused
from credits import attendance
from credits.attendance import Attended
from credits.models import AttendanceCertificate
from events import queries as event_queries
from events.attendance import guests
from events.models import Event

# An arbitrary id for the advisory lock held from numbering a certificate until the commit.
NUMBERING_LOCK = 20261130
# Reasons, which anyone who checks a withdrawn certificate can read.
NO_LONGER = "It no longer matches what is recorded."
CHANGED = "What it says was corrected."
REPLACED = "Certificate {number} replaces it."


@audited
def issue_attendance_certificate(*, event_id: int, by: User) -> AttendanceCertificate:
    """Return the certificate that `by` took part in the event, and issue it on first demand.

    If what it says has changed, such as the person's name, a new one replaces it. It also replaces
    the certificate that the person had as a guest. Idempotent. Locks the event and the person.
    Raises Event.DoesNotExist, or Refused if the person cannot have one.
    """
    event = event_queries.lock_event(event_id)
    lock_people([by.pk])
    attended = attendance.attended_by_person(by, event)
    if attended is None:
        raise Refused("You can have a certificate of attendance once the credit is listed.")
    return _issue(event, attended, {"person": by}, replaces=_as_guest(event, by))


@audited
def issue_guest_certificate(*, event_id: int, key: str, by: None = None) -> AttendanceCertificate:
    """Return the certificate of a guest (attendance.guest_key), and issue it on first demand.

    If what it says has changed, a new one replaces it. Idempotent. Locks the event. Raises
    Event.DoesNotExist, or Refused if the guest is on no list that counts, or has an account now and
    a certificate there.
    """
    event = event_queries.lock_event(event_id)
    by_address = {attendance.guest_key(each): each for each in guests.guests_present(event)}
    address = by_address.get(key, "")
    attended = attendance.attended_by_guest(address, event)
    if attended is None:
        raise Refused(
            "The organizer’s attendance list no longer shows that you took part. If that is a "
            "mistake, write to the organizer or to us."
        )
    owner = guests.people_with([address], event).get(address)
    if owner and owner.attendance_certificates.filter(event=event, withdrawn_at=None).exists():
        raise Refused(
            "You have an account now, and your certificate of attendance is there. Sign in and "
            "open the event’s page."
        )
    return _issue(event, attended, {"guest_address": address})


def _as_guest(event: Event, person: User) -> Q:
    """Return the condition for the certificates of this person as a guest."""
    return Q(guest_address__in=guests.addresses_of(person, event))


def _issue(
    event: Event, attended: Attended, holder: Mapping[str, Any], *, replaces: Q | None = None
) -> AttendanceCertificate:
    """Return the holder's certificate, or issue one and withdraw those that it replaces.

    The caller holds the locks.
    """
    live = AttendanceCertificate.objects.filter(event=event, withdrawn_at=None)
    present = live.filter(**holder).first()
    if present and (present.name, present.printed) == (attended.name[:300], attended.printed):
        return present
    number = _next_number(today().year)
    replaced = Q(**holder) | replaces if replaces else Q(**holder)
    live.filter(replaced).update(
        withdrawn_at=timezone.now(), withdrawn_reason=REPLACED.format(number=number)
    )
    return AttendanceCertificate.objects.create(
        number=number,
        event=event,
        claim=attended.claim,
        name=attended.name[:300],
        printed=attended.printed,
        issued_at=timezone.now(),
        **holder,
    )


def _next_number(year: int) -> str:
    """Return the year's next number, such as A2026-0117. Locks until the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NUMBERING_LOCK])
    issued = AttendanceCertificate.objects.filter(number__startswith=f"A{year}-").count()
    return f"A{year}-{issued + 1:04d}"


def withdraw_changed_certificates(event: Event) -> None:
    """Withdraw the event's certificates that no longer say what is recorded. Idempotent.

    The caller holds the event's lock.
    """
    _withdraw_changed(AttendanceCertificate.objects.filter(event=event))


def withdraw_certificates_of_credits(credit_ids: Iterable[int]) -> None:
    """Withdraw the certificates for these credits that no longer say what is recorded.

    The caller holds the locks of the people and of the credits' events.
    """
    of_credits = Q(claim__credits__in=list(credit_ids))
    _withdraw_changed(AttendanceCertificate.objects.filter(of_credits).distinct())


def _withdraw_changed(certificates: QuerySet[AttendanceCertificate]) -> None:
    """Withdraw those that have no ground or say something else.

    A later name or a stronger basis does not make a certificate wrong. Takes one query if there are
    none.
    """
    live = list(certificates.filter(withdrawn_at=None).select_related("event", "person"))
    if not live:
        return
    current = attendance.attended_now(live)
    ended = [each.pk for each in live if current[each.pk] is None]
    changed = [each.pk for each in live if (now := current[each.pk]) and _differs(each, now)]
    for ids, reason in ((ended, NO_LONGER), (changed, CHANGED)):
        AttendanceCertificate.objects.filter(pk__in=ids).update(
            withdrawn_at=timezone.now(), withdrawn_reason=reason
        )


def _differs(certificate: AttendanceCertificate, attended: Attended) -> bool:
    strength = attendance.BASES.index
    if strength(attended.printed["basis"]) < strength(certificate.printed["basis"]):
        return True
    ignored = {"basis": ""}
    return {**certificate.printed, **ignored} != {**attended.printed, **ignored}
