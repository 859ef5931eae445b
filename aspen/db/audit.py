"""The history tables (docs/adr/0007), and the actions whose names they record."""

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import pghistory
from django.db import transaction
from django.db.models import Model


def history_model(model: type[Model]) -> Any:
    """The model of a model's history: its columns, and pgh_obj, pgh_label, pgh_created_at,
    pgh_context (person and action) of each entry; later entries have a greater pgh_id."""
    [history] = pghistory.core.event_models(tracks_model=model)
    return history


Params = ParamSpec("Params")
Result = TypeVar("Result")
_thread = threading.local()


def audited(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Run the function in a transaction and record its name and `by` in the history of its changes.

    For nested actions the history names the outermost one and its person.
    """
    name = f"{function.__module__.partition('.')[0]}.{function.__name__.lstrip('_')}"

    @functools.wraps(function)
    def wrapper(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        if getattr(_thread, "is_acting", False):
            with transaction.atomic():
                return function(*args, **kwargs)
        _thread.is_acting = True
        try:
            by = getattr(kwargs.get("by"), "pk", None)
            with pghistory.context(act=name, by=by), transaction.atomic():
                return function(*args, **kwargs)
        finally:
            _thread.is_acting = False

    return wrapper


def add_audit_context(**facts: object) -> None:
    """Add facts (ticket=1042, say) to the history of later changes in the current action."""
    pghistory.context(**facts)


Outcome = TypeVar("Outcome")


def dry_run(act: Callable[[], Outcome]) -> Outcome:
    """Run an action, roll back everything it wrote, and return its outcome.

    Holds the action's locks meanwhile. On-commit hooks are dropped and queued e-mails rolled back.
    Rows in the outcome must not be saved. Raises what the action raises.
    """
    with transaction.atomic(), transaction.atomic():
        outcome = act()
        transaction.set_rollback(True)
    return outcome
