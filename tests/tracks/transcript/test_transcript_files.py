"""The transcript shows the same credits and numbers as a page, PDF, CSV and XLSX."""

import csv
import datetime as dt
import io
import re
from decimal import Decimal
from typing import NamedTuple

import openpyxl
import page as pdf_ua
import pikepdf
import pytest
import time_machine
from django.utils import timezone
from lxml import html

from accounts.actions import take_position
from accounts.enums import PositionKind, Role
from aspen.formats import format_day
from credits.actions import claim_custom_event, withdraw_claim
from credits.models import Credit
from events.actions import decide_custom_event
from events.enums import Decision
from tests import factories as make
from tests import pdf_readers, tagged_pdf
from tests.races import volume
from tests.tracks.transcript.test_transcript import many_claims
from tests.web import signed_in
from tracks.actions import select_track

pytestmark = pytest.mark.django_db
ADDRESS = "/continuing-education/credits/"
FORMULA = '=HYPERLINK("https://evil.example","Click")'
TYPST = '#panic() [x] \\ " *bold* $x$ `raw` <l> @l // no comment'
TITLES = [
    FORMULA,
    TYPST,
    "+1 @SUM(A1) -2",
    "שלום: Stories for everyone",
    "Años “quoted” – ½",
    ("Weeding and budgets " * 15).strip(),
]


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel("2026-11-20T18:00Z", tick=False):
        yield


@pytest.fixture
def person():
    person = make.person(display_name="Pat #Quill")
    library = make.organization(name="Library [of] Ekalaka")
    take_position(organization=library, kind=PositionKind.STAFF, by=person)
    return person


@pytest.fixture
def client(person):
    return signed_in(person)


@pytest.fixture
def thirty_credits(person):
    """Some thirty credits in two tracks, archived and ended, with unusual titles."""
    amounts = {make.ADMINISTRATION: "1.5", make.TECHNOLOGY: "0.5"}
    for number, title in enumerate([*TITLES, *(f"Training {each}" for each in range(10))]):
        make.claim(person, title=title, days=-1 - 40 * number, credits=amounts)
    make.claim(person, title="Too old", days=-5 * 366)
    for name in ("Library Staff", "Library Trustee"):
        select_track(track=make.track(name), by=person)
    staff = make.person(Role.CE_COORDINATOR, display_name="Dana")
    declined = claim_custom_event(facts=make.facts(title="A demo"), by=person)
    decide_custom_event(
        event_id=declined.event_id, decision=Decision.DECLINE, reason=f"No. {FORMULA}", by=staff
    )
    withdraw_claim(claim_id=make.claim(person, title="Not me").pk, by=person)
    taken_out = make.claim(person, title="Half").credits
    taken_out.update(
        withdrawn_at=timezone.now(), withdrawn_by=staff, withdrawn_reason="Never offered."
    )


class Content(NamedTuple):
    """The rows of a transcript, and its labeled sums."""

    rows: list[tuple[str, str, str, Decimal]]
    sums: list[tuple[str, list[Decimal]]]


def without_spaces(text):
    """Remove whitespace, because the PDF drops it at line breaks."""
    return re.sub(r"\s+", "", text)


# ---------- Parsing ----------


def from_pages(client, query):
    """The lines of all pages, and each year's total."""
    rows, sums = [], {}
    number, last = 1, 1
    while number <= last:
        response = client.get(f"{ADDRESS}?{query}&page={number}")
        last = response.context["page"].paginator.num_pages
        page = html.fromstring(response.content.decode())
        for read_aloud in page.find_class("only-read"):
            read_aloud.drop_tree()
        for line in page.find_class("line"):
            day, category, *_ = (each.find("dd") for each in line.xpath(".//dl/div"))
            rows.append(
                (
                    without_spaces(day.text_content()),
                    without_spaces(line.xpath(".//summary//bdi")[0].text_content()),
                    without_spaces(category.xpath("./span/span[last()]")[0].text_content()),
                    Decimal(line.find_class("line__num")[0].text_content()),
                )
            )
        for section in page.xpath("//main//section[.//*[@class='year']]"):
            group = section.get("aria-label") or section.find("h2").text_content()
            for year in section.find_class("year"):
                heading, _, total = (each.text_content() for each in year)
                if total:  # a group that goes on on the next page has its heading there too
                    sums[group, heading] = [Decimal(total)]
        number += 1
    return Content(rows, [(year, total) for (_, year), total in sums.items()])


def years(content):
    """The totals of years only."""
    return [(label, amounts[-1:]) for label, amounts in content.sums if label.isdigit()]


def in_reading_order(text):
    """Reverse Hebrew words, because PDF text has them in visual order."""
    return re.sub("[א-ת]+", lambda word: word[0][::-1], text)


def from_pdf(content):
    tables = [
        [[cell.full_text for cell in row.children] for row in table.find("TR")]
        for table in tagged_pdf.read(content).find("Table")
    ]
    groups = [table for table in tables if table[0][0] == "Earned on"]
    added = next((table for table in tables if table not in groups), [])
    rows = [
        (
            without_spaces(day),
            in_reading_order(without_spaces(title.partition("Sponsor:")[0])),
            without_spaces(category),
            Decimal(amount),
        )
        for table in groups
        for cells in table[1:]
        if len(cells) == 5
        for day, title, category, amount, _ in [cells]
    ]
    sums = [(cells[0], [Decimal(cell) for cell in cells[1:]]) for cells in added[1:]]
    return Content(rows, sums)


def printed_day(day):
    return without_spaces(format_day(day))


def from_csv(content):
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    rows = [
        (
            printed_day(dt.date.fromisoformat(line["Earned on"])),
            without_spaces(line["Event"].removeprefix("'")),
            without_spaces(line["CE category"]),
            Decimal(line["Credits"]),
        )
        for line in lines
    ]
    total = sum(Decimal(line["Counted"]) for line in lines)
    return Content(rows, [("Total", [total])])


def from_xlsx(content):
    book = openpyxl.load_workbook(io.BytesIO(content))
    head, *lines = book["Credits"].values
    at = {label: place for place, label in enumerate(head)}
    rows = [
        (
            printed_day(line[at["Earned on"]].date()),
            without_spaces(line[at["Event"]]),
            without_spaces(line[at["CE category"]]),
            Decimal(str(line[at["Credits"]])),
        )
        for line in lines
    ]
    sums = [
        (line[0], [Decimal(str(cell)) for cell in line[1:]])
        for line in list(book["Totals"].values)[1:]
    ]
    return Content(rows, sums)


def files(client, query=""):
    """The content of each file by format, raw and parsed."""
    found = {}
    for format, read in (("pdf", from_pdf), ("csv", from_csv), ("xlsx", from_xlsx)):
        response = client.get(f"{ADDRESS}transcript.{format}?{query}")
        assert response.status_code == 200
        assert response["Content-Disposition"] == (
            f'attachment; filename="ce-credits-2026-11-20.{format}"'
        )
        found[format] = response.content, read(response.content)
    return found


# ---------- Same numbers ----------


@pytest.mark.parametrize(
    ("query", "number", "total"),
    [
        ("", 36, 33),
        ("year=2026&category=technology", 12, 4.5),
        ("period=not-counted", 3, 0),
        ("q=weeding", 2, 2),
    ],
)
def test_page_pdf_csv_and_xlsx_have_the_same_content(client, thirty_credits, query, number, total):
    found = {format: content for format, (_, content) in files(client, query).items()}
    page = from_pages(client, query)
    assert len(page.rows) == number
    assert found["pdf"] == found["xlsx"]
    assert [amounts[-1] for _, amounts in found["pdf"].sums[-1:]] == ([total] if total else [])
    assert found["pdf"].rows == page.rows
    assert years(found["pdf"]) == page.sums
    assert found["csv"] == Content(page.rows, [("Total", [total])])


def test_pdf_conforms_to_pdf_ua_and_reads_in_order(client, thirty_credits):
    content = client.get(f"{ADDRESS}transcript.pdf").content
    report = pdf_ua.validate_pdf_bytes(content, profile=pdf_ua.ValidationProfile.PDF_UA_1)
    assert report.failures == []
    assert report.is_compliant
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert str(pdf.Root.Lang) == "en-US"
        assert str(pdf.docinfo.Title) == "Continuing education credits: Pat #Quill"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert pdf.Root.MarkInfo.Marked
    document = tagged_pdf.read(content)
    parts = [tag.full_text for tag in document.find("H1", "P")]
    assert parts[:5] == [
        "Continuing education credits",
        "Pat #Quill",
        "Library [of] Ekalaka",
        "Printed on Fri, Nov 20, 2026.",
        "33 credits from 17 trainings: 32 posted, 1 archived. 2 claims were declined or withdrawn.",
    ]
    assert [tag.full_text for tag in document.find("H1")] == ["Continuing education credits"]
    assert [tag.full_text for tag in document.find("H2")] == [
        "Totals",
        "Library Staff and Library Trustee",
        "Archived: not in a track",
        "Not counted",
    ]
    tables = list(document.find("Table"))
    assert len(tables) == 4
    for table in tables[1:]:
        [head] = table.find("THead")
        assert [cell.full_text for cell in head.find("TH")] == [
            "Earned on",
            "Event",
            "CE category",
            "Credits",
            "Status",
        ]
    last = [cell.full_text for row in tables[-1].find("TBody") for cell in row.find("TD")]
    assert "Withdrawn by Pat #Quill on Fri, Nov 20, 2026." in last
    assert f"Declined by the CE Coordinator (Dana) on Fri, Nov 20, 2026: No. {FORMULA}" in last


def test_formulas_stay_text(client, thirty_credits):
    found = files(client)
    book = openpyxl.load_workbook(io.BytesIO(found["xlsx"][0]))
    [cells] = [row for row in book["Credits"] if row[3].value == FORMULA][:1]
    assert [cell.data_type for cell in cells] == ["s", "n", "d", "s", "s", "s", "n", "n", "s", "s"]
    lines = csv.DictReader(io.StringIO(found["csv"][0].decode("utf-8-sig")))
    titles = {line["Event"] for line in lines}
    assert {f"'{FORMULA}", "'+1 @SUM(A1) -2"} <= titles
    assert not [title for title in titles if title.startswith(("=", "+", "-", "@"))]
    assert not [
        cell.coordinate for sheet in book for row in sheet for cell in row if cell.data_type == "f"
    ]


def test_missing_glyphs_and_control_characters(client, person):
    title = "🎉 ខ្មែរ 日本語\x1b[31m\tred\r\n=1+1 _x0041_ \ufffe"
    make.claim(person, title=title)
    found = files(client)
    assert found["pdf"][1].rows[0][1] == without_spaces(
        "[party popper] □ 日本語[31m red =1+1 _x0041_"
    )
    clean = "🎉 ខ្មែរ 日本語[31m red =1+1 _x0041_"
    [line] = csv.DictReader(io.StringIO(found["csv"][0].decode("utf-8-sig")))
    assert line["Event"] == clean
    assert found["xlsx"][1].rows[0][1] == without_spaces(clean)


@pytest.mark.parametrize("name", pdf_readers.NAMES)
def test_names_and_titles_are_copied_as_typed(client, person, name):
    person.display_name = name
    person.save()
    make.claim(person, title=f"Stories: {name}")
    content = client.get(f"{ADDRESS}transcript.pdf").content
    assert pdf_ua.validate_pdf_bytes(content).failures == []
    assert pdf_readers.missing_glyphs(content) == 0
    for text in pdf_readers.read_all(content).values():
        assert f"Continuing education credits {name} " in text
        assert f"{name}, printed on" in text
        assert f"Stories: {name}" in text.replace("\n", " ")


def test_files_without_credits(client):
    found = files(client)
    assert found["csv"][1].rows == found["xlsx"][1].rows == []
    assert found["xlsx"][1].sums == []


def test_empty_pdf_conforms_to_pdf_ua(client):
    content = client.get(f"{ADDRESS}transcript.pdf").content
    assert pdf_ua.is_pdf_compliant_bytes(content)
    assert "0 credits from 0 trainings" in tagged_pdf.read(content).full_text
    assert "There are no credits to list." in tagged_pdf.read(content).full_text


def test_pdf_lists_the_filters(client, thirty_credits):
    content = client.get(f"{ADDRESS}transcript.pdf?year=2026&q=weeding").content
    assert "Filtered by: “weeding”, 2026." in tagged_pdf.read(content).full_text


@pytest.mark.parametrize("number", [1, 3])
def test_files_take_the_same_number_of_queries(client, person, number, django_assert_num_queries):
    for _ in range(number):
        make.claim(person, credits={make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "1.0"})
        withdraw_claim(claim_id=make.claim(person).pk, by=person)
    select_track(track=make.track(), by=person)
    for format in ("pdf", "csv", "xlsx"):
        with django_assert_num_queries(10):
            client.get(f"{ADDRESS}transcript.{format}")


def test_a_long_transcript_lists_every_credit(client, person, allow_slow_pages):
    many_claims(person, number=volume(1_000), lines=2)
    select_track(track=make.track(), by=person)
    content = client.get(f"{ADDRESS}transcript.pdf").content
    assert len(from_pdf(content).rows) == Credit.objects.count() == volume(2_000)
