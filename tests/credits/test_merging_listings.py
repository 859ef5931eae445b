"""Merged events take their listings in the course catalog along."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from aspen.clock import fiscal_year
from credits import actions
from credits.models import Merge
from events.enums import ListingState
from events.models import CatalogListing, Event
from tests import factories as make
from tracks.actions import select_track
from tracks.models import Posting, RuleSet

pytestmark = pytest.mark.django_db


def merge(source: Event, target: Event) -> Merge:
    return actions.merge_events(
        source_id=source.pk, target_id=target.pk, reason="", by=make.person()
    ).merge


def undo(merge: Merge) -> None:
    actions.undo_merge(merge_id=merge.pk, by=make.person())


def listed(event: Event) -> list[tuple[int, str]]:
    return list(event.listings.order_by("fiscal_year").values_list("fiscal_year", "state"))


@pytest.fixture
def catalog_track() -> None:
    """Let only credits from catalog courses count toward the Library Trustee track."""
    RuleSet.objects.filter(track__name="Library Trustee").update(catalog_only=True)


def posted_to(person: User) -> int:
    return Posting.objects.filter(person=person).count()


def test_a_listing_moves_and_comes_back(catalog_track: None) -> None:
    source, target = make.event(title="Weeding"), make.event(title="Weeding online")
    year = fiscal_year(source.last_day)
    listing = make.listing(source, fiscal_year=year)
    people = [make.person(), make.person()]
    for person, event in zip(people, (source, target), strict=True):
        make.claim(person, event)
        select_track(track=make.track("Library Trustee"), by=person)
    assert [posted_to(person) for person in people] == [1, 0]

    merged = merge(source, target)
    assert (listed(source), listed(target)) == ([], [(year, ListingState.APPROVED)])
    assert CatalogListing.objects.get(pk=listing.pk).moved_from == source
    # The claims of both events count now.
    assert [posted_to(person) for person in people] == [1, 1]

    undo(merged)
    assert (listed(source), listed(target)) == ([(year, ListingState.APPROVED)], [])
    assert [posted_to(person) for person in people] == [1, 0]


def test_the_targets_own_listing_stands() -> None:
    source, target = make.event(), make.event()
    year = fiscal_year(source.last_day)
    make.listing(source, fiscal_year=year)
    make.listing(source, fiscal_year=year + 1)
    make.listing(target, fiscal_year=year, state=ListingState.DECLINED)
    merged = merge(source, target)
    assert listed(source) == [(year, ListingState.APPROVED)]
    assert listed(target) == [
        (year, ListingState.DECLINED),
        (year + 1, ListingState.APPROVED),
    ]
    undo(merged)
    assert len(listed(source)) == 2
    assert len(listed(target)) == 1


def test_a_listing_is_not_moved_from_its_own_event() -> None:
    listing = make.listing(make.event())
    with pytest.raises(IntegrityError, match="moved_from_another"), transaction.atomic():
        CatalogListing.objects.filter(pk=listing.pk).update(moved_from=listing.event_id)
