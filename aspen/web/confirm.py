"""Ask before an action that cannot be undone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

CONFIRMED = "confirmed"


def is_confirmed(request: HttpRequest) -> bool:
    """Return whether the person pressed the button on the page that asked first."""
    return CONFIRMED in request.POST


def ask_first(
    request: HttpRequest, *, question: str, consequence: str, button: str, back: str
) -> HttpResponse:
    """Ask the question on a page of its own. Its button sends the same form again, confirmed.

    `consequence` says what cannot be undone. `back` is the URL of the page to return to.
    """
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
    context = {
        "question": question,
        "consequence": consequence,
        "button": button,
        "back": back,
        "fields": fields,
        "confirmed": CONFIRMED,
    }
    return render(request, "confirm.html", context)
