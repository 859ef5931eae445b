"""Migration operations that render the models once.

Django's own render every related model again for each operation; with these a fresh database is
ready in a tenth of the time. Migrations depend on this file: add to it, but change nothing in it.
"""

import pghistory.utils
import pgtrigger.migrations
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

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
