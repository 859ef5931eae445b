"""Pages to list, create, copy and edit events."""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.forms import BoundField
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from aspen.errors import Refused
from aspen.web import form_recovery
from aspen.web.edit_conflicts import kept_message, merge_edits, seen_values, with_conflicts
from aspen.web.paging import paginate
from aspen.web.request import AuthenticatedHttpRequest
from events import permissions, queries
from events.editing import actions
from events.editing.emails import Change
from events.editing.forms import (
    EventForm,
    ManagedEventsForm,
    NotifyForm,
    initial_values_of,
)
from events.editing.presentation import managed_event_row
from events.editing.step_views import email_notice, number_registered, take_step
from events.enums import EventState, EventStep
from events.models import Event
from events.permissions import get_editor, get_managed_event

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
    return take_step(request, event, step)


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
        title, registered = event.title, number_registered(event)
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
        registered=number_registered(event),
    )


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
        notice = email_notice(number)
    messages.success(request, f"“{event.title}” was saved.{notice}")
    return redirect("events:detail", event.pk)


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
