"""Claims, tracks and help tickets for the demonstration's people.

Uses the portal's actions. Skips people who already have a claim.
"""

import datetime as dt
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from aspen.clock import today
from aspen.demo.addresses import recording_address
from aspen.demo.catalog import ADMINISTRATION, PUBLIC_SERVICES, TECHNOLOGY
from aspen.demo.people import demonstration_people
from aspen.formats import format_day
from credits.actions import claim_custom_event, claim_event
from credits.enums import ClaimSource
from credits.models import Claim
from events.actions import CustomEventFacts, decide_custom_event, register, watch_recording
from events.enums import AttendanceMode, Decision, Delivery, EventState, RegistrationMode
from events.models import Category, Event
from helpdesk.actions import open_ticket, reply
from tracks.actions import (
    SupervisorContact,
    review_submission,
    select_track,
    submit_track,
    verify_record,
)
from tracks.certification import record
from tracks.models import Track

# People claim the latest events of their trainings that ended at least this long ago.
ENDED_BEFORE = dt.timedelta(days=14)
ALL = Q()
LIBRARIAN = (
    "weeding",
    "copy-cataloging",
    "reference-interview",
    "story-time",
    "passwords",
    "serials",
)
DIRECTOR = (
    *("open-meetings", "board-orientation", "policy-shelf", "budget-and-technology"),
    *("evaluating-director", "advocacy-neighbors", "strategic-plan", "hiring-small-town"),
    *("grant-writing", "collection-policy", "broadband", "summer-reading"),
)
# Seventeen credits. The certificate counts the earliest fifteen, and the others stay archived.
CHAIR = (
    *("grant-writing", "board-orientation", "budget-and-technology", "strategic-plan"),
    *("evaluating-director", "hiring-small-town", "open-meetings", "policy-shelf"),
    "advocacy-neighbors",
)
TRUSTEE = ("open-meetings", "board-orientation", "advocacy-neighbors", "evaluating-director")


def load_stories() -> int:
    """Create the stories of people without claims. Return the number of stories created.

    Each story is atomic.
    """
    people = demonstration_people()
    if not people.keys() >= STORIES.keys() | {"helpdesk", "coordinator"}:
        return 0
    have_claims = set(
        Claim.objects.filter(person__in=[people[name] for name in STORIES])
        .order_by()
        .values_list("person_id", flat=True)
    )
    missing = [name for name in STORIES if people[name].pk not in have_claims]
    for name in missing:
        with transaction.atomic():
            STORIES[name](people)
    return len(missing)


def _librarian(people: dict[str, User]) -> None:
    """Add six claims, two custom events, a registration and two help tickets, but no track."""
    june = people["librarian"]
    claims = _claim(LIBRARIAN, june)
    _custom_events(june, coordinator=people["coordinator"])
    _register_for_next(june)
    _tickets(june, claims, helper=people["helpdesk"])


def _director(people: dict[str, User]) -> None:
    """Add a dozen claims, which are posted when the director chooses a track.

    She is registered for a meeting, and has opened a recording without claiming it.
    """
    director = people["director"]
    _claim(DIRECTOR, director)
    select_track(track=Track.objects.get(name="Library Director"), by=director)
    _register_for_next(director, Q(delivery=Delivery.ONLINE))
    # Without a directory of libraries, the editor has no events.
    if recent := Event.objects.filter(recording_url=recording_address("passkeys")).first():
        watch_recording(event_id=recent.pk, by=director)


def _trustee(people: dict[str, User]) -> None:
    """Choose a track first, so that each claim is posted immediately."""
    select_track(track=Track.objects.get(name="Library Trustee"), by=people["trustee"])
    _claim(TRUSTEE, people["trustee"])


def _chair(people: dict[str, User]) -> None:
    """Earn a certificate: submitted, reviewed, and verified by another board member."""
    chair, verifier = people["chair"], people["trustee"]
    participation, _ = select_track(track=Track.objects.get(name="Library Trustee"), by=chair)
    _claim(CHAIR, chair)
    supervisor = SupervisorContact(verifier.display_name, verifier.email)
    submission = submit_track(
        participation_id=participation.pk,
        seen=record.record_fingerprint(record.make_record(participation, today())),
        name=chair.display_name,
        listed_as=chair.display_name,
        supervisor=supervisor,
        by=chair,
    )
    review_submission(submission_id=submission.pk, supervisor=supervisor, by=people["coordinator"])
    verification = submission.verifications.get(answered_at=None)
    verify_record(verification_id=verification.pk, by=verifier)


STORIES = {
    "librarian": _librarian,
    "director": _director,
    "trustee": _trustee,
    "chair": _chair,
}


def _claim(slugs: tuple[str, ...], by: User) -> list[Claim]:
    """Claim each training's latest past event, alternating between the calendar and the list."""
    sources = (ClaimSource.CALENDAR, ClaimSource.LIST)
    return [
        claim_event(event_id=event.pk, source=sources[number % 2], by=by)
        for number, event in enumerate(_latest(slug) for slug in slugs)
    ]


def _latest(slug: str) -> Event:
    return (
        Event.objects.filter(
            import_key__startswith=f"demo:{slug}:",
            state=EventState.PUBLISHED,
            over_at__lt=timezone.now() - ENDED_BEFORE,
        )
        .order_by("-begins_at", "-id")[:1]
        .get()
    )


def _custom_events(june: User, *, coordinator: User) -> None:
    """Add a custom event waiting for approval and one that was returned."""
    claim_custom_event(
        facts=_facts("Genealogy for librarians (online course)", 40, 2, PUBLIC_SERVICES), by=june
    )
    returned = claim_custom_event(
        facts=_facts("Regional technology day", 55, 3, TECHNOLOGY), by=june
    )
    decide_custom_event(
        event_id=returned.event_id,
        decision=Decision.RETURN,
        reason="Please describe what the sessions were about, then send it again.",
        by=coordinator,
    )


def _facts(title: str, days_ago: int, hours: int, slug: str) -> CustomEventFacts:
    day = timezone.localtime() - dt.timedelta(days=days_ago)
    begins_at = day.replace(hour=13, minute=0, second=0, microsecond=0)
    return CustomEventFacts(
        title=title,
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=hours),
        sponsor="Open Shelf Training",
        presenter="Marguerite Faust",
        description="",
        category=Category.objects.get(slug=slug),
        amount=Decimal(hours),
    )


def _register_for_next(person: User, which: Q = ALL) -> None:
    """Register for the next training other than the lab, where space is limited."""
    upcoming = Event.objects.filter(
        which,
        is_demonstration=True,
        capacity=None,
        registration_mode=RegistrationMode.PORTAL,
        state=EventState.PUBLISHED,
        begins_at__gt=timezone.now() + dt.timedelta(days=1),
        offers__isnull=False,
    )
    if event := upcoming.order_by("begins_at", "id").first():
        register(event_id=event.pk, mode=AttendanceMode.ONLINE, by=person)


def _tickets(june: User, claims: list[Claim], *, helper: User) -> None:
    """Add an answered ticket, and one about a wrong category that is waiting for the help desk."""
    answered = open_ticket(
        subject="Does a vendor demonstration earn credit?",
        body="Our catalog vendor showed us the new version for an hour. Can I claim that?",
        credit=None,
        by=june,
    )
    reply(
        ticket_id=answered.pk,
        body="A product demonstration usually does not count, because its purpose is to sell. "
        "If it was training on your own system, use Create New… and say so in the description.",
        by=helper,
    )
    claim = claims[0]
    category = Category.objects.get(slug=ADMINISTRATION)
    open_ticket(
        subject=f"{claim.event.title}, {format_day(claim.event.last_day)}",
        body=f"The category should be {category}, because most of it was about writing the policy "
        "that the board adopts.",
        credit=claim.credits.order_by("line")[0],
        by=june,
    )
