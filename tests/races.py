"""Doing one thing many times at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

PATIENCE = 300  # seconds; only what hangs takes so long, however busy the machine


def at_once(number: int, act: Callable[[int], Any]) -> list[Any]:
    """Call `act(0)` … `act(number - 1)` in threads that start together; return what came of each.

    An exception is returned in place of a result.
    """
    barrier = threading.Barrier(number)
    results: list[Any] = [None] * number

    def run(index: int) -> None:
        try:
            barrier.wait(timeout=PATIENCE)
            results[index] = act(index)
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
