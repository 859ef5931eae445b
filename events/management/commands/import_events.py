"""`manage.py import_events FILE`: a CSV file of events becomes the calendar."""

from aspen.files.csv_import import Importer
from aspen.files.import_command import ImportCommand
from events.importing import EventImporter


class Command(ImportCommand):
    help = (
        "Loads a CSV file of events (docs/importing.md). Repeatable: only what changed is written."
    )
    name = "events"

    def make_importer(self) -> Importer:
        return EventImporter()
