"""An action runs once more if PostgreSQL ends it because of a conflict with another one."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from psycopg import errors

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from tests import factories as make
from tests.races import TIMEOUT, run_concurrently


class Attempts:
    """An action that locks two people one after the other."""

    def __init__(self, people: list[User]) -> None:
        self.people = people
        self.first_locks = threading.Barrier(2)
        self.calls = 0

    @audited
    def lock_both(self, index: int) -> str:
        """Lock in opposite orders, which the first time ends in a deadlock."""
        self.calls += 1
        first, second = self.people if index == 0 else self.people[::-1]
        lock_people([first.pk])
        if self.calls <= 2:
            self.first_locks.wait(timeout=TIMEOUT)
        lock_people([second.pk])
        return "done"


@pytest.mark.django_db(transaction=True)
def test_both_sides_of_a_deadlock_succeed() -> None:
    attempts = Attempts([make.person(), make.person()])
    assert run_concurrently(2, attempts.lock_both) == ["done", "done"]
    assert attempts.calls == 3


def failing(error: type[Exception], *, times: int) -> tuple[Callable[[], Any], list[int]]:
    """Return an action that fails as often as this, and the list of its attempts."""
    attempts: list[int] = []

    @audited
    def act() -> str:
        attempts.append(len(attempts) + 1)
        if len(attempts) <= times:
            raise OperationalError(str(error)) from error()
        return "done"

    return act, attempts


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [errors.DeadlockDetected, errors.SerializationFailure])
def test_a_conflict_is_tried_once_more(error: type[Exception]) -> None:
    act, attempts = failing(error, times=1)
    assert act() == "done"
    assert attempts == [1, 2]

    act, attempts = failing(error, times=2)
    with pytest.raises(OperationalError):
        act()
    assert attempts == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_another_failure_is_not_tried_again() -> None:
    act, attempts = failing(errors.AdminShutdown, times=1)
    with pytest.raises(OperationalError):
        act()
    assert attempts == [1]


@pytest.mark.django_db(transaction=True)
def test_there_is_no_second_attempt_inside_a_transaction_of_the_caller() -> None:
    act, attempts = failing(errors.DeadlockDetected, times=1)
    with pytest.raises(OperationalError), transaction.atomic():
        act()
    assert attempts == [1]
    assert not connection.in_atomic_block
