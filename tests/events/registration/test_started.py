"""Registration and the waitlist once an event has started."""

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from aspen.errors import Refused
from aspen.models import Mail
from events import actions
from events.enums import RegistrationState
from events.models import Event, Registration
from events.registration.emails import waitlisted_email
from tests import factories as make
from tests.web import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


@pytest.fixture
def event(clock: time_machine.Traveller) -> Event:
    """A full event that starts in an hour."""
    begins_at = timezone.now() + dt.timedelta(hours=1)
    ends_at = begins_at + dt.timedelta(hours=2)
    return make.event(begins_at=begins_at, ends_at=ends_at, capacity=1)


@pytest.fixture
def has_place(event: Event) -> Registration:
    return actions.register(event_id=event.pk, by=make.person())


@pytest.fixture
def waiting(event: Event, has_place: Registration) -> Registration:
    return actions.register(event_id=event.pk, by=make.person())


def state_of(registration: Registration) -> str:
    registration.refresh_from_db()
    return registration.state


def test_no_one_moves_up_once_the_event_has_started(
    clock: time_machine.Traveller, event: Event, has_place: Registration, waiting: Registration
) -> None:
    clock.move_to(event.begins_at)
    actions.cancel_registration(event_id=event.pk, by=has_place.person)
    assert state_of(waiting) == RegistrationState.WAITLISTED
    Event.objects.filter(pk=event.pk).update(capacity=5)
    event.refresh_from_db()
    assert actions.promote_waiting(event=event, by=None) == []


def test_people_move_up_until_the_start(
    clock: time_machine.Traveller, event: Event, has_place: Registration, waiting: Registration
) -> None:
    clock.move_to(event.begins_at - dt.timedelta(seconds=1))
    actions.cancel_registration(event_id=event.pk, by=has_place.person)
    assert state_of(waiting) == RegistrationState.CONFIRMED


def test_a_late_arrival_gets_a_free_place_ahead_of_those_who_waited(
    clock: time_machine.Traveller, event: Event, has_place: Registration, waiting: Registration
) -> None:
    clock.move_to(event.begins_at)
    late = make.person()
    with pytest.raises(Refused, match="All places are taken, and the event has started"):
        actions.register(event_id=event.pk, by=late)
    actions.cancel_registration(event_id=event.pk, by=has_place.person)
    assert actions.register(event_id=event.pk, by=late).state == RegistrationState.CONFIRMED


def test_the_page_says_that_the_wait_is_over(
    client: Client, clock: time_machine.Traveller, event: Event, waiting: Registration
) -> None:
    client.force_login(waiting.person)
    page = text(client.get(f"/events/{event.pk}/"))
    assert "You are next" in page
    clock.move_to(event.begins_at)
    page = text(client.get(f"/events/{event.pk}/"))
    assert "no place opened up before the event started" in page
    assert "You are next" not in page
    assert "Waitlist open" not in page


def test_no_waitlist_email_is_sent_after_the_start(
    clock: time_machine.Traveller, event: Event, waiting: Registration
) -> None:
    mail = Mail.objects.get(kind="events.waitlisted")
    assert waitlisted_email(mail) is not None
    clock.move_to(event.begins_at)
    assert waitlisted_email(mail) is None
