"""CompositeForeignKey: migrations, the database and forms."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.serializer import serializer_factory
from django.db.migrations.state import ModelState

from aspen.db.constraints import CompositeForeignKey
from credits.models import Claim, Credit
from tests import factories

NAME = "credits_credit_person_matches_claim"
[DECLARED] = [one for one in Credit._meta.constraints if one.name == NAME]


def a_constraint(**fields: object) -> CompositeForeignKey:
    values = {"fields": ["claim"], "to": "credits.Claim", "to_fields": ["id"], "name": "some_name"}
    return CompositeForeignKey(**values | fields)  # type: ignore[arg-type]


def test_the_constraint_can_be_written_to_a_migration() -> None:
    text, imports = serializer_factory(DECLARED).serialize()
    scope: dict[str, object] = {}
    for line in imports:
        exec(line, scope)
    again = eval(text, scope)
    assert again == DECLARED
    assert again is not DECLARED
    assert text == (
        "aspen.db.constraints.CompositeForeignKey(fields=['claim', 'person'], "
        f"name='{NAME}', to='credits.Claim', to_fields=['id', 'person'])"
    )


def test_the_constraint_can_be_copied_to_a_migrations_state() -> None:
    constraints = ModelState.from_model(Credit).options["constraints"]
    assert DECLARED in constraints
    assert DECLARED.clone() == DECLARED


def test_constraints_are_equal_if_all_their_options_are() -> None:
    assert a_constraint() == a_constraint()
    assert hash(a_constraint()) == hash(a_constraint())
    assert a_constraint() != a_constraint(fields=["person"])
    assert a_constraint() != a_constraint(to_fields=["person"])
    assert a_constraint() != a_constraint(to="credits.Credit")
    assert a_constraint() != a_constraint(name="another")
    assert a_constraint() != "some_name"


@pytest.mark.django_db
def test_migrations_can_add_and_remove_the_constraint() -> None:
    """Check that violations are possible without the constraint, and prevent adding it."""
    credit = factories.claim(factories.person()).credits.get()
    stranger = factories.person()
    rows = Credit.objects.filter(pk=credit.pk)
    connection.check_constraints()  # a table cannot be altered while checks are outstanding

    with pytest.raises(IntegrityError, match=NAME), transaction.atomic():
        rows.update(person=stranger)

    with connection.schema_editor() as editor:
        editor.remove_constraint(Credit, DECLARED)
    assert rows.update(person=stranger) == 1
    connection.check_constraints()

    def add() -> None:
        with connection.schema_editor() as editor:
            editor.add_constraint(Credit, DECLARED)
            # Run here, because in a test, an editor that fails on exit does not roll back.
            [statement] = editor.deferred_sql
            editor.deferred_sql.clear()
            editor.execute(statement)

    with pytest.raises(IntegrityError, match=NAME), transaction.atomic():
        add()
    assert rows.update(person=credit.person_id) == 1
    connection.check_constraints()
    add()
    with pytest.raises(IntegrityError, match=NAME), transaction.atomic():
        rows.update(person=stranger)


@pytest.mark.django_db
def test_the_referenced_row_is_protected_too() -> None:
    claim = factories.claim(factories.person())
    with pytest.raises(IntegrityError, match=NAME), transaction.atomic():
        Claim.objects.filter(pk=claim.pk).update(person=factories.person())


def test_forms_do_not_validate_the_constraint() -> None:
    assert DECLARED.validate(Credit, Credit()) is None
