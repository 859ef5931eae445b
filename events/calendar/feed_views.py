"""The calendar for other programs and sites: iCalendar, Atom and an embeddable list."""

import datetime as dt
import hashlib
from typing import NamedTuple

from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.forms import BoundField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.html import format_html
from django.utils.http import quote_etag
from django.utils.safestring import SafeString
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from events import queries
from events.calendar import feeds, presentation, search
from events.calendar.facts import facts_about
from events.calendar.feed_forms import FeedForm
from events.calendar.page_cache import cached_until_changed
from events.calendar.presentation import ROW_FIELDS
from events.calendar.search import Filters
from events.enums import Delivery, KeyPurpose
from events.models import Event, PersonalKey

MAX_FEED_EVENTS = 3000
MAX_ATOM_ENTRIES = 100
DAYS_BACK = 90
PERSONAL_DAYS_BACK = 366
FEED_NAME = "Montana library events"
PERSONAL_FEED_NAME = "My library events"
EMBED_SNIPPET = (
    '<iframe src="{}" title="Library events and training" width="100%" height="600" loading="lazy">'
    "</iframe>"
)


# ---------- iCalendar ----------


@login_not_required
@require_safe
def event_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Serve one event as an iCalendar file."""
    event = get_object_or_404(queries.on_calendar().only(*feeds.FEED_FIELDS), pk=pk)
    content = feeds.build_event_calendar(event, address=_address(request))
    return _calendar(content, f"event-{event.pk}.ics")


@login_not_required
@require_safe
@cached_until_changed
def calendar_file(request: HttpRequest) -> HttpResponse:
    """Serve a filtered calendar to subscribe to. Canceled events are marked as canceled.

    It has at most 3,000 events and starts 90 days ago unless the filters set dates.
    """
    form = _form(request)
    choice = form.choice()
    events = _since(search.filtered_calendar(choice), choice).order_by("begins_at", "id")
    shown = events.only(*feeds.FEED_FIELDS)[:MAX_FEED_EVENTS]
    content = feeds.build_calendar(shown, name=_name(form), address=_address(request))
    return _calendar(content, "aspen-events.ics")


@login_not_required
@require_safe
def personal_file(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the key owner's registrations and starred sessions of a year as an iCalendar file."""
    keys = PersonalKey.objects.filter(
        purpose=KeyPurpose.FEED, revoked_at=None, person__is_active=True
    )
    key = keys.filter(token=token).order_by("pk").select_related("person").first()
    if key is None:
        raise Http404
    since = timezone.now() - dt.timedelta(days=PERSONAL_DAYS_BACK)
    registrations = queries.feed_registrations(key.person, since=since)[:MAX_FEED_EVENTS]
    content = feeds.build_personal_calendar(
        registrations,
        starred=queries.feed_stars(key.person, since=since)[:MAX_FEED_EVENTS],
        name=PERSONAL_FEED_NAME,
        address=_address(request),
    )
    response = _calendar(content, "my-events.ics")
    tag = quote_etag(hashlib.sha256(content).hexdigest()[:32])
    response.headers["ETag"] = tag
    patch_cache_control(response, private=True, no_cache=True)
    response.headers["X-Robots-Tag"] = "noindex"
    return get_conditional_response(request, etag=tag, response=response) or response


def _calendar(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=feeds.CONTENT_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


# ---------- Atom ----------


@login_not_required
@require_safe
@cached_until_changed
def atom(request: HttpRequest) -> HttpResponse:
    """Serve up to 100 upcoming events for feed readers, most recently changed first."""
    form = _form(request)
    choice = form.choice()
    events = queries.upcoming(search.filtered_calendar(choice)).order_by("-changed_at", "-id")
    content = feeds.build_atom(
        events.only(*feeds.FEED_FIELDS, "created_at")[:MAX_ATOM_ENTRIES],
        name=_name(form),
        address=_address(request),
        parameters=form.parameters(),
    )
    return HttpResponse(content, content_type="application/atom+xml; charset=utf-8")


# ---------- On other sites ----------


@login_not_required
@require_safe
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})  # type: ignore[untyped-decorator]
@cached_until_changed
def embed(request: HttpRequest) -> HttpResponse:
    """Show upcoming events as a list that any site can frame. Everyone sees the same list."""
    form = _form(request)
    choice = form.choice()
    events = (
        queries.upcoming(search.filtered_calendar(choice))
        .select_related("parent")
        .only(*ROW_FIELDS)
    )
    shown = list(events[: form.max_events()])
    facts = facts_about(None, shown)
    context = {
        "rows": [presentation.event_row(event, facts, event.parent) for event in shown],
        "all_url": choice.url(),
    }
    return render(request, "events/embed.html", context)


class SubscribePage(NamedTuple):
    """The context of templates/events/embed_help.html."""

    filters: list[BoundField]
    feed: str
    webcal: str
    atom: str
    embed: str
    snippet: SafeString
    max_events: str
    days_back: int
    is_filtered: bool


@login_not_required
@require_safe
def embed_help(request: HttpRequest) -> HttpResponse:
    """Explain how to subscribe to the filtered calendar and how to embed it."""
    form = _form(request)
    address, parameters = _address(request), form.parameters()
    query = f"?{parameters.removesuffix('&')}" if parameters else ""
    feed = f"{address}{reverse('events:feed')}{query}"
    embed = f"{address}{reverse('events:embed')}?{parameters}limit={form.max_events()}"
    page = SubscribePage(
        filters=[form[name] for name in (*_filter_names(form), "limit")],
        feed=feed,
        webcal="webcal:" + feed.split(":", 1)[1],
        atom=f"{address}{reverse('events:atom')}{query}",
        embed=embed,
        snippet=format_html(EMBED_SNIPPET, embed),
        max_events=f"{MAX_FEED_EVENTS:,}",
        days_back=DAYS_BACK,
        is_filtered=form.choice().is_filtered,
    )
    return render(request, "events/embed_help.html", page._asdict())


def _filter_names(form: FeedForm) -> list[str]:
    """Return the names of the visible filters, except date and limit."""
    excluded = {"month", "day", "limit"}
    return [name for name in form.fields if not (form[name].is_hidden or name in excluded)]


# ---------- Shared ----------


def _form(request: HttpRequest) -> FeedForm:
    return FeedForm(request.GET, choices=search.filter_choices())


def _since(events: QuerySet[Event], filters: Filters) -> QuerySet[Event]:
    """Keep only events since midnight 90 days ago, unless the filters set dates."""
    if filters.since or filters.until:
        return events
    day = timezone.localdate() - dt.timedelta(days=DAYS_BACK)
    return events.filter(over_at__gt=queries.midnight(day))


def _name(form: FeedForm) -> str:
    """Return the subscription's name for calendar programs, including the filters.

    It has no commas, because some programs show the backslashes that escape them.
    """
    filters = form.choice()
    categories = dict(form["category"].field.choices)  # type: ignore[attr-defined]
    parts = [
        f"“{filters.words}”" if filters.words else "",
        categories[filters.category] if filters.category else "",
        "" if filters.type == search.NO_TYPE else filters.type,
        Delivery(filters.delivery).label if filters.delivery else "",
        filters.sponsor,
        filters.federation,
        filters.city,
        "earns credit" if filters.earns_credit else "",
        "recording available" if filters.has_recording else "",
    ]
    return " · ".join([FEED_NAME, *filter(None, parts)])


def _address(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")
