"""The people on an event's attendance lists, by their e-mail addresses.

Those without an account have nothing but their address, to which their certificate can be sent.
"""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import User
from accounts.queries import people_by_email
from aspen.text import clean_line
from events.attendance import presence
from events.attendance.list_plans import counting_lists, rows_of
from events.attendance.presence import ReportRow
from events.enums import EventState
from events.models import UNDO_WINDOW, AttendanceList, AttendeeMatch, Event

# How long after a list became final its guests are still e-mailed, such as after an interruption.
NEWS_WINDOW = dt.timedelta(days=30)


class Guest(NamedTuple):
    """A person on an event's lists who was present for long enough. `name` can be empty."""

    address: str
    name: str
    minutes: int


def guests_present(event: Event, *, only_final: bool = False) -> dict[str, Guest]:
    """Return the people with an address on the event's lists who were present, by address.

    Some of them can have an account. The lowest threshold applies, as on the roster. With
    `only_final`, lists that can still be undone do not count. One query.
    """
    lists = counting_lists(event)
    if only_final:
        final_before = timezone.now() - UNDO_WINDOW
        lists = [each for each in lists if each.applied_at and each.applied_at <= final_before]
    contents = {each.fingerprint: rows_of(each) for each in lists}
    rows: dict[str, dict[str, list[ReportRow]]] = {}
    for fingerprint, own in contents.items():
        for row in own:
            if row.address:
                rows.setdefault(row.address, {}).setdefault(fingerprint, []).append(row)
    window = presence.span(event.begins_at, event.over_at)
    threshold = min((each.threshold for each in lists), default=1)
    present = {}
    for address, by_list in rows.items():
        minutes = presence.seconds_present(by_list.values(), window) // 60
        if minutes >= threshold:
            found = (clean_line(row.name) for own in by_list.values() for row in own)
            names = [name for name in found if name]
            present[address] = Guest(address, names[0] if names else "", minutes)
    return present


def addresses_of(person: User, event: Event) -> set[str]:
    """Return what lists of the event can call the person: addresses and matches. Two queries."""
    confirmed = EmailAddress.objects.filter(user=person, verified=True)
    matches = AttendeeMatch.objects.filter(event=event, person=person)
    return {
        person.email,
        *confirmed.order_by("pk").values_list("email", flat=True),
        *matches.order_by("pk").values_list("alias", flat=True),
    }


def people_with(addresses: Iterable[str], event: Event) -> dict[str, User]:
    """Return the people with these addresses on the event's lists, by address. Three queries."""
    addresses = sorted(addresses)
    matches = AttendeeMatch.objects.filter(
        event=event, alias__in=addresses, person__is_active=True
    ).select_related("person")
    return people_by_email(addresses) | {each.alias: each.person for each in matches.order_by("pk")}


def events_with_final_lists() -> list[Event]:
    """Return the events that took place, with a list that became final in the past 30 days."""
    now = timezone.now()
    lists = AttendanceList.objects.filter(
        undone_at=None,
        applied_at__range=(now - UNDO_WINDOW - NEWS_WINDOW, now - UNDO_WINDOW),
    )
    events = Event.objects.filter(
        pk__in=lists.values("event"),
        over_at__lte=now,
        state__in=[EventState.PUBLISHED, EventState.MERGED],
    )
    return list(events.defer("search", "description").order_by("pk"))
