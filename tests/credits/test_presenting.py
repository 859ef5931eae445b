"""Automatic presenter credit: double, and twice per topic in four years (2009 rules)."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.actions import portal_user
from accounts.models import User
from aspen.models import Mail
from credits import actions, rules
from credits.enums import ClaimRole, ClaimSource, ClaimState
from credits.models import Claim
from events import actions as event_actions
from events.enums import EventState
from events.models import Event, Presenter
from tests import factories as make
from tests.factories import ADMINISTRATION, TECHNOLOGY
from tests.races import run_concurrently

pytestmark = pytest.mark.django_db
LIVE = ("pending", "approved", "returned")


def presented_by(person: User, **fields: object) -> Event:
    event = make.event(**{"title": "Weeding", **fields})
    Presenter.objects.create(event=event, person=person)
    return event


def earned(person: User) -> list[tuple[str, str, Decimal]]:
    claims = Claim.objects.filter(person=person, state__in=LIVE).order_by("pk")
    return [
        (claim.event.title, claim.role, sum(each.amount for each in claim.credits.all()))
        for claim in claims
    ]


def test_presenting_four_hours_earns_eight_credits() -> None:
    person = make.person()
    event = presented_by(person, credits={TECHNOLOGY: "1.5", ADMINISTRATION: "2.5"})
    assert (event_actions.settle_due(), event_actions.settle_due()) == (1, 0)
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("8.0"))]
    claim = Claim.objects.get()
    assert (claim.source, claim.state) == (ClaimSource.PRESENTING, ClaimState.PENDING)
    assert Mail.objects.get().key == f"listed:{claim.pk}"
    actions.credit_presenting(presentations=list(event.presenters.all()), by=person)
    assert Claim.objects.count() == 1


def test_registered_presenters_earn_only_presenter_credit() -> None:
    person = make.person()
    event = presented_by(person, days=3)
    event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    event_actions.settle_due()
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("2.0"))]
    assert Claim.objects.count() == 1


def test_presenter_credit_replaces_an_attendee_claim() -> None:
    person, event = make.person(), make.event(title="Weeding")
    make.claim(person, event)
    Presenter.objects.create(event=event, person=person)
    event_actions.settle_due()
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("2.0"))]
    old = Claim.objects.get(role=ClaimRole.ATTENDEE)
    assert (old.state, old.reason) == (
        ClaimState.WITHDRAWN,
        "Your presenter credit for this event replaces your attendee credit.",
    )


def test_a_topic_earns_twice_in_four_years() -> None:
    person = make.person()
    for days in (-10, -20, -30):
        presented_by(person, days=days)
    presented_by(person, days=-40, title="weeding")
    presented_by(person, days=-50, title="Grants")
    presented_by(person, days=-5 * 366, title="WEEDING")
    event_actions.settle_due()
    titles = sorted(title for title, _, _ in earned(person))
    assert titles == ["Grants", "WEEDING", "Weeding", "weeding"]
    assert event_actions.settle_due() == 0
    claim = Claim.objects.get(event__title="weeding")
    actions.withdraw_claim(claim_id=claim.pk, by=person)
    presented_by(person, days=-60)
    event_actions.settle_due()
    assert sorted(title for title, _, _ in earned(person)) == [
        "Grants",
        "WEEDING",
        "Weeding",
        "Weeding",
    ]


def test_the_topic_limit_holds_for_every_four_year_window() -> None:
    first, last = dt.date(2020, 5, 1), dt.date(2026, 5, 1)
    assert rules.may_present_again(dt.date(2023, 5, 1), [first, last])
    assert rules.may_present_again(dt.date(2024, 5, 1), [first, first])
    assert not rules.may_present_again(dt.date(2024, 4, 30), [first, first])
    assert not rules.may_present_again(dt.date(2025, 5, 1), [last, last])
    assert not rules.may_present_again(first, [first, dt.date(2022, 5, 1)])
    assert rules.may_present_again(dt.date(2024, 2, 29), [dt.date(2020, 2, 28)] * 2)


def test_an_attendee_claim_stays_if_the_topic_limit_is_reached() -> None:
    person = make.person()
    for days in (-40, -30):
        presented_by(person, days=days)
    third = presented_by(person, days=-20)
    make.claim(person, third)
    event_actions.settle_due()
    claim = Claim.objects.get(event=third)
    assert (claim.role, claim.state) == (ClaimRole.ATTENDEE, ClaimState.PENDING)


def test_a_declined_presenter_claim_is_not_created_again() -> None:
    person = make.person()
    event = presented_by(person)
    event_actions.settle_due()
    Claim.objects.update(
        state=ClaimState.DECLINED, decided_by=make.person(), decided_at=timezone.now(), reason="No."
    )
    Presenter.objects.update(settled_at=None)
    event_actions.settle_due()
    assert event.claims.count() == 1


def test_a_withdrawn_presenter_claim_is_not_created_again() -> None:
    person = make.person()
    event = presented_by(person)
    event_actions.settle_due()
    actions.withdraw_claim(claim_id=Claim.objects.get().pk, by=person)
    Presenter.objects.update(settled_at=None)
    event_actions.settle_due()
    assert earned(person) == []
    assert event.claims.count() == 1


def test_canceled_future_and_creditless_events_earn_nothing() -> None:
    person = make.person()
    presented_by(person, state=EventState.CANCELLED)
    presented_by(person, credits={})
    presented_by(person, days=3)
    assert event_actions.settle_due() == 0
    assert earned(person) == []


def test_presenter_credit_is_withdrawn_when_the_event_is_canceled() -> None:
    person = make.person()
    event = presented_by(person)
    event_actions.settle_due()
    event.state = EventState.CANCELLED
    event_actions.save_event(event=event, by=make.person())
    assert earned(person) == []


@pytest.mark.parametrize("role", [ClaimRole.PRESENTER, ClaimRole.ATTENDEE])
def test_a_rescheduled_event_earns_credit_only_when_it_is_over(role: ClaimRole) -> None:
    person = make.person()
    event = make.event(days=3)
    if role == ClaimRole.PRESENTER:
        Presenter.objects.create(event=event, person=person)
    else:
        event_actions.register(event_id=event.pk, by=person)
    for move in (-4, 8, -9):
        event.begins_at += dt.timedelta(days=move)
        event.ends_at = event.begins_at
        event_actions.save_event(event=event, by=person)
        event_actions.settle_due()
        is_over = event.begins_at < timezone.now()
        assert [role for _, role, _ in earned(person)] == ([role] if is_over else [])
    assert Claim.objects.count() == 2


def test_an_absent_presenter_keeps_the_credit() -> None:
    person = make.person()
    event = presented_by(person, days=3)
    place = event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    event_actions.settle_due()
    event_actions.mark_attendance(registration_id=place.pk, attendance="absent", by=make.person())
    assert [role for _, role, _ in earned(person)] == [ClaimRole.PRESENTER]


def test_presenters_earn_nothing_more_as_attendees() -> None:
    person = make.person()
    event = presented_by(person)
    event_actions.settle_due()
    event_actions.add_walk_in(event_id=event.pk, person=person, by=make.person())
    assert [role for _, role, _ in earned(person)] == [ClaimRole.PRESENTER]
    assert Claim.objects.count() == 1


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(number: int, django_assert_num_queries) -> None:
    person = make.person()
    portal_user()
    for index in range(number):
        make.claim(person, presented_by(person, title=f"Topic {index}"))
    with django_assert_num_queries(32):
        event_actions.settle_due(person=person)
    assert len(earned(person)) == number


@pytest.mark.django_db(transaction=True)
def test_settling_concurrently_creates_one_claim() -> None:
    person = make.person()
    event = presented_by(person, days=3)
    event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    results = run_concurrently(
        10, lambda n: event_actions.settle_due(person=person if n % 2 else None)
    )
    assert not [each for each in results if isinstance(each, Exception)]
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("2.0"))]


# ---------- E-mails about automatic credits ----------


def test_credits_for_old_events_send_no_e_mail() -> None:
    person = make.person()
    presented_by(person, days=-15)
    event_actions.settle_due()
    assert earned(person)
    assert not Mail.objects.exists()


def test_automatic_credits_send_one_e_mail_and_claims_send_none() -> None:
    person, event = make.person(), make.event(days=3)
    event_actions.register(event_id=event.pk, by=person)
    Mail.objects.all().delete()
    make.claim(person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    event_actions.settle_due()
    event_actions.settle_due()
    mail, claim = Mail.objects.get(), Claim.objects.get(event=event)
    assert (mail.kind, mail.key, mail.to) == ("credits.listed", f"listed:{claim.pk}", person)


@pytest.mark.parametrize("is_own", [False, True])
def test_credit_follows_repeated_attendance_changes(is_own: bool) -> None:
    person, event = make.person(), make.event(days=3)
    staff = person if is_own else make.person()
    place = event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    event_actions.settle_due()
    for _ in range(2):
        event_actions.mark_attendance(registration_id=place.pk, attendance="absent", by=staff)
        assert earned(person) == []
        event_actions.mark_attendance(registration_id=place.pk, attendance="present", by=staff)
        assert [role for _, role, _ in earned(person)] == [ClaimRole.ATTENDEE]
