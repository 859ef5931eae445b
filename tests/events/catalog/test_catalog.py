"""The course catalog: proposals, decisions and public pages."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.clock import fiscal_year
from aspen.errors import Refused
from aspen.transitions import Actor
from events.catalog import queries as catalog_queries
from events.catalog.actions import (
    decide_listings,
    propose_listing,
    renew_listings,
    undo_listing_decisions,
)
from events.enums import LISTING_TRANSITIONS, Decision, Delivery, EventState, ListingState
from events.models import (  # type: ignore[attr-defined]  # made by pghistory
    CatalogListing,
    CatalogListingHistory,
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
def test_every_decision_in_every_state(staff: User, before: str, decision: Decision) -> None:
    listing = make.listing(make.event(title="Weeding"), state=before)
    decided_by = listing.decided_by
    result = decide_listings(ids=[listing.pk], decision=decision, reason="Too short", by=staff)
    transition = LISTING_TRANSITIONS[decision]
    target = transition.target
    listing.refresh_from_db()
    if transition.allows(before, Actor.STAFF):
        assert [each.pk for each in result.changed] == [listing.pk]
        assert (listing.state, listing.decided_by, listing.decided_at) == (target, staff, NOW)
        assert listing.reason == ("Too short" if decision == DECLINE else "")
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


def test_staff_cannot_approve_their_own_proposals(staff: User) -> None:
    mine = make.listing(make.event(title="Mine"), state=PROPOSED, proposed_by=staff)
    other = make.listing(make.event(), state=PROPOSED)
    result = decide_listings(ids=[mine.pk, other.pk], decision=APPROVE, by=staff)
    assert [each.pk for each in result.changed] == [other.pk]
    assert result.skipped == [
        "You cannot approve your own proposal, “Mine”. Ask a colleague to do it."
    ]
    assert decide_listings(ids=[mine.pk], decision=DECLINE, reason="A slip", by=staff).skipped == []


def test_a_canceled_event_is_not_approved(staff: User) -> None:
    listing = make.listing(make.event(state=EventState.CANCELLED), state=PROPOSED)
    [sentence] = decide_listings(ids=[listing.pk], decision=APPROVE, by=staff).skipped
    assert "is not on the calendar" in sentence


def test_only_ce_coordinators_decide(editor: User) -> None:
    listing = make.listing(make.event(), state=PROPOSED)
    for person in (editor, make.person(Role.HELP_DESK), make.person(Role.ADMINISTRATOR)):
        with pytest.raises(Refused, match="Only CE Coordinators can decide"):
            decide_listings(ids=[listing.pk], decision=APPROVE, by=person)
        with pytest.raises(Refused, match="Only CE Coordinators can decide"):
            renew_listings(ids=[listing.pk], by=person)
    assert list(CatalogListing.objects.values_list("state", flat=True)) == [PROPOSED]


def test_the_history_records_who_proposed_and_who_decided(editor: User, staff: User) -> None:
    event = event_of(editor)
    listing = propose_listing(event_id=event.pk, fiscal_year=2027, by=editor)
    decide_listings(ids=[listing.pk], decision=APPROVE, by=staff)
    history = CatalogListingHistory.objects.order_by("pgh_id")
    assert list(history.values_list("state", "pgh_context__by", "pgh_context__act")) == [
        ("proposed", editor.pk, "events.propose_listing"),
        ("approved", staff.pk, "events.decide_listings"),
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


def test_decisions_update_credits_in_the_same_transaction(staff: User) -> None:
    catalog_track()
    people = [make.person() for _ in range(3)]
    event = make.event(days=-7)
    for person in people:
        make.claim(person, event)
        select_track(track=make.track(), by=person)
    listing = make.listing(event, state=PROPOSED)
    assert Posting.objects.count() == 0
    decide_listings(ids=[listing.pk], decision=APPROVE, by=staff)
    assert Posting.objects.count() == 3
    decide_listings(ids=[listing.pk], decision=DECLINE, reason="No course", by=staff)
    assert Posting.objects.count() == 0
    assert [check.name for check in integrity.INTEGRITY_CHECKS if check.find()[0]] == []


def test_the_catalog_of_another_year_does_not_count(staff: User) -> None:
    catalog_track()
    person, event = make.person(), on("2026-06-30")
    make.claim(person, event)
    select_track(track=make.track(), by=person)
    for year, number in ((2027, 0), (2026, 1)):
        listing = make.listing(event, fiscal_year=year, state=PROPOSED)
        decide_listings(ids=[listing.pk], decision=APPROVE, by=staff)
        assert Posting.objects.count() == number
    page = signed_in(person).get("/continuing-education/credits/").content.decode()
    assert "Posted to Library Staff" in page


def test_a_recording_counts_in_the_year_in_which_it_is_watched(staff: User) -> None:
    catalog_track()
    person = make.person()
    event = on("2026-05-01", recording_available_at=at("2026-05-04"))
    make.claim(person, event)
    select_track(track=make.track(), by=person)
    listing = make.listing(event, fiscal_year=2027, state=PROPOSED)
    decide_listings(ids=[listing.pk], decision=APPROVE, by=staff)
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
    staff: User, items: int, django_assert_num_queries: Any
) -> None:
    catalog_track()
    listings = [make.listing(make.event(), state=PROPOSED) for _ in range(items)]
    for listing in listings:
        person = make.person()
        make.claim(person, listing.event)
        select_track(track=make.track(), by=person)
    with django_assert_num_queries(18):
        decide_listings(ids=[each.pk for each in listings], decision=APPROVE, by=staff)
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


def test_staff_decide_in_bulk(staff: User) -> None:
    first, second = (make.listing(make.event(), state=PROPOSED) for _ in range(2))
    mine = make.listing(make.event(title="Mine"), state=PROPOSED, proposed_by=staff)
    assert flash_messages(choose(signed_in(staff), "approve", first, second, mine)) == [
        "You cannot approve your own proposal, “Mine”. Ask a colleague to do it.",
        "Approved: 2 of 3.",
    ]
    assert flash_messages(choose(signed_in(staff), "decline", first)) == [
        "Give a reason. The event editors will read it."
    ]
    declined = choose(signed_in(staff), "decline", first, reason="Moved")
    assert flash_messages(declined) == ["Declined: 1 of 1."]
    states = dict(CatalogListing.objects.order_by("pk").values_list("pk", "state"))
    assert states == {first.pk: DECLINED, second.pk: APPROVED, mine.pk: PROPOSED}


def test_staff_renew_in_bulk(staff: User) -> None:
    recorded = {"recording_available_at": at("2026-10-05")}
    listings = [make.listing(on("2026-10-01", **recorded)) for _ in range(2)]
    listings += [make.listing(on("2026-10-01", title=f"Live {number}")) for number in range(7)]
    messages = flash_messages(choose(signed_in(staff), "renew", *listings))
    assert messages[0] == "“Live 0” earns no credit in fiscal year 2028. Choose another year."
    assert messages[5:] == [
        "In all, 7 courses were skipped.",
        "Proposed for the next fiscal year: 2 of 9. Ask a colleague to approve the proposals.",
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


def test_waiting_listings_are_counted_on_the_admin_index(staff: User) -> None:
    make.listing(make.event(), state=PROPOSED, proposed_at=NOW - dt.timedelta(days=2))
    make.listing(make.event(), state=PROPOSED)
    make.listing(make.event())
    url = f"{QUEUE}?state__exact=proposed"
    client = signed_in(staff)
    assert client.get("/admin/").context["waiting"] == [
        ("2 courses proposed for the catalog, the oldest waiting 2 days", url)
    ]
    page = client.get(url)
    assert page.context["cl"].result_count == 2
    helper = signed_in(make.person(Role.HELP_DESK))
    assert helper.get("/admin/").context["waiting"] == []


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
        ({"state": "perhaps"}, "events_listing_state_and_year_known"),
        ({"fiscal_year": 1989}, "events_listing_state_and_year_known"),
        ({"fiscal_year": 2101}, "events_listing_state_and_year_known"),
        ({"state": PROPOSED}, "events_listing_decided_both_or_neither"),
        ({"decided_by": None}, "events_listing_decided_both_or_neither"),
        ({"decided_at": None}, "events_listing_decided_both_or_neither"),
        ({"state": DECLINED}, "events_listing_decline_has_reason"),
    ],
)
def test_listing_constraints(values: dict[str, Any], constraint: str) -> None:
    listing = make.listing(make.event())
    with pytest.raises(IntegrityError, match=constraint):
        CatalogListing.objects.filter(pk=listing.pk).update(**values)


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
    client = signed_in(make.person(Role.CE_COORDINATOR))
    listings = [proposed() for _ in range(2)]
    form = {
        "action": decision.value,
        "_selected_action": [each.pk for each in listings],
        "reason": "Not enough detail.",
    }
    page = client.post(QUEUE, form, follow=True).content.decode()
    assert {each.state for each in CatalogListing.objects.all()} != {PROPOSED}
    [url] = [part.split('"')[0] for part in page.split('action="')[1:] if "undo/" in part[:60]]
    assert flash_messages(client.post(url))[-1] == "Undone: 2 of 2."
    for listing in CatalogListing.objects.order_by("pk"):
        assert (listing.state, listing.decided_at, listing.reason) == (PROPOSED, None, "")


def proposed() -> CatalogListing:
    return make.listing(make.event(), state=PROPOSED, decided_at=None, decided_by=None)


def test_one_course_is_undone_from_its_page_and_credits_follow(person: User) -> None:
    staff = make.person(Role.CE_COORDINATOR)
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
    staff, listing = make.person(Role.CE_COORDINATOR), proposed()
    decide_listings(ids=[listing.pk], decision=APPROVE, by=staff)
    client = signed_in(staff)
    at = CatalogListing.objects.get().decided_at
    assert at
    with time_machine.travel(NOW + dt.timedelta(minutes=1), tick=False):
        decide_listings(ids=[listing.pk], decision=DECLINE, reason="A demo.", by=staff)
    answer = client.post(f"{QUEUE}undo/", query_params={"at": at.isoformat()})
    assert "Someone has decided again" in flash_messages(answer)[-1]
    with time_machine.travel(timezone.now() + dt.timedelta(days=365), tick=False):
        result = undo_listing_decisions(ids=[listing.pk], by=staff)
    assert "within one day" in result.skipped[0]
    with pytest.raises(Refused, match="Only CE Coordinators"):
        undo_listing_decisions(ids=[listing.pk], by=make.person())
