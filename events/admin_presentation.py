"""Text for the admin: an event's time, credit lines and length."""

from aspen.formats import format_amount, format_time_range
from events.models import Event


def event_time(event: Event) -> str:
    return format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)


def format_credit_lines(event: Event) -> str:
    """Format the prefetched credit lines, such as "Library Administration 3; Technology 1"."""
    return "; ".join(
        f"{offer.category} {format_amount(offer.amount)}" for offer in event.offers.all()
    )


def format_length(event: Event) -> str:
    """Return an event's length as text: "2:00 hours", "all day" or "no end time"."""
    if event.ends_at is None or event.all_day:
        return "all day" if event.all_day else "no end time"
    hours, minutes = divmod(int((event.ends_at - event.begins_at).total_seconds()) // 60, 60)
    return f"{hours}:{minutes:02} hours"
