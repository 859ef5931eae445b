"""Signing in to the admin, and its pages for accounts and the directory."""

import datetime as dt
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group, Permission
from django.test import Client
from zeal import zeal_ignore

from accounts import actions
from accounts.enums import STAFF_ROLES, PositionKind, Role
from accounts.models import Organization, Position, User
from aspen.clock import today
from aspen.errors import Refused
from helpdesk.actions import open_ticket
from tests import factories
from tests.web import signed_in, submit_in_admin, text

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


def show(client: Client, address: str) -> Any:
    with zeal_ignore():
        return client.get(address)


def group(role: Role) -> Group:
    return Group.objects.get(name=role.value)


def a_form(person: User, **changes: Any) -> dict[str, Any]:
    """Return the form data of a person without positions, as a browser sends it."""
    values: dict[str, Any] = {
        "email": person.email,
        "display_name": person.display_name,
        "is_active": "on",
        "positions-TOTAL_FORMS": "1",
        "positions-INITIAL_FORMS": "0",
        "positions-MIN_NUM_FORMS": "0",
        "positions-MAX_NUM_FORMS": "1000",
    }
    return values | changes


# ---------- Signing in ----------


def test_visitors_are_redirected_to_the_portals_sign_in() -> None:
    answer = Client().get("/admin/events/customevent/", follow=True)
    assert answer.redirect_chain[-1] == ("/accounts/login/?next=/admin/events/customevent/", 302)


@pytest.mark.parametrize("address", ["/admin/", "/admin/login/", "/admin/accounts/user/"])
def test_people_who_are_not_staff_get_a_403(address: str) -> None:
    answer = signed_in(factories.person()).get(address, follow=True)
    assert answer.status_code == 403
    assert len(answer.redirect_chain) <= 1


def test_signed_in_staff_skip_the_sign_in_page() -> None:
    client = signed_in(factories.person(Role.HELP_DESK))
    assert client.get("/admin/login/").headers["Location"] == "/admin/"
    assert "ASPeN staff" in text(client.get("/admin/"))


# ---------- Accounts ----------


def test_an_administrator_adds_a_person() -> None:
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    values = {
        "email": "New.Person@Library.Example",
        "display_name": "New Person",
        "usable_password": "true",
        "password1": "bitterroot-and-larch",
        "password2": "bitterroot-and-larch",
    }
    submit_in_admin(client, f"{PEOPLE}add/", values)
    person = User.objects.get(display_name="New Person")
    assert person.email == "new.person@library.example"
    assert person.check_password("bitterroot-and-larch")
    again = submit_in_admin(client, f"{PEOPLE}add/", values)
    assert "Person with this E-mail address already exists." in text(again)


def test_an_administrator_changes_other_peoples_rights_and_roles() -> None:
    person = factories.person()
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    role = group(Role.HELP_DESK)
    submit_in_admin(
        client, f"{PEOPLE}{person.pk}/change/", a_form(person, is_staff="on", groups=[role.pk])
    )
    person.refresh_from_db()
    assert (person.is_staff, list(person.groups.all())) == (True, [role])
    submit_in_admin(client, f"{PEOPLE}{person.pk}/change/", a_form(person, is_active=""))
    person.refresh_from_db()
    assert (person.is_active, person.is_staff, list(person.groups.all())) == (False, False, [])


@pytest.mark.parametrize(
    ("role", "is_staff"), [*((role, True) for role in STAFF_ROLES), (Role.EVENT_EDITOR, False)]
)
def test_a_staff_role_makes_a_person_staff(role: Role, is_staff: bool) -> None:
    person = factories.person()
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    address = f"{PEOPLE}{person.pk}/change/"
    roles = "Help desk, CE Coordinators, Catalog committee and Administrators"
    assert f"{roles} set this automatically." in text(show(client, address))
    submit_in_admin(client, address, a_form(person, groups=[group(role).pk]))
    person.refresh_from_db()
    assert (person.is_staff, list(person.groups.all())) == (is_staff, [group(role)])
    made = actions.create_account(
        email="new@library.example", display_name="New", password_hash="!", roles=[role]
    )
    assert made.is_staff is is_staff


def test_administrators_cannot_make_themselves_staff_through_a_role() -> None:
    boss = factories.person(Role.ADMINISTRATOR)
    boss.is_staff = False
    boss.save(update_fields=["is_staff"])
    with pytest.raises(Refused):
        actions.save_person(person=boss, by=boss, roles=[group(Role.HELP_DESK)])
    assert User.objects.get(pk=boss.pk).is_staff is False


def test_an_invalid_address_gets_our_error_message() -> None:
    person = factories.person()
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    answer = submit_in_admin(client, f"{PEOPLE}{person.pk}/change/", a_form(person, email="nobody"))
    assert "Enter a valid e-mail address." in text(answer)


def test_an_administrator_cannot_grant_superuser_rights() -> None:
    person = factories.person()
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    address = f"{PEOPLE}{person.pk}/change/"
    permission = Permission.objects.get(codename="decide_event")
    page = text(show(client, address))
    assert "is_superuser" not in page
    assert "user_permissions" not in page
    submit_in_admin(
        client, address, a_form(person, is_superuser="on", user_permissions=[permission.pk])
    )
    person.refresh_from_db()
    assert (person.is_superuser, list(person.user_permissions.all())) == (False, [])


def test_administrators_cannot_change_their_own_rights() -> None:
    boss = factories.person(Role.ADMINISTRATOR)
    values = a_form(
        boss,
        display_name="New Name",
        is_superuser="on",
        is_active="",
        groups=[group(Role.CE_COORDINATOR).pk],
    )
    submit_in_admin(signed_in(boss), f"{PEOPLE}{boss.pk}/change/", values)
    boss = User.objects.get(pk=boss.pk)
    assert (boss.display_name, boss.is_staff, boss.is_active) == ("New Name", True, True)
    assert boss.is_superuser is False
    assert list(boss.groups.all()) == [group(Role.ADMINISTRATOR)]


def test_administrators_cannot_change_superusers() -> None:
    root = factories.person(Role.ADMINISTRATOR, is_superuser=True)
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    page = text(show(client, f"{PEOPLE}{root.pk}/change/"))
    assert "argon2" not in page
    assert "md5$" not in page
    answers = [
        submit_in_admin(
            client, f"{PEOPLE}{root.pk}/change/", a_form(root, email="mine@aspen.example")
        ),
        show(client, f"{PEOPLE}{root.pk}/password/"),
        submit_in_admin(
            client, f"{PEOPLE}{root.pk}/password/", {"password1": "x", "password2": "x"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert User.objects.get(pk=root.pk).email == root.email


def test_a_superuser_can_make_another() -> None:
    person = factories.person()
    client = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    submit_in_admin(
        client, f"{PEOPLE}{person.pk}/change/", a_form(person, is_superuser="on", is_staff="on")
    )
    person.refresh_from_db()
    assert person.is_superuser


def test_an_administrator_sets_a_new_password() -> None:
    person = factories.person()
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    values = {
        "usable_password": "true",
        "password1": "bitterroot-and-larch",
        "password2": "bitterroot-and-larch",
    }
    submit_in_admin(client, f"{PEOPLE}{person.pk}/password/", values | {"password2": "other"})
    person.refresh_from_db()
    assert person.check_password(factories.PASSWORD)
    submit_in_admin(client, f"{PEOPLE}{person.pk}/password/", values)
    person.refresh_from_db()
    assert person.check_password("bitterroot-and-larch")


def test_a_changed_address_must_be_confirmed_again() -> None:
    person = factories.person()
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    address = f"{PEOPLE}{person.pk}/change/"
    submit_in_admin(client, address, a_form(person, display_name="Only the name"))
    assert EmailAddress.objects.filter(user=person, verified=True).count() == 1
    submit_in_admin(client, address, a_form(person, email="Somewhere.Else@library.example"))
    person.refresh_from_db()
    assert person.email == "somewhere.else@library.example"
    assert list(EmailAddress.objects.filter(user=person)) == []


def test_the_action_refuses_to_exceed_the_persons_rights() -> None:
    root = factories.person(is_superuser=True)
    boss = factories.person(Role.ADMINISTRATOR)
    plain = factories.person()
    plain.is_superuser = True
    boss.is_active = False
    for person in (root, plain, boss):
        with pytest.raises(Refused):
            actions.save_person(person=person, by=boss)
    assert User.objects.filter(is_superuser=True).get() == root


def test_people_are_never_deleted() -> None:
    person = factories.person()
    client = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    assert (
        submit_in_admin(client, f"{PEOPLE}{person.pk}/delete/", {"post": "yes"}).status_code == 403
    )


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.CE_COORDINATOR])
def test_other_staff_can_view_people_but_not_change_them(role: Role) -> None:
    person = factories.person(display_name="As it was")
    client = signed_in(factories.person(role))
    page = text(show(client, f"{PEOPLE}{person.pk}/change/"))
    assert "As it was" in page
    assert "id_password" not in page
    assert "md5$" not in page
    answers = [
        submit_in_admin(
            client, f"{PEOPLE}{person.pk}/change/", a_form(person, display_name="Changed")
        ),
        show(client, f"{PEOPLE}add/"),
        show(client, f"{PEOPLE}{person.pk}/password/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_event_editors_cannot_see_people() -> None:
    assert signed_in(factories.person(Role.EVENT_EDITOR)).get(PEOPLE).status_code == 403


# ---------- The directory ----------


def test_a_position_can_be_added_and_changed_but_not_deleted() -> None:
    person, library = factories.person(), factories.organization()
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    line = {
        "positions-0-person": person.pk,
        "positions-0-organization": library.pk,
        "positions-0-kind": PositionKind.DIRECTOR,
    }
    submit_in_admin(client, f"{PEOPLE}{person.pk}/change/", a_form(person, **line))
    position = Position.objects.get()
    assert (position.person, position.organization) == (person, library)
    answer = submit_in_admin(
        client,
        f"{PEOPLE}{person.pk}/change/",
        a_form(person, **line | {"positions-0-supervisor": person.pk}),
    )
    assert "A person cannot be their own supervisor." in text(answer)
    values = {"person": person.pk, "organization": library.pk, "kind": "staff", "DELETE": "on"}
    submit_in_admin(client, f"/admin/accounts/position/{position.pk}/change/", values)
    position.refresh_from_db()
    assert position.kind == PositionKind.STAFF
    twice = {
        "positions-TOTAL_FORMS": "2",
        "positions-0-person": person.pk,
        "positions-0-organization": library.pk,
        "positions-0-kind": PositionKind.FRIEND,
        "positions-1-person": person.pk,
        "positions-1-organization": library.pk,
        "positions-1-kind": PositionKind.FRIEND,
    }
    answer = submit_in_admin(client, f"{PEOPLE}{person.pk}/change/", a_form(person, **twice))
    assert "The same position is listed twice." in text(answer)
    line["positions-0-kind"] = PositionKind.STAFF
    answer = submit_in_admin(client, f"{PEOPLE}{person.pk}/change/", a_form(person, **line))
    assert "This position is already on the list." in text(answer)
    assert Position.objects.get() == position


def test_an_administrator_can_add_organizations() -> None:
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    values = {"name": "Polson City Library", "kind": "public", "city": "Polson"}
    client.post("/admin/accounts/organization/add/", values)
    assert Organization.objects.get().county == ""
    again = client.post("/admin/accounts/organization/add/", values)
    assert "accounts_one_organization_per_name_and_city" in text(again)


@pytest.mark.parametrize("items", [1, 3])
def test_the_number_of_queries_is_fixed(items: int, django_assert_num_queries: Any) -> None:
    library, first = factories.organization(), factories.person()
    for number in range(items):
        person = factories.person()
        factories.organization()
        Position.objects.create(
            person=person,
            organization=library,
            kind=PositionKind.STAFF,
            supervisor=factories.person(),
        )
        kind = list(PositionKind)[number]
        Position.objects.create(person=first, organization=library, kind=kind)
    client = signed_in(factories.person(Role.ADMINISTRATOR))
    pages = {
        PEOPLE: 8,
        f"{PEOPLE}{first.pk}/change/": 8,
        "/admin/accounts/organization/": 8,
        f"/admin/accounts/organization/{library.pk}/change/": 6,
        "/admin/accounts/position/": 8,
    }
    for address in pages:
        show(client, address)  # Django remembers content types
    for address, count in pages.items():
        with django_assert_num_queries(count):
            show(client, address)


@pytest.mark.parametrize("address", [f"{PEOPLE}?", "/admin/accounts/position/?person__"])
def test_lists_cannot_be_filtered_by_password(address: str) -> None:
    client = signed_in(factories.person(Role.HELP_DESK))
    assert show(client, f"{address}password__startswith=md5").status_code == 400


# ---------- Waiting for a decision ----------


def waiting(client: Client, address: str) -> list[tuple[str, str]]:
    with zeal_ignore():
        page = client.get(address)
    lines = [(str(line.text), str(line.url)) for line in page.context["waiting"]]
    for text_of_line, _ in lines:
        assert text_of_line in text(page)
    return lines


def test_every_index_page_says_what_is_waiting_for_whom() -> None:
    person, library = factories.person(), factories.organization()
    for kind, confirmed, last_day in (
        (PositionKind.DIRECTOR, False, None),
        (PositionKind.BOARD_CHAIR, True, None),
        (PositionKind.BOARD_CHAIR, False, today() - dt.timedelta(days=1)),
        (PositionKind.STAFF, False, None),
    ):
        Position.objects.create(
            person=person,
            organization=library,
            kind=kind,
            is_confirmed=confirmed,
            until_on=last_day,
        )
    open_ticket(subject="A question", body="Please help", credit=None, by=person)
    url = "/admin/accounts/position/?access=to-confirm"
    position = ("1 position to confirm", url)
    ticket = ("1 help ticket to answer, received today", "/help/queue/")
    for role, lines in (
        (Role.ADMINISTRATOR, [position]),
        (Role.HELP_DESK, [ticket]),
        (Role.CE_COORDINATOR, [ticket]),
    ):
        client = signed_in(factories.person(role))
        for address in ("/admin/", "/admin/accounts/", "/admin/events/"):
            assert waiting(client, address) == lines
    page = show(signed_in(factories.person(Role.ADMINISTRATOR)), url)
    assert [row.kind for row in page.context["cl"].result_list] == [PositionKind.DIRECTOR]
