"""`manage.py load_demo`: loads fictional people, and trainings around today's date."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from aspen.clock import today
from aspen.demo.addresses import follow_the_portal
from aspen.demo.courses import load_courses
from aspen.demo.people import load_accounts, load_positions
from aspen.demo.story import load_stories
from aspen.demo.trainings import load_trainings
from aspen.demo.workshops import load_workshops


class Command(BaseCommand):
    help = (
        "Loads the demonstration's accounts and trainings. You can run it again: it adds missing "
        "data, extends the calendar as time passes, and corrects the addresses of recordings and "
        "meetings if the portal has another port now. It changes nothing else."
    )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "The demonstration has accounts with a published password, so it can only be "
                "loaded in demonstration mode. Set ASPEN_DEMO=on if this is a demonstration."
            )
        follow_the_portal()
        accounts, positions = load_accounts(), load_positions()
        events = load_trainings(today()) + load_workshops()
        stories = load_stories()
        load_courses()
        if verbosity < 1:
            return
        self.stdout.write(
            f"Demonstration: {accounts} accounts, {positions} positions, {events} events and "
            f"{stories} stories added."
        )
        if not Organization.objects.exists():
            self.stdout.write(
                "The directory is empty, so no one has a position yet. Run import_libraries, "
                "then load_demo again."
            )
