"""The badges in the menu count what waits for the person, without a query of their own."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from credits.actions import claim_custom_event
from events.actions import decide_custom_event
from events.enums import Decision
from tests import factories as make
from tests.web import text
from tracks.actions import SupervisorContact, return_submission

pytestmark = pytest.mark.django_db


def badge(person: User) -> str:
    """Return the words of the badge beside Continuing Education, or an empty string."""
    client = Client()
    client.force_login(person)
    menu = re.search(r'class="box__ce".*?</a>', text(client.get("/accessibility/")), re.DOTALL)
    assert menu
    found = re.search(r'<span class="only-read">(.*?)</span>', menu[0])
    return found[1] if found else ""


def return_training(person: User, staff: User) -> None:
    event = claim_custom_event(facts=make.facts(), by=person).event
    decide_custom_event(event_id=event.pk, decision=Decision.RETURN, reason="Why?", by=staff)


def test_nothing_waits_for_a_new_person() -> None:
    make.person(display_name="Somebody else")
    assert badge(make.person()) == ""


def test_records_to_verify_are_counted_by_account_and_by_address() -> None:
    supervisor = make.person()
    contact = SupervisorContact(supervisor.display_name, supervisor.email)
    for _ in range(2):
        make.verification(make.submission(make.following(make.person())), contact)
    assert badge(supervisor) == "2 to verify"
    assert badge(make.person()) == ""


def test_returned_training_and_records_are_counted(staff: User) -> None:
    person = make.person()
    return_training(person, staff)
    submission = make.submission(make.following(person))
    return_submission(submission_id=submission.pk, reason="Add hours.", by=staff)
    assert badge(person) == "1 record to change, 1 training to change"


def test_the_badges_take_no_query(django_assert_num_queries: Any) -> None:
    client = Client()
    client.force_login(make.person())
    with django_assert_num_queries(2):  # the session and the person
        client.get("/accessibility/")
