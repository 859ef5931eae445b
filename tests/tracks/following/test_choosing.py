"""Recommending tracks, and choosing one."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django.test import Client

from accounts.enums import PositionKind
from accounts.models import Position, User
from aspen.clock import today
from tests import factories as make
from tests.races import run_concurrently
from tests.web import flash_messages, signed_in
from tracks import actions
from tracks.counting import queries as counting_queries
from tracks.models import Participation, Posting, RuleSet, Track
from tracks.rule_sets import actions as rule_set_actions

pytestmark = pytest.mark.django_db
DIRECTOR, STAFF, TRUSTEE = "Library Director", "Library Staff", "Library Trustee"


@pytest.fixture
def client(person: User) -> Client:
    return signed_in(person)


def add_position(
    person: User, kind: PositionKind, *, at: str = "public", **fields: Any
) -> Position:
    library = make.organization(kind=at)
    return Position.objects.create(person=person, organization=library, kind=kind, **fields)


def offered(client: Client) -> list[tuple[str, str]]:
    tracks = client.get("/tracks/").context["offered"]
    return [(track.name, track.why) for track in tracks]


def choose(client: Client, name: str) -> Any:
    return client.post("/tracks/", {"track": make.track(name).pk}, follow=True)


# ---------- Recommendations ----------


def test_new_director_sees_the_deadline(client, person):
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False):
        add_position(person, PositionKind.DIRECTOR, since_on=dt.date(2024, 2, 29))
        [why] = [why for name, why in offered(client) if name == DIRECTOR]
    assert why.endswith(
        "New directors have four years to become certified, so your deadline is Tue, Feb 29, 2028."
    )
    with time_machine.travel("2028-03-01 10:00 -0700", tick=False):
        client.force_login(person)
        [why] = [why for name, why in offered(client) if name == DIRECTOR]
    assert "four years" not in why


def test_director_certified_before_sees_no_deadline(client, person):
    add_position(person, PositionKind.DIRECTOR, since_on=today())
    make.certificate(make.following(person, DIRECTOR))
    [following] = counting_queries.active_participations(person)
    actions.leave_track(participation_id=following.pk, by=person)
    [why] = [why for name, why in offered(client) if name == DIRECTOR]
    assert why
    assert "four years" not in why


@pytest.mark.parametrize(
    ("kind", "at", "recommended"),
    [
        (PositionKind.DIRECTOR, "public", [DIRECTOR]),
        (PositionKind.DIRECTOR, "academic", [STAFF]),
        (PositionKind.STAFF, "public", [STAFF]),
        (PositionKind.TRUSTEE, "public", [TRUSTEE]),
        (PositionKind.BOARD_CHAIR, "public", [TRUSTEE]),
        (PositionKind.FRIEND, "public", []),
    ],
)
def test_track_is_recommended_for_a_position_with_the_reason(
    client: Client, person: User, kind: PositionKind, at: str, recommended: list[str]
) -> None:
    position = add_position(person, kind, at=at)
    add_position(make.person(), PositionKind.TRUSTEE)
    tracks = offered(client)
    reasons = [(name, why) for name, why in tracks if why]
    assert reasons == [(name, f"Your profile says: {position}.") for name in recommended]
    assert len(tracks) == 3


def test_nothing_is_recommended_for_a_past_position(client: Client, person: User) -> None:
    add_position(person, PositionKind.DIRECTOR, until_on=dt.date(2020, 1, 1))
    assert [why for _, why in offered(client)] == ["", "", ""]


def test_recommended_tracks_come_first(client: Client, person: User) -> None:
    add_position(person, PositionKind.DIRECTOR)
    add_position(person, PositionKind.TRUSTEE)
    assert [name for name, _ in offered(client)] == [DIRECTOR, TRUSTEE, STAFF]
    assert client.get("/tracks/").content.decode().count("Recommended for you") == 2


def test_certificate_holder_sees_the_renewal_rules(client: Client, person: User) -> None:
    make.certificate(make.following(person, DIRECTOR))
    for following in counting_queries.active_participations(person):
        actions.leave_track(participation_id=following.pk, by=person)
    rules = {each.name: each.rule_set.name for each in client.get("/tracks/").context["offered"]}
    assert rules[DIRECTOR] == "2023 Library Director, renewal"
    assert rules[STAFF] == "2023 Library Staff"


# ---------- Changed positions ----------


def test_new_director_who_follows_staff_is_advised(client: Client, person: User) -> None:
    actions.select_track(track=make.track(STAFF), by=person)
    position = add_position(person, PositionKind.DIRECTOR)
    text = client.get("/tracks/").content.decode()
    assert f"Your profile says: {position}. You do not follow Library Director yet" in text
    assert "You can keep Library Staff, or leave it on its own page" in text
    actions.select_track(track=make.track(DIRECTOR), by=person)
    assert "You do not follow" not in client.get("/tracks/").content.decode()


def test_no_change_recommended_without_tracks_or_with_a_matching_one(
    client: Client, person: User
) -> None:
    add_position(person, PositionKind.STAFF)
    assert client.get("/tracks/").context["changes"] == []
    actions.select_track(track=make.track(STAFF), by=person)
    assert client.get("/tracks/").context["changes"] == []


def test_second_position_keeps_the_first_track(client: Client, person: User) -> None:
    actions.select_track(track=make.track(STAFF), by=person)
    add_position(person, PositionKind.STAFF)
    add_position(person, PositionKind.TRUSTEE)
    [change] = client.get("/tracks/").context["changes"]
    assert (change.track, change.others) == (TRUSTEE, [])


# ---------- One way to choose ----------


def choose_forms(page: str) -> list[str]:
    """Return the forms that choose a track, without their tokens."""
    forms = re.findall(r'<form method="post" action="/tracks/">.*?</form>', page, re.DOTALL)
    return [re.sub(r'<input type="hidden" name="csrf.*?>', "", form) for form in forms]


def test_continuing_education_and_my_tracks_choose_with_the_same_buttons(
    client: Client, person: User
) -> None:
    here, there = (
        choose_forms(client.get(address).content.decode())
        for address in ("/continuing-education/", "/tracks/")
    )
    assert here == there
    assert len(here) == 3
    response = choose(client, STAFF)
    [participation] = counting_queries.active_participations(person)
    assert response.redirect_chain == [(participation.get_absolute_url(), 302)]
    assert choose_forms(client.get("/continuing-education/").content.decode()) == []
    assert len(choose_forms(client.get("/tracks/").content.decode())) == 2


def test_a_second_track_is_chosen_like_the_first(client: Client, person: User) -> None:
    make.claim(person, credits={make.ADMINISTRATION: "1.0"})
    assert flash_messages(choose(client, STAFF))[-1] == (
        "You now follow Library Staff. 1 credit line was posted to it."
    )
    assert flash_messages(choose(client, TRUSTEE))[-1] == (
        "You now follow Library Trustee. 1 credit line was posted to it."
    )
    assert Posting.objects.count() == 2
    assert flash_messages(choose(client, STAFF))[-1] == (
        "You already follow Library Staff. Nothing was changed."
    )
    assert Participation.objects.filter(person=person).count() == 2


def test_a_track_without_rules_is_refused(client: Client) -> None:
    RuleSet.objects.filter(track=make.track(STAFF)).update(valid_until=dt.date(2024, 12, 31))
    assert flash_messages(choose(client, STAFF)) == [
        "There are no rules in force for Library Staff, so it cannot be chosen."
    ]
    assert not Participation.objects.exists()


@pytest.mark.parametrize("value", ["", "x", "0", "9" * 30, "\x00"])
def test_empty_or_invalid_choice(client: Client, value: str) -> None:
    response = client.post("/tracks/", {"track": value}, follow=True)
    assert flash_messages(response) == ["Choose one of the tracks on this page."]
    assert not Participation.objects.exists()


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, person: User, number: int, django_assert_num_queries: Any
) -> None:
    kinds = [PositionKind.STAFF, PositionKind.DIRECTOR, PositionKind.TRUSTEE]
    for kind in kinds[:number]:
        add_position(person, kind)
    actions.select_track(track=make.track(STAFF), by=person)
    with django_assert_num_queries(9):
        client.get("/tracks/")


@pytest.mark.parametrize("number", [1, 3])
def test_queries_of_continuing_education_without_a_track(
    client: Client, person: User, number: int, django_assert_num_queries: Any
) -> None:
    for _ in range(number):
        add_position(person, PositionKind.STAFF)
        make.claim(person)
        make.event()
    with django_assert_num_queries(10):
        client.get("/continuing-education/")


@pytest.mark.django_db(transaction=True)
def test_people_who_choose_the_same_track_do_not_wait_for_each_other() -> None:
    track, first, second = make.track(), make.person(), make.person()
    with transaction.atomic():
        actions.select_track(track=track, by=first)
        # Another connection chooses the track while the first choice is not committed.
        [result] = run_concurrently(1, lambda _: choose_without_waiting(track, second))
    assert result is True


def choose_without_waiting(track: Track, person: User) -> bool:
    """Choose the track. Return True if it is new, and fail rather than wait for a lock."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '1s'")
        return actions.select_track(track=track, by=person)[1]


@pytest.mark.django_db(transaction=True)
def test_a_rule_set_cannot_change_while_someone_chooses_it() -> None:
    track, person = make.track(), make.person()
    with transaction.atomic():
        participation, _ = actions.select_track(track=track, by=person)
        rule_set = participation.rule_set
        [result] = run_concurrently(1, lambda _: lock_for_a_change(rule_set))
        assert isinstance(result, OperationalError)
    lock_for_a_change(rule_set)


def lock_for_a_change(rule_set: RuleSet) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
        rule_set_actions._lock_rule_set(rule_set.pk)
