"""Measure what people wait for, in a database made for it and thrown away: `make bench`.

Prints medians; judges nothing. Numbers depend on the machine, so compare runs on the same one.
"""

import csv
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import (
    CaptureQueriesContext,
    setup_test_environment,
    teardown_test_environment,
)

ROWS = 10_000
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


def main() -> None:
    setup_test_environment()
    settings.ZEAL_RAISE = False
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        measure_import()
        measure_pages()
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()


if __name__ == "__main__":
    main()
