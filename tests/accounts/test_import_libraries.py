"""`manage.py import_libraries` with the real file and with small ones."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.enums import OrganizationKind
from accounts.importing import LibraryImporter
from accounts.models import Federation, Organization
from tests import factories

REAL = Path(__file__).parents[2] / "accounts/data/montana-libraries.csv"
HEADER = ",".join(LibraryImporter.columns)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(settings: Any, tmp_path: Path) -> None:
    settings.VAR = tmp_path / "var"


def load(path: Path) -> str:
    out, err = io.StringIO(), io.StringIO()
    call_command("import_libraries", str(path), stdout=out, stderr=err)
    # On a slow machine, progress is printed as well.
    assert re.sub(r"^\d+ rows …\n", "", err.getvalue(), flags=re.MULTILINE) == ""
    return out.getvalue().splitlines()[-1]


def write(folder: Path, *lines: str) -> Path:
    path = folder / "libraries.csv"
    path.write_text("\n".join([HEADER, *lines]), encoding="utf-8")
    return path


def refused(path: Path) -> list[str]:
    err = io.StringIO()
    with pytest.raises(CommandError):
        call_command("import_libraries", str(path), stderr=err)
    return err.getvalue().splitlines()


def test_the_real_file_imports_completely_and_again_changes_nothing() -> None:
    with REAL.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert load(REAL) == f"{len(rows)} new, 0 changed, 0 unchanged."

    assert len(rows) == Organization.objects.count() == 116
    bozeman = Organization.objects.get(name="Bozeman Public Library")
    assert (bozeman.kind, bozeman.city, bozeman.county) == (
        OrganizationKind.PUBLIC,
        "Bozeman",
        "Gallatin",
    )
    assert bozeman.source == "IMLS Public Libraries Survey FY2018, MT0008"
    great_falls = Organization.objects.get(name="Great Falls Public Library")
    assert str(great_falls.federation) == "Pathfinder"
    assert Organization.objects.get(name="TRAILS").kind == OrganizationKind.ORGANIZATION
    before = sorted(Organization.objects.values_list())

    assert load(REAL) == f"0 new, 0 changed, {len(rows)} unchanged."
    assert sorted(Organization.objects.values_list()) == before


def test_a_changed_row_changes_its_library(tmp_path: Path) -> None:
    load(write(tmp_path, "Old Library,public,Helena,,,somewhere", "Other,school,Helena,,,"))
    pk = Organization.objects.get(name="Old Library").pk

    changed = write(
        tmp_path,
        "Old Library,Special,Helena,Lewis and Clark,broad valleys,elsewhere",
        "Other,school,Helena,,,",
        "Old Library,public,Butte,,,",
    )
    assert load(changed) == "1 new, 1 changed, 1 unchanged."

    library = Organization.objects.get(pk=pk)
    assert (library.kind, library.county) == (OrganizationKind.SPECIAL, "Lewis and Clark")
    assert (str(library.federation), library.source) == ("Broad Valleys", "elsewhere")


def test_fields_that_are_not_in_the_file_stay(tmp_path: Path) -> None:
    parent = factories.organization(name="County System")
    branch = factories.organization(name="Branch", city="Helena", parent=parent)

    assert load(write(tmp_path, "Branch,school,Helena,,,")) == "0 new, 1 changed, 0 unchanged."

    branch.refresh_from_db()
    assert (branch.kind, branch.parent) == (OrganizationKind.SCHOOL, parent)


def test_corrections_by_staff_stay(tmp_path: Path) -> None:
    path = write(tmp_path, "Old Library,public,Helena,,,survey", "Other,school,Butte,,,")
    load(path)
    library = Organization.objects.get(name="Old Library")
    library.name, library.county = "New Library", "Lewis and Clark"
    library.federation = Federation.objects.get(name="Sagebrush")
    library.save()

    assert load(path) == "0 new, 0 changed, 2 unchanged."

    library.refresh_from_db()
    assert (str(library), library.county) == ("New Library, Helena", "Lewis and Clark")
    assert str(library.federation) == "Sagebrush"
    assert Organization.objects.count() == 2

    # Changes in the file are imported, with the name from the file.
    path = write(tmp_path, "Old Library,state,Helena,,,survey", "Other,school,Butte,,,")
    assert load(path) == "0 new, 1 changed, 1 unchanged."
    library.refresh_from_db()
    assert (library.name, library.kind) == ("Old Library", OrganizationKind.STATE)


@pytest.mark.parametrize(
    ("source", "county", "summary"),
    [
        ("seen there", "Lewis and Clark", "0 new, 0 changed, 1 unchanged."),
        ("", "Cascade", "0 new, 1 changed, 0 unchanged."),
    ],
)
def test_an_existing_library_is_recognized(
    tmp_path: Path, source: str, county: str, summary: str
) -> None:
    """Values entered by staff are kept only if they gave a source for them."""
    library = factories.organization(name="Branch", county="Lewis and Clark", source=source)
    path = write(tmp_path, "Branch,public,Helena,Cascade,,survey")

    assert load(path) == summary

    library.refresh_from_db()
    assert (library.county, library.source) == (county, source or "survey")
    library.name = "Renamed"
    library.save()
    assert load(path) == "0 new, 0 changed, 1 unchanged."
    assert Organization.objects.get().name == "Renamed"


def test_a_library_renamed_in_the_portal_and_then_in_the_file_stays_one(tmp_path: Path) -> None:
    load(write(tmp_path, "Old,public,Helena,,,survey"))
    Organization.objects.update(name="New")
    path = write(tmp_path, "New,public,Helena,,,survey")

    assert load(path) == load(path) == "0 new, 0 changed, 1 unchanged."

    assert Organization.objects.get().name == "New"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_file_saved_by_a_spreadsheet_program_is_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "Bibliothèque,public,Helena,,Broad Valleys,")
    path.write_bytes(path.read_text(encoding="utf-8").replace(",", ";").encode(encoding))

    assert load(path) == "1 new, 0 changed, 0 unchanged."
    library = Organization.objects.get(name="Bibliothèque")
    assert (library.city, str(library.federation)) == ("Helena", "Broad Valleys")


def test_the_same_row_twice_is_one_library(tmp_path: Path) -> None:
    path = write(tmp_path, "Good,public,Helena,,,", "Good,public,Helena,,,")

    assert load(path) == "1 new, 0 changed, 1 unchanged."


def test_bad_rows_are_rejected_and_the_rest_are_imported(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ",public,Helena,,,",
        "A,circus,Helena,,,",
        "B,public,Helena,,Far Away,",
        "Good,public,Helena,,,",
        "Good,school,Helena,,,",
        f"{'x' * 201},public,Helena,,,",
    )

    assert refused(path) == [
        "line 2: name: it is empty",
        "line 3: kind: “circus” is not a known kind; use one of public, academic, tribal "
        "college, school, special, state, organization",
        "line 4: federation: “Far Away” is not a known federation; use one of Broad Valleys, "
        "Golden Plains, Pathfinder, Sagebrush, South Central, Tamarack",
        "line 6: line 5 describes the same library differently",
        "line 7: name: Ensure this value has at most 200 characters (it has 201).",
    ]
    assert [library.name for library in Organization.objects.all()] == ["Good"]


def test_missing_columns_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "libraries.csv"
    path.write_text("name,city\nA,Helena\n")

    with pytest.raises(CommandError, match="Missing: kind, county, federation, source"):
        call_command("import_libraries", str(path))

    assert not Organization.objects.exists()


def test_a_row_never_changes_another_rows_library(tmp_path: Path) -> None:
    load(write(tmp_path, "Foo,public,Helena,,,survey"))
    Organization.objects.update(name="Lewis")
    both = write(tmp_path, "Foo,public,Butte,,,survey", "Lewis,public,Helena,,,survey")

    assert load(both) == "1 new, 0 changed, 1 unchanged."
    assert load(write(tmp_path, "Foo,public,Helena,,,survey")) == "0 new, 0 changed, 1 unchanged."

    names = Organization.objects.order_by("name").values_list("name", "city")
    assert list(names) == [("Foo", "Butte"), ("Lewis", "Helena")]
