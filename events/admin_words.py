"""What the administration says of events, and how it runs an action on many rows."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest

from aspen import words
from aspen.errors import Refused
from events.models import Event


def when(event: Event) -> str:
    return words.when(event.begins_at, event.ends_at, all_day=event.all_day)


def credit_in_words(event: Event) -> str:
    """The prefetched credit lines: Library Administration 3; Technology 1."""
    return "; ".join(
        f"{offer.category} {words.amount(offer.amount)}" for offer in event.offers.all()
    )


def length(event: Event) -> str:
    """2:00 hours; a course of weeks has days."""
    if event.ends_at is None or event.all_day:
        return "days only" if event.all_day else "no end"
    hours, minutes = divmod(int((event.ends_at - event.begins_at).total_seconds()) // 60, 60)
    return f"{hours}:{minutes:02} hours"


def count_done(request: HttpRequest, ids: list[int], act: Callable[[int], object]) -> int:
    """Act on each, in a transaction of its own; say why where one is refused; count the others."""
    done = 0
    for pk in ids:
        try:
            act(pk)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            done += 1
    return done
