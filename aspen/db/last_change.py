"""The last change to a row, from its history, so that it can be undone within a day."""

import dataclasses
import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils import timezone

from aspen.db.audit import history_model

UNDO_WINDOW = dt.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class LastChange:
    """The history entries before and after the last change to some of a row's fields."""

    before: Any
    after: Any

    @property
    def action(self) -> str:
        """The name of the audited action, or "" for a change without one."""
        return str((self.after.pgh_context or {}).get("act", ""))

    @property
    def by_id(self) -> int | None:
        """The id of the person who took the action, if any."""
        by: int | None = (self.after.pgh_context or {}).get("by")
        return by

    @property
    def action_id(self) -> UUID | None:
        """The id of this run of the action. All rows that it changed have it."""
        run: UUID | None = self.after.pgh_context_id
        return run

    @property
    def version(self) -> str:
        """A string that differs for each change."""
        return str(self.after.pgh_id)

    @property
    def is_recent(self) -> bool:
        """Whether the change was made within the last day."""
        return bool(timezone.now() < self.after.pgh_created_at + UNDO_WINDOW)

    def restore(self, row: Model, *names: str) -> None:
        """Set the row's fields, given as attribute names, to their values before the change.

        The caller saves the row.
        """
        for name in names:
            setattr(row, name, getattr(self.before, name))


def last_change(row: Model, *fields: str) -> LastChange | None:
    """Return the last change to any of the row's fields, or None. Takes one query."""
    return last_changes([row], *fields).get(row.pk)


def last_changes(rows: Iterable[Model], *fields: str) -> dict[int, LastChange]:
    """Return the last change to any of these fields, by primary key. Takes one query.

    The rows must be of one model. Rows that never changed since they were stored are left out.
    """
    rows = list(rows)
    if not rows:
        return {}
    history = history_model(type(rows[0])._meta.concrete_model or type(rows[0]))
    entries = history.objects.filter(pgh_obj__in=[row.pk for row in rows]).order_by("-pgh_id")
    newest: dict[int, Any] = {}
    changes: dict[int, LastChange] = {}
    for entry in entries:
        key = entry.pgh_obj_id
        after = newest.get(key)
        if key in changes:
            continue
        if after and any(getattr(after, name) != getattr(entry, name) for name in fields):
            changes[key] = LastChange(before=entry, after=after)
        newest[key] = entry
    return changes
