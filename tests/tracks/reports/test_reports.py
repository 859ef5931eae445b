"""Reports for staff. The page, CSV and XLSX show the same numbers."""

import csv
import datetime as dt
import html
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import time_machine
from django.contrib.auth.models import Group
from django.test import Client

from accounts.enums import Role
from accounts.models import Federation, Organization, Position, User
from aspen.formats import format_amount, format_day
from credits.actions import decide_claim
from credits.enums import ClaimState
from tests import factories as make
from tests.web import signed_in
from tracks import actions
from tracks.reports.registry import KINDS

pytestmark = pytest.mark.django_db
FORMULA = '=HYPERLINK("https://evil.example","Click")'
KEYS = {
    "certification": ["libraries"],
    "people": ["people"],
    "expiring": ["quarters"],
    "expiring-people": ["people"],
    "credits": ["months"],
    "certificates": ["years", "list"],
    "trustees": ["boards"],
    "board": ["members"],
}


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    with time_machine.travel("2026-11-20T18:00Z", tick=False):
        yield


def on(day: str) -> Any:
    return time_machine.travel(f"{day}T18:00Z", tick=False)


@pytest.fixture
def staff() -> Client:
    return signed_in(make.person(Role.CE_COORDINATOR))


def library(name: str, federation: str = "") -> Organization:
    within = Federation.objects.get(name=federation) if federation else None
    return make.organization(name=name, city="", federation=within)


def at(place: Organization, person: User, kind: str = "staff", **fields: Any) -> None:
    Position.objects.create(person=person, organization=place, kind=kind, **fields)


def certified(name: str, day: str, track: str = "Library Trustee", **fields: Any) -> User:
    person = make.person(display_name=name)
    with on(day):
        make.certificate(make.following(person, track), **fields)
    return person


@pytest.fixture
def eight_people() -> dict[str, User]:
    """Eight people at four libraries or none. The first test shows where each person counts."""
    ekalaka, baker = library("Ekalaka", "Sagebrush"), library("Baker", "Sagebrush")
    polson, office = library("Polson", "Tamarack"), library("Office")
    ann = certified("Ann", "2024-03-10", listed_as=FORMULA)
    at(ekalaka, ann)
    at(baker, ann)
    at(baker, ann, "trustee")
    bob = certified("Bob", "2022-06-15")
    at(ekalaka, bob)
    cy = certified("Cy", "2024-05-01")
    actions.revoke_certificate(
        certificate_id=cy.certificates.get().pk, reason="A mistake.", by=make.person()
    )
    at(polson, cy)
    dee = make.person(display_name="Dee")
    make.submission(make.following(dee))
    at(polson, dee)
    eve = make.person(display_name="Eve")
    actions.leave_track(participation_id=make.following(eve).pk, by=eve)
    at(ekalaka, eve)
    fay = make.person(display_name="Fay")
    make.following(fay)
    gus = certified("Gus", "2026-11-20", "Library Staff", listed_as="")
    at(office, gus)
    hal = make.person(display_name="Hal")
    make.following(hal, "Library Staff")
    at(ekalaka, hal, until_on=dt.date(2026, 1, 31))
    at(polson, hal)
    return {"ann": ann, "bob": bob, "cy": cy, "dee": dee, "fay": fay, "gus": gus, "hal": hal}


def page(client: Client, address: str) -> str:
    response = client.get(f"/reports/{address}")
    assert response.status_code == 200
    return response.content.decode()


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table on a page, without text for screen readers."""
    text = re.sub(r'<span class="only-read">.*?</span>', "", text)
    return [
        [
            [html.unescape(re.sub("<[^>]+>", "", cell)) for cell in cells]
            for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)
            if (cells := re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.DOTALL))
        ]
        for table in re.findall(
            r'<table class="stacked-table figures">.*?</table>', text, re.DOTALL
        )
    ]


def first(client: Client, address: str) -> list[list[str]]:
    """Return the rows of a page's first table, without its header."""
    return tables(page(client, address))[0][1:]


# ---------- Who is certified ----------


def test_people_count_at_each_of_their_libraries_and_once_in_totals(
    staff: Client, eight_people: dict[str, User]
) -> None:
    """Ann works at two libraries, Cy's certificate was revoked, Eve left, Hal moved to Polson."""
    assert first(staff, "certification/") == [
        ["Sagebrush", "All libraries", "1", "0", "1", "0", "2"],
        ["Sagebrush", "Baker", "1", "0", "0", "0", "1"],
        ["Sagebrush", "Ekalaka", "1", "0", "1", "0", "2"],
        ["Tamarack", "All libraries", "0", "1", "0", "2", "3"],
        ["Tamarack", "Polson", "0", "1", "0", "2", "3"],
        ["No federation", "All libraries", "1", "0", "0", "0", "1"],
        ["No federation", "Office", "1", "0", "0", "0", "1"],
        ["No library", "No position", "0", "0", "0", "1", "1"],
        ["All", "Everyone", "2", "1", "1", "3", "7"],
    ]


def test_the_report_on_a_track_counts_only_its_people(
    staff: Client, eight_people: dict[str, User]
) -> None:
    track = make.track("Library Staff").pk
    assert first(staff, f"certification/?track={track}") == [
        ["Tamarack", "All libraries", "0", "0", "0", "1", "1"],
        ["Tamarack", "Polson", "0", "0", "0", "1", "1"],
        ["No federation", "All libraries", "1", "0", "0", "0", "1"],
        ["No federation", "Office", "1", "0", "0", "0", "1"],
        ["All", "Everyone", "1", "0", "0", "1", "2"],
    ]


def test_the_better_status_of_two_tracks_counts(
    staff: Client, eight_people: dict[str, User]
) -> None:
    make.following(eight_people["ann"], "Library Staff")
    make.following(eight_people["bob"], "Library Staff")
    assert first(staff, "certification/")[-1] == ["All", "Everyone", "2", "1", "1", "3", "7"]
    track = make.track("Library Staff").pk
    assert first(staff, f"certification/?track={track}")[-1][2:] == ["1", "0", "0", "3", "4"]


def test_a_certificate_is_valid_on_its_last_day(staff: Client) -> None:
    certified("Ida", "2022-11-20")
    assert first(staff, "certification/")[-1][2:] == ["1", "0", "0", "0", "1"]
    with on("2026-11-21"):
        assert first(staff, "certification/")[-1][2:] == ["0", "0", "1", "0", "1"]


def test_each_number_links_to_the_people_it_counts(
    staff: Client, eight_people: dict[str, User]
) -> None:
    found = page(staff, "certification/")
    places = re.findall(r'href="(/reports/people/[^"]+)">(\d+)', found)
    assert len(places) == 16
    for address, number in places:
        rows = first(staff, html.unescape(address).removeprefix("/reports/"))
        assert len(rows) == int(number)
    assert first(staff, "people/?standing=certified") == [
        ["Ann", "Baker; Baker; Ekalaka", "Fri, Mar 10, 2028"],
        ["Gus", "Office", "Wed, Nov 20, 2030"],
    ]
    assert [row[0] for row in first(staff, "people/?standing=in-progress")] == ["Cy", "Fay", "Hal"]


# ---------- Expiring certificates, and the annual list ----------


def test_expiring_certificates_by_quarter(staff: Client, eight_people: dict[str, User]) -> None:
    """Ida renewed in time, so only her new one counts. Gus's expires too late to be shown."""
    ida = certified("Ida", "2022-12-05")
    with on("2024-11-02"):
        make.claim(ida, credits=make.ENOUGH["Library Trustee"], days=-2)
        make.certificate(ida.participations.get(state="open"))
    rows = first(staff, "expiring/")
    assert [row[0] for row in rows] == [
        *("Q4 2026", "Q1 2027", "Q2 2027", "Q3 2027", "Q4 2027", "Q1 2028", "Q2 2028"),
        *("Q3 2028", "All"),
    ]
    assert {row[0]: row[1:] for row in rows if row[-1] != "0"} == {
        "Q1 2028": ["0", "0", "1", "1"],
        "All": ["0", "0", "1", "1"],
    }
    assert first(staff, "expiring-people/?quarter=2028-01-01") == [
        ["Ann", "Baker; Baker; Ekalaka", "Library Trustee", "2024-0001", "Fri, Mar 10, 2028"]
    ]
    baker = Organization.objects.get(name="Baker").pk
    for place, count in {f"l{baker}": "1", "f-1": "0", "f0": "0"}.items():
        assert first(staff, f"expiring/?place={place}")[-1] == ["All", "0", "0", count, count]
        shown = page(staff, f"expiring-people/?quarter=2028-01-01&place={place}")
        assert ("2024-0001" in shown) is (count == "1")
    link = f"/reports/expiring-people/?quarter=2028-01-01&amp;place=l{baker}"
    assert link in page(staff, f"expiring/?place=l{baker}")
    [admin_link] = re.findall(
        r'href="(/admin/tracks/certificate/\d+/change/)"',
        page(staff, "expiring-people/?quarter=2028-01-01"),
    )
    assert staff.get(admin_link).status_code == 200


def test_the_annual_list_hides_people_who_chose_not_to_be_listed(
    staff: Client, eight_people: dict[str, User]
) -> None:
    years, listed = tables(page(staff, "certificates/?year=2024"))
    assert years[1:] == [
        ["2026", "0", "1", "0", "1"],
        ["2024", "0", "0", "1", "1"],
        ["2022", "0", "0", "1", "1"],
    ]
    assert listed[1:] == [[FORMULA, "Library Trustee", "2024-0001", "Sun, Mar 10, 2024"]]
    found = page(staff, "certificates/")
    assert tables(found)[1][1:] == [["and 1 person not listed by name", "", "", ""]]
    assert "Gus" not in found


def test_a_reissued_certificate_is_listed_once_in_its_year(
    staff: Client, eight_people: dict[str, User]
) -> None:
    actions.reissue_certificate(
        certificate_id=eight_people["bob"].certificates.get().pk,
        name="Robert",
        reason="Wrong name.",
        by=make.person(),
    )
    years, listed = tables(page(staff, "certificates/?year=2022"))
    assert listed[1:] == [["Robert", "Library Trustee", "2026-0002", "Wed, Jun 15, 2022"]]
    assert years[-1] == ["2022", "0", "0", "1", "1"]


# ---------- Credits ----------


def test_credits_by_month_and_category(staff: Client) -> None:
    polson, june, kit = library("Polson", "Tamarack"), make.person(), make.person()
    at(polson, june)
    four = {make.ADMINISTRATION: "3.0", make.TECHNOLOGY: "1.5"}
    with on("2026-10-20"):
        make.claim(june, credits=four, days=-3)
        make.claim(kit, credits={make.TECHNOLOGY: "1.0"}, days=-3)
        declined = make.claim(kit, days=-3)
    decide_claim(
        claim_id=declined.pk,
        target=ClaimState.DECLINED,
        reason="No.",
        by=make.person(Role.HELP_DESK),
    )
    with on("2026-07-01"):
        make.claim(
            june, credits={make.PUBLIC: "0.5"}, days=-1
        )  # June 30, in the previous fiscal year
    with on("2024-06-30"):
        make.claim(june, days=-1)  # before the first month shown
    sums = {tuple(row[:2]): row[2:] for row in first(staff, "credits/") if row[-1] != "0"}
    assert sums == {
        ("FY 2026", "All months"): ["0", "0.5", "0", "0", "0.5"],
        ("FY 2026", "June 2026"): ["0", "0.5", "0", "0", "0.5"],
        ("FY 2027", "All months"): ["3", "0", "0", "2.5", "5.5"],
        ("FY 2027", "October 2026"): ["3", "0", "0", "2.5", "5.5"],
    }
    rows = first(staff, "credits/?years=calendar")
    assert [row for row in rows if row[1] == "All months"] == [
        ["2024", "All months", "0", "0", "0", "1", "1"],
        ["2025", "All months", "0", "0", "0", "0", "0"],
        ["2026", "All months", "3", "0.5", "0", "2.5", "6"],
    ]
    assert len([row for row in rows if row[1] != "All months"]) == 35
    tamarack = Federation.objects.get(name="Tamarack").pk
    rows = first(staff, f"credits/?federation=f{tamarack}&years=calendar")
    assert rows[-12] == ["2026", "All months", "3", "0.5", "0", "1.5", "5"]


def test_credits_by_track_are_those_posted_to_it(staff: Client) -> None:
    june = make.person()
    make.claim(june, days=-3, credits={make.ADMINISTRATION: "2.0"})
    actions.select_track(track=make.track("Library Trustee"), by=june)
    make.claim(make.person(), days=-3)
    track = make.track("Library Trustee").pk
    assert first(staff, f"credits/?track={track}")[-1][2:] == ["2", "0", "0", "0", "2"]
    other = make.track("Library Staff").pk
    assert first(staff, f"credits/?track={other}")[-1][2:] == ["0", "0", "0", "0", "0"]


# ---------- Boards ----------


def a_board(name: str, federation: str, *hours: str) -> list[User]:
    place, people = library(name, federation), []
    for number, amount in enumerate(hours):
        person = make.person(display_name=f"{name} {number}")
        at(place, person, "trustee" if number else "board_chair")
        if amount != "0":
            make.claim(person, days=-30, credits={make.ADMINISTRATION: amount})
        people.append(person)
    return people


def test_a_quorum_is_more_than_half_of_the_board(staff: Client) -> None:
    [chair, *_] = a_board("Ekalaka", "Sagebrush", "3.0", "3.5", "2.5", "0")
    [*_, last] = a_board("Polson", "Tamarack", "3.0", "4.0", "0.5")
    at(Organization.objects.get(name="Ekalaka"), chair, "trustee")  # counts once
    for kind in ("staff", "friend", "director"):
        at(Organization.objects.get(name="Polson"), make.person(), kind)
    with on("2025-05-05"):
        make.claim(last, credits={make.TECHNOLOGY: "9.0"}, days=-1)
    assert first(staff, "trustees/") == [
        ["Sagebrush", "Ekalaka", "4", "2", "Not reached", "9"],
        ["Tamarack", "Polson", "3", "2", "Reached", "7.5"],
        ["All", "All boards", "7", "4", "1 of 2", "16.5"],
    ]
    assert first(staff, "trustees/?year=2025")[1] == [
        *("Tamarack", "Polson", "3", "1", "Not reached", "9")
    ]
    found = page(staff, f"board/?board={Organization.objects.get(name='Ekalaka').pk}")
    assert "2 of 4 people had three hours or more in 2026: quorum not reached." in found
    assert tables(found)[0][1:] == [
        ["Ekalaka 0", "Board chair, Trustee", "3", "Yes"],
        ["Ekalaka 1", "Trustee", "3.5", "Yes"],
        ["Ekalaka 2", "Trustee", "2.5", "No"],
        ["Ekalaka 3", "Trustee", "0", "No"],
    ]


def test_an_earlier_year_shows_the_board_on_its_last_day(staff: Client) -> None:
    place = library("Ekalaka")
    since, until = dt.date(2025, 12, 31), dt.date(2026, 1, 1)
    for name, fields in {
        "stayed": {},
        "came in time": {"since_on": since},
        "came later": {"since_on": until},
        "left later": {"until_on": since},
        "left before": {"until_on": dt.date(2025, 12, 30)},
    }.items():
        at(place, make.person(display_name=name), "trustee", **fields)
    rows = first(staff, f"board/?board={place.pk}&year=2025")
    assert [row[0] for row in rows] == ["came in time", "left later", "stayed"]
    rows = first(staff, f"board/?board={place.pk}")
    assert [row[0] for row in rows] == ["came in time", "came later", "stayed"]


def test_empty_reports(staff: Client) -> None:
    assert "0 of 0 boards had a quorum" in page(staff, "trustees/")
    assert "<p>Nothing to show here yet.</p>" in page(staff, "trustees/")
    assert "Choose a board." in page(staff, "board/")
    for name in KINDS:
        assert "chart__picture" not in page(staff, f"{name}/")


# ---------- Pages and files ----------


def check_tables(client: Client, name: str, query: str) -> None:
    on_page = tables(page(client, f"{name}/{query}"))
    assert len(on_page) == len(KEYS[name])
    for key, shown in zip(KEYS[name], on_page, strict=True):
        answer = client.get(f"/reports/{name}/{key}.csv{query}")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert len(rows) > 1
        assert [[as_on_page(cell) for cell in row] for row in rows] == shown
        answer = client.get(f"/reports/{name}/{key}.xlsx{query}")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        cells = [[as_on_page(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
        assert cells == shown
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}


def as_on_page(cell: object) -> str:
    if isinstance(cell, dt.datetime):
        return format_day(cell.date())
    if isinstance(cell, (int, float)):
        return format_amount(Decimal(str(cell)))
    text = str(cell or "").removeprefix("'")
    is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
    return format_day(dt.date.fromisoformat(text)) if is_day else text


def test_page_csv_and_xlsx_have_the_same_cells(
    staff: Client, eight_people: dict[str, User]
) -> None:
    board = Organization.objects.get(name="Baker").pk
    queries = {
        "expiring-people": "?quarter=2028-01-01",
        "certificates": "?year=2024",
        "board": f"?board={board}",
    }
    for name in KINDS:
        check_tables(staff, name, queries.get(name, ""))


def test_names_are_not_run_as_formulas(staff: Client, eight_people: dict[str, User]) -> None:
    answer = staff.get("/reports/certificates/list.csv?year=2024").content.decode("utf-8-sig")
    assert next(csv.reader(io.StringIO(answer.splitlines()[1])))[0] == f"'{FORMULA}"
    answer = staff.get("/reports/certificates/list.xlsx?year=2024").content
    cell = openpyxl.load_workbook(io.BytesIO(answer)).active["A2"]
    assert (cell.value, cell.data_type) == (FORMULA, "s")


def test_long_lists_are_paged_on_screen_and_complete_in_files(staff: Client) -> None:
    for number in range(51):
        actions.select_track(track=make.track(), by=make.person(display_name=f"Person {number:02}"))
    address = "people/?standing=in-progress"
    assert len(first(staff, address)) == 50
    assert first(staff, f"{address}&page=2") == [["Person 50", "", ""]]
    rows = staff.get("/reports/people/people.csv?standing=in-progress").content.splitlines()
    assert len(rows) == 52


# ---------- Filters and access ----------

QUERIES = {
    "certification": 8,
    "people": 9,
    "expiring": 8,
    "expiring-people": 9,
    "credits": 11,
    "certificates": 10,
    "trustees": 6,
    "board": 8,
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("number", [1, 3])
def test_reports_take_a_fixed_number_of_queries(
    name: str, number: int, staff: Client, django_assert_num_queries: Any
) -> None:
    for count in range(number):
        person = certified(f"Person {count}", "2023-01-20")
        place = library(f"Library {count}", ["Sagebrush", "Tamarack", ""][count])
        at(place, person, "trustee")
        at(place, person)
    query = f"?board={place.pk}&quarter=2027-01-01&year=2023"
    with django_assert_num_queries(QUERIES[name]):
        found = page(staff, f"{name}/{query}")
    assert "Library Trustee" in found or "Library 0" in found or name == "credits"


def test_invalid_choices_are_reported_and_ignored(
    staff: Client, eight_people: dict[str, User]
) -> None:
    message = "This choice is no longer available, so it was ignored."
    for name, nonsense in {
        "certification": "track=abc",
        "people": "standing=%3Cscript%3E&place=l0&track=9999999999999999999999",
        "expiring-people": "quarter=2026-13-45",
        "credits": "years=%00&federation=f-1",
        "certificates": "year=abc",
        "trustees": "year=99999",
        "board": "board=-1",
    }.items():
        found = page(staff, f"{name}/?{nonsense}&page=zzz")
        assert found.count(message) == nonsense.count("=")
    usual, odd = page(staff, "trustees/"), page(staff, "trustees/?year=abc")
    assert tables(usual) == tables(odd)


@pytest.mark.parametrize("path", ["nothing/", "trustees/boards.exe", "trustees/list.csv"])
def test_unknown_reports_and_files_are_not_found(staff: Client, path: str) -> None:
    assert staff.get(f"/reports/{path}").status_code == 404


def test_only_people_with_the_permission_see_the_reports(eight_people: dict[str, User]) -> None:
    client, person = Client(), make.person(Role.HELP_DESK)
    client.force_login(person)
    for path in ("", "certification/", "certificates/list.csv"):
        assert client.get(f"/reports/{path}").status_code == 404
    for role, opens in {Role.ADMINISTRATOR: 200, Role.EVENT_EDITOR: 404}.items():
        person.groups.set(Group.objects.filter(name=role.value))
        assert client.get("/reports/certification/").status_code == opens
        found = client.get("/").content.decode()
        assert ('href="/reports/"' in found) is (opens == 200)
        found = client.get("/admin/").content.decode()
        assert ('href="/reports/"' in found) is (opens == 200)


def test_the_index_links_to_each_report(staff: Client) -> None:
    found = re.findall(r'href="/reports/([\w-]+)/"', page(staff, ""))
    assert found == ["certification", "expiring", "credits", "certificates", "trustees"]
