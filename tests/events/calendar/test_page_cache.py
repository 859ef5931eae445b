"""The page cache: changes show at once, and nothing else renews a page."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Federation, Organization
from events import actions
from events.calendar import page_cache
from events.enums import EventState
from events.models import CalendarVersion, Category, CreditOffer, Event, Registration
from tests import factories
from tests.database import without_triggers
from tests.races import rounds, run_concurrently
from tests.web import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = [
    "/events/",
    "/events/?view=list",
    "/events/calendar.ics",
    "/events/calendar.atom",
    "/events/embed/",
    "/events/catalog/",
]


@pytest.fixture(autouse=True)
def empty_page_cache() -> Iterator[None]:
    caches["pages"].clear()
    yield
    caches["pages"].clear()


def get(page: str, tag: str = "", **options: Any) -> Any:
    """The response to a first request, or to one with that tag."""
    headers = {"If-None-Match": tag} if tag else {}
    return Client().get(page, headers=headers, **options)


def tag_of(page: str) -> str:
    response = get(page)
    assert response.status_code == 200
    return str(response.headers["ETag"])


def version() -> int:
    return CalendarVersion.objects.get().number


# ---------- As long as nothing changes ----------


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_made_once_and_asked_for_often(page: str) -> None:
    factories.event(days=2)
    first = get(page)
    assert first.headers["Cache-Control"] == "no-cache"
    assert "Cookie" in first.headers["Vary"]
    assert not first.cookies
    with CaptureQueriesContext(connection) as queries:
        second = get(page)
        third = get(page, first.headers["ETag"])
    assert len(queries) == 2
    assert second.content == first.content
    for name in ("ETag", "Content-Type", "Cache-Control", "Content-Security-Policy"):
        assert sorted(second.headers[name]) == sorted(first.headers[name])
    assert second.headers.get("Content-Disposition") == first.headers.get("Content-Disposition")
    assert second.headers.get("X-Frame-Options") == first.headers.get("X-Frame-Options")
    assert (third.status_code, third.content) == (304, b"")
    assert third.headers["ETag"] == first.headers["ETag"]
    assert third.headers["Cache-Control"] == "no-cache"
    assert "Cookie" in third.headers["Vary"]


def test_asking_for_the_head_only_works_from_the_cache_and_before_it() -> None:
    for _ in range(2):
        response = Client().head("/events/calendar.ics")
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["ETag"]
    assert get("/events/calendar.ics").content.startswith(b"BEGIN:VCALENDAR")


def test_the_order_of_the_parameters_does_not_matter_but_their_values_do() -> None:
    first = tag_of("/events/?category=technology&view=list")
    assert tag_of("/events/?view=list&category=technology") == first
    others = [
        "/events/?view=list",
        "/events/?view=list&category=public-services",
        "/events/?view=list&category=technology&category=public-services",
        "/events/?view=list&category=public-services&category=technology",
        "/events/",
    ]
    assert len({first, *map(tag_of, others)}) == 6


def test_another_host_gets_addresses_of_its_own() -> None:
    event = factories.event(days=2)
    first = get("/events/calendar.ics")
    second = get("/events/calendar.ics", SERVER_NAME="localhost")
    assert first.headers["ETag"] != second.headers["ETag"]
    assert f"http://localhost/events/{event.pk}/" in second.content.decode()


def test_other_settings_and_other_code_make_other_pages(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tag_of("/events/")
    settings.CONTACT_EMAIL = "other@library.example"
    second = tag_of("/events/")
    monkeypatch.setattr(page_cache, "code_digest", lambda: "later")
    assert len({first, second, tag_of("/events/")}) == 3


# ---------- What shows at once ----------


def rename(event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(title="Renamed in the database")


def save(event: Event) -> None:
    event.location = "Somewhere else"
    event.save()


def cancel(event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)


def create(event: Event) -> None:
    factories.event(days=2, title="Another one")


def offer(event: Event) -> None:
    CreditOffer.objects.create(
        event=event, category=factories.category(factories.PUBLIC), amount="0.5"
    )


def take_credits_away(event: Event) -> None:
    event.offers.all().delete()


def fill(event: Event) -> None:
    actions.register(event_id=event.pk, by=factories.person())


def rename_category(event: Event) -> None:
    Category.objects.filter(slug=factories.TECHNOLOGY).update(name="Technologies")


def move_library(event: Event) -> None:
    other = Federation.objects.exclude(pk=event.organization.federation_id).first()  # type: ignore[union-attr]
    Organization.objects.filter(pk=event.organization_id).update(federation=other)


def rename_federation(event: Event) -> None:
    federation = event.organization.federation  # type: ignore[union-attr]
    Federation.objects.filter(pk=federation.pk).update(name="Renamed")  # type: ignore[union-attr]


def add_to_catalog(event: Event) -> None:
    factories.listing(event)


def import_file(event: Event) -> None:
    call_command("import_events", str(Path("events/data/aspen-events.csv")), verbosity=0)


CHANGES: list[Callable[[Event], None]] = [
    rename,
    save,
    cancel,
    create,
    offer,
    take_credits_away,
    fill,
    rename_category,
    move_library,
    rename_federation,
    add_to_catalog,
    import_file,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_shows_on_the_very_next_request(change: Callable[[Event], None]) -> None:
    federation = Federation.objects.order_by("pk").first()
    library = factories.organization(federation=federation)
    event = factories.event(days=2, capacity=1, organization=library)
    before = {page: tag_of(page) for page in PAGES}
    change(event)
    for page, tag in before.items():
        response = get(page, tag)
        assert (response.status_code, page) == (200, page)
        assert response.headers["ETag"] != tag
        # What was kept is what would be made now.
        caches["pages"].clear()
        assert get(page).content == response.content


@pytest.mark.parametrize("page", ["/events/?view=list", "/events/embed/"])
def test_the_last_place_taken_shows(page: str) -> None:
    event = factories.event(days=2, capacity=1)
    assert ">Full<" not in flat(get(page))
    fill(event)
    assert "Full" in flat(get(page))


def flat(response: Any) -> str:
    return str(response.content.decode())


def test_changes_that_do_not_show_keep_the_page() -> None:
    event = factories.event(days=2)
    registration = actions.register(event_id=event.pk, by=factories.person())
    before = [tag_of(page) for page in PAGES]
    Registration.objects.filter(pk=registration.pk).update(
        attendance="present", marked_at=timezone.now(), settled_at=timezone.now()
    )
    factories.person().save()
    assert [tag_of(page) for page in PAGES] == before


def test_a_rolled_back_change_keeps_the_page() -> None:
    event = factories.event(days=2)
    before = tag_of("/events/calendar.ics")
    with transaction.atomic():
        rename(event)
        transaction.set_rollback(True)
    assert tag_of("/events/calendar.ics") == before


# ---------- Time ----------

NOON = dt.datetime(2026, 7, 15, 18, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"begins_at": NOON + HOUR, "ends_at": NOON + 9 * HOUR},
        {"begins_at": NOON - 9 * HOUR, "ends_at": NOON + HOUR},
        {"registration_opens_at": NOON + HOUR},
        {"registration_closes_at": NOON + HOUR},
        {"begins_at": NOON - 50 * HOUR, "recording_available_at": NOON + HOUR},
        {
            "begins_at": NOON - 50 * HOUR,
            "recording_available_at": NOON - 9 * HOUR,
            "recording_until_at": NOON + HOUR,
        },
    ],
    ids=["begins", "is over", "opens", "closes", "recorded", "recording ends"],
)
def test_time_passing_a_moment_of_an_event_renews_its_pages(fields: dict[str, Any]) -> None:
    begins_at = fields.get("begins_at", NOON + 60 * HOUR)
    values = {"begins_at": begins_at, "ends_at": begins_at + HOUR} | fields
    factories.event(**values)
    with time_machine.travel(NOON, tick=False) as traveller:
        first = tag_of("/events/?view=list")
        traveller.shift(HOUR - dt.timedelta(seconds=1))
        assert get("/events/?view=list", first).status_code == 304
        traveller.shift(dt.timedelta(seconds=1))
        assert get("/events/?view=list", first).status_code == 200
        second = tag_of("/events/?view=list")
        assert second != first
        traveller.shift(HOUR)
        assert get("/events/?view=list", second).status_code == 304


def test_midnight_in_montana_renews_pages() -> None:
    with time_machine.travel("2026-07-15T23:59:59-06:00", tick=False) as traveller:
        first = tag_of("/events/")
        traveller.shift(1)
        assert get("/events/", first).status_code == 200


# ---------- For one visitor only ----------


@pytest.mark.parametrize("page", PAGES)
def test_who_signed_in_never_gets_a_kept_page(page: str) -> None:
    person = factories.person(display_name="Olive Quillfeather")
    factories.event(days=2)
    tag = tag_of(page)
    client = signed_in(person)
    response = client.get(page, headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert "ETag" not in response.headers
    assert "private" in response.headers["Cache-Control"]
    if page.startswith("/events/?") or page == "/events/":
        assert "Quillfeather" in flat(response)
    assert "Quillfeather" not in flat(get(page))


def test_a_message_is_shown_to_its_visitor_only() -> None:
    event = factories.event(days=2)
    tag = tag_of("/events/")
    client = Client()
    client.post(f"/events/{event.pk}/register/")  # leaves a message and asks to sign in
    assert client.cookies
    response = client.get("/events/", headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert "You were signed out" in flat(response)
    assert "You were signed out" not in flat(get("/events/"))
    assert tag_of("/events/") == tag


def test_nothing_is_kept_of_what_a_transaction_may_take_back() -> None:
    event = factories.event(days=2, title="As it was")
    with transaction.atomic():
        Event.objects.filter(pk=event.pk).update(title="As it never came to be")
        response = get("/events/calendar.ics")
        assert "As it never came to be" in flat(response)
        assert "ETag" not in response.headers
        transaction.set_rollback(True)
    assert "As it was" in flat(get("/events/calendar.ics"))


def test_nothing_is_kept_while_developing(settings: Any) -> None:
    settings.DEBUG = True
    assert "ETag" not in get("/events/calendar.ics").headers


@pytest.mark.parametrize("broken", ["get", "set"])
def test_a_broken_cache_breaks_no_page(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("the cache is gone")

    monkeypatch.setattr(type(caches["pages"]), broken, fail)
    event = factories.event(days=2)
    for _ in range(2):
        assert event.title in flat(get("/events/calendar.ics"))
    assert "cache" in caplog.text


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "MAX_CACHED_BYTES", 10)
    first = get("/events/calendar.ics")
    with CaptureQueriesContext(connection) as queries:
        assert get("/events/calendar.ics").content == first.content
    assert len(queries) > 1


# ---------- At the same moment ----------


def test_two_writers_at_once_leave_no_stale_page() -> None:
    """One thread reads all the time while two commit together, again and again."""
    first, second = factories.event(days=2), factories.event(days=3)
    stop, failures = threading.Event(), []

    def read() -> None:
        try:
            while not stop.is_set():
                get("/events/calendar.ics")
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in rounds(15):

            def write(index: int, number: int = number) -> None:
                event = (first, second)[index]
                with transaction.atomic():
                    Event.objects.filter(pk=event.pk).update(title=f"Round {number} of {index}")

            assert run_concurrently(2, write) == [None, None]
            shown = flat(get("/events/calendar.ics"))
            assert f"Round {number} of 0" in shown
            assert f"Round {number} of 1" in shown
    finally:
        stop.set()
        for reader in readers:
            reader.join(timeout=30)
    assert failures == []


def test_a_page_read_while_someone_commits_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The number is read before the data: the other order keeps old data under the new number."""
    event = factories.event(days=2, title="Before")
    as_of = page_cache.version.calendar_version
    committed = False

    def commit_in_between(now: dt.datetime) -> Any:
        nonlocal committed
        stand = as_of(now)
        if not committed:
            committed = True
            Event.objects.filter(pk=event.pk).update(title="After")
        return stand

    monkeypatch.setattr(page_cache.version, "calendar_version", commit_in_between)
    early = get("/events/calendar.ics")
    late = get("/events/calendar.ics", early.headers["ETag"])
    assert late.status_code == 200
    assert "After" in flat(late)


def test_registrations_on_different_events_do_not_block_each_other() -> None:
    """They all count the version at commit, in one row; none waits for long, none fails."""
    events = [factories.event(days=3, capacity=1) for _ in range(20)]
    people = [factories.person() for _ in range(20)]
    before = version()

    def act(index: int) -> str:
        by = people[index]
        return str(actions.register(event_id=events[index].pk, by=by).state)

    assert run_concurrently(20, act) == ["confirmed"] * 20
    assert Registration.objects.filter(state="confirmed").count() == 20
    assert version() == before + 20


def test_a_transaction_counts_once_however_much_it_changes() -> None:
    before = version()
    with transaction.atomic():
        for _ in range(5):
            factories.event(days=2)
    assert version() == before + 1


# ---------- Thousands ----------


def test_the_last_moment_is_found_by_indexes() -> None:
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    # Not committed: counting the calendar's version for each of them is not the matter.
    with transaction.atomic():
        with without_triggers(Event):
            thirty_thousand_events(begin)
        with CaptureQueriesContext(connection) as queries:
            page_cache.version.calendar_version(timezone.now())
        (query,) = queries
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + query["sql"])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        transaction.set_rollback(True)
    assert "Seq Scan on events_event" not in plan
    assert plan.count("Index Only Scan Backward") == 6


def thirty_thousand_events(begin: dt.datetime) -> None:
    Event.objects.bulk_create(
        Event(
            title=f"Training {number}",
            begins_at=begin + number * 2 * HOUR,
            ends_at=begin + number * 2 * HOUR + HOUR,
            registration_opens_at=begin + number * HOUR if number % 3 == 0 else None,
            registration_closes_at=begin + (number + 1) * HOUR if number % 3 == 0 else None,
        )
        for number in range(30_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")
