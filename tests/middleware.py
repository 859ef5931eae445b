"""A limit on the processor time of each request."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

MAX_SECONDS = 3.0


class TooSlow(AssertionError):
    """Raised if a request takes too much processor time."""


def limit_processor_time(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """Raise TooSlow if a request takes more than MAX_SECONDS of processor time."""

    def respond(request: HttpRequest) -> HttpResponse:
        started = time.thread_time()
        response = get_response(request)
        seconds = time.thread_time() - started
        if seconds > MAX_SECONDS:
            raise TooSlow(f"{request.method} {request.path} took {seconds:.1f} s of work")
        return response

    return respond
