"""The storage for uploaded files, which refuses a file when the disk is full."""

import errno
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path, PurePath

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage, Storage

from aspen import disk
from aspen.errors import Refused

NO_ROOM = (
    "The portal has no room for files at the moment, so your file was not added. Try again "
    "tomorrow, or leave the file out and add it later."
)
# No room on the disk, in the person's quota on it, or in a single file.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class UploadStorage(FileSystemStorage):
    """Files in a folder. Raises Refused if the disk is full, and leaves no part of the file."""

    def _save(self, name: str, content: File) -> str:
        if not disk.has_room(Path(self.location), content.size):
            raise Refused(NO_ROOM, field="file")
        try:
            return str(super()._save(name, content))  # type: ignore[misc]
        except OSError as error:
            if error.errno not in FULL:
                raise
            Path(self.path(name)).unlink(missing_ok=True)
            raise Refused(NO_ROOM, field="file") from error


def delete_orphans(
    storage: Storage,
    folder: str,
    *,
    before: datetime,
    known: Callable[[Iterable[str]], Iterable[str]],
) -> int:
    """Delete the folder's files that are older than `before` and unknown; return their number.

    `known` returns those of the names that a row in the database has. A file can lose its row, or
    never get one, if its transaction fails.
    """
    if not storage.exists(folder):
        return 0
    names = [str(PurePath(folder) / name) for name in storage.listdir(folder)[1]]
    orphans = sorted(set(names) - set(known(names)))
    old = [name for name in orphans if storage.get_modified_time(name) < before]
    for name in old:
        storage.delete(name)
    return len(old)
