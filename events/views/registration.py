"""Registering, for people who signed in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from aspen.errors import Refused
from aspen.http import person_of
from events import actions, queries
from events.models import Event


def register(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a place. Who comes back from signing in arrives by GET and sees the event again."""
    person = person_of(request)
    event = get_object_or_404(queries.visible_to(person), pk=pk)
    if request.method == "POST":
        try:
            actions.register(event_id=event.pk, by=person)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _registered(event))
    # Not get_absolute_url(): the event may be called "Register", and that leads here.
    return redirect("events:detail", event.pk)


def _registered(event: Event) -> str:
    if not event.offers.exists():
        return "You are registered."
    return "You are registered. When the event is over, your credit is listed by itself."


def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the place back."""
    person = person_of(request)
    event = get_object_or_404(queries.visible_to(person), pk=pk)
    if request.method == "POST":
        try:
            actions.cancel_registration(event_id=event.pk, by=person)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "Your registration is cancelled; your place is free again.")
    return redirect("events:detail", event.pk)
