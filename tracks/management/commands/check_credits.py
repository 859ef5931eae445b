"""Checks the promises about credits and reports what breaks them."""

import itertools
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aspen.formats import counted
from credits.models import Claim, Credit
from tracks import integrity


class Command(BaseCommand):
    help = (
        "Checks every claim, credit and posting, and their history. Changes nothing. Exits with an "
        "error if a promise is broken."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = integrity.find_violations()
        if not integrity.history_is_safe():
            self.stdout.write(
                "Note: this database role can rewrite the history. Run the portal as a role that "
                "does not own the tables (docs/adr/0007)."
            )
        checked = f"{Credit.objects.count()} credits in {Claim.objects.count()} claims"
        if not findings:
            self.stdout.write(f"{checked}: every promise is kept.")
            return
        for promise, broken in itertools.groupby(findings, key=lambda finding: finding.promise):
            self.stdout.write(f"{promise}:")
            for finding in broken:
                self.stdout.write(f"  {finding}")
        kinds = counted(len(findings), "kind of fault", "kinds of faults")
        raise CommandError(f"{checked}: {kinds} found; see above.")
