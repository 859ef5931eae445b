"""Claiming conference sessions in one form, and the claim window for recordings."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from credits import actions
from credits.enums import ClaimSource
from credits.models import Claim
from events import actions as event_actions
from events.enums import Delivery, EventState
from events.models import Event, Registration
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client: Client) -> User:
    person = make.person()
    client.force_login(person)
    return person


@pytest.fixture
def conference() -> Event:
    return make.event(days=-10, hours=48, credits={}, title="Fall conference")


def session(
    conference: Event, title: str, *, hour: float, length: float = 1, **fields: Any
) -> Event:
    begins_at = conference.begins_at + dt.timedelta(hours=hour)
    ends_at = begins_at + dt.timedelta(hours=length)
    return make.event(
        title=title, parent=conference, begins_at=begins_at, ends_at=ends_at, **fields
    )


def address(conference: Event) -> str:
    return f"/continuing-education/claim/{conference.pk}/sessions/"


def claimed(person: User) -> list[str]:
    claims = Claim.objects.filter(person=person).order_by("event__begins_at")
    return list(claims.values_list("event__title", flat=True))


def test_several_sessions_are_claimed_in_one_form(
    client: Client, person: User, conference: Event
) -> None:
    first = session(conference, "Opening", hour=0, room="Ballroom")
    second = session(conference, "Grants", hour=2)
    session(conference, "Not attended", hour=3)
    page = client.get(address(conference)).content.decode()
    assert "Ballroom" in page
    done = client.post(address(conference), {"sessions": [first.pk, second.pk]}, follow=True)
    assert done.redirect_chain == [("/continuing-education/credits/", 302)]
    assert "2 sessions are listed in your credits." in done.content.decode()
    twice = client.post(address(conference), {"sessions": [first.pk, second.pk]}, follow=True)
    assert "These sessions are already listed in your credits." in twice.content.decode()
    assert claimed(person) == ["Opening", "Grants"]
    again = client.get(address(conference)).content.decode()
    assert again.count("Listed in your credits") == 2


def test_overlapping_choices_claim_nothing_and_stay_selected(
    client: Client, person: User, conference: Event
) -> None:
    first = session(conference, "In the ballroom", hour=0, length=2)
    second = session(conference, "Across the hall", hour=1, length=2)
    third = session(conference, "Later", hour=5)
    page = client.post(address(conference), {"sessions": [first.pk, second.pk, third.pk]})
    text = page.content.decode()
    assert "“In the ballroom” and “Across the hall” took place at the same time." in text
    assert text.count(" checked") == 3
    assert claimed(person) == []


def test_a_session_that_overlaps_a_claimed_one_is_refused(
    client: Client, person: User, conference: Event
) -> None:
    make.claim(person, session(conference, "Listed", hour=0, length=2))
    other = session(conference, "At the same time", hour=1)
    page = client.post(address(conference), {"sessions": [other.pk]})
    assert "took place at the same time" in page.content.decode()
    next_door = session(conference, "Five minutes early", hour=1.95)
    client.post(address(conference), {"sessions": [next_door.pk]})
    assert claimed(person) == ["Listed", "Five minutes early"]


def test_sessions_that_cannot_be_claimed_show_the_reason(
    client: Client, person: User, conference: Event
) -> None:
    session(conference, "Cancelled", hour=0, state=EventState.CANCELLED)
    session(conference, "Lunch", hour=3, credits={})
    late = session(conference, "Next week", hour=24 * 17)
    page = client.get(address(conference)).content.decode()
    for words in ("was canceled", "carries no CE credit", "is not over yet"):
        assert words in page
    assert ">Add CE credit</button>" not in page
    with pytest.raises(Refused, match="“Next week”: This event is not over yet"):
        actions.claim_sessions(event_ids=[late.pk], by=person)


def test_choosing_a_canceled_session_claims_nothing(
    client: Client, person: User, conference: Event
) -> None:
    kept, gone = session(conference, "Kept", hour=0), session(conference, "Gone", hour=3)
    Event.objects.filter(pk=gone.pk).update(state=EventState.CANCELLED)
    page = client.post(address(conference), {"sessions": [kept.pk, gone.pk]}).content.decode()
    assert "“Gone”: This event was canceled" in page
    assert page.count(" checked") == 1
    assert claimed(person) == []


@pytest.mark.parametrize("pk", [0, 2**70])
def test_an_event_without_sessions_returns_404(client: Client, person: User, pk: int) -> None:
    assert client.get(f"/continuing-education/claim/{pk}/sessions/").status_code == 404
    assert client.post(address(make.event()), {"sessions": ["1"]}).status_code == 404


@pytest.mark.parametrize("typed", [[], ["x"], ["0"], [str(2**70)]])
def test_invalid_choices_claim_nothing(
    client: Client, person: User, conference: Event, typed: list[str]
) -> None:
    session(conference, "Opening", hour=0)
    page = client.post(address(conference), {"sessions": typed})
    assert page.context["form"].errors
    assert claimed(person) == []


def test_sessions_of_other_conferences_cannot_be_claimed(
    client: Client, person: User, conference: Event
) -> None:
    session(conference, "Opening", hour=0)
    other = session(make.event(days=-9, credits={}), "Elsewhere", hour=0)
    client.post(address(conference), {"sessions": [other.pk]})
    assert claimed(person) == []


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, person: User, conference: Event, number: int, django_assert_num_queries
) -> None:
    for hour in range(number):
        session(conference, f"Session {hour}", hour=hour)
        make.claim(person, session(conference, f"Claimed {hour}", hour=hour + 20))
    with django_assert_num_queries(9):
        client.get(address(conference))
    chosen = [each.pk for each in conference.sessions.exclude(claims__person=person).order_by("pk")]
    with django_assert_num_queries(24):
        client.post(address(conference), {"sessions": chosen})
    assert len(claimed(person)) == 2 * number


# ---------- Recordings ----------


def test_a_recording_can_be_claimed_until_its_last_day(client: Client, person: User) -> None:
    now = timezone.now()
    fields = {"delivery": Delivery.RECORDED, "recording_available_at": now - dt.timedelta(days=20)}
    over = make.event(days=-30, recording_until_at=now - dt.timedelta(hours=1), **fields)
    open_ = make.event(days=-30, recording_until_at=now + dt.timedelta(hours=1), **fields)
    listed = [each.id for each in client.get("/continuing-education/").context["claimable"].events]
    assert listed == [open_.pk]
    answer = client.post(f"/continuing-education/claim/{over.pk}/", follow=True)
    assert "Credit for this recording could only be claimed until" in answer.content.decode()
    client.post(f"/continuing-education/claim/{open_.pk}/")
    assert [claim.event for claim in Claim.objects.all()] == [open_]


def test_the_event_page_offers_the_button_only_while_the_recording_can_be_claimed(
    client: Client, person: User
) -> None:
    def button(event: Event) -> str:
        kind: str = client.get(event.get_absolute_url()).context["next_step"].kind
        return kind

    now = timezone.now()
    window = {"recording_available_at": now - dt.timedelta(days=5)}
    watched = make.event(days=-9, delivery=Delivery.RECORDED, **window)
    missed = make.event(days=-9, **window)
    place = Registration.objects.create(
        event=missed, person=person, state="confirmed", registered_at=now
    )
    event_actions.mark_attendance(registration_id=place.pk, attendance="absent", by=make.person())
    assert (button(watched), button(missed)) == ("claim", "claim")
    Event.objects.update(recording_until_at=now)
    assert (button(watched), button(missed)) == ("", "")
    with pytest.raises(Refused, match="marked you as absent"):
        actions.claim_event(event_id=missed.pk, source=ClaimSource.CALENDAR, by=person)
    assert client.get("/continuing-education/").context["claimable"].events == []


def test_live_attendees_can_claim_after_the_recording_ends(person: User) -> None:
    now = timezone.now()
    event = make.event(
        days=-30,
        recording_available_at=now - dt.timedelta(days=20),
        recording_until_at=now - dt.timedelta(days=1),
    )
    assert make.claim(person, event).event == event
