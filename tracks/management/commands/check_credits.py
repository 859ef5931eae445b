"""`manage.py check_credits`: check the integrity of all credits and report violations."""

import itertools
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aspen.formats import counted
from credits.models import Claim, Credit
from tracks import integrity


class Command(BaseCommand):
    help = (
        "Checks all claims, credits and postings and the history of their changes. Changes "
        "nothing. Exits with an error if a check fails."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = integrity.find_violations()
        if not integrity.history_is_safe():
            self.stdout.write(
                "Note: this database role can rewrite the history. Run the portal as a role that "
                "does not own the tables (docs/adr/0007)."
            )
        scope = f"{Credit.objects.count()} credits in {Claim.objects.count()} claims"
        if not findings:
            self.stdout.write(f"{scope}: all checks passed.")
            return
        for promise, violations in itertools.groupby(findings, key=lambda each: each.promise):
            self.stdout.write(f"{promise}:")
            for finding in violations:
                self.stdout.write(f"  {finding}")
        failed = counted(len(findings), "check")
        raise CommandError(f"{scope}: {failed} failed; see above.")
