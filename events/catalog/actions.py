"""Actions on the course catalog: propose, decide on and renew listings."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import prefetch_related_objects
from django.utils import timezone

from accounts.models import User
from aspen.clock import today
from aspen.db.audit import audited
from aspen.db.last_change import last_changes
from aspen.errors import Refused
from aspen.formats import format_day
from aspen.text import clean_line
from aspen.transitions import Actor
from events import permissions, queries, signals
from events.catalog import queries as catalog_queries
from events.enums import LISTING_TRANSITIONS, Decision, ListingState
from events.models import CatalogListing, CatalogMeeting, Event
from events.undoing import is_undoable

LISTING_DECISIONS = frozenset({"events.decide_listings"})


class ListingsResult(NamedTuple):
    """The listings that changed, and the reason for each one that was skipped.

    Listings that needed no change are in neither.
    """

    changed: list[CatalogListing]
    skipped: list[str]


@audited
def propose_listing(*, event_id: int, fiscal_year: int, by: User) -> CatalogListing:
    """Propose an event for a fiscal year's catalog, or propose it again after it was declined.

    Idempotent: a proposed or approved listing stays as it is. Locks the event. Raises
    Event.DoesNotExist, or Refused if `by` does not manage the event or the event cannot be in that
    catalog.
    """
    event = queries.lock_event(event_id)
    if not permissions.managed_by(by).filter(pk=event.pk).exists():
        raise Refused("You no longer manage this event.")
    listing = CatalogListing.objects.filter(event=event, fiscal_year=fiscal_year).first()
    if listing and listing.state != ListingState.DECLINED:
        return listing
    if reason := catalog_queries.why_not_propose(event, fiscal_year):
        raise Refused(reason, field="fiscal_year")
    return _propose(listing or CatalogListing(event=event, fiscal_year=fiscal_year), by)


def _propose(listing: CatalogListing, by: User) -> CatalogListing:
    listing.state = ListingState.PROPOSED
    listing.proposed_by, listing.proposed_at = by, timezone.now()
    listing.decided_by, listing.decided_at, listing.reason = None, None, ""
    listing.is_from_before_meetings = False
    listing.save()
    return listing


@audited
def renew_listings(*, ids: Collection[int], by: User) -> ListingsResult:
    """Propose these approved courses for the next fiscal year's catalog.

    Skips courses that earn no credit in that year or were declined for it. Locks the events.
    Idempotent. Raises Refused if `by` cannot prepare the catalog.
    """
    if not catalog_queries.may_prepare_listings(by):
        raise Refused("Only CE Coordinators can propose courses for the next year.")
    result, now = ListingsResult([], []), timezone.now()
    listings = _lock(ids)
    prefetch_related_objects([each.event for each in listings], "offers", "listings")
    for listing in listings:
        event, year = listing.event, listing.fiscal_year + 1
        following = [each for each in event.listings.all() if each.fiscal_year == year]
        if any(each.state != ListingState.DECLINED for each in following):
            continue
        if reason := _why_not_renew(listing, was_declined=bool(following)):
            result.skipped.append(reason)
            continue
        result.changed.append(
            CatalogListing(event=event, fiscal_year=year, proposed_by=by, proposed_at=now)
        )
    CatalogListing.objects.bulk_create(result.changed)
    return result


def _why_not_renew(listing: CatalogListing, *, was_declined: bool) -> str | None:
    """Return why a listing cannot be renewed for the next year, or None. No query."""
    title, year = listing.event.title, listing.fiscal_year
    if was_declined:
        return f"“{title}” was declined for fiscal year {year + 1}."
    if listing.state != ListingState.APPROVED:
        return f"“{title}” is not in the fiscal year {year} catalog."
    return catalog_queries.why_not_propose(listing.event, year + 1)


@audited
def decide_listings(
    *,
    ids: Collection[int],
    decision: Decision,
    met_on: dt.date | None = None,
    voters: Iterable[str] = (),
    reason: str = "",
    by: User,
) -> ListingsResult:
    """Approve or decline listings (enums.LISTING_TRANSITIONS). Updates credits and tracks.

    Approving requires the day of the committee's meeting (`met_on`) and the names of the members
    who voted for the courses (`voters`). Declining requires a `reason`, which the event editors
    see. Approved courses can be declined too, which removes them from the catalog; people who only
    prepare the catalog cannot do that.
    Skips listings whose state no longer allows the decision and, when approving, listings that
    `by` proposed or that were proposed after the meeting. Locks the events. Idempotent. Raises
    Refused if `by` cannot make the decision, or if the meeting or the reason is missing.
    """
    _require_right_to(decision, by)
    reason = reason.strip()
    if decision == Decision.DECLINE and not reason:
        raise Refused("Give a reason. The event editors will read it.", field="reason")
    meeting = _meeting(met_on, voters, by) if decision == Decision.APPROVE else None
    target = LISTING_TRANSITIONS[decision].target
    result, now = ListingsResult([], []), timezone.now()
    revised_event_ids: set[int] = set()
    for listing in _lock(ids):
        before = ListingState(listing.state)
        if before == target:
            continue
        if why_not := _why_not_decide(listing, decision, meeting, by):
            result.skipped.append(why_not)
            continue
        result.changed.append(listing)
        if ListingState.APPROVED in (before, target):
            revised_event_ids.add(listing.event_id)
    CatalogListing.objects.filter(pk__in=[each.pk for each in result.changed]).update(
        state=target,
        decided_by=by,
        decided_at=now,
        reason=reason if decision == Decision.DECLINE else "",
        meeting=_stored(meeting) if meeting and result.changed else None,
        **({"is_from_before_meetings": False} if meeting else {}),
    )
    if revised_event_ids:
        signals.catalog_changed.send(Event, event_ids=sorted(revised_event_ids), by=by)
    return result


def _meeting(met_on: dt.date | None, voters: Iterable[str], by: User) -> CatalogMeeting:
    """Return the committee's meeting, unsaved. The voters are in alphabetical order."""
    names = sorted({name for name in map(clean_line, voters) if name})
    if met_on is None:
        raise Refused("Enter the day of the meeting.", field="met_on")
    if met_on > today():
        raise Refused("Enter the day of a meeting that has taken place.", field="met_on")
    if not names:
        raise Refused("Enter the names of the members who voted.", field="voters")
    return CatalogMeeting(day=met_on, voters=names, recorded_by=by, recorded_at=timezone.now())


def _stored(meeting: CatalogMeeting) -> CatalogMeeting:
    """Save the meeting, unless it was recorded before with the same voters. Return the row."""
    CatalogMeeting.objects.bulk_create([meeting], ignore_conflicts=True)
    return CatalogMeeting.objects.get(day=meeting.day, voters=meeting.voters)


@audited
def move_listings(*, source: Event, target: Event, by: User) -> list[CatalogListing]:
    """Move the catalog listings of a merged event to the event that now has its claims.

    Skips fiscal years for which the target has a listing of its own. Updates credits and tracks.
    The caller holds both events' locks.
    """
    own_years = target.listings.values("fiscal_year")
    listings = list(source.listings.exclude(fiscal_year__in=own_years).order_by("pk"))
    return _move(listings, target, moved_from=source, by=by)


@audited
def return_listings(*, source: Event, target: Event, by: User) -> list[CatalogListing]:
    """Return the listings that `move_listings` moved, in their present state.

    Updates credits and tracks. The caller holds both events' locks.
    """
    listings = list(target.listings.filter(moved_from=source).order_by("pk"))
    return _move(listings, source, moved_from=None, by=by)


def _move(
    listings: list[CatalogListing], event: Event, *, moved_from: Event | None, by: User
) -> list[CatalogListing]:
    before = {each.event_id for each in listings}
    for listing in listings:
        listing.event, listing.moved_from = event, moved_from
    CatalogListing.objects.bulk_update(listings, ["event", "moved_from"])
    if listings:
        event_ids = sorted({event.pk, *before})
        signals.catalog_changed.send(Event, event_ids=event_ids, by=by)
    return listings


def _why_not_decide(
    listing: CatalogListing, decision: Decision, meeting: CatalogMeeting | None, by: User
) -> str | None:
    """Return why this decision is not possible, or None. No query once permissions are cached."""
    title = listing.event.title
    if not LISTING_TRANSITIONS[decision].allows(listing.state, Actor.STAFF):
        return f"“{title}” was declined. Propose it again first."
    if listing.state == ListingState.APPROVED and not catalog_queries.may_decide_listings(by):
        return f"“{title}” is in the catalog. Only the catalog committee can remove it."
    if meeting is None:
        return None
    if listing.proposed_by_id == by.pk:
        return f"You cannot approve your own proposal, “{title}”. Ask a colleague to do it."
    proposed_on = timezone.localdate(listing.proposed_at)
    if meeting.day < proposed_on:
        return f"“{title}” was proposed on {format_day(proposed_on)}, after the meeting."
    return catalog_queries.why_not_in_catalog(listing.event)


@audited
def undo_listing_decisions(*, ids: Collection[int], by: User) -> ListingsResult:
    """Undo the last decision on each of these listings, within a day. Updates credits and tracks.

    Skips listings without a decision in the last day, those whose event has credits that a
    certificate counts and, if `by` only prepares the catalog, those that were or become approved.
    A meeting stays on record. Locks the events. Raises Refused if `by` can neither prepare the
    catalog nor decide on it.
    """
    _require_right_to(Decision.DECLINE, by)
    may_decide = catalog_queries.may_decide_listings(by)
    result = ListingsResult([], [])
    listings = _lock(ids)
    changes = last_changes(listings, "state", "decided_at")
    certified = signals.certified_event_ids([each.event_id for each in listings])
    revised_event_ids: set[int] = set()
    for listing in listings:
        change = changes.get(listing.pk)
        if change is None or not is_undoable(change, LISTING_DECISIONS):
            result.skipped.append(
                f"“{listing.event.title}”: a decision can only be undone within one day, and only "
                "if nothing has changed since."
            )
        elif listing.event_id in certified:
            result.skipped.append(
                f"“{listing.event.title}”: a certificate counts its credit, so the decision cannot "
                "be undone."
            )
        elif not may_decide and ListingState.APPROVED in (listing.state, change.before.state):
            result.skipped.append(
                f"“{listing.event.title}”: only the catalog committee can undo its decisions."
            )
        else:
            states = {listing.state, change.before.state}
            change.restore(listing, "state", "decided_by_id", "decided_at", "reason", "meeting_id")
            result.changed.append(listing)
            if ListingState.APPROVED in states:
                revised_event_ids.add(listing.event_id)
    CatalogListing.objects.bulk_update(
        result.changed, ["state", "decided_by", "decided_at", "reason", "meeting"]
    )
    if revised_event_ids:
        signals.catalog_changed.send(Event, event_ids=sorted(revised_event_ids), by=by)
    return result


def _require_right_to(decision: Decision, by: User) -> None:
    if catalog_queries.may_decide_listings(by):
        return
    if decision == Decision.APPROVE:
        raise Refused("Only the catalog committee can approve courses.")
    if not catalog_queries.may_prepare_listings(by):
        raise Refused("Only CE Coordinators and the catalog committee can decline courses.")


def _lock(ids: Collection[int]) -> list[CatalogListing]:
    """Lock the listings' events. Return the listings in id order."""
    listings = CatalogListing.objects.filter(pk__in=ids)
    queries.lock_events(listings.order_by().values_list("event_id", flat=True))
    return list(listings.select_related("event").order_by("pk"))
