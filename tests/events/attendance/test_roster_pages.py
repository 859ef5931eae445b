"""Roster pages: who can see them, what they show, and marking attendance."""

import csv
import io

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User
from events import actions
from events.enums import Attendance, AttendanceMode, Delivery, QuestionKind
from events.models import Event, Question, Registration
from tests import factories as make
from tests.web import text

pytestmark = pytest.mark.django_db
IN_PERSON, ONLINE = AttendanceMode.IN_PERSON, AttendanceMode.ONLINE


@pytest.fixture
def library() -> Organization:
    return make.organization(name="Yogo Public Library", city="Lewistown")


@pytest.fixture
def event(library: Organization) -> Event:
    return make.event(days=0, hours=2, organization=library, title="Weeding, step by step")


def register(event: Event, **fields: str) -> Registration:
    return actions.register(event_id=event.pk, by=make.person(**fields))


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, editor: User, event: Event, number: int, django_assert_num_queries
) -> None:
    # People can join the waitlist only before the start.
    event = make.event(days=1, organization=event.organization, capacity=number)
    for _ in range(2 * number):
        register(event)
    with django_assert_num_queries(11):
        page = client.get(f"/events/{event.pk}/roster/")
    assert len(page.context["rows"]) == len(page.context["waiting"]) == number


def test_the_buttons_in_a_row_mark_attendance(client: Client, editor: User, event: Event) -> None:
    place = register(event, display_name="Ada Lake")
    for attendance, words in [
        ("present", "Ada Lake: present."),
        ("late", "Ada Lake: came late."),
        ("absent", "Ada Lake: absent."),
        ("unknown", "Ada Lake: not marked."),
    ]:
        page = client.post(
            f"/events/{event.pk}/roster/",
            {"registration": place.pk, "attendance": attendance},
            follow=True,
        )
        assert page.redirect_chain == [(f"/events/{event.pk}/roster/#place-{place.pk}", 302)]
        assert words in page.content.decode()
        place.refresh_from_db()
        assert place.attendance == attendance


def test_marking_returns_to_the_same_search_page(
    client: Client, editor: User, event: Event
) -> None:
    place = register(event, display_name="Ada & Söhne")
    address = f"/events/{event.pk}/roster/?find=Ada+%26+S%C3%B6hne&page=1"
    page = client.post(address, {"registration": place.pk, "attendance": "present"}, follow=True)
    assert page.redirect_chain == [(f"{address}#place-{place.pk}", 302)]
    assert page.context["query"] == "find=Ada+%26+S%C3%B6hne&"
    assert [row.name for row in page.context["rows"]] == ["Ada & Söhne"]


def test_invalid_input_marks_no_one(client: Client, editor: User, event: Event) -> None:
    other = register(make.event(days=0, hours=2))
    address = f"/events/{event.pk}/roster/"
    assert (
        client.post(address, {"registration": other.pk, "attendance": "present"}).status_code == 404
    )
    for data in ({}, {"registration": "x", "attendance": "present"}, {"registration": 1}):
        page = client.post(address, data, follow=True)
        assert "Nothing was marked." in page.content.decode()
    other.refresh_from_db()
    assert other.attendance == Attendance.UNKNOWN


def test_unmarked_people_are_marked_present(client: Client, editor: User, event: Event) -> None:
    third = [register(event) for _ in range(3)][-1]
    actions.mark_attendance(registration_id=third.pk, attendance=Attendance.ABSENT, by=editor)
    page = client.post(f"/events/{event.pk}/roster/", {"everyone": "1"}, follow=True)
    assert "2 people were marked present." in page.content.decode()
    marks = event.registrations.order_by("pk").values_list("attendance", flat=True)
    assert list(marks) == ["present", "present", "absent"]


def test_search_by_name_and_email(client: Client, editor: User, event: Event) -> None:
    register(event, display_name="Ada Lake", email="ada@library.example")
    register(event, display_name="Bo River", email="bo@library.example")
    for words, names in [
        ("ada", ["Ada Lake"]),
        ("LIBRARY.example river", ["Bo River"]),
        ("", ["Ada Lake", "Bo River"]),
        ("zebra", []),
        ("\x00", ["Ada Lake", "Bo River"]),
    ]:
        page = client.get(f"/events/{event.pk}/roster/", {"find": words})
        assert [row.name for row in page.context["rows"]] == names


def test_attendance_cannot_be_marked_long_before_the_event(client: Client, editor: User) -> None:
    event = make.event(days=3, organization=editor.positions.get().organization)
    register(event)
    page = client.get(f"/events/{event.pk}/roster/")
    assert "You can mark attendance starting two hours before the event" in page.content.decode()
    assert 'name="attendance"' not in page.content.decode()
    for data in ({"everyone": "1"}, {"registration": "1", "attendance": "present"}):
        page = client.post(f"/events/{event.pk}/roster/", data, follow=True)
        assert "You can mark attendance starting two hours before" in page.content.decode()
    assert event.registrations.get().attendance == Attendance.UNKNOWN


def test_walk_ins_are_added_by_email(client: Client, editor: User, event: Event) -> None:
    person = make.person(email="late@library.example", display_name="Cy Falls")
    address = f"/events/{event.pk}/roster/walk-in/"
    answer = client.post(address, {"email": "unknown@library.example"})
    assert "No account uses this address" in answer.content.decode()
    assert 'value="unknown@library.example"' in answer.content.decode()
    done = client.post(address, {"email": "LATE@library.example"}, follow=True)
    assert "Cy Falls was added to the roster as present." in done.content.decode()
    client.post(address, {"email": "late@library.example"})
    place = Registration.objects.get(event=event, person=person)
    assert (place.walk_in, place.attendance) == (True, Attendance.PRESENT)


def test_the_sign_in_sheet_lists_people_and_has_blank_lines(
    client: Client, editor: User, event: Event
) -> None:
    place = register(event, display_name="Ada Lake")
    Position.objects.create(
        person=place.person,
        organization=make.organization(name="Two Medicine Library"),
        kind=PositionKind.STAFF,
    )
    page = client.get(f"/events/{event.pk}/roster/sheet/").content.decode()
    assert "<td>Two Medicine Library</td>" in page
    assert page.count("<tr>") == 1 + 1 + 10


# ---------- Answers to questions ----------


@pytest.fixture
def answered(event: Event) -> Registration:
    questions = [
        Question.objects.create(event=event, position=number, kind=kind, label=label)
        for number, (kind, label) in enumerate(
            [
                (QuestionKind.TEXT, "Your own project?"),
                (
                    QuestionKind.ACCOMMODATION,
                    "What accommodations do you need in order to take part?",
                ),
            ]
        )
    ]
    texts = {questions[0].pk: "=SUM(A1)", questions[1].pk: "A sign language interpreter"}
    return actions.register(event_id=event.pk, by=make.person(display_name="@Ada"), answers=texts)


def test_organizers_read_accommodation_needs(
    client: Client, editor: User, event: Event, answered: Registration
) -> None:
    page = client.get(f"/events/{event.pk}/roster/").content.decode()
    assert "A sign language interpreter" in page
    assert "interpreter" in client.get(f"/events/{event.pk}/roster/roster.csv").content.decode()


def test_other_staff_cannot_read_accommodation_needs(
    client: Client, event: Event, answered: Registration
) -> None:
    client.force_login(make.person(Role.CE_COORDINATOR))
    page = client.get(f"/events/{event.pk}/roster/").content.decode()
    assert "=SUM(A1)" in page
    assert "interpreter" not in page
    assert "interpreter" not in client.get(f"/events/{event.pk}/roster/roster.csv").content.decode()
    Event.objects.filter(pk=event.pk).update(organization=None)
    assert "interpreter" in client.get(f"/events/{event.pk}/roster/").content.decode()


def test_the_csv_file_escapes_formulas(
    client: Client, editor: User, event: Event, answered: Registration
) -> None:
    answer = client.get(f"/events/{event.pk}/roster/roster.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="roster-weeding-step-by-step.csv"'
    text = answer.content.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["Name"], row["Your own project?"]) == ("'@Ada", "'=SUM(A1)")


def test_editors_see_only_their_librarys_rosters(client: Client, event: Event) -> None:
    stranger = make.person(Role.EVENT_EDITOR)
    Position.objects.create(
        person=stranger, organization=make.organization(), kind=PositionKind.STAFF
    )
    client.force_login(stranger)
    for page in ("", "sheet/", "walk-in/", "code/", "upload/", "roster.csv"):
        assert client.get(f"/events/{event.pk}/roster/{page}").status_code == 404


# ---------- The code in the room ----------


def test_the_code_is_created_shown_renewed_and_turned_off(
    client: Client, editor: User, event: Event
) -> None:
    address = f"/events/{event.pk}/roster/code/"
    assert "Create code" in client.get(address).content.decode()
    shown = client.post(address, follow=True)
    letters = shown.context["letters"]
    assert f'<span aria-hidden="true">{letters}</span>' in shown.content.decode()
    assert '<svg aria-hidden="true"' in shown.content.decode()
    assert client.post(address, follow=True).context["letters"] != letters
    assert client.post(address, {"off": "1"}, follow=True).context["letters"] is None


# ---------- Hybrid events ----------


@pytest.fixture
def hybrid(library: Organization) -> Event:
    event = make.event(
        days=1, organization=library, delivery=Delivery.HYBRID, capacity=1, online_capacity=1
    )
    for mode, names in ((IN_PERSON, ("Ada", "Bea")), (ONLINE, ("Cleo", "Dora", "Ea"))):
        for name in names:
            person = make.person(display_name=name)
            actions.register(event_id=event.pk, by=person, mode=mode)
    return event


def names_on(page: HttpResponse) -> list[str]:
    return [row.name for row in page.context["rows"]]  # type: ignore[attr-defined]


def test_the_roster_of_a_hybrid_event_says_who_is_online(
    client: Client, editor: User, hybrid: Event
) -> None:
    address = f"/events/{hybrid.pk}/roster/"
    page = client.get(address)
    assert "2 registered: 1 in the room, 1 online, 3 on the waitlist." in text(page)
    assert [row.mode for row in page.context["rows"]] == ["In person", "Online"]
    headings = text(page).split("<h2>Waitlist")[1:]
    assert [part.partition("<")[0] for part in headings] == [", in person", ", online"]
    assert "Bea" in headings[0]
    assert headings[1].index("Dora") < headings[1].index("Ea")
    assert names_on(client.get(f"{address}?mode=online")) == ["Cleo"]
    assert names_on(client.get(f"{address}?mode=in+person")) == ["Ada"]
    assert names_on(client.get(f"{address}?mode=online&find=ada")) == []
    assert client.get(f"{address}?mode=online").context["query"] == "mode=online&"


def test_the_sign_in_sheet_has_people_in_the_room(
    client: Client, editor: User, hybrid: Event
) -> None:
    unknown = make.person(display_name="Faye")
    Event.objects.filter(pk=hybrid.pk).update(capacity=2)
    Registration.objects.create(
        event=hybrid, person=unknown, state="confirmed", registered_at=hybrid.created_at
    )
    address = f"/events/{hybrid.pk}/roster/sheet/"
    page = client.get(address)
    assert [name for name, _ in page.context["people"]] == ["Ada", "Faye"]
    assert "People online are not included." in text(page)
    page = client.get(f"{address}?everyone")
    assert [name for name, _ in page.context["people"]] == ["Ada", "Cleo", "Faye"]


def test_the_roster_file_of_a_hybrid_event_has_a_column_more(
    client: Client, editor: User, hybrid: Event
) -> None:
    response = client.get(f"/events/{hybrid.pk}/roster/roster.csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [(row["Name"], row["Taking part"]) for row in rows] == [
        ("Ada", "In person"),
        ("Cleo", "Online"),
    ]
