"""The course catalog: proposals, decisions and public pages."""

import datetime as dt
from importlib import import_module
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError
from django.db.models.expressions import RawSQL
from django.test import Client
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from accounts.roles import create_roles
from aspen.clock import fiscal_year
from aspen.errors import Refused
from aspen.transitions import Actor
from events.catalog import queries as catalog_queries
from events.catalog.actions import (
    ListingsResult,
    decide_listings,
    propose_listing,
    renew_listings,
    undo_listing_decisions,
)
from events.enums import LISTING_TRANSITIONS, Decision, Delivery, EventState, ListingState
from events.models import (  # type: ignore[attr-defined]  # made by pghistory
    CatalogListing,
    CatalogListingHistory,
    CatalogMeeting,
    CatalogMeetingHistory,
    Event,
    FiscalYear,
)
from tests import factories as make
from tests.factories import ADMINISTRATION, PUBLIC, TECHNOLOGY
from tests.web import flash_messages, signed_in
from tracks import integrity
from tracks.actions import select_track
from tracks.models import Posting, RuleSet

pytestmark = pytest.mark.django_db
ZONE = timezone.get_default_timezone()
NOW = dt.datetime(2026, 11, 24, 12, tzinfo=ZONE)
PROPOSED, APPROVED, DECLINED = ListingState
APPROVE, DECLINE = Decision.APPROVE, Decision.DECLINE
QUEUE = "/admin/events/cataloglisting/"
PAGE = "/events/catalog/"


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def editor() -> User:
    editor = make.person(Role.EVENT_EDITOR)
    Position.objects.create(
        person=editor, organization=make.organization(), kind=PositionKind.STAFF
    )
    return editor


def event_of(editor: User, **fields: Any) -> Event:
    return make.event(organization=editor.positions.get().organization, **fields)


@pytest.fixture
def committee() -> User:
    return make.person(Role.CATALOG_COMMITTEE)


MEETING: dict[str, Any] = {"met_on": NOW.date(), "voters": ["Ada Ng", "Bo Sather"]}


def approve(*listings: CatalogListing, by: User, **meeting: Any) -> ListingsResult:
    ids = [each.pk for each in listings]
    return decide_listings(ids=ids, decision=APPROVE, by=by, **MEETING | meeting)


def on(day: str, **fields: Any) -> Event:
    begins_at = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(9), ZONE)
    return make.event(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1), **fields)


def at(day: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(day), dt.time(9), ZONE)


# ---------- Fiscal years ----------


@pytest.mark.parametrize(
    ("day", "year"),
    [
        ("2026-06-30", 2026),
        ("2026-07-01", 2027),
        ("2026-12-31", 2027),
        ("2027-01-01", 2027),
        ("2027-06-30", 2027),
        ("2027-07-01", 2028),
        ("2028-02-29", 2028),
        ("2026-08-31", 2027),
    ],
)
def test_the_database_and_python_agree_on_fiscal_years(day: str, year: int) -> None:
    event = on(day)
    annotated = Event.objects.filter(pk=event.pk).annotate(year=FiscalYear("last_day")).get()
    assert (fiscal_year(dt.date.fromisoformat(day)), annotated.year) == (year, year)


@pytest.mark.parametrize(
    ("day", "fields", "years"),
    [
        ("2026-06-30", {}, [2026]),
        ("2026-07-01", {}, [2027]),
        ("2025-10-01", {"recording_available_at": at("2025-10-05")}, [2026, 2027, 2028]),
        (
            "2025-10-01",
            {"recording_available_at": at("2025-10-05"), "recording_until_at": at("2026-06-30")},
            [2026],
        ),
        (
            "2025-10-01",
            {"recording_available_at": at("2025-10-05"), "recording_until_at": at("2026-07-01")},
            [2026, 2027],
        ),
        ("2028-10-01", {"recording_available_at": at("2028-10-05")}, [2029]),
    ],
)
def test_an_event_can_be_in_the_catalog_for_years_in_which_it_earns_credit(
    day: str, fields: dict[str, Any], years: list[int]
) -> None:
    assert list(catalog_queries.catalog_years_of(on(day, **fields))) == years


# ---------- Proposing ----------


def test_proposing_twice_creates_one_listing(editor: User) -> None:
    event = event_of(editor)
    first = propose_listing(event_id=event.pk, fiscal_year=2027, by=editor)
    again = propose_listing(
        event_id=event.pk, fiscal_year=2027, by=make.person(Role.CE_COORDINATOR)
    )
    assert (again.pk, again.proposed_by, again.state) == (first.pk, editor, PROPOSED)
    assert CatalogListing.objects.get().proposed_at == NOW


def test_a_declined_course_can_be_proposed_again(editor: User) -> None:
    event = event_of(editor)
    listing = make.listing(event, state=DECLINED)
    propose_listing(event_id=event.pk, fiscal_year=2027, by=editor)
    listing.refresh_from_db()
    assert (listing.state, listing.proposed_by, listing.reason) == (PROPOSED, editor, "")


@pytest.mark.parametrize(
    ("fields", "year", "words"),
    [
        ({"days": -7}, 2026, "earns no credit in fiscal year 2026"),
        ({"credits": {}}, 2027, "earns no CE credit"),
        ({"state": EventState.CANCELLED}, 2027, "is not on the calendar"),
        ({"state": EventState.PENDING}, 2027, "is not on the calendar"),
    ],
)
def test_an_event_that_cannot_be_in_the_catalog_is_not_proposed(
    editor: User, fields: dict[str, Any], year: int, words: str
) -> None:
    event = event_of(editor, **fields)
    with pytest.raises(Refused, match=words):
        propose_listing(event_id=event.pk, fiscal_year=year, by=editor)
    assert not CatalogListing.objects.exists()


def test_editors_cannot_propose_events_they_do_not_manage(editor: User) -> None:
    event = make.event(organization=make.organization())
    for person in (editor, make.person(), make.person(Role.HELP_DESK)):
        with pytest.raises(Refused, match="no longer manage"):
            propose_listing(event_id=event.pk, fiscal_year=2027, by=person)
    assert not CatalogListing.objects.exists()


# ---------- Deciding ----------


@pytest.mark.parametrize("before", ListingState)
@pytest.mark.parametrize("decision", LISTING_TRANSITIONS)
def test_every_decision_in_every_state(committee: User, before: str, decision: Decision) -> None:
    listing = make.listing(make.event(title="Weeding"), state=before)
    decided_by = listing.decided_by
    facts = MEETING | {"reason": "Too short"}
    result = decide_listings(ids=[listing.pk], decision=decision, by=committee, **facts)
    transition = LISTING_TRANSITIONS[decision]
    target = transition.target
    listing.refresh_from_db()
    if transition.allows(before, Actor.STAFF):
        assert [each.pk for each in result.changed] == [listing.pk]
        assert (listing.state, listing.decided_by, listing.decided_at) == (target, committee, NOW)
        assert listing.reason == ("Too short" if decision == DECLINE else "")
        assert (listing.meeting is not None) == (decision == APPROVE)
        return
    assert (result.changed, listing.state, listing.decided_by) == ([], before, decided_by)
    skipped = [] if before == target else ["“Weeding” was declined. Propose it again first."]
    assert result.skipped == skipped


def test_declining_requires_a_reason(staff: User) -> None:
    listing = make.listing(make.event())
    with pytest.raises(Refused, match="Give a reason"):
        decide_listings(ids=[listing.pk], decision=DECLINE, reason="  ", by=staff)
    listing.refresh_from_db()
    assert listing.state == APPROVED


def test_members_cannot_approve_their_own_proposals(committee: User) -> None:
    mine = make.listing(make.event(title="Mine"), state=PROPOSED, proposed_by=committee)
    other = make.listing(make.event(), state=PROPOSED)
    result = approve(mine, other, by=committee)
    assert [each.pk for each in result.changed] == [other.pk]
    assert result.skipped == [
        "You cannot approve your own proposal, “Mine”. Ask a colleague to do it."
    ]
    slip = decide_listings(ids=[mine.pk], decision=DECLINE, reason="A slip", by=committee)
    assert slip.skipped == []


def test_a_canceled_event_is_not_approved(committee: User) -> None:
    listing = make.listing(make.event(state=EventState.CANCELLED), state=PROPOSED)
    [sentence] = approve(listing, by=committee).skipped
    assert "is not on the calendar" in sentence


def test_only_the_committee_approves(editor: User, staff: User) -> None:
    listing = make.listing(make.event(), state=PROPOSED)
    helper, administrator = make.person(Role.HELP_DESK), make.person(Role.ADMINISTRATOR)
    for person in (editor, staff, helper, administrator):
        with pytest.raises(Refused, match="Only the catalog committee can approve"):
            approve(listing, by=person)
    assert list(CatalogListing.objects.values_list("state", flat=True)) == [PROPOSED]


def test_only_coordinators_prepare(editor: User, committee: User) -> None:
    listing = make.listing(make.event(), state=PROPOSED)
    for person in (editor, make.person(Role.HELP_DESK), make.person(Role.ADMINISTRATOR)):
        with pytest.raises(Refused, match="Only CE Coordinators and the catalog committee"):
            decide_listings(ids=[listing.pk], decision=DECLINE, reason="No", by=person)
        with pytest.raises(Refused, match="Only CE Coordinators"):
            undo_listing_decisions(ids=[listing.pk], by=person)
    for person in (editor, committee):
        with pytest.raises(Refused, match="Only CE Coordinators can propose"):
            renew_listings(ids=[listing.pk], by=person)
    assert list(CatalogListing.objects.values_list("state", flat=True)) == [PROPOSED]


def test_coordinators_decline_proposals_but_remove_no_course(staff: User) -> None:
    listing, course = proposed(), make.listing(make.event(title="Weeding"))
    ids = [listing.pk, course.pk]
    result = decide_listings(ids=ids, decision=DECLINE, reason="A demo", by=staff)
    assert [each.pk for each in result.changed] == [listing.pk]
    assert result.skipped == [
        "“Weeding” is in the catalog. Only the catalog committee can remove it."
    ]


# ---------- Meetings ----------


def test_one_meeting_approves_several_courses(committee: User, staff: User) -> None:
    first, second, third, later = (proposed() for _ in range(4))
    approve(first, second, by=committee, voters=["  Bo Sather", "Ada Ng", "", "Ada Ng"])
    approve(third, by=make.person(Role.CATALOG_COMMITTEE))
    approve(later, by=committee, voters=["Ada Ng"])
    both, alone = CatalogMeeting.objects.order_by("pk")
    assert (both.day, both.voters, both.recorded_by) == (
        NOW.date(),
        ["Ada Ng", "Bo Sather"],
        committee,
    )
    assert set(both.listings.order_by("pk")) == {first, second, third}
    assert list(alone.listings.order_by("pk")) == [later]
    with pytest.raises(Refused, match="Only the catalog committee"):
        approve(first, by=staff)


@pytest.mark.parametrize(
    ("meeting", "words"),
    [
        ({"met_on": None}, "Enter the day of the meeting"),
        ({"met_on": NOW.date() + dt.timedelta(days=1)}, "a meeting that has taken place"),
        ({"voters": []}, "the members who voted"),
        ({"voters": [" ", "\u200b"]}, "the members who voted"),
    ],
)
def test_an_approval_names_the_day_and_who_voted(
    committee: User, meeting: dict[str, Any], words: str
) -> None:
    listing = proposed()
    with pytest.raises(Refused, match=words):
        approve(listing, by=committee, **meeting)
    assert not CatalogMeeting.objects.exists()


def test_a_course_is_not_approved_at_a_meeting_before_its_proposal(committee: User) -> None:
    early = make.listing(make.event(), state=PROPOSED, proposed_at=NOW - dt.timedelta(days=8))
    late = make.listing(make.event(title="Weeding"), state=PROPOSED)
    result = approve(early, late, by=committee, met_on=NOW.date() - dt.timedelta(days=7))
    assert [each.pk for each in result.changed] == [early.pk]
    assert result.skipped == ["“Weeding” was proposed on Tue, Nov 24, 2026, after the meeting."]
    assert approve(late, by=committee).skipped == []


def test_no_meeting_is_recorded_if_no_course_is_approved(committee: User) -> None:
    assert approve(proposed(), by=committee).changed
    meetings = CatalogMeeting.objects.count()
    mine = make.listing(make.event(), state=PROPOSED, proposed_by=committee)
    approve(mine, by=committee, voters=["Ada Ng"])
    assert CatalogMeeting.objects.count() == meetings


def test_the_history_records_meetings(committee: User) -> None:
    approve(proposed(), by=committee)
    [entry] = CatalogMeetingHistory.objects.order_by("pgh_id")
    assert (entry.voters, entry.pgh_context["by"]) == (["Ada Ng", "Bo Sather"], committee.pk)


def test_the_history_records_who_proposed_and_who_decided(editor: User, committee: User) -> None:
    event = event_of(editor)
    listing = propose_listing(event_id=event.pk, fiscal_year=2027, by=editor)
    approve(listing, by=committee)
    history = CatalogListingHistory.objects.order_by("pgh_id")
    assert list(history.values_list("state", "pgh_context__by", "pgh_context__act")) == [
        ("proposed", editor.pk, "events.propose_listing"),
        ("approved", committee.pk, "events.decide_listings"),
    ]


# ---------- The next year ----------


def test_recordings_are_renewed_for_the_next_year(staff: User) -> None:
    recorded = {"recording_available_at": at("2026-10-05"), "delivery": Delivery.RECORDED}
    stays = make.listing(on("2026-10-01", title="Stays", **recorded))
    live = make.listing(on("2026-10-01", title="Live"))
    declined = make.listing(on("2026-10-01", title="Declined", **recorded))
    make.listing(declined.event, fiscal_year=2028, state=DECLINED)
    waits = make.listing(on("2026-10-01", title="Waits", **recorded), state=PROPOSED)
    ids = [each.pk for each in (stays, live, declined, waits)]
    for number in (1, 0):
        result = renew_listings(ids=ids, by=staff)
        assert len(result.changed) == number
        assert result.skipped == [
            "“Live” earns no credit in fiscal year 2028. Choose another year.",
            "“Declined” was declined for fiscal year 2028.",
            "“Waits” is not in the fiscal year 2027 catalog.",
        ]
    renewed = stays.event.listings.get(fiscal_year=2028)
    assert (renewed.state, renewed.proposed_by) == (PROPOSED, staff)


# ---------- Credits and tracks ----------


def catalog_track() -> RuleSet:
    RuleSet.objects.filter(name="2023 Library Staff").update(catalog_only=True)
    return RuleSet.objects.get(name="2023 Library Staff")


def test_decisions_update_credits_in_the_same_transaction(committee: User) -> None:
    catalog_track()
    people = [make.person() for _ in range(3)]
    event = make.event(days=-7)
    for person in people:
        make.claim(person, event)
        select_track(track=make.track(), by=person)
    listing = make.listing(event, state=PROPOSED)
    assert Posting.objects.count() == 0
    approve(listing, by=committee)
    assert Posting.objects.count() == 3
    decide_listings(ids=[listing.pk], decision=DECLINE, reason="No course", by=committee)
    assert Posting.objects.count() == 0
    assert [check.name for check in integrity.INTEGRITY_CHECKS if check.find()[0]] == []


def test_the_catalog_of_another_year_does_not_count(committee: User) -> None:
    catalog_track()
    person, event = make.person(), on("2026-06-30")
    make.claim(person, event)
    select_track(track=make.track(), by=person)
    for year, number in ((2027, 0), (2026, 1)):
        listing = make.listing(event, fiscal_year=year, state=PROPOSED)
        approve(listing, by=committee)
        assert Posting.objects.count() == number
    page = signed_in(person).get("/continuing-education/credits/").content.decode()
    assert "Posted to Library Staff" in page


def test_a_recording_counts_in_the_year_in_which_it_is_watched(committee: User) -> None:
    catalog_track()
    person = make.person()
    event = on("2026-05-01", recording_available_at=at("2026-05-04"))
    make.claim(person, event)
    select_track(track=make.track(), by=person)
    listing = make.listing(event, fiscal_year=2027, state=PROPOSED)
    approve(listing, by=committee)
    assert Posting.objects.count() == 1


def test_the_credits_page_says_which_catalog_a_course_was_not_in() -> None:
    catalog_track()
    person = make.person()
    make.claim(person, on("2026-05-01"))
    select_track(track=make.track(), by=person)
    page = signed_in(person).get("/continuing-education/credits/").content.decode()
    assert (
        "Not in Library Staff: This track counts only training that was in the State Library&#x27;s"
        " course catalog in fiscal year 2026."
    ) in page


@pytest.mark.parametrize("items", [1, 3])
def test_approving_takes_a_fixed_number_of_queries(
    committee: User, items: int, django_assert_num_queries: Any
) -> None:
    catalog_track()
    listings = [make.listing(make.event(), state=PROPOSED) for _ in range(items)]
    for listing in listings:
        person = make.person()
        make.claim(person, listing.event)
        select_track(track=make.track(), by=person)
    with django_assert_num_queries(21):
        approve(*listings, by=committee)
    assert Posting.objects.count() == items


# ---------- The public catalog ----------


def shown(address: str = PAGE) -> list[tuple[str, list[str]]]:
    """Return the category slugs and course titles on the public page."""
    groups = Client().get(address).context["groups"]
    return [(category.slug, [each.title for each in courses]) for category, courses in groups]


def test_the_catalog_shows_this_years_courses_by_category() -> None:
    both = {TECHNOLOGY: "1.0", ADMINISTRATION: "0.5"}
    make.listing(make.event(title="B", credits=both))
    make.listing(make.event(title="A", credits={TECHNOLOGY: "1.0"}))
    make.listing(make.event(title="Waits"), state=PROPOSED)
    make.listing(make.event(title="Declined"), state=DECLINED)
    make.listing(make.event(title="Last year"), fiscal_year=2026)
    make.listing(make.event(title="Cancelled", state=EventState.CANCELLED))
    assert shown() == [(ADMINISTRATION, ["B"]), (TECHNOLOGY, ["A", "B"])]
    assert shown(f"{PAGE}?category={ADMINISTRATION}") == [(ADMINISTRATION, ["B"])]
    assert shown(f"{PAGE}?year=2026") == [(TECHNOLOGY, ["Last year"])]
    for nonsense in ("?year=0", "?year=%00", "?year=x&category=%00", "?category=nothing"):
        assert shown(f"{PAGE}{nonsense}") == shown()
    page = Client().get(PAGE).content.decode()
    assert "Course catalog, fiscal year 2027</h1>" in page
    assert "July 1, 2026, to June 30, 2027" in page


def test_the_fiscal_year_starts_on_july_1() -> None:
    make.listing(make.event(title="Old"), fiscal_year=2027)
    make.listing(make.event(title="New"), fiscal_year=2028)
    for moment, title in (("2027-07-01 05:59", "Old"), ("2027-07-01 06:00", "New")):
        with time_machine.travel(f"{moment} +0000", tick=False):
            assert shown() == [(TECHNOLOGY, [title])]


def test_an_empty_catalog_says_so() -> None:
    page = Client().get(f"{PAGE}?year=2031")
    assert "This catalog is empty" in page.content.decode()


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_catalog(items: int, django_assert_num_queries: Any) -> None:
    for number in range(items):
        make.listing(make.event(credits={PUBLIC: "1.0", TECHNOLOGY: "1.0"}))
        make.listing(make.event(), fiscal_year=2020 + number)
    with django_assert_num_queries(4):
        Client().get(PAGE)


def test_a_long_catalog_has_pages() -> None:
    for number in range(51):
        make.listing(make.event(title=f"Course {number:02}"))
    assert shown(f"{PAGE}?page=2") == [(TECHNOLOGY, ["Course 50"])]
    assert 'href="?year=2027&amp;page=2"' in Client().get(PAGE).content.decode()


def test_the_event_page_and_the_calendar_link_to_the_catalog() -> None:
    event = make.event()
    words = "In the State Library’s course catalog, fiscal year 2027"
    assert words not in Client().get(event.get_absolute_url()).content.decode()
    make.listing(event)
    make.listing(event, fiscal_year=2026)  # the event was moved and earns no credit in that year
    make.listing(make.event(), fiscal_year=2028)
    page = Client().get(event.get_absolute_url())
    assert page.context["catalog_years"] == [2027]
    assert f'<a href="/events/catalog/?year=2027">{words}</a>' in page.content.decode()
    assert 'href="/events/catalog/"' in Client().get("/events/").content.decode()
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
    assert Client().get(event.get_absolute_url()).context["catalog_years"] == []


# ---------- The public page of approvals ----------

APPROVALS = f"{PAGE}approvals/"


def approvals_shown(address: str = APPROVALS) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Return the day, the voters and the courses of each meeting on the page."""
    return [
        (each.day, each.voters, [(title, year) for title, _, year in each.courses])
        for each in Client().get(address).context["meetings"]
    ]


def test_approvals_are_shown_by_meeting_latest_first() -> None:
    october = make.meeting(day=dt.date(2026, 10, 5), voters=["Ada Ng", "Bo Sather"])
    november = make.meeting(day=dt.date(2026, 11, 2), voters=["Ada Ng"])
    make.listing(make.event(title="Weeding"), meeting=october, fiscal_year=2026)
    make.listing(make.event(title="Budgets"), meeting=october)
    make.listing(make.event(title="Zines"), meeting=november)
    make.listing(make.event(title="Old"), meeting=None, is_from_before_meetings=True)
    make.listing(make.event(title="Waits"), state=PROPOSED)
    make.listing(make.event(title="Declined"), state=DECLINED)
    make.listing(make.event(title="Canceled", state=EventState.CANCELLED))
    assert approvals_shown() == [
        ("Mon, Nov 2, 2026", "Ada Ng", [("Zines", 2027)]),
        ("Mon, Oct 5, 2026", "Ada Ng, Bo Sather", [("Budgets", 2027), ("Weeding", 2026)]),
        ("", "", [("Old", 2027)]),
    ]
    page = Client().get(APPROVALS).content.decode()
    assert "before the portal recorded the committee’s meetings" in page
    assert "Demonstration meeting" not in page
    assert f'href="{APPROVALS}"' in Client().get(PAGE).content.decode()


def test_meetings_of_the_demonstration_are_marked() -> None:
    meeting = make.meeting(recorded_by=make.person(is_demonstration=True))
    make.listing(make.event(), meeting=meeting)
    assert "Demonstration meeting" in Client().get(APPROVALS).content.decode()


def test_a_long_list_of_approvals_has_pages() -> None:
    assert "No courses have been approved" in Client().get(APPROVALS).content.decode()
    meeting = make.meeting(voters=["Ada Ng"])
    for number in range(51):
        make.listing(make.event(title=f"Course {number:02}"), meeting=meeting)
    [(day, _, courses)] = approvals_shown(f"{APPROVALS}?page=2")
    assert (day, courses) == ("Tue, Nov 24, 2026", [("Course 50", 2027)])


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_page_of_approvals(items: int, django_assert_num_queries: Any) -> None:
    for _ in range(items):
        meeting = make.meeting()
        for _ in range(items):
            make.listing(make.event(), meeting=meeting)
    with django_assert_num_queries(2):
        Client().get(APPROVALS)


# ---------- The page for event editors ----------


def test_an_editor_proposes_on_the_page_and_sees_the_decision(editor: User, staff: User) -> None:
    event = event_of(editor)
    client, address = signed_in(editor), f"/events/{event.pk}/catalog/"
    assert f'href="{address}"' in client.get(event.get_absolute_url()).content.decode()
    assert "has not been proposed yet." in client.get(address).content.decode()
    answer = client.post(address, {"fiscal_year": "2027"})
    assert flash_messages(answer) == [
        "Proposed for the fiscal year 2027 catalog. Staff will review it."
    ]
    listing = CatalogListing.objects.get()
    assert "Waiting for a decision" in client.get(address).content.decode()
    decide_listings(ids=[listing.pk], decision=DECLINE, reason="Only a demonstration", by=staff)
    page = client.get(address).content.decode()
    assert "Only a demonstration" in page
    assert "Declined" in page


def test_the_form_rejects_a_year_without_credit(editor: User) -> None:
    event = event_of(editor)
    client = signed_in(editor)
    page = client.post(f"/events/{event.pk}/catalog/", {"fiscal_year": "2031"})
    assert "fiscal_year" in page.context["form"].errors
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
    page = client.post(f"/events/{event.pk}/catalog/", {"fiscal_year": "2027"})
    assert "is not on the calendar" in page.content.decode()
    assert not CatalogListing.objects.exists()


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_editors_page(
    editor: User, items: int, django_assert_num_queries: Any
) -> None:
    event = event_of(editor)
    for number in range(items):
        make.listing(event, fiscal_year=2025 + number)
    client = signed_in(editor)
    with django_assert_num_queries(7):
        client.get(f"/events/{event.pk}/catalog/")


# ---------- The admin ----------


def choose(client: Client, action: str, *listings: CatalogListing, reason: str = "") -> Any:
    ids = [str(each.pk) for each in listings]
    return client.post(QUEUE, {"action": action, "_selected_action": ids, "reason": reason})


def send_meeting(client: Client, *listings: CatalogListing, **fields: str) -> Any:
    ids = ",".join(str(each.pk) for each in listings)
    values = {"ids": ids, "met_on": "2026-11-24", "voters": "Ada Ng\nBo Sather"}
    return client.post(f"{QUEUE}approve/", values | fields)


def test_the_committee_decides_in_bulk(committee: User) -> None:
    client = signed_in(committee)
    first, second = (make.listing(make.event(), state=PROPOSED) for _ in range(2))
    mine = make.listing(make.event(title="Mine"), state=PROPOSED, proposed_by=committee)
    page = choose(client, "approve", first, second, mine)
    assert page.context["ids"] == f"{first.pk},{second.pk},{mine.pk}"
    assert "One name on each line" in page.content.decode()
    assert not CatalogListing.objects.filter(state=APPROVED).exists()
    assert flash_messages(send_meeting(signed_in(committee), first, second, mine)) == [
        "You cannot approve your own proposal, “Mine”. Ask a colleague to do it.",
        "Approved: 2 of 3.",
    ]
    assert flash_messages(choose(signed_in(committee), "decline", first)) == [
        "Give a reason. The event editors will read it."
    ]
    declined = choose(signed_in(committee), "decline", first, reason="Moved")
    assert flash_messages(declined) == ["Declined: 1 of 1."]
    states = dict(CatalogListing.objects.order_by("pk").values_list("pk", "state"))
    assert states == {first.pk: DECLINED, second.pk: APPROVED, mine.pk: PROPOSED}
    page = client.get(f"{QUEUE}{second.pk}/change/").content.decode()
    assert "Tue, Nov 24, 2026: Ada Ng, Bo Sather" in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"met_on": ""}, "Enter the day of the meeting."),
        ({"met_on": "2026-11-25"}, "Enter the day of a meeting that has taken place."),
        ({"met_on": "2026-11-23"}, "was proposed on Tue, Nov 24, 2026, after the meeting."),
        ({"voters": " \n\u200b"}, "Enter the names of the members who voted."),
        ({"voters": "x" * 201}, "A name can have at most 200 characters."),
        ({"voters": "\n".join(map(str, range(51)))}, "Enter at most 50 names."),
    ],
)
def test_the_form_keeps_what_was_typed(committee: User, fields: dict[str, str], words: str) -> None:
    listing = proposed()
    page = send_meeting(signed_in(committee), listing, **fields).content.decode()
    assert words in page
    assert "No courses were approved." in page
    assert "Ada Ng" in page or "voters" in fields
    assert CatalogListing.objects.get().state == PROPOSED


def test_coordinators_have_no_approve_action(staff: User) -> None:
    listing, client = proposed(), signed_in(staff)
    assert send_meeting(client, listing).status_code == 403
    choose(client, "approve", listing)
    actions = client.get(QUEUE).context["action_form"].fields["action"].choices
    assert [name for name, _ in actions if name] == ["decline", "renew"]
    assert CatalogListing.objects.get().state == PROPOSED
    actions = signed_in(make.person(Role.CATALOG_COMMITTEE)).get(QUEUE).context["action_form"]
    assert [name for name, _ in actions.fields["action"].choices if name] == ["approve", "decline"]


def test_the_page_to_approve_without_courses_leads_to_the_list(committee: User) -> None:
    client = signed_in(committee)
    for ids in ("", "x", "-1,0"):
        answer = client.get(f"{QUEUE}approve/", {"ids": ids})
        assert (answer.status_code, answer["Location"]) == (302, QUEUE)


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_page_to_approve(
    committee: User, items: int, django_assert_num_queries: Any
) -> None:
    ids = ",".join(str(proposed().pk) for _ in range(items))
    client = signed_in(committee)
    client.get(QUEUE)  # Django caches content types
    with django_assert_num_queries(6):
        client.get(f"{QUEUE}approve/", {"ids": ids})


def test_staff_renew_in_bulk(staff: User) -> None:
    recorded = {"recording_available_at": at("2026-10-05")}
    listings = [make.listing(on("2026-10-01", **recorded)) for _ in range(2)]
    listings += [make.listing(on("2026-10-01", title=f"Live {number}")) for number in range(7)]
    messages = flash_messages(choose(signed_in(staff), "renew", *listings))
    assert messages[0] == "“Live 0” earns no credit in fiscal year 2028. Choose another year."
    assert messages[5:] == [
        "In all, 7 courses were skipped.",
        "Proposed for the next fiscal year: 2 of 9. The catalog committee decides on the "
        "proposals.",
    ]
    assert CatalogListing.objects.filter(fiscal_year=2028, state=PROPOSED).count() == 2


def test_staff_propose_in_bulk(staff: User) -> None:
    events = [make.event(), on("2026-05-01"), make.event(title="Nothing", credits={})]
    client = signed_in(staff)
    answer = client.post(
        "/admin/events/event/",
        {"action": "propose_for_catalog", "_selected_action": [each.pk for each in events]},
    )
    assert flash_messages(answer)[-1] == "Proposed for the catalog: 2 of 3."
    rows = CatalogListing.objects.order_by("fiscal_year").values_list("event", "fiscal_year")
    assert list(rows) == [(events[1].pk, 2026), (events[0].pk, 2027)]


def test_waiting_listings_are_counted_on_the_committees_index(staff: User, committee: User) -> None:
    make.listing(make.event(), state=PROPOSED, proposed_at=NOW - dt.timedelta(days=2))
    make.listing(make.event(), state=PROPOSED)
    make.listing(make.event())
    url = f"{QUEUE}?state__exact=proposed"
    client = signed_in(committee)
    assert client.get("/admin/").context["waiting"] == [
        ("2 courses proposed for the catalog, the oldest waiting 2 days", url)
    ]
    page = client.get(url)
    assert page.context["cl"].result_count == 2
    for other in (staff, make.person(Role.HELP_DESK)):
        assert signed_in(other).get("/admin/").context["waiting"] == []


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_queue(staff: User, items: int, django_assert_num_queries: Any) -> None:
    for _ in range(items):
        listing = make.listing(make.event(), state=PROPOSED)
    client = signed_in(staff)
    client.get(f"{QUEUE}{listing.pk}/change/")  # Django caches content types
    with django_assert_num_queries(10):
        client.get(QUEUE)


def test_listings_cannot_be_edited_in_the_admin() -> None:
    listing = make.listing(make.event(), state=PROPOSED)
    client = signed_in(make.person(Role.CE_COORDINATOR, is_superuser=True))
    answers = [
        client.post(f"{QUEUE}{listing.pk}/change/", {"fiscal_year": "2020"}),
        client.post(f"{QUEUE}{listing.pk}/delete/", {"post": "yes"}),
        client.get(f"{QUEUE}add/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert CatalogListing.objects.get().fiscal_year == 2027


# ---------- Constraints ----------


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"state": "perhaps", "meeting": None}, "events_listing_state_and_year_known"),
        ({"fiscal_year": 1989}, "events_listing_state_and_year_known"),
        ({"fiscal_year": 2101}, "events_listing_state_and_year_known"),
        ({"state": PROPOSED, "meeting": None}, "events_listing_decided_both_or_neither"),
        ({"decided_by": None}, "events_listing_decided_both_or_neither"),
        ({"decided_at": None}, "events_listing_decided_both_or_neither"),
        ({"state": DECLINED, "meeting": None}, "events_listing_decline_has_reason"),
        ({"meeting": None}, "events_listing_approved_at_meeting"),
        ({"state": DECLINED, "reason": "No"}, "events_listing_approved_at_meeting"),
    ],
)
def test_listing_constraints(values: dict[str, Any], constraint: str) -> None:
    listing = make.listing(make.event())
    with pytest.raises(IntegrityError, match=constraint):
        CatalogListing.objects.filter(pk=listing.pk).update(**values)


INVISIBLE = RawSQL("ARRAY['Ada' || chr(8203)]::varchar[]", [])


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"voters": []}, "events_meeting_has_voters"),
        ({"voters": ["Ada Ng", ""]}, "events_catalogmeeting_voters_clean"),
        (
            {"voters": RawSQL("ARRAY['Ada' || chr(8203)]::varchar[]", [])},
            "events_catalogmeeting_voters_clean",
        ),
        ({"day": dt.date(2026, 11, 25)}, "events_meeting_not_in_the_future"),
        ({"day": dt.date(2026, 11, 23)}, "events_meeting_recorded_once"),
    ],
)
def test_meeting_constraints(values: dict[str, Any], constraint: str) -> None:
    make.meeting(day=dt.date(2026, 11, 23), voters=["Ada Ng"])
    meetings = CatalogMeeting.objects.filter(pk=make.meeting(voters=["Ada Ng"]).pk)
    with pytest.raises(IntegrityError, match=constraint):
        meetings.update(**values)


def test_an_event_is_listed_once_per_year() -> None:
    listing = make.listing(make.event())
    with pytest.raises(IntegrityError, match="events_one_listing_per_year"):
        make.listing(listing.event)


def test_the_database_refuses_approval_of_ones_own_proposal() -> None:
    listing = make.listing(make.event())
    listings = CatalogListing.objects.filter(pk=listing.pk)
    with pytest.raises(IntegrityError, match="events_listing_not_decided_by_proposer"):
        listings.update(proposed_by=listing.decided_by)


# ---------- Undoing decisions ----------


@pytest.mark.parametrize("decision", [APPROVE, DECLINE])
def test_a_decision_on_several_courses_is_undone_from_the_message(decision: Decision) -> None:
    client = signed_in(make.person(Role.CATALOG_COMMITTEE))
    listings = [proposed() for _ in range(2)]
    if decision == APPROVE:
        answer = send_meeting(client, *listings)
    else:
        answer = choose(client, "decline", *listings, reason="Not enough detail.")
    page = client.get(answer["Location"]).content.decode()
    assert {each.state for each in CatalogListing.objects.all()} != {PROPOSED}
    [url] = [part.split('"')[0] for part in page.split('action="')[1:] if "undo/" in part[:60]]
    assert flash_messages(client.post(url))[-1] == "Undone: 2 of 2."
    for listing in CatalogListing.objects.order_by("pk"):
        assert (listing.state, listing.decided_at, listing.reason) == (PROPOSED, None, "")
        assert listing.meeting is None


def test_undoing_a_removal_restores_the_meeting(committee: User) -> None:
    listing = make.listing(make.event())
    decide_listings(ids=[listing.pk], decision=DECLINE, reason="Too old.", by=committee)
    undo_listing_decisions(ids=[listing.pk], by=committee)
    stored = CatalogListing.objects.get()
    assert (stored.state, stored.meeting) == (APPROVED, listing.meeting)


def test_coordinators_undo_only_their_own_kind_of_decision(committee: User, staff: User) -> None:
    approved, declined = proposed(), proposed()
    approve(approved, by=committee)
    decide_listings(ids=[declined.pk], decision=DECLINE, reason="A demo.", by=staff)
    client = signed_in(staff)
    for listing, has_button in ((approved, False), (declined, True)):
        page = client.get(f"{QUEUE}{listing.pk}/change/").content.decode()
        assert ("undo/?" in page) == has_button
    result = undo_listing_decisions(ids=[approved.pk, declined.pk], by=staff)
    assert [each.pk for each in result.changed] == [declined.pk]
    assert "only the catalog committee can undo its decisions" in result.skipped[0]


# ---------- Approvals from before ----------

migration = import_module("events.migrations.0009_catalog_committee")


def approved_before() -> CatalogListing:
    """Store a course that was approved before approvals named a meeting."""
    listing = make.listing(make.event(), meeting=None, is_from_before_meetings=True)
    CatalogListing.objects.filter(pk=listing.pk).update(is_from_before_meetings=True)
    return listing


def test_earlier_decisions_stand_without_a_meeting(committee: User) -> None:
    declined, waits = make.listing(make.event(), state=DECLINED), proposed()
    migration.mark_decided_listings(apps, None)
    marked = CatalogListing.objects.filter(is_from_before_meetings=True)
    assert list(marked) == [declined]
    course = approved_before()
    decide_listings(ids=[course.pk], decision=DECLINE, reason="A slip", by=committee)
    assert undo_listing_decisions(ids=[course.pk], by=committee).changed == [course]
    course.refresh_from_db()
    assert (course.state, course.meeting) == (APPROVED, None)
    # If it is proposed again, a new approval needs a meeting.
    decide_listings(ids=[course.pk], decision=DECLINE, reason="Old", by=committee)
    propose_listing(event_id=course.event_id, fiscal_year=2027, by=make.person(Role.CE_COORDINATOR))
    approve(course, waits, by=committee)
    course.refresh_from_db()
    assert (course.is_from_before_meetings, course.meeting is None) == (False, False)


def test_existing_coordinators_prepare_and_no_longer_approve() -> None:
    Group.objects.get(name=Role.CATALOG_COMMITTEE).delete()
    coordinators = Group.objects.get(name=Role.CE_COORDINATOR)
    others = Group.objects.create(name="Others")
    decide, prepare = (
        Permission.objects.get(codename=name) for name in ("decide_listing", "prepare_listing")
    )
    member = make.person()
    for holder in (coordinators.permissions, others.permissions, member.user_permissions):
        holder.remove(prepare)
        holder.add(decide)
    migration.let_coordinators_prepare(apps, None)
    create_roles()
    held = Group.objects.filter(permissions__in=[decide, prepare]).order_by("pk")
    assert {
        (group.name, name)
        for group in held.distinct()
        for name in group.permissions.values_list("codename", flat=True)
        if name.endswith("_listing")
    } == {
        (Role.CE_COORDINATOR, "prepare_listing"),
        (Role.CATALOG_COMMITTEE, "decide_listing"),
        ("Others", "decide_listing"),
        ("Others", "prepare_listing"),
    }
    assert set(member.user_permissions.order_by("pk")) == {decide, prepare}


def proposed() -> CatalogListing:
    return make.listing(make.event(), state=PROPOSED, decided_at=None, decided_by=None)


def test_one_course_is_undone_from_its_page_and_credits_follow(person: User) -> None:
    staff = make.person(Role.CATALOG_COMMITTEE)
    listings = [make.listing(make.event(), state=APPROVED) for _ in range(2)]
    rules = RuleSet.objects.filter(track__name="Library Staff")
    rules.update(catalog_only=True)
    select_track(track=make.track("Library Staff"), by=person)
    for listing in listings:
        make.claim(person, listing.event)
    assert Posting.objects.count() == 2
    ids = [each.pk for each in listings]
    decide_listings(ids=ids, decision=DECLINE, reason="Too old.", by=staff)
    assert Posting.objects.count() == 0
    client = signed_in(staff)
    page = client.get(f"{QUEUE}{ids[0]}/change/").content.decode()
    [url] = [part.split('"')[0] for part in page.split('action="')[1:] if "undo/" in part[:60]]
    assert flash_messages(client.post(url.replace("&amp;", "&")))[-1] == "Undone: 1 of 1."
    assert Posting.objects.get().credit.claim.event == listings[0].event


def test_a_decision_on_a_course_stays_if_someone_decided_again_or_a_day_has_passed() -> None:
    committee, listing = make.person(Role.CATALOG_COMMITTEE), proposed()
    approve(listing, by=committee)
    client = signed_in(committee)
    at = CatalogListing.objects.get().decided_at
    assert at
    with time_machine.travel(NOW + dt.timedelta(minutes=1), tick=False):
        decide_listings(ids=[listing.pk], decision=DECLINE, reason="A demo.", by=committee)
    answer = client.post(f"{QUEUE}undo/", query_params={"at": at.isoformat()})
    assert "Someone has decided again" in flash_messages(answer)[-1]
    with time_machine.travel(timezone.now() + dt.timedelta(days=365), tick=False):
        result = undo_listing_decisions(ids=[listing.pk], by=committee)
    assert "within one day" in result.skipped[0]
    with pytest.raises(Refused, match="Only CE Coordinators"):
        undo_listing_decisions(ids=[listing.pk], by=make.person())
