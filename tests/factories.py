"""Functions that create rows for tests. All values have defaults."""

import datetime as dt
import itertools
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Organization, User
from aspen.clock import fiscal_year, today
from credits.actions import claim_event
from credits.enums import ClaimSource
from credits.models import Claim
from events.actions import CustomEventFacts
from events.enums import (
    Delivery,
    EventState,
    EventType,
    ListingState,
    Origin,
    RegistrationMode,
)
from events.models import CatalogListing, CatalogMeeting, Category, CreditOffer, Event
from tracks import actions as track_actions
from tracks.actions import SupervisorContact
from tracks.certification import record
from tracks.models import Certificate, Participation, Submission, Track, Verification

_number = itertools.count(1)
ADMINISTRATION = "library-administration"
PUBLIC = "public-services"
COLLECTION = "collection-technical"
TECHNOLOGY = "technology"
PASSWORD = "a-long-enough-password"


def person(role: Role | None = None, **fields: Any) -> User:
    number = next(_number)
    values: dict[str, Any] = {
        "email": f"person{number}@library.example",
        "display_name": f"Person {number}",
        "welcomed_at": timezone.now(),
    }
    user = User.objects.create_user(password=PASSWORD, is_staff=role is not None, **values | fields)
    if role:
        user.groups.add(Group.objects.get(name=role.value))
    return user


def organization(**fields: Any) -> Organization:
    values = {"name": f"Library {next(_number)}", "kind": "public", "city": "Helena"}
    return Organization.objects.create(**values | fields)


def category(slug: str = TECHNOLOGY) -> Category:
    return Category.objects.get(slug=slug)


def event(
    *, days: float = -7, hours: float = 1, credits: dict[str, str] | None = None, **fields: Any
) -> Event:
    """Create a published calendar event, `days` from now, with `credits` by category slug."""
    begins_at = timezone.now().replace(minute=0, second=0, microsecond=0) + dt.timedelta(days=days)
    values: dict[str, Any] = {
        "title": f"Training {next(_number)}",
        "type": EventType.CONTINUING_EDUCATION,
        "origin": Origin.CALENDAR,
        "state": EventState.PUBLISHED,
        "begins_at": begins_at,
        "ends_at": begins_at + dt.timedelta(hours=hours),
        "delivery": Delivery.ONLINE,
        "sponsor": "Montana State Library",
        "registration_mode": RegistrationMode.PORTAL,
    }
    if fields.get("state") in (EventState.DRAFT, EventState.PENDING):
        values |= {"created_by": person(), "submitted_at": timezone.now()}
    if fields.get("state") == EventState.MERGED:
        values |= {"merged_into": event()}
    new = Event.objects.create(**values | fields)
    for slug, amount in ({TECHNOLOGY: "1.0"} if credits is None else credits).items():
        CreditOffer.objects.create(event=new, category=category(slug), amount=Decimal(amount))
    new.refresh_from_db()
    return new


def listing(event: Event, **fields: Any) -> CatalogListing:
    """Create a catalog listing for this fiscal year, approved by default."""
    state = fields.setdefault("state", ListingState.APPROVED)
    values: dict[str, Any] = {
        "fiscal_year": fiscal_year(today()),
        "proposed_by": person(),
        "proposed_at": timezone.now(),
    }
    if state != ListingState.PROPOSED:
        values |= {"decided_by": person(), "decided_at": timezone.now()}
    if state == ListingState.APPROVED and "meeting" not in fields:
        values |= {"meeting": meeting()}
    if state == ListingState.DECLINED:
        values |= {"reason": "For the test."}
    return CatalogListing.objects.create(event=event, **values | fields)


def meeting(**fields: Any) -> CatalogMeeting:
    """Create a meeting of the catalog committee, today by default."""
    values = {"day": today(), "voters": [f"Member {next(_number)}"]} | fields
    return CatalogMeeting.objects.create(**{"recorded_by": person()} | values)


def facts(**fields: Any) -> CustomEventFacts:
    """Return what a person enters under Create New…: a one-hour webinar a week ago."""
    begins_at = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=7)
    values: dict[str, Any] = {
        "title": f"Outside webinar {next(_number)}",
        "begins_at": begins_at,
        "ends_at": begins_at + dt.timedelta(hours=1),
        "sponsor": "Some Library School",
        "presenter": "A. Trainer",
        "description": "",
        "category": category(TECHNOLOGY),
        "amount": Decimal("1.0"),
    }
    return CustomEventFacts(**values | fields)


def claim(by: User, on: Event | None = None, **fields: Any) -> Claim:
    """Create a pending claim by `by` on the event, or on a new calendar event."""
    on = on or event(**fields)
    return claim_event(event_id=on.pk, source=ClaimSource.CALENDAR, by=by)


# By track, the credits of one event that meets all requirements of the current rule set.
ENOUGH = {
    "Library Director": {ADMINISTRATION: "60.0"},
    "Library Staff": dict.fromkeys((ADMINISTRATION, PUBLIC, COLLECTION, TECHNOLOGY), "15.0"),
    "Library Trustee": {ADMINISTRATION: "15.0"},
}
SUPERVISOR = SupervisorContact("Dana Chair", "dana.chair@board.example")


def following(by: User | None = None, name: str = "Library Trustee") -> Participation:
    """Create a participation of a person whose one claim meets all of the track's requirements."""
    by = by or person()
    participation, _ = track_actions.select_track(track=track(name), by=by)
    claim(by, credits=ENOUGH[name])
    return participation


def submission(participation: Participation | None = None, **fields: Any) -> Submission:
    """Submit a record to the CE Coordinator."""
    participation = participation or following()
    by = participation.person
    values = {"name": by.display_name, "listed_as": by.display_name, "supervisor": SUPERVISOR}
    return track_actions.submit_track(
        participation_id=participation.pk,
        seen=record.record_fingerprint(record.make_record(participation, today())),
        by=by,
        **values | fields,
    )


def verification(
    submitted: Submission | None = None, supervisor: SupervisorContact = SUPERVISOR
) -> Verification:
    """Review a record and ask its supervisor. Return the question to the supervisor."""
    submitted = submitted or submission()
    reviewer = person(Role.CE_COORDINATOR)
    track_actions.review_submission(submission_id=submitted.pk, supervisor=supervisor, by=reviewer)
    return submitted.verifications.get(answered_at=None)


def certificate(participation: Participation | None = None, **fields: Any) -> Certificate:
    """Issue a certificate for a record that is submitted, reviewed and verified."""
    question = verification(submission(participation, **fields))
    issued = track_actions.verify_record(verification_id=question.pk, by=None)
    assert issued
    return issued


def track(name: str = "Library Staff") -> Track:
    return Track.objects.get(name=name)
