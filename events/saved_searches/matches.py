"""The new events that match a saved search."""

import dataclasses
import datetime as dt

from django.db.models import Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from events import queries
from events.calendar import search
from events.enums import EventState
from events.models import Event, SavedSearch
from events.signals import track_fit_of


def new_matches(saved: SavedSearch, since: dt.datetime, until: dt.datetime) -> QuerySet[Event]:
    """Return the new events that match: coming ones, and recordings to watch. Soonest first.

    Events are new if they came onto the calendar after `since` and by `until`. So are recordings
    that became available then. Takes up to four queries, without its own.
    """
    filters = search.with_synonyms(search.from_stored(saved.filters))
    if filters.fits_track:
        filters = dataclasses.replace(filters, track_fit=track_fit_of(saved.person))
    # The last decision on a published proposal was to publish it.
    listed = Q(listed_at__gt=since, listed_at__lte=until)
    recorded = Q(recording_available_at__gt=since, recording_available_at__lte=until)
    is_coming = Q(over_at__gt=timezone.now())
    return (
        search.filtered_calendar(filters)
        .annotate(listed_at=Greatest("created_at", "decided_at"))
        .filter(
            listed & is_coming | (listed | recorded) & queries.is_watchable(),
            state=EventState.PUBLISHED,
        )
        .order_by("begins_at", "id")
    )
