"""Merging duplicate events and undoing merges without losing or doubling claims."""

import datetime as dt
import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.messages import get_messages
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from aspen.db.audit import dry_run
from aspen.errors import Refused
from aspen.models import Mail
from credits import actions
from credits import queries as credit_queries
from credits.enums import LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, ClaimHistory, Credit, Merge
from events import actions as event_actions
from events import queries
from events.enums import Attendance, Decision, EventState
from events.models import Event, Presenter, Registration
from tests import factories as make
from tests.factories import ADMINISTRATION, PUBLIC, TECHNOLOGY
from tests.races import TIMEOUT, run_concurrently, volume, wait_until_blocked
from tracks.actions import select_track
from tracks.models import Participation, Posting

pytestmark = pytest.mark.django_db


def merge(source: Event, target: Event, by: User | None = None, reason: str = "") -> Any:
    return actions.merge_events(
        source_id=source.pk, target_id=target.pk, reason=reason, by=by or make.person()
    )


def custom(by: User | None = None, **fields: Any) -> Claim:
    return actions.claim_custom_event(facts=make.facts(**fields), by=by or make.person())


def decide(claim: Claim, decision: Decision, by: User | None = None) -> Event:
    return event_actions.decide_custom_event(
        event_id=claim.event_id, decision=decision, reason="Because.", by=by or make.person()
    )


def live(event: Event) -> list[int]:
    claims = Claim.objects.filter(event=event, state__in=sorted(LIVE))
    return list(claims.order_by("person_id").values_list("person_id", flat=True))


def snapshot() -> dict[str, list[Any]]:
    """Return all claims, credits, postings and events, except the ids and times of postings."""
    postings = Posting.objects.order_by("credit_id", "participation_id")
    events = Event.objects.order_by("pk")
    return {
        "claims": list(Claim.objects.order_by("pk").values()),
        "credits": list(Credit.objects.order_by("pk").values()),
        "postings": list(postings.values_list("credit_id", "participation_id", "person_id")),
        "events": list(events.values_list("pk", "state", "merged_into", "decided_at")),
    }


def refresh(claim: Claim) -> Claim:
    return Claim.objects.select_related("event").get(pk=claim.pk)


# ---------- Moving claims ----------


def test_claims_move_and_the_event_redirects_to_the_target() -> None:
    source, target = make.event(), make.event()
    person, staff = make.person(), make.person()
    claim = make.claim(person, source)
    done = merge(source, target, staff, "The same webinar.")
    assert (done.moved, done.approved, list(done.dropped)) == (1, 0, [])
    assert refresh(claim).event == target
    source.refresh_from_db()
    assert (source.state, source.merged_into) == (EventState.MERGED, target)
    row = Merge.objects.get()
    assert (row.reason, row.was, row.merged_by) == ("The same webinar.", "published", staff)


def test_declined_claims_stay_on_the_source() -> None:
    claim, declined = custom(), custom()
    source, target = claim.event, make.event()
    Claim.objects.filter(pk=declined.pk).update(event=source)
    Claim.objects.filter(pk=declined.pk).update(
        state=ClaimState.DECLINED,
        decided_by=make.person(),
        decided_at=timezone.now(),
        reason="A duplicate.",
    )
    merge(source, target)
    assert (refresh(claim).event, refresh(declined).event) == (target, source)


@pytest.mark.parametrize(
    ("of_source", "of_target", "kept"),
    [
        (ClaimRole.ATTENDEE, ClaimRole.ATTENDEE, "target"),
        (ClaimRole.ATTENDEE, ClaimRole.PRESENTER, "target"),
        (ClaimRole.PRESENTER, ClaimRole.PRESENTER, "target"),
        (ClaimRole.PRESENTER, ClaimRole.ATTENDEE, "source"),
    ],
)
def test_people_with_both_claims_keep_one(of_source: str, of_target: str, kept: str) -> None:
    person, staff = make.person(), make.person()
    source, target = make.event(), make.event(title="Weeding")
    claims = {"source": make.claim(person, source), "target": make.claim(person, target)}
    Claim.objects.filter(pk=claims["source"].pk).update(role=of_source)
    Claim.objects.filter(pk=claims["target"].pk).update(role=of_target)
    done = merge(source, target, staff)
    remaining = refresh(claims.pop(kept))
    [dropped] = [refresh(claim) for claim in claims.values()]
    assert [claim.pk for claim in done.dropped] == [dropped.pk]
    assert (remaining.state, remaining.event) == (ClaimState.PENDING, target)
    assert (dropped.state, dropped.decided_by) == (ClaimState.WITHDRAWN, staff)
    assert dropped.reason == (
        "This is the same training as “Weeding”, for which you keep your credit."
    )


def test_the_portal_withdraws_the_merging_persons_duplicate_claim() -> None:
    """If staff withdrew the claim themselves, undoing the merge would not restore it."""
    staff = make.person()
    source, target = make.event(), make.event()
    second = make.claim(staff, source)
    make.claim(staff, target)
    merge(source, target, staff)
    assert refresh(second).decided_by.email == "portal@aspen.invalid"


@pytest.mark.parametrize("kind", ["calendar", "pending", "approved"])
@pytest.mark.parametrize("was", [ClaimState.PENDING, ClaimState.RETURNED, ClaimState.APPROVED])
def test_a_merge_updates_the_state_of_claims(kind: str, was: ClaimState) -> None:
    claim, staff = custom(), make.person()
    if was == ClaimState.RETURNED:
        decide(claim, Decision.RETURN)
    if was == ClaimState.APPROVED:
        decide(claim, Decision.APPROVE)
    other = None if kind == "calendar" else custom()
    if other and kind == "approved":
        decide(other, Decision.APPROVE)
    before = snapshot()
    done = merge(claim.event, other.event if other else make.event(), staff)
    becomes = ClaimState.APPROVED if kind == "approved" or was == "approved" else ClaimState.PENDING
    assert refresh(claim).state == becomes
    assert done.approved == (kind == "approved" and was != ClaimState.APPROVED)
    assert done.sent_back == (was == ClaimState.RETURNED)
    actions.undo_merge(merge_id=done.merge.pk, by=staff)
    assert snapshot()["claims"] == before["claims"]


def test_a_merge_cannot_approve_your_own_claim() -> None:
    staff, other = make.person(), custom()
    own = custom(staff)
    decide(other, Decision.APPROVE)
    with pytest.raises(Refused, match="Ask a colleague to merge the events"):
        merge(own.event, other.event, staff)
    assert (refresh(own).state, refresh(own).event) == (ClaimState.PENDING, own.event)
    merge(own.event, other.event)
    assert refresh(own).state == ClaimState.APPROVED


def test_credits_do_not_change_and_differences_are_counted() -> None:
    source = make.event(credits={TECHNOLOGY: "2.0"})
    target = make.event(credits={TECHNOLOGY: "1.0", PUBLIC: "0.5"})
    different, same = make.person(), make.person()
    claim = make.claim(different, source)
    corrected = make.claim(same, source)
    actions.correct_credit(
        credit_id=corrected.credits.get().pk, category=make.category(), amount=Decimal(1), by=same
    )
    Credit.objects.create(
        claim=corrected, person=same, line=2, category=make.category(PUBLIC), amount=Decimal("0.5")
    )
    assert merge(source, target).differing == 1
    assert claim.credits.get().amount == 2


def test_presenters_are_compared_with_double_the_offer() -> None:
    source, target = make.event(), make.event()
    Presenter.objects.create(event=source, person=make.person())
    event_actions.settle_due()
    done = merge(source, target)
    assert (done.moved, done.differing) == (1, 0)


# ---------- Registrations ----------


def register(event: Event, person: User) -> Registration:
    return Registration.objects.create(
        event=event, person=person, state="confirmed", registered_at=timezone.now()
    )


def test_registrations_are_settled_before_a_merge() -> None:
    source, target, person = make.event(), make.event(), make.person()
    registration = register(source, person)
    assert merge(source, target).moved == 1
    assert live(target) == [person.pk]
    registration.refresh_from_db()
    assert registration.event == source
    assert registration.settled_at is not None


def test_a_merged_event_earns_no_more_credit() -> None:
    source, target, person = make.event(), make.event(), make.person()
    registration = register(source, person)
    merge(source, target)
    register(target, person)
    register(source, make.person())
    Presenter.objects.create(event=source, person=make.person())
    event_actions.settle_due()
    event_actions.mark_attendance(
        registration_id=registration.pk, attendance=Attendance.PRESENT, by=make.person()
    )
    assert live(target) == [person.pk]
    assert live(source) == []


def test_an_absence_at_the_target_withdraws_a_moved_claim() -> None:
    source, target, person = make.event(), make.event(), make.person()
    register(source, person)
    merge(source, target)
    at_target = register(target, person)
    event_actions.mark_attendance(
        registration_id=at_target.pk, attendance=Attendance.ABSENT, by=make.person()
    )
    assert live(target) == []


def test_a_stale_form_cannot_save_a_merged_event() -> None:
    from django.core.exceptions import ValidationError

    source = make.event()
    stale = Event.objects.get(pk=source.pk)
    merge(source, make.event())
    with pytest.raises(ValidationError, match="merged into another"):
        event_actions.save_event(event=stale, by=make.person())


# ---------- Refused merges ----------


def assert_refused(source: Event, target: Event, message: str) -> None:
    before = snapshot()
    with pytest.raises(Refused, match=message):
        merge(source, target)
    assert snapshot() == before


def test_merging_into_itself_or_again_is_refused() -> None:
    first, second, third = make.event(), make.event(), make.event()
    assert_refused(first, first, "into itself")
    merge(first, second)
    assert_refused(first, third, "has already been merged into another event")
    assert_refused(third, first, "has already been merged into another event")
    assert_refused(second, first, "has already been merged into another event")


def test_a_circular_merge_is_refused() -> None:
    first, second, third = make.event(), make.event(), make.event()
    merge(first, second)
    merge(second, third)
    assert_refused(third, first, "has already been merged into another event")
    assert_refused(third, second, "has already been merged into another event")


def test_neither_event_can_be_in_the_future_or_canceled() -> None:
    past, future = make.event(), make.event(days=2)
    cancelled = make.event(state=EventState.CANCELLED)
    for other, message in ((future, "not over yet"), (cancelled, "is canceled")):
        assert_refused(past, other, message)
        assert_refused(other, past, message)


@pytest.mark.parametrize(
    ("state", "can_be_source", "can_be_target"),
    [
        (EventState.DRAFT, True, False),
        (EventState.PENDING, True, True),
        (EventState.PUBLISHED, True, True),
        (EventState.CANCELLED, False, False),
        (EventState.DECLINED, False, False),
    ],
)
def test_custom_events_merge_only_in_certain_states(
    state: EventState, can_be_source: bool, can_be_target: bool
) -> None:
    event = custom().event
    Event.objects.filter(pk=event.pk).update(
        state=state, decided_by=make.person(), decided_at=timezone.now(), decision_reason="So."
    )
    for source, target, is_allowed in (
        (event, make.event(), can_be_source),
        (make.event(), event, can_be_target),
    ):
        if is_allowed:
            dry_run(lambda: merge(source, target))  # noqa: B023  # called immediately
        else:
            assert_refused(source, target, "so it cannot be merged")


def test_an_unknown_event_is_not_found_by_a_merge() -> None:
    with pytest.raises(Event.DoesNotExist):
        actions.merge_events(source_id=make.event().pk, target_id=0, reason="", by=make.person())


def test_merging_again_changes_nothing() -> None:
    source, target, staff = make.event(), make.event(), make.person()
    make.claim(make.person(), source)
    first = merge(source, target, staff)
    before = snapshot()
    assert merge(source, target, staff).merge == first.merge
    assert (snapshot(), Merge.objects.count()) == (before, 1)


# ---------- Large events ----------


def make_people(number: int) -> list[User]:
    password = make_password(None)
    return User.objects.bulk_create(
        User(email=f"crowd{n}@library.example", display_name=f"Crowd {n}", password=password)
        for n in range(number)
    )


def claim_for_all(people: list[User], event: Event, **values: Any) -> None:
    now = timezone.now()
    claims = Claim.objects.bulk_create(
        Claim(
            person=person,
            event=event,
            source=ClaimSource.CALENDAR,
            claimed_at=now,
            claimed_by=person,
            **values,
        )
        for person in people
    )
    Credit.objects.bulk_create(
        Credit(
            claim=claim,
            person=claim.person,
            line=1,
            category=make.category(),
            amount=Decimal(1 + number % 2),
        )
        for number, claim in enumerate(claims)
    )


# Ten times as many in `make races`, to see that it is fast.
CLAIMS = volume(500)


def two_large_events() -> tuple[Event, Event, list[User]]:
    """Create two events with CLAIMS claims each. A fifth of them are by people who claim both.

    Every tenth person has a track.
    """
    both = CLAIMS // 5
    people = make_people(2 * CLAIMS - both)
    source, target = make.event(), make.event(days=-9)
    claim_for_all(people[:CLAIMS], source)
    claim_for_all(people[CLAIMS - both :], target)
    for person in people[::10]:
        select_track(track=make.track(), by=person)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # autovacuum does this for committed rows
    return source, target, people


def test_merging_large_events_is_complete_and_fast() -> None:
    source, target, people = two_large_events()
    before, mails = snapshot(), Mail.objects.count()
    assert Posting.objects.count() == CLAIMS // 5
    staff = make.person()
    preview = dry_run(lambda: merge(source, target, staff))
    assert snapshot() == before
    started, begun = time.monotonic(), time.process_time()
    done = merge(source, target, staff)
    seconds, worked = time.monotonic() - started, time.process_time() - begun
    numbers = (done.moved, len(done.dropped), done.approved, done.differing, done.tracks)
    assert numbers == (CLAIMS * 4 // 5, CLAIMS // 5, 0, CLAIMS * 2 // 5, CLAIMS // 50)
    previewed = (preview.moved, len(preview.dropped), preview.approved, preview.differing)
    assert (*previewed, preview.tracks) == numbers
    # No claim was lost or duplicated.
    assert live(target) == sorted(person.pk for person in people)
    assert live(source) == []
    assert list(Credit.objects.order_by("pk").values()) == before["credits"]
    # Those who claimed both events have one posting each.
    posted = Posting.objects.order_by("person_id").values_list("person_id", flat=True)
    assert list(posted) == sorted(person.pk for person in people[::10])
    entries = ClaimHistory.objects.filter(pgh_context__act="credits.merge")
    assert entries.count() == CLAIMS
    assert {row.pgh_context["by"] for row in entries.order_by("pk")} == {staff.pk}
    actions.undo_merge(merge_id=done.merge.pk, by=staff)
    assert snapshot() == before
    assert Mail.objects.count() == mails
    # It took less than a second of CPU time. The wall time depends on the machine's load.
    assert worked < 2
    assert seconds < 15


def test_the_number_of_statements_does_not_grow() -> None:
    counts = []
    people = make_people(40)
    for number in (4, 40):
        source, target = make.event(), make.event()
        claim_for_all(people[: number // 2], source)
        claim_for_all(people[number // 4 : number], target)
        with CaptureQueriesContext(
            connection,
        ) as merging:
            done = merge(source, target)
        with CaptureQueriesContext(connection) as undoing:
            actions.undo_merge(merge_id=done.merge.pk, by=make.person())
        counts.append((len(merging), len(undoing)))
    assert counts[0] == counts[1]


# ---------- Tracks ----------


def test_postings_follow_the_date_of_the_target() -> None:
    """The target took place too long ago to count toward the track."""
    person = make.person()
    source, target = make.event(), make.event(days=-5 * 366)
    make.claim(person, source)
    select_track(track=make.track(), by=person)
    assert merge(source, target).tracks == 1
    assert not Posting.objects.exists()
    actions.undo_merge(merge_id=Merge.objects.get().pk, by=make.person())
    assert Posting.objects.get().participation == Participation.objects.get()


# ---------- Undoing ----------


def undo(done: Any, by: User | None = None) -> Merge:
    return actions.undo_merge(merge_id=done.merge.pk, by=by or make.person())


def test_undoing_a_merge_again_changes_nothing() -> None:
    done, staff = merge(make.event(), make.event()), make.person()
    first = undo(done, staff)
    assert undo(done) == first
    assert Merge.objects.get().undone_by == staff


def test_a_merge_can_be_undone_for_a_day() -> None:
    done = merge(make.event(), make.event())
    Merge.objects.update(merged_at=timezone.now() - dt.timedelta(hours=24))
    with pytest.raises(Refused, match="within one day"):
        undo(done)


def test_later_merges_must_be_undone_first() -> None:
    first, second, third = make.event(), make.event(), make.event()
    claim = make.claim(make.person(), first)
    before = snapshot()
    one, two = merge(first, second), merge(second, third)
    with pytest.raises(Refused, match="Undo that merge first"):
        undo(one)
    undo(two)
    assert refresh(claim).event == second
    undo(one)
    assert snapshot() == before


def test_later_claims_on_the_target_remain() -> None:
    source, target = make.event(), make.event()
    moved = make.claim(make.person(), source)
    done = merge(source, target)
    later = make.claim(make.person(), target)
    undo(done)
    assert (refresh(moved).event, refresh(later).event) == (source, target)


def test_later_decisions_remain() -> None:
    claim, other = custom(), custom()
    source, target = claim.event, other.event
    done = merge(source, target)
    decide(other, Decision.APPROVE)
    assert refresh(claim).state == ClaimState.APPROVED
    undo(done)
    assert (refresh(claim).state, refresh(claim).event) == (ClaimState.APPROVED, source)
    source.refresh_from_db()
    assert source.state == EventState.PENDING


def test_a_return_of_the_target_does_not_return_the_source() -> None:
    of_source, of_target = custom(), custom()
    done = merge(of_source.event, of_target.event)
    decide(of_target, Decision.RETURN)
    assert refresh(of_source).state == ClaimState.RETURNED
    undo(done)
    assert refresh(of_source).state == ClaimState.PENDING
    assert refresh(of_target).state == ClaimState.RETURNED


def save(event: Event, **fields: Any) -> None:
    event.refresh_from_db()
    for name, value in fields.items():
        setattr(event, name, value)
    event_actions.save_event(event=event, by=make.person())


def test_claims_withdrawn_with_the_target_are_restored_on_the_source() -> None:
    source, target = make.event(), make.event()
    claim, withdrawn = make.claim(make.person(), source), make.claim(make.person(), source)
    before = refresh(claim).state, refresh(claim).decided_at, refresh(claim).reason
    done = merge(source, target)
    actions.withdraw_claim(claim_id=withdrawn.pk, by=withdrawn.person)
    save(target, state=EventState.CANCELLED)
    assert refresh(claim).reason == "The event was cancelled."
    undo(done)
    claim, withdrawn = refresh(claim), refresh(withdrawn)
    assert (claim.event, (claim.state, claim.decided_at, claim.reason)) == (source, before)
    assert (withdrawn.event, withdrawn.state) == (source, ClaimState.WITHDRAWN)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"state": EventState.CANCELLED}, "The event was cancelled."),
        (
            {"begins_at": dt.datetime(2090, 1, 1, tzinfo=dt.UTC), "ends_at": None},
            "The event has not taken place yet.",
        ),
    ],
)
def test_claims_on_a_target_without_credit_are_not_restored(
    fields: dict[str, Any], reason: str
) -> None:
    person, source, target = make.person(), make.event(), make.event()
    presented, attended = make.claim(person, source), make.claim(person, target)
    Claim.objects.filter(pk=presented.pk).update(role=ClaimRole.PRESENTER)
    done = merge(source, target)
    save(target, **fields)
    undo(done)
    presented, attended = refresh(presented), refresh(attended)
    assert (presented.event, presented.state) == (source, ClaimState.PENDING)
    assert (attended.event, attended.state, attended.reason) == (
        target,
        ClaimState.WITHDRAWN,
        reason,
    )


def test_a_later_claim_by_the_same_person_prevents_undoing() -> None:
    person = make.person(display_name="Ann Twice")
    source, target = make.event(), make.event()
    Presenter.objects.create(event=source, person=person)
    make.claim(person, target)
    event_actions.settle_due()
    done = merge(source, target)
    presented = Claim.objects.get(event=target, state__in=sorted(LIVE))
    actions.withdraw_claim(claim_id=presented.pk, by=person)
    make.claim(person, target)
    before = snapshot()
    with pytest.raises(Refused, match="Ann Twice has claimed the same event again since"):
        undo(done)
    assert snapshot() == before


def test_an_author_who_created_the_training_again_prevents_undoing() -> None:
    facts, author = make.facts(), make.person(display_name="Ann Author")
    claim = actions.claim_custom_event(facts=facts, by=author)
    done = merge(claim.event, make.event())
    actions.claim_custom_event(facts=facts, by=author)
    with pytest.raises(Refused, match="Ann Author has created “"):
        undo(done)


# ---------- Custom events that several people have claimed ----------


def shared_custom_event() -> tuple[Claim, Claim]:
    """Return two claims on a custom event: its author's, and one that a merge moved there."""
    author, other = custom(), custom(category=make.category(PUBLIC))
    merge(other.event, author.event)
    return author, other


def test_a_decision_applies_to_everyone_except_your_own_claim() -> None:
    author, other = shared_custom_event()
    decide(author, Decision.APPROVE, by=other.person)
    assert (refresh(author).state, refresh(other).state) == ("approved", "pending")


def test_a_resubmission_changes_only_the_authors_credit() -> None:
    author, other = shared_custom_event()
    decide(author, Decision.RETURN)
    assert (refresh(author).state, refresh(other).state) == ("returned", "returned")
    event_actions.revise_custom_event(
        event_id=author.event_id,
        facts=make.facts(category=make.category(ADMINISTRATION), amount=Decimal("0.5")),
        by=author.person,
    )
    assert (refresh(author).state, refresh(other).state) == ("pending", "pending")
    assert author.credits.select_related("category").get().category.slug == ADMINISTRATION
    assert other.credits.select_related("category").get().category.slug == PUBLIC


def test_withdrawing_your_own_claim_does_not_affect_the_others() -> None:
    author, other = shared_custom_event()
    actions.withdraw_claim(claim_id=author.pk, by=author.person)
    assert (refresh(other).state, refresh(other).event.state) == ("pending", "pending")
    actions.withdraw_claim(claim_id=other.pk, by=other.person)
    assert refresh(other).event.state == EventState.CANCELLED


def test_correcting_one_credit_does_not_change_a_shared_event() -> None:
    author, other = shared_custom_event()
    actions.correct_credit(
        credit_id=other.credits.get().pk,
        category=make.category(ADMINISTRATION),
        amount=Decimal("0.5"),
        by=make.person(),
    )
    offer = author.event.offers.select_related("category").get()
    assert (offer.category.slug, offer.amount) == (TECHNOLOGY, 1)
    with pytest.raises(Refused, match="at most 1 credit"):
        actions.correct_credit(
            credit_id=other.credits.get().pk,
            category=make.category(ADMINISTRATION),
            amount=Decimal("1.5"),
            by=make.person(),
        )


# ---------- Concurrency ----------


@pytest.mark.django_db(transaction=True)
def test_concurrent_merges_of_the_same_pair_merge_once() -> None:
    source, target, staff = make.event(), make.event(), make.person()
    people = [make.person() for _ in range(5)]
    for person in people:
        make.claim(person, source)
    results = run_concurrently(4, lambda _: merge(source, target, staff).merge.pk)
    assert results == [Merge.objects.get().pk] * 4
    assert live(target) == [person.pk for person in people]


@pytest.mark.django_db(transaction=True)
def test_concurrent_merges_in_both_directions_merge_once() -> None:
    pair, staff = [make.event(), make.event()], make.person()
    people = [make.person(), make.person()]
    for person, event in zip(people, pair, strict=True):
        make.claim(person, event)
    results = run_concurrently(2, lambda n: merge(pair[n], pair[1 - n], staff))
    assert sorted(type(each).__name__ for each in results) == ["MergeResult", "Refused"]
    done = Merge.objects.select_related("target").get()
    assert live(done.target) == [person.pk for person in people]


def merge_while_people_claim(people: list[User]) -> tuple[Event, Event, list[Any]]:
    """Merge two events while four people claim each. Return the events and all results."""
    source, target, staff = make.event(), make.event(), make.person()

    def act(n: int) -> Any:
        if n == 4:
            return merge(source, target, staff).moved
        return make.claim(people[n % 8], target if n % 2 else source).pk

    return source, target, run_concurrently(9, act)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", range(3))
def test_claims_during_a_merge_are_neither_lost_nor_doubled(number: int) -> None:
    people = [make.person() for _ in range(8)]
    source, target, results = merge_while_people_claim(people)
    for each in results:
        assert isinstance(each, int | Event.DoesNotExist | actions.AlreadyClaimed), each
    claimed = [n % 8 for n, each in enumerate(results) if n != 4 and isinstance(each, int)]
    assert live(source) == []
    assert live(target) == sorted({people[n].pk for n in claimed})


@pytest.mark.django_db(transaction=True)
def test_without_locks_the_database_refuses_a_claim_on_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A claim checked before the merge would be saved after it."""
    monkeypatch.setattr(queries, "lock_event", lambda pk: Event.objects.get(pk=pk))
    monkeypatch.setattr(queries, "lock_events", lambda ids: None)
    checked, merged = threading.Event(), threading.Event()
    why_not_claim = credit_queries.why_person_cannot_claim

    def check_and_wait(*args: Any) -> str | None:
        reason = why_not_claim(*args)
        checked.set()
        merged.wait(timeout=TIMEOUT)
        return reason

    monkeypatch.setattr(credit_queries, "why_person_cannot_claim", check_and_wait)
    source, target, staff, person = make.event(), make.event(), make.person(), make.person()

    def act(n: int) -> Any:
        if n == 0:
            return make.claim(person, source)
        checked.wait(timeout=TIMEOUT)
        try:
            return merge(source, target, staff).moved
        finally:
            merged.set()

    refusal, moved = run_concurrently(2, act)
    assert isinstance(refusal, IntegrityError)
    assert "credits_no_live_claim_on_merged_event" in str(refusal)
    source.refresh_from_db()
    assert (moved, source.state, live(source)) == (0, EventState.MERGED, [])


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_during_a_merge_follows_the_claim() -> None:
    source, target, staff = make.event(), make.event(), make.person()
    claims = [make.claim(make.person(), source) for _ in range(6)]

    def act(n: int) -> Any:
        if n == 6:
            return merge(source, target, staff)
        return actions.withdraw_claim(claim_id=claims[n].pk, by=claims[n].person)

    results = run_concurrently(7, act)
    assert {type(each).__name__ for each in results} <= {"Claim", "MergeResult", "Refused"}
    back = [
        claim.person_id
        for claim, each in zip(claims, results, strict=False)
        if isinstance(each, Claim)
    ]
    assert live(target) == [claim.person_id for claim in claims if claim.person_id not in back]


@pytest.mark.django_db(transaction=True)
def test_claiming_during_a_merge_explains_the_merge() -> None:
    source, target, person = make.event(), make.event(), make.person()
    client, answers = Client(), []
    client.force_login(person)

    def press() -> None:
        answers.append(client.post(f"/continuing-education/claim/{source.pk}/"))
        connection.close()

    pressing = threading.Thread(target=press)
    with transaction.atomic():
        queries.lock_events([source.pk, target.pk])
        pressing.start()
        wait_until_blocked()  # It has read the event.
        event_actions.mark_merged(source=source, target=target)
    pressing.join(timeout=TIMEOUT)
    [answer] = answers
    [message] = [str(each) for each in get_messages(answer.wsgi_request)]
    assert message.startswith(f"“{source.title}”: staff just merged this event with another one")
    assert not Claim.objects.exists()
