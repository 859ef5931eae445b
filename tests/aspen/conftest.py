"""Fixtures with small projects, for tests of the database server and commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aspen.processes import Project


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project shared by a module's tests, because creating and migrating a database is slow."""
    return Project(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def project(prepared: Project) -> Iterator[Project]:
    """The shared project. It has no running processes before or after the test."""
    assert prepared.left() == []
    yield prepared
    prepared.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    """A small project that has no database yet."""
    project = Project(tmp_path)
    yield project
    project.close()
