"""Reading the reports of webinar tools. `reports/` has a sample of each known one."""

import datetime as dt
import io
import tracemalloc
from pathlib import Path

import pytest
import xlsxwriter

from aspen.errors import Refused
from events.attendance.presence import seconds_present, span
from events.attendance.report_shapes import KNOWN_SHAPES, Report, read_report

REPORTS = Path(__file__).parent / "reports"
MST = dt.timezone(dt.timedelta(hours=-7))
BEGIN = dt.datetime(2026, 11, 18, 10, tzinfo=MST)
END = BEGIN + dt.timedelta(hours=1)
ADA, BO = "ada@library.example", "bo@library.example"
BOTH = {ADA: 60, BO: 12}


def read(data: bytes) -> Report:
    return read_report(data, begins_at=BEGIN, ends_at=END)


def minutes(report: Report) -> dict[str, int]:
    """Return everyone's minutes by alias, in file order."""
    own: dict[str, list] = {}
    for row in report.rows:
        own.setdefault(row.alias, []).append(row)
    return {alias: seconds_present([rows], span(BEGIN, END)) // 60 for alias, rows in own.items()}


@pytest.mark.parametrize(
    ("name", "shape", "others"),
    [
        ("zoom-meeting", "Zoom meeting report", {"name:circulation desk": 55}),
        (
            "zoom-meeting-without-its-own-row",
            "Zoom meeting report",
            {"name:circulation desk": 55},
        ),
        (
            "zoom-meeting-total-times",
            "Zoom meeting report, total times",
            {"name:circulation desk": 55},
        ),
        (
            "zoom-webinar",
            "Zoom webinar report: attendees, panelists, hosts, people without a registration",
            {"desk@library.example": 55, "cy@library.example": 0, "name:14065550100": 30},
        ),
        (
            "teams",
            "Teams attendance report: joining and leaving",
            {"name:circulation desk (guest)": 55},
        ),
        ("webex", "Webex attendance report", {"name:circulation desk": 55}),
        (
            "goto-webinar",
            "GoTo Webinar report: attendees",
            {"desk@library.example": 55, "cy@library.example": 0},
        ),
        ("goto-meeting", "GoTo Meeting report", {"name:circulation desk": 55}),
        ("google-meet", "Google Meet attendance report", {"name:circulation desk": 55}),
    ],
)
def test_the_report_of_each_tool(name: str, shape: str, others: dict[str, int]) -> None:
    report = read((REPORTS / f"{name}.csv").read_bytes())
    assert report.shape == shape
    assert minutes(report) == BOTH | others


def test_the_list_downloaded_during_a_teams_meeting() -> None:
    report = read((REPORTS / "teams-list-from-the-meeting.csv").read_bytes())
    assert report.shape == "Teams list from the meeting"
    assert minutes(report) == {
        "name:bo moss": 12,
        "name:ada lake": 60,
        "name:circulation desk": 55,
    }


def test_totals_count_for_people_whose_visits_are_not_listed() -> None:
    report = read(
        b"2. Participants\n"
        b"Name,First Join,Last Leave,In-Meeting Duration,Email\n"
        b"Ada Lake,11/18/26 10:00 AM,11/18/26 11:00 AM,1h,ada@library.example\n"
        b"Front desk (Guest),11/18/26 10:00 AM,11/18/26 11:00 AM,59m 50s,\n"
        b"3. In-Meeting Activities\n"
        b"Name,Join Time,Leave Time,Duration,Email,Role\n"
        b"Ada Lake,11/18/26 10:00 AM,11/18/26 10:20 AM,20m,ada@library.example,Presenter\n"
    )
    assert report.shape == "Teams attendance report: joining and leaving, participants"
    assert minutes(report) == {ADA: 20, "name:front desk (guest)": 59}


def test_a_workbook_with_dates_and_times() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        moment = workbook.add_format({"num_format": "m/d/yyyy h:mm"})
        sheet = workbook.add_worksheet("Attendees")
        sheet.write_row(0, 0, ["Name (Original Name)", "User Email", "Join Time", "Leave Time"])
        for number, (mailbox, left) in enumerate(BOTH.items(), 1):
            sheet.write_row(number, 0, ["Someone", mailbox])
            sheet.write_datetime(number, 2, BEGIN.replace(tzinfo=None), moment)
            end = BEGIN.replace(tzinfo=None) + dt.timedelta(minutes=left)
            sheet.write_datetime(number, 3, end, moment)
    report = read(file.getvalue())
    assert report.shape == "Zoom meeting report: attendees"
    assert minutes(report) == BOTH


def test_the_waiting_room_does_not_count() -> None:
    report = read((REPORTS / "zoom-meeting.csv").read_bytes())
    assert report.refused == [(5, "This time in the waiting room does not count.")]


def test_each_known_shape_has_a_sample() -> None:
    samples = {read(path.read_bytes()).shape.partition(":")[0] for path in REPORTS.glob("*.csv")}
    assert samples == {shape.name for shape in KNOWN_SHAPES if shape.lists_people}


@pytest.mark.parametrize(
    "data",
    [
        b"Email,Minutes\nAda@Library.example,50\nbo@library.example,12\n",
        b"\xef\xbb\xbfE-mail;Duration (minutes)\r\nada@library.example;50\r\n"
        b"bo@library.example;12\r\n",
        "Email Address\tTime in Session\nada@library.example\t0:50:00\n"
        "bo@library.example\t0:12:00\n".encode("utf-16"),
        b"Webinar,Caf\xe9\nHeld,today\n\nName,User Email,Minutes\n"
        b'Ada,ada@library.example,50 minutes\nBo,bo@library.example,"12,5"\n',
        b'"Name";"Email";"Time in Session (minutes)"\n"Lake, Ada, Dr.";ada@library.example;50\n'
        b'"River, Bo, Dr., Jr.";bo@library.example;"12"\n',
        b"email;minutes\nada@library.example;20\nADA@library.example;30\nbo@library.example;12\n",
    ],
)
def test_formats_of_different_tools(data: bytes) -> None:
    report = read(data)
    assert minutes(report) == {ADA: 50, BO: 12}
    assert report.shape == ""
    assert report.refused == []


def test_valid_quotation_marks() -> None:
    report = read(
        b'Name,Email,Minutes\nAda "Moss" Lake,ada@x.example,50\r\n'
        b'"Bo, ""x""\r\nRiver",bo@x.example,20\r\n'
    )
    assert [(row.address, row.seconds, row.line) for row in report.rows] == [
        ("ada@x.example", 3000, 2),
        ("bo@x.example", 1200, 3),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 Email,Minutes", "This is not a CSV or XLSX file"),
        (b"Email,Minutes\n\x00\x00", "not a text file"),
        (b"Name,Time\nAda,50\n", "The file has no columns for e-mail address"),
        (b"", "The file has no columns for e-mail address"),
        (b"x" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
        (b"Email,Minutes\n" + b"a@b.example,1\n" * 20_001, "more than 20,000 rows"),
        (b'Email,Minutes\n"' + b"a" * 200_000, "cannot be read as CSV"),
        # A lenient reader would silently swallow the rows below the quotation mark.
        (b'Email,Minutes\n"ada@x.example,50\nbo@x.example,20\n', "as CSV past line 2. A quot"),
        (
            b'Name,Email,Minutes\n"Ada,ada@x.example,50\n"Bo",bo@x.example,20\n',
            "as CSV past line 2. A quotation mark on that line is not closed",
        ),
    ],
)
def test_an_unreadable_list_is_refused_with_a_message(data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(data)


def test_bad_rows_are_reported_by_line() -> None:
    report = read(
        b"Email,Minutes\nnobody,5\n,5\nada@library.example,soon\nbo@library.example\n\n"
        b"bo@library.example,=1+1\ncy@library.example,7\n"
    )
    assert [row.address for row in report.rows] == ["cy@library.example"]
    assert [line for line, _ in report.refused] == [2, 3, 4, 5, 7]


def test_repeated_visits_count_once() -> None:
    report = read(
        b"Name,Email,Join Time,Leave Time,Duration (Minutes)\n"
        b"Ada,ada@x.example,10:00,10:20,20\n"
        b"Ada Lake,ADA@x.example, 10:00,10:20 ,20 min\n"
        b"Bo,bo@x.example,10:00,10:20,20\n"
        b"Ada,ada@x.example,10:00,10:25,25\n"
        b"Ada,ada@x.example,10:40,10:45,5\n"
        b"Cy,cy@x.example,,,7\n"
        b"Cy,cy@x.example,,,7\n"
    )
    assert minutes(report) == {"ada@x.example": 30, "bo@x.example": 20, "cy@x.example": 14}


def test_repeated_visits_at_times_that_cannot_be_read_count_once() -> None:
    row = b"ada@x.example,ten,eleven,20\n"
    report = read(b"Email,Join Time,Leave Time,Minutes\n" + row + row)
    assert minutes(report) == {"ada@x.example": 20}
    assert report.refused == [(3, "Same visit as on line 2. It counts once.")]


def test_identical_rows_without_times_are_separate_visits() -> None:
    report = read(b"Email,Start Time,Minutes\nada@x.example,9:00,20\nada@x.example,9:00,20\n")
    assert minutes(report) == {"ada@x.example": 40}


def test_a_duration_shorter_than_the_visit_is_the_time_present() -> None:
    report = read(
        b"Email,Joined,Left,Minutes\n"
        b"ada@x.example,11/18/2026 10:00 AM,11/18/2026 11:00 AM,20\n"
        b"bo@x.example,11/18/2026 10:00 AM,11/18/2026 10:20 AM,21\n"
    )
    assert minutes(report) == {"ada@x.example": 20, "bo@x.example": 20}


def test_times_that_do_not_exist_are_reported() -> None:
    report = read(b"Email,Join,Leave\nada@x.example,2/30/2026 10:00,2/30/2026 11:00\n")
    assert report.refused == [(2, "2/30/2026 10:00 does not exist.")]


def test_people_who_left_without_having_joined_are_reported() -> None:
    report = read(b"Full Name,User Action,Timestamp\nAda,Left,11/18/2026 10:05 AM\n")
    assert report.refused == [(2, "The person left without having joined.")]


def test_a_name_stands_for_an_address_that_is_none() -> None:
    report = read(b"Name,Email,Minutes\nAda,--,20\nada,,20\n,,20\n")
    assert minutes(report) == {"name:ada": 40}
    assert report.refused == [(4, "There is no e-mail address.")]


def test_times_of_a_moment_that_is_not_on_the_list_are_read_in_mountain_time() -> None:
    report = read(b"Email,Join,Leave\nada@x.example,2026-11-18T17:10:00Z,2026-11-18T10:30\n")
    assert minutes(report) == {"ada@x.example": 20}


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1:05:30", 65 * 60 + 30),
        ("1:05", 65 * 60),
        ("65:30", 65 * 60 + 30),
        ("65 min", 65 * 60),
        ("1 hour 5 minutes", 65 * 60),
        ("1h 5m 30s", 65 * 60 + 30),
        ("--", 0),
        ("999999", 100_000 * 60),
    ],
)
def test_duration_formats(written: str, seconds: int) -> None:
    report = read(f"Email\tMinutes\nada@x.example\t{written}\n".encode())
    assert [row.seconds for row in report.rows] == [seconds]


def test_how_durations_were_read_is_noted() -> None:
    report = read(b"Email,Hours attended,Minutes\nada@x.example,1,1:05\nbo@x.example,1,30\n")
    assert report.notes == [(2, "1:05 was read as 1 hour 5 minutes")]
    assert [row.seconds for row in report.rows] == [65 * 60, 30 * 60]


def test_a_column_of_hours() -> None:
    report = read(b"Email,Hours attended\nada@x.example,1.5\n")
    assert [row.seconds for row in report.rows] == [90 * 60]
    report = read(b"Hours,Email\n1.5,ada@x.example\n")
    assert [row.seconds for row in report.rows] == [90 * 60]


def test_a_list_goes_on_below_a_subheading() -> None:
    report = read(
        b"Email,Name,Minutes\nada@x.example,Ada,50\n\nHelena\nbo@x.example,Bo,40\n\n"
        b"Board members\nName,Role,Seat\n\nMissoula\nDana,Chair,North\ncy@x.example,Cy,30\n"
    )
    assert [row.address for row in report.rows] == [
        f"{who}@x.example" for who in ("ada", "bo", "cy")
    ]


@pytest.mark.parametrize("year", ["0001", "1899", "2200", "9999"])
def test_a_visit_in_an_impossible_year_is_refused(year: str) -> None:
    times = f"{year}-05-11 10:00,{year}-05-11 11:00"
    report = read(f"Email,Join time,Leave time\nada@x.example,{times}\n".encode())
    assert (report.rows, len(report.refused)) == ([], 1)


def test_only_the_first_bad_rows_are_reported() -> None:
    report = read(b"Email,Minutes\n" + b"invalid,5\n" * 1_000)
    assert len(report.refused) == 201
    assert report.refused[-1] == (202, "More rows were skipped. They are not listed.")


def test_twenty_thousand_rows_take_little_memory() -> None:
    data = b"Email;Minutes\n" + b"".join(b"p%d@x.example;%d\n" % (n, n % 90) for n in range(19_990))
    tracemalloc.start()
    report = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(report.rows) == 19_990
    assert peak < 40_000_000
