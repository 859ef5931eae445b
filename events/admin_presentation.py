"""What the administration says of events, and how it runs an action on many rows."""

from aspen import formats
from events.models import Event


def when(event: Event) -> str:
    return formats.when(event.begins_at, event.ends_at, all_day=event.all_day)


def credit_in_words(event: Event) -> str:
    """The prefetched credit lines: Library Administration 3; Technology 1."""
    return "; ".join(
        f"{offer.category} {formats.amount(offer.amount)}" for offer in event.offers.all()
    )


def length(event: Event) -> str:
    """2:00 hours; a course of weeks has days."""
    if event.ends_at is None or event.all_day:
        return "days only" if event.all_day else "no end"
    hours, minutes = divmod(int((event.ends_at - event.begins_at).total_seconds()) // 60, 60)
    return f"{hours}:{minutes:02} hours"
