"""Claiming events. See docs/rules.md for the rules."""

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from accounts.actions import portal_user
from aspen.errors import Refused
from aspen.transitions import Actor
from credits import actions, queries
from credits.actions import store
from credits.enums import ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import actions as event_actions
from events.enums import Attendance, Decision, Delivery, EventState
from events.models import Event, Registration
from tests import factories as make
from tests.races import run_concurrently
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db


def claim(event, by):
    return actions.claim_event(event_id=event.pk, source=ClaimSource.CALENDAR, by=by)


def test_a_claim_has_the_credits_the_event_offers():
    event = make.event(credits={make.ADMINISTRATION: "3.0", make.TECHNOLOGY: "1.0"})
    made = claim(event, make.person())
    assert made.state == ClaimState.PENDING
    assert list(made.credits.values_list("line", "category__slug", "amount")) == [
        (1, make.ADMINISTRATION, 3),
        (2, make.TECHNOLOGY, 1),
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"days": 1}, "not over yet"),
        ({"credits": {}}, "carries no CE credit"),
        ({"state": EventState.CANCELLED}, "was canceled"),
    ],
)
def test_a_refused_claim_has_a_reason(fields, message):
    with pytest.raises(Refused, match=message):
        claim(make.event(**fields), make.person())
    assert not Claim.objects.exists()


def test_another_persons_custom_event_cannot_be_claimed():
    custom = actions.claim_custom_event(facts=make.facts(), by=make.person()).event
    with pytest.raises(Event.DoesNotExist):
        claim(custom, make.person())


def test_an_event_is_over_at_its_end():
    event = make.event()
    with time_machine.travel(event.ends_at - dt.timedelta(seconds=1), tick=False):
        with pytest.raises(Refused, match="not over yet"):
            claim(event, make.person())
    with time_machine.travel(event.ends_at, tick=False):
        assert claim(event, make.person())


@pytest.mark.parametrize(
    ("day", "over_at"),
    [
        # Midnight in Montana: seven hours behind UTC in winter, six in summer.
        (dt.datetime(2026, 1, 15, 18, tzinfo=dt.UTC), dt.datetime(2026, 1, 16, 7, tzinfo=dt.UTC)),
        (dt.datetime(2026, 7, 15, 18, tzinfo=dt.UTC), dt.datetime(2026, 7, 16, 6, tzinfo=dt.UTC)),
        # The days on which the clocks change last 23 and 25 hours.
        (dt.datetime(2026, 3, 8, 18, tzinfo=dt.UTC), dt.datetime(2026, 3, 9, 6, tzinfo=dt.UTC)),
        (dt.datetime(2026, 11, 1, 18, tzinfo=dt.UTC), dt.datetime(2026, 11, 2, 7, tzinfo=dt.UTC)),
        # 11 PM on New Year's Eve is the next year in UTC, not in Montana.
        (dt.datetime(2026, 1, 1, 6, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, 7, tzinfo=dt.UTC)),
    ],
)
def test_an_event_without_an_end_ends_with_its_mountain_day(day, over_at):
    event = make.event(begins_at=day, ends_at=None)
    assert event.over_at == over_at
    assert event.last_day == (over_at - dt.timedelta(hours=12)).date()


def test_an_all_day_event_ends_with_its_last_day():
    zone = timezone.get_default_timezone()
    event = make.event(
        begins_at=dt.datetime(2026, 4, 15, tzinfo=zone),
        ends_at=dt.datetime(2026, 4, 18, tzinfo=zone),
        all_day=True,
    )
    assert event.over_at == dt.datetime(2026, 4, 19, tzinfo=zone)
    assert event.last_day == dt.date(2026, 4, 18)


def test_a_recording_can_be_claimed_once_it_is_available():
    now = timezone.now()
    event = make.event(
        days=-1,
        hours=48,
        delivery=Delivery.RECORDED,
        recording_available_at=now - dt.timedelta(hours=1),
    )
    credit = claim(event, make.person()).credits.get()
    earned = queries.with_earned_on(Credit.objects.filter(pk=credit.pk)).get()
    assert earned.earned_on == timezone.localdate()


@pytest.mark.parametrize("moment", [dt.timedelta(hours=-1), dt.timedelta(days=365 * 7000)])
def test_a_recording_cannot_precede_its_event_or_have_an_impossible_date(moment):
    event = make.event(days=1)
    with pytest.raises(IntegrityError, match="events_recording_after_begin"):
        Event.objects.filter(pk=event.pk).update(recording_available_at=event.begins_at + moment)


def test_the_list_has_events_from_the_past_year_newest_first():
    person = make.person()
    wanted = [make.event(days=days) for days in (-1, -30, -364)]
    make.event(days=-367)
    make.event(days=1)
    make.event(credits={})
    make.event(state=EventState.CANCELLED)
    make.claim(person)
    assert list(queries.claimable_by(person)) == wanted


def test_add_ce_credit_has_no_one_year_limit():
    assert claim(make.event(days=-3 * 366), make.person())


def test_a_declined_event_cannot_be_claimed_again():
    made = make.claim(make.person())
    staff = make.person()
    store.move_claim(
        made, ClaimState.DECLINED, actor=Actor.STAFF, reason="You were not there.", by=staff
    )
    with pytest.raises(Refused, match="You were not there"):
        claim(made.event, made.person)


# ---------- Credits from registrations ----------


def register(**fields):
    event, person = make.event(days=1, **fields), make.person()
    return event_actions.register(event_id=event.pk, by=person)


def pass_time(registration):
    """Move the event to yesterday."""
    begins_at = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=registration.event_id).update(
        begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1)
    )


def test_a_registration_earns_credit_once():
    registration = register()
    assert event_actions.settle_due() == 0
    pass_time(registration)
    assert event_actions.settle_due() == 1
    assert event_actions.settle_due() == 0
    made = Claim.objects.get()
    assert (made.person, made.event, made.source) == (
        registration.person,
        registration.event,
        ClaimSource.REGISTRATION,
    )
    assert made.credits.count() == 1


def test_settling_one_person_does_not_settle_others():
    first, second = register(), register()
    pass_time(first)
    pass_time(second)
    assert event_actions.settle_due(person=first.person) == 1
    assert Claim.objects.get().person == first.person


def test_a_canceled_registration_earns_nothing():
    registration = register()
    event_actions.cancel_registration(event_id=registration.event_id, by=registration.person)
    pass_time(registration)
    assert event_actions.settle_due() == 0
    assert not Claim.objects.exists()


def test_an_absent_person_earns_nothing():
    registration = register()
    event_actions.mark_attendance(
        registration_id=registration.pk, attendance=Attendance.ABSENT, by=make.person()
    )
    pass_time(registration)
    event_actions.settle_due()
    assert not Claim.objects.exists()
    registration.refresh_from_db()
    with pytest.raises(Refused, match="absent"):
        claim(registration.event, registration.person)


def test_changing_attendance_changes_the_credit():
    registration = register()
    pass_time(registration)
    event_actions.settle_due()
    organizer = make.person()
    for attendance, live in [
        (Attendance.ABSENT, 0),
        (Attendance.ABSENT, 0),
        (Attendance.PRESENT, 1),
        (Attendance.ABSENT, 0),
    ]:
        event_actions.mark_attendance(
            registration_id=registration.pk, attendance=attendance, by=organizer
        )
        assert Claim.objects.filter(state=ClaimState.PENDING).count() == live
    withdrawn = Claim.objects.filter(state=ClaimState.WITHDRAWN)
    assert [(one.decided_by, one.reason) for one in withdrawn] == [
        (organizer, "The organizer marked you as absent.")
    ]


def test_a_registration_does_not_repeat_an_earlier_claim():
    registration = register()
    pass_time(registration)
    claim(Event.objects.get(pk=registration.event_id), registration.person)
    assert event_actions.settle_due() == 1
    assert Claim.objects.count() == 1


def test_a_canceled_event_earns_nothing():
    registration = register()
    pass_time(registration)
    Event.objects.update(state=EventState.CANCELLED)
    assert event_actions.settle_due() == 0
    assert Registration.objects.get().settled_at is None


# ---------- Changes of the event ----------


def revise(event, **fields):
    for name, value in fields.items():
        setattr(event, name, value)
    return event_actions.save_event(event=event, by=make.person())


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
def test_a_canceled_or_postponed_event_withdraws_its_credits(fields, reason):
    made = make.claim(make.person())
    select_track(track=make.track(), by=made.person)
    revise(made.event, **fields)
    made.refresh_from_db()
    assert (made.state, made.reason) == (ClaimState.WITHDRAWN, reason)
    assert not Posting.objects.exists()


def test_an_event_that_is_no_longer_canceled_earns_credit_again():
    registration = register()
    pass_time(registration)
    event_actions.settle_due()
    event = Event.objects.get()
    revise(event, state=EventState.CANCELLED)
    assert event_actions.settle_due() == 0
    revise(event, state=EventState.PUBLISHED)
    assert event_actions.settle_due() == 1
    assert Claim.objects.filter(state=ClaimState.PENDING).count() == 1


def test_an_import_that_cancels_an_event_withdraws_claims_as_the_portal():
    made = make.claim(make.person())
    event_actions.import_event(
        event_id=made.event_id, values={"state": EventState.CANCELLED}, offers=None
    )
    made.refresh_from_db()
    assert made.decided_by == portal_user()
    assert not made.decided_by.has_usable_password()


@pytest.mark.django_db(transaction=True)
def test_a_cancellation_while_people_claim_withdraws_all_claims():
    event, people = make.event(), [make.person() for _ in range(10)]

    def act(index):
        if index == 5:
            return revise(Event.objects.get(pk=event.pk), state=EventState.CANCELLED)
        return claim(event, people[index])

    run_concurrently(10, act)
    assert not Claim.objects.filter(state=ClaimState.PENDING).exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_corrections_and_decisions_do_not_deadlock():
    claims = [actions.claim_custom_event(facts=make.facts(), by=make.person()) for _ in range(5)]
    credits = [one.credits.get().pk for one in claims]
    staff, category = make.person(), make.category(make.PUBLIC)

    def act(index):
        which = index // 2
        if index % 2:
            return actions.correct_credit(
                credit_id=credits[which], category=category, amount=Decimal("0.5"), by=staff
            )
        return event_actions.decide_custom_event(
            event_id=claims[which].event_id, decision=Decision.APPROVE, reason="", by=staff
        )

    assert [one for one in run_concurrently(10, act) if isinstance(one, Exception)] == []


# ---------- Absence and recordings ----------


def test_absent_people_can_claim_the_recording():
    registration = register()
    pass_time(registration)
    event_actions.mark_attendance(
        registration_id=registration.pk, attendance=Attendance.ABSENT, by=make.person()
    )
    person = registration.person
    assert list(queries.claimable_by(person)) == []
    Event.objects.update(recording_available_at=timezone.now() - dt.timedelta(hours=1))
    event = Event.objects.get()
    assert list(queries.claimable_by(person)) == [event]
    assert claim(event, person).state == ClaimState.PENDING
    event_actions.mark_attendance(
        registration_id=registration.pk, attendance=Attendance.UNKNOWN, by=make.person()
    )
    event_actions.mark_attendance(
        registration_id=registration.pk, attendance=Attendance.ABSENT, by=make.person()
    )
    assert Claim.objects.get().state == ClaimState.PENDING


def test_a_canceled_registration_has_no_attendance():
    registration = register()
    event_actions.cancel_registration(event_id=registration.event_id, by=registration.person)
    with pytest.raises(Refused, match="is canceled"):
        event_actions.mark_attendance(
            registration_id=registration.pk, attendance=Attendance.PRESENT, by=make.person()
        )


# ---------- Withdrawing a claim ----------


def test_a_pending_claim_is_withdrawn_and_can_be_made_again():
    made = make.claim(make.person())
    select_track(track=make.track(), by=made.person)
    taken = actions.withdraw_claim(claim_id=made.pk, by=made.person)
    assert (taken.state, taken.decided_by) == (ClaimState.WITHDRAWN, made.person)
    assert not Posting.objects.exists()
    assert claim(made.event, made.person) != made


def test_withdrawing_the_only_claim_cancels_the_custom_event():
    made = actions.claim_custom_event(facts=make.facts(), by=make.person())
    actions.withdraw_claim(claim_id=made.pk, by=made.person)
    assert Event.objects.get().state == EventState.CANCELLED


def test_only_your_own_pending_claim_can_be_withdrawn():
    made = make.claim(make.person())
    with pytest.raises(Claim.DoesNotExist):
        actions.withdraw_claim(claim_id=made.pk, by=make.person())
    store.move_claim(made, ClaimState.APPROVED, actor=Actor.STAFF, reason="", by=make.person())
    with pytest.raises(Refused, match="help ticket"):
        actions.withdraw_claim(claim_id=made.pk, by=made.person)


# ---------- Special cases ----------


def test_credit_lines_added_after_the_event_are_credited():
    registration = register(credits={})
    pass_time(registration)
    assert event_actions.settle_due() == 0
    event = Event.objects.get()
    event_actions.set_offers(event=event, offers={make.category().pk: Decimal("1.0")})
    assert event_actions.settle_due() == 1
    assert Credit.objects.get().person == registration.person


def test_attendance_marked_while_the_event_is_canceled_is_kept():
    registration = register()
    pass_time(registration)
    event = Event.objects.get()
    revise(event, state=EventState.CANCELLED)
    event_actions.mark_attendance(
        registration_id=registration.pk, attendance=Attendance.PRESENT, by=make.person()
    )
    revise(event, state=EventState.PUBLISHED)
    assert event_actions.settle_due() == 1
    assert Claim.objects.get().state == ClaimState.PENDING


def test_a_claim_withdrawn_by_its_person_is_not_restored():
    registration = register()
    pass_time(registration)
    event_actions.settle_due()
    made = Claim.objects.get()
    actions.withdraw_claim(claim_id=made.pk, by=made.person)
    actions.withdraw_claim(claim_id=made.pk, by=made.person)
    event = Event.objects.get()
    revise(event, state=EventState.CANCELLED)
    revise(event, state=EventState.PUBLISHED)
    event_actions.settle_due()
    assert not Claim.objects.filter(state=ClaimState.PENDING).exists()


def test_credit_for_a_live_event_is_not_earned_on_the_day_of_the_claim():
    made = make.claim(make.person(), days=-30)
    Event.objects.update(begins_at=timezone.now() - dt.timedelta(days=2), ends_at=None)
    Claim.objects.update(claimed_at=timezone.now() - dt.timedelta(days=20))
    earned = queries.with_earned_on(Credit.objects.filter(claim=made)).get().earned_on
    assert earned == timezone.localdate() - dt.timedelta(days=2)


def test_a_correction_is_limited_by_all_lines_of_the_claim():
    made = make.claim(make.person(), credits={make.ADMINISTRATION: "3.0", make.TECHNOLOGY: "1.0"})
    first, second = made.credits.order_by("line")
    staff = make.person()
    actions.correct_credit(
        credit_id=first.pk, category=make.category(), amount=Decimal("7.0"), by=staff
    )
    with pytest.raises(Refused, match="at most double that"):
        actions.correct_credit(
            credit_id=second.pk, category=make.category(), amount=Decimal("1.5"), by=staff
        )
