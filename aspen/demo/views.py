"""Pages that stand in for the organizers' recordings and meetings. A live portal has none."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from aspen.demo.addresses import meeting_address, recording_address
from aspen.formats import format_time_range
from events.enums import EventState
from events.models import Event


@login_not_required
@require_safe
def recording(request: HttpRequest, name: str) -> HttpResponse:
    event = _event(Q(recording_url=recording_address(name)))
    return render(request, "demonstration/recording.html", {"event": event})


@login_not_required
@require_safe
def meeting(request: HttpRequest, name: str) -> HttpResponse:
    event = _event(Q(joining_url=meeting_address(name)))
    when = format_time_range(event.begins_at, event.ends_at, all_day=event.all_day)
    return render(request, "demonstration/meeting.html", {"event": event, "when": when})


def _event(at_address: Q) -> Event:
    if not settings.DEMO:
        raise Http404
    events = Event.objects.filter(at_address, is_demonstration=True, state=EventState.PUBLISHED)
    return get_object_or_404(events.order_by("pk")[:1])
