"""Pages to list, edit, propose, publish and cancel events."""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import BoundField
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.formats import counted
from aspen.web import form_recovery
from aspen.web.edit_conflicts import kept_message, merge_edits, seen_values, with_conflicts
from aspen.web.paging import paginate
from aspen.web.refusals import refusal_as_message
from aspen.web.request import AuthenticatedHttpRequest
from aspen.web.undo import success_with_undo, undo_url
from events import permissions, queries, rules
from events.editing import actions
from events.editing.emails import Change
from events.editing.forms import (
    CallOffForm,
    EventForm,
    ManagedEventsForm,
    NotifyForm,
    RestoreForm,
    ReturnProposalForm,
    initial_values_of,
)
from events.editing.presentation import event_preview, managed_event_row
from events.editing.undoing import can_undo, undo_step
from events.enums import EventState, EventStep
from events.models import Event
from events.permissions import get_editor, get_managed_event
from events.undoing import last_decision

PER_PAGE = 25
STATES_BY_TAB = {"drafts": EventState.DRAFT, "waiting": EventState.PENDING}


# ---------- The list ----------


@require_safe
def manage(request: AuthenticatedHttpRequest) -> HttpResponse:
    """List the events that the person manages, by state and time."""
    person = get_editor(request)
    form = ManagedEventsForm(request.GET)
    form.is_valid()
    find = form.cleaned_data.get("q", "")
    numbers = permissions.managed_counts(person)
    show = form.cleaned_data.get("show") or _default_tab(person, numbers)
    page = paginate(
        _filtered(permissions.managed_by(person), show, find),
        request,
        size=PER_PAGE,
        count=None if find else numbers[show],
    )
    labels = [
        ("waiting", "To publish" if permissions.may_publish(person) else "Waiting for staff"),
        ("drafts", "Drafts and returned"),
        ("coming", "Upcoming"),
        ("past", "Past"),
    ]
    context = {
        "tabs": [(name, label, numbers[name], name == show) for name, label in labels],
        "rows": [managed_event_row(event) for event in page],
        "page": page,
        "query": urlencode({"show": show} | ({"q": find} if find else {})) + "&",
        "show": show,
        "find": find,
        "has_organization": permissions.organizations_of(person).exists(),
    }
    return render(request, "events/manage/list.html", context)


def _default_tab(person: User, numbers: dict[str, int]) -> str:
    """Return the first tab to show: proposals for staff, drafts for editors.

    If that tab is empty, return the upcoming events.
    """
    first = "waiting" if permissions.may_publish(person) else "drafts"
    return first if numbers[first] else "coming"


def _filtered(events: QuerySet[Event], show: str, find: str) -> QuerySet[Event]:
    events = events.select_related("organization").defer("search", "description")
    for word in find.split():
        events = events.filter(title__icontains=word)
    if state := STATES_BY_TAB.get(show):
        return events.filter(state=state).order_by("submitted_at", "begins_at", "id")
    events = events.filter(state__in=[EventState.PUBLISHED, EventState.CANCELLED])
    events = queries.past(events) if show == "past" else queries.upcoming(events)
    return events.annotate(number=Count("registrations", filter=permissions.IS_CONFIRMED))


# ---------- The form ----------


class EventFormPage(NamedTuple):
    """The context of templates/events/manage/form.html."""

    heading: str
    form: EventForm
    parts: list[tuple[str, list[BoundField]]]
    publishes: bool
    is_draft: bool
    event: Event | None = None
    # The event that a new one is copied from.
    source: Event | None = None
    # The stored title. `event` has the one that was entered.
    title: str = ""
    tell: NotifyForm | None = None
    # The number of people registered or on the waitlist.
    registered: int = 0


def _form(
    request: AuthenticatedHttpRequest,
    event: Event,
    data: QueryDict | None = None,
    *,
    form_class: Any = EventForm,
    **options: Any,
) -> EventForm:
    publishes = permissions.may_publish(request.user)
    form: EventForm = form_class(
        data,
        instance=event,
        categories=queries.categories(),
        organizations=permissions.organizations_of(request.user),
        needs_organization=not publishes,
        fixed=event.state == EventState.PUBLISHED and bool(event.pk) and not publishes,
        **options,
    )
    return form


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Create an event: save it as a draft, send it to staff or, as staff, publish it."""
    person = get_editor(request)
    initial: dict[str, Any] = {"registration_mode": "portal", "type": "Continuing Education"}
    if not permissions.may_publish(person):
        own = permissions.organizations_of(person)[:2]
        if len(own) == 1:
            initial["organization"] = own[0]
    return _new_event(
        request,
        initial,
        lambda edited: actions.create_event(edited=edited, by=person),
        heading="New event",
    )


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def copy(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Create a copy of an event, with everything except the dates and recording filled in."""
    person, source = get_editor(request), get_managed_event(request, pk)
    initial = {name: getattr(source, name) for name in EventForm.Meta.fields}
    initial |= {"organization": source.organization_id} | initial_values_of(source)
    for name in [each for each in initial if each.startswith("recording_") or each in _DATES]:
        initial.pop(name)
    return _new_event(
        request,
        initial,
        lambda edited: actions.copy_event(source_id=source.pk, edited=edited, by=person),
        heading="Copy an event",
        source=source,
    )


_DATES = {"begins_at", "ends_at", "registration_opens_at", "registration_closes_at"}


def _new_event(
    request: AuthenticatedHttpRequest,
    initial: dict[str, Any],
    store: Callable[[actions.EditedEvent], Event],
    **context: Any,
) -> HttpResponse:
    """Show the form for a new event, or store the event."""
    initial |= form_recovery.recovered_form(request) or {}
    data = request.POST if request.method == "POST" else None
    form = _form(request, Event(state=EventState.DRAFT), data, initial=initial)
    if request.method == "POST" and form.is_valid():
        event = _run_action(form, lambda: store(form.edited()))
        if event is not None:
            return _after_saving(request, event)
    return _form_page(request, form, **context)


def _run_action(form: EventForm, action: Any) -> Any:
    """Return the action's result. If it is refused, show why in the form and return None."""
    try:
        return action()
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except ValidationError as error:
        form.add_error(None, error.messages)
    return None


def _after_saving(request: AuthenticatedHttpRequest, event: Event) -> HttpResponse:
    """After saving, apply the step for the button that was pressed."""
    steps = {"submit": EventStep.SUBMIT, "publish": EventStep.PUBLISH}
    step = next((step for name, step in steps.items() if name in request.POST), None)
    if step is None:
        messages.success(request, f"“{event.title}” was saved as a draft. It is not public yet.")
        return redirect("events:preview", event.pk)
    return _take_step(request, event, step)


def _take_step(
    request: AuthenticatedHttpRequest,
    event: Event,
    step: EventStep,
    *,
    notice: str = "",
    **options: Any,
) -> HttpResponse:
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


# "Withdraw" undoes "Send to staff", and canceling an event asks first.
_UNDONE_FROM_MESSAGE = {
    EventStep.TAKE_BACK,
    EventStep.PUBLISH,
    EventStep.RETURN,
    EventStep.DISCARD,
}
_PUBLIC_STEPS = {EventStep.PUBLISH, EventStep.CALL_OFF, EventStep.RESTORE}


@form_recovery.recover_after_sign_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Edit an event and optionally notify people who registered."""
    get_editor(request)
    if request.method == "POST":
        return _save_changes(request, pk)
    event = get_managed_event(request, pk)
    # A recovered form is bound, so that boxes that were not checked stay so.
    typed = form_recovery.recovered_data(request)
    form = _form(request, event, typed) if typed else _opened_form(request, event)
    return _edit_page(request, form, event, event.title, NotifyForm())


def _opened_form(request: AuthenticatedHttpRequest, event: Event) -> EventForm:
    """Return the form that shows the stored event."""
    form = _form(request, event, initial=initial_values_of(event))
    form.initial["seen"] = seen_values(form, facts=_facts(event))
    return form


def _facts(event: Event) -> dict[str, str]:
    return {"status": event.state_label.text}


def _save_changes(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Store what the form changed. What a colleague changed since it was opened stays."""
    changes: list[Change] | None = None
    tell = NotifyForm(request.POST)
    with actions.locked_for_editing(event_id=pk):
        event = get_managed_event(request, pk)
        title, registered = event.title, _number_registered(event)
        merged = merge_edits(request.POST, _opened_form(request, event), facts=_facts(event))
        form_class = with_conflicts(EventForm, merged.conflicts)
        form = _form(request, event, merged.data, form_class=form_class)
        if form.is_valid() and tell.is_valid():
            changes = _run_action(
                form, lambda: actions.change_event(edited=form.edited(), by=request.user)
            )
    if changes is None:
        return _edit_page(request, form, event, title, tell)
    if merged.kept:
        messages.info(request, kept_message(merged.kept))
    return _changed(request, event, changes, tell.cleaned_data, registered)


def _edit_page(
    request: AuthenticatedHttpRequest, form: EventForm, event: Event, title: str, tell: NotifyForm
) -> HttpResponse:
    return _form_page(
        request,
        form,
        heading="Edit event",
        event=event,
        title=title,
        tell=tell,
        registered=_number_registered(event),
    )


def _number_registered(event: Event) -> int:
    """Return the number of people to notify of a change."""
    if event.state != EventState.PUBLISHED:
        return 0
    return event.registrations.filter(permissions.NOT_CANCELLED).count()


def _changed(
    request: AuthenticatedHttpRequest,
    event: Event,
    changes: list[Change],
    choice: dict[str, Any],
    registered: int,
) -> HttpResponse:
    if event.state in (EventState.DRAFT, EventState.PENDING):
        if "submit" in request.POST or "publish" in request.POST:
            return _after_saving(request, event)
        messages.success(request, f"“{event.title}” was saved.")
        return redirect("events:preview", event.pk)
    notice = ""
    if registered and choice["tell"] and (changes or choice["note"]):
        number = actions.announce_changes(
            event_id=event.pk, changes=changes, note=choice["note"], by=request.user
        )
        notice = _email_notice(number)
    messages.success(request, f"“{event.title}” was saved.{notice}")
    return redirect("events:detail", event.pk)


def _email_notice(number: int) -> str:
    return f" {counted(number, 'person', 'people')} will get an e-mail."


def _form_page(request: AuthenticatedHttpRequest, form: EventForm, **context: Any) -> HttpResponse:
    event = context.get("event")
    is_draft = event is None or event.state in (EventState.DRAFT, EventState.PENDING)
    page = EventFormPage(
        form=form,
        parts=form.parts(),
        publishes=permissions.may_publish(request.user),
        is_draft=is_draft,
        **context,
    )
    return render(request, "events/manage/form.html", page._asdict())


# ---------- Steps ----------


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
            return _take_step(request, event, step, whole_series=whole_series)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            return _take_step(request, event, step, reason=reason, whole_series=whole_series)
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
    registered = _number_registered(event)
    is_over, publishes = rules.is_over(event), permissions.may_publish(request.user)
    if request.method == "POST" and form.is_valid():
        return _take_step(
            request,
            event,
            EventStep.CALL_OFF,
            reason=form.cleaned_data["reason"],
            tell=form.cleaned_data["tell"],
            notice=_email_notice(registered) if registered and form.cleaned_data["tell"] else "",
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
        return _take_step(
            request,
            event,
            EventStep.RESTORE,
            reason=form.cleaned_data["note"],
            tell=tell,
            notice=_email_notice(registered) if registered and tell else "",
        )
    context = {
        "event": event,
        "form": form,
        "registered": registered,
        "can_restore": event.state == EventState.CANCELLED,
    }
    return render(request, "events/manage/restore.html", context)
