"""A full disk is refused in plain English, and files that belong to nothing are deleted."""

import datetime as dt
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from aspen import disk
from aspen.errors import Refused
from aspen.files import upload_storage
from aspen.files.upload_storage import UploadStorage, delete_orphans
from tests.web import text


@pytest.fixture
def storage(tmp_path: Path) -> UploadStorage:
    return UploadStorage(tmp_path / "uploads")


class EndlessFile(ContentFile):
    """A file during which the disk becomes full."""

    error = errno.ENOSPC

    def chunks(self, chunk_size: Any = None) -> Iterator[bytes]:
        yield b"the beginning"
        raise OSError(self.error, os.strerror(self.error))


def files(storage: UploadStorage) -> list[str]:
    folder = Path(storage.location)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_are_stored(storage: UploadStorage) -> None:
    assert storage.save("evidence/1", ContentFile(b"a certificate")) == "evidence/1"
    assert Path(storage.path("evidence/1")).read_bytes() == b"a certificate"


def test_a_file_leaves_room_for_the_database(
    storage: UploadStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda folder: disk.RESERVED_BYTES + 10)
    storage.save("evidence/1", ContentFile(b"1234567890"))
    with pytest.raises(Refused, match="no room for files at the moment"):
        storage.save("evidence/2", ContentFile(b"12345678901"))
    assert files(storage) == ["evidence/1"]


@pytest.mark.parametrize("number", sorted(upload_storage.FULL))
def test_a_disk_that_becomes_full_keeps_no_part_of_a_file(
    storage: UploadStorage, number: int
) -> None:
    file = EndlessFile(b"x")
    file.error = number
    with pytest.raises(Refused, match="no room for files at the moment"):
        storage.save("evidence/1", file)
    assert files(storage) == []


def test_other_errors_are_not_explained_away(storage: UploadStorage) -> None:
    file = EndlessFile(b"x")
    file.error = errno.EIO
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        storage.save("evidence/1", file)


def test_free_room_of_a_folder_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert disk.free_bytes(tmp_path / "a" / "b") > 0


@pytest.mark.django_db
def test_readyz_reports_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 12 * disk.MEGABYTE + 5)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert text(answer) == "The disk is almost full (12 MB left), so no files can be added.\n"


def test_only_old_unknown_files_are_orphans(storage: UploadStorage) -> None:
    now = timezone.now()
    for name in ("known", "lost", "new"):
        path = storage.path(storage.save(f"evidence/{name}", ContentFile(b"x")))
        if name != "new":
            yesterday = (now - dt.timedelta(days=2)).timestamp()
            os.utime(path, (yesterday, yesterday))
    before = now - dt.timedelta(days=1)

    def known(names: Any) -> list[str]:
        assert sorted(names) == ["evidence/known", "evidence/lost", "evidence/new"]
        return ["evidence/known"]

    assert delete_orphans(storage, "evidence", before=before, known=known) == 1
    assert delete_orphans(storage, "nothing", before=before, known=known) == 0
    assert files(storage) == ["evidence/known", "evidence/new"]
