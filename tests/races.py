"""Run actions concurrently in several threads."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

TIMEOUT = 300  # seconds; only a deadlock takes this long, even on a busy machine
# `make races` runs each race the full number of times; `make test` runs it twice at most.
EVERY_ROUND = bool(os.environ.get("RACES"))


def rounds(number: int) -> range:
    """Return the rounds of a race: `number` in `make races`, otherwise at most two."""
    return range(number if EVERY_ROUND else min(number, 2))


def volume(number: int) -> int:
    """Return the number of rows that a test uses: `number` in `make races`, otherwise a tenth."""
    return number if EVERY_ROUND else number // 10


def run_concurrently(number: int, action: Callable[[int], Any]) -> list[Any]:
    """Call `action(0)` … `action(number - 1)` in threads that start together.

    Return the results. If an action raises an exception, its result is the exception.
    """
    barrier = threading.Barrier(number)
    results: list[Any] = [None] * number

    def run(index: int) -> None:
        try:
            barrier.wait(timeout=TIMEOUT)
            results[index] = action(index)
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=TIMEOUT)
    return results


def wait_until_blocked() -> None:
    """Wait until another connection is waiting for a lock that this one holds."""
    deadline = time.monotonic() + TIMEOUT
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.05)
    raise AssertionError("no connection is waiting for a lock")
