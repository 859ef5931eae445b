"""Reading CSV files of any kind, and reporting rows that cannot be imported."""

import csv
import datetime as dt
import io
import itertools
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from aspen.errors import Refused
from aspen.files import csv_import
from aspen.files.csv_import import ImportProgress, RowOutcome, import_file
from aspen.files.records import CsvRow, UnreadableFile, read_records


class Words:
    """An importer that stores two columns and rejects the words “bad” and “worse”."""

    columns: tuple[str, ...] = ("word", "note")
    moments: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.stored: list[tuple[int, str, str]] = []
        self.prepared: list[int] = []

    def prepare(self, rows: list[CsvRow]) -> None:
        self.prepared.append(len(rows))

    def apply(self, row: CsvRow) -> RowOutcome:
        if row["word"] == "bad":
            raise Refused("it is bad", field="word")
        if row["word"] == "worse":
            raise ValidationError({"word": ["It is worse."], "field": ["It is bad, too."]})
        self.stored.append((row.line, row["word"], row["note"]))
        return RowOutcome.NEW

    def explain(self, error: csv_import.NotStored) -> str:
        return csv_import.explain_error(error, {"field": "note"})

    def describe(self, row: CsvRow) -> str:
        return f"{row['word']}: {row['note']}"


def run(content: bytes, folder: Path) -> tuple[Words, csv_import.Tally, list[str]]:
    source, importer, output = folder / "words.csv", Words(), []
    source.write_bytes(content)
    tally = import_file(
        source,
        importer,
        rejects=folder / "rejects" / "words.csv",
        report=output.append,
        progress=output.append,
    )
    return importer, tally, output


BOM = b"\xef\xbb\xbf"


def rejects(folder: Path) -> bytes:
    """Return the rejects file without its byte order mark."""
    content = (folder / "rejects" / "words.csv").read_bytes()
    assert content.startswith(BOM)
    return content.removeprefix(BOM)


def parsed(text: str) -> list[Any]:
    return [
        (record.line, record.cells, record.error)
        for record in read_records(io.StringIO(text, newline=""))
    ]


@pytest.mark.django_db
def test_a_row_has_the_number_of_its_first_line(tmp_path: Path) -> None:
    importer, tally, output = run(b'word,note\none, 1 \n\n"two\nlines",2\n , \nthree,3', tmp_path)

    assert importer.stored == [(2, "one", "1"), (4, "two\nlines", "2"), (7, "three", "3")]
    assert str(tally) == "3 new, 0 changed, 0 unchanged"
    assert (output, tally.rejects) == ([], None)
    assert not (tmp_path / "rejects").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_byte_order_mark_and_any_line_endings_are_accepted(tmp_path: Path, end: bytes) -> None:
    content = b"\xef\xbb\xbf" + end.join([b"Word , NOTE,more", "é,😀,x".encode(), b"b,2,"])

    importer, _, _ = run(content, tmp_path)

    assert importer.stored == [(2, "é", "😀"), (3, "b", "2")]


@pytest.mark.django_db
def test_rejected_rows_are_reported_by_line_and_kept_as_they_were(tmp_path: Path) -> None:
    content = (
        b"word,note\r\n"
        b'bad , "a ""quoted"" note"\r\n'
        b"\x81\x8d\xe9,unknown\r\n"
        b"good,1\r\n"
        b"few\r\n"
        b"too,many,fields\r\n"
        b"nul,\0\r\n"
        b"worse,2\r\n"
        b"bad,caf\xe9\r\n"
        b"lost,\xef\xbf\xbd"
    )

    importer, tally, output = run(content, tmp_path)

    assert importer.stored == [(4, "good", "1")]
    assert tally.rejected == 8
    assert output == [
        "line 2: word: it is bad",
        "line 3: this line is not text in UTF-8; save the file as “CSV UTF-8”",
        "line 5: this line has 1 field, but the heading has 2; check for an extra or missing comma",
        "line 6: this line has 3 fields, but the heading has 2; "
        "check for an extra or missing comma",
        "line 7: this line contains a NUL character, which cannot be stored",
        "line 8: word: It is worse. note: It is bad, too.",
        "line 9: word: it is bad",
        "line 10: this line contains “\ufffd” for a character that was lost; enter it",
    ]
    rejected = rejects(tmp_path).splitlines(keepends=True)
    assert rejected[0] == b"reason,word,note\r\n"
    assert rejected[1] == b'"line 2: word: it is bad",bad , "a ""quoted"" note"\r\n'
    assert rejected[2].endswith(b'",\x81\x8d\xe9,unknown\r\n')
    assert rejected[6].endswith(b'",worse,2\r\n')
    assert rejected[7].endswith('",bad,café\r\n'.encode())
    assert rejected[8].endswith('",lost,\ufffd\n'.encode())
    assert len(rejected) == 9


@pytest.mark.django_db
def test_the_rejects_file_can_be_corrected_and_imported(tmp_path: Path) -> None:
    run(b'word,note\nbad,"one, two"\n', tmp_path)
    corrected = rejects(tmp_path).replace(b",bad,", b",corrected,")

    importer, tally, _ = run(corrected, tmp_path)

    assert importer.stored == [(2, "corrected", "one, two")]
    assert tally.rejected == 0


@pytest.mark.django_db
def test_the_rejects_file_can_be_imported_repeatedly(tmp_path: Path) -> None:
    rows = b'bad,"one, ""two"""\r\nfew\r\n"a" b,x\r\n\x81\xe9,\r\n"open,1\r\nbad,2'
    run(b"word,note\r\n" + rows, tmp_path)
    first = rejects(tmp_path)
    content = first
    for _ in range(3):
        importer, tally, _ = run(content, tmp_path)
        content = rejects(tmp_path)
        assert (importer.stored, tally.rejected) == ([], 6)
        header, *rejected = content.splitlines(keepends=True)
        assert header == b"reason,word,note\r\n"
        assert len(rejected) == 6
        for line, row in zip(rejected, rows.splitlines(keepends=True), strict=True):
            assert line.startswith(b'"line ')
            assert line.rstrip().endswith(b'",' + row.rstrip())

    corrected = content.replace(b",bad,", b",corrected,")
    importer, tally, _ = run(corrected, tmp_path)
    assert [word for _, word, _ in importer.stored] == ["corrected", "corrected"]
    assert tally.rejected == 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "rest"),
    [
        ("line 2: it is bad,bad,1", "bad,1"),  # as a spreadsheet writes it
        ('"corrected, I think",bad,1', "bad,1"),
        (",bad,1", "bad,1"),
        (',"a" b,1', '"a" b,1'),
        ("bad,1", "bad,1"),  # someone removed the reason and its comma
        ("few", "few"),
        ('"line 2: it is bad",few', "few"),
    ],
)
def test_a_new_reason_replaces_only_the_old_reason(tmp_path: Path, row: str, rest: str) -> None:
    run(f'" Reason",word,note\n{row}\n'.encode(), tmp_path)

    header, line = rejects(tmp_path).decode().splitlines()
    assert header == "reason,word,note"
    assert line.split('",', 1)[1] == rest


@pytest.mark.django_db
def test_the_rejects_file_never_overwrites_the_input_file(tmp_path: Path) -> None:
    source = tmp_path / "words.csv"
    source.write_bytes(b"word,note\nbad,1\n")

    with pytest.raises(UnreadableFile, match="would overwrite"):
        import_file(source, Words(), rejects=source, report=print, progress=print)

    assert source.read_bytes() == b"word,note\nbad,1\n"


def test_an_unclosed_quotation_mark_loses_only_its_own_line() -> None:
    never = "a quotation mark is never closed"

    assert parsed('a,b\n"open,1\nc,d\ne,f\n') == [
        (1, ["a", "b"], ""),
        (2, [], never),
        (3, ["c", "d"], ""),
        (4, ["e", "f"], ""),
    ]
    many = parsed('"open,1\n' + "c,d\n" * 300)
    assert [many[0], len(many), many[-1]] == [(1, [], never), 301, (301, ["c", "d"], "")]


def test_quotation_marks_are_read_as_spreadsheets_write_them() -> None:
    misplaced = "there is a quotation mark in the middle of a field; double it or remove it"

    assert parsed('a 5" disk,x\n"He said ""no""",y\n"a" b,z\n"",w\n') == [
        (1, ['a 5" disk', "x"], ""),
        (2, ['He said "no"', "y"], ""),
        (3, [], misplaced),
        (4, ["", "w"], ""),
    ]


def test_a_huge_field_or_line_is_rejected_and_the_next_line_is_read() -> None:
    assert parsed(f"a,{'x' * 200_000}\nb,1\n") == [
        (1, [], "a field is longer than 131,072 characters"),
        (2, ["b", "1"], ""),
    ]
    assert parsed(f"a,{'x' * 2_500_000}\nb,1\n") == [
        (1, [], "the line is longer than 1,000,000 characters"),
        (2, ["b", "1"], ""),
    ]


def test_an_endless_file_is_streamed() -> None:
    class Endless(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            return "a,b\n"

    assert [record.line for record in itertools.islice(read_records(Endless()), 3)] == [1, 2, 3]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        (b"name,note\n1,2\n", "Missing: word"),
        (b"word|note\n1|2\n", "Missing: word, note"),
        (b"word,note,Word\n1,2,3\n", "heading lists a column twice: word"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a CSV or XLSX file"),
        (b"word\0note\n", "not a CSV or XLSX file"),
        (b'"word,note\n1,2\n', "not a CSV or XLSX file"),
        (b"PK\x03\x04", "This workbook cannot be read"),
    ],
)
def test_an_unreadable_file_is_rejected_as_a_whole(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(UnreadableFile, match=words):
        run(content, tmp_path)

    assert not (tmp_path / "rejects").exists()


@pytest.mark.django_db
def test_a_missing_file_and_a_folder_are_rejected(tmp_path: Path) -> None:
    for path, words in [
        (tmp_path / "none.csv", "no such file or directory"),
        (tmp_path, "is a directory"),
        (Path("nul\0byte"), "cannot be read"),
    ]:
        with pytest.raises(UnreadableFile, match=words):
            import_file(path, Words(), rejects=tmp_path / "r", report=print, progress=print)


@pytest.mark.django_db
def test_rows_are_prepared_in_batches_and_only_the_first_rejects_listed(
    tmp_path: Path,
) -> None:
    importer, tally, output = run(b"word,note\n" + b"good,1\n" * 1300 + b"bad,1\n" * 60, tmp_path)

    assert importer.prepared == [500, 500, 360]
    assert (len(importer.stored), tally.rejected) == (1300, 60)
    assert output[0] == "1,000 rows …"
    assert output[1] == "line 1302: word: it is bad"
    assert [len(output), output[-1]] == [52, "… and 10 more"]
    assert rejects(tmp_path).count(b"\n") == 61


def test_progress_is_reported_every_thousand_rows() -> None:
    output: list[str] = []
    progress = ImportProgress(output.append)

    for _ in range(2500):
        progress.tick()

    assert output == ["1,000 rows …", "2,000 rows …"]


@pytest.mark.django_db
def test_commits_wait_for_the_disk_again_after_an_import() -> None:
    def setting() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return str(cursor.fetchone()[0])

    before = setting()
    with csv_import.asynchronous_commits():
        assert setting() == "off"
    assert setting() == before


# Other encodings, delimiters and programs


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("declared", [False, True])
def test_files_of_other_programs(
    tmp_path: Path, encoding: str, delimiter: str, declared: bool
) -> None:
    rows = [("Note", "Word", "Reason"), ("“a, b; c”", "café", ""), ("x", "bad", "y")]
    lines = [delimiter.join(f'"{cell}"' for cell in row) for row in rows]
    content = "\r\n".join([f"sep={delimiter}"] * declared + lines)

    importer, tally, output = run(content.encode(encoding), tmp_path)

    assert importer.stored == [(2 + declared, "café", "“a, b; c”")]
    assert output == [f"line {3 + declared}: word: it is bad"]
    names, row = ("Note,Word,Reason", "x,bad,y") if delimiter != "," else (lines[0], lines[2])
    assert rejects(tmp_path).decode().splitlines() == [
        f"reason,{names}",
        f'"line {3 + declared}: word: it is bad",{row}',
    ]
    assert [str(row) for row in tally.first_rows] == [f"line {2 + declared}: café: “a, b; c”"]


@pytest.mark.django_db
def test_long_text_in_utf_16_is_streamed(tmp_path: Path) -> None:
    content = "word,note\n" + "".join(f"é{n},😀\n" for n in range(20_000))

    importer, tally, _ = run(content.encode("utf-16"), tmp_path)

    assert (len(importer.stored), tally.rejected) == (20_000, 0)
    assert importer.stored[-1] == (20_001, "é19999", "😀")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(";", "cp1252"), (",", "cp1252"), (",", "utf-8-sig")]
)
def test_a_rejects_file_saved_by_a_spreadsheet_program_is_imported(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    """Excel reads the mark, quotes only where needed, and fills rows up to the longest."""
    run('word,note\nbad,"“café”; a, b"\nfew\nbad,2\n'.encode(), tmp_path)
    file = io.StringIO(rejects(tmp_path).decode(), newline="")
    saved = io.StringIO(newline="")
    for row in csv.reader(file):
        row[1] = {"bad": "corrected", "few": "bad"}.get(row[1], row[1])
        csv.writer(saved, delimiter=delimiter).writerow(row + [""] * (3 - len(row)))

    importer, tally, output = run(saved.getvalue().encode(encoding), tmp_path)

    assert importer.stored == [(2, "corrected", "“café”; a, b"), (4, "corrected", "2")]
    assert (tally.rejected, output) == (1, ["line 3: word: it is bad"])
    assert rejects(tmp_path).decode() == ('reason,word,note\r\n"line 3: word: it is bad",bad,\r\n')


@pytest.mark.django_db
def test_rejected_rows_with_other_delimiters_can_be_corrected_repeatedly(tmp_path: Path) -> None:
    run(b'word;note\r\nbad;"a;b, c"\r\n"open;1\r\nfew\r\ngood;1\r\n', tmp_path)
    expected = [
        "reason,word,note",
        '"line 2: word: it is bad",bad,"a;b, c"',
        '"line 3: a quotation mark is never closed","open,1',
        '"line 4: this line has 1 field, but the heading has 2; '
        'check for an extra or missing comma",few',
    ]
    assert rejects(tmp_path).decode().splitlines() == expected

    importer, _, _ = run(rejects(tmp_path).replace(b'"open', b"open"), tmp_path)

    assert importer.stored == [(3, "open", "1")]
    again = rejects(tmp_path).decode().splitlines()
    assert again[:2] == expected[:2]
    assert (len(again), again[2].partition('",')[2]) == (3, "few")


def workbook(*rows: list[object]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.django_db
def test_a_workbook_is_imported(tmp_path: Path) -> None:
    book = workbook(
        ["Words of the year"],
        ["Word", "Note", "Date"],
        ["café", 1.0, dt.date(2027, 5, 11)],
        [],
        ["bad", "a, b"],
        ["two"],
        ["many", "1", "2", "3"],
    )
    book.create_sheet("More")
    book["More"].append(["Word", "Note", "Date"])
    book["More"].append(["more", True])
    book.create_sheet("Other").append(["Notes of the editor"])

    importer, _, output = run(saved(book), tmp_path)

    assert importer.stored == [
        *((3, "café", "1"), (6, "two", ""), (2, "more", "TRUE"), (1, "Notes of the editor", "")),
    ]
    assert output == [
        "line 5: word: it is bad",
        "line 7: this line has 4 fields, but the heading has 3; "
        "check for an extra or missing comma",
    ]
    assert rejects(tmp_path).decode().splitlines() == [
        "reason,Word,Note,Date",
        '"line 5: word: it is bad",bad,"a, b",',
        f'"{output[1]}",many,1,2,3',
    ]


@pytest.mark.django_db
def test_rejected_rows_of_a_workbook_are_imported_after_correction(tmp_path: Path) -> None:
    run(saved(workbook(["word", "note"], ["bad", "a"], ["worse", "b"])), tmp_path)
    rows = [row.split(",") for row in rejects(tmp_path).decode().splitlines()]
    rows[1][1] = "corrected"

    importer, tally, _ = run(saved(workbook(*rows)), tmp_path)

    assert (importer.stored, tally.rejected) == ([(2, "corrected", "a")], 1)
    assert rejects(tmp_path).decode().splitlines()[1].endswith(",worse,b")


@pytest.mark.django_db
def test_the_heading_can_be_below_a_title_and_be_repeated(tmp_path: Path) -> None:
    content = b"Words of the year\n\nword,note\none,1\nword,note\ntwo,2\nbad,3\n"

    importer, _, output = run(content, tmp_path)

    assert importer.stored == [(4, "one", "1"), (6, "two", "2")]
    assert output == ["line 7: word: it is bad"]
    assert rejects(tmp_path) == b'reason,word,note\n"line 7: word: it is bad",bad,3\n'
