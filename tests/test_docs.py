"""Files, folders and names in the documentation exist in the code."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT: Path = settings.BASE_DIR
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = [
    path
    for app in ("aspen", "accounts", "events", "credits", "tracks", "helpdesk", "tests")
    for path in (ROOT / app).rglob("*.py")
]
QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
NAME = re.compile(r"[A-Za-z_][\w.]*(\(\))?")
# Files that an import creates in var/.
CREATED_LATER = {"rejects/"}


def quoted(document: Path) -> list[str]:
    text = re.sub(r"^ {4}.*$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return sorted(set(QUOTED.findall(text)))


def looks_like_a_path(word: str) -> bool:
    return bool(PATH.fullmatch(word)) and ("/" in word or word.endswith((".py", ".md", ".html")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_exists(document: Path) -> None:
    """Paths start at the project or in a folder of an app, as in `certification/record.py`."""
    known = [f"/{path.relative_to(ROOT)}" for path in CODE]
    missing = [
        word
        for word in quoted(document)
        if looks_like_a_path(word)
        and not (ROOT / word).exists()
        and not any(f"/{word.rstrip('/')}" in path for path in known)
        and word not in CREATED_LATER
    ]
    assert missing == []


def test_every_name_in_the_rules_exists() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in CODE)
    words = set(re.findall(r"\w+", code))
    lines = (ROOT / "docs/rules.md").read_text(encoding="utf-8").splitlines()
    cells = [" ".join(line.split("|")[3:5]) for line in lines if line.startswith("| ")]
    names = {
        part
        for cell in cells
        for word in QUOTED.findall(cell)
        if not looks_like_a_path(word) and NAME.fullmatch(word)
        for part in re.findall(r"\w+", word)
    }
    assert len(names) > 60
    assert sorted(names - words) == []
