"""Claiming a training that the person already attended: the portal asks, and never refuses."""

import pytest
from django.test import Client

from accounts.models import User
from credits.enums import ClaimSource, ClaimState
from credits.models import Claim
from events.models import Event
from tests import factories as make
from tests.web import flash_messages, text

pytestmark = pytest.mark.django_db
QUESTION = "Is it the same training again?"


@pytest.fixture
def client(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def event(person: User) -> Event:
    """An event like one that the person claimed two years ago."""
    make.claim(person, make.event(title="Weeding online", days=-730))
    return make.event(title="Weeding online")


def claims_on(event: Event) -> list[tuple[str, str]]:
    return list(Claim.objects.filter(event=event).values_list("state", "source"))


def confirmation(page: str) -> str:
    """Return the hidden value that confirms the question on a page."""
    return page.partition('name="confirmed" value="')[2].partition('"')[0]


def test_the_green_button_asks_before_it_saves(client: Client, event: Event) -> None:
    address = f"/continuing-education/claim/{event.pk}/"
    page = text(client.post(address))
    assert QUESTION in page
    assert "Save anyway" in page
    assert claims_on(event) == []

    response = client.post(address, {"confirmed": confirmation(page)})
    assert flash_messages(response) == ["Your credit is listed: “Weeding online”."]
    assert claims_on(event) == [(ClaimState.PENDING, ClaimSource.CALENDAR)]


def test_the_list_shows_the_question_on_the_review_page(client: Client, event: Event) -> None:
    address = f"/continuing-education/claim/{event.pk}/"
    page = text(client.get(address))
    assert QUESTION in page
    client.post(address, {"source": "list", "confirmed": confirmation(page)})
    assert claims_on(event) == [(ClaimState.PENDING, ClaimSource.LIST)]


def test_what_was_typed_is_kept_while_the_portal_asks(client: Client, event: Event) -> None:
    address = f"/continuing-education/claim/{event.pk}/"
    page = text(client.post(address, {"note": "Only the second half.", "from_create_new": "1"}))
    assert "Only the second half." in page
    assert 'name="from_create_new"' in page
    assert claims_on(event) == []


def test_a_first_time_is_not_asked(client: Client) -> None:
    event = make.event(title="Weeding online")
    client.post(f"/continuing-education/claim/{event.pk}/")
    assert len(claims_on(event)) == 1
