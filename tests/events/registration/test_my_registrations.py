"""When registration is open, the waitlist, questions, and My registrations."""

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from aspen.errors import Refused
from aspen.models import Mail
from events import actions
from events.enums import Attendance, KeyPurpose, QuestionKind, RegistrationState
from events.models import Answer, Event, PersonalKey, Question, Registration
from events.registration import keys
from tests import factories as make
from tests.web import signed_in

pytestmark = pytest.mark.django_db
CONFIRMED, WAITLISTED = RegistrationState.CONFIRMED, RegistrationState.WAITLISTED


def place(event: Event, person: User) -> Registration:
    return Registration.objects.get(event=event, person=person)


def mail_kinds(person: User) -> list[str]:
    return list(Mail.objects.filter(to=person).order_by("pk").values_list("kind", flat=True))


# ---------- When registration is open ----------

OPENS = dt.datetime(2026, 12, 1, 16, tzinfo=dt.UTC)
CLOSES = dt.datetime(2026, 12, 8, 16, tzinfo=dt.UTC)
TICK = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "words", "label"),
    [
        (
            OPENS - TICK,
            "Registration opens on Tue, Dec 1, 2026, at 9:00 AM.",
            "Registration opens Tue, Dec 1, 2026",
        ),
        (OPENS, None, "Registration closes in 7 days"),
        (CLOSES - dt.timedelta(days=1), None, "Registration closes tomorrow"),
        (CLOSES - TICK, None, "Registration closes today"),
        (CLOSES, "Registration closed on Tue, Dec 8, 2026, at 9:00 AM.", "Registration closed"),
    ],
)
def test_registration_opens_and_closes(
    client: Client, person: User, now: dt.datetime, words: str | None, label: str
) -> None:
    event = make.event(
        begins_at=CLOSES + dt.timedelta(days=2),
        ends_at=None,
        registration_opens_at=OPENS,
        registration_closes_at=CLOSES,
    )
    with time_machine.travel(now, tick=False):
        client.force_login(person)
        page = client.get(event.get_absolute_url())
        assert [state.text for state in page.context["states"]] == [label]
        answer = client.post(f"/events/{event.pk}/register/", follow=True)
        assert (words or "You are registered.") in answer.content.decode()
    assert Registration.objects.exists() == (words is None)


# ---------- The waitlist ----------


def test_the_first_person_waiting_moves_up_after_a_cancellation(
    client: Client, person: User
) -> None:
    event = make.event(days=3, capacity=1)
    holder, second = make.person(), make.person()
    actions.register(event_id=event.pk, by=holder)
    answer = client.post(f"/events/{event.pk}/register/", follow=True).content.decode()
    assert "You are on the waitlist. As soon as a place opens up" in answer
    assert "On the waitlist, number 1" in answer
    actions.register(event_id=event.pk, by=second)
    other = signed_in(second)
    page = other.get(event.get_absolute_url())
    assert page.context["next_step"].note.startswith("You are on the waitlist. One person is ahead")
    assert page.context["places_left"] == "None of 1 left, 2 people waiting"

    actions.cancel_registration(event_id=event.pk, by=holder)

    assert (place(event, person).state, place(event, second).state) == (CONFIRMED, WAITLISTED)
    assert mail_kinds(holder) == ["events.registered", "events.registration_cancelled"]
    assert mail_kinds(person) == ["events.waitlisted", "events.promoted"]
    assert mail_kinds(second) == ["events.waitlisted"]


def test_a_person_who_registers_again_is_last_on_the_waitlist(person: User) -> None:
    event = make.event(days=3, capacity=1)
    first, second = make.person(), make.person()
    for each in (first, person, second):
        actions.register(event_id=event.pk, by=each)
    actions.cancel_registration(event_id=event.pk, by=person)
    actions.register(event_id=event.pk, by=person)
    actions.cancel_registration(event_id=event.pk, by=first)
    assert (place(event, second).state, place(event, person).state) == (CONFIRMED, WAITLISTED)


def test_leaving_the_waitlist_frees_no_place(client: Client, person: User) -> None:
    event = make.event(days=3, capacity=1)
    holder = make.person()
    actions.register(event_id=event.pk, by=holder)
    actions.register(event_id=event.pk, by=person)
    answer = client.post(f"/events/{event.pk}/cancel/", follow=True).content.decode()
    assert "You left the waitlist." in answer
    assert place(event, holder).state == CONFIRMED


def test_added_places_go_to_people_on_the_waitlist(person: User) -> None:
    event = make.event(days=3, capacity=1)
    for each in (make.person(), person, make.person()):
        actions.register(event_id=event.pk, by=each)
    event.refresh_from_db()
    event.capacity = 2
    event.save()
    promoted = actions.promote_waiting(event=event, by=None)
    assert [each.person for each in promoted] == [person]


def test_no_one_is_promoted_once_the_event_is_over(person: User) -> None:
    event = make.event(days=3, capacity=1)
    holder = make.person()
    for each in (holder, person):
        actions.register(event_id=event.pk, by=each)
    before = timezone.now() - dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=before, ends_at=before, capacity=5)
    event.refresh_from_db()
    assert actions.promote_waiting(event=event, by=None) == []
    assert place(event, person).state == WAITLISTED


def test_people_who_checked_in_cannot_cancel(client: Client, person: User) -> None:
    event = make.event(days=0, hours=2)
    registration = actions.register(event_id=event.pk, by=person)
    actions.mark_attendance(
        registration_id=registration.pk, attendance=Attendance.PRESENT, by=make.person()
    )
    answer = client.post(f"/events/{event.pk}/cancel/", follow=True).content.decode()
    assert "Your attendance has been marked" in answer
    assert place(event, person).state == CONFIRMED


# ---------- Questions ----------


def add_questions(event: Event) -> list[Question]:
    questions = [
        (QuestionKind.TEXT, "What would you like to learn?", [], True),
        (QuestionKind.CHOICE, "Lunch", ["Soup", "Salad"], False),
        (QuestionKind.YES_NO, "First time?", [], True),
        (
            QuestionKind.ACCOMMODATION,
            "What accommodations do you need in order to take part?",
            [],
            False,
        ),
    ]
    return [
        Question.objects.create(
            event=event,
            position=number,
            kind=kind,
            label=label,
            choices=choices,
            is_required=is_required,
        )
        for number, (kind, label, choices, is_required) in enumerate(questions)
    ]


def test_answers_to_the_organizers_questions_can_be_changed(client: Client, person: User) -> None:
    event = make.event(days=3)
    learn, lunch, first, need = add_questions(event)
    address = f"/events/{event.pk}/register/"
    assert f'href="{address}"' in client.get(event.get_absolute_url()).content.decode()
    page = client.get(address).content.decode()
    assert "Only the organizer sees this." in page
    typed = {f"question_{learn.pk}": "<b>Weeding</b>", f"question_{lunch.pk}": "Steak"}
    again = client.post(address, typed)
    assert set(again.context["form"].errors) == {f"question_{lunch.pk}", f"question_{first.pk}"}
    assert "&lt;b&gt;Weeding&lt;/b&gt;" in again.content.decode()
    assert not Registration.objects.exists()
    typed |= {f"question_{lunch.pk}": "", f"question_{first.pk}": "Yes"}
    assert client.post(address, typed).status_code == 302
    answers = Answer.objects.filter(registration__person=person).order_by("question__position")
    assert list(answers.values_list("text", flat=True)) == ["<b>Weeding</b>", "Yes"]
    client.post(address, typed | {f"question_{need.pk}": "A ramp"})
    assert answers.last().text == "A ramp"
    assert answers.count() == 3


def test_the_waitlist_of_an_event_with_questions(client: Client, person: User) -> None:
    event = make.event(days=3, capacity=1)
    actions.register(event_id=event.pk, by=make.person())
    [first, *_] = add_questions(event)
    Question.objects.exclude(pk=first.pk).delete()
    address = f"/events/{event.pk}/register/"
    assert "Join the waitlist" in client.get(address).content.decode()
    client.post(address, {f"question_{first.pk}": "All of it"})
    assert place(event, person).state == WAITLISTED


def test_required_answers_are_enforced_without_the_form(person: User) -> None:
    event = make.event(days=3)
    [question, *_] = add_questions(event)
    with pytest.raises(Refused, match="Please answer: What would") as refusal:
        actions.register(event_id=event.pk, by=person)
    assert refusal.value.field == f"question_{question.pk}"


def test_no_questions_are_asked_once_the_event_is_over(client: Client, person: User) -> None:
    event = make.event(days=-3)
    add_questions(event)
    answer = client.get(f"/events/{event.pk}/register/", follow=True)
    assert answer.redirect_chain == [(f"/events/{event.pk}/", 302)]


# ---------- My registrations ----------


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, person: User, number: int, django_assert_num_queries
) -> None:
    for _ in range(number):
        for days, fields in [(3, {}), (4, {"capacity": 1})]:
            event = make.event(days=days, **fields)
            if fields:
                actions.register(event_id=event.pk, by=make.person())
            actions.register(event_id=event.pk, by=person)
        event = make.event(days=5)
        actions.register(event_id=event.pk, by=person)
        begins_at = timezone.now() - dt.timedelta(days=2)
        Event.objects.filter(pk=event.pk).update(begins_at=begins_at, ends_at=begins_at)
    actions.settle_due()
    with django_assert_num_queries(12):
        page = client.get("/events/mine/")
    assert (len(page.context["coming"]), len(page.context["past"])) == (2 * number, number)
    assert {outcome.text for _, outcome in page.context["past"]} == {"Credit listed"}
    labels = [row.states[0].text for row, *_ in page.context["coming"]]
    assert sorted(set(labels)) == ["On the waitlist, number 1", "Registered"]


def test_outcomes_of_past_registrations(client: Client, person: User) -> None:
    absent, without = make.event(days=3), make.event(days=3, credits={})
    for event in (absent, without):
        actions.register(event_id=event.pk, by=person)
    actions.mark_attendance(
        registration_id=place(absent, person).pk, attendance=Attendance.ABSENT, by=make.person()
    )
    before = timezone.now() - dt.timedelta(days=2)
    Event.objects.update(begins_at=before, ends_at=before)
    page = client.get("/events/mine/")
    assert {row.pk: outcome.text for row, outcome in page.context["past"]} == {
        absent.pk: "Absent, no credit",
        without.pk: "Earns no credit",
    }


def test_personal_addresses_are_created_replaced_and_turned_off(
    client: Client, person: User
) -> None:
    assert client.get("/events/mine/").context["feed"] == ""
    for name in ("feed", "badge"):
        purpose = KeyPurpose(name)
        answer = client.post(f"/events/mine/{name}/")
        assert answer["Location"] == f"/events/mine/#{name}"
        first = keys.get_key(purpose=purpose, by=person).token
        asked = client.post(f"/events/mine/{name}/")
        assert "The present one stops working for good" in asked.content.decode()
        assert keys.get_key(purpose=purpose, by=person).token == first
        client.post(f"/events/mine/{name}/", {"confirmed": "1"})
        second = keys.get_key(purpose=purpose, by=person).token
        assert first != second
        page = client.get("/events/mine/")
        if name == "feed":
            assert page.context["feed"].endswith(f"/events/personal/{second}.ics")
        else:
            assert "<svg" in page.content.decode()
        asked = client.post(f"/events/mine/{name}/", {"off": "1"})
        assert '<input type="hidden" name="off" value="1">' in asked.content.decode()
        client.post(f"/events/mine/{name}/", {"off": "1", "confirmed": "1"})
        assert not PersonalKey.objects.filter(purpose=purpose, revoked_at=None).exists()
