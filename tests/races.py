"""Doing one thing many times at the same moment."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

PATIENCE = 300  # seconds; only what hangs takes so long, however busy the machine
# `make drills` runs each race as often as it was thought of, `make test` a few times.
DRILLS = bool(os.environ.get("DRILLS"))


def rounds(number: int) -> range:
    """One turn for each round of a race that is run `number` times in a drill."""
    return range(number if DRILLS else min(number, 2))


def volume(number: int) -> int:
    """All of the rows of a test about many in a drill, a tenth of them otherwise."""
    return number if DRILLS else number // 10


def run_concurrently(number: int, action: Callable[[int], Any]) -> list[Any]:
    """Call `act(0)` … `act(number - 1)` in threads that start together; return what came of each.

    An exception is returned in place of a result.
    """
    barrier = threading.Barrier(number)
    results: list[Any] = [None] * number

    def run(index: int) -> None:
        try:
            barrier.wait(timeout=PATIENCE)
            results[index] = action(index)
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)
    return results


def wait_until_blocked() -> None:
    """Come back when another connection waits for a lock that this one holds."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
            time.sleep(0.05)
    raise AssertionError("nobody waits")
