"""Fixtures with small projects, for tests of the database server and commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aspen.processes import Project


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Shared by a module's tests, because creating and migrating a database takes time."""
    return Project(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def project(prepared: Project) -> Iterator[Project]:
    """A small project with no processes running before and after the test."""
    assert prepared.left() == []
    yield prepared
    prepared.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    """A small project without a database yet."""
    project = Project(tmp_path)
    yield project
    project.close()
