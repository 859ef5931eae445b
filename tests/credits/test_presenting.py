"""Presenters earn twice, without claiming, and twice per topic in four years (2009 rules)."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from aspen.models import Mail
from credits import actions
from credits.enums import ClaimRole, ClaimSource, ClaimState
from credits.models import Claim
from events import actions as event_actions
from events.enums import EventState
from events.models import Event, Presenter
from tests import factories as make
from tests.factories import ADMINISTRATION, TECHNOLOGY
from tests.races import at_once

pytestmark = pytest.mark.django_db
LIVE = ("pending", "approved", "returned")


def presents(person: User, **fields: object) -> Event:
    event = make.event(**{"title": "Weeding", **fields})
    Presenter.objects.create(event=event, person=person)
    return event


def earned(person: User) -> list[tuple[str, str, Decimal]]:
    claims = Claim.objects.filter(person=person, state__in=LIVE).order_by("pk")
    return [
        (claim.event.title, claim.role, sum(each.amount for each in claim.credits.all()))
        for claim in claims
    ]


def test_four_hours_presented_earn_eight() -> None:
    person = make.person()
    event = presents(person, credits={TECHNOLOGY: "1.5", ADMINISTRATION: "2.5"})
    assert (event_actions.settle_due(), event_actions.settle_due()) == (1, 0)
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("8.0"))]
    claim = Claim.objects.get()
    assert (claim.source, claim.state) == (ClaimSource.PRESENTING, ClaimState.PENDING)
    assert Mail.objects.get().key == f"listed:{claim.pk}"
    actions.credit_presenting(presentations=list(event.presenters.all()), by=person)
    assert Claim.objects.count() == 1


def test_who_registered_and_presents_earns_as_a_presenter_only() -> None:
    person = make.person()
    event = presents(person, days=3)
    event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    event_actions.settle_due()
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("2.0"))]
    assert Claim.objects.count() == 1


def test_a_claim_as_an_attendee_gives_way() -> None:
    person, event = make.person(), make.event(title="Weeding")
    make.claim(person, event)
    Presenter.objects.create(event=event, person=person)
    event_actions.settle_due()
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("2.0"))]
    old = Claim.objects.get(role=ClaimRole.ATTENDEE)
    assert (old.state, old.reason) == (
        ClaimState.WITHDRAWN,
        "You presented this event; that credit takes its place.",
    )


def test_a_topic_earns_twice_in_four_years() -> None:
    person = make.person()
    for days in (-10, -20, -30):
        presents(person, days=days)
    presents(person, days=-40, title="weeding")
    presents(person, days=-50, title="Grants")
    presents(person, days=-5 * 366, title="WEEDING")
    event_actions.settle_due()
    titles = sorted(title for title, _, _ in earned(person))
    assert titles == ["Grants", "WEEDING", "Weeding", "weeding"]
    assert event_actions.settle_due() == 0
    claim = Claim.objects.get(event__title="weeding")
    actions.withdraw_claim(claim_id=claim.pk, by=person)
    presents(person, days=-60)
    event_actions.settle_due()
    assert sorted(title for title, _, _ in earned(person)) == [
        "Grants",
        "WEEDING",
        "Weeding",
        "Weeding",
    ]


def test_what_was_taken_back_does_not_return() -> None:
    person = make.person()
    event = presents(person)
    event_actions.settle_due()
    actions.withdraw_claim(claim_id=Claim.objects.get().pk, by=person)
    Presenter.objects.update(settled_at=None)
    event_actions.settle_due()
    assert earned(person) == []
    assert event.claims.count() == 1


def test_nothing_for_what_is_cancelled_or_carries_no_credit() -> None:
    person = make.person()
    presents(person, state=EventState.CANCELLED)
    presents(person, credits={})
    presents(person, days=3)
    assert event_actions.settle_due() == 0
    assert earned(person) == []


def test_credit_goes_when_the_event_is_cancelled_after_all() -> None:
    person = make.person()
    event = presents(person)
    event_actions.settle_due()
    event.state = EventState.CANCELLED
    event_actions.save_event(event=event, by=make.person())
    assert earned(person) == []


def test_an_absent_presenter_keeps_what_presenting_earned() -> None:
    person = make.person()
    event = presents(person, days=3)
    place = event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    event_actions.settle_due()
    event_actions.mark_attendance(registration_id=place.pk, attendance="absent", by=make.person())
    assert [role for _, role, _ in earned(person)] == [ClaimRole.PRESENTER]


@pytest.mark.parametrize("number", [1, 3])
def test_queries(number: int, django_assert_num_queries) -> None:
    person = make.person()
    for index in range(number):
        presents(person, title=f"Topic {index}")
    with django_assert_num_queries(24):
        event_actions.settle_due(person=person)
    assert len(earned(person)) == number


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_settled_by_many_at_once_there_is_one_claim() -> None:
    person = make.person()
    event = presents(person, days=3)
    event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    came = at_once(10, lambda n: event_actions.settle_due(person=person if n % 2 else None))
    assert not [each for each in came if isinstance(each, Exception)]
    assert earned(person) == [("Weeding", ClaimRole.PRESENTER, Decimal("2.0"))]


# ---------- A credit that comes by itself is told ----------


def test_old_events_send_no_mail() -> None:
    person = make.person()
    presents(person, days=-15)
    event_actions.settle_due()
    assert earned(person)
    assert not Mail.objects.exists()


def test_absent_present_absent_present() -> None:
    person, staff, event = make.person(), make.person(), make.event(days=3)
    place = event_actions.register(event_id=event.pk, by=person)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before)
    event_actions.settle_due()
    for _ in range(2):
        event_actions.mark_attendance(registration_id=place.pk, attendance="absent", by=staff)
        assert earned(person) == []
        event_actions.mark_attendance(registration_id=place.pk, attendance="present", by=staff)
        assert [role for _, role, _ in earned(person)] == [ClaimRole.ATTENDEE]
