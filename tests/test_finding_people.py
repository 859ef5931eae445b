"""Searches find people without accents, apostrophes and case, and lists sort them that way."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import queries
from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User
from aspen.clock import today
from aspen.models import Mail
from credits.actions import claim_custom_event, store_award_list
from credits.models import WaitingAward
from events.actions import register
from events.attendance import queries as attendance_queries
from events.models import CustomEvent, Event
from helpdesk.actions import open_ticket
from tests import factories as make
from tests.test_repository import FILES, read
from tests.web import signed_in
from tracks.certification.supervisors import supervisor_choices_for
from tracks.reports import directors
from tracks.reports import queries as report_queries
from tracks.reports.certification import STATUS_CHOICES

pytestmark = pytest.mark.django_db

NAME = "Séliš O’Brien-Nguyễn"
SEARCHES = [
    *("obrien", "O'Brien", "O’BRIEN", "o’brien", "nguyen", "NGUYỄN", "selis", "Séliš", "obrien-n"),
    *("O'Brien selis", "obrien ngu", "obrien@library.example"),
]
NOT_FOUND = ["obriens", "nguyen obrien@elsewhere", "selos", "%", "_"]
searches = pytest.mark.parametrize("search", SEARCHES)

# Columns that the admin searches as they are. They hold no names.
OTHER_COLUMNS = {
    *("county", "number", "subject", "file_name", "audience", "source", "title", "text"),
    *("email", "address", "to_address"),
}


@pytest.fixture
def obrien() -> User:
    return make.person(Role.CE_COORDINATOR, display_name=NAME, email="obrien@library.example")


# ---------- Search ----------


# In these, staff find the event by its presenter, of whom the portal has no address.
WITH_PRESENTER = ("events.Event", "events.CatalogListing", "credits.WaitingAward")


def rows_about(person: User) -> dict[str, Model]:
    """Create a row about a person for each admin class that searches for people."""
    training = make.event(presenter=NAME)
    certificate = make.certificate(make.following(person))
    custom = claim_custom_event(facts=make.facts(), by=person)
    library = make.organization()
    rows = [
        person,
        EmailAddress.objects.create(user=person, email="other@home.example"),
        Position.objects.create(person=person, organization=library, kind=PositionKind.STAFF),
        training,
        make.listing(training),
        register(event_id=make.event(days=7).pk, by=person),
        custom,
        CustomEvent.objects.get(pk=custom.event_id),
        store_award_list(event_id=training.pk, text="someone@library.example", by=person),
        WaitingAward.objects.create(
            event=training, address="a@b.example", awarded_by=person, awarded_at=timezone.now()
        ),
        certificate,
        certificate.participation,
        certificate.submission,
        open_ticket(subject="A question", body="Where?", credit=None, by=person),
        Mail.objects.create(kind="test", key="test", to=person),
    ]
    return {row._meta.label: row for row in rows}


def found_in_admin(model: type[Model], search: str, by: User) -> list[Any]:
    request = RequestFactory().get("/")
    request.user = by
    own = admin.site.get_model_admin(model)
    found, _ = own.get_search_results(request, own.get_queryset(request), search)
    return list(found.order_by("pk"))


def test_staff_find_people_in_every_list(obrien: User) -> None:
    rows = rows_about(obrien)
    for label, row in rows.items():
        has_address = label not in WITH_PRESENTER
        for search in SEARCHES:
            is_found = row in found_in_admin(type(row), search, obrien)
            assert is_found == (has_address or "@" not in search), (label, search)
        for search in NOT_FOUND:
            assert row not in found_in_admin(type(row), search, obrien), (label, search)


def test_the_rows_cover_every_list_with_people(obrien: User) -> None:
    request = RequestFactory().get("/")
    request.user = obrien
    searched = {
        (model._meta.label, field)
        for model, model_admin in admin.site._registry.items()
        for field in model_admin.get_search_fields(request)
    }
    by_key = {(label, field) for label, field in searched if field.endswith("__finds")}
    others = {*("accounts.Organization", "accounts.Federation", "credits.Merge", "events.Synonym")}
    assert {label for label, _ in by_key} - others == set(rows_about(obrien))
    assert {field for _, field in searched - by_key} - OTHER_COLUMNS == {"name"}


@searches
def test_organizers_find_people_on_the_roster(obrien: User, search: str) -> None:
    event = make.event(days=1)
    place = register(event_id=event.pk, by=obrien)
    register(event_id=event.pk, by=make.person(display_name="Brian Oakes"))
    assert list(attendance_queries.confirmed_places(event, search)) == [place]


@pytest.mark.parametrize("search", NOT_FOUND)
def test_other_searches_find_no_one_on_the_roster(obrien: User, search: str) -> None:
    event = make.event(days=1)
    register(event_id=event.pk, by=obrien)
    assert not attendance_queries.confirmed_places(event, search).exists()


def test_people_find_libraries_without_accents() -> None:
    library = make.organization(name="Séliš-Ql̓ispé Library", city="Coeur d’Alene")
    make.organization(name="Selkirk Library")
    for search in ("selis", "Qlispe library", "SÉLIŠ coeur d'alene"):
        assert list(queries.search_libraries(search)) == [library]
        assert found_in_admin(Organization, search, make.person()) == [library]


def test_the_search_of_people_uses_the_index(obrien: User) -> None:
    people = User.objects.filter(search_key__finds="O’Brien").order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "accounts_user_search" in people.explain()


@pytest.mark.parametrize("search", ["cafe", "CAFÉ séliš", "bird's", "Bird’s", "dAlene"])
def test_staff_find_events_without_accents(search: str) -> None:
    event = make.event(title="Café: the Bird's Eye", sponsor="Séliš", city="Coeur d’Alene")
    make.event(title="Coffee and tea")
    assert found_in_admin(Event, search, make.person()) == [event]


def test_the_search_of_events_uses_the_index() -> None:
    events = Event.objects.filter(search_key__finds="O’Brien").order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        assert "events_search_key" in events.explain()


def test_keys_follow_changes_that_bypass_the_model(obrien: User) -> None:
    User.objects.filter(pk=obrien.pk).update(display_name="Zoë Ånd", email="zoe@x.example")
    obrien.refresh_from_db()
    assert (obrien.search_key, obrien.sort_key) == ("zoe and zoe@x.example", "zoe and")


# ---------- Order ----------

SORTED = [
    *("Ann Lee", "Ann-Marie Bell", "Anna Lee", "de la Cruz, Ana", "Edda Hill", "Édouard Hill"),
    *("Edward Hill", "Łukasz Nowak", "Öberg", "O’Brien, A.", "Obrien, B.", "O'Brien, C.", "zoë"),
]


@pytest.fixture
def directors_and_trustees() -> Organization:
    """A library with people who are directors and trustees, in another order than by name."""
    library = make.organization()
    for name in SORTED[::-2] + SORTED[-2::-2]:
        person = make.person(display_name=name, shows_progress=True)
        for kind in (PositionKind.DIRECTOR, PositionKind.TRUSTEE):
            Position.objects.create(person=person, organization=library, kind=kind)
        make.following(person)
    return library


def test_lists_sort_people_by_name(directors_and_trustees: Organization) -> None:
    library = directors_and_trustees
    event = make.event(days=1)
    people = User.objects.filter(positions__organization=library).distinct()
    for person in people.order_by("pk"):
        register(event_id=event.pk, by=person)
    employee = make.person()
    Position.objects.create(person=employee, organization=library, kind=PositionKind.STAFF)
    places = attendance_queries.confirmed_places(event)
    choices = supervisor_choices_for(employee, make.track())
    sharing = directors.people_sharing_progress(Position.objects.filter(person=employee))
    in_progress, _ = STATUS_CHOICES["in-progress"]
    lists = {
        "people": people.exclude(pk=employee.pk),
        "roster": (place.person for place in places),
        "supervisors": (choice.person for choice in choices),
        "people at my library": sharing,
        "report": report_queries.people_with_status(in_progress, library=library.pk),
    }
    for name, listed in lists.items():
        assert [person.display_name for person in listed] == SORTED, name
    members = report_queries.board_members(library.pk, today().year)
    assert [member.name for member in members] == SORTED


def test_the_administration_sorts_people_by_name(directors_and_trustees: Organization) -> None:
    client = signed_in(make.person(Role.ADMINISTRATOR))
    for order in ("", "?o=0"):
        page = client.get(reverse("admin:accounts_user_changelist") + order)
        names = [person.display_name for person in page.context["cl"].result_list]
        assert [name for name in names if name in SORTED] == SORTED
    page = client.get(f"{reverse('admin:accounts_position_changelist')}?o=0")
    names = [position.person.display_name for position in page.context["cl"].result_list]
    assert list(dict.fromkeys(names)) == SORTED


def test_the_annual_list_sorts_people_by_name() -> None:
    names = ["Édouard Hill", "Edward Hill", "Edda Hill"]
    for name in names:
        make.certificate(listed_as=name)
    listed = report_queries.listed_certificates(today().year).values_list("listed_as", flat=True)
    assert list(listed) == ["Edda Hill", "Édouard Hill", "Edward Hill"]


def test_lists_sort_libraries_by_name() -> None:
    names = ["Eastern", "Éclat", "Ekalaka"]
    ids = [make.organization(name=name).pk for name in reversed(names)]
    for libraries in (queries.search_libraries(), Organization.objects.all()):
        assert [each.name for each in libraries.filter(pk__in=ids)] == names
    listed = report_queries.libraries_by_id(ids).values()
    assert [name.partition(",")[0] for name in listed] == names


def test_no_list_sorts_by_the_name_itself() -> None:
    pattern = re.compile(r"order(_by\(|ing = )[^)\]]*\"-?(\w+__)?(display_|organization__)name")
    files = [path for path in FILES if path.suffix == ".py" and "migrations" not in path.parts]
    assert not [path for path in files if pattern.search(read(path))]
