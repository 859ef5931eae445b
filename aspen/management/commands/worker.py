"""`manage.py worker`: runs the portal's jobs, also after the database has restarted."""

import asyncio
import signal
import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.psycopg_connector import PsycopgConnector

from aspen.management import supervisor

GIVE_UP_SECONDS = 600
# Between attempts to reach the database, in seconds. The last one repeats.
PAUSES = (1, 2, 4, 8, 15)
# A worker that has run this long was healthy, so earlier failures no longer count. In seconds.
HEALTHY_SECONDS = 60
# For jobs that run when the worker is stopped, in seconds.
GRACE_SECONDS = 5
# For a connection from the pool. The worker waits this long before it notices a lost database.
CONNECTION_SECONDS = 5
LOST = (OperationalError, InterfaceError, psycopg.Error, ConnectorException, OSError)


class Command(BaseCommand):
    help = (
        "Runs the portal's jobs until it is stopped. If the database goes away, the worker waits "
        "for it. It ends with status 1 if the database stays away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--give-up-after",
            type=float,
            default=GIVE_UP_SECONDS,
            metavar="SECONDS",
            help=f"time without a database after which the worker ends; default: {GIVE_UP_SECONDS}",
        )

    def handle(self, *args: Any, give_up_after: float, **options: Any) -> None:
        failures = 0
        failing_since = time.monotonic()
        while True:
            # Again after each run, because asyncio restores the default handlers.
            supervisor.exit_cleanly_on_signals()
            started = time.monotonic()
            try:
                connect_again()
                self.say("The job worker is running.")
                if asyncio.run(run_until_stopped()):
                    return
                reason = "Part of the job worker failed."  # procrastinate has logged it
            except LOST as error:
                # The cause of an error of Procrastinate's says more.
                reason = " ".join(str(error.__cause__ or error).split())
            if time.monotonic() - started > HEALTHY_SECONDS:
                failures, failing_since = 0, time.monotonic()
            if time.monotonic() - failing_since > give_up_after:
                raise CommandError(
                    f"The job worker has not reached the database for {give_up_after:.0f} seconds "
                    f"and ends. {reason}"
                )
            pause = PAUSES[min(failures, len(PAUSES) - 1)]
            failures += 1
            self.say(f"The job worker tries again in {pause} s. {reason}")
            time.sleep(pause)

    def say(self, line: str) -> None:
        """Print a line and flush it, so that logs have it immediately."""
        self.stdout.write(line)
        self.stdout.flush()


def connect_again() -> None:
    """Open a new connection to the database, which also starts the embedded server if needed."""
    connection.close()
    connection.ensure_connection()
    connection.close()


async def run_until_stopped() -> bool:
    """Run jobs until a signal arrives (return True) or a part of the worker fails (False).

    Procrastinate reports a lost connection to its log only, and then stops as if it had been asked
    to. Its heartbeat is written to the database while it runs (aspen/health.py).
    """
    this = asyncio.current_task()
    assert this is not None
    loop = asyncio.get_running_loop()
    for number in supervisor.STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, this.cancel)
    with suppress(asyncio.CancelledError):
        connector = PsycopgConnector(kwargs=connector_params(), timeout=CONNECTION_SECONDS)
        with app.replace_connector(connector):
            async with app.open_async():
                await app.run_worker_async(
                    install_signal_handlers=False, shutdown_graceful_timeout=GRACE_SECONDS
                )
        return False
    return True
