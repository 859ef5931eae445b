"""Claiming: who may claim what, and when. The rules: docs/rules.md."""

import datetime as dt

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from aspen.errors import Refused
from credits import actions, queries
from credits.enums import ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import actions as event_actions
from events.enums import Attendance, Delivery, EventState
from events.models import Event, Registration
from tests import factories as make

pytestmark = pytest.mark.django_db


def claim(event, by):
    return actions.claim_event(event_id=event.pk, source=ClaimSource.CALENDAR, by=by)


def test_a_claim_carries_the_credits_the_event_offers():
    event = make.event(credits={make.ADMINISTRATION: "3.0", make.TECHNOLOGY: "1.0"})
    made = claim(event, make.person())
    assert made.state == ClaimState.PENDING
    assert list(made.credits.values_list("line", "category__slug", "amount")) == [
        (1, make.ADMINISTRATION, 3),
        (2, make.TECHNOLOGY, 1),
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"days": 1}, "not over yet"),
        ({"credits": {}}, "carries no CE credit"),
        ({"state": EventState.CANCELLED}, "was cancelled"),
    ],
)
def test_what_cannot_be_claimed_says_why(fields, words):
    with pytest.raises(Refused, match=words):
        claim(make.event(**fields), make.person())
    assert not Claim.objects.exists()


def test_a_custom_event_of_somebody_else_cannot_be_claimed():
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


def test_days_only_last_until_the_end_of_the_last_day():
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
def test_no_recording_precedes_its_event_or_lies_beyond_the_calendar(moment):
    event = make.event(days=1)
    with pytest.raises(IntegrityError, match="events_recording_after_begin"):
        Event.objects.filter(pk=event.pk).update(recording_available_at=event.begins_at + moment)


def test_the_list_holds_the_past_years_ended_events_newest_first():
    person = make.person()
    wanted = [make.event(days=days) for days in (-1, -30, -364)]
    make.event(days=-367)
    make.event(days=1)
    make.event(credits={})
    make.event(state=EventState.CANCELLED)
    make.claim(person)
    assert list(queries.claimable_by(person)) == wanted


def test_the_calendars_button_knows_no_limit_of_a_year():
    assert claim(make.event(days=-3 * 366), make.person())


def test_after_a_decline_the_person_reads_why():
    made = make.claim(make.person())
    staff = make.person()
    actions._move(made, ClaimState.DECLINED, reason="You were not there.", by=staff)
    with pytest.raises(Refused, match="You were not there"):
        claim(made.event, made.person)


# ---------- From registration to credit ----------


def register(**fields):
    event, person = make.event(days=1, **fields), make.person()
    return event_actions.register(event_id=event.pk, by=person)


def pass_time(registration):
    """The event takes place: it is yesterday now."""
    begins_at = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=registration.event_id).update(
        begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1)
    )


def test_registering_leads_to_the_credit_once_however_often_it_is_settled():
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


def test_settling_one_person_leaves_the_others_for_the_job():
    first, second = register(), register()
    pass_time(first)
    pass_time(second)
    assert event_actions.settle_due(person=first.person) == 1
    assert Claim.objects.get().person == first.person


def test_a_cancelled_registration_earns_nothing():
    registration = register()
    event_actions.cancel_registration(event_id=registration.event_id, by=registration.person)
    pass_time(registration)
    assert event_actions.settle_due() == 0
    assert not Claim.objects.exists()


def test_somebody_absent_earns_nothing():
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


def test_attendance_that_is_corrected_later_corrects_the_credit():
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
    ] * 2


def test_who_claimed_by_hand_before_gets_no_second_claim():
    registration = register()
    pass_time(registration)
    claim(Event.objects.get(pk=registration.event_id), registration.person)
    assert event_actions.settle_due() == 1
    assert Claim.objects.count() == 1


def test_an_event_that_was_cancelled_credits_nobody():
    registration = register()
    pass_time(registration)
    Event.objects.update(state=EventState.CANCELLED)
    assert event_actions.settle_due() == 0
    assert Registration.objects.get().settled_at is None
