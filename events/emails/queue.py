"""Promising what is told at a time of its own: reminders, and recordings that came out.

Both look at what is true now, and the key of each message keeps it from being promised twice. So
they may run late, twice, or at once. Each batch of people is a transaction of its own.
"""

import datetime as dt
from collections.abc import Callable

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from aspen.clock import today
from aspen.mail import outbox
from aspen.models import Mail
from events.enums import EventState, Origin, RegistrationState
from events.models import Registration

# Early enough for the day at work, not in the middle of the night.
REMINDING_FROM = dt.time(9)
RECORDING_IS_NEWS_FOR = dt.timedelta(days=7)
BATCH = 1_000
# What a message needs to know of its registration: its key and its facts.
Message = Callable[[Registration], tuple[str, dict[str, object]]]


def remind() -> int:
    """Promise a reminder for what begins on the next day in Montana, from nine in the morning on.

    A worker that stood still catches up as long as an event has not begun. Returns how many
    messages were promised. Idempotent.
    """
    now = timezone.now()
    is_time = timezone.localtime(now).time() >= REMINDING_FROM
    # Days of Montana, not 24 hours: one day has 23, another 25.
    until = _midnight_after(today() + dt.timedelta(days=1) if is_time else today())
    due = _places().filter(
        event__begins_at__gt=now, event__begins_at__lt=until, person__wants_reminders=True
    )
    return _promise("events.reminder", due, _reminder)


def tell_recordings() -> int:
    """Promise word of recordings that came out within the last week to all who had a place.

    Returns how many messages were promised. Idempotent.
    """
    now = timezone.now()
    due = _places().filter(
        Q(event__recording_until_at=None) | Q(event__recording_until_at__gt=now),
        event__recording_available_at__gt=now - RECORDING_IS_NEWS_FOR,
        event__recording_available_at__lte=now,
    )
    return _promise("events.recording", due, _recording)


def _midnight_after(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day + dt.timedelta(days=1), dt.time()))


def _places() -> QuerySet[Registration]:
    return (
        Registration.objects.filter(
            state=RegistrationState.CONFIRMED,
            event__origin=Origin.CALENDAR,
            event__state=EventState.PUBLISHED,
            person__is_active=True,
        )
        .select_related("event", "person")
        .only("event__begins_at", "person__email")
        .order_by("pk")
    )


def _reminder(registration: Registration) -> tuple[str, dict[str, object]]:
    # An event that was moved is another one to be reminded of.
    begins_at = registration.event.begins_at.isoformat()
    return f"reminder:{registration.pk}:{begins_at}", {"registration": registration.pk}


def _recording(registration: Registration) -> tuple[str, dict[str, object]]:
    event_id, person_id = registration.event_id, registration.person_id
    return f"recording:{event_id}:{person_id}", {"event": event_id}


def _promise(kind: str, due: QuerySet[Registration], message: Message) -> int:
    number = last = 0
    while batch := list(due.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk
        number += _promise_batch(kind, batch, message)
    return number


@transaction.atomic
def _promise_batch(kind: str, batch: list[Registration], message: Message) -> int:
    by_key = {}
    for registration in batch:
        key, facts = message(registration)
        by_key[key] = (key, registration.person, facts)
    for key in Mail.objects.filter(key__in=list(by_key)).values_list("key", flat=True):
        del by_key[key]
    outbox.post_many(kind=kind, messages=by_key.values())
    return len(by_key)
