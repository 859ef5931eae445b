"""Pages for an event's steps: preview, undo, cancel and restore."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from aspen.errors import Refused
from aspen.formats import counted
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo, undo_url
from events import permissions, rules
from events.editing import actions
from events.editing.forms import (
    CallOffForm,
    RestoreForm,
    ReturnProposalForm,
)
from events.editing.presentation import event_preview
from events.editing.undoing import can_undo, undo_step
from events.enums import EventState, EventStep
from events.models import Event
from events.permissions import get_editor, get_managed_event
from events.undoing import last_decision

# "Withdraw" undoes "Send to staff", and canceling an event asks first.
_UNDONE_FROM_MESSAGE = {
    EventStep.TAKE_BACK,
    EventStep.PUBLISH,
    EventStep.RETURN,
    EventStep.DISCARD,
}
_PUBLIC_STEPS = {EventStep.PUBLISH, EventStep.CALL_OFF, EventStep.RESTORE}


def take_step(
    request: AuthenticatedHttpRequest,
    event: Event,
    step: EventStep,
    *,
    notice: str = "",
    **options: Any,
) -> HttpResponse:
    """Take an event's step, say so with Undo if that is possible, and open the next page."""
    try:
        taken = actions.take_step(event_id=event.pk, step=step, by=request.user, **options)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("events:preview", event.pk)
    what = f"“{event.title}” was" if len(taken) == 1 else f"{len(taken)} dates were"
    done = {
        EventStep.SUBMIT: "sent to staff. We will e-mail you their decision",
        EventStep.TAKE_BACK: "withdrawn and can be changed",
        EventStep.PUBLISH: "published",
        EventStep.RETURN: "returned to the author",
        EventStep.DISCARD: "discarded",
        EventStep.CALL_OFF: "canceled",
        EventStep.RESTORE: "put back on the calendar",
    }[step]
    text = f"{what} {done}.{notice}"
    if step in _UNDONE_FROM_MESSAGE:
        change = last_decision(event)
        url = reverse("events:undo", args=[event.pk])
        success_with_undo(request, text, url, seen=change.version if change else "")
    else:
        messages.success(request, text)
    if step in (EventStep.DISCARD, EventStep.RETURN):
        return redirect("events:manage")
    return redirect("events:detail" if step in _PUBLIC_STEPS else "events:preview", event.pk)


def number_registered(event: Event) -> int:
    """Return the number of people to notify of a change."""
    if event.state != EventState.PUBLISHED:
        return 0
    return event.registrations.filter(permissions.NOT_CANCELLED).count()


def email_notice(number: int) -> str:
    """Return a sentence, with a space before it, about the people who will get an e-mail."""
    return f" {counted(number, 'person', 'people')} will get an e-mail."


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Preview a draft or proposal, with the available steps."""
    person, event = get_editor(request), get_managed_event(request, pk)
    typed = form_recovery.recovered_form(request)
    form = ReturnProposalForm(request.POST if "return" in request.POST else None, initial=typed)
    if request.method == "POST":
        step = _pressed(request)
        if step is None:
            return redirect("events:preview", event.pk)
        whole_series = "series" in request.POST
        if step != EventStep.RETURN:
            return take_step(request, event, step, whole_series=whole_series)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            return take_step(request, event, step, reason=reason, whole_series=whole_series)
    if event.state in (EventState.PUBLISHED, EventState.CANCELLED):
        return redirect("events:detail", event.pk)
    page = event_preview(event, publishes=permissions.may_publish(person))
    change = last_decision(event)
    undo_step_url = ""
    if change and can_undo(event, change, by=person):
        undo_step_url = undo_url(reverse("events:undo", args=[event.pk]), seen=change.version)
    context = page._asdict() | {"form": form, "undo_url": undo_step_url}
    return render(request, "events/manage/preview.html", context)


def undo(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Undo the last step. A GET, as after sign-in, redirects to the event."""
    get_editor(request)
    event = get_managed_event(request, pk)
    if request.method == "POST":
        with refusal_as_message(request):
            seen = request.GET.get("seen", "")
            undone = undo_step(event_id=event.pk, seen=seen, by=request.user)
            event = next(each for each in undone if each.pk == event.pk)
            what = f"“{event.title}” is" if len(undone) == 1 else f"{len(undone)} dates are"
            messages.success(request, f"Undone. {what} now {rules.state_for_editors(event)}.")
    return redirect("events:preview", event.pk)  # which redirects to a public event's page


def _pressed(request: AuthenticatedHttpRequest) -> EventStep | None:
    names = {
        "submit": EventStep.SUBMIT,
        "take_back": EventStep.TAKE_BACK,
        "publish": EventStep.PUBLISH,
        "return": EventStep.RETURN,
        "discard": EventStep.DISCARD,
    }
    return next((step for name, step in names.items() if name in request.POST), None)


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def call_off(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Ask for a reason and cancel an event."""
    event = get_managed_event(request, pk)
    typed = form_recovery.recovered_form(request)
    form = CallOffForm(request.POST if request.method == "POST" else None, initial=typed)
    registered = number_registered(event)
    is_over, publishes = rules.is_over(event), permissions.may_publish(request.user)
    if request.method == "POST" and form.is_valid():
        return take_step(
            request,
            event,
            EventStep.CALL_OFF,
            reason=form.cleaned_data["reason"],
            tell=form.cleaned_data["tell"],
            notice=email_notice(registered) if registered and form.cleaned_data["tell"] else "",
        )
    context = {
        "event": event,
        "form": form,
        "registered": registered,
        "is_over": is_over,
        "can_cancel": event.state == EventState.PUBLISHED and (publishes or not is_over),
    }
    return render(request, "events/manage/call_off.html", context)


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def restore(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Put a canceled event back on the calendar. Only staff can."""
    event = get_managed_event(request, pk)
    if not permissions.may_publish(request.user):
        raise Http404
    typed = form_recovery.recovered_form(request)
    form = RestoreForm(request.POST if request.method == "POST" else None, initial=typed)
    registered = event.registrations.filter(permissions.NOT_CANCELLED).count()
    if request.method == "POST" and form.is_valid():
        tell = form.cleaned_data["tell"]
        return take_step(
            request,
            event,
            EventStep.RESTORE,
            reason=form.cleaned_data["note"],
            tell=tell,
            notice=email_notice(registered) if registered and tell else "",
        )
    context = {
        "event": event,
        "form": form,
        "registered": registered,
        "can_restore": event.state == EventState.CANCELLED,
    }
    return render(request, "events/manage/restore.html", context)
