"""Rows in the log: PostgreSQL puts a refused row, with its secrets, into the error's message."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from aspen.db.logged_errors import WithoutRows
from events.models import Event
from tests import factories as make

pytestmark = pytest.mark.django_db
PASSCODE = "jackrabbit 162"


@contextmanager
def refused_row() -> Iterator[IntegrityError]:
    """Break a check constraint of an event that has a passcode."""
    event = make.event(joining_url="https://meet.example/j/1", passcode=PASSCODE)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Event.objects.filter(pk=event.pk).update(state="nonsense")
    assert PASSCODE in str(refused.value)
    yield refused.value


def lines_of(error: BaseException) -> str:
    """Return what a handler with the filter writes about the error."""
    exc_info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("django", logging.ERROR, "", 0, "Server Error", None, exc_info)
    assert WithoutRows().filter(record)
    return logging.Formatter().format(record)


def test_all_handlers_cut_off_rows() -> None:
    assert WithoutRows is import_string(settings.LOGGING["filters"]["without_rows"]["()"])
    for handler in settings.LOGGING["handlers"].values():
        assert handler["filters"] == ["without_rows"]


def test_the_log_names_the_constraint_but_not_the_row() -> None:
    with refused_row() as error:
        lines = lines_of(error)
    assert "violates check constraint" in lines
    assert "IntegrityError" in lines
    assert PASSCODE not in lines
    assert "DETAIL" not in lines


def test_the_row_is_cut_off_the_causes_of_another_error_too() -> None:
    other = ValidationError("Try again.")
    with refused_row() as other.__context__:
        lines = lines_of(other)
    assert "IntegrityError" in lines
    assert PASSCODE not in lines


def test_records_without_an_error_are_logged() -> None:
    record = logging.LogRecord("aspen", logging.INFO, "", 0, "Sent 3 messages", None, None)
    assert WithoutRows().filter(record)
