"""Measure response times in a temporary database: `make bench`.

BENCH_EVENTS, BENCH_WAITING and BENCH_CREDITS set the numbers of events, waiting custom events and
credits; `BENCH_CREDITS=1000000 make bench` takes several minutes. The calendar's queries are
counted with 300 events first, then with all of them. `make bench ARGS="queue transcript"` runs only
those measurements, after the import.

Prints medians and enforces no limits. Because the speed of shared machines varies, a short loop
before and after each round measures it, and each time is also printed as adjusted to the fastest
speed measured.
"""

import csv
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_settings")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django

django.setup()

from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User

ROWS = int(os.environ.get("BENCH_EVENTS", "10000"))
FEW = 300
WAITING = int(os.environ.get("BENCH_WAITING", "50000"))
CREDITS = int(os.environ.get("BENCH_CREDITS", "20000"))
ROUNDS = 15
# The calendar's public pages. The last one is a feed with the maximum number of events.
CALENDAR = (
    "/events/?view=month",
    "/events/?view=watch",
    "/events/?view=list",
    "/events/?view=list&past=1",
    "/events/?q=weeding+budgets",
    "/events/embed/",
    "/events/calendar.atom",
    "/events/calendar.ics",
    "/events/calendar.ics?category=technology",
    "/events/calendar.ics?from=2020-01-01",
)
COLUMNS = (
    "source_url,aspen_event_id,title,event_type,begin,end,location,city,delivery,sponsor,"
    "credits,registration,audience,recording,summary"
)


def rows(count: int) -> list[list[str]]:
    names = ["Library Administration", "Library Services to the Public", "Technology"]
    return [
        [
            "https://library.example/events",
            str(100_000 + number),
            f"Training number {number}: weeding and budgets",
            "Continuing Education",
            f"20{20 + number % 7}-{1 + number % 12:02}-{1 + number % 28:02}T09:00",
            f"20{20 + number % 7}-{1 + number % 12:02}-{1 + number % 28:02}T10:30",
            "Room 1",
            "Helena",
            "online",
            "Montana State Library",
            f"{names[number % 3]}=1.5",
            "not necessary",
            "Library staff",
            "",
            "A training for measuring.",
        ]
        for number in range(count)
    ]


@contextmanager
def event_file(count: int) -> Iterator[str]:
    """Return the path of a file with this many events. Longer files start with the same events."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS.split(","))
            writer.writerows(rows(count))
        yield str(path)


def measure_import() -> None:
    with event_file(ROWS) as path:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for label in (f"import of {ROWS:,} events, {FEW} of them stored", "the same file again"):
            started = time.perf_counter()
            call_command("import_events", path, verbosity=0)
            print(f"{label:<44}{time.perf_counter() - started:>9.1f} s")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"{'memory added by both imports':<44}{grown / 1024:>9.0f} MiB")


def query_count(client: Client, address: str) -> int:
    """Return the number of queries that a page takes when it is not in the cache."""
    caches["pages"].clear()
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def calendar_queries() -> dict[str, tuple[int, int]]:
    """Return the queries that the calendar and its feeds take, signed out and signed in."""
    from events.enums import KeyPurpose
    from events.models import PersonalKey, Registration
    from tests import factories as make

    signed_out, signed_in = Client(), Client()
    person = make.person()
    signed_in.force_login(person)
    key = PersonalKey.objects.create(person=person, purpose=KeyPurpose.FEED, token="0" * 32)
    upcoming = [make.event(days=days) for days in range(1, 31)]
    Registration.objects.bulk_create(
        Registration(event=event, person=person, state="confirmed", registered_at=event.created_at)
        for event in upcoming
    )
    pages = {address: address for address in CALENDAR}
    pages |= {
        "/events/<id>/": upcoming[0].get_absolute_url(),
        "/events/<id>/event.ics": f"/events/{upcoming[0].pk}/event.ics",
        "/events/personal/<key>.ics": f"/events/personal/{key.token}.ics",
    }
    counts = {
        page: (query_count(signed_out, address), query_count(signed_in, address))
        for page, address in pages.items()
    }
    key.delete()
    return counts


def compare_queries(few: dict[str, tuple[int, int]], many: dict[str, tuple[int, int]]) -> None:
    print(f"{'queries, signed out / signed in':<44}{f'{FEW:,}':>12}{f'{ROWS:,} events':>18}")
    for page, counts in few.items():
        cells = ["{} / {}".format(*each) for each in (counts, many[page])]
        print(f"{page:<44}{cells[0]:>12}{cells[1]:>18}")


def measure_pages() -> None:
    from tests import factories as make
    from tracks.actions import select_track

    person = make.person()
    for _ in range(30):
        make.claim(person)
    participation, _ = select_track(track=make.track(), by=person)
    client = Client()
    client.force_login(person)
    event = make.event()
    for address in (
        "/",
        "/events/",
        "/events/?view=list&past=1",
        "/events/?q=weeding+budgets&past=1",
        f"/events/{event.pk}/",
        "/continuing-education/",
        "/continuing-education/credits/",
        "/continuing-education/new/similar/?title=Weeding+and+budgets",
        "/tracks/",
        f"/tracks/{participation.pk}/",
        "/help/",
    ):
        measure_page(client, address)


def measure_queue() -> None:
    """Time the custom event queue and one event in it, with BENCH_WAITING events waiting."""
    import bench_data

    from accounts.enums import Role
    from tests import factories as make

    event = bench_data.waiting_events(WAITING)
    client = Client()
    client.force_login(make.person(Role.CE_COORDINATOR))
    print(f"{WAITING:,} custom events waiting")
    address = "/admin/events/customevent/"
    middle, one = f"{address}?p={WAITING // 100}", f"{address}{event.pk}/change/"
    for page in ("/admin/", address, middle, one):
        measure_page(client, page)


def measure_integrity() -> None:
    """Time `manage.py check_credits` and each of its checks."""
    import bench_data

    from tracks import integrity

    started = time.perf_counter()
    bench_data.credits(CREDITS)
    print(f"{f'{CREDITS:,} credits created':<62}{time.perf_counter() - started:>8.1f} s")
    for check in integrity.INTEGRITY_CHECKS:
        started = time.perf_counter()
        count, _ = check.find()
        taken = time.perf_counter() - started
        print(f"    {check.fault:<58}{taken:>8.1f} s{count:>4} found")
    started = time.perf_counter()
    call_command("check_credits")
    print(f"{'check_credits, all checks':<62}{time.perf_counter() - started:>8.1f} s")


def measure_reports() -> None:
    """Time the reports, with BENCH_CREDITS credits and the people who earned them."""
    import bench_data

    from accounts.enums import Role
    from accounts.models import Federation, Organization
    from aspen.clock import today
    from tests import factories as make
    from tracks.reports.registry import KINDS

    holders = bench_data.credits(CREDITS)
    bench_data.certified(holders)
    print(f"{CREDITS:,} credits for {len(holders):,} people")
    client = Client()
    client.force_login(make.person(Role.CE_COORDINATOR))
    track, federation = make.track().pk, Federation.objects.earliest("pk").pk
    board = Organization.objects.filter(positions__kind="trustee").earliest("pk").pk
    filtered = (
        *(f"certification/?track={track}", f"people/?standing=certified&place=f{federation}"),
        *(f"credits/?federation=f{federation}", f"credits/?track={track}", f"board/?board={board}"),
        f"trustees/?year={today().year - 1}",
    )
    for path in (*(f"{name}/" for name in KINDS), *filtered):
        measure_page(client, f"/reports/{path}")


def measure_public_pages() -> None:
    """Time public pages: rendered, from the cache, and not modified (304)."""
    for address in CALENDAR:
        caches["pages"].clear()
        page = Client().get(address)
        assert page.status_code == 200
        count = page.content.count(b"BEGIN:VEVENT")
        events = f", {count:,} events" if count else ""
        print(f"{address} ({len(page.content) / 1024:,.0f} KiB{events})")
        headers = {"If-None-Match": page.headers["ETag"]}
        assert Client().get(address, headers=headers).status_code == 304
        for label, action in (
            ("rendered", lambda a=address: caches["pages"].clear() or Client().get(a)),
            ("from the cache", lambda a=address: Client().get(a)),
            ("unchanged", lambda a=address, h=headers: Client().get(a, headers=h)),
        ):
            with CaptureQueriesContext(connection) as queries:
                action()
            count = len(queries)
            print(f"    {label:<58}{measure(action)}{count:>4} queries")


def measure_transcript() -> None:
    """Time the pages and files of a transcript with 2,000 credits."""
    from tests import factories as make
    from tests.tracks.transcript.test_transcript import many_claims
    from tracks.actions import select_track

    person = make.person()
    many_claims(person, number=1_000, lines=2)
    select_track(track=make.track(), by=person)
    client = Client()
    client.force_login(person)
    print("2,000 credits for one person")
    address = "/continuing-education/credits/"
    for path in (
        "",
        "?page=40",
        "?year=2025&category=technology",
        "transcript.csv",
        "transcript.xlsx",
        "transcript.pdf",
    ):
        measure_page(client, address + path)


def measure_choosing() -> None:
    """Time choosing a track with 1 and 5,000 archived credits, while CREDITS others are stored."""
    import bench_data

    from tests import factories as make
    from tests.tracks.transcript.test_transcript import many_claims
    from tracks.actions import select_track

    bench_data.credits(CREDITS)
    few, many = make.person(), make.person()
    make.claim(few)
    for lines in (4, 1):
        many_claims(many, number=1_000, lines=lines)
    bench_data.run("VACUUM ANALYZE")
    for person in (few, many):
        counts = []

        def choose(person: User = person, counts: list[int] = counts) -> None:
            with transaction.atomic():
                participation, _ = select_track(track=make.track(), by=person)
                counts.append(participation.postings.count())
                transaction.set_rollback(True)

        with CaptureQueriesContext(connection) as queries:
            choose()
        taken = measure(choose)
        label = f"Choosing a track with {counts[-1]:,} archived credits"
        # Without the three queries of `choose` itself: begin, count and roll back.
        print(f"{label:<62}{taken}{len(queries) - 3:>4} queries")


def measure_page(client: Client, address: str) -> None:
    """Print how long a page takes and its number of queries."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    count = len(queries)
    print(f"{address:<62}{measure(lambda: client.get(address))}{count:>4} queries")


def measure(action: Callable[[], object]) -> str:
    """Return the median time of several rounds, as measured and adjusted to the fastest speed."""
    times, in_loops = [], []
    for _ in range(ROUNDS):
        before, started = time_loop(), time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
        in_loops.append(times[-1] / statistics.mean([before, time_loop()]))
    actual, relative = (statistics.median(each) * 1000 for each in (times, in_loops))
    return f"{actual:>8.1f} ms, at fastest speed {relative * min(LOOP_TIMES):>6.1f} ms"


LOOP_TIMES: list[float] = []


def time_loop() -> float:
    """Return the time that a short loop takes now, to measure the machine's speed."""
    started = time.perf_counter()
    sum(number * number % 7 for number in range(40_000))
    LOOP_TIMES.append(time.perf_counter() - started)
    return LOOP_TIMES[-1]


MEASURES = {
    "pages": measure_pages,
    "queue": measure_queue,
    "public": measure_public_pages,
    "transcript": measure_transcript,
    "choosing": measure_choosing,
    "integrity": measure_integrity,
    "reports": measure_reports,
}


def main(chosen: list[str]) -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with event_file(FEW) as path:
            call_command("import_events", path, verbosity=0)
        few = {} if chosen else calendar_queries()
        measure_import()
        if not chosen:
            compare_queries(few, calendar_queries())
        for key in chosen or MEASURES:
            MEASURES[key]()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main(sys.argv[1:])
