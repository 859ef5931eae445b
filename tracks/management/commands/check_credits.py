"""`manage.py check_credits`: prove the promises about credits, or say in words what breaks them."""

import itertools
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aspen.formats import counted
from credits.models import Claim, Credit
from tracks import integrity


class Command(BaseCommand):
    help = (
        "Checks every claim, credit and posting, and that the history tells of them. Changes "
        "nothing; ends with an error when a promise is broken."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = integrity.find_violations()
        if not integrity.history_is_safe():
            self.stdout.write(
                "Note: this database role could rewrite the history. Let the portal serve as "
                "another role than the tables' owner (docs/adr/0007)."
            )
        looked = f"{Credit.objects.count()} credits of {Claim.objects.count()} claims"
        if not findings:
            self.stdout.write(f"{looked}: every promise is kept.")
            return
        for promise, broken in itertools.groupby(findings, key=lambda finding: finding.promise):
            self.stdout.write(f"{promise}:")
            for finding in broken:
                self.stdout.write(f"  {finding}")
        kinds = counted(len(findings), "kind of fault", "kinds of faults")
        raise CommandError(f"{looked}: {kinds} found, see above.")
