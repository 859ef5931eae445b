"""How much room is left on a disk."""

import shutil
from pathlib import Path

MEGABYTE = 1024 * 1024
# Uploads leave this much room, so that the database and the logs can still be written.
RESERVED_BYTES = 200 * MEGABYTE


def free_bytes(folder: Path) -> int:
    """Return the number of bytes that can be written to the disk with this folder.

    The folder does not have to exist yet.
    """
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(existing).free


def has_room(folder: Path, size: int = 0) -> bool:
    """Return whether a file of this size leaves the reserve on the disk with this folder."""
    return free_bytes(folder) - size >= RESERVED_BYTES
