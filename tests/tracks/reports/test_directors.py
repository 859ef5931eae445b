"""People at my library: what directors and board chairs see."""

import re
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import AccountHistory, Organization, Position, User
from tests import factories as make
from tests.web import signed_in
from tracks import actions

pytestmark = pytest.mark.django_db
ADDRESS = "/continuing-education/library/"


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel("2026-11-20T18:00Z", tick=False):
        yield


@pytest.fixture
def place() -> Organization:
    return make.organization(name="Ekalaka Public Library", city="")


def at(place: Organization, person: User, kind: str = "staff", **fields: Any) -> Position:
    return Position.objects.create(person=person, organization=place, kind=kind, **fields)


def client_of(person: User) -> Client:
    return signed_in(person)


@pytest.fixture
def director(place: Organization) -> User:
    director = make.person(display_name="Dora Director")
    at(place, director, "director", is_confirmed=True)
    return director


def shown(person: User) -> str:
    response = client_of(person).get(ADDRESS)
    assert response.status_code == 200
    return response.content.decode()


def rows(text: str) -> list[list[str]]:
    found = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in found]
    return [[" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


def test_a_director_sees_only_people_who_agreed(place: Organization, director: User) -> None:
    ann = make.person(display_name="Ann Agreed", shows_progress=True)
    at(place, ann)
    at(place, make.person(display_name="Nora No"))
    elsewhere = make.person(display_name="Elsa Elsewhere", shows_progress=True)
    at(make.organization(), elsewhere)
    gone = make.person(display_name="Greta Gone", shows_progress=True)
    at(place, gone, until_on="2026-01-31")
    actions.select_track(track=make.track("Library Trustee"), by=ann)
    make.claim(ann, credits={make.ADMINISTRATION: "4.5"})
    found = shown(director)
    assert rows(found)[1:] == [
        ["Ann Agreed", "Library Trustee", "4.5 of 15 credits", "Wed, Nov 20, 2030", "○ In progress"]
    ]
    assert not re.search("Nora|Elsa|Greta", found)


def test_the_state_of_each_track(place: Organization, director: User) -> None:
    ann = make.person(display_name="Ann", shows_progress=True)
    bea = make.person(display_name="Bea", shows_progress=True)
    cy = make.person(display_name="Cy", shows_progress=True)
    for person in (ann, bea, cy):
        at(place, person)
    make.certificate(make.following(ann))
    make.submission(make.following(ann, "Library Staff"))
    with time_machine.travel("2022-06-15T18:00Z", tick=False):
        make.certificate(make.following(bea))
    assert [[row[0], row[1], row[-1]] for row in rows(shown(director))[1:]] == [
        ["Ann", "Library Staff", "◷ Record sent"],
        ["Ann", "Library Trustee", "✓ Certified (valid until Wed, Nov 20, 2030)"],
        ["Bea", "Library Trustee", "! Expired (valid until Mon, Jun 15, 2026)"],
        ["Cy", "Not following a track", "Not following a track"],
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "director", "is_confirmed": False},
        {"kind": "director", "is_confirmed": True, "until_on": "2026-11-19"},
        {"kind": "staff", "is_confirmed": True},
        {"kind": "trustee", "is_confirmed": True},
    ],
)
def test_everyone_else_gets_a_404(place: Organization, fields: dict[str, Any]) -> None:
    """People who say they are directors have no access until staff confirm it."""
    at(place, make.person(shows_progress=True))
    person = make.person()
    at(place, person, **fields)
    assert client_of(person).get(ADDRESS).status_code == 404
    assert ADDRESS not in client_of(person).get("/").content.decode()


def test_a_board_chair_sees_the_hours_of_members_who_agreed(place: Organization) -> None:
    chair = make.person(display_name="Carl Chair")
    at(place, chair, "board_chair", is_confirmed=True)
    member = make.person(display_name="Mel Member", shows_progress=True)
    at(place, member, "trustee")
    at(place, make.person(display_name="Nora No"), "trustee")
    at(place, make.person(display_name="Sam Staff", shows_progress=True))
    make.claim(member, credits={make.ADMINISTRATION: "3.5"}, days=-30)
    make.claim(member, credits={make.ADMINISTRATION: "9.0"}, days=-400)
    found = shown(chair)
    assert re.findall(r"<bdi>(.*?)</bdi>|data-label=\"Hours\">(.*?)<", found) == [
        ("Mel Member", ""),
        ("", "3.5"),
    ]
    assert not re.search("Nora|Sam", found)


def test_people_can_agree_and_withdraw_their_agreement(place: Organization, director: User) -> None:
    person = make.person(display_name="Ann")
    at(place, person)
    client = client_of(person)
    assert "Ann" not in shown(director)
    for sent, text in (("on", "can see"), ("", "cannot see")):
        answer = client.post(
            "/accounts/profile/progress/", {"shows_progress": sent} if sent else {}, follow=True
        )
        assert f"director {text} your progress" in answer.content.decode()
        person.refresh_from_db()
        assert person.shows_progress is bool(sent)
        assert ("Ann" in shown(director)) is bool(sent)
    entries = AccountHistory.objects.filter(pgh_obj=person).order_by("pgh_id")
    assert list(entries.values_list("shows_progress", flat=True)) == [False, True, False]
    assert entries.last().pgh_context == {"by": person.pk, "act": "accounts.set_shows_progress"}


def test_the_profile_shows_whether_a_director_is_confirmed(place: Organization) -> None:
    person = make.person()
    at(place, person, "director")
    text = "(not yet confirmed by the State Library)"
    assert text in client_of(person).get("/accounts/profile/").content.decode()
    Position.objects.filter(person=person).update(is_confirmed=True)
    assert text not in client_of(person).get("/accounts/profile/").content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_a_fixed_number_of_queries(
    place: Organization, director: User, number: int, django_assert_num_queries: Any
) -> None:
    at(place, director, "board_chair", is_confirmed=True)
    for _ in range(number):
        person = make.person(shows_progress=True)
        at(place, person)
        at(place, person, "trustee")
        make.certificate(make.following(person))
        make.following(person, "Library Staff")
    client = client_of(director)
    with django_assert_num_queries(11):
        assert client.get(ADDRESS).status_code == 200
