"""No page may take long, however patient a test is."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

MOST_SECONDS = 3.0


class TooSlow(AssertionError):
    """A page was more work to the server than anybody would wait for."""


def limit_work(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """Fail a request that keeps its thread busy for longer than MOST_SECONDS.

    What else the machine has to do does not count.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        started = time.thread_time()
        response = get_response(request)
        worked = time.thread_time() - started
        if worked > MOST_SECONDS:
            raise TooSlow(f"{request.method} {request.path} took {worked:.1f} s of work")
        return response

    return answer
