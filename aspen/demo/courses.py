"""A sample course catalog for last year and this year, with one proposed course.

Uses the portal's actions. Does nothing if the catalog is not empty.
"""

from django.db import transaction

from accounts.models import User
from aspen.clock import fiscal_year, today
from aspen.demo.people import demonstration_people
from events.catalog.actions import decide_listings, propose_listing
from events.enums import Decision, EventState
from events.models import CatalogListing, Event, FiscalYear

# The first event of each training in a fiscal year is in that year's catalog.
COURSES = (
    *("open-meetings", "policy-shelf", "evaluating-director"),
    *("reference-interview", "story-time", "summer-reading"),
    *("copy-cataloging", "weeding", "passwords", "broadband"),
)

# The fictional members of the committee who voted.
VOTERS = ("Delphine Okafor", "Marcus Thiel", "Sunniva Berg")


def load_courses() -> int:
    """Add courses to the catalogs for this fiscal year and last.

    Returns the number of listings.
    """
    people = demonstration_people()
    coordinator, member = people.get("coordinator"), people.get("committee")
    if not coordinator or not member or CatalogListing.objects.exists():
        return 0
    with transaction.atomic():
        for year in (fiscal_year(today()) - 1, fiscal_year(today())):
            ids = [_propose(event, year, coordinator) for event in _first_events(year)]
            decide_listings(
                ids=ids, decision=Decision.APPROVE, met_on=today(), voters=VOTERS, by=member
            )
        _propose_recording(people.get("editor"))
    return CatalogListing.objects.count()


def _propose(event: Event, year: int, by: User) -> int:
    return propose_listing(event_id=event.pk, fiscal_year=year, by=by).pk


def _first_events(year: int) -> list[Event]:
    first: dict[str, Event] = {}
    events = Event.objects.filter(import_key__startswith="demo:", state=EventState.PUBLISHED)
    in_year = events.annotate(year=FiscalYear("last_day")).filter(year=year)
    for event in in_year.exclude(offers=None).order_by("begins_at", "pk").distinct():
        slug = str(event.import_key).split(":")[1]
        if slug in COURSES:
            first.setdefault(slug, event)
    return list(first.values())


def _propose_recording(editor: User | None) -> None:
    """Let the editor propose a recording, so that there is something for staff to review."""
    recorded = Event.objects.filter(created_by=editor, recording_available_at__isnull=False)
    event = recorded.filter(state=EventState.PUBLISHED).order_by("pk").first()
    if editor and event:
        _propose(event, fiscal_year(today()), editor)
