"""What must be true of the files themselves."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

ROOT: Path = settings.BASE_DIR
APPS = ("accounts", "events", "credits", "tracks", "helpdesk")
# Neither written by people nor part of the project (.gitignore).
ELSEWHERE = {".git", ".venv", "var", "node_modules", "__pycache__", ".hypothesis"}
BINARY = {".png", ".ico", ".woff2", ".gz", ".br", ".jpg", ".pyc"}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in ELSEWHERE or path.name.endswith("_cache"):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.suffix not in BINARY and path.name != ".env":
            yield path


FILES = list(_files(ROOT))
TEMPLATES = [path for path in FILES if "templates" in path.parts and path.suffix != ".py"]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def found(pattern: str, paths: list[Path]) -> list[str]:
    """Where the pattern occurs, as `path:line`."""
    search = re.compile(pattern, re.IGNORECASE)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(read(path).splitlines(), start=1)
        if search.search(line)
    ]


def names(paths: list[Path]) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in paths}


def test_there_are_files_to_look_at() -> None:
    assert {"manage.py", "Makefile", "templates/base.html"} <= names(FILES)
    assert names(TEMPLATES) >= {"templates/base.html", "templates/account/email/base_message.txt"}
    assert not any(name.startswith(("var/", ".venv/", ".git/")) for name in names(FILES))


# ---------- The lock ----------


def test_the_lock_names_no_server_and_pins_everything() -> None:
    """A package comes from whatever registry pip is set up for; its hash says that it is right."""
    for name in ("base", "dev"):
        path = ROOT / "requirements" / f"{name}.txt"
        assert found("://|index-url|trusted-host", [path]) == []
        text = read(path).replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
        assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_development_lock_holds_the_same_versions() -> None:
    def pins(name: str) -> dict[str, str]:
        text = read(ROOT / "requirements" / f"{name}.txt")
        return dict(re.findall(r"^([\w.\[\]-]+)==(\S+)", text, re.MULTILINE))

    base, dev = pins("base"), pins("dev")
    assert {name: dev.get(name) for name in base} == base


# What a package is called in code, where that is not its own name.
IN_CODE = {
    "django-environ": "environ",
    "django-allauth": "allauth",
    "argon2-cffi": "Argon2PasswordHasher",
    "django-crispy-forms": "crispy_forms",
    "django-bootstrap-static": "bootstrap",
    "django-csp": "csp",
    "django-pgtrigger": "pgtrigger",
    "django-pghistory": "pghistory",
    "python-dateutil": "dateutil",
}


def test_the_portal_uses_every_package_it_installs() -> None:
    """What only the tests need stands in the development list."""
    listed = [
        line.partition("#")[0].strip() for line in read(ROOT / "requirements/base.in").splitlines()
    ]
    names = [re.split(r"[\[<>=]", line)[0] for line in listed if line]
    code = "\n".join(
        read(path)
        for path in FILES
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in {"aspen", *APPS}
    )
    assert len(names) > 15
    unused = [
        name
        for name in names
        if not re.search(rf"\b{IN_CODE.get(name, name.replace('-', '_').lower())}\b", code)
    ]
    assert unused == []


# ---------- Templates ----------


@pytest.mark.parametrize(
    "pattern",
    [
        r"\sstyle\s*=",
        r"<[^>]*\son[a-z]+\s*=",
        r"<style",
        r"<script(?![^>]*\ssrc=)",
        r"javascript:",
    ],
)
def test_no_template_has_inline_style_or_script(pattern: str) -> None:
    """The content security policy would block it, in silence. Mail programs know no other style."""
    pages = [path for path in TEMPLATES if path.parent.name != "mail" or "style" not in pattern]
    assert found(pattern, pages) == []


ADMIN_PAGES = {"change_form.html", "change_list.html"}


def test_every_template_is_used() -> None:
    """By a view, by another template, or in place of one that a package brings."""
    text = "\n".join(read(path) for path in FILES if path.suffix in {".py", ".html", ".txt"})
    packages = [Path(config.path) / "templates" for config in apps.get_app_configs()]
    packages = [folder for folder in packages if ROOT not in folder.parents or _foreign(folder)]
    by_name_of_the_answer = {f"{code}.html" for code in (400, 403, 404, 429, 500)}
    by_name_of_the_answer.add("403_csrf.html")
    unused = [
        name
        for name in (str(path.relative_to(ROOT / "templates")) for path in TEMPLATES)
        if f'"{name}"' not in text
        and f"'{name}'" not in text
        and name not in by_name_of_the_answer
        and not _is_the_administrations_own(name)
        and f'"{name.removeprefix("pdf/")}"' not in text
        and not any((folder / name).exists() for folder in packages)
    ]
    assert unused == []


def _is_the_administrations_own(name: str) -> bool:
    """Whether Django's administration looks for it by itself: admin/<app>/<model>/<page>."""
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != "admin" or parts[3] not in ADMIN_PAGES:
        return False
    return parts[2] in apps.all_models.get(parts[1], {})


def _foreign(folder: Path) -> bool:
    return "site-packages" in folder.parts


# ---------- The shape ----------


CONTRACTS = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]


@pytest.mark.parametrize("app", ["aspen", *APPS])
def test_every_module_of_an_app_stands_in_its_import_contract(app: str) -> None:
    [own] = [contract for contract in CONTRACTS if contract.get("containers") == [app]]
    assert own["exhaustive"] is True
    assert own["exhaustive_ignores"] == ["migrations"]
    assert (ROOT / "tests" / app / "__init__.py").exists()


def test_every_room_stands_in_an_import_contract() -> None:
    """Those of models hold fields and constraints only; demo and postgres are read as a whole."""
    contained = {name for each in CONTRACTS for name in each.get("containers", [])}
    rooms = {
        f"{app}.{path.name}"
        for app in ("aspen", *APPS)
        for path in (ROOT / app).iterdir()
        if (path / "__init__.py").exists() and path.name not in {"migrations", "management"}
    }
    apart = {"aspen.demo", "aspen.postgres", "events.models", "tracks.models"}
    assert rooms - contained == apart


def test_the_import_contract_has_no_exceptions() -> None:
    directions = CONTRACTS[0]["layers"]
    assert [layer for layer in directions if layer in APPS] == list(reversed(APPS))
    assert not any("ignore_imports" in each for each in CONTRACTS)
    assert all(each.get("exhaustive") for each in CONTRACTS[1:])


def test_only_actions_open_transactions_or_write() -> None:
    """Views, forms and the administration call actions (a form set fills lines for one).

    A report may give its one statement more memory, which takes a transaction of its own.
    """
    outer = [
        path
        for app in APPS
        for path in _files(ROOT / app)
        if re.fullmatch(r"(.*_)?(views|forms|rules|queries|presentation|admin)", path.stem)
        or path.parent.name in {"views", "forms", "admin"}
    ]
    assert len(outer) > 50
    writing = r"\.objects\.(create|bulk_create|get_or_create|update_or_create)\(|\.delete\(\)"
    places = found(writing + r"|transaction\.|\.save\((?!commit=False)", outer)
    assert {place.partition(":")[0] for place in places} == {"tracks/reports/queries.py"}


# ---------- What must not be carried along ----------


def test_what_a_run_leaves_behind_is_ignored() -> None:
    ignored = read(ROOT / ".gitignore").splitlines()
    assert {"/var/", "/.venv/", "/.env", "__pycache__/"} <= set(ignored)


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    home = "|".join(["home", "Users", "root", "work", "mnt"])
    assert found(rf"(?<![\w.}}])/({home})/[\w.]+/", [p for p in FILES if p.suffix != ".csv"]) == []


def test_only_the_environment_schema_reads_the_environment() -> None:
    code = [
        path
        for path in FILES
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in {"aspen", *APPS}
    ]
    allowed = {"aspen/postgres", "aspen/management", "aspen/wsgi.py"}
    reading = [
        place
        for place in found(r"os\.environ|getenv", code)
        if not any(place.startswith(folder) for folder in allowed)
    ]
    assert reading == []
