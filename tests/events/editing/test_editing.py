"""Editing events: the form, proposals, publishing, notifications and cancellations."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from zeal import zeal_ignore

from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User
from aspen.errors import Refused
from aspen.models import Mail
from aspen.transitions import Actor
from credits.models import Claim
from events import actions
from events.editing import actions as editing_actions
from events.enums import EVENT_TRANSITIONS, AttendanceMode, EventState, EventStep, RegistrationState
from events.models import Event, Question, Registration, Resource
from tests import factories as make
from tests.emails import body_of, sent
from tests.factories import TECHNOLOGY
from tests.web import coordinator, flash_messages, form_values, signed_in, text

pytestmark = pytest.mark.django_db
DRAFT, PENDING, PUBLISHED = EventState.DRAFT, EventState.PENDING, EventState.PUBLISHED


@pytest.fixture
def library() -> Organization:
    return make.organization(name="Yogo Public Library", city="Lewistown")


@pytest.fixture
def editor(client: Client, library: Organization) -> User:
    editor = make.person(Role.EVENT_EDITOR, display_name="Edie Thorne")
    Position.objects.create(person=editor, organization=library, kind=PositionKind.STAFF)
    client.force_login(editor)
    return editor


def form_data(library: Organization, **fields: Any) -> dict[str, Any]:
    """Return the form data that an organizer enters for a workshop next week."""
    day = timezone.localdate() + dt.timedelta(days=7)
    values = {
        "title": "Weeding, step by step",
        "type": "Continuing Education",
        "organization": library.pk,
        "begins_at": f"{day}T09:00",
        "ends_at": f"{day}T11:00",
        "delivery": "in person",
        "location": "Yogo Inn",
        "city": "Lewistown",
        "registration_mode": "portal",
        "capacity": "20",
        "has_waitlist": "on",
        f"offer_{TECHNOLOGY}": "2.0",
    }
    return values | fields


def form_of(client: Client, event: Event, **fields: Any) -> dict[str, Any]:
    """Return the edit form's data as a browser would send it, with these changes."""
    page = client.get(f"/events/{event.pk}/edit/")
    values = {}
    for name, field in page.context["form"].fields.items():
        bound = page.context["form"][name]
        value = bound.value()
        if field.disabled or value in (None, False, ""):
            continue
        if isinstance(value, dt.datetime):
            value = f"{value:%Y-%m-%dT%H:%M}"
        values[name] = "on" if value is True else value
    return {**values, **{name: value for name, value in fields.items() if value is not None}}


# ---------- From the proposal to the calendar ----------


def test_editors_propose_and_staff_return_and_publish(
    client: Client, editor: User, staff: User, library: Organization
) -> None:
    client.post("/events/manage/new/", form_data(library) | {"submit": "1"})
    event = Event.objects.get()
    assert (event.state, event.created_by, event.organization) == (PENDING, editor, library)
    assert event.sponsor == "Yogo Public Library"
    assert [(line.category.slug, line.amount) for line in event.offers.all()] == [(TECHNOLOGY, 2)]
    assert Client().get(event.get_absolute_url()).status_code == 404

    at_staff = signed_in(staff)
    queue = at_staff.get("/events/manage/")
    assert [(row.title, row.since) for row in queue.context["rows"]] == [
        ("Weeding, step by step", "sent today")
    ]
    review = f"/events/{event.pk}/review/"
    refused = at_staff.post(review, {"return": "1", "reason": ""})
    assert "Enter what needs to change" in refused.content.decode()
    at_staff.post(review, {"return": "1", "reason": "Which room?"})
    event.refresh_from_db()
    assert (event.state, event.decision_reason) == (DRAFT, "Which room?")
    assert "Which room?" in client.get("/events/manage/").content.decode()

    client.post(f"/events/{event.pk}/edit/", form_of(client, event, room="Ballroom", submit="1"))
    done = at_staff.post(review, {"publish": "1"}, follow=True)
    assert "“Weeding, step by step” was published." in done.content.decode()
    event.refresh_from_db()
    assert (event.state, event.room, event.decided_by) == (PUBLISHED, "Ballroom", staff)
    assert Client().get(event.get_absolute_url()).status_code == 200
    kinds = Mail.objects.filter(to=editor).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["events.proposal_returned", "events.proposal_published"]


def test_staff_publish_without_a_proposal(
    client: Client, staff: User, library: Organization
) -> None:
    client.force_login(staff)
    client.post("/events/manage/new/", form_data(library) | {"publish": "1"})
    assert Event.objects.get().state == PUBLISHED
    assert not Mail.objects.exists()


def test_editors_cannot_publish(client: Client, editor: User, library: Organization) -> None:
    client.post("/events/manage/new/", form_data(library) | {"publish": "1"})
    event = Event.objects.get()
    assert event.state == DRAFT
    client.post(f"/events/{event.pk}/review/", {"publish": "1"})
    event.refresh_from_db()
    assert event.state == DRAFT


def test_errors_are_shown_and_entered_text_stays(
    client: Client, editor: User, library: Organization
) -> None:
    wrong = {
        "title": "",
        "ends_at": "2026-01-01T09:00",
        f"offer_{TECHNOLOGY}": "1.3",
        "capacity": "0",
        "registration_mode": "external",
        "presenters": "unknown@library.example",
        "location": "<b>Yogo</b>",
    }
    page = client.post("/events/manage/new/", form_data(library) | wrong)
    errors = page.context["form"].errors
    assert set(errors) == {
        "title",
        f"offer_{TECHNOLOGY}",
        "registration_url",
        "presenters",
        "__all__",
    }
    assert errors["__all__"] == [
        "The end must not be before the start.",
        "Enter at least 1 place, or leave this blank for no limit.",
    ]
    assert 'value="&lt;b&gt;Yogo&lt;/b&gt;"' in page.content.decode()
    assert not Event.objects.exists()


def test_another_library_cannot_be_chosen(client: Client, editor: User) -> None:
    other = make.organization()
    page = client.post("/events/manage/new/", form_data(other))
    assert "organization" in page.context["form"].errors
    event = Event(
        title="x", begins_at=timezone.now(), organization=other, registration_mode="portal"
    )
    edited = editing_actions.EditedEvent(event=event, fields=[], offers={}, presenters=[])
    with pytest.raises(Refused, match="Your profile does not list you"):
        editing_actions.create_event(edited=edited, by=editor)


# ---------- Changing published events ----------


@pytest.fixture
def published(library: Organization) -> Event:
    return make.event(
        days=7,
        title="Weeding",
        organization=library,
        capacity=3,
        delivery="in person",
        location="Yogo Inn",
    )


def test_people_are_notified_of_relevant_changes(
    client: Client, editor: User, published: Event
) -> None:
    ada, bo = make.person(), make.person()
    for person in (ada, bo):
        actions.register(event_id=published.pk, by=person)
    actions.cancel_registration(event_id=published.pk, by=bo)
    Mail.objects.all().delete()
    day = timezone.localdate() + dt.timedelta(days=9)
    changes = {"begins_at": f"{day}T10:00", "ends_at": f"{day}T12:00", "room": "Ballroom"}
    data = form_of(client, published, **changes, tell="on", note="The ballroom is larger.")
    page = client.post(f"/events/{published.pk}/edit/", data, follow=True)
    assert "“Weeding” was saved. 1 person will get an e-mail." in page.content.decode()
    mail = Mail.objects.get(kind="events.changed")
    assert (mail.to, mail.facts["note"]) == (ada, "The ballroom is larger.")
    assert [what for what, _, _ in mail.facts["changes"]] == ["When", "Where"]
    published.refresh_from_db()
    assert published.sequence == 1


def test_minor_changes_notify_no_one_and_notifying_is_optional(
    client: Client, editor: User, published: Event
) -> None:
    actions.register(event_id=published.pk, by=make.person())
    Mail.objects.all().delete()
    for fields in ({"description": "Better words.", "tell": "on"}, {"room": "Attic"}):
        client.post(f"/events/{published.pk}/edit/", form_of(client, published, **fields))
    assert not Mail.objects.exists()
    published.refresh_from_db()
    assert (published.description, published.room) == ("Better words.", "Attic")


def test_only_staff_change_published_credits_and_organizers(
    client: Client, editor: User, staff: User, published: Event
) -> None:
    page = client.get(f"/events/{published.pk}/edit/")
    assert "Only State Library staff can change its credits and organizer" in page.content.decode()
    data = form_of(client, published) | {f"offer_{TECHNOLOGY}": "9.0", "organization": ""}
    client.post(f"/events/{published.pk}/edit/", data)
    published.refresh_from_db()
    assert published.organization is not None
    assert published.offers.get().amount == 1
    at_staff = signed_in(staff)
    data = form_of(at_staff, published, **{f"offer_{TECHNOLOGY}": "3.0"})
    at_staff.post(f"/events/{published.pk}/edit/", data)
    assert published.offers.get().amount == 3


def test_capacity_cannot_be_less_than_the_places_taken(
    client: Client, editor: User, published: Event
) -> None:
    for _ in range(2):
        actions.register(event_id=published.pk, by=make.person())
    page = client.post(
        f"/events/{published.pk}/edit/", form_of(client, published, capacity="1", room="Attic")
    )
    assert page.context["form"].errors["capacity"][0].startswith("2 people already have a place")
    assert 'value="Attic"' in page.content.decode()
    published.refresh_from_db()
    assert (published.capacity, published.room) == (3, "")


def test_additional_places_go_to_the_waitlist(
    client: Client, editor: User, published: Event
) -> None:
    people = [make.person() for _ in range(5)]
    for person in people:
        actions.register(event_id=published.pk, by=person)
    client.post(f"/events/{published.pk}/edit/", form_of(client, published, capacity="4"))
    waiting = Registration.objects.get(event=published, state=RegistrationState.WAITLISTED)
    assert waiting.person == people[4]
    assert Mail.objects.filter(kind="events.promoted", to=people[3]).count() == 1


def test_online_places_are_only_for_events_in_person_and_online(
    client: Client, editor: User, published: Event
) -> None:
    address = f"/events/{published.pk}/edit/"
    page = client.post(address, form_of(client, published, online_capacity="5"))
    assert "Only events in person and online" in page.context["form"].errors["online_capacity"][0]
    changes = {"delivery": "hybrid", "online_capacity": "5"}
    client.post(address, form_of(client, published, **changes))
    published.refresh_from_db()
    assert (published.capacity, published.online_capacity) == (3, 5)
    actions.register(event_id=published.pk, by=make.person(), mode=AttendanceMode.ONLINE)
    actions.register(event_id=published.pk, by=make.person(), mode=AttendanceMode.ONLINE)
    page = client.post(address, form_of(client, published, online_capacity="1"))
    assert page.context["form"].errors["online_capacity"] == [
        "2 people already have an online place, so capacity cannot be less than 2. Enter 2 or "
        "more, or ask some of them to cancel first."
    ]


def test_people_read_how_they_take_part_when_a_format_changes(
    client: Client, editor: User, published: Event
) -> None:
    person = make.person()
    actions.register(event_id=published.pk, by=person)
    sent()
    data = form_of(client, published, delivery="hybrid", tell="on")
    client.post(f"/events/{published.pk}/edit/", data)
    [message] = [each for each in sent() if each.to == [person.email]]
    assert "Format: In person and online (previously: In person)" in body_of(message)
    assert "You take part: in person" in body_of(message)
    assert (
        "If you would rather take part online, see on the event's page whether there is room"
        in body_of(message)
    )


# ---------- Two people at the same time ----------


def opened(client: Client, address: str) -> dict[str, list[str]]:
    return form_values(client.get(address))


def test_a_coordinator_and_an_editor_do_not_undo_each_others_changes(
    client: Client, editor: User, published: Event
) -> None:
    address = f"/events/{published.pk}/edit/"
    at_staff = coordinator()
    mine, theirs = opened(client, address), opened(at_staff, address)
    their_changes = {"location": "Town Hall", f"offer_{TECHNOLOGY}": "3.0"}
    assert at_staff.post(address, theirs | their_changes).status_code == 302

    answer = client.post(address, mine | {"room": "Attic"})

    assert answer.status_code == 302
    published.refresh_from_db()
    assert (published.location, published.room) == ("Town Hall", "Attic")
    assert published.offers.get().amount == 3
    assert (
        "While this page was open, someone else changed: Building or address. Their changes were "
        "kept." in flash_messages(answer)
    )


def test_two_editors_who_change_the_same_field_see_both_values(
    client: Client, editor: User, published: Event
) -> None:
    address = f"/events/{published.pk}/edit/"
    mine, theirs = opened(client, address), opened(client, address)
    client.post(address, theirs | {"location": "Town Hall", "city": "Butte"})

    page = client.post(address, mine | {"location": "Library", "room": "Attic"})

    assert "Someone changed this to “Town Hall” after you opened this page." in text(page)
    assert "You entered “Library”." in text(page)
    published.refresh_from_db()
    assert (published.location, published.city, published.room) == ("Town Hall", "Butte", "")
    again = form_values(page)
    assert (again["location"], again["city"], again["room"]) == (["Library"], ["Butte"], ["Attic"])
    # After comparing the two, the person saves again.
    assert client.post(address, again).status_code == 302
    published.refresh_from_db()
    assert (published.location, published.city, published.room) == ("Library", "Butte", "Attic")


def test_the_admin_and_the_editing_form_do_not_undo_each_others_changes(
    client: Client, editor: User, published: Event
) -> None:
    address, admin_address = (
        f"/events/{published.pk}/edit/",
        f"/admin/events/event/{published.pk}/change/",
    )
    at_staff = coordinator()
    with zeal_ignore():
        theirs = form_values(at_staff.get(admin_address))
    mine = opened(client, address)
    client.post(address, mine | {"room": "Attic"})
    with zeal_ignore():
        answer = at_staff.post(admin_address, theirs | {"city": "Butte", "offers-0-amount": "3.0"})
    assert answer.status_code == 302
    published.refresh_from_db()
    assert (published.city, published.room, published.offers.get().amount) == ("Butte", "Attic", 3)


def test_an_event_published_while_an_editor_changes_it_does_not_drop_the_changes(
    client: Client, editor: User, staff: User, library: Organization
) -> None:
    client.post("/events/manage/new/", form_data(library) | {"submit": "1"})
    event = Event.objects.get()
    address = f"/events/{event.pk}/edit/"
    mine = opened(client, address)
    editing_actions.take_step(event_id=event.pk, step=EventStep.PUBLISH, by=staff)
    page = client.post(address, mine | {f"offer_{TECHNOLOGY}": "9.0", "room": "Attic"})
    assert "The status changed from “Waiting for staff” to “Published”" in text(page)
    assert "can no longer be changed. You entered “9.0”." in text(page)
    event.refresh_from_db()
    assert event.room == ""
    assert client.post(address, form_values(page)).status_code == 302
    event.refresh_from_db()
    assert (event.room, event.offers.get().amount) == ("Attic", 2)


def question_rows(event: Event) -> list[tuple[str, bool]]:
    rows = event.questions.order_by("position").values_list("label", "is_required")
    return list(rows)


def test_two_people_who_write_questions_keep_both(
    client: Client, editor: User, published: Event
) -> None:
    address = f"/events/{published.pk}/questions/"
    client.post(address, opened(client, address) | {"q-0-label": "Lunch?"})
    mine, theirs = opened(client, address), opened(client, address)
    client.post(address, theirs | {"q-0-is_required": "on", "q-1-label": "Parking?"})
    answer = client.post(address, mine | {"q-1-label": "Badge name?"})
    assert answer.status_code == 302
    assert question_rows(published) == [
        ("Lunch?", True), ("Parking?", False), ("Badge name?", False),
    ]  # fmt: skip
    mine, theirs = opened(client, address), opened(client, address)
    client.post(address, theirs | {"q-0-label": "Vegetarian lunch?", "q-1-remove": "on"})
    page = client.post(address, mine | {"q-0-label": "Vegan lunch?", "q-1-label": "Bus?"})
    assert "someone changed this to “Vegetarian lunch?”" in text(page)
    assert "Someone removed a line" in text(page)
    assert question_rows(published) == [("Vegetarian lunch?", True), ("Badge name?", False)]
    client.post(address, form_values(page))
    assert {label for label, _ in question_rows(published)} == {
        "Vegan lunch?", "Badge name?", "Bus?",
    }  # fmt: skip


def test_two_people_who_edit_sessions_keep_both(client: Client, staff: User) -> None:
    client.force_login(staff)
    conference = make.event(days=7, title="Conference")
    session = make.event(days=7, parent=conference, title="Weeding", room="A")
    address = f"/events/{conference.pk}/sessions/"
    mine, theirs = opened(client, address), opened(client, address)
    client.post(address, theirs | {"s-0-room": "B"})
    assert client.post(address, mine | {"s-0-presenter": "Ada"}).status_code == 302
    session.refresh_from_db()
    assert (session.room, session.presenter) == ("B", "Ada")
    mine, theirs = opened(client, address), opened(client, address)
    client.post(address, theirs | {"s-0-room": "C"})
    page = client.post(address, mine | {"s-0-room": "D"})
    assert "Weeding, Room: someone changed this to “C”" in text(page)
    session.refresh_from_db()
    assert session.room == "C"
    assert client.post(address, form_values(page)).status_code == 302
    session.refresh_from_db()
    assert session.room == "D"


def test_presenters_are_entered_by_email(client: Client, editor: User, published: Event) -> None:
    ada, bo = make.person(email="ada@library.example"), make.person(email="bo@library.example")
    for entered, people in [
        ("ada@library.example\nBO@library.example; ada@library.example", [ada, bo]),
        ("bo@library.example", [bo]),
        ("", []),
    ]:
        data = form_of(client, published) | {"presenters": entered}
        client.post(f"/events/{published.pk}/edit/", data)
        presenters = published.presenters.order_by("person_id").values_list("person", flat=True)
        assert list(presenters) == [person.pk for person in people]


# ---------- Canceling ----------


def test_canceling_notifies_everyone_and_withdraws_credits(
    client: Client, editor: User, published: Event
) -> None:
    people = [make.person() for _ in range(4)]
    for person in people:
        actions.register(event_id=published.pk, by=person)
    address = f"/events/{published.pk}/call-off/"
    assert "4 people are registered or on the waitlist." in client.get(address).content.decode()
    page = client.post(address, {"tell": "on"}).content.decode()
    assert "Enter a reason" in page
    assert page.count("Please check this form") == 1
    page = client.post(address, {"reason": "The trainer is ill.", "tell": "on"}, follow=True)
    assert "The trainer is ill." in page.content.decode()
    assert "was canceled. 4 people will get an e-mail." in page.content.decode()
    published.refresh_from_db()
    assert (published.state, published.sequence) == (EventState.CANCELLED, 1)
    mails = Mail.objects.filter(kind="events.called_off").order_by("to")
    assert [mail.to for mail in mails] == people
    client.post(address, {"reason": "Again", "tell": "on"})
    assert mails.count() == 4
    assert not Claim.objects.exists()


def test_events_that_are_over_cannot_be_canceled(
    client: Client, editor: User, library: Any
) -> None:
    event = make.event(days=-2, organization=library)
    client.post(f"/events/{event.pk}/call-off/", {"reason": "Too late"})
    event.refresh_from_db()
    assert event.state == PUBLISHED


def test_staff_cancel_an_event_that_is_over_and_put_it_back(client: Client, staff: User) -> None:
    client.force_login(staff)
    event = make.event(days=2)
    person = make.person()
    actions.register(event_id=event.pk, by=person)
    Event.objects.filter(pk=event.pk).update(
        begins_at=timezone.now() - dt.timedelta(days=2), ends_at=None
    )
    actions.settle_due()
    claim = Claim.objects.get(person=person)
    address = f"/events/{event.pk}/call-off/"
    assert "credits that people have for it will be withdrawn" in text(client.get(address))
    client.post(address, {"reason": "The trainer did not come.", "tell": "on"})
    event.refresh_from_db()
    claim.refresh_from_db()
    assert (event.state, claim.state) == (EventState.CANCELLED, "withdrawn")
    assert Mail.objects.filter(kind="events.called_off", to=person).count() == 1

    address = f"/events/{event.pk}/restore/"
    assert "1 person is registered or on the waitlist." in text(client.get(address))
    page = client.post(address, {"note": "She came.", "tell": "on"}, follow=True)
    assert "was put back on the calendar. 1 person will get an e-mail." in text(page)
    event.refresh_from_db()
    assert (event.state, event.cancellation) == (PUBLISHED, "")
    assert Mail.objects.filter(kind="events.restored", to=person).count() == 1
    actions.settle_due()
    assert Claim.objects.filter(person=person).exclude(state="withdrawn").count() == 1
    assert "This event is not canceled." in text(client.get(address))
    assert "is now published, so this is not possible" in text(
        client.post(address, {}, follow=True)
    )


# ---------- The table of steps ----------


@pytest.mark.parametrize("step", EventStep)
@pytest.mark.parametrize("state", EventState)
def test_every_step_from_every_state(
    step: EventStep, state: EventState, editor: User, staff: User, library: Organization
) -> None:
    event = make.event(
        days=3, organization=library, state=state, created_by=editor, submitted_at=timezone.now()
    )
    transition = EVENT_TRANSITIONS[step]
    for person, actor in ((editor, Actor.EDITOR), (staff, Actor.STAFF)):
        if not transition.allows(state, actor):
            with pytest.raises(Refused):
                editing_actions.take_step(event_id=event.pk, step=step, by=person, reason="Because")
            event.refresh_from_db()
            assert event.state == state
            continue
        editing_actions.take_step(event_id=event.pk, step=step, by=person, reason="Because")
        event.refresh_from_db()
        assert event.state == transition.target
        Event.objects.filter(pk=event.pk).update(state=state)


def test_other_people_cannot_take_steps(published: Event) -> None:
    stranger = make.person(Role.EVENT_EDITOR)
    for person in (stranger, make.person(), make.person(Role.HELP_DESK)):
        with pytest.raises(Refused, match="no longer manage"):
            editing_actions.take_step(
                event_id=published.pk, step=EventStep.CALL_OFF, by=person, reason="Mine now"
            )


# ---------- Copies ----------


def test_a_copy_has_everything_but_dates_people_and_recording(
    client: Client, editor: User, library: Organization
) -> None:
    source = make.event(
        days=-30,
        title="Weeding",
        organization=library,
        capacity=12,
        online_capacity=40,
        delivery="hybrid",
        room="Attic",
        recording_available_at=timezone.now(),
        recording_url="https://videos.example/1",
        check_in_code="ABCDEF",
    )
    Question.objects.create(event=source, position=1, kind="text", label="Why?")
    Resource.objects.create(event=source, label="Handout", url="https://example.org/")
    page = client.get(f"/events/{source.pk}/copy/")
    shown = page.context["form"]
    assert (shown["title"].value(), shown["capacity"].value(), shown["room"].value()) == (
        "Weeding",
        12,
        "Attic",
    )
    assert (shown["delivery"].value(), shown["online_capacity"].value()) == ("hybrid", 40)
    assert not shown["begins_at"].value()
    client.post(f"/events/{source.pk}/copy/", form_data(library, title="Weeding") | {"submit": "1"})
    copied = Event.objects.exclude(pk=source.pk).get()
    assert (copied.state, copied.recording_url, copied.check_in_code) == (PENDING, "", None)
    assert [each.label for each in copied.questions.all()] == ["Why?"]
    assert [each.url for each in copied.resources.all()] == ["https://example.org/"]
    assert not copied.registrations.exists()


# ---------- The list of managed events ----------


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, editor: User, library: Organization, number: int, django_assert_num_queries
) -> None:
    for _ in range(number):
        event = make.event(days=3, organization=library)
        actions.register(event_id=event.pk, by=make.person())
    with django_assert_num_queries(7):
        page = client.get("/events/manage/?show=coming")
    assert [row.registered for row in page.context["rows"]] == [1] * number


def test_the_list_shows_only_managed_events_by_tab(
    client: Client, editor: User, library: Organization
) -> None:
    make.event(days=3, title="Someone else’s", organization=make.organization())
    make.event(days=3, title="Ours", organization=library)
    make.event(days=-3, title="Over", organization=library)
    for show, titles in [
        ("coming", ["Ours"]),
        ("past", ["Over"]),
        ("drafts", []),
        ("nonsense", ["Ours"]),
    ]:
        page = client.get("/events/manage/", {"show": show})
        assert [row.title for row in page.context["rows"]] == titles
    page = client.get("/events/manage/", {"show": "coming", "q": "zebra\x00"})
    assert page.status_code == 200
