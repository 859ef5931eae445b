"""Every text column is cleaned when it is saved, and the database refuses other text."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, connection, models, transaction
from django.db.models import Value

from accounts.models import Federation, Organization, User
from aspen.db.constraints import CleanColumn
from aspen.db.fields import _CleanedField
from aspen.migrations import _operations
from events.models import Event
from tests import factories
from tracks.models import Certificate

pytestmark = pytest.mark.django_db

APPS = ("aspen", "accounts", "events", "credits", "tracks", "helpdesk")
# Columns that the portal fills itself: keys, digests, fixed names and error messages.
NOT_TYPED = {
    "accounts.Organization.import_digest",
    "accounts.Organization.import_key",
    "accounts.User.password",
    "aspen.Mail.error",
    "aspen.Mail.key",
    "aspen.Mail.kind",
    "credits.Evidence.content_type",
    "events.AttendanceList.fingerprint",
    "events.Category.slug",
    "events.Event.check_in_code",
    "events.Event.import_digest",
    "events.Event.import_key",
    "events.PersonalKey.token",
    "events.Resource.content_type",
    "helpdesk.Article.slug",
    "helpdesk.Attachment.content_type",
    "credits.AttendanceCertificate.number",
    "tracks.Certificate.number",
}
EXAMPLES = {
    "line": ("Séliš", ["Se\u0301liš", "a\u200b", " a", "a  b", "a\nb", "a\u00a0b", "\u202ea"]),
    "text": ("Séliš\n  b", ["Se\u0301liš", "a\u200b", "a ", "a\r\nb", "a \nb", "\na", "a\u2028"]),
    "email": (
        "a@b.example",
        ["A@b.example", "\u017f@b.example", "a@b.example\u200b", "a @b.example"],
    ),
    "web_address": (
        "https://b.example/a",
        ["//b.example", "https://a@b.example/", "ftp://b.example", "https://b.example\u200b", "x"],
    ),
    "lines": (["a", "b c"], [["a\n"], ["a", ""], ["a\u200b"], [" a"]]),
}


def text_fields() -> Iterator[tuple[str, models.Field]]:
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            # History tables receive copies of what was stored.
            if model._meta.proxy or hasattr(model, "pgh_tracked_model"):
                continue
            for field in model._meta.concrete_fields:
                name = f"{model._meta.label}.{field.name}"
                base = getattr(field, "base_field", field)
                is_text = isinstance(base, models.CharField | models.TextField)
                if is_text and not field.choices and name not in NOT_TYPED:
                    yield name, field


TEXT_FIELDS = dict(text_fields())


def checks_of(table: str) -> dict[str, str]:
    """Return the expressions of a table's check constraints, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'c'",
            [table],
        )
        return dict(cursor.fetchall())


def results(field: models.Field, value: Any, *checks: str) -> list[bool | None]:
    """Evaluate checks for a row in which only this column has a value."""
    expressions = ", ".join(checks).replace("%", "%%")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {expressions}"
            f" FROM jsonb_populate_record(NULL::{field.model._meta.db_table}, %s)",
            [json.dumps({field.column: value})],
        )
        return list(cursor.fetchone())


def test_the_portals_own_columns_are_up_to_date() -> None:
    names = {
        f"{model._meta.label}.{field.name}"
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.concrete_fields
    }
    assert names >= NOT_TYPED


@pytest.mark.parametrize("name", TEXT_FIELDS)
def test_every_text_field_cleans_what_is_saved(name: str) -> None:
    field = TEXT_FIELDS[name]
    assert isinstance(getattr(field, "base_field", field), _CleanedField)


@pytest.mark.parametrize("name", TEXT_FIELDS)
def test_the_database_refuses_unclean_text(name: str) -> None:
    field = TEXT_FIELDS[name]
    [constraint] = [
        each
        for each in field.model._meta.constraints
        if isinstance(each, CleanColumn) and each.field == field.name
    ]
    check = checks_of(field.model._meta.db_table)[constraint.name]
    clean, unclean = EXAMPLES[constraint.kind]
    if field.max_length == 1:
        clean, unclean = "■", [" ", "\u200b"]
    assert results(field, clean, check) == [True]
    for value in unclean:
        assert results(field, value, check) == [False], value


@pytest.mark.parametrize("name", [name for name, field in TEXT_FIELDS.items() if not field.blank])
def test_required_text_has_a_visible_character(name: str) -> None:
    field = TEXT_FIELDS[name]
    nothing: Any = [] if hasattr(field, "base_field") else ""
    assert False in results(field, nothing, *checks_of(field.model._meta.db_table).values())


def test_saving_cleans_the_text() -> None:
    event = factories.event(title=" Weeding\u200b \n the stacks ", description="a \r\nb\u202e")
    assert (event.title, event.description) == ("Weeding the stacks", "a\nb")
    event.refresh_from_db()
    assert (event.title, event.description) == ("Weeding the stacks", "a\nb")
    Event.objects.filter(pk=event.pk).update(title="Se\u0301lis\u030c ")
    assert Event.objects.get(title="Séliš\u200b") == event


def test_the_database_refuses_what_does_not_come_through_a_model() -> None:
    person, library = factories.person(), factories.organization()
    for rows, values in (
        (User.objects.filter(pk=person.pk), {"display_name": "Ada\u200b"}),
        (User.objects.filter(pk=person.pk), {"display_name": ""}),
        (User.objects.filter(pk=person.pk), {"email": "\u017fmith@library.example"}),
        (Organization.objects.filter(pk=library.pk), {"city": "Hele\u0301na\u202e"}),
        (Federation.objects.all()[:1], {"name": " "}),
    ):
        [name] = values
        changes = {name: Value(value) for name, value in values.items()}
        with pytest.raises(IntegrityError, match=f"{name}_clean"), transaction.atomic():
            rows.model._default_manager.filter(pk__in=rows).update(**changes)


def test_the_addresses_for_signing_in_are_clean() -> None:
    """The table is django-allauth's, so its model does not clean them."""
    for address in ("\u017fmith@library.example", "smith@\u200blibrary.example"):
        person = factories.person()
        with (
            pytest.raises(IntegrityError, match="accounts_sign_in_address_clean"),
            transaction.atomic(),
        ):
            person.emailaddress_set.create(email=address)


def make_unclean(model: type[models.Model], **values: str) -> list[CleanColumn]:
    """Store text in all rows as an older version could, and return the model's constraints."""
    constraints = [each for each in model._meta.constraints if isinstance(each, CleanColumn)]
    connection.check_constraints()
    with connection.schema_editor() as editor:
        for constraint in constraints:
            editor.remove_constraint(model, constraint)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        columns = ", ".join(f"{name} = %s" for name in values)
        cursor.execute(f"UPDATE {table} SET {columns}", list(values.values()))
        connection.check_constraints()
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    return constraints


def stored(row: Any) -> Any:
    row.refresh_from_db()
    return row


def test_the_migration_cleans_stored_text(capsys: pytest.CaptureFixture[str]) -> None:
    event = factories.event()
    constraints = make_unclean(
        Event,
        title="\u200b",
        description=" a\r\nb",
        source_url="ftp://a.example/",
        recording_url="https://user@a.example/b",
    )
    _operations.clean_rows(connection, Event, constraints)
    stored(event)
    assert (event.title, event.description) == ("(blank)", "a\nb")
    assert (event.source_url, event.recording_url) == ("", "https://a.example/b")
    assert capsys.readouterr().out == ""


def test_the_migration_cleans_frozen_rows_and_records_it() -> None:
    certificate = factories.certificate()
    constraints = make_unclean(Certificate, name="Se\u0301lis\u030c")
    before = certificate.history.count()
    _operations.clean_rows(connection, Certificate, constraints)
    assert stored(certificate).name == "Séliš"
    assert certificate.history.count() == before + 1
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        Certificate.objects.update(name="Another name")


def test_the_migration_keeps_accounts_apart(capsys: pytest.CaptureFixture[str]) -> None:
    first = factories.person(email="smith@library.example")
    twin, stranger = factories.person(), factories.person()
    constraints = make_unclean(User, display_name=" Ann\u200b ")
    with connection.cursor() as cursor:
        for person, address in ((twin, "\u017fmith@library.example"), (stranger, "ım@x.example")):
            cursor.execute(
                "UPDATE accounts_user SET email = %s WHERE id = %s", [address, person.pk]
            )
    _operations.clean_rows(connection, User, constraints)
    assert stored(first).email == "smith@library.example"
    assert stored(twin).email == f"unusable-{twin.pk}@address.invalid"
    assert stored(stranger).email == f"unusable-{stranger.pk}@address.invalid"
    assert twin.display_name == stranger.display_name == "Ann"
    assert f"is now “unusable-{twin.pk}@address.invalid”" in capsys.readouterr().out


def test_the_migration_keeps_names_apart(capsys: pytest.CaptureFixture[str]) -> None:
    factories.organization(name="Helena", city="Helena")
    twin = factories.organization()
    constraints = make_unclean(Organization, county="Lewis and Clark")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_organization SET name = %s, city = %s WHERE id = %s",
            ["Helena\u200b", " Helena", twin.pk],
        )
    _operations.clean_rows(connection, Organization, constraints)
    assert (stored(twin).name, twin.city) == (f"Helena ({twin.pk})", "Helena")
    assert f"“Helena” is now “Helena ({twin.pk})”" in capsys.readouterr().out
