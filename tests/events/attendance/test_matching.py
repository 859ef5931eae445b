"""Proposing people for names and addresses that belong to no account, and remembering matches."""

import hashlib

import pytest
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from events import actions
from events.attendance.matching import proposals, similarity, words_of
from events.enums import RegistrationState
from events.models import AttendeeMatch, Event, Registration
from tests import factories as make
from tests.web import coordinator, flash_messages, signed_in, text

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Caleb Winters", "Winters, Caleb"),
        ("Caleb Winters (Choteau)", "Caleb Winters"),
        ("caleb.winters@home.example", "Caleb Winters"),
        ("Kaleb Winters", "Caleb Winters"),
        ("Nguyen Anh", "Nguyễn Ánh"),
        ("Dana OBrien", "Dana O’Brien"),
        ("Dana's iPhone (Dana Fletcher)", "Dana Fletcher"),
    ],
)
def test_similar_names(one: str, other: str) -> None:
    assert similarity(words_of(one), words_of(other)) >= 0.8


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Caleb Winters", "Caleb Stone"),
        ("Caleb", "Dana Fletcher"),
        ("Circulation desk", "Dana Fletcher"),
        ("", "Dana Fletcher"),
        ("iPhone", "Ione Fletcher"),
    ],
)
def test_different_names(one: str, other: str) -> None:
    assert similarity(words_of(one), words_of(other)) < 0.72


def registered(event: Event, *names: str) -> list[Registration]:
    return Registration.objects.bulk_create(
        Registration(
            event=event,
            person=make.person(display_name=name),
            state=RegistrationState.CONFIRMED,
            registered_at=event.begins_at,
        )
        for name in names
    )


def remember(event: Event, alias: str, person: User) -> None:
    AttendeeMatch.objects.create(
        event=event, alias=alias, name=alias, person=person, matched_by=make.person()
    )


def test_earlier_matches_of_the_same_organization_are_proposed_first() -> None:
    library = make.organization()
    event = make.event(organization=library)
    places = registered(event, "Caleb Winters", "Dana Fletcher")
    desk, wrong = make.person(), make.person()
    remember(make.event(organization=library), "name:caleb winters", desk)
    remember(make.event(organization=make.organization()), "name:caleb winters", wrong)
    remember(make.event(), "name:caleb winters", wrong)
    [found] = proposals({"name:caleb winters": "Caleb Winters"}, places, event).values()
    assert found == [(desk, True), (places[0].person, False)]


# ---------- The page ----------


def stored_guests(event: Event, *names: str):
    rows = "".join(f"{name},,50\n" for name in names)
    return actions.store_attendance_list(
        event_id=event.pk,
        file_name="list.csv",
        data=f"Name,Email,Minutes\n{rows}".encode(),
        threshold=30,
        by=make.person(),
    )


@pytest.fixture
def client() -> Client:
    return coordinator()


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_the_same_number_of_queries(
    client: Client, number: int, django_assert_num_queries
) -> None:
    event = make.event(days=-1)
    names = [f"Caleb Winters{'x' * each}" for each in range(number)]
    registered(event, *names)
    stored = stored_guests(event, *names)
    address = f"/events/{event.pk}/roster/lists/{stored.pk}/match/"
    client.get(address)
    with django_assert_num_queries(10):
        page = text(client.get(address))
    assert page.count("Someone else for Caleb Winters") == number


def field(kind: str, alias: str) -> str:
    """Return the name of a person's field in MatchForm, which a list gives this alias."""
    return f"{kind}_{hashlib.sha256(alias.encode()).hexdigest()[:16]}"


def test_matching_proposed_and_other_people(client: Client) -> None:
    event = make.event(days=-1)
    [caleb] = registered(event, "Caleb Winters")
    dana = make.person(display_name="Dana Fletcher")
    stored = stored_guests(event, "Caleb W. (Caleb Winters)", "Front desk", "Nobody")
    address = f"/events/{event.pk}/roster/lists/{stored.pk}/match/"
    form = client.get(address).context["form"]
    assert [field.initial for field in form.fields.values()] == ["", None, ""] * 3
    pk = str(caleb.person_id)
    caleb_key, desk = "name:caleb w. (caleb winters)", "name:front desk"
    values = {field("person", caleb_key): pk, field("person", desk): ""}
    other = field("address", desk)
    error = client.post(address, values | {other: "no-one@x.example"})
    assert error.context["form"].errors == {other: ["No account uses this address."]}
    assert not AttendeeMatch.objects.exists()
    saved = client.post(address, values | {other: dana.email.upper()})
    assert flash_messages(saved) == ["2 matches saved."]
    assert dict(AttendeeMatch.objects.order_by("pk").values_list("name", "person")) == {
        "Caleb W. (Caleb Winters)": caleb.person_id,
        "Front desk": dana.pk,
    }
    # Those who are matched come after the others, and their match can be removed.
    form = client.get(address).context["form"]
    initial = [field.initial for field in form.fields.values()]
    assert initial == ["", None, "", pk, None, pk, str(dana.pk), None, str(dana.pk)]
    client.post(
        address,
        {
            field("person", caleb_key): "",
            field("matched", caleb_key): pk,
            field("person", desk): str(dana.pk),
            field("matched", desk): str(dana.pk),
        },
    )
    assert [each.person for each in AttendeeMatch.objects.order_by("pk")] == [dana]


def test_an_old_page_changes_only_what_was_changed_on_it(client: Client) -> None:
    """Two people have the page open, and one of them has saved it."""
    event = make.event(days=-1)
    [caleb] = registered(event, "Caleb Winters")
    stored = stored_guests(event, "Caleb W. Winters", "Front desk")
    address = f"/events/{event.pk}/roster/lists/{stored.pk}/match/"
    form = client.get(address).context["form"]
    old = {name: field.initial or "" for name, field in form.fields.items()}
    desk = make.person()
    caleb_key, desk_key = "name:caleb w. winters", "name:front desk"
    remember(event, desk_key, desk)
    client.post(address, old | {field("person", caleb_key): str(caleb.person_id)})
    assert dict(AttendeeMatch.objects.values_list("alias", "person").order_by("pk")) == {
        desk_key: desk.pk,
        caleb_key: caleb.person_id,
    }
    # Someone else has been given an account with the name's address: their row is gone.
    actions.match_attendees(list_id=stored.pk, matches={desk_key: None}, by=make.person())
    client.post(address, {field("person", "name:no longer listed"): str(desk.pk)})
    assert AttendeeMatch.objects.get().alias == caleb_key


def test_only_proposed_people_can_be_selected(client: Client) -> None:
    event = make.event(days=-1)
    stored = stored_guests(event, "Caleb Winters")
    address = f"/events/{event.pk}/roster/lists/{stored.pk}/match/"
    name = field("person", "name:caleb winters")
    page = client.post(address, {name: str(make.person().pk)})
    assert name in page.context["form"].errors


def test_an_earlier_match_is_selected_but_not_saved(client: Client) -> None:
    event, person = make.event(days=-1), make.person()
    remember(make.event(), "name:front desk", person)
    stored = stored_guests(event, "Front Desk")
    address = f"/events/{event.pk}/roster/lists/{stored.pk}/match/"
    page = client.get(address)
    assert page.context["form"].fields[field("person", "name:front desk")].initial == str(person.pk)
    assert "(matched before)" in text(page)
    assert not AttendeeMatch.objects.filter(event=event).exists()


def test_a_page_without_anyone_to_match(client: Client) -> None:
    event = make.event(days=-1)
    [place] = registered(event, "Ada")
    stored = actions.store_attendance_list(
        event_id=event.pk,
        file_name="list.csv",
        data=f"Email,Minutes\n{place.person.email},50\n".encode(),
        threshold=30,
        by=make.person(),
    )
    page = client.get(f"/events/{event.pk}/roster/lists/{stored.pk}/match/")
    assert "Everyone is matched" in text(page)


# ---------- On the admin's first page ----------


def applied(event: Event, rows: str, by: User) -> int:
    stored = actions.store_attendance_list(
        event_id=event.pk, file_name="list.csv", data=rows.encode(), threshold=1, by=by
    )
    actions.apply_attendance_list(list_id=stored.pk, by=by)
    return stored.pk


def test_the_admin_says_how_many_people_are_to_be_matched() -> None:
    staff, event = make.person(Role.CE_COORDINATOR), make.event()
    [place] = registered(event, "Dana Fletcher")
    member = place.person
    list_id = applied(
        event,
        f"Name,Email,Minutes\nDana Fletcher,{member.email},60\nCaleb Winters,,50\n"
        "Ada Lake,ada@home.example,50\n",
        staff,
    )
    client = signed_in(staff)
    page = text(client.get("/admin/"))
    assert "2 people on attendance lists to match, the oldest received today" in page
    assert f'href="/events/{event.pk}/roster/lists/{list_id}/match/"' in page

    caleb = make.person()
    matches = {"name:caleb winters": caleb, "ada@home.example": make.person()}
    actions.match_attendees(list_id=list_id, matches=matches, by=staff)
    assert "to match" not in text(client.get("/admin/"))
    # Another spelling of a name is matched too.
    rows = f"Name,Email,Minutes\nDana Fletcher,{member.email},55\nCALEB  Winters,,55\n"
    applied(event, rows, staff)
    assert "to match" not in text(client.get("/admin/"))
    # Accounts that were deactivated match no one.
    User.objects.filter(pk=caleb.pk).update(is_active=False)
    assert "2 people on attendance lists to match" in text(client.get("/admin/"))


def test_a_list_that_was_undone_has_nobody_to_match() -> None:
    staff, event = make.person(Role.CE_COORDINATOR), make.event()
    [place] = registered(event, "Dana Fletcher")
    list_id = applied(
        event, f"Name,Email,Minutes\nDana,{place.person.email},60\nCaleb,,50\n", staff
    )
    assert "1 person on attendance lists to match" in text(signed_in(staff).get("/admin/"))
    actions.undo_attendance_list(list_id=list_id, by=staff)
    assert "to match" not in text(signed_in(staff).get("/admin/"))
