"""Rules for the project's files."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

ROOT: Path = settings.BASE_DIR
APPS = ("accounts", "events", "credits", "tracks", "helpdesk")
# Files that are ignored by Git or generated.
IGNORED = {".git", ".venv", "var", "node_modules", "__pycache__", ".hypothesis"}
BINARY = {".png", ".ico", ".woff2", ".gz", ".br", ".jpg", ".pyc"}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in IGNORED or path.name.endswith("_cache"):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.suffix not in BINARY and path.name != ".env":
            yield path


FILES = list(_files(ROOT))
TEMPLATES = [path for path in FILES if "templates" in path.parts and path.suffix != ".py"]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def occurrences(pattern: str, paths: list[Path]) -> list[str]:
    """Return the lines where the pattern occurs, as `path:line`."""
    regex = re.compile(pattern, re.IGNORECASE)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(read(path).splitlines(), start=1)
        if regex.search(line)
    ]


def names(paths: list[Path]) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in paths}


def test_the_project_files_are_found() -> None:
    assert {"manage.py", "Makefile", "templates/base.html"} <= names(FILES)
    assert names(TEMPLATES) >= {"templates/base.html", "templates/mail/email.txt"}
    assert not any(name.startswith(("var/", ".venv/", ".git/")) for name in names(FILES))


# ---------- Requirements ----------


def test_the_lock_files_pin_versions_and_hashes_but_no_server() -> None:
    """Any package registry will do, because pip checks the hashes."""
    for name in ("base", "dev"):
        path = ROOT / "requirements" / f"{name}.txt"
        assert occurrences("://|index-url|trusted-host", [path]) == []
        text = read(path).replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
        assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_development_lock_file_has_the_same_versions() -> None:
    def pins(name: str) -> dict[str, str]:
        text = read(ROOT / "requirements" / f"{name}.txt")
        return dict(re.findall(r"^([\w.\[\]-]+)==(\S+)", text, re.MULTILINE))

    base, dev = pins("base"), pins("dev")
    assert {name: dev.get(name) for name in base} == base


# The names by which code imports packages, if they differ from the packages' names.
IN_CODE = {
    "django-environ": "environ",
    "fonttools": "fontTools",
    "django-allauth": "allauth",
    "argon2-cffi": "Argon2PasswordHasher",
    "django-crispy-forms": "crispy_forms",
    "django-csp": "csp",
    "django-pgtrigger": "pgtrigger",
    "django-pghistory": "pghistory",
    "python-dateutil": "dateutil",
}


def test_the_portal_uses_every_package_it_requires() -> None:
    """Packages that only tests use belong in the development requirements."""
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
    """The content security policy would block them. E-mails can have styles, but no scripts."""
    pages = [path for path in TEMPLATES if path.parent.name != "mail" or "style" not in pattern]
    assert occurrences(pattern, pages) == []


ADMIN_PAGES = {"change_form.html", "change_list.html"}


def test_every_template_is_used() -> None:
    """A template is used by a view or another template, or it overrides a package's template."""
    text = "\n".join(read(path) for path in FILES if path.suffix in {".py", ".html", ".txt"})
    packages = [Path(config.path) / "templates" for config in apps.get_app_configs()]
    packages = [
        folder for folder in packages if ROOT not in folder.parents or _is_installed(folder)
    ]
    error_pages = {f"{code}.html" for code in (400, 403, 404, 429, 500)}
    error_pages.add("403_csrf.html")
    unused = [
        name
        for name in (str(path.relative_to(ROOT / "templates")) for path in TEMPLATES)
        if f'"{name}"' not in text
        and f"'{name}'" not in text
        and name not in error_pages
        and not _is_admin_override(name)
        and f'"{name.removeprefix("pdf/")}"' not in text
        and not any((folder / name).exists() for folder in packages)
    ]
    assert unused == []


def _is_admin_override(name: str) -> bool:
    """Return True if Django's admin finds it by its name: admin/<app>/<model>/<page>."""
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != "admin" or parts[3] not in ADMIN_PAGES:
        return False
    return parts[2] in apps.all_models.get(parts[1], {})


def _is_installed(folder: Path) -> bool:
    return "site-packages" in folder.parts


# ---------- Structure ----------


CONTRACTS = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]


@pytest.mark.parametrize("app", ["aspen", *APPS])
def test_every_module_of_an_app_is_in_its_import_contract(app: str) -> None:
    [own] = [contract for contract in CONTRACTS if contract.get("containers") == [app]]
    assert own["exhaustive"] is True
    assert own["exhaustive_ignores"] == ["migrations"]
    assert (ROOT / "tests" / app / "__init__.py").exists()


def test_every_folder_is_in_an_import_contract() -> None:
    """The exceptions are models, which only have fields and constraints, and demo and postgres."""
    contained = {name for each in CONTRACTS for name in each.get("containers", [])}
    folders = {
        f"{app}.{path.name}"
        for app in ("aspen", *APPS)
        for path in (ROOT / app).iterdir()
        if (path / "__init__.py").exists() and path.name not in {"migrations", "management"}
    }
    exempt = {"aspen.demo", "aspen.postgres", "events.models", "tracks.models"}
    assert folders - contained == exempt


def test_the_import_contracts_have_no_exceptions() -> None:
    layers = CONTRACTS[0]["layers"]
    assert [layer for layer in layers if layer in APPS] == list(reversed(APPS))
    assert not any("ignore_imports" in each for each in CONTRACTS)
    assert all(each.get("exhaustive") for each in CONTRACTS[1:])


def test_only_actions_open_transactions_or_write() -> None:
    """Views, forms and the admin call actions instead.

    `save(commit=False)` is allowed in form sets. So is a transaction in the reports' queries, which
    raises the memory limit for one statement.
    """
    modules = [
        path
        for app in APPS
        for path in _files(ROOT / app)
        if re.fullmatch(r"(.*_)?(views|forms|rules|queries|presentation|admin)", path.stem)
        or path.parent.name in {"views", "forms", "admin"}
    ]
    assert len(modules) > 50
    writing = r"\.objects\.(create|bulk_create|get_or_create|update_or_create)\(|\.delete\(\)"
    places = occurrences(writing + r"|transaction\.|\.save\((?!commit=False)", modules)
    assert {place.partition(":")[0] for place in places} == {"tracks/reports/queries.py"}


# ---------- Portability ----------


def test_git_ignores_generated_files() -> None:
    ignored = read(ROOT / ".gitignore").splitlines()
    assert {"/var/", "/.venv/", "/.env", "__pycache__/"} <= set(ignored)


def test_no_file_contains_a_path_of_a_developers_machine() -> None:
    home = "|".join(["home", "Users", "root", "work", "mnt"])
    paths = [path for path in FILES if path.suffix != ".csv"]
    assert occurrences(rf"(?<![\w.}}])/({home})/[\w.]+/", paths) == []


def test_only_the_environment_schema_reads_the_environment() -> None:
    code = [
        path
        for path in FILES
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in {"aspen", *APPS}
    ]
    allowed = {"aspen/postgres", "aspen/management", "aspen/wsgi.py"}
    uses = [
        place
        for place in occurrences(r"os\.environ|getenv", code)
        if not any(place.startswith(folder) for folder in allowed)
    ]
    assert uses == []
