"""Importing libraries from a CSV or XLSX file.

A library is recognized by its name and city in the file, even if staff have renamed it since. A row
that has not changed since the last import is skipped, so staff's edits in the portal stay.
"""

from typing import Any

from accounts.actions import import_organization
from accounts.enums import OrganizationKind
from accounts.models import Federation, Organization
from aspen.errors import Refused
from aspen.files import csv_import
from aspen.files.csv_import import FirstLines, RowOutcome, content_digest
from aspen.files.records import CsvRow
from aspen.text import clean_line

KINDS = {kind.value: kind for kind in OrganizationKind}


class LibraryImporter:
    columns: tuple[str, ...] = ("name", "kind", "city", "county", "federation", "source")
    moments: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.known: dict[str, tuple[int, str]] = {}
        self.by_name: dict[tuple[str, str], Organization] = {}
        self.stored = FirstLines()
        federations = Federation.objects.order_by("name")
        self.federations = {federation.name.lower(): federation for federation in federations}

    def prepare(self, rows: list[CsvRow]) -> None:
        """Load the libraries in the database that match these rows. Two queries."""
        libraries = Organization.objects.order_by("pk")
        by_key = libraries.filter(import_key__in={library_import_key(row) for row in rows})
        self.known = {
            str(key): (pk, digest)
            for key, pk, digest in by_key.values_list("import_key", "pk", "import_digest")
        }
        self.by_name = {
            (library.name, library.city): library
            for library in libraries.filter(name__in={clean_line(row["name"]) for row in rows})
        }

    def apply(self, row: CsvRow) -> RowOutcome:
        key, digest = library_import_key(row), row.digest(self.columns)
        library_id, digest_before = self.known.get(key, (None, ""))
        outcome = RowOutcome.UNCHANGED
        if digest_before != digest:
            self.stored.refuse_second(key, "library")
            outcome = self._store(row, library_id, key, digest)
        self.stored.add(key, row.line)
        return outcome

    def _store(self, row: CsvRow, library_id: int | None, key: str, digest: str) -> RowOutcome:
        values = self._read(row)
        outcome = RowOutcome.NEW if library_id is None else RowOutcome.CHANGED
        namesake = self.by_name.get((clean_line(row["name"]), clean_line(row["city"])))
        if library_id is None and namesake and namesake.import_key:
            # Staff gave this name to another row's library, which only that row can change.
            return RowOutcome.UNCHANGED
        if library_id is None and namesake:
            # Staff added it before it was in the file. If they gave a source, their version stays.
            library_id = namesake.pk
            values = {} if namesake.source else values
            is_same = all(getattr(namesake, name) == value for name, value in values.items())
            outcome = RowOutcome.UNCHANGED if is_same else RowOutcome.CHANGED
        library = import_organization(
            organization_id=library_id,
            values=values | {"import_key": key, "import_digest": digest},
        )
        self.known[key] = library.pk, digest
        return outcome

    def explain(self, error: csv_import.NotStored) -> str:
        return csv_import.explain_error(error, {}, Organization)

    def describe(self, row: CsvRow) -> str:
        return "; ".join(filter(None, (row[column] for column in self.columns[:-1])))

    def _read(self, row: CsvRow) -> dict[str, Any]:
        if not row["name"]:
            raise Refused("it is empty", field="name")
        federation = self.federations.get(row["federation"].lower())
        if row["federation"] and federation is None:
            known = ", ".join(str(federation) for federation in self.federations.values())
            raise Refused(
                f"“{row['federation']}” is not a known federation; use one of {known}",
                field="federation",
            )
        kind = KINDS.get(row["kind"].lower())
        if kind is None:
            raise Refused(
                f"“{row['kind']}” is not a known kind; use one of {', '.join(KINDS)}", field="kind"
            )
        return {
            "name": clean_line(row["name"]),
            "kind": kind.value,
            "city": clean_line(row["city"]),
            "county": clean_line(row["county"]),
            "federation_id": federation.pk if federation else None,
            "source": clean_line(row["source"]),
        }


def library_import_key(row: CsvRow) -> str:
    """Return the key by which an import recognizes a library."""
    return f"library:{content_digest(row['name'], row['city'])}"
