"""Repeat an event on other dates. Each occurrence is a separate event."""

import datetime as dt
import uuid
from collections.abc import Iterable

from django.utils import timezone

from accounts.models import User
from aspen.db.audit import audited
from aspen.errors import Refused
from events import permissions, queries
from events.editing.actions import copy_extras
from events.enums import EventState
from events.models import CreditOffer, Event, Presenter

MAX_OCCURRENCES = 60
# Fields that occurrences do not copy from their source.
NOT_COPIED_FIELDS = {
    "id",
    "uid",
    "sequence",
    "changed_at",
    "begins_at",
    "ends_at",
    "registration_opens_at",
    "registration_closes_at",
    "check_in_code",
    "recording_available_at",
    "recording_until_at",
    "recording_url",
    "recording_minutes",
    "recording_last_day",
    "import_key",
    "import_digest",
    "created_at",
    "created_by",
    "decided_by",
    "decided_at",
    "decision_reason",
    "submitted_at",
    "cancellation",
    "state",
    "series_key",
}


@audited
def repeat_event(
    *, source_id: int, begins: Iterable[dt.datetime], series_key: uuid.UUID, by: User
) -> list[Event]:
    """Create a draft occurrence at each moment and return the new ones.

    The end and the registration window move with the start, in local time. Skips dates that the
    series already has, so this is idempotent by `series_key` and moment. Locks the source. Raises
    Event.DoesNotExist, or Refused if there are no dates or too many.
    """
    if not permissions.managed_by(by).filter(pk=source_id).exists():
        raise Event.DoesNotExist
    source = queries.lock_event(source_id)
    moments = sorted(set(begins))
    if not moments:
        raise Refused("Choose at least one date.")
    if len(moments) > MAX_OCCURRENCES:
        raise Refused(f"A series can have at most {MAX_OCCURRENCES} dates. Choose fewer dates.")
    if source.series_key is None:
        Event.objects.filter(pk=source.pk).update(series_key=series_key)
    key = source.series_key or series_key
    existing = Event.objects.filter(series_key=key, title=source.title)
    taken = set(existing.values_list("begins_at", flat=True)) | {source.begins_at}
    events = [_occurrence(source, moment, key, by) for moment in moments if moment not in taken]
    for event in events:
        event.clean_fields(exclude=["parent", "organization"])
    events = Event.objects.bulk_create(events)
    _copy_lines(source, events)
    return events


def _occurrence(source: Event, begins_at: dt.datetime, key: uuid.UUID, by: User) -> Event:
    copied = {
        field.attname: getattr(source, field.attname)
        for field in Event._meta.concrete_fields
        if field.name not in NOT_COPIED_FIELDS and not field.generated
    }
    ends_at = source.ends_at and wall_clock_after(begins_at, source.begins_at, source.ends_at)
    window = {
        name: moment and wall_clock_after(begins_at, source.begins_at, moment)
        for name, moment in (
            ("registration_opens_at", source.registration_opens_at),
            ("registration_closes_at", source.registration_closes_at),
        )
    }
    return Event(
        **copied,
        **window,
        begins_at=begins_at,
        ends_at=ends_at,
        state=EventState.DRAFT,
        created_by=by,
        series_key=key,
    )


def wall_clock_after(
    begins_at: dt.datetime, origin: dt.datetime, moment: dt.datetime
) -> dt.datetime:
    """Shift `moment` by the local-time difference between `origin` and `begins_at`.

    A two-hour event stays two hours long by the clock, even on a day when clocks change.
    """
    return existing_local_time(_wall_clock(begins_at) + (_wall_clock(moment) - _wall_clock(origin)))


def _wall_clock(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(timezone.get_default_timezone()).replace(tzinfo=None)


def existing_local_time(local: dt.datetime) -> dt.datetime:
    """Convert a Mountain time to a moment. A time skipped in spring moves an hour forward."""
    zone = timezone.get_default_timezone()
    moment = local.replace(tzinfo=zone)
    return moment.astimezone(dt.UTC).astimezone(zone)


def _copy_lines(source: Event, events: list[Event]) -> None:
    lines = list(source.offers.order_by("pk").values("category_id", "amount"))
    CreditOffer.objects.bulk_create(
        CreditOffer(event=event, **line) for event in events for line in lines
    )
    people = list(source.presenters.order_by("pk").values_list("person_id", flat=True))
    Presenter.objects.bulk_create(
        Presenter(event=event, person_id=pk) for event in events for pk in people
    )
    copy_extras(source, events)
