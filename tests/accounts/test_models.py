"""The database's constraints on people and libraries."""

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Value

from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User
from accounts.roles import ROLE_PERMISSIONS, create_roles
from tests import factories

pytestmark = pytest.mark.django_db


def refused(constraint: str, action: Any) -> None:
    """Assert that the action violates this constraint."""
    with pytest.raises(IntegrityError, match=f'"{constraint}"'), transaction.atomic():
        action()


def a_position(**fields: Any) -> Position:
    values: dict[str, Any] = {"kind": PositionKind.STAFF, "since_on": dt.date(2020, 1, 1)}
    owner = {"person": factories.person(), "organization": factories.organization()}
    return Position.objects.create(**owner | values | fields)


# ---------- People ----------


def test_an_address_must_be_in_lower_case() -> None:
    people = User.objects.filter(pk=factories.person().pk)
    refused(
        "accounts_email_in_lower_case", lambda: people.update(email=Value("Nora@library.example"))
    )
    assert people.update(email="nora@library.example") == 1


def test_an_address_belongs_to_one_person() -> None:
    factories.person(email="nora@library.example")
    people = User.objects.filter(pk=factories.person().pk)
    with pytest.raises(IntegrityError, match="accounts_user_email"), transaction.atomic():
        people.update(email="nora@library.example")


def test_addresses_are_stored_in_lower_case_and_found_in_any_case() -> None:
    person = User.objects.create_user(" Nora@Library.Example ", "secret", display_name="Nora")
    assert person.email == "nora@library.example"
    assert User.objects.get_by_natural_key("NORA@library.example") == person
    assert (person.is_staff, person.is_superuser) == (False, False)


def test_a_superuser_is_staff() -> None:
    person = User.objects.create_superuser("root@library.example", "secret", display_name="Root")
    assert (person.is_staff, person.is_superuser) == (True, True)


def test_a_person_without_a_name_is_shown_by_e_mail_address() -> None:
    assert str(User(email="nora@library.example")) == "nora@library.example"
    assert str(User(email="nora@library.example", display_name="Nora")) == "Nora"


# ---------- Organizations ----------


def test_a_library_cannot_be_its_own_parent() -> None:
    library = factories.organization()
    libraries = Organization.objects.filter(pk=library.pk)
    refused("accounts_organization_not_own_parent", lambda: libraries.update(parent=library))
    assert libraries.update(parent=factories.organization()) == 1


def test_a_library_must_have_a_known_kind() -> None:
    libraries = Organization.objects.filter(pk=factories.organization().pk)
    refused("accounts_organization_kind_known", lambda: libraries.update(kind="castle"))
    refused("accounts_organization_kind_known", lambda: libraries.update(kind=""))


def test_a_library_name_is_unique_within_a_city() -> None:
    factories.organization(name="Public Library", city="Hamilton")
    other = factories.organization(name="Public Library", city="Helena")
    refused(
        "accounts_one_organization_per_name_and_city",
        lambda: Organization.objects.filter(pk=other.pk).update(city="Hamilton"),
    )


# ---------- Positions ----------


def test_a_position_must_have_a_known_kind() -> None:
    positions = Position.objects.filter(pk=a_position().pk)
    refused("accounts_position_kind_known", lambda: positions.update(kind="queen"))


def test_people_cannot_supervise_themselves() -> None:
    position = a_position()
    positions = Position.objects.filter(pk=position.pk)
    refused(
        "accounts_position_not_own_supervisor",
        lambda: positions.update(supervisor=position.person),
    )
    assert positions.update(supervisor=factories.person()) == 1


def test_a_position_cannot_end_before_it_begins() -> None:
    positions = Position.objects.filter(pk=a_position(since_on=dt.date(2026, 3, 1)).pk)
    refused(
        "accounts_position_ends_after_it_begins",
        lambda: positions.update(until_on=dt.date(2026, 2, 28)),
    )
    assert positions.update(until_on=dt.date(2026, 3, 1)) == 1
    assert positions.update(since_on=None, until_on=dt.date(1990, 1, 1)) == 1


def test_there_is_one_open_position_of_each_kind_at_a_library() -> None:
    first = a_position()
    same = {"person": first.person, "organization": first.organization}
    ended = a_position(**same, until_on=dt.date(2021, 1, 1))
    other = a_position(**same, kind=PositionKind.TRUSTEE)
    name = "accounts_one_open_position_per_kind"
    refused(name, lambda: Position.objects.filter(pk=ended.pk).update(until_on=None))
    refused(name, lambda: Position.objects.filter(pk=other.pk).update(kind=PositionKind.STAFF))
    assert Position.objects.filter(pk=first.pk).update(until_on=dt.date(2022, 1, 1)) == 1
    assert Position.objects.filter(pk=ended.pk).update(until_on=None) == 1


def test_people_and_libraries_with_positions_cannot_be_deleted() -> None:
    position = a_position()

    def delete(row: User | Organization) -> None:
        type(row).objects.filter(pk=row.pk)._raw_delete(using="default")
        transaction.get_connection().check_constraints()

    for row in (position.person, position.organization):
        with pytest.raises(IntegrityError), transaction.atomic():
            delete(row)


# ---------- Roles ----------


def test_existing_roles_stay_as_staff_edited_them() -> None:
    person = factories.person(Role.HELP_DESK)
    assert person.has_perm("helpdesk.work_ticket")
    group = person.groups.get()
    group.permissions.clear()
    create_roles()
    group.refresh_from_db()
    assert list(group.permissions.order_by("pk")) == []


def test_the_roles_with_each_permission() -> None:
    allowed = {
        name: {role for role, names in ROLE_PERMISSIONS.items() if name in names}
        for name in (
            "helpdesk.work_ticket",
            "events.decide_event",
            "events.decide_listing",
            "events.prepare_listing",
            "tracks.review_submission",
            "tracks.view_submission",
            "tracks.view_reports",
            "accounts.change_user",
        )
    }
    assert allowed == {
        "helpdesk.work_ticket": {Role.HELP_DESK, Role.CE_COORDINATOR},
        "events.decide_event": {Role.CE_COORDINATOR},
        "events.decide_listing": {Role.CATALOG_COMMITTEE},
        "events.prepare_listing": {Role.CE_COORDINATOR},
        "tracks.review_submission": {Role.CE_COORDINATOR},
        "tracks.view_submission": {Role.HELP_DESK, Role.CE_COORDINATOR, Role.ADMINISTRATOR},
        "tracks.view_reports": {Role.CE_COORDINATOR, Role.ADMINISTRATOR},
        "accounts.change_user": {Role.ADMINISTRATOR},
    }
