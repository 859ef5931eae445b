"""Custom events from submission to decision."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from aspen.errors import Refused
from aspen.transitions import Actor
from credits import actions
from credits.enums import ClaimState
from credits.models import Claim, Credit
from events import actions as event_actions
from events.enums import CUSTOM_EVENT_TRANSITIONS, Decision, EventState, Origin
from events.models import Event
from events.queries import custom_event_version
from tests import factories as make
from tests.races import run_concurrently
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db


def create(by=None, **fields):
    return actions.claim_custom_event(facts=make.facts(**fields), by=by or make.person())


def decide(claim, decision, reason="", by=None):
    event_actions.decide_custom_event(
        event_id=claim.event_id, decision=decision, reason=reason, by=by or make.person()
    )
    claim.refresh_from_db()
    return claim


def test_saving_creates_a_pending_event_and_claim():
    claim = create(amount=Decimal("0.5"))
    assert (claim.event.origin, claim.event.state) == (Origin.CUSTOM, EventState.PENDING)
    assert claim.state == ClaimState.PENDING
    assert claim.credits.get().amount == Decimal("0.5")


def test_saving_the_same_training_twice_is_refused():
    person, facts = make.person(), make.facts()
    first = actions.claim_custom_event(facts=facts, by=person)
    with pytest.raises(actions.AlreadyClaimed) as refusal:
        actions.claim_custom_event(facts=facts, by=person)
    assert refusal.value.claim == first
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_concurrent_saves_create_one_event():
    person, facts = make.person(), make.facts()
    run_concurrently(20, lambda _: actions.claim_custom_event(facts=facts, by=person))
    assert (Event.objects.count(), Claim.objects.count(), Credit.objects.count()) == (1, 1, 1)


def test_the_database_rejects_a_second_event_for_the_same_training():
    event = create().event
    event.pk, event.uid = None, uuid.uuid4()
    with pytest.raises(IntegrityError, match="events_custom_once_per_person"):
        event.save(force_insert=True)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda now: {"ends_at": now + dt.timedelta(hours=1)}, "ends_at"),
        (lambda now: {"ends_at": now - dt.timedelta(days=30)}, "ends_at"),
        (lambda now: {"amount": Decimal("1.5")}, "amount"),
    ],
)
def test_refusals_of_invalid_values_give_the_field(change, field):
    with pytest.raises(Refused) as refusal:
        create(**change(timezone.now()))
    assert refusal.value.field == field
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("minutes", "limit"),
    [(1, "0.5"), (30, "0.5"), (31, "1"), (50, "1"), (60, "1"), (61, "1.5"), (270, "4.5")],
)
def test_credits_are_limited_to_the_length_rounded_up(minutes, limit):
    begins_at = timezone.now() - dt.timedelta(days=2)
    ends_at = begins_at + dt.timedelta(minutes=minutes)
    create(begins_at=begins_at, ends_at=ends_at, amount=Decimal(limit))
    with pytest.raises(Refused, match="can earn at most"):
        create(begins_at=begins_at, ends_at=ends_at, amount=Decimal(limit) + Decimal("0.5"))


def test_approving_the_event_approves_the_claim():
    staff = make.person()
    claim = decide(create(), Decision.APPROVE, by=staff)
    assert (claim.state, claim.decided_by) == (ClaimState.APPROVED, staff)
    assert claim.event.state == EventState.PUBLISHED


def test_declining_removes_the_credit_from_all_tracks():
    person = make.person()
    claim = create(by=person)
    select_track(track=make.track("Library Staff"), by=person)
    select_track(track=make.track("Library Trustee"), by=person)
    assert Posting.objects.count() == 2
    decide(claim, Decision.DECLINE, reason="This was a vendor demonstration.")
    assert (claim.state, claim.reason) == (
        ClaimState.DECLINED,
        "This was a vendor demonstration.",
    )
    assert Posting.objects.count() == 0
    assert Credit.objects.count() == 1


def test_a_resubmission_updates_the_claim():
    person = make.person()
    claim = create(by=person)
    decide(claim, Decision.RETURN, reason="Which hours?")
    assert (claim.state, claim.reason) == (ClaimState.RETURNED, "Which hours?")
    event_actions.revise_custom_event(
        event_id=claim.event_id,
        facts=make.facts(
            title="Better title", category=make.category(make.PUBLIC), amount=Decimal("0.5")
        ),
        by=person,
    )
    claim.refresh_from_db()
    credit = claim.credits.select_related("category").get()
    assert (claim.state, claim.event.title) == (ClaimState.PENDING, "Better title")
    assert (credit.category.slug, credit.amount) == (make.PUBLIC, Decimal("0.5"))
    assert decide(claim, Decision.APPROVE).state == ClaimState.APPROVED


@pytest.mark.parametrize("decision", [Decision.RETURN, Decision.DECLINE])
def test_returning_or_declining_requires_a_reason(decision):
    claim = create()
    with pytest.raises(Refused, match="reason"):
        decide(claim, decision, reason="  ")
    assert Event.objects.get().state == EventState.PENDING


def test_staff_cannot_decide_on_their_own_event():
    person = make.person()
    claim = create(by=person)
    with pytest.raises(Refused, match="Ask a colleague"):
        decide(claim, Decision.APPROVE, by=person)
    with pytest.raises(IntegrityError, match="events_not_decided_by_author"):
        Event.objects.update(
            state=EventState.PUBLISHED, decided_by=person, decided_at=timezone.now()
        )


def put_event_in(state: EventState, claim: Claim) -> None:
    """Put the claim's event in this state, as decided before. Merging moves the claim."""
    other = make.event() if state == EventState.MERGED else None
    if other:
        Claim.objects.filter(pk=claim.pk).update(event=other)
    Event.objects.filter(pk=claim.event_id).update(
        state=state,
        decided_by=make.person(),
        decided_at=timezone.now(),
        decision_reason="Before.",
        merged_into=other,
    )


@pytest.mark.parametrize("state", list(EventState))
@pytest.mark.parametrize("decision", list(Decision))
def test_every_decision_in_every_state(state, decision):
    claim = create()
    put_event_in(state, claim)
    transition = CUSTOM_EVENT_TRANSITIONS[decision]
    if transition.allows(state, Actor.STAFF):
        decide(claim, decision, reason="Because.")
        assert Event.objects.get(pk=claim.event_id).state == transition.target
    else:
        with pytest.raises(Refused, match="you can no longer"):
            decide(claim, decision, reason="Because.")
        assert Event.objects.get(pk=claim.event_id).state == state


def test_the_database_requires_a_decisions_person_time_and_reason():
    create()
    with pytest.raises(IntegrityError, match="events_custom_decision_recorded"):
        with transaction.atomic():
            Event.objects.update(state=EventState.PUBLISHED)
    with pytest.raises(IntegrityError, match="events_custom_refusal_has_reason"):
        Event.objects.update(
            state=EventState.DECLINED, decided_by=make.person(), decided_at=timezone.now()
        )


def test_only_the_author_can_change_the_event():
    claim = create()
    with pytest.raises(Refused, match="only training that you entered"):
        event_actions.revise_custom_event(
            event_id=claim.event_id, facts=make.facts(), by=make.person()
        )


@pytest.mark.parametrize("state", list(EventState))
def test_the_author_can_change_the_event_until_staff_decide(state):
    claim = create()
    put_event_in(state, claim)

    def revise():
        event_actions.revise_custom_event(
            event_id=claim.event_id, facts=make.facts(title="Better title"), by=claim.person
        )

    if state in (EventState.PENDING, EventState.DRAFT):
        revise()
    else:
        with pytest.raises(Refused, match="you can no longer change it"):
            revise()
    changed = Event.objects.filter(pk=claim.event_id, title="Better title", state="pending")
    assert changed.exists() == (state in (EventState.PENDING, EventState.DRAFT))


def test_a_stale_form_cannot_overturn_a_colleagues_decision():
    claim = create()
    decide(claim, Decision.APPROVE)
    with pytest.raises(Refused, match="has changed since you opened this page and is now approved"):
        event_actions.decide_custom_event(
            event_id=claim.event_id,
            decision=Decision.DECLINE,
            reason="Not for us.",
            seen="pending",
            by=make.person(),
        )
    assert Event.objects.get().state == EventState.PUBLISHED


def test_a_stale_form_cannot_approve_later_changes():
    claim = create()
    seen = custom_event_version(Event.objects.get())
    decide(claim, Decision.RETURN, reason="Which hours?")
    event_actions.revise_custom_event(event_id=claim.event_id, facts=make.facts(), by=claim.person)
    with pytest.raises(Refused, match="has changed since you opened this page"):
        event_actions.decide_custom_event(
            event_id=claim.event_id,
            decision=Decision.APPROVE,
            reason="",
            seen=seen,
            by=make.person(),
        )
