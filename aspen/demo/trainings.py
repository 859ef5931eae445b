"""Puts the planned trainings on the calendar."""

import datetime as dt

from django.utils import timezone

from aspen.demo import calendar
from aspen.demo.calendar import PlannedEvent
from aspen.demo.occasions import LAB
from events import actions
from events.enums import EventState
from events.models import Category, Event

LEAD_TIME = dt.timedelta(days=9)  # the lab is at least this far ahead


def load_trainings(today: dt.date) -> int:
    """Add the planned events that are missing and return the number added.

    Existing events are left unchanged.
    """
    known = demonstration_keys()
    missing = [planned for planned in calendar.planned_events(today) if planned.key not in known]
    missing += _lab(today, known)
    categories = dict(Category.objects.order_by().values_list("slug", "pk"))
    for planned in missing:
        parent = {"parent_id": known[planned.parent_key]} if planned.parent_key else {}
        event = actions.import_event(
            event_id=None,
            values=planned.values | parent | {"import_key": planned.key, "is_demonstration": True},
            offers={categories[slug]: amount for slug, amount in planned.credits.items()},
        )
        known[planned.key] = event.pk
    return len(missing)


def demonstration_keys() -> dict[str, int]:
    """Return the ids of the demonstration's events by key."""
    events = Event.objects.filter(import_key__startswith="demo:").order_by()
    return {str(key): pk for key, pk in events.values_list("import_key", "pk")}


def _lab(today: dt.date, known: dict[str, int]) -> list[PlannedEvent]:
    """Return a lab to add if none is scheduled, so that exactly one is always coming up."""
    upcoming = Event.objects.filter(
        import_key__startswith=f"demo:{LAB.slug}:",
        state=EventState.PUBLISHED,
        over_at__gt=timezone.now(),
    )
    if upcoming.exists():
        return []
    lab = calendar.lab_on(today + LEAD_TIME)
    while lab.key in known:
        lab = calendar.lab_on(timezone.localdate(lab.values["begins_at"]) + dt.timedelta(days=1))
    return [lab]
