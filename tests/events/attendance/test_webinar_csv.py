"""Attendance lists from webinar tools: reading, previewing, and applying them once."""

import datetime as dt
import tracemalloc

import pytest
from allauth.account.models import EmailAddress
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from aspen.models import Mail
from credits.models import Claim
from events import actions
from events.attendance import webinar_csv
from events.enums import Attendance, RegistrationState
from events.models import AttendanceList, Event, Registration
from tests import factories as make

pytestmark = pytest.mark.django_db
PRESENT, ABSENT, UNKNOWN = Attendance.PRESENT, Attendance.ABSENT, Attendance.UNKNOWN


@pytest.mark.parametrize(
    "data",
    [
        b"Email,Minutes\nAda@Library.example,50\nbo@library.example,12\n",
        b"\xef\xbb\xbfE-mail;Duration (minutes)\r\nada@library.example;50\r\n"
        b"bo@library.example;12\r\n",
        "Email Address\tTime in Session\nada@library.example\t0:50:00\n"
        "bo@library.example\t12:00\n".encode("utf-16"),
        b"Webinar,Caf\xe9\nHeld,today\n\nName,User Email,Minutes\n"
        b'Ada,ada@library.example,50 minutes\nBo,bo@library.example,"12,5"\n',
        b'"Name";"Email";"Time in Session (minutes)"\n"Lake, Ada, Dr.";ada@library.example;50\n'
        b'"River, Bo, Dr., Jr.";bo@library.example;"12"\n',
        b"email;minutes\nada@library.example;20\nADA@library.example;30\nbo@library.example;12\n",
    ],
)
def test_formats_of_different_tools(data: bytes) -> None:
    sheet = webinar_csv.read_attendance_list(data)
    assert [(row[0], row[1]) for row in sheet.rows] == [
        ("ada@library.example", 50),
        ("bo@library.example", 12),
    ]
    assert sheet.refused == []


def test_valid_quotation_marks() -> None:
    sheet = webinar_csv.read_attendance_list(
        b'Name,Email,Minutes\nAda "Moss" Lake,ada@x.example,50\r\n'
        b'"Bo, ""x""\r\nRiver",bo@x.example,20\r\n'
    )
    assert sheet == ([["ada@x.example", 50, 2], ["bo@x.example", 20, 4]], [])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 Email,Minutes", "This is not a CSV file"),
        (b"PK\x03\x04 Email,Minutes", "This is not a CSV file"),
        (b"Email,Minutes\n\x00\x00", "not a text file"),
        (b"Name,Time\nAda,50\n", "The file has no columns for e-mail address"),
        (b"", "The file has no columns for e-mail address"),
        (b"x" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
        (b"Email,Minutes\n" + b"a@b.example,1\n" * 20_001, "more than 20,000 rows"),
        (b'Email,Minutes\n"' + b"a" * 200_000, "cannot be read as CSV"),
        # A lenient reader would silently swallow the rows below the quotation mark.
        (b'Email,Minutes\n"ada@x.example,50\nbo@x.example,20\n', "as CSV past line 3. A quot"),
        (
            b'Name,Email,Minutes\n"Ada,ada@x.example,50\n"Bo",bo@x.example,20\n',
            "as CSV past line 3. A quotation mark on that line or above it is not closed",
        ),
    ],
)
def test_an_unreadable_list_is_refused_with_a_message(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        webinar_csv.read_attendance_list(data)


def test_bad_rows_are_reported_by_line() -> None:
    sheet = webinar_csv.read_attendance_list(
        b"Email,Minutes\nnobody,5\n,5\nada@library.example,soon\nbo@library.example\n\n"
        b"bo@library.example,=1+1\ncy@library.example,7\n"
    )
    assert [row[0] for row in sheet.rows] == ["cy@library.example"]
    assert [line for line, _ in sheet.refused] == [2, 3, 4, 5, 7]


def test_repeated_visits_count_once() -> None:
    sheet = webinar_csv.read_attendance_list(
        b"Name,Email,Join Time,Leave Time,Duration (Minutes)\n"
        b"Ada,ada@x.example,9:00,9:20,20\n"
        b"Ada Lake,ADA@x.example, 9:00,9:20 ,20 min\n"
        b"Bo,bo@x.example,9:00,9:20,20\n"
        b"Ada,ada@x.example,9:00,9:25,25\n"
        b"Ada,ada@x.example,9:40,9:45,5\n"
        b"Cy,cy@x.example,,,7\n"
        b"Cy,cy@x.example,,,7\n"
    )
    assert [row[:2] for row in sheet.rows] == [
        ["ada@x.example", 50],
        ["bo@x.example", 20],
        ["cy@x.example", 14],
    ]
    assert sheet.refused == [[3, "Same visit as on line 2. It counts once."]]


def test_identical_rows_without_times_are_separate_visits() -> None:
    sheet = webinar_csv.read_attendance_list(
        b"Email,Start Time,Minutes\nada@x.example,9:00,20\nada@x.example,9:00,20\n"
    )
    assert sheet == ([["ada@x.example", 40, 2]], [])


@pytest.mark.parametrize(
    ("written", "minutes"),
    [
        ("1:05:30", 65),
        ("65:30", 65),
        ("65 min", 65),
        ("1 hour 5 minutes", 65),
        ("1h 5m 30s", 65),
        ("65.9", 65),
        ("--", 0),
        ("999999", 100_000),
    ],
)
def test_duration_formats(written: str, minutes: int) -> None:
    sheet = webinar_csv.read_attendance_list(f"Email\tMinutes\nada@x.example\t{written}\n".encode())
    assert sheet == ([["ada@x.example", minutes, 2]], [])


def test_only_the_first_bad_rows_are_reported() -> None:
    sheet = webinar_csv.read_attendance_list(b"Email,Minutes\n" + b"invalid,5\n" * 1_000)
    assert len(sheet.refused) == 201
    assert sheet.refused[-1] == [202, "More rows were skipped. They are not listed."]


def test_twenty_thousand_rows_take_little_memory() -> None:
    data = b"Email;Minutes\n" + b"".join(b"p%d@x.example;%d\n" % (n, n % 90) for n in range(20_000))
    tracemalloc.start()
    sheet = webinar_csv.read_attendance_list(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sheet.rows) == 20_000
    assert peak < 40_000_000


# ---------- Applying a list ----------


def roster(event: Event, *people: User) -> list[Registration]:
    Event.objects.filter(pk=event.pk).update(
        begins_at=event.begins_at + dt.timedelta(days=30), ends_at=None
    )
    places = [actions.register(event_id=event.pk, by=person) for person in people]
    Event.objects.filter(pk=event.pk).update(begins_at=event.begins_at, ends_at=event.ends_at)
    return places


def store_list(event: Event, *rows: tuple[str, int]) -> AttendanceList:
    data = "Email,Minutes\n" + "".join(f"{address},{minutes}\n" for address, minutes in rows)
    return actions.store_attendance_list(
        event_id=event.pk,
        file_name="C:\\lists\\Webinar – “ü”.csv",
        data=data.encode(),
        threshold=30,
        by=make.person(),
    )


def apply(stored: AttendanceList, **choices: bool) -> int:
    return actions.apply_attendance_list(list_id=stored.pk, by=stored.uploaded_by, **choices)


def marks(event: Event) -> dict[str, str]:
    rows = Registration.objects.filter(event=event, state=RegistrationState.CONFIRMED)
    return dict(rows.order_by("pk").values_list("person__display_name", "attendance"))


def test_a_list_is_applied_once_and_updates_credits() -> None:
    event = make.event(days=-1)
    ada, bo, cy = (make.person(display_name=name) for name in ("Ada", "Bo", "Cy"))
    roster(event, ada, bo, cy)
    actions.settle_due()
    assert Claim.objects.filter(event=event, state="pending").count() == 3
    stored = store_list(event, (ada.email, 45), (bo.email, 29), ("stranger@x.example", 50))
    assert stored.file_name == "Webinar – “ü”.csv"
    assert (apply(stored), apply(stored)) == (2, 0)
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT, "Cy": UNKNOWN}
    assert actions.settle_due() == 2
    live = Claim.objects.filter(event=event, state="pending").order_by("pk")
    assert [claim.person for claim in live] == [ada, cy]
    assert [mail.to for mail in Mail.objects.filter(kind="events.absent")] == [bo]


def test_a_later_list_can_correct_an_earlier_one() -> None:
    event = make.event(days=-1)
    ada = make.person(display_name="Ada")
    roster(event, ada)
    apply(store_list(event, (ada.email, 5)))
    actions.settle_due()
    assert not Claim.objects.filter(event=event, state="pending").exists()
    apply(store_list(event, (ada.email, 50)))
    actions.settle_due()
    assert marks(event) == {"Ada": PRESENT}
    assert Claim.objects.filter(event=event, state="pending").count() == 1


def test_manual_marks_stay_unless_overridden() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    first, second = roster(event, ada, bo)
    actions.mark_attendance(registration_id=first.pk, attendance=ABSENT, by=make.person())
    actions.mark_attendance(registration_id=second.pk, attendance=Attendance.LATE, by=make.person())
    apply(store_list(event, (ada.email, 50), (bo.email, 50)))
    assert marks(event) == {"Ada": ABSENT, "Bo": Attendance.LATE}
    apply(store_list(event, (ada.email, 50)), override=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": Attendance.LATE}


def test_a_list_does_not_touch_identical_marks() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    by_hand, _ = roster(event, ada, bo)
    actions.mark_attendance(registration_id=by_hand.pk, attendance=ABSENT, by=make.person())
    by_hand.refresh_from_db()
    assert apply(store_list(event, (ada.email, 5), (bo.email, 5))) == 1
    assert apply(store_list(event, (ada.email, 6), (bo.email, 5))) == 0
    again = Registration.objects.get(pk=by_hand.pk)
    assert (again.marked_by, again.marked_at) == (by_hand.marked_by, by_hand.marked_at)
    assert Mail.objects.filter(kind="events.absent", to=bo).count() == 1
    assert Mail.objects.filter(kind="events.absent", to=ada).count() == 1
    apply(store_list(event, (ada.email, 50), (bo.email, 50)))
    assert marks(event) == {"Ada": ABSENT, "Bo": PRESENT}


def test_people_missing_from_the_list_are_absent_only_if_chosen() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    roster(event, ada, bo)
    apply(store_list(event, (ada.email, 50)))
    assert marks(event) == {"Ada": PRESENT, "Bo": UNKNOWN}
    apply(store_list(event, (ada.email, 50)), absentees=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT}


def test_walk_ins_from_a_list_match_verified_addresses() -> None:
    event = make.event(days=-1, capacity=1)
    ada, bo, cy = (make.person(display_name=name) for name in ("Ada", "Bo", "Cy"))
    roster(event, ada, bo)  # Bo is on the waitlist
    EmailAddress.objects.create(user=cy, email="cy@home.example", verified=True)
    EmailAddress.objects.create(user=ada, email="bo-fake@home.example", verified=False)
    rows = [(bo.email, 50), ("cy@home.example", 50), ("bo-fake@home.example", 50)]
    apply(store_list(event, *rows))
    assert marks(event) == {"Ada": UNKNOWN}
    apply(store_list(event, *rows), walk_ins=True)
    assert marks(event) == {"Ada": UNKNOWN, "Bo": PRESENT, "Cy": PRESENT}
    assert set(event.registrations.filter(walk_in=True).values_list("person", flat=True)) == {
        bo.pk,
        cy.pk,
    }


def test_a_list_cannot_be_applied_before_the_event() -> None:
    event = make.event(days=1)
    with pytest.raises(Refused, match="after the event has started"):
        apply(store_list(event, ("ada@x.example", 50)))


# ---------- Pages ----------


def upload(client: Client, event: Event, data: bytes, name: str = "list.csv"):
    file = SimpleUploadedFile(name, data, content_type="text/csv")
    return client.post(
        f"/events/{event.pk}/roster/upload/", {"file": file, "threshold": 30}, follow=True
    )


@pytest.fixture
def staff(client: Client) -> User:
    staff = make.person(Role.CE_COORDINATOR)
    client.force_login(staff)
    return staff


@pytest.mark.parametrize("number", [1, 3])
def test_the_preview_changes_nothing_until_applied(
    client: Client, staff: User, number: int, django_assert_num_queries
) -> None:
    event = make.event(days=-1)
    people = [make.person() for _ in range(number)]
    roster(event, *people)
    rows = "".join(f"{person.email},50\n" for person in people)
    page = upload(client, event, f"Email,Minutes\n{rows}=cmd@x.example,9\n".encode())
    groups = {group.label: group for group in page.context["groups"]}
    assert groups["Present"].number == number
    assert groups["Unknown: no account uses this address"].lines == [
        ("=cmd@x.example", f"9 min, line {number + 2}")
    ]
    assert set(marks(event).values()) == {UNKNOWN}
    [(address, _)] = page.redirect_chain
    with django_assert_num_queries(9):
        client.get(address)
    unknown = client.get(f"{address}unknown.csv").content.decode()
    assert "'=cmd@x.example" in unknown
    client.post(address)
    assert set(marks(event).values()) == {PRESENT}


def test_the_preview_shows_repeated_rows(client: Client, staff: User) -> None:
    event, row = make.event(days=-1), "ada@x.example,9:00,9:20,20\n"
    page = upload(client, event, f"Email,Join Time,Leave Time,Minutes\n{row}{row}".encode())
    groups = {group.label: group.lines for group in page.context["groups"]}
    assert groups["Skipped rows"] == [("Line 3", "Same visit as on line 2. It counts once.")]
    assert "It counts once." in page.content.decode()


def test_the_preview_shows_the_first_people_of_a_long_list(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    rows = "".join(f"p{number}@x.example,9\n" for number in range(201))
    page = upload(client, event, f"Email,Minutes\n{rows}".encode()).content.decode()
    assert "Showing the first 200 of 201." in page
    assert page.count("@x.example") == 200
    [stored] = AttendanceList.objects.all()
    address = f"/events/{event.pk}/roster/lists/{stored.pk}/unknown.csv"
    assert client.get(address).content.count(b"@x.example") == 201


def test_an_unreadable_file_shows_an_error_in_the_form(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    page = upload(client, event, b"%PDF-1.7", "list.csv")
    assert page.context["form"].errors == {
        "file": ["This is not a CSV file. Open it in your spreadsheet program and save it as CSV."]
    }
    assert upload(client, event, b"").context["form"].errors == {"file": ["This file is empty."]}
    too_large = upload(client, event, b"x" * 13 * 1024 * 1024)
    assert too_large.context["form"].errors == {
        "file": ["This file is larger than 5 MB. Split it and upload the parts."]
    }
    assert 'value="30"' in too_large.content.decode()
    assert not AttendanceList.objects.exists()


def test_another_events_list_returns_404(client: Client, staff: User) -> None:
    stored = store_list(make.event(days=-1), ("ada@x.example", 50))
    other = make.event(days=-1)
    assert client.get(f"/events/{other.pk}/roster/lists/{stored.pk}/").status_code == 404
