"""What the log says of database errors: which rule a row breaks, but not the row.

PostgreSQL adds the whole row to the error of a check constraint. An event's row has the passcode of
its online meeting, and a person's row the hash of their password.
"""

import logging
from collections.abc import Iterator

import psycopg
from django import db

# Starts the second line of an error. The row, or the values of a key, follow it.
DETAIL = "\nDETAIL:"


class WithoutRows(logging.Filter):
    """Cut the rows off the database errors of each log record. It lets all records through."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        for each in _with_causes(error):
            if isinstance(each, db.Error | psycopg.Error):
                each.args = tuple(_without_row(argument) for argument in each.args)
        return True


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and all those that a traceback shows with it."""
    seen: list[BaseException] = []
    left = [error]
    while left:
        each = left.pop()
        if each is not None and each not in seen:
            seen.append(each)
            yield each
            left += [each.__cause__, each.__context__]


def _without_row(argument: object) -> object:
    return argument.partition(DETAIL)[0] if isinstance(argument, str) else argument
