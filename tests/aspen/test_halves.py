"""Credits come in halves, and Python and the database agree on every amount."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aspen.halves import NOT_IN_HALVES, CreditAmountField, in_halves, validate_halves
from events.models import CreditOffer
from tests import factories
from tracks.models import Requirement

# Amounts that fit into a credit column, which rounds to one decimal.
AMOUNTS = st.decimals(min_value="-999.9", max_value="999.9", places=1)


def python_accepts(amount: Decimal) -> bool:
    try:
        validate_halves(amount)
    except ValidationError as error:
        return error.messages != [NOT_IN_HALVES]
    return True


def database_accepts(rows: models.QuerySet, **values: Decimal) -> bool:
    try:
        with transaction.atomic():
            assert rows.update(**values) == 1
            transaction.set_rollback(True)
    except IntegrityError as error:
        return "in_halves" not in str(error)
    return True


@pytest.mark.django_db
def test_python_and_the_database_agree() -> None:
    offers = CreditOffer.objects.filter(event=factories.event())

    @settings(max_examples=100, deadline=None)
    @given(AMOUNTS)
    @example(Decimal("0.5"))
    @example(Decimal("0.0"))
    @example(Decimal("-0.5"))
    @example(Decimal("999.5"))
    @example(Decimal("999.9"))
    def agree(amount: Decimal) -> None:
        assert database_accepts(offers, amount=amount) == python_accepts(amount)

    agree()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("minimum", "accepted"), [("0", True), ("0.5", True), ("0.4", False), ("-0.5", False)]
)
def test_a_minimum_can_be_zero(minimum: str, accepted: bool) -> None:
    first = Requirement.objects.order_by("pk").values("pk")[:1]
    rows = Requirement.objects.filter(pk__in=first)
    assert database_accepts(rows, minimum=Decimal(minimum)) is accepted


@given(st.integers(min_value=1, max_value=1999))
@settings(max_examples=100, deadline=None)
def test_every_number_of_halves_is_an_amount(number: int) -> None:
    CreditAmountField().clean(Decimal(number) / 2, None)


@pytest.mark.parametrize("amount", ["0", "-1", "0.1", "0.25", "1000", "NaN", "x"])
def test_other_amounts_are_rejected(amount: str) -> None:
    with pytest.raises(ValidationError):
        CreditAmountField().clean(amount, None)


def test_migrations_deconstruct_the_field_without_its_defaults() -> None:
    name, path, args, options = CreditAmountField(verbose_name="credits").deconstruct()
    assert (name, path, args) == (None, "aspen.halves.CreditAmountField", [])
    assert options == {"verbose_name": "credits"}
    again = CreditAmountField(**options)
    assert (again.max_digits, again.decimal_places, again.validators[0]) == (4, 1, validate_halves)


def test_the_constraint_has_the_same_message() -> None:
    assert in_halves(name="some_amount_in_halves").violation_error_message == NOT_IN_HALVES
