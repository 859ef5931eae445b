"""Constraints for several models: clean text, fields that are set together, and multi-column
foreign keys.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Func, Q
from django.db.models.constraints import BaseConstraint


def both_or_neither(*fields: str, name: str, reason: str = "") -> models.CheckConstraint:
    """Require that `fields`, and the text field `reason` if given, are all set or all unset."""
    neither = Q(**dict.fromkeys(fields), **({reason: ""} if reason else {}))
    both = Q(**{f"{field}__isnull": False for field in fields})
    if reason:
        both &= ~Q(**{reason: ""})
    return models.CheckConstraint(condition=neither | both, name=name)


class _IsClean(Func):
    """A call of one of the functions that aspen/migrations/0002_clean_text.py creates."""

    template = "aspen_is_clean_%(kind)s(%(expressions)s)"
    output_field = models.BooleanField()


class CleanColumn(models.CheckConstraint):
    """Requires that a column has clean text (aspen/text.py) of a kind: line, text, email or
    web_address, or lines for an array.

    With `required`, it must have at least one visible character. Forms do not validate it, because
    saving a model cleans its text.
    """

    def __init__(self, *, field: str, kind: str, required: bool = False, name: str) -> None:
        condition = Q(_IsClean(field, kind=kind))
        super().__init__(
            condition=condition & ~Q(**{field: ""}) if required else condition, name=name
        )
        self.field, self.kind, self.required = field, kind, required

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing; model fields clean what is saved."""

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, args, kwargs = BaseConstraint.deconstruct(self)
        kwargs |= {"field": self.field, "kind": self.kind}
        return path, args, kwargs | ({"required": True} if self.required else {})


def clean_columns(
    table: str,
    *,
    lines: Iterable[str] = (),
    texts: Iterable[str] = (),
    emails: Iterable[str] = (),
    web_addresses: Iterable[str] = (),
    required: Iterable[str] = (),
) -> list[BaseConstraint]:
    """Return a constraint for each text column, named `<table>_<column>_clean`.

    `required` lists the columns that cannot be blank, unless another constraint says so.
    """
    kinds = {"line": lines, "text": texts, "email": emails, "web_address": web_addresses}
    return [
        CleanColumn(
            field=field, kind=kind, required=field in required, name=f"{table}_{field}_clean"
        )
        for kind, fields in kinds.items()
        for field in fields
    ]


class CompositeForeignKey(BaseConstraint):
    """A foreign key from several `fields` to the `to_fields` of a row of the model `to`.

    Django's own foreign keys have one column. With two, the database can ensure that related rows
    belong to the same person, such as a posting's credit and its participation.

    The other model needs a UniqueConstraint on `to_fields`. The database checks immediately, not at
    commit. Forms do not validate it, because a violation is a programming error.
    """

    def __init__(self, *, fields: list[str], to: str, to_fields: list[str], name: str) -> None:
        super().__init__(name=name)
        self.fields, self.to, self.to_fields = fields, to, to_fields

    def constraint_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Any:
        return self.create_sql(model, schema_editor)

    def create_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Any:
        """Run the statement at the end of the migration, when the target has its constraint."""
        assert model is not None
        assert schema_editor is not None
        target = model._meta.apps.get_model(self.to)
        quote = schema_editor.quote_name
        schema_editor.deferred_sql.append(
            f"ALTER TABLE {quote(model._meta.db_table)} ADD CONSTRAINT {quote(self.name)}"
            f" FOREIGN KEY ({_columns(model, self.fields, schema_editor)})"
            f" REFERENCES {quote(target._meta.db_table)}"
            f" ({_columns(target, self.to_fields, schema_editor)})"
        )

    def remove_sql(
        self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Any:
        assert model is not None
        assert schema_editor is not None
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} DROP CONSTRAINT {schema_editor.quote_name(self.name)}"

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing; the database checks this constraint."""

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        kwargs |= {"fields": self.fields, "to": self.to, "to_fields": self.to_fields}
        return path, args, kwargs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CompositeForeignKey):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)


def _columns(
    model: type[models.Model], fields: list[str], schema_editor: BaseDatabaseSchemaEditor
) -> str:
    columns = [model._meta.get_field(field).column for field in fields]  # type: ignore[union-attr]
    return ", ".join(schema_editor.quote_name(str(column)) for column in columns)
