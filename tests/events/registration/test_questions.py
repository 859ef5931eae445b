"""Adding, ordering, changing and removing the organizer's questions."""

from typing import Any

import pytest
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from events import actions
from events.editing.material import MAX_QUESTIONS
from events.models import Answer, Event, Question
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> User:
    staff = make.person(Role.CE_COORDINATOR)
    client.force_login(staff)
    return staff


@pytest.fixture
def event() -> Event:
    return make.event(days=3)


def send(client: Client, event: Event, *rows: dict[str, str]) -> Any:
    """Open the page, and submit these questions."""
    seen = client.get(f"/events/{event.pk}/questions/").context["seen"]
    data = {"seen": seen, "q-TOTAL_FORMS": str(len(rows)), "q-INITIAL_FORMS": "0"}
    for number, fields in enumerate(rows):
        for name, value in ({"kind": "text"} | fields).items():
            data[f"q-{number}-{name}"] = value
    return client.post(f"/events/{event.pk}/questions/", data)


def questions_of(event: Event) -> list[tuple[str, str, list[str], bool]]:
    rows = Question.objects.filter(event=event).order_by("position")
    return list(rows.values_list("label", "kind", "choices", "is_required"))


def test_questions_are_added_ordered_and_changed(client: Client, staff: User, event: Event) -> None:
    lunch = {"label": "Lunch?", "kind": "choice", "choices": "Soup\r\n\r\nSalad\r\nSoup"}
    send(client, event, {"label": "Why?", "is_required": "on"}, {"label": ""}, lunch)
    assert questions_of(event) == [
        ("Why?", "text", [], True),
        ("Lunch?", "choice", ["Soup", "Salad"], False),
    ]
    why, second = Question.objects.order_by("position")
    send(client, event, lunch | {"id": str(second.pk)}, {"id": str(why.pk), "label": "Why not?"})
    assert [label for label, *_ in questions_of(event)] == ["Lunch?", "Why not?"]
    assert {each.pk for each in Question.objects.all()} == {why.pk, second.pk}


def test_incomplete_questions_are_rejected(client: Client, staff: User, event: Event) -> None:
    page = send(client, event, {"label": "<b>Lunch?</b>", "kind": "choice", "choices": "Soup"})
    assert "Enter at least two choices" in page.content.decode()
    assert "&lt;b&gt;Lunch?&lt;/b&gt;" in page.content.decode()
    send(client, event, {"label": "Why?"})
    page = send(client, event, {"id": str(Question.objects.get().pk), "label": ""})
    assert "select Remove this question" in page.content.decode()
    assert [label for label, *_ in questions_of(event)] == ["Why?"]


def test_removing_a_question_shows_how_many_people_answered(
    client: Client, staff: User, event: Event
) -> None:
    send(client, event, {"label": "Why?"})
    question = Question.objects.get()
    actions.register(event_id=event.pk, by=make.person(), answers={question.pk: "Because"})
    page = client.get(f"/events/{event.pk}/questions/").content.decode()
    assert "1 person has answered. Removing the question will delete these answers." in page
    send(client, event, {"id": str(question.pk), "label": "Why?", "remove": "on"})
    assert questions_of(event) == []
    assert not Answer.objects.exists()
    assert event.registrations.count() == 1


def test_too_many_questions_are_refused(client: Client, staff: User, event: Event) -> None:
    rows = [{"label": f"Question {number}"} for number in range(MAX_QUESTIONS + 1)]
    page = send(client, event, *rows)
    assert f"You can ask at most {MAX_QUESTIONS} questions" in page.content.decode()
    assert questions_of(event) == []


def test_questions_of_another_event_are_not_changed(
    client: Client, staff: User, event: Event
) -> None:
    other = make.event(days=3)
    send(client, other, {"label": "Theirs"})
    page = send(client, event, {"id": str(Question.objects.get().pk), "label": "Ours"})
    assert [label for label, *_ in questions_of(other)] == ["Theirs"]
    assert "Someone removed a line after you opened this page" in page.content.decode()
    assert questions_of(event) == []


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, staff: User, event: Event, number: int, django_assert_num_queries
) -> None:
    send(client, event, *({"label": f"Question {each}"} for each in range(number)))
    with django_assert_num_queries(7):
        client.get(f"/events/{event.pk}/questions/")
