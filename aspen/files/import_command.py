"""The base class of the import commands."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from aspen.files.csv_import import Importer, Tally, import_file
from aspen.files.records import UnreadableFile
from aspen.formats import counted


class ImportCommand(BaseCommand):
    """The base of commands that stream a CSV or XLSX file into the portal.

    The command ends with an error if any row was rejected. Subclasses define `name`, which becomes
    part of the rejects file's name, and `make_importer`.
    """

    name: str

    def make_importer(self) -> Importer:
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a CSV or XLSX file")
        parser.add_argument(
            "--rejects",
            type=Path,
            help="where to write rejected rows (default: a file in rejects/ in ASPEN_VAR)",
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
                f"The database stopped the import: {error} Earlier rows are stored; "
                "run the same command again."
            ) from error
        if verbosity and tally.first_rows:
            self.stdout.write("The first rows were read as follows.")
            for row in tally.first_rows:
                self.stdout.write(str(row))
        if tally.rejected:
            raise CommandError(_summary(tally))
        if verbosity:
            self.stdout.write(f"{tally}.")

    def _progress(self, text: str) -> None:
        self.stderr.write(text, style_func=str)


def _silent(text: str) -> None:
    """Print nothing."""


def _now() -> str:
    return f"{timezone.localtime():%Y%m%d-%H%M%S}"


def _summary(tally: Tally) -> str:
    rows = counted(tally.rejected, "row was", "rows were")
    return (
        f"{tally}. {rows} rejected and written to {tally.rejects}, with the reason in the first "
        "column. Correct them there and import that file. All other rows are stored."
    )
