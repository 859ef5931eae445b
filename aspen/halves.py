"""Credit amounts: multiples of .5, at least .5 (Montana State Library)."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Mod

HALF = Decimal("0.5")
NOT_IN_HALVES = "Enter credits in halves: 0.5, 1, 1.5 …"


def is_in_halves(amount: Decimal) -> bool:
    """Return whether `amount` is a positive multiple of .5 below 1000."""
    return HALF <= amount < 1000 and not amount % HALF


def validate_halves(amount: Decimal) -> None:
    """Raise ValidationError unless `amount` (credits) is a positive multiple of .5."""
    if not is_in_halves(amount):
        raise ValidationError(NOT_IN_HALVES, code="halves")


class CreditAmountField(models.DecimalField):
    """An amount of CE credits, in halves up to 999.5."""

    def __init__(self, **kwargs: object) -> None:
        options = {"max_digits": 4, "decimal_places": 1, "validators": [validate_halves]}
        super().__init__(**options | kwargs)  # type: ignore[arg-type]

    def deconstruct(self) -> tuple[str, str, list[object], dict[str, object]]:
        name, path, args, kwargs = super().deconstruct()
        for key in ("max_digits", "decimal_places", "validators"):
            kwargs.pop(key, None)
        return name, path, list(args), kwargs


def in_halves(
    *, name: str, field: str = "amount", smallest: Decimal = HALF
) -> models.CheckConstraint:
    """Return a check constraint for the same rule."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__gte": smallest}) & Q(models.lookups.Exact(Mod(field, HALF), 0)),
        name=name,
        violation_error_message=NOT_IN_HALVES,
    )
