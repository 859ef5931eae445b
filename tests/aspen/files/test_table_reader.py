"""Reading tables in every form in which other programs write them."""

import contextlib
import datetime as dt
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aspen.errors import Refused
from aspen.files import table_reader, workbook
from aspen.files.table_reader import ReadTable, TableRow, find_delimiter, read_tables

INTAKE = Path(__file__).parents[2] / "data" / "intake"


def read(data: bytes | str) -> list[ReadTable]:
    return read_tables(data if isinstance(data, bytes) else data.encode(), megabytes=5)


def sample(name: str) -> list[ReadTable]:
    return read((INTAKE / name).read_bytes())


def cells(table: ReadTable) -> list[list[str]]:
    return [row.cells for row in table.rows]


def xlsx(fill: Callable[[openpyxl.Workbook], object]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    fill(book)
    book.save(file)
    return file.getvalue()


def sheet(*rows: list[object]) -> bytes:
    return xlsx(lambda book: [book.active.append(row) for row in rows])


# ---------- Encodings and delimiters ----------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_delimiter_and_line_ending(encoding: str, delimiter: str, end: str) -> None:
    rows = [["Email", "Name"], ["a@aspen.example", "Zoë, “Z”"], ["b@aspen.example", "a;b"]]
    text = end.join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)

    (table,) = read(text.encode(encoding))

    assert table == ReadTable("", [TableRow(line, row) for line, row in enumerate(rows, start=1)])


def test_utf_16_with_a_mark_in_big_endian_order() -> None:
    (table,) = read(b"\xfe\xff" + "Email\tMinutes\na@b.example\t5\n".encode("utf-16-be"))

    assert cells(table) == [["Email", "Minutes"], ["a@b.example", "5"]]


def test_lines_that_are_not_utf_8_are_windows_1252() -> None:
    (table,) = read(
        "Name,Email\nZoë,a@b.example\n".encode() + "Café,c@d.example\n".encode("cp1252")
    )

    assert [row[0] for row in cells(table)] == ["Name", "Zoë", "Café"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_declared_delimiter_is_used_and_not_a_row(delimiter: str, quote: str) -> None:
    (table,) = read(f"{quote}sep={delimiter}{quote}\r\nA,1{delimiter}B;2\r\nC{delimiter}D\r\n")

    assert [row.line for row in table.rows] == [2, 3]
    assert table.rows[1].cells == ["C", "D"]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Email\na@b.example\n", ","),
        ("Email;Minutes\na@b.example;55,5\n", ";"),
        ("Email,Note\na@b.example,x;y;z\nc@d.example,x;y;z\n", ","),
        ('title;note\n"one, two";"a, b"\n', ";"),
        ("Name\tTime\nOne\t11/18/26, 9:55\nTwo\t11/18/26, 9:56\n", "\t"),
        ("", ","),
    ],
)
def test_the_delimiter_is_the_one_that_gives_even_rows(text: str, delimiter: str) -> None:
    assert find_delimiter(text) == delimiter


def test_cells_are_cleaned() -> None:
    (table,) = read(
        'Name,Code\n\u200bCafe\u0301\u202e ,"=""0012"""\n" two\nlines ",\u00a0x\ufeff\n'
    )

    assert cells(table) == [["Name", "Code"], ["Café", "0012"], ["two\nlines", "x"]]
    assert [row.line for row in table.rows] == [1, 2, 3]


# ---------- Several tables ----------


def test_zoom_meeting_with_its_own_row() -> None:
    meeting, people = sample("a01-zoom-meeting-with-meeting-data.csv")

    assert meeting.rows[0].cells[:2] == ["Meeting ID", "Topic"]
    assert len(meeting.rows) == 2
    assert people.rows[0] == TableRow(
        4,
        [
            *("Name (Original Name)", "User Email", "Join Time", "Leave Time"),
            *("Duration (Minutes)", "Guest", "Recording Consent"),
        ],
    )
    assert [row.cells[0] for row in people.rows[1:]] == [
        *("Learner One", "Two, Learner (she/her)", "Circulation desk"),
    ]
    assert [len(table.rows) for table in sample("a01b-zoom-meeting-total-duration.csv")] == [2, 3]


def test_teams_report_with_sections_in_utf_16() -> None:
    summary, people, activities = sample("a03-teams-three-sections.csv")

    assert [table.title for table in (summary, people, activities)] == [
        *("1. Summary", "2. Participants", "3. In-Meeting Activities"),
    ]
    assert summary.rows[2].cells == ["Start time", "11/18/26, 9:55:00 AM"]
    assert people.rows[0].cells[:4] == ["Name", "First Join", "Last Leave", "In-Meeting Duration"]
    assert people.rows[4].cells[4:6] == ["", ""]
    assert [len(table.rows) for table in (summary, people, activities)] == [6, 5, 5]


def test_zoom_webinar_report_with_details_without_blank_lines() -> None:
    tables = read(
        "Attendee Report\n"
        'Report Generated:,"11/18/2026 12:00:00 PM"\n'
        "Topic,Webinar ID,Actual Start Time,Actual Duration (minutes)\n"
        "Weeding,812 3456 7890,11/18/2026 10:00:00 AM,60\n"
        "Host Details,\n"
        "Attended,User Name (Original Name),Email,Join Time\n"
        "Yes,Host,host@aspen.example,11/18/2026 10:00:00 AM\n"
        "Attendee Details,,,\n"
        "Attended,User Name (Original Name),Email,Join Time\n"
        "Yes,Learner One,learner01@aspen.example,11/18/2026 10:00:00 AM\n"
        "Desk\n"
        "Yes,Learner Two,learner02@aspen.example,11/18/2026 10:00:00 AM\n"
    )

    assert [(table.title, len(table.rows)) for table in tables] == [
        *(("", 4), ("Host Details", 2), ("Attendee Details", 4)),
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in INTAKE.iterdir()))
def test_every_sample_is_read(name: str) -> None:
    tables = sample(name)

    assert tables
    for table in tables:
        assert len(table.rows) > 1
        width = len(table.rows[0].cells)
        assert width > 1
        assert all(len(row.cells) == width for row in table.rows)


def test_a_blank_line_in_a_list_does_not_hide_the_rest() -> None:
    (table,) = read("Email,Minutes\na@b.example,5\n\n,\nc@d.example,6\n\nNobody,7\n")

    assert [row.line for row in table.rows] == [1, 2, 5, 7]
    (table,) = read("Email\na@b.example\n\nc@d.example\n")
    assert len(table.rows) == 3
    (table,) = read("Email,Minutes\na@b.example,5\n\nHelena\nc@d.example,6\n")
    assert [row.line for row in table.rows] == [1, 2, 4, 5]


def test_all_sheets_together_have_the_most_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        for sheet in (book.active, book.create_sheet("More")):
            for number in range(3):
                sheet.append([f"p{number}@x.example", "5"])

    monkeypatch.setattr(table_reader, "MAX_ROWS", 6)
    assert len(read(xlsx(fill))) == 2
    monkeypatch.setattr(table_reader, "MAX_ROWS", 5)
    with pytest.raises(Refused, match="more than 5 rows"):
        read(xlsx(fill))


# ---------- Workbooks ----------


def test_a_workbook_has_text_as_in_csv() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        people = book.active
        people.title = "People"
        people.append(["Email", "Day", "Joined", "Length", "Long", "Minutes", "ID", "Sum"])
        people.append(
            [
                *(" a@b.example\u200b", dt.date(2027, 5, 11), dt.datetime(2027, 5, 11, 9, 0)),
                *(dt.time(1, 5), dt.timedelta(hours=30), 55.5, 81234567890, "=1+1"),
            ]
        )
        people.append([None, True, dt.datetime(2027, 5, 11), 1.0, 1.5, 0.1 + 0.2])
        people["E3"].number_format = "h:mm"
        book.create_sheet("More").append(["Email", "Minutes"])
        book.create_sheet("Nothing")
        hidden = book.create_sheet("Hidden")
        hidden.append(["Email", "Minutes"])
        hidden.sheet_state = "hidden"

    people, more = read(xlsx(fill))

    assert (people.title, more.title) == ("People", "More")
    assert people.rows[1].cells == [
        *("a@b.example", "2027-05-11", "2027-05-11 09:00:00", "1:05:00", "30:00:00", "55.5"),
        *("81234567890", ""),
    ]
    assert people.rows[2].cells == ["", "TRUE", "2027-05-11 00:00:00", "1", "36:00:00", "0.3"]


def test_rows_of_a_sheet_keep_their_numbers_and_sections() -> None:
    one, two = read(
        sheet(["1. Summary"], ["Title", "Weeding"], [], ["2. People"], ["Email"], ["a@b.example"])
    )

    assert (one.title, one.rows) == ("1. Summary", [TableRow(2, ["Title", "Weeding"])])
    assert (two.title, [row.line for row in two.rows]) == ("2. People", [5, 6])


def changed(data: bytes, name: str, edit: Callable[[bytes], bytes]) -> bytes:
    """Return the workbook with one part edited."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part.filename, edit(content) if part.filename == name else content)
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_a_wrong_size_in_a_sheet_hides_no_rows() -> None:
    data = changed(
        sheet(["Email"], ["a@b.example"], ["c@d.example"]),
        SHEET,
        lambda content: content.replace(b'<dimension ref="A1:A3"', b'<dimension ref="A1"'),
    )

    assert len(read(data)[0].rows) == 3


ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'


@pytest.mark.parametrize("name", [SHEET, "xl/workbook.xml", "[Content_Types].xml"])
def test_a_workbook_that_declares_entities_is_refused(name: str) -> None:
    data = changed(sheet(["Email"]), name, lambda content: ENTITIES + content)

    with pytest.raises(Refused, match="cannot be read"):
        read(data)


@pytest.mark.parametrize(
    "rows",
    [
        b"<row/>" * 200_001,
        b"<row>" + b"<c/>" * 100_001 + b"</row>",
        b'<row r="99999999"><c t="str"><v>x</v></c></row>',
        b'<row><c r="ZZZ2"/></row>' * 100,
        b"</sheetData><sheetData>" * 2001,
    ],
    ids=["elements", "one row", "empty rows", "empty columns", "outside rows"],
)
def test_a_huge_sheet_in_a_small_file_is_refused(
    rows: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_ELEMENTS", 200_000)
    monkeypatch.setattr(workbook, "MAX_OTHER_ELEMENTS", 2000)
    data = changed(
        sheet(["Email"]),
        SHEET,
        lambda content: content.replace(b"</sheetData>", rows + b"</sheetData>"),
    )

    assert len(data) < 1_000_000
    with pytest.raises(Refused, match=r"too large|more than 20,000 rows"):
        read(data)


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    padding = b" " * (workbook.MAX_UNPACKED_MEGABYTES * 1024 * 1024)
    data = changed(sheet(["Email"]), "docProps/app.xml", lambda content: content + padding)

    assert len(data) < 1_000_000
    with pytest.raises(Refused, match="too large"):
        read(data)


def test_external_links_are_not_opened() -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["Email", "='[https://example.org/x.xlsx]Sheet1'!A1"])

    assert cells(read(xlsx(fill))[0]) == [["Email", ""]]


# ---------- Files that cannot be read ----------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7", "not a CSV or XLSX file"),
        (b"\x89PNG\r\n", "not a CSV or XLSX file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not a CSV or XLSX file"),
        (b"PK\x03\x04 and nothing else", "cannot be read"),
        (b"Email\0Minutes\n", "not a text file"),
        (b"\0\0\0\0\0\0", "not a text file"),
        (b"Email\n\x81\x8d\n", "not a text file"),
        (b"\xff\xfeE\0m", "not a text file"),
        (b"\xff\xfeE\0\0\0", "not a text file"),
        (b'Email,Name\n"a,b\nc,d\n', "past line 2"),
        (b'Email,Name\na,"b" c\n', "past line 2"),
        (b"Email\n" + b"x" * 200_000, "past line 2"),
        (b"Email\n" + b"a@b.example\n" * 20_001, "more than 20,000 rows"),
        (b"Email\n" + b"," * 1_000 + b"x", "Line 2 has more than 1,000 cells"),
        (b"x" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
    ],
)
def test_an_unreadable_file_is_refused_with_advice(data: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refusal:
        read(data)

    assert refusal.value.field == "file"


@given(st.binary(max_size=60), st.sampled_from(sorted(INTAKE.iterdir())), st.integers(0, 900))
def test_damaged_files_are_read_or_refused(noise: bytes, path: Path, place: int) -> None:
    data = path.read_bytes()

    for damaged in (noise, data[:place] + noise + data[place + len(noise) :]):
        with contextlib.suppress(Refused):
            read(damaged)


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"\n" * 1_000_000, b"sep=;\n", b"\xff\xfe", sheet()]
)
def test_an_empty_file_has_no_tables(data: bytes) -> None:
    assert read(data) == []


def test_find_column_compares_letters_only() -> None:
    assert table_reader.find_column(["Name", "E-mail Address:"], {"emailaddress"}) == 1
    assert table_reader.find_column(["Name"], {"email"}) is None
