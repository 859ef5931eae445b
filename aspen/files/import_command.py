"""What the import commands have in common."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from aspen.files.csv_import import Importer, Tally, UnreadableFile, import_file
from aspen.formats import counted


class ImportCommand(BaseCommand):
    """Streams a CSV file into the portal. Ends with an error when a row was refused.

    Subclasses set `name`, which the rejects file is called after, and `make_importer`.
    """

    name: str

    def make_importer(self) -> Importer:
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV file in UTF-8")
        parser.add_argument(
            "--rejects",
            type=Path,
            help="where refused rows are written (default: below rejects/ in ASPEN_VAR)",
        )

    def handle(
        self, *args: Any, file: Path, rejects: Path | None, verbosity: int, **options: Any
    ) -> None:
        path = rejects or settings.VAR / "rejects" / f"{self.name}-{_now()}.csv"
        try:
            tally = import_file(
                file,
                self.make_importer(),
                rejects=path,
                report=self.stderr.write,
                progress=self._progress if verbosity else _silent,
            )
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The rejects file cannot be written: {error}") from error
        except DatabaseError as error:
            raise CommandError(
                f"The database ended the import: {error} What was read before is stored; "
                "run the same command again."
            ) from error
        if tally.rejected:
            raise CommandError(_summary(tally))
        if verbosity:
            self.stdout.write(f"{tally}.")

    def _progress(self, words: str) -> None:
        self.stderr.write(words, style_func=str)


def _silent(words: str) -> None:
    """Say nothing."""


def _now() -> str:
    return f"{timezone.localtime():%Y%m%d-%H%M%S}"


def _summary(tally: Tally) -> str:
    rows = counted(tally.rejected, "row was", "rows were")
    return (
        f"{tally}. {rows} refused and written to {tally.rejects}, with the reason in the first "
        "column. Mend them there and import that file; everything else is in."
    )
