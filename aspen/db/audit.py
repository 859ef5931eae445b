"""The history tables (docs/adr/0007): which one belongs to a model, and how they begin."""

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import pghistory
from django.db import transaction
from django.db.models import Model


def history_model(model: type[Model]) -> Any:
    """The model of a model's history: its columns, and pgh_obj, pgh_label, pgh_created_at,
    pgh_context (who and in which act) of each entry; later entries have greater pgh_id."""
    [found] = pghistory.core.event_models(tracks_model=model)
    return found


Params = ParamSpec("Params")
Result = TypeVar("Result")
_thread = threading.local()


def audited(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Run the function in a transaction, and name its `by` in the history of what it changes.

    An act inside another belongs to it: the history names the outermost one and its person.
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
    """Add facts to the history of what the present act changes from here on: ticket=1042, say."""
    pghistory.context(**facts)


Outcome = TypeVar("Outcome")


def dry_run(act: Callable[[], Outcome]) -> Outcome:
    """Run an act, take back everything it wrote, and return its outcome.

    Locks are held for as long as that takes. What was promised for the commit, such as waking who
    delivers mail, is forgotten with it; the promised mail is a row like any other. Rows in the
    outcome are as they would have been, so nobody may save them. Raises what the act raises.
    """
    with transaction.atomic(), transaction.atomic():
        outcome = act()
        transaction.set_rollback(True)
    return outcome
