"""The page cache: a page is rebuilt if, and only if, something on it changes."""

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
from tests.races import rounds, run_concurrently, volume
from tests.web import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = [
    "/events/",
    "/events/?view=list",
    "/events/calendar.ics",
    "/events/calendar.atom",
    "/events/embed/",
    "/events/catalog/",
    "/events/catalog/approvals/",
]


@pytest.fixture(autouse=True)
def empty_page_cache() -> Iterator[None]:
    caches["pages"].clear()
    yield
    caches["pages"].clear()


def get(page: str, tag: str = "", **options: Any) -> Any:
    """Request a page, optionally with an ETag."""
    headers = {"If-None-Match": tag} if tag else {}
    return Client().get(page, headers=headers, **options)


def tag_of(page: str) -> str:
    response = get(page)
    assert response.status_code == 200
    return str(response.headers["ETag"])


def version() -> int:
    return CalendarVersion.objects.get().number


# ---------- Without changes ----------


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_rendered_once(page: str) -> None:
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


def test_head_requests_work_with_and_without_a_cached_page() -> None:
    for _ in range(2):
        response = Client().head("/events/calendar.ics")
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["ETag"]
    assert get("/events/calendar.ics").content.startswith(b"BEGIN:VCALENDAR")


def test_parameter_values_matter_but_not_their_order() -> None:
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


def test_each_host_gets_its_own_urls() -> None:
    event = factories.event(days=2)
    first = get("/events/calendar.ics")
    second = get("/events/calendar.ics", SERVER_NAME="localhost")
    assert first.headers["ETag"] != second.headers["ETag"]
    assert f"http://localhost/events/{event.pk}/" in second.content.decode()


def test_changed_settings_or_code_renew_pages(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tag_of("/events/")
    settings.CONTACT_EMAIL = "other@library.example"
    second = tag_of("/events/")
    monkeypatch.setattr(page_cache, "code_digest", lambda: "later")
    assert len({first, second, tag_of("/events/")}) == 3


# ---------- Changes ----------


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


def remove_credits(event: Event) -> None:
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
    remove_credits,
    fill,
    rename_category,
    move_library,
    rename_federation,
    add_to_catalog,
    import_file,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_shows_on_the_next_request(change: Callable[[Event], None]) -> None:
    federation = Federation.objects.order_by("pk").first()
    library = factories.organization(federation=federation)
    event = factories.event(days=2, capacity=1, organization=library)
    before = {page: tag_of(page) for page in PAGES}
    change(event)
    for page, tag in before.items():
        response = get(page, tag)
        assert (response.status_code, page) == (200, page)
        assert response.headers["ETag"] != tag
        # The cached page equals a newly rendered one.
        caches["pages"].clear()
        assert get(page).content == response.content


@pytest.mark.parametrize("page", ["/events/?view=list", "/events/embed/"])
def test_taking_the_last_place_shows(page: str) -> None:
    event = factories.event(days=2, capacity=1)
    assert ">Full<" not in text_of(get(page))
    fill(event)
    assert "Full" in text_of(get(page))


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_invisible_changes_do_not_renew_the_page() -> None:
    event = factories.event(days=2)
    registration = actions.register(event_id=event.pk, by=factories.person())
    before = [tag_of(page) for page in PAGES]
    Registration.objects.filter(pk=registration.pk).update(
        attendance="present", marked_at=timezone.now(), settled_at=timezone.now()
    )
    factories.person().save()
    assert [tag_of(page) for page in PAGES] == before


def test_a_rolled_back_change_does_not_renew_the_page() -> None:
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
def test_pages_are_renewed_at_an_events_key_moments(fields: dict[str, Any]) -> None:
    begins_at = fields.get("begins_at", NOON + 60 * HOUR)
    values = {"begins_at": begins_at, "ends_at": begins_at + HOUR} | fields
    factories.event(**values)
    with time_machine.travel(NOON, tick=False) as traveler:
        first = tag_of("/events/?view=list")
        traveler.shift(HOUR - dt.timedelta(seconds=1))
        assert get("/events/?view=list", first).status_code == 304
        traveler.shift(dt.timedelta(seconds=1))
        assert get("/events/?view=list", first).status_code == 200
        second = tag_of("/events/?view=list")
        assert second != first
        traveler.shift(HOUR)
        assert get("/events/?view=list", second).status_code == 304


def test_midnight_in_montana_renews_pages() -> None:
    with time_machine.travel("2026-07-15T23:59:59-06:00", tick=False) as traveler:
        first = tag_of("/events/")
        traveler.shift(1)
        assert get("/events/", first).status_code == 200


# ---------- For one visitor only ----------


@pytest.mark.parametrize("page", PAGES)
def test_signed_in_people_never_get_a_cached_page(page: str) -> None:
    person = factories.person(display_name="Olive Quillfeather")
    factories.event(days=2)
    tag = tag_of(page)
    client = signed_in(person)
    response = client.get(page, headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert "ETag" not in response.headers
    assert "private" in response.headers["Cache-Control"]
    if page.startswith("/events/?") or page == "/events/":
        assert "Quillfeather" in text_of(response)
    assert "Quillfeather" not in text_of(get(page))


def test_a_message_is_shown_to_its_visitor_only() -> None:
    event = factories.event(days=2)
    tag = tag_of("/events/")
    client = Client()
    client.post(f"/events/{event.pk}/register/")  # leaves a message and asks to sign in
    assert client.cookies
    response = client.get("/events/", headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert "You were signed out" in text_of(response)
    assert "You were signed out" not in text_of(get("/events/"))
    assert tag_of("/events/") == tag


def test_nothing_is_cached_inside_a_transaction() -> None:
    event = factories.event(days=2, title="Old title")
    with transaction.atomic():
        Event.objects.filter(pk=event.pk).update(title="New title")
        response = get("/events/calendar.ics")
        assert "New title" in text_of(response)
        assert "ETag" not in response.headers
        transaction.set_rollback(True)
    assert "Old title" in text_of(get("/events/calendar.ics"))


def test_nothing_is_cached_in_development(settings: Any) -> None:
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
        assert event.title in text_of(get("/events/calendar.ics"))
    assert "cache" in caplog.text


def test_large_pages_are_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "MAX_CACHED_BYTES", 10)
    first = get("/events/calendar.ics")
    with CaptureQueriesContext(connection) as queries:
        assert get("/events/calendar.ics").content == first.content
    assert len(queries) > 1


# ---------- Concurrency ----------


def test_concurrent_writers_leave_no_stale_page() -> None:
    """Two threads read constantly while two others repeatedly commit together."""
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
            shown = text_of(get("/events/calendar.ics"))
            assert f"Round {number} of 0" in shown
            assert f"Round {number} of 1" in shown
    finally:
        stop.set()
        for reader in readers:
            reader.join(timeout=30)
    assert failures == []


def test_a_page_rendered_during_a_commit_is_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The version is read before the data, or old data could be cached under a new version."""
    event = factories.event(days=2, title="Before")
    calendar_version = page_cache.version.calendar_version
    committed = False

    def commit_in_between(now: dt.datetime) -> Any:
        nonlocal committed
        key = calendar_version(now)
        if not committed:
            committed = True
            Event.objects.filter(pk=event.pk).update(title="After")
        return key

    monkeypatch.setattr(page_cache.version, "calendar_version", commit_in_between)
    early = get("/events/calendar.ics")
    late = get("/events/calendar.ics", early.headers["ETag"])
    assert late.status_code == 200
    assert "After" in text_of(late)


def test_registrations_on_different_events_do_not_block_each_other() -> None:
    """All of them update the same version row at commit. None waits long, and none fails."""
    events = [factories.event(days=3, capacity=1) for _ in range(20)]
    people = [factories.person() for _ in range(20)]
    before = version()

    def act(index: int) -> str:
        by = people[index]
        return str(actions.register(event_id=events[index].pk, by=by).state)

    assert run_concurrently(20, act) == ["confirmed"] * 20
    assert Registration.objects.filter(state="confirmed").count() == 20
    assert version() == before + 20


def test_a_transaction_counts_as_one_version() -> None:
    before = version()
    with transaction.atomic():
        for _ in range(5):
            factories.event(days=2)
    assert version() == before + 1


# ---------- Speed ----------


def test_the_latest_moment_is_found_by_indexes() -> None:
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    # Rolled back, because this test is not about counting the version for each event.
    with transaction.atomic():
        with without_triggers(Event):
            many_events(begin)
        with CaptureQueriesContext(connection) as queries:
            page_cache.version.calendar_version(timezone.now())
        (query,) = queries
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + query["sql"])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        transaction.set_rollback(True)
    assert "Seq Scan on events_event" not in plan
    assert plan.count("Index Only Scan Backward") == 6


def many_events(begin: dt.datetime) -> None:
    Event.objects.bulk_create(
        Event(
            title=f"Training {number}",
            begins_at=begin + number * 2 * HOUR,
            ends_at=begin + number * 2 * HOUR + HOUR,
            registration_opens_at=begin + number * HOUR if number % 3 == 0 else None,
            registration_closes_at=begin + (number + 1) * HOUR if number % 3 == 0 else None,
        )
        for number in range(volume(30_000))
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_event")
