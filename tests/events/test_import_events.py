"""`manage.py import_events` with real, messy and repeated data."""

import csv
import datetime as dt
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.enums import Role
from credits.models import Credit
from events.actions import import_event, register, save_event
from events.enums import Delivery, EventState, EventType, Origin, RegistrationMode
from events.importing import OPTIONAL_COLUMNS, EventImporter
from events.models import Event
from tests import factories
from tracks.actions import select_track
from tracks.models import Posting

REAL = Path(__file__).parents[2] / "events/data/aspen-events.csv"
INTAKE = Path(__file__).parents[1] / "data" / "intake"
COLUMNS = EventImporter.columns

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(settings: Any, tmp_path: Path) -> Path:
    """A temporary folder for rejects files."""
    settings.VAR = tmp_path / "var"
    return tmp_path / "var"


def row(**values: str) -> dict[str, str]:
    """Return a row of the file. By default, it is a one-hour webinar."""
    defaults = {
        "source_url": "https://library.example/calendar",
        "title": "Weeding webinar",
        "event_type": "Continuing Education",
        "begin": "2026-05-11T09:00",
        "end": "2026-05-11T10:00",
        "delivery": "online",
        "credits": "Technology=1.0",
    }
    return defaults | values


def write(path: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(path: Path, **options: Any) -> tuple[str, str]:
    """Run the command and return the last line of stdout, and stderr without progress."""
    out, err = load_all(path, **options)
    last_line = "".join(out.splitlines(keepends=True)[-1:])
    return last_line, re.sub(r"^[\d,]+ rows …\n", "", err, flags=re.MULTILINE)


def load_all(path: Path, **options: Any) -> tuple[str, str]:
    """Run the command and return its output on stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command("import_events", str(path), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def load_rows(tmp_path: Path, *rows: dict[str, str]) -> str:
    return load(write(tmp_path / "events.csv", *rows))[0].strip()


def refused(tmp_path: Path, *rows: dict[str, str]) -> list[str]:
    """Import rows, some of which are invalid, and return the reported reasons."""
    err = io.StringIO()
    with pytest.raises(CommandError):
        call_command("import_events", str(write(tmp_path / "events.csv", *rows)), stderr=err)
    return err.getvalue().splitlines()


def load_rejected(path: Path) -> tuple[str, str]:
    """Run the command, which rejects rows, and return its output on stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError):
        call_command("import_events", str(path), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def offers(event: Event) -> dict[str, Decimal]:
    return dict(event.offers.values_list("category__name", "amount"))


def mountain(*numbers: int) -> dt.datetime:
    return timezone.make_aware(dt.datetime(*numbers))  # type: ignore[arg-type]


# Optional columns

SECRET = "jackrabbit"
OPTIONAL = {
    "joining_address": f"meet.example/{SECRET}",
    "meeting_id": f" {SECRET} 161 ",
    "passcode": f"{SECRET}\u200b162",
    "telephone": f"406-555-0142 {SECRET}",
    "recording_minutes": "55",
    "recording_last_day": "12/31/2026",
}


def load_optional(tmp_path: Path, **values: str) -> tuple[str, str]:
    path = write(tmp_path / "more.csv", row(**values), columns=(*COLUMNS, *OPTIONAL))
    return load_all(path)


def joining_and_recording() -> dict[str, Any]:
    return Event.objects.values(*OPTIONAL_COLUMNS).get()


def test_optional_columns_are_cleaned_as_in_the_form(tmp_path: Path) -> None:
    out, err = load_optional(tmp_path, **OPTIONAL)
    assert joining_and_recording() == {
        "joining_url": f"https://meet.example/{SECRET}",
        "meeting_id": f"{SECRET} 161",
        "passcode": f"{SECRET}162",
        "joining_phone": f"406-555-0142 {SECRET}",
        "recording_minutes": 55,
        "recording_last_day": dt.date(2026, 12, 31),
    }
    assert SECRET not in out + err


def test_a_file_without_optional_columns_keeps_their_fields(tmp_path: Path) -> None:
    load_optional(tmp_path, **OPTIONAL)
    before = joining_and_recording()
    assert load_rows(tmp_path, row(audience="All staff")) == "0 new, 1 changed, 0 unchanged."
    assert joining_and_recording() == before
    assert load_rows(tmp_path, row(audience="All staff")) == "0 new, 0 changed, 1 unchanged."
    load_optional(tmp_path)
    assert joining_and_recording() == {
        "joining_url": "",
        "meeting_id": "",
        "passcode": "",
        "joining_phone": "",
        "recording_minutes": None,
        "recording_last_day": None,
    }


def test_another_form_of_the_last_day_is_no_change(tmp_path: Path) -> None:
    """Spreadsheet programs write a date in the form of their country."""
    load_optional(tmp_path, recording_last_day="2026-12-31")
    Event.objects.update(audience="Changed by staff")
    out, _ = load_optional(tmp_path, recording_last_day="12/31/2026")
    assert "1 unchanged" in out
    assert Event.objects.get().audience == "Changed by staff"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("joining_address", f"http://meet.example/{SECRET}", "starts with https://"),
        ("joining_address", f"{SECRET} at nine", "Enter a valid"),
        ("joining_address", f"https://{SECRET}@meet.example/", "without a user name"),
        ("meeting_id", SECRET * 7, "at most 60 characters"),
        ("passcode", SECRET * 7, "at most 60 characters"),
        ("telephone", SECRET * 20, "at most 120 characters"),
        ("recording_minutes", "an hour", "Enter a whole number"),
        ("recording_minutes", "0", "1 to 6000"),
        ("recording_last_day", "soon", "is not a date"),
        ("recording_last_day", SECRET, "is not a date"),
        ("recording_last_day", "2026-05-10", "cannot be before the event starts"),
    ],
)
def test_an_invalid_optional_value_rejects_the_row_without_telling_it(
    tmp_path: Path, column: str, value: str, reason: str
) -> None:
    path = write(
        tmp_path / "more.csv", row(**OPTIONAL | {column: value}), columns=(*COLUMNS, *OPTIONAL)
    )
    out, err = load_rejected(path)
    assert reason in err
    assert SECRET not in out + err
    assert not Event.objects.exists()


def test_only_people_with_a_place_see_how_to_join_an_imported_event(
    client: Client, tmp_path: Path
) -> None:
    when = {"begin": "2095-05-11T09:00", "end": "2095-05-11T10:00"}
    load_optional(tmp_path, **OPTIONAL | when | {"recording_last_day": ""})
    event = Event.objects.get()
    client.force_login(factories.person())
    pages = [event.get_absolute_url(), f"/events/{event.pk}/event.ics", "/events/calendar.ics"]
    assert not any(SECRET in client.get(page).content.decode() for page in pages)
    admin = factories.person(Role.ADMINISTRATOR)
    client.force_login(admin)
    history = client.get(f"/admin/events/event/{event.pk}/history/")
    assert history.status_code == 200
    assert SECRET not in history.content.decode()


# The real file


def test_importing_the_real_file_again_changes_nothing() -> None:
    with REAL.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert load(REAL) == (f"{len(rows)} new, 0 changed, 0 unchanged.\n", "")

    assert len(rows) == 85
    imported = Event.objects.exclude(import_digest="")
    created = Event.objects.filter(import_key__startswith="conference:").order_by("title")
    assert imported.count() == len(rows)
    assert list(created.values_list("title", flat=True)) == [
        "2022 Montana Academic Library Symposium",
        "2023 MLA Conference",
    ]
    assert Event.objects.count() == len(rows) + 2
    assert {event.origin for event in Event.objects.all()} == {Origin.CALENDAR}
    before = sorted(Event.objects.values_list())

    assert load(REAL) == (f"0 new, 0 changed, {len(rows)} unchanged.\n", "")
    assert sorted(Event.objects.values_list()) == before


def test_real_events_match_their_pages() -> None:
    load(REAL)

    workshop = Event.objects.get(import_key="aspen:12863")
    assert workshop.title == "Trustee Workshop"
    assert workshop.type == EventType.CONTINUING_EDUCATION
    assert workshop.begins_at == dt.datetime(2019, 4, 24, 15, tzinfo=dt.UTC)  # 9 AM, daylight time
    assert workshop.ends_at == dt.datetime(2019, 4, 24, 22, tzinfo=dt.UTC)
    assert (workshop.city, workshop.delivery) == ("Butte", Delivery.IN_PERSON)
    assert workshop.description.startswith("Workshop on types, process")
    assert offers(workshop) == {"Library Administration": Decimal("5.0")}
    assert not workshop.all_day
    assert not workshop.is_demonstration

    institute = Event.objects.get(import_key="aspen:16486")
    assert institute.state == EventState.CANCELLED
    assert institute.title == "2020 Public Library Directors’ Institute"

    course = Event.objects.get(title__startswith="Trustee Essentials: Responsibilities")
    assert (course.delivery, course.all_day) == (Delivery.RECORDED, True)
    assert course.recording_available_at == course.begins_at == mountain(2023, 3, 7)
    assert course.claimable_at == course.begins_at

    session = Event.objects.get(import_key="aspen:23930")
    assert session.title.startswith("Why Diversity is Essential")
    assert session.parent is not None
    assert session.parent.title == "2023 MLA Conference"
    assert session.parent.sponsor == "Montana Library Association"
    assert session.registration_mode == RegistrationMode.EXTERNAL
    assert offers(session) == {"Library Services to the Public": Decimal("1.0")}

    symposium = Event.objects.get(title="2022 Montana Academic Library Symposium")
    assert (symposium.type, symposium.all_day) == (EventType.CONFERENCE, True)
    assert (symposium.begins_at, symposium.ends_at) == (
        mountain(2022, 5, 17),
        mountain(2022, 5, 19),
    )
    assert symposium.last_day == dt.date(2022, 5, 19)
    assert symposium.sessions.count() == 11
    assert offers(symposium) == {}
    assert {event.type for event in symposium.sessions.all()} == {""}

    meeting = Event.objects.get(import_key="aspen:20767")
    assert meeting.registration_mode == RegistrationMode.NONE
    listed = Event.objects.get(title="MLIAC Orientation")
    assert listed.source_url == "http://www.slideserve.com/"
    survey = Event.objects.get(title="Public Libraries Survey FY 2022 collection")
    assert (survey.type, survey.all_day) == (EventType.DEADLINES, True)
    assert survey.last_day == dt.date(2022, 11, 30)
    conference = Event.objects.get(title__startswith="2020 MLA Conference: Beyond Hindsight")
    assert (conference.type, conference.parent) == (EventType.CONFERENCE, None)


def test_the_real_file_has_the_columns_of_the_importer() -> None:
    with REAL.open(newline="", encoding="utf-8") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS


# Rows


@pytest.mark.parametrize(
    "prefix", ["Canceled-", "Cancelled- ", "CANCELED: ", "Cancelled – ", "canceled:"]
)
def test_a_canceled_prefix_becomes_the_state(tmp_path: Path, prefix: str) -> None:
    load_rows(tmp_path, row(title=f"{prefix}Weeding webinar"))

    event = Event.objects.get()
    assert (event.title, event.state) == ("Weeding webinar", EventState.CANCELLED)


def test_an_event_canceled_later_stays_the_same_event(tmp_path: Path) -> None:
    load_rows(tmp_path, row())
    pk = Event.objects.get().pk

    assert load_rows(tmp_path, row(title="Canceled-Weeding webinar")) == (
        "0 new, 1 changed, 0 unchanged."
    )

    event = Event.objects.get()
    assert (event.pk, event.state) == (pk, EventState.CANCELLED)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("2026-05-11", "", (mountain(2026, 5, 11), None, True)),
        ("2026-05-11", "2026-05-11", (mountain(2026, 5, 11), mountain(2026, 5, 11), True)),
        ("2026-05-11", "2026-05-13T12:00", (mountain(2026, 5, 11), mountain(2026, 5, 13), True)),
        ("2026-05-11T09:00", "", (mountain(2026, 5, 11, 9), None, False)),
        ("2026-05-11 09:00:00", "2026-05-11", (mountain(2026, 5, 11, 9), None, False)),
        ("2026-05-11T09:00", "2026-05-13", (mountain(2026, 5, 11), mountain(2026, 5, 13), True)),
        ("5/11/2026", "05/13/26", (mountain(2026, 5, 11), mountain(2026, 5, 13), True)),
        (
            "5/11/2026 9:00 AM",
            "5/11/2026 13:00",
            (mountain(2026, 5, 11, 9), mountain(2026, 5, 11, 13), False),
        ),
        (
            "2026-05-11T15:00:00Z",
            "46153.5",
            (mountain(2026, 5, 11, 9), mountain(2026, 5, 11, 12), False),
        ),
        (
            "2026-12-31T23:30",
            "2027-01-01T00:30",
            (mountain(2026, 12, 31, 23, 30), mountain(2027, 1, 1, 0, 30), False),
        ),
        # The night when the clocks move back and one hour is repeated. Times are in the first.
        (
            "2026-11-01T01:30",
            "11/1/2026 1:45 AM",
            (
                dt.datetime(2026, 11, 1, 7, 30, tzinfo=dt.UTC),
                dt.datetime(2026, 11, 1, 7, 45, tzinfo=dt.UTC),
                False,
            ),
        ),
        # The night when the clocks move forward and one hour does not exist.
        (
            "2026-03-08T01:30",
            "2026-03-08T03:30",
            (
                dt.datetime(2026, 3, 8, 8, 30, tzinfo=dt.UTC),
                dt.datetime(2026, 3, 8, 9, 30, tzinfo=dt.UTC),
                False,
            ),
        ),
    ],
)
def test_days_and_times(
    tmp_path: Path, begin: str, end: str, expected: tuple[dt.datetime, dt.datetime | None, bool]
) -> None:
    load_rows(tmp_path, row(begin=begin, end=end))

    event = Event.objects.get()
    assert (event.begins_at, event.ends_at, event.all_day) == expected


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [
        ("", "", "begin: it is empty"),
        ("20226-05-11", "", "begin: “20226-05-11” is not a date; use 2026-05-11, 2026-"),
        ("May 11", "", "begin: “May 11” is not a date"),
        ("11.05.2026", "", "begin: “11.05.2026” is not a date"),
        ("13/11/2026", "", "begin: 13/11/2026 does not exist"),
        ("2026-02-30", "", "begin: 2026-02-30 does not exist"),
        ("2026-05-11T25:00", "", "begin: 2026-05-11T25:00 does not exist"),
        ("1926-05-11", "", "begin: the year 1926 is not between 1990 and 2099"),
        ("2026-05-11", "2222-05-11", "end: the year 2222 is not between 1990 and 2099"),
        ("2026-05-11T09:00", "2026-05-11T08:00", "end: it is before the start"),
        ("2026-05-11", "2026-05-10", "end: it is before the start"),
        ("2026-05-11T09:00", "2026-05-10", "end: it is before the start"),
        ("2026-03-08T02:30", "", "begin: 2026-03-08T02:30 did not exist in Montana"),
        ("3/8/2026 2:30 AM", "", "begin: 3/8/2026 2:30 AM did not exist in Montana"),
    ],
)
def test_impossible_days_are_refused(tmp_path: Path, begin: str, end: str, message: str) -> None:
    (reason,) = refused(tmp_path, row(begin=begin, end=end))

    assert reason.startswith(f"line 2: {message}")
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("values", "available_at"),
    [
        ({"recording": "yes"}, mountain(2026, 5, 11, 10)),
        ({"recording": "Yes", "end": ""}, mountain(2026, 5, 12)),
        ({"recording": "yes", "begin": "2026-05-11", "end": "2026-05-13"}, mountain(2026, 5, 14)),
        ({"recording": "https://video.example/1"}, mountain(2026, 5, 11, 10)),
        ({"delivery": "recorded"}, mountain(2026, 5, 11, 9)),
        ({"recording": "no"}, None),
        ({}, None),
    ],
)
def test_a_recording_cannot_be_claimed_before_it_is_available(
    tmp_path: Path, values: dict[str, str], available_at: dt.datetime | None
) -> None:
    load_rows(tmp_path, row(**values))

    event = Event.objects.get()
    assert event.recording_available_at == available_at
    assert event.recording_url == (
        values["recording"] if "https" in values.get("recording", "") else ""
    )
    assert event.claimable_at == min(event.over_at, available_at or event.over_at)


def test_category_names_are_case_insensitive(tmp_path: Path) -> None:
    load_rows(tmp_path, row(credits=" library  administration = 3 ;Technology=0.5; "))

    assert offers(Event.objects.get()) == {
        "Library Administration": Decimal("3.0"),
        "Technology": Decimal("0.5"),
    }


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("credits", "Cooking=1.0", "“Cooking=1.0” is not a category"),
        ("credits", "Technology 1.0", "“Technology 1.0” is not a category"),
        ("credits", "Technology=", "“” is not an amount of credits"),
        ("credits", "Technology=1.3", "“1.3”: Enter credits in halves"),
        ("credits", "Technology=0", "“0”: Enter credits in halves"),
        ("credits", "Technology=-1", "“-1”: Enter credits in halves"),
        ("credits", "Technology=NaN", "“NaN” is not an amount"),
        ("credits", "Technology=1e9", "“1e9” is not an amount"),
        ("credits", "Technology=1; technology=2", "Technology is listed twice"),
        (
            "event_type",
            "Webinar",
            "“Webinar” is not a known event type; use Continuing Education, Meeting",
        ),
        ("delivery", "pigeon", "“pigeon” is not a known delivery; use in person, online, hybrid"),
        ("recording", "maybe", "“maybe” is not “yes”, “no” or a web address"),
        ("aspen_event_id", "12a", "“12a” is not a number"),
        ("title", "", "it is empty"),
        ("title", "Canceled-", "it is empty"),
        ("title", "x" * 301, "Ensure this value has at most 300 characters (it has 301)."),
        ("sponsor", "x" * 201, "Ensure this value has at most 200 characters (it has 201)."),
        ("city", "x" * 81, "Ensure this value has at most 80 characters (it has 81)."),
        # The search index limits the length. The error includes the name of the column.
        ("summary", "word " * 2001, "Ensure this value has at most 10000 characters (it has"),
    ],
)
def test_invalid_values_are_refused_with_their_column(
    tmp_path: Path, column: str, value: str, message: str
) -> None:
    (reason,) = refused(tmp_path, row(**{column: value}))

    assert reason.startswith(f"line 2: {column}: {message}")
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("text", "mode", "address", "description"),
    [
        ("", "", "", "A summary."),
        ("Not necessary", RegistrationMode.NONE, "", "A summary."),
        ("register here", RegistrationMode.EXTERNAL, "", "A summary."),
        (
            "See https://forms.example/7.",
            RegistrationMode.EXTERNAL,
            "https://forms.example/7",
            "A summary.",
        ),
        ("call 406-555-0100", "", "", "A summary.\n\nRegistration: call 406-555-0100"),
    ],
)
def test_registration_can_be_free_text(
    tmp_path: Path, text: str, mode: str, address: str, description: str
) -> None:
    load_rows(tmp_path, row(registration=text, summary="A summary."))

    event = Event.objects.get()
    assert event.registration_mode == mode
    assert event.registration_url == address
    assert event.description == description


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://www.slideserve.com/ (orientation)", "http://www.slideserve.com/"),
        ("javascript:alert(1)", ""),
        ("a book", ""),
        ("https://", ""),
        (f"https://library.example/{'x' * 500}", ""),
    ],
)
def test_a_source_is_stored_only_if_it_is_a_web_address(
    tmp_path: Path, text: str, address: str
) -> None:
    load_rows(tmp_path, row(source_url=text))

    assert Event.objects.get().source_url == address


def test_odd_titles_are_stored_as_text(tmp_path: Path) -> None:
    titles = ["<script>alert(1)</script>", "📚" * 150, "x" * 300, "Two\nlines"]

    load_rows(tmp_path, *(row(title=title) for title in titles))

    stored = set(Event.objects.values_list("title", flat=True))
    assert stored == {*titles[:3], "Two lines"}


# Conferences


SESSION = "2023 MLA Conference: "


def test_sessions_create_and_extend_their_conference(tmp_path: Path) -> None:
    load_rows(
        tmp_path,
        row(title=f"{SESSION}Two", begin="2023-04-13T09:00", end="2023-04-13T10:00"),
        row(title=f"{SESSION}Three", begin="2023-04-14", end="", event_type="", credits=""),
        row(title="2023 mla conference: One", begin="2023-04-12", end="", event_type=""),
    )

    conference = Event.objects.get(type=EventType.CONFERENCE)
    assert (conference.title, conference.all_day) == ("2023 MLA Conference", True)
    assert conference.begins_at == mountain(2023, 4, 12)
    assert conference.ends_at == mountain(2023, 4, 14)
    assert {(event.title, event.type) for event in conference.sessions.all()} == {
        ("Two", EventType.CONTINUING_EDUCATION),
        ("Three", ""),
        ("One", EventType.CONTINUING_EDUCATION),
    }


def test_sessions_join_an_existing_conference_without_changing_it(tmp_path: Path) -> None:
    conference = row(
        title="2023 MLA Conference",
        event_type="Conference",
        begin="2023-04-12",
        end="2023-04-15",
        credits="",
    )

    load_rows(tmp_path, conference, row(title=f"{SESSION}Late", begin="2023-04-20", end=""))

    event = Event.objects.get(type=EventType.CONFERENCE)
    assert [session.title for session in event.sessions.all()] == ["Late"]
    assert event.ends_at == mountain(2023, 4, 15)


def test_a_conference_row_after_its_sessions_updates_the_conference_created_for_them(
    tmp_path: Path,
) -> None:
    session = row(title=f"{SESSION}One", begin="2023-04-13", end="")
    conference = row(
        title="2023 MLA Conference",
        event_type="Conference",
        begin="2023-04-12",
        end="2023-04-15",
        credits="",
    )

    assert load_rows(tmp_path, session, conference) == "1 new, 1 changed, 0 unchanged."
    assert load_rows(tmp_path, session, conference) == "0 new, 0 changed, 2 unchanged."

    event = Event.objects.get(type=EventType.CONFERENCE)
    assert [each.title for each in event.sessions.all()] == ["One"]
    assert event.ends_at == mountain(2023, 4, 15)


def test_a_conference_that_staff_renamed_is_still_found(tmp_path: Path) -> None:
    load_rows(tmp_path, row(title=f"{SESSION}One"))
    conference = Event.objects.get(type=EventType.CONFERENCE)
    conference.title = "MLA 2023"
    save_event(event=conference, by=factories.person())

    assert load_rows(tmp_path, row(title=f"{SESSION}Two")) == "1 new, 0 changed, 0 unchanged."

    assert conference.sessions.count() == 2


def test_a_refused_session_leaves_no_conference_behind(tmp_path: Path) -> None:
    (reason,) = refused(tmp_path, row(title=SESSION + "x" * 301))

    assert reason.startswith("line 2: title: Ensure this value")
    assert not Event.objects.exists()


def test_a_canceled_prefix_can_come_before_or_after_the_conference(tmp_path: Path) -> None:
    load_rows(tmp_path, row(title=f"Canceled-{SESSION}One"), row(title=f"{SESSION}Cancelled - Two"))

    sessions = Event.objects.filter(parent__title="2023 MLA Conference")
    assert {(event.title, event.state) for event in sessions} == {
        ("One", EventState.CANCELLED),
        ("Two", EventState.CANCELLED),
    }


# Repeated imports


def test_a_changed_row_changes_its_event_and_nothing_else(tmp_path: Path) -> None:
    first, second = row(aspen_event_id="1"), row(aspen_event_id="2", title="Other")
    assert load_rows(tmp_path, first, second) == "2 new, 0 changed, 0 unchanged."
    pk = Event.objects.get(import_key="aspen:1").pk

    changed = first | {"title": "New title", "begin": "2026-05-12", "end": "", "credits": ""}
    assert load_rows(tmp_path, changed, second) == "0 new, 1 changed, 1 unchanged."

    event = Event.objects.get(import_key="aspen:1")
    assert (event.pk, event.title, event.all_day) == (pk, "New title", True)
    assert offers(event) == {}
    assert offers(Event.objects.get(import_key="aspen:2")) == {"Technology": Decimal("1.0")}


def test_staff_changes_survive_the_next_import(tmp_path: Path) -> None:
    load_rows(tmp_path, row())
    event = Event.objects.get()
    event.title, event.capacity = "Weeding webinar, corrected", 20
    save_event(event=event, by=factories.person())

    assert load_rows(tmp_path, row()) == "0 new, 0 changed, 1 unchanged."

    event.refresh_from_db()
    assert (event.title, event.capacity) == ("Weeding webinar, corrected", 20)


def test_a_format_in_a_file_moves_people_and_needs_enough_places(tmp_path: Path) -> None:
    webinar = row(begin="2027-05-11T09:00", end="")
    load_rows(tmp_path, webinar)
    event = Event.objects.get()
    event.registration_mode = RegistrationMode.PORTAL
    save_event(event=event, by=factories.person())
    people = [factories.person(), factories.person()]
    for person in people:
        register(event_id=event.pk, by=person)
    load_rows(tmp_path, webinar | {"delivery": "hybrid"})
    modes = event.registrations.values_list("attendance_mode", flat=True)
    assert list(modes) == ["online", "online"]

    event.refresh_from_db()
    event.capacity, event.online_capacity = 1, 2
    save_event(event=event, by=factories.person())
    [reason] = refused(tmp_path, webinar)
    assert "delivery: 2 people already have a place" in reason
    event.refresh_from_db()
    assert event.delivery == "hybrid"

    event.capacity = None
    save_event(event=event, by=factories.person())
    assert load_rows(tmp_path, webinar).startswith("0 new, 1 changed")
    event.refresh_from_db()
    assert (event.delivery, event.online_capacity) == ("online", None)
    assert list(modes.all()) == ["", ""]


def test_claims_keep_their_original_credits(tmp_path: Path) -> None:
    load_rows(tmp_path, row(aspen_event_id="1"))
    claim = factories.claim(factories.person(), Event.objects.get())

    load_rows(tmp_path, row(aspen_event_id="1", credits="Library Administration=2; Technology=3"))

    assert offers(Event.objects.get()) == {
        "Library Administration": Decimal("2.0"),
        "Technology": Decimal("3.0"),
    }
    credit = Credit.objects.get(claim=claim)
    assert (credit.category.name, credit.amount) == ("Technology", Decimal("1.0"))


def test_an_import_that_moves_an_event_updates_tracks(tmp_path: Path) -> None:
    load_rows(tmp_path, row(aspen_event_id="1"))
    person = factories.person()
    select_track(track=factories.track(), by=person)
    factories.claim(person, Event.objects.get())
    assert Posting.objects.count() == 1

    load_rows(tmp_path, row(aspen_event_id="1", begin="2016-05-11", end=""))

    assert Posting.objects.count() == 0


def test_two_rows_for_one_event_do_not_overwrite_each_other(tmp_path: Path) -> None:
    first, second = row(aspen_event_id="1"), row(aspen_event_id="1", title="Something else")

    assert refused(tmp_path, first, first, second) == [
        "line 4: line 2 describes the same event differently"
    ]
    assert Event.objects.get().title == "Weeding webinar"


def test_a_corrected_row_is_accepted_after_a_refused_one(tmp_path: Path) -> None:
    wrong, right = row(aspen_event_id="1", credits="x"), row(aspen_event_id="1")

    assert len(refused(tmp_path, wrong, right)) == 1
    assert Event.objects.get().title == "Weeding webinar"


# The command


def test_good_rows_are_imported_and_refused_rows_are_saved(tmp_path: Path, var: Path) -> None:
    source = tmp_path / "events.csv"
    write(
        source, row(title="Good"), row(title="Bad", credits="Technology=1.3"), row(title="Better")
    )
    lines = source.read_bytes().splitlines(keepends=True)
    source.write_bytes(b"\xef\xbb\xbf" + b"".join([*lines, lines[1].replace(b"Good", b"\x81\xe9")]))
    out, err = io.StringIO(), io.StringIO()

    with pytest.raises(CommandError) as failure:
        call_command("import_events", str(source), stdout=out, stderr=err)

    (rejects,) = (var / "rejects").iterdir()
    assert rejects.name.startswith("events-")
    assert str(failure.value) == (
        f"2 new, 0 changed, 0 unchanged. 2 rows were rejected and written to {rejects}, with the "
        "reason in the first column. Correct them there and import that file. All other "
        "rows are stored."
    )
    assert err.getvalue().splitlines() == [
        "line 3: credits: “1.3”: Enter credits in halves: 0.5, 1, 1.5 …",
        "line 5: this line is not text in UTF-8; save the file as “CSV UTF-8”",
    ]
    assert set(Event.objects.values_list("title", flat=True)) == {"Good", "Better"}
    refused_lines = rejects.read_bytes().splitlines(keepends=True)
    assert refused_lines[0] == b"\xef\xbb\xbfreason," + lines[0]
    assert refused_lines[1].endswith(lines[2])
    assert refused_lines[2].endswith(lines[1].replace(b"Good", b"\x81\xe9"))


def test_the_path_of_the_rejects_file_can_be_set(tmp_path: Path, var: Path) -> None:
    source, rejects = write(tmp_path / "events.csv", row(title="")), tmp_path / "here" / "bad.csv"

    with pytest.raises(CommandError, match="1 row was rejected and written to"):
        load(source, rejects=rejects)

    assert rejects.exists()
    assert not var.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: no such file or directory"),
        (b"", "The file is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a CSV or XLSX file"),
        (b"title,begin\nA,2026-05-11\n", "Missing: source_url, aspen_event_id, event_type, end,"),
    ],
)
def test_an_unusable_file_is_refused_with_a_message(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    source = tmp_path / "events.csv"
    if content is not None:
        source.write_bytes(content)

    with pytest.raises(CommandError, match=message):
        load(source)

    assert not Event.objects.exists()


# Files of other programs


@pytest.mark.parametrize("name", sorted(path.name for path in INTAKE.glob("c0[1-8]*.csv")))
def test_files_of_other_programs_are_imported(name: str) -> None:
    _, err = load(INTAKE / name)

    assert err == ""
    all_day = "day-only" in name
    for event in Event.objects.all():
        assert event.begins_at == mountain(2027, 5, 11, 0 if all_day else 9)
        assert event.all_day == all_day
    assert Event.objects.filter(title="Café for trustees (h4)").exists()


def test_the_night_when_clocks_change_in_a_file() -> None:
    _, err = load_rejected(INTAKE / "c09-events-spring-gap.csv")

    assert "line 2: begin: 2027-03-14T02:30 did not exist in Montana" in err
    event = Event.objects.get()
    assert event.title == "Twice (h4)"
    assert event.begins_at == dt.datetime(2027, 11, 7, 7, 30, tzinfo=dt.UTC)
    assert event.ends_at == dt.datetime(2027, 11, 7, 7, 45, tzinfo=dt.UTC)


def test_the_real_file_saved_as_a_workbook_changes_nothing(tmp_path: Path) -> None:
    load(REAL)
    book = openpyxl.Workbook()
    with REAL.open(newline="", encoding="utf-8") as file:
        for cells in csv.reader(file):
            book.active.append([excel_value(cell) for cell in cells])
    book.save(tmp_path / "events.xlsx")

    assert load(tmp_path / "events.xlsx") == ("0 new, 0 changed, 85 unchanged.\n", "")


def excel_value(cell: str) -> str | int | dt.date:
    """Return what Excel makes of a cell when it opens a CSV file."""
    if re.fullmatch(r"\d+", cell):
        return int(cell)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
        return dt.date.fromisoformat(cell)
    return dt.datetime.fromisoformat(cell) if re.fullmatch(r"\d{4}-[-T:\d]+", cell) else cell


def test_a_file_saved_with_us_dates_changes_nothing(tmp_path: Path) -> None:
    number = row(aspen_event_id="28445", begin="2026-05-11", end="2026-05-12")
    named = row()
    assert load_rows(tmp_path, number, named) == "2 new, 0 changed, 0 unchanged."
    us = {"begin": "5/11/2026 9:00", "end": "5/11/2026 10:00"}

    again = number | {"begin": "5/11/2026", "end": "5/12/2026"}, named | us
    assert load_rows(tmp_path, *again) == "0 new, 0 changed, 2 unchanged."


def test_a_rejects_file_saved_with_us_dates_is_imported(tmp_path: Path, var: Path) -> None:
    source = write(
        tmp_path / "events.csv",
        row(title="“Café”; first", credits="Technology=0.3"),
        row(title="All day", begin="2026-05-11", end="2026-05-12", credits="x"),
    )
    load_rejected(source)
    (rejects,) = (var / "rejects").iterdir()
    saved = io.StringIO(newline="")
    with rejects.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(saved, rows.fieldnames or [], delimiter=";")
        writer.writeheader()
        for values in rows:
            values["credits"] = "Technology=0.5"
            for column in ("begin", "end"):
                moment = dt.datetime.fromisoformat(values[column])
                clock = f" {moment.hour}:{moment:%M}" if "T" in values[column] else ""
                values[column] = f"{moment.month}/{moment.day}/{moment.year}{clock}"
            writer.writerow(values)
    source.write_bytes(saved.getvalue().encode("cp1252"))

    assert load(source) == ("2 new, 0 changed, 0 unchanged.\n", "")
    assert {(each.title, each.begins_at, each.all_day) for each in Event.objects.all()} == {
        ("“Café”; first", mountain(2026, 5, 11, 9), False),
        ("All day", mountain(2026, 5, 11), True),
    }


def test_extra_columns_are_ignored(tmp_path: Path) -> None:
    columns = ("reason", *reversed(COLUMNS), "")
    source = write(tmp_path / "events.csv", row(), columns=columns)

    assert load(source)[0] == "1 new, 0 changed, 0 unchanged.\n"


def test_the_command_says_how_the_first_rows_were_read(tmp_path: Path) -> None:
    first = row(begin="5/11/2026 9:00", end="5/11/2026 10:00", title="Canceled-Café")
    source = write(
        tmp_path / "events.csv",
        first,
        row(title="", credits=""),
        row(begin="2026-05-11", end="", title="All day", credits=""),
        *(row(title=f"Training {n}") for n in range(9)),
    )

    out, _ = load_rejected(source)

    assert out.splitlines()[:4] == [
        "The first rows were read as follows.",
        "line 2: Café (canceled); Mon, May 11, 2026, 9:00–10:00 AM; Technology 1",
        "line 4: All day; Mon, May 11, 2026",
        "line 5: Training 0; Mon, May 11, 2026, 9:00–10:00 AM; Technology 1",
    ]
    assert len(out.splitlines()) == 6


def test_verbosity_0_prints_nothing(tmp_path: Path) -> None:
    assert load(write(tmp_path / "events.csv", row()), verbosity=0) == ("", "")


def test_a_rejects_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    source = write(tmp_path / "events.csv", row(title=""))

    with pytest.raises(CommandError, match="The rejects file cannot be written"):
        load(source, rejects=tmp_path / "file" / "bad.csv")


def test_a_constraint_violation_is_explained() -> None:
    values = {
        "title": "Backwards",
        "begins_at": mountain(2026, 5, 11),
        "ends_at": mountain(2026, 5, 10),
    }

    with pytest.raises(IntegrityError) as failure:
        import_event(event_id=None, values=values, offers={})

    assert EventImporter().explain(failure.value) == "The end must not be before the start."


# Many rows


def test_each_row_takes_a_fixed_number_of_queries(tmp_path: Path) -> None:
    def queries(count: int, source: str, **values: str) -> int:
        rows = (row(title=f"No. {n}", source_url=source, **values) for n in range(count))
        file = write(tmp_path / "many.csv", *rows)
        with CaptureQueriesContext(connection) as captured:
            load(file)
        return len(captured)

    first = queries(10, "https://a.example/")
    # Queries: savepoint, event, credit lines, release.
    assert queries(30, "https://b.example/") - first == 20 * 4
    unchanged = queries(10, "https://a.example/")
    assert queries(30, "https://b.example/") == unchanged == first - 10 * 4


def test_a_large_file_is_imported_once_and_then_skipped(tmp_path: Path) -> None:
    rows = (row(aspen_event_id=str(n), title=f"Training {n}") for n in range(1, 1201))
    source = write(tmp_path / "many.csv", *rows)

    out, err = load_all(source)
    assert out.splitlines(keepends=True)[-1] == "1,200 new, 0 changed, 0 unchanged.\n"
    assert err
    assert all(line.endswith(" rows …") for line in err.splitlines())
    assert load(source)[0] == "0 new, 0 changed, 1,200 unchanged.\n"
