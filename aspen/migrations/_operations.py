"""Migration operations that render the models once.

Django's own render every related model again for each operation; with these a fresh database is
ready in a tenth of the time. Migrations depend on this file: add to it, but change nothing in it.
"""

import re
from typing import Any

import pghistory.utils
import pgtrigger.migrations
from django.db import IntegrityError, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Q

from aspen import text
from aspen.db.constraints import CleanColumn

# The first columns of every history table.
HISTORY_FIELDS: list[tuple[str, models.Field]] = [
    ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
    ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
    ("pgh_label", models.TextField(help_text="The event label.")),
    ("pgh_context", pghistory.utils.JSONField(null=True)),
    ("pgh_context_id", models.UUIDField(null=True)),
]


class CreateModels(Operation):
    """Create several models, in any order: foreign keys are added after all tables."""

    def __init__(self, operations: list[CreateModel]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # Otherwise Django renders them after each model.
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return "Create models " + ", ".join(operation.name for operation in self.operations)


class AddTrigger(pgtrigger.migrations.AddTrigger):
    """Add a trigger without rendering models again: it changes none of their columns."""

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        options = state.models[app_label, self.model_name].options
        options["triggers"] = [*options.get("triggers", []), self.trigger]


class AddCleanColumns(Operation):
    """Clean a table's text, and add the constraints that keep it clean.

    A text without visible characters becomes “(blank)”. An address that cannot be used, or that
    belongs to another row after cleaning, becomes `unusable-<id>@address.invalid`. Each of these is
    printed.
    """

    def __init__(self, model_name: str, constraints: list[CleanColumn]) -> None:
        self.model_name, self.constraints = model_name, constraints

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        options = state.models[app_label, self.model_name].options
        options["constraints"] = [*options.get("constraints", []), *self.constraints]

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        clean_rows(schema_editor.connection, model, self.constraints)
        for constraint in self.constraints:
            schema_editor.add_constraint(model, constraint)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        for constraint in self.constraints:
            schema_editor.remove_constraint(model, constraint)

    def describe(self) -> str:
        return f"Clean the text of {self.model_name}"


def clean_rows(
    connection: BaseDatabaseWrapper, model: type[models.Model], constraints: list[CleanColumn]
) -> None:
    """Clean the rows that violate the constraints. Triggers that freeze rows are suspended."""
    violations = Q()
    for constraint in constraints:
        violations |= ~constraint.condition
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pgtrigger.ignore', array_agg(tgname)::text, true) FROM pg_trigger"
            " WHERE tgrelid = %s::regclass AND tgname LIKE '%%\\_frozen\\_%%'",
            [model._meta.db_table],
        )
    columns = {each.field: each for each in constraints}
    for row in model._default_manager.filter(violations).order_by("pk").values("pk", *columns):
        pk = row.pop("pk")
        cleaned = {name: _clean(columns[name], pk, value) for name, value in row.items()}
        try:
            with transaction.atomic(connection.alias):
                model._default_manager.filter(pk=pk).update(**cleaned)
        except IntegrityError:
            # Another row has the same address or, in a table without addresses, the same name.
            kinds = {each.kind: each.field for each in reversed(constraints)}
            name = kinds.get("email") or kinds["line"]
            cleaned[name] = _renamed(columns[name], pk, cleaned[name])
            model._default_manager.filter(pk=pk).update(**cleaned)
    connection.check_constraints()  # pending deferred checks would block ALTER TABLE
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")


def _clean(constraint: CleanColumn, pk: Any, value: Any) -> Any:
    if constraint.kind == "lines":
        return [line for line in map(text.clean_line, value) if line]
    if constraint.kind == "email":
        cleaned = text.clean_email(value)
        return cleaned if cleaned.isascii() else _renamed(constraint, pk, cleaned)
    if constraint.kind == "web_address":
        cleaned = re.sub("^(https?:)//[^/?#]*@", r"\1//", text.clean_web_address(value))
        return cleaned if re.match(r"https?://[^ /?#@\\]+(?:[/?#][^ ]*)?$", cleaned) else ""
    cleaned = (text.clean_line if constraint.kind == "line" else text.clean_text)(value)
    return cleaned if cleaned or not (value or constraint.required) else "(blank)"


def _renamed(constraint: CleanColumn, pk: Any, value: Any) -> Any:
    """Return a value that no other row has, and print it."""
    # The shortest of these columns, the name of a federation, has 60 characters.
    short = value if len(value) < 45 else f"{value[:44]}…"
    new = f"unusable-{pk}@address.invalid" if constraint.kind == "email" else f"{short} ({pk})"
    print(f"\n    {constraint.name}: “{value}” is now “{new}”")
    return new
