"""Starring the sessions of a conference, and what the stars do."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from credits.models import Claim
from events.actions import register, star_session, unstar_session
from events.enums import EventState, KeyPurpose
from events.models import Event, Star
from events.registration.keys import get_key
from tests import factories as make
from tests.web import flash_messages, signed_in, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return make.person()


def conference(days: float = 3, **fields: Any) -> Event:
    return make.event(title="Fall conference", days=days, hours=30, credits={}, **fields)


def session(of: Event, title: str, *, hour: float = 0, **fields: Any) -> Event:
    begins_at = of.begins_at + dt.timedelta(hours=hour)
    ends_at = begins_at + dt.timedelta(hours=1)
    return make.event(title=title, parent=of, begins_at=begins_at, ends_at=ends_at, **fields)


def starred(person: User) -> list[str]:
    return list(Star.objects.filter(person=person).values_list("event__title", flat=True))


def ends(*events: Event) -> None:
    """Let the events take place a week ago."""
    for event in events:
        shift = dt.timedelta(days=10)
        Event.objects.filter(pk=event.pk).update(
            begins_at=event.begins_at - shift,
            ends_at=event.ends_at - shift,  # type: ignore[operator]
        )


def test_a_session_is_starred_once_and_the_star_is_removed_once(person: User) -> None:
    talk = session(conference(), "Levies")
    for _ in range(2):
        star_session(event_id=talk.pk, by=person)
    assert starred(person) == ["Levies"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Star.objects.create(event=talk, person=person)
    for _ in range(2):
        unstar_session(event_id=talk.pk, by=person)
    assert starred(person) == []


def test_only_coming_sessions_have_stars(person: User) -> None:
    coming = conference()
    canceled = session(coming, "Canceled", state=EventState.CANCELLED)
    ended = session(conference(days=-9), "Ended")
    for event, reason in [
        (coming, "Only the sessions of a conference"),
        (canceled, "not taking place"),
        (ended, "is over"),
    ]:
        with pytest.raises(Refused, match=reason):
            star_session(event_id=event.pk, by=person)
    with pytest.raises(Event.DoesNotExist):
        star_session(event_id=session(coming, "Draft", state=EventState.DRAFT).pk, by=person)
    assert starred(person) == []


def test_the_program_has_a_star_for_each_session_and_undo(person: User) -> None:
    fair = conference()
    talk, other = session(fair, "Levies"), session(fair, "Grants", hour=2)
    client = signed_in(person)
    page = text(client.get(fair.get_absolute_url()))
    assert "Star the sessions you plan to attend." in page
    response = client.post(f"/events/{talk.pk}/star/")
    assert response.url == f"{fair.get_absolute_url()}#event-{talk.pk}"
    page = text(client.get(fair.get_absolute_url()))
    assert "You starred “Levies”." in page
    assert f'action="/events/{talk.pk}/star/undo/"' in page
    assert "You starred 1 session." in page
    assert f'action="/events/{other.pk}/star/"' in page
    response = client.post(f"/events/{talk.pk}/star/undo/")
    assert flash_messages(response) == ["“Levies” no longer has a star."]
    assert starred(person) == []


def test_other_people_do_not_see_a_star(person: User) -> None:
    fair = conference()
    talk = session(fair, "Levies")
    star_session(event_id=talk.pk, by=person)
    for client in (Client(), signed_in(make.person())):
        page = text(client.get(fair.get_absolute_url()))
        assert "You starred" not in page
        assert "★" not in page
    assert "/star/" not in text(Client().get(fair.get_absolute_url()))


def test_an_ended_session_says_why_it_cannot_be_starred(person: User) -> None:
    talk = session(conference(days=-9), "Levies")
    response = signed_in(person).post(f"/events/{talk.pk}/star/")
    [message] = flash_messages(response)
    assert "“Levies”: This session is over." in message


def test_starred_sessions_come_next_on_today(person: User) -> None:
    fair = conference()
    talk, place = session(fair, "Levies", hour=1), session(fair, "Grants")
    session(fair, "Neither")
    star_session(event_id=talk.pk, by=person)
    for event in (place, talk):
        register(event_id=event.pk, by=person)
    page = signed_in(person).get("/")
    rows = page.context["next"]
    assert [(row.title, row.where.endswith("Starred")) for row in rows] == [
        ("Grants", False),
        ("Levies", True),
    ]
    Event.objects.filter(pk=talk.pk).update(state=EventState.CANCELLED)
    assert [row.title for row in signed_in(person).get("/").context["next"]] == ["Grants"]


def test_the_personal_calendar_has_starred_sessions_without_how_to_join(person: User) -> None:
    fair = conference()
    address = "https://meet.example/jackrabbit"
    talk = session(fair, "Levies", joining_url=address)
    both = session(fair, "Grants", hour=2)
    for event in (talk, both):
        star_session(event_id=event.pk, by=person)
    register(event_id=both.pk, by=person)
    key = get_key(purpose=KeyPurpose.FEED, by=person)
    feed = text(Client().get(f"/events/personal/{key.token}.ics"))
    assert feed.count("SUMMARY:Levies") == feed.count("SUMMARY:Grants") == 1
    assert feed.count("TRANSP:TRANSPARENT") == 1
    assert "jackrabbit" not in feed
    unstar_session(event_id=talk.pk, by=person)
    assert "Levies" not in text(Client().get(f"/events/personal/{key.token}.ics"))


def test_starred_sessions_are_selected_after_the_conference(person: User) -> None:
    fair = conference()
    talk, other = session(fair, "Levies"), session(fair, "Grants", hour=2)
    star_session(event_id=talk.pk, by=person)
    ends(fair, talk, other)
    client = signed_in(person)
    for address in (
        fair.get_absolute_url(),
        f"/continuing-education/claim/{fair.pk}/sessions/",
    ):
        page = text(client.get(address))
        assert page.count('type="checkbox"') == 2
        assert page.count(" checked") == 1
    assert "You starred 1 session." in text(client.get(fair.get_absolute_url()))
    response = client.post(
        f"/continuing-education/claim/{fair.pk}/sessions/", {"sessions": [talk.pk]}
    )
    assert flash_messages(response) == ["1 session is listed in your credits."]
    assert [claim.event for claim in Claim.objects.filter(person=person)] == [talk]


def test_during_a_conference_ended_sessions_are_selected_and_coming_ones_starred(
    person: User,
) -> None:
    begins_at = timezone.now() - dt.timedelta(hours=3)
    fair = make.event(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=30), credits={})
    ended, coming = session(fair, "Ended"), session(fair, "Coming", hour=10)
    page = text(signed_in(person).get(fair.get_absolute_url()))
    assert f'name="sessions" value="{ended.pk}"' in page
    assert f'action="/events/{coming.pk}/star/"' in page
    assert f'name="sessions" value="{coming.pk}"' not in page
