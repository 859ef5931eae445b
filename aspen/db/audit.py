"""The history tables (docs/adr/0007), and the actions whose names are recorded in them."""

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import pghistory
from django.db import OperationalError, connection, transaction
from django.db.models import Model
from psycopg.errors import DeadlockDetected, SerializationFailure


def history_model(model: type[Model]) -> Any:
    """Return a model's history model.

    It has the model's columns, and pgh_obj, pgh_label, pgh_created_at and pgh_context (person and
    action) for each entry. Later entries have a greater pgh_id.
    """
    [history] = pghistory.core.event_models(tracks_model=model)
    return history


Params = ParamSpec("Params")
Result = TypeVar("Result")
_thread = threading.local()
CONFLICTS = (DeadlockDetected, SerializationFailure)


def audited(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Run the function in a transaction and record its name and `by` in the history of its changes.

    Nested actions are recorded under the outermost action and its person. If PostgreSQL ends the
    outermost one because of a deadlock or a serialization failure, it runs once more.
    """
    app = function.__module__.partition(".")[0]
    return audited_as(f"{app}.{function.__name__.lstrip('_')}")(function)


def audited_as(
    name: str,
) -> Callable[[Callable[Params, Result]], Callable[Params, Result]]:
    """Do the same as `audited` for a renamed function, but record its earlier `name`."""

    def decorate(function: Callable[Params, Result]) -> Callable[Params, Result]:
        @functools.wraps(function)
        def wrapper(*args: Params.args, **kwargs: Params.kwargs) -> Result:
            if getattr(_thread, "is_acting", False):
                with transaction.atomic():
                    return function(*args, **kwargs)

            def act() -> Result:
                by = getattr(kwargs.get("by"), "pk", None)
                with pghistory.context(act=name, by=by), transaction.atomic():
                    return function(*args, **kwargs)

            _thread.is_acting = True
            try:
                return _try_twice(act)
            finally:
                _thread.is_acting = False

        return wrapper

    return decorate


def _try_twice(act: Callable[[], Result]) -> Result:
    """Call `act`, and call it again if its transaction was in conflict with another one.

    Inside a transaction of the caller, the conflict has ended that one too, so there is no retry.
    """
    try:
        return act()
    except OperationalError as error:
        if connection.in_atomic_block or not isinstance(error.__cause__, CONFLICTS):
            raise
    return act()


def add_audit_context(**details: object) -> None:
    """Add details, such as ticket=1042, to the history of later changes in the current action."""
    pghistory.context(**details)


Outcome = TypeVar("Outcome")


def dry_run(action: Callable[[], Outcome]) -> Outcome:
    """Run an action, roll back everything it wrote, and return its outcome.

    Takes the action's locks and raises its exceptions, but runs no on-commit hooks and queues no
    e-mails. Do not save rows from the outcome.
    """
    with transaction.atomic(), transaction.atomic():
        outcome = action()
        transaction.set_rollback(True)
    return outcome
