"""What the queue of custom events and its pages say; every string is made here, once."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts import queries as account_queries
from accounts.models import User
from aspen import formats
from aspen.transitions import Actor
from credits import history, review
from credits.checks import Remark
from credits.enums import ClaimRole
from credits.models import Claim
from credits.review import Before, Checked, Similar
from events import queries
from events.admin_presentation import credit_in_words, length, when
from events.enums import CUSTOM_EVENT_TRANSITIONS, TO_CALENDAR, Decision, EventState, Origin
from events.models import Event
from events.similar_titles import Alike

# ---------- A row of the list ----------


def row(checked: Checked, *, by: User, may_decide: bool) -> dict[str, Any]:
    """One custom event in the list; `by` cannot tick their own."""
    event, claim, remarks = checked.event, checked.claim, checked.remarks
    can_tick = may_decide and event.state == EventState.PENDING and event.created_by_id != by.pk
    return {
        "pk": event.pk,
        "url": reverse("admin:events_customevent_change", args=[event.pk]),
        "title": event.title,
        "person": str(event.created_by),
        "is_own": event.created_by_id == by.pk,
        "when": when(event),
        "sponsor": event.sponsor,
        "credit": credit_in_words(event),
        "length": against_length(event),
        "age": age(event),
        "marks": marks(event, claim),
        "remarks": [remark.text for remark in remarks],
        "before": before_in_words(checked.before, event),
        "alike": alike_in_words(checked.alike),
        "note": claim.note if claim else "",
        "evidence": evidence(claim),
        "can_tick": can_tick,
        "is_clear": can_tick and not remarks,
        "value": box_value(event, doubtful=bool(remarks)),
    }


def box_value(event: Event, *, doubtful: bool) -> str:
    return f"{event.pk}|{'1' if doubtful else ''}|{queries.version(event)}"


def age(event: Event) -> str:
    """Since when staff are asked; one that was returned and sent again says so."""
    if event.state != EventState.PENDING:
        return state_in_words(event.state)
    again = ", sent again" if event.decided_at else ""
    return formats.waits(review.waits_since(event)) + again


def against_length(event: Event) -> str:
    """2.5 credits for 2:00 hours"""
    total = sum((offer.amount for offer in event.offers.all()), Decimal())
    return f"{formats.credits(total)} for {length(event)}"


def marks(event: Event, claim: Claim | None) -> list[str]:
    """What makes a credit another than usual."""
    presented = claim is not None and claim.role == ClaimRole.PRESENTER
    return [
        *(["Presented it, earns twice"] if presented else []),
        *([f"College course: {event.college_work}"] if is_course(event) else []),
    ]


def is_course(event: Event) -> bool:
    return hasattr(event, "college_work")


def before_in_words(before: Before, event: Event) -> str:
    if before == review.NOTHING_BEFORE:
        return f"The first one of {event.sponsor}" if event.sponsor else "No sponsor"
    return f"{before.approved} approved, {before.declined} declined before of {event.sponsor}"


def alike_in_words(found: Alike | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "title": found.event.title,
        "url": event_page(found.event),
        "percent": found.percent,
        "where": where(found.event),
        "when": when(found.event),
    }


def where(event: Event) -> str:
    return "on the calendar" if event.origin == Origin.CALENDAR else "approved custom event"


def new_remark(event: Event, remarks: Sequence[Remark]) -> str:
    return (
        f"“{event.title}” was left: there is a remark now that the list did not show. "
        f"{remarks[0].text} Open it, or tick it again."
    )


def approved(done: int, chosen: int, doubtful: Sequence[str]) -> str:
    """How many were approved, and which of them although there was a remark."""
    said = f"Approved: {done} of {chosen}."
    if doubtful:
        titles = ", ".join(f"“{title}”" for title in doubtful)
        said += f" You chose {titles} by hand although there was a remark."
    return said


# ---------- The page of one event ----------


def page(event: Event, *, by: User, may_decide: bool) -> dict[str, Any]:
    """Everything a decision about one custom event may rest on. A fixed number of queries."""
    person = event.created_by
    assert person is not None  # events_custom_has_author
    claims = review.claims_of_authors([event])
    claim = claims.get(event.pk)
    similar = review.similar_to(event)
    is_own = person.pk == by.pk
    decides = may_decide and not is_own
    decisions = _decisions(event) if decides else []
    return {
        "person": person,
        "positions": account_queries.positions_of(person),
        "state": f"{state_in_words(event.state)}{_age(event)}",
        "marks": marks(event, claim),
        "note": claim.note if claim else "",
        "evidence": evidence(claim),
        "remarks": [each.text for each in review.remarks_on([event], claims).get(event.pk, ())],
        "heads": [head(each, event, decides=decides) for each in similar],
        "comparison": comparison(event, [each.event for each in similar]),
        "overlapping": [meanwhile(each) for each in review.claimed_meanwhile(event)],
        "before": before_in_words(review.decided_before([event])[event.pk], event),
        "lately": [lately(each) for each in review.decided_lately(event)],
        "happenings": history.of_claim(claim, reader=by) if claim else [],
        "decisions": decisions,
        "can_decide": bool(decisions),
        "can_publish": decides
        and TO_CALENDAR.allows(event.state, Actor.STAFF)
        and not is_course(event),
        "merge_url": merge(event) if decides else "",
        "correct_url": correct(event) if decides else "",
        "is_own": is_own,
    }


def state_in_words(state: str) -> str:
    """A custom event is not published anywhere by its approval."""
    return "Approved" if state == EventState.PUBLISHED else EventState(state).label


def _age(event: Event) -> str:
    return f", {age(event)}" if event.state == EventState.PENDING else ""


LABELS = {
    Decision.APPROVE: "Approve",
    Decision.RETURN: "Return with a question",
    Decision.DECLINE: "Decline",
}


def _decisions(event: Event) -> list[tuple[str, str]]:
    """The buttons there are: what each sends, and what is written on it."""
    return [
        (decision.value, LABELS[decision])
        for decision, transition in CUSTOM_EVENT_TRANSITIONS.items()
        if transition.allows(event.state, Actor.STAFF)
    ]


def head(similar: Similar, event: Event, *, decides: bool) -> dict[str, Any]:
    """What stands above and below a similar event's column."""
    people = formats.counted(similar.people, "person", "people")
    return {
        "title": similar.event.title,
        "url": event_page(similar.event),
        "percent": f"{similar.percent} % alike, {where(similar.event)}",
        "people": f"{people} claimed this",
        "merge_url": merge(event, similar.event) if decides else "",
    }


def comparison(event: Event, others: Sequence[Event]) -> list[tuple[str, list[str]]]:
    """The same facts of each event, side by side; this one first."""
    lines: dict[str, Callable[[Event], str]] = {
        "When": when,
        "CE credit": credit_in_words,
        "Credit and length": against_length,
        "Sponsor": attrgetter("sponsor"),
        "Trainer or presenter": attrgetter("presenter"),
    }
    return [
        (label, [say(each) or "–" for each in (event, *others)]) for label, say in lines.items()
    ]


def meanwhile(claim: Claim) -> dict[str, str]:
    event = claim.event
    return {
        "title": event.title,
        "url": event_page(event),
        "words": f"{when(event)}; {claim.get_state_display().lower()}",
    }


def lately(event: Event) -> dict[str, str]:
    reason = f": {event.decision_reason}" if event.decision_reason else ""
    return {
        "title": event.title,
        "url": event_page(event),
        "words": f"{when(event)}; {state_in_words(event.state).lower()}{reason}",
    }


def event_page(event: Event) -> str:
    """The calendar and the custom events have pages of their own in the administration."""
    kind = "customevent" if event.origin == Origin.CUSTOM else "event"
    return reverse(f"admin:events_{kind}_change", args=[event.pk])


def evidence(claim: Claim | None) -> list[tuple[str, str]]:
    """The prefetched files that were added to a claim: name and address."""
    files = claim.evidence.all() if claim else ()
    return [(file.file_name, reverse("credits:evidence", args=[file.pk])) for file in files]


def merge(source: Event, target: Event | None = None) -> str:
    """Where a custom event is merged into another, that one chosen already where it is known."""
    asked = {"source": source.pk} | ({"target": target.pk} if target else {})
    return f"{reverse('admin:credits_merge_start')}?{urlencode(asked)}"


def correct(event: Event) -> str:
    return reverse("admin:credits_claim_correct_event", args=[event.pk])
