"""Registering and canceling with the buttons on the event page."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from aspen.models import Mail
from credits.actions import claim_custom_event
from events.actions import cancel_registration, register, undo_cancellation
from events.enums import EventState, RegistrationMode, RegistrationState
from events.models import Event, Question, Registration
from tests import factories as make

pytestmark = pytest.mark.django_db


def press(client: Client, button: str, event: Event) -> list[str]:
    """Submit the button's form, which redirects to the event, and return the messages."""
    response = client.post(f"/events/{event.pk}/{button}/", follow=True)
    assert response.redirect_chain == [(f"/events/{event.pk}/", 302)]
    return [str(message) for message in response.context["messages"]]


def places(event: Event) -> list[tuple[int, str]]:
    rows = Registration.objects.filter(event=event).order_by("pk")
    return list(rows.values_list("person_id", "state"))


def test_register_cancel_and_register_again(client, person):
    event = make.event(days=3)
    assert press(client, "register", event) == [
        "You are registered. Your credit will be listed automatically after the event."
    ]
    assert places(event) == [(person.pk, RegistrationState.CONFIRMED)]
    assert press(client, "cancel", event) == [
        "Your registration has been canceled. Someone else can now have your place."
    ]
    assert places(event) == [(person.pk, RegistrationState.CANCELLED)]
    press(client, "register", event)
    assert places(event) == [(person.pk, RegistrationState.CONFIRMED)]


def test_no_credit_is_promised_if_none_is_offered(client, person):
    event = make.event(days=3, credits={})
    assert press(client, "register", event) == ["You are registered."]


def test_registering_twice_takes_one_place(client, person):
    event = make.event(days=3, capacity=2)
    press(client, "register", event)
    press(client, "register", event)
    assert places(event) == [(person.pk, RegistrationState.CONFIRMED)]


def test_a_full_event_has_a_place_again_after_a_cancellation(client, person):
    event = make.event(days=3, capacity=1, has_waitlist=False)
    other = Client()
    other_person = make.person()
    other.force_login(other_person)
    press(other, "register", event)
    assert press(client, "register", event) == ["All places are taken."]
    assert places(event) == [(other_person.pk, RegistrationState.CONFIRMED)]
    press(other, "cancel", event)
    press(client, "register", event)
    assert places(event) == [
        (other_person.pk, RegistrationState.CANCELLED),
        (person.pk, RegistrationState.CONFIRMED),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"days": -3}, "This event is over. If you took part, use Add CE credit."),
        ({"state": EventState.CANCELLED}, "This event does not take registrations."),
        (
            {"registration_mode": RegistrationMode.EXTERNAL},
            "You cannot register for this event here.",
        ),
    ],
)
def test_events_that_take_no_registrations_say_why(client, person, fields, reason):
    event = make.event(**{"days": 3} | fields)
    assert press(client, "register", event) == [reason]
    assert places(event) == []


def test_no_cancellation_once_the_event_is_over(client, person):
    event = make.event(days=-3)
    Registration.objects.create(
        event=event,
        person=person,
        state=RegistrationState.CONFIRMED,
        registered_at=event.created_at,
    )
    assert press(client, "cancel", event) == [
        "This event is over, so you can no longer cancel your registration."
    ]
    assert places(event) == [(person.pk, RegistrationState.CONFIRMED)]


@pytest.mark.parametrize("button", ["register", "cancel"])
def test_get_requests_change_nothing(client, person, button):
    event = make.event(days=3)
    press(client, "register", event)
    response = client.get(f"/events/{event.pk}/{button}/")
    assert response["Location"] == f"/events/{event.pk}/"
    assert places(event) == [(person.pk, RegistrationState.CONFIRMED)]


@pytest.mark.parametrize("button", ["register", "cancel"])
def test_visitors_sign_in_before_registering(client, button):
    event = make.event(days=3)
    response = client.post(f"/events/{event.pk}/{button}/")
    assert response["Location"] == f"/accounts/login/?next=/events/{event.pk}/{button}/"
    assert places(event) == []


@pytest.mark.parametrize("button", ["register", "cancel"])
def test_someone_elses_custom_event_is_not_found(client, person, button):
    event = claim_custom_event(facts=make.facts(), by=make.person()).event
    assert client.post(f"/events/{event.pk}/{button}/").status_code == 404
    assert client.post(f"/events/999999/{button}/").status_code == 404
    assert client.post(f"/events/{10**30}/{button}/").status_code == 404


def test_an_event_called_register_has_a_page_like_any_other(client, person):
    event = make.event(days=3, title="Register")
    response = client.get(event.get_absolute_url(), follow=True)
    assert response.status_code == 200
    assert response.context["event"] == event


# ---------- Undoing a cancellation ----------


def test_a_cancellation_is_undone_from_the_message(client, person):
    event = make.event(days=3)
    press(client, "register", event)
    page = client.post(f"/events/{event.pk}/cancel/", follow=True)
    assert f'action="/events/{event.pk}/cancel/undo/"' in page.content.decode()
    assert press(client, "cancel/undo", event) == ["You are registered again."]
    assert places(event) == [(person.pk, RegistrationState.CONFIRMED)]
    assert press(client, "cancel/undo", event) == ["You are registered again."]


def test_a_place_that_went_to_someone_else_is_not_taken_away(client, person):
    event = make.event(days=3, capacity=1)
    press(client, "register", event)
    next_person, last_person = make.person(), make.person()
    for other in (next_person, last_person):
        register(event_id=event.pk, by=other)
    press(client, "cancel", event)
    [message] = press(client, "cancel/undo", event)
    assert message.startswith("All places are taken now. You are on the waitlist")
    assert dict(places(event)) == {
        person.pk: RegistrationState.WAITLISTED,
        next_person.pk: RegistrationState.CONFIRMED,
        last_person.pk: RegistrationState.WAITLISTED,
    }
    cancel_registration(event_id=event.pk, by=next_person)
    assert dict(places(event))[person.pk] == RegistrationState.CONFIRMED


def test_a_cancellation_can_be_undone_within_one_day_only(client, person):
    event = make.event(days=3)
    assert press(client, "cancel/undo", event) == [
        "You have not canceled a registration for this event."
    ]
    press(client, "register", event)
    press(client, "cancel", event)
    Registration.objects.update(cancelled_at=timezone.now() - dt.timedelta(hours=25))
    assert press(client, "cancel/undo", event) == [
        "A cancellation can only be undone within one day. Register again."
    ]


def test_an_undone_cancellation_keeps_the_answers_and_is_confirmed_again(person):
    event = make.event(days=3)
    question = Question.objects.create(event=event, position=1, label="Lunch?", kind="text")
    register(event_id=event.pk, by=person, answers={question.pk: "No nuts"})
    cancel_registration(event_id=event.pk, by=person)
    Mail.objects.all().delete()
    undo_cancellation(event_id=event.pk, by=person)
    assert Registration.objects.get().answers.get().text == "No nuts"
    assert Mail.objects.get().kind == "events.registered"
