"""What makes a function an act of somebody: one transaction, and a history that knows who.

Triggers (django-pghistory) write every change of claims, credits, events, participations, tickets
and roles into append-only tables, whoever made it and however. The database cannot know the person;
an act tells it, in settings of its own transaction.
"""

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pghistory
from django.db import transaction

Params = ParamSpec("Params")
Result = TypeVar("Result")
_thread = threading.local()


def act(function: Callable[Params, Result]) -> Callable[Params, Result]:
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


def note(**facts: object) -> None:
    """Add facts to the history of what the present act changes from here on: ticket=1042, say."""
    pghistory.context(**facts)
