"""`manage.py import_events FILE`: import calendar events from a CSV or XLSX file."""

from aspen.files.csv_import import Importer
from aspen.files.import_command import ImportCommand
from events.importing import EventImporter


class Command(ImportCommand):
    help = (
        "Imports events from a CSV or XLSX file (docs/importing.md). You can run it again; it "
        "writes only rows that have changed."
    )
    name = "events"

    def make_importer(self) -> Importer:
        return EventImporter()
