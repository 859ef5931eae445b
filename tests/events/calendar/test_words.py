"""Words of a search that mean a filter, and words with synonyms."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Value
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from aspen.db.audit import history_model
from events.calendar import search
from events.calendar.words import Days, Understood, understand
from events.models import Event, Synonym
from tests import factories as make
from tests.races import volume
from tests.web import coordinator, signed_in, submit_in_admin, text

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 11, 30)  # a Monday
ADMIN = "/admin/events/synonym/"


def titles(client: Client, query: str) -> list[str]:
    return [row.title for row in client.get(f"/events/?{query}").context["rows"]]


# ---------- Words that mean a filter ----------


@pytest.mark.parametrize(
    ("typed", "first", "last", "told"),
    [
        ("today", "2026-11-30", "2026-11-30", "Mon, Nov 30, 2026"),
        ("Tomorrow", "2026-12-01", "2026-12-01", "Tue, Dec 1, 2026"),
        ("this week", "2026-11-29", "2026-12-05", "November 29 – December 5, 2026"),
        ("next week", "2026-12-06", "2026-12-12", "December 6–12, 2026"),
        ("this month", "2026-11-01", "2026-11-30", "November 2026"),
        ("next month", "2026-12-01", "2026-12-31", "December 2026"),
        ("december", "2026-12-01", "2026-12-31", "December 2026"),
        ("November", "2026-11-01", "2026-11-30", "November 2026"),
        ("february", "2027-02-01", "2027-02-28", "February 2027"),
        ("february 2028", "2028-02-01", "2028-02-29", "February 2028"),
        ("March, 2025", "2025-03-01", "2025-03-31", "March 2025"),
        ("2027", "2027-01-01", "2027-12-31", "2027"),
    ],
)
def test_words_for_days(typed: str, first: str, last: str, told: str) -> None:
    meaning = understand(f"weeding {typed}", TODAY)
    days = Days(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    assert (meaning.words, meaning.days) == ("weeding", days)
    assert meaning.readings == ((typed, told, f'weeding "{typed}"'),)


def test_words_for_formats_and_recordings() -> None:
    assert understand("weeding recording", TODAY)[:4] == ("weeding", None, "", True)
    assert understand("Online weeding", TODAY)[:4] == ("weeding", None, "online", False)
    assert understand("in person", TODAY)[:4] == ("", None, "in person", False)
    both = understand("december in-person lab 2027 online", TODAY)
    assert both.words == "lab 2027 online"
    assert [each.typed for each in both.readings] == ["december", "in-person"]


@pytest.mark.parametrize(
    "typed",
    [
        '"december"',
        '"next week" lab',
        "-online",
        "december or weeding",
        "1850",
        "2100",
        "20267",
        "mays",
        "week",
        '"december',
        "",
    ],
)
def test_other_words_are_searched_for(typed: str) -> None:
    assert understand(typed, TODAY) == Understood(typed)


def test_a_word_is_searched_for_if_its_filter_is_set() -> None:
    typed = "december online recording"
    assert understand(typed, TODAY, days=False).words == "december"
    assert understand(typed, TODAY, days=False, delivery=False, recording=False).words == typed


def test_the_page_says_what_a_word_means_and_leads_to_the_word(client: Client) -> None:
    make.event(title="Weeding", days=2)
    make.event(title="Weeding online, the book", days=3, delivery="in person")
    response = client.get("/events/?q=weeding+online")
    assert [row.title for row in response.context["rows"]] == ["Weeding"]
    assert "“online” means Online." in text(response)
    assert ">Search for the word “online”</a>" in text(response)
    [(_, _, url)] = response.context["readings"]
    assert [row.title for row in client.get(url).context["rows"]] == ["Weeding online, the book"]
    assert client.get(url).context["readings"] == []


def test_words_filter_months_and_feeds_too(client: Client) -> None:
    soon = timezone.now() + dt.timedelta(hours=1)
    make.event(title="Here", begins_at=soon, ends_at=None, delivery="in person")
    make.event(title="There", begins_at=soon, ends_at=None)
    page = client.get(f"/events/?view=month&month={timezone.localdate(soon):%Y-%m}&q=online")
    lines = [line for week in page.context["weeks"] for cell in week for line in cell.lines]
    assert [line.title for line in lines] == ["There"]
    feed = text(client.get("/events/calendar.ics?q=online"))
    assert ("There" in feed, "Here" in feed) == (True, False)


# ---------- Synonyms ----------


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("excel", "Spreadsheets for beginners"),
        ("weeding", "Deselection policies"),
        ("Weeding the shelves", "Deselection of shelves"),
        ("deselection", "Weeding without tears"),
        ("storytime", "Story time for every child"),
        ("story times", "Storytime basics"),
        ("storytime child", "Story time for every child"),
        ("Wéeding", "Deselection policies"),
    ],
)
def test_a_search_finds_words_that_mean_the_same(client: Client, typed: str, title: str) -> None:
    make.event(title=title, days=2)
    make.event(title="Robotics", days=2)
    assert titles(client, f"q={typed}") == [title]


def test_the_page_says_what_else_was_searched_for(client: Client) -> None:
    make.event(title="Deselection", days=2)
    page = text(client.get("/events/?q=weeding"))
    assert "Also searched for: deselection, discard" in page
    assert "Also searched for" not in text(client.get("/events/?q=robotics"))


@pytest.mark.parametrize("typed", ['"weeding"', "weeding -robotics", "weeding or robotics"])
def test_a_search_with_operators_has_no_synonyms(client: Client, typed: str) -> None:
    make.event(title="Deselection", days=2)
    response = client.get("/events/", {"q": typed})
    assert response.context["rows"] == response.context["also_searched"] == []


def test_a_one_way_synonym_works_one_way(client: Client) -> None:
    make.event(title="Excel", days=2)
    assert titles(client, "q=spreadsheet") == []
    Synonym.objects.filter(word="excel").update(works_both_ways=True)
    assert titles(client, "q=spreadsheet") == ["Excel"]


def test_events_with_the_word_come_first(client: Client) -> None:
    make.event(title="Deselection deselection deselection", days=2)
    make.event(title="About weeding", days=3)
    assert titles(client, "q=weeding")[0] == "About weeding"


def test_feeds_and_months_use_synonyms(client: Client) -> None:
    make.event(title="Deselection", days=0.01)
    assert "Deselection" in text(client.get("/events/calendar.ics?q=weeding"))
    assert "Deselection" in text(client.get("/events/?view=month&q=weeding"))


def test_the_search_with_synonyms_uses_the_index() -> None:
    synonyms = search.synonyms_in("weeding storytime")
    assert len(synonyms) == 3
    events = search.filtered_calendar(search.Filters(words="weeding storytime", synonyms=synonyms))
    many_events()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = events.order_by().explain()
    assert "events_search" in plan
    assert "Seq Scan on events_event" not in plan


def many_events() -> None:
    now = timezone.now()
    Event.objects.bulk_create(
        Event(
            title=f"Lab {number} about {number % 97} boxes",
            begins_at=now + number * dt.timedelta(minutes=1),
            sponsor=f"Library {number % 13}",
        )
        for number in range(volume(5_000))
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")


# ---------- Staff edit synonyms ----------


def test_staff_edit_synonyms_and_the_history_shows_it(client: Client) -> None:
    make.event(title="Bookmobile rally", days=2)
    staff = coordinator()
    form = {"word": "outreach van", "also": "bookmobile", "works_both_ways": "on"}
    assert submit_in_admin(staff, f"{ADMIN}add/", form).status_code == 302
    assert titles(client, "q=outreach+van") == ["Bookmobile rally"]
    synonym = Synonym.objects.get(word="outreach van")
    changed = form | {"also": "delivery"}
    assert submit_in_admin(staff, f"{ADMIN}{synonym.pk}/change/", changed).status_code == 302
    assert titles(client, "q=outreach+van") == []
    staff.post(f"{ADMIN}{synonym.pk}/delete/", {"post": "yes"})
    assert not Synonym.objects.filter(pk=synonym.pk).exists()
    history: Any = history_model(Synonym).objects.filter(pgh_obj=synonym.pk).order_by("pgh_id")
    labels = list(history.values_list("pgh_label", "also"))
    assert labels == [("insert", "bookmobile"), ("update", "delivery"), ("delete", "delivery")]


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (None, 302),
        (Role.EVENT_EDITOR, 302),
        (Role.HELP_DESK, 403),
        (Role.CE_COORDINATOR, 200),
        (Role.ADMINISTRATOR, 200),
    ],
)
def test_coordinators_and_administrators_edit_synonyms(role: Role | None, status: int) -> None:
    person = make.person(role)
    if role == Role.EVENT_EDITOR:
        person.is_staff = False
        person.save()
    client = signed_in(person)
    assert client.get(ADMIN).status_code == status
    assert client.get(f"{ADMIN}add/").status_code == status


@pytest.mark.parametrize(
    ("word", "also", "message"),
    [
        ("weeding", "Deselection", "These words are already in the list."),
        ("Weeding", "weeding", "Enter two different words."),
        (" ", "weeding", "This field is required."),
    ],
)
def test_bad_synonyms_are_explained(word: str, also: str, message: str) -> None:
    page = submit_in_admin(coordinator(), f"{ADMIN}add/", {"word": word, "also": also})
    assert message in text(page)


@pytest.mark.parametrize(
    "values",
    [
        {"word": "excel", "also": "SPREADSHEET"},
        {"word": "same", "also": "Same"},
        {"word": " padded", "also": "x"},
        {"word": "", "also": "x"},
    ],
)
def test_the_database_rejects_bad_synonyms(values: dict[str, str]) -> None:
    stored = {name: Value(value) for name, value in values.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Synonym.objects.filter(word="storytime").update(**stored)


def test_an_event_is_found_by_its_own_words_without_synonyms(client: Client) -> None:
    Synonym.objects.all().delete()
    make.event(title="Weeding", days=2)
    make.event(title="Deselection", days=2)
    assert titles(client, "q=weeding") == ["Weeding"]
    assert Event.objects.count() == 2
