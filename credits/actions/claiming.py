"""What people claim themselves, and take back."""

from collections.abc import Iterable, Sequence

from accounts.models import User
from accounts.queries import lock_people
from aspen.acts import act
from aspen.errors import Refused
from credits import queries, rules
from credits.actions.writing import create_claims, move
from credits.enums import ClaimSource, ClaimState, Mover
from credits.models import Claim
from events import actions as event_actions
from events import queries as event_queries
from events.enums import Origin
from events.models import Event


class AlreadyClaimed(Refused):
    """The person has a live claim on the event: `claim`."""

    def __init__(self, claim: Claim) -> None:
        super().__init__("You have already claimed this event; it is listed once.")
        self.claim = claim


@act
def claim_event(*, event_id: int, source: ClaimSource, by: User) -> Claim:
    """Claim a calendar event for `by`, with the credits it offers.

    Raises Event.DoesNotExist, AlreadyClaimed, or Refused with the reason.
    """
    event_queries.lock_event(event_id)
    lock_people([by.pk])
    event = event_queries.on_calendar().get(pk=event_id)
    if claim := queries.live_claim(by, event):
        raise AlreadyClaimed(claim)
    if reason := queries.why_not_claim(by, event):
        raise Refused(reason)
    return create_claims([event], person=by, source=source, by=by)[0]


@act
def claim_custom_event(*, facts: event_actions.CustomEventFacts, by: User) -> Claim:
    """Create a custom event and the Pending claim on it (Create New…).

    Raises AlreadyClaimed when the person has created this very event before, or Refused.
    """
    lock_people([by.pk])
    event, is_new = event_actions.create_custom_event(facts=facts, by=by)
    if not is_new and (claim := queries.live_claim(by, event)):
        raise AlreadyClaimed(claim)
    return create_claims([event], person=by, source=ClaimSource.CUSTOM, by=by)[0]


@act
def claim_sessions(*, event_ids: Iterable[int], by: User) -> list[Claim]:
    """Claim several sessions of conferences for `by`: all of them, or none with the reasons.

    Those claimed already are left out. Locks the events, then the person. Raises Refused, naming
    the sessions: one that cannot be claimed, or two at the same time.
    """
    ids = sorted(set(event_ids))
    event_queries.lock_events(ids)
    lock_people([by.pk])
    events = list(event_queries.on_calendar().filter(pk__in=ids).order_by("begins_at", "pk"))
    standing = queries.standing_of(by, events)
    reasons = [
        f"“{event.title}”: {standing[event.pk].reason}"
        for event in events
        if standing[event.pk].reason and not standing[event.pk].is_claimed
    ]
    if reasons:
        raise Refused(" ".join(reasons))
    fresh = [event for event in events if not standing[event.pk].is_claimed]
    _refuse_two_rooms(fresh, queries.claimed_beside(by, fresh))
    if not fresh:
        return []
    return create_claims(fresh, person=by, source=ClaimSource.CALENDAR, by=by)


def _refuse_two_rooms(events: Sequence[Event], claimed: Sequence[Event]) -> None:
    """Nobody sits in two sessions at the same time; a few minutes are the way between rooms."""
    for number, event in enumerate(events):
        for other in [*events[number + 1 :], *claimed]:
            if rules.clash(event, other):
                raise Refused(
                    f"“{event.title}” and “{other.title}” took place at the same time. "
                    "Choose the one you were in."
                )


@act
def withdraw_claim(*, claim_id: int, by: User) -> Claim:
    """Take back a claim of one's own that nobody has verified; its training can be claimed again.

    A custom event goes with its claim. Idempotent. Raises Claim.DoesNotExist for somebody else's,
    or Refused when the claim is neither Pending nor taken back.
    """
    event_id = Claim.objects.values_list("event_id", flat=True).get(pk=claim_id, person=by)
    event_queries.lock_event(event_id)
    lock_people([by.pk])
    claim = Claim.objects.select_related("event").get(pk=claim_id)
    if claim.state == ClaimState.WITHDRAWN and claim.decided_by_id == by.pk:
        return claim
    if claim.state != ClaimState.PENDING:
        raise Refused(
            f"This credit is {claim.get_state_display().lower()}, so it cannot be taken back here. "
            "Open a help ticket if something is wrong."
        )
    if claim.event.origin == Origin.CUSTOM:
        event_actions.cancel_custom_event(event=claim.event)
    move(claim, ClaimState.WITHDRAWN, mover=Mover.PERSON, reason="You took it back.", by=by)
    return claim
