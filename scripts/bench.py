"""Measure what people wait for, in a database made for it and thrown away: `make bench`.

With 10,000 events, or as many as BENCH_EVENTS says: `BENCH_EVENTS=30000 make bench`.

Prints medians; judges nothing. Numbers depend on the machine, so compare runs on the same one.
"""

import csv
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django

django.setup()

from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import (
    CaptureQueriesContext,
    setup_test_environment,
    teardown_test_environment,
)

ROWS = int(os.environ.get("BENCH_EVENTS", "10000"))
ROUNDS = 15
COLUMNS = (
    "source_url,aspen_event_id,title,event_type,begin,end,location,city,delivery,sponsor,"
    "credits,registration,audience,recording,summary"
)


def rows() -> list[list[str]]:
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
            "A training made for measuring.",
        ]
        for number in range(ROWS)
    ]


def measure_import() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS.split(","))
            writer.writerows(rows())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for label in (f"import of {ROWS:,} new events", "the same file again"):
            started = time.perf_counter()
            call_command("import_events", str(path), verbosity=0)
            print(f"{label:<44}{time.perf_counter() - started:>9.1f} s")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"{'memory the two imports added':<44}{grown / 1024:>9.0f} MiB")


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
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        asked = len(queries)
        taken = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            client.get(address)
            taken.append(time.perf_counter() - started)
        median = statistics.median(taken) * 1000
        print(f"{address:<62}{median:>8.1f} ms{asked:>4} queries")


def measure_public_pages() -> None:
    """What the public waits for: made anew, from the cache, and still the same (304)."""
    for address in (
        "/events/",
        "/events/?view=list",
        "/events/calendar.ics",
        "/events/calendar.ics?category=technology",
        "/events/calendar.atom",
        "/events/embed/",
    ):
        caches["pages"].clear()
        with CaptureQueriesContext(connection) as queries:
            page = Client().get(address)
        asked_anew = len(queries)
        assert page.status_code == 200
        print(f"{address} ({len(page.content) / 1024:,.0f} KiB)")
        anew = measure(lambda address=address: caches["pages"].clear() or Client().get(address))
        kept = measure(lambda address=address: Client().get(address))
        headers = {"If-None-Match": page.headers["ETag"]}
        assert Client().get(address, headers=headers).status_code == 304
        same = measure(lambda address=address, h=headers: Client().get(address, headers=h))
        for label, taken, asked in (
            ("made anew", anew, asked_anew),
            ("from the cache", kept, 1),
            ("unchanged", same, 1),
        ):
            print(f"    {label:<58}{taken:>8.1f} ms{asked:>4} queries")


def measure(act: Callable[[], object]) -> float:
    """The median of some rounds, in milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def main() -> None:
    setup_test_environment()
    settings.ZEAL_RAISE = False
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        measure_import()
        measure_pages()
        measure_public_pages()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()


if __name__ == "__main__":
    main()
