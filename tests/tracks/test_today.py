"""Today, the first page of signed-in people."""

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from zeal import zeal_ignore

from accounts.enums import Role
from accounts.models import User
from credits.actions import claim_custom_event, claim_event
from credits.enums import ClaimSource
from events.actions import cancel_registration, decide_custom_event, register
from events.enums import Decision, HintKind
from events.models import Event, Hint
from tests import factories as make
from tests.web import flash_messages, signed_in, text
from tracks.actions import select_track

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(person: User) -> Client:
    return signed_in(person)


def end(event: Event, *, days: int = 1) -> None:
    past = timezone.now() - dt.timedelta(days=days)
    Event.objects.filter(pk=event.pk).update(begins_at=past, ends_at=past)


def test_a_new_person_is_led_to_tracks_and_the_calendar(client: Client) -> None:
    page = text(client.get("/"))
    assert "Choose a certification track" in page
    assert "You are not registered for any upcoming events." in page
    assert "Nothing right now." in page
    assert "Did you take part in these?" not in page


def test_progress_and_training_for_what_is_missing(client: Client, person: User) -> None:
    make.claim(person, credits={make.ADMINISTRATION: "4.0"})
    select_track(track=make.track("Library Trustee"), by=person)
    make.event(days=4, title="Board basics", credits={make.ADMINISTRATION: "2.0"})
    page = " ".join(text(client.get("/")).split())
    assert "<strong>4 of 15 credits</strong> for <a" in page
    assert "Training for Library Trustee" in page
    assert "Board basics" in page


def test_a_complete_record_can_be_sent_until_it_is(client: Client, person: User) -> None:
    following = make.following(person)
    assert "Send my record" in text(client.get("/"))
    make.submission(following)
    assert "Send my record" not in text(client.get("/"))


def test_the_next_three_registrations_are_listed(client: Client, person: User) -> None:
    with zeal_ignore():
        for days in (4, 1, 3, 2):
            register(event_id=make.event(days=days, title=f"In {days}").pk, by=person)
    response = client.get("/")
    assert [event.title for event in response.context["next"]] == ["In 1", "In 2", "In 3"]
    assert "Add to calendar" in text(response)


def test_what_waits_for_the_person(client: Client, person: User) -> None:
    claim = claim_custom_event(facts=make.facts(title="Unclear one"), by=person)
    decide_custom_event(
        event_id=claim.event_id,
        decision=Decision.RETURN,
        reason="Which hours?",
        by=make.person(Role.CE_COORDINATOR),
    )
    page = text(client.get("/"))
    assert f'href="/continuing-education/custom/{claim.event_id}/"' in page
    assert "Which hours?" in page


def test_events_attended_without_a_place_can_be_claimed(client: Client, person: User) -> None:
    canceled = make.event(days=2, title="Canceled by me")
    register(event_id=canceled.pk, by=person)
    cancel_registration(event_id=canceled.pk, by=person)
    full = make.event(days=2, capacity=1, has_waitlist=True, title="Full")
    register(event_id=full.pk, by=make.person())
    register(event_id=full.pk, by=person)
    old = make.event(days=2, title="Long ago")
    register(event_id=old.pk, by=person)
    cancel_registration(event_id=old.pk, by=person)
    assert client.get("/").context["taken_part"] == []
    end(canceled)
    end(full, days=2)
    end(old, days=61)
    asked = [(event.title, why) for event, why, _ in client.get("/").context["taken_part"]]
    assert asked == [
        ("Canceled by me", "You canceled your registration"),
        ("Full", "You were on the waitlist"),
    ]
    claim_event(event_id=full.pk, source=ClaimSource.CALENDAR, by=person)
    asked = [event.title for event, _, _ in client.get("/").context["taken_part"]]
    assert asked == ["Canceled by me"]


def test_no_is_remembered_and_can_be_undone(client: Client, person: User) -> None:
    event = make.event(title="Opened by me")
    Hint.objects.create(event=event, person=person, kind=HintKind.JOINED)
    [(_, why, _)] = client.get("/").context["taken_part"]
    assert why == "You opened the meeting"
    page = client.post(f"/events/{event.pk}/dismiss/", follow=True)
    assert page.context["taken_part"] == []
    assert flash_messages(page) == ["We will not ask you about “Opened by me” again."]
    page = client.post(f"/events/{event.pk}/dismiss/undo/", follow=True)
    assert len(page.context["taken_part"]) == 1


def test_continuing_education_asks_too_and_its_no_leads_back(client: Client, person: User) -> None:
    event = make.event(title="Opened by me", credits={make.ADMINISTRATION: "1.5"})
    make.event(title="Not opened")
    Hint.objects.create(event=event, person=person, kind=HintKind.JOINED)
    page = client.get("/continuing-education/")
    [(row, why, credits)] = page.context["taken_part"]
    assert (row.title, why) == ("Opened by me", "You opened the meeting")
    assert [(str(category), amount) for category, amount in credits] == [
        ("Library Administration", "1.5 credits")
    ]
    assert "Were you there?" in text(page)
    page = client.post(f"/events/{event.pk}/dismiss/", {"back": "1"}, follow=True)
    assert page.redirect_chain == [("/continuing-education/", 302)]
    assert page.context["taken_part"] == client.get("/").context["taken_part"] == []
    assert "Were you there?" not in text(page)
    assert f'action="/events/{event.pk}/dismiss/undo/?back=1"' in text(page)
    page = client.post(f"/events/{event.pk}/dismiss/undo/?back=1", follow=True)
    assert page.redirect_chain == [("/continuing-education/", 302)]


def test_continuing_education_asks_about_the_same_events(client: Client, person: User) -> None:
    for days, title in ((-1, "Latest"), (-59, "Last"), (-61, "Too old")):
        event = make.event(days=days, title=title)
        Hint.objects.create(event=event, person=person, kind=HintKind.WATCHED)
    asked = client.get("/continuing-education/").context["taken_part"]
    assert [(row.title, why) for row, why, _ in asked] == [
        ("Latest", "You opened the recording"),
        ("Last", "You opened the recording"),
    ]


@pytest.mark.parametrize(
    ("hour", "greeting"), [(8, "Good morning"), (12, "Good afternoon"), (18, "Good evening")]
)
def test_the_greeting_follows_mountain_time(hour: int, greeting: str) -> None:
    with time_machine.travel(f"2026-11-20 {hour}:00 -0700", tick=False):
        client = signed_in(make.person(display_name="Rosalind <b>"))
        assert f"{greeting}, <bdi>Rosalind &lt;b&gt;</bdi>" in text(client.get("/"))


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, person: User, number: int, django_assert_num_queries
) -> None:
    select_track(track=make.track(), by=person)
    with zeal_ignore():
        for _ in range(number):
            make.claim(person)
            register(event_id=make.event(days=3).pk, by=person)
            make.event(days=4)
            claim = claim_custom_event(facts=make.facts(), by=person)
            decide_custom_event(
                event_id=claim.event_id, decision=Decision.RETURN, reason="Why?", by=make.person()
            )
            missed = make.event(days=1)
            register(event_id=missed.pk, by=person)
            cancel_registration(event_id=missed.pk, by=person)
            end(missed)
    with django_assert_num_queries(12):
        client.get("/")
