"""`manage.py import_libraries FILE`: loads a CSV or XLSX file of libraries into the directory."""

from accounts.importing import LibraryImporter
from aspen.files.csv_import import Importer
from aspen.files.import_command import ImportCommand


class Command(ImportCommand):
    help = (
        "Loads a CSV or XLSX file of libraries (docs/importing.md). "
        "You can run it again: only changes are written."
    )
    name = "libraries"

    def make_importer(self) -> Importer:
        return LibraryImporter()
