"""The weekly e-mail about new events that match a saved search."""

import datetime as dt

from django.core.signing import BadSignature, Signer
from django.utils import timezone

from aspen.formats import counted, format_credits, format_short_day
from aspen.mail.message import Email, full_url, page_url
from aspen.mail.outbox import dated_key, email, enqueue
from aspen.models import Mail
from events import queries
from events.calendar.grid import WATCH, list_of
from events.calendar.presentation import format_place
from events.calendar.search import from_stored
from events.models import Event, SavedSearch
from events.queries import CategoryAmount
from events.saved_searches.matches import new_matches

MAX_LISTED = 10
STOP_SIGNER = Signer(salt="events.saved_searches")


def stop_token(saved: SavedSearch) -> str:
    """Return a signed token for a link that removes the saved search and does nothing else.

    It does not expire, because people use links in old e-mails.
    """
    return STOP_SIGNER.sign(str(saved.pk))


def id_of_stop_token(token: str) -> int | None:
    """Return the id of the saved search that a `stop_token` is for, or None."""
    try:
        return int(STOP_SIGNER.unsign(token))
    except (BadSignature, ValueError):
        return None


def queue_saved_search_email(saved: SavedSearch, *, since: dt.datetime, until: dt.datetime) -> None:
    """Queue the e-mail about the events that came after `since` and by `until`. Idempotent."""
    enqueue(
        kind="events.saved_search",
        key=dated_key("saved_search", saved.pk, since),
        to=saved.person,
        search=saved.pk,
        since=since.isoformat(),
        until=until.isoformat(),
    )


@email("events.saved_search")
def saved_search_email(mail: Mail) -> Email | None:
    """List the new events, unless the search was removed or none of them still matches."""
    saved = SavedSearch.objects.select_related("person").filter(pk=mail.facts["search"]).first()
    if saved is None:
        return None
    since, until = (dt.datetime.fromisoformat(mail.facts[name]) for name in ("since", "until"))
    events = list(new_matches(saved, since, until).defer("description", "search"))
    if not events:
        return None
    lines = queries.credit_lines(events[:MAX_LISTED])
    facts = [_fact(event, lines.get(event.pk, [])) for event in events[:MAX_LISTED]]
    choice, now = list_of(from_stored(saved.filters)), timezone.now()
    coming = [each for each in events if each.over_at > now]
    watch_now = full_url(choice.url(view=WATCH))
    recordings = [f"The recordings are under Watch now: {watch_now}"]
    if not coming or len(coming) == len(events):
        recordings = []  # the button leads to all of them
    stop = page_url("events:stop_search", stop_token(saved))
    more = len(events) - MAX_LISTED
    return Email(
        subject=f"{counted(len(events), 'new event')}: {saved.name}",
        paragraphs=[
            f"New on the calendar since {format_short_day(timezone.localdate(since))}, for your "
            f"saved search: {saved.name}."
        ],
        facts=[*facts, ("And", f"{more} more")] if more > 0 else facts,
        button=("See the events", full_url(choice.url()) if coming else watch_now),
        closing=[*recordings, f"If you no longer want these e-mails, stop them: {stop}"],
        unsubscribe=stop,
    )


def _fact(event: Event, lines: list[CategoryAmount]) -> tuple[str, str]:
    """Return the day, and what the event is, where it is and the credit it earns."""
    is_recording = event.over_at <= timezone.now()
    day = "Recording" if is_recording else format_short_day(timezone.localdate(event.begins_at))
    credits = ", ".join(f"{format_credits(line.amount)} in {line.short_name}" for line in lines)
    details = [event.title, "" if is_recording else format_place(event), credits]
    return day, " · ".join(filter(None, details))
