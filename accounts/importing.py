"""What a CSV file of libraries means. A library is known by its name and city."""

from typing import Any

from accounts.actions import import_organization
from accounts.enums import OrganizationKind
from accounts.models import Federation, Organization
from aspen import csvfile
from aspen.csvfile import FirstLines, Outcome, Row
from aspen.errors import Refused

KINDS = {kind.value: kind for kind in OrganizationKind}


class LibraryImporter:
    columns: tuple[str, ...] = ("name", "kind", "city", "county", "federation", "source")

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Organization] = {}
        self.stored = FirstLines()
        federations = Federation.objects.order_by("name")
        self.federations = {federation.name.lower(): federation for federation in federations}

    def prepare(self, rows: list[Row]) -> None:
        """Load the libraries of these rows, by name and city. One query."""
        names = {row["name"] for row in rows}
        self.known = {
            (library.name, library.city): library
            for library in Organization.objects.filter(name__in=names).order_by("pk")
        }

    def apply(self, row: Row) -> Outcome:
        values = self._read(row)
        key = values["name"], values["city"]
        library = self.known.get(key)
        words = "|".join(key)
        if library and all(getattr(library, name) == value for name, value in values.items()):
            self.stored.add(words, row.line)
            return Outcome.UNCHANGED
        self.stored.refuse_second(words, "library")
        self.known[key] = import_organization(
            organization_id=library.pk if library else None, values=values
        )
        self.stored.add(words, row.line)
        return Outcome.CHANGED if library else Outcome.NEW

    def explain(self, error: csvfile.NotStored) -> str:
        return csvfile.explain(error, {}, Organization)

    def _read(self, row: Row) -> dict[str, Any]:
        if not row["name"]:
            raise Refused("it is empty", field="name")
        federation = self.federations.get(row["federation"].lower())
        if row["federation"] and federation is None:
            known = ", ".join(str(federation) for federation in self.federations.values())
            raise Refused(f"“{row['federation']}” is not known; use {known}", field="federation")
        kind = KINDS.get(row["kind"].lower())
        if kind is None:
            raise Refused(f"“{row['kind']}” is not known; use {', '.join(KINDS)}", field="kind")
        return {
            "name": row["name"],
            "kind": kind.value,
            "city": row["city"],
            "county": row["county"],
            "federation_id": federation.pk if federation else None,
            "source": row["source"],
        }
