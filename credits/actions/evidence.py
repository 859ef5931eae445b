"""Claims' evidence files, and files uploaded with forms that had errors."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import NamedTuple

from django.core import signing
from django.core.files.base import File
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from aspen.errors import Refused
from credits.enums import LIVE, PENDING_OR_RETURNED
from credits.models import Claim, Evidence
from events import uploads

MAX_FILES = 10
TOO_MANY = (
    f"A claim can have {MAX_FILES} files at most. Remove one first, or combine pages into one PDF."
)
# Files are deleted if their form is not saved within this time.
WAITING_FILE_LIFETIME = dt.timedelta(days=1)
# Three forms with ten files each.
MAX_WAITING_FILES = 3 * MAX_FILES
# For all people together, so that files that no one saves cannot fill the disk.
MAX_WAITING_BYTES = 1_000 * uploads.MEGABYTE
TOO_MANY_WAITING = (
    f"{MAX_WAITING_FILES} of your files already wait in forms that you have not saved. Choose "
    "“{name}” again when you save this form."
)
NO_ROOM_TO_WAIT = "“{name}” could not be kept. Choose it again when you save this form."
WAITING_FOLDER = "waiting"
WAITING_SALT = "credits.evidence.waiting"


@dataclasses.dataclass(frozen=True)
class WaitingFile:
    """A file uploaded with a form that had errors. The form resubmits `ticket` to keep the file."""

    name: str
    path: str
    ticket: str

    def open(self) -> File:
        return File(storages["uploads"].open(self.path), name=self.name)


class RemovedEvidence(NamedTuple):
    """A file that was removed from a claim. `copy` is None if no copy could be kept."""

    copy: WaitingFile | None


def check_evidence_file(file: File) -> uploads.FileKind:
    """Return an evidence file's kind, based on its content. Raise Refused if it is not allowed."""
    name = uploads.clean_name(file.name or "")
    try:
        return uploads.kind_of(
            file,
            kinds=uploads.EVIDENCE_KINDS,
            allowed=uploads.EVIDENCE_ALLOWED,
            too_large=uploads.EVIDENCE_TOO_LARGE,
        )
    except Refused as refusal:
        raise Refused(f"“{name}”: {refusal}", field="evidence") from refusal


def attach_evidence(claim: Claim, files: Iterable[File]) -> list[Evidence]:
    """Add files to a claim. The caller must hold the person's lock.

    Raise Refused if there are too many files or any file is not allowed.
    """
    files = list(files)
    if files and claim.evidence.count() + len(files) > MAX_FILES:
        raise Refused(TOO_MANY, field="evidence")
    return [_store(claim, file) for file in files]


def _store(claim: Claim, file: File) -> Evidence:
    kind = check_evidence_file(file)
    evidence = Evidence(
        claim=claim,
        person_id=claim.person_id,
        file_name=uploads.clean_name(file.name or ""),
        content_type=kind.content_type,
        size=file.size,
    )
    try:
        evidence.file.save(uploads.random_name(), file, save=False)
    except Refused as refusal:  # the disk is full
        raise Refused(str(refusal), field="evidence") from refusal
    evidence.save()
    return evidence


@audited
def add_evidence(*, claim_id: int, files: Sequence[File], by: User) -> list[Evidence]:
    """Add files to one of `by`'s live claims, all or nothing.

    Lock the person. Raise Claim.DoesNotExist for another person's claim, or Refused if the claim
    has ended, there are too many files, or any file is not allowed.
    """
    lock_people([by.pk])
    claim = Claim.objects.get(pk=claim_id, person=by)
    if claim.state not in LIVE:
        raise Refused(
            f"This claim is {claim.get_state_display().lower()}, so it no longer needs evidence."
        )
    return attach_evidence(claim, files)


@audited
def remove_evidence(*, evidence_id: int, by: User) -> RemovedEvidence | None:
    """Remove a file from one of `by`'s undecided claims. Idempotent.

    The stored file is deleted on commit. A copy waits for a day, so that the person can undo this
    (restore_evidence), but the file is removed even if there is no room for a copy. Return None if
    there is no such file. Lock the person. Raise Refused if staff have decided.
    """
    lock_people([by.pk])
    files = Evidence.objects.filter(pk=evidence_id, person=by)
    evidence = files.select_related("claim").first()
    if evidence is None:
        return None
    if evidence.claim.state not in PENDING_OR_RETURNED:
        state = evidence.claim.get_state_display().lower()
        raise Refused(f"This claim is {state}, so its evidence cannot be removed.")
    copy = None
    with suppress(FileNotFoundError, Refused), evidence.file.open("rb") as file:
        copy = store_waiting_file(File(file, name=evidence.file_name), by=by)
    evidence.delete()
    storage, name = evidence.file.storage, str(evidence.file.name)
    transaction.on_commit(lambda: storage.delete(name))
    return RemovedEvidence(copy)


@audited
def restore_evidence(*, claim_id: int, ticket: str, by: User) -> Evidence:
    """Add a file again that `by` removed within the last day.

    `ticket` is the waiting file's. Lock the person. Raise Claim.DoesNotExist for another person's
    claim, or Refused if the file is gone, the claim has ended or it has too many files.
    """
    files = waiting_files([ticket], by=by)
    if not files:
        raise Refused("A removed file is kept for one day only. Add it again.")
    with files[0].open() as file:
        [evidence] = add_evidence(claim_id=claim_id, files=[file], by=by)
    transaction.on_commit(lambda: delete_waiting_files(files))
    return evidence


# ---------- Files from forms that had errors ----------


def store_waiting_file(file: File, *, by: User) -> WaitingFile:
    """Store a valid file until the form is saved. Also delete expired files.

    Raises Refused if too many files are waiting, `by`'s own or everyone's.
    """
    storage = storages["uploads"]
    name = uploads.clean_name(file.name or "")
    sizes = delete_expired_waiting_files()
    if sum(path.startswith(f"{WAITING_FOLDER}/{by.pk}-") for path in sizes) >= MAX_WAITING_FILES:
        raise Refused(TOO_MANY_WAITING.format(name=name), field="evidence")
    if sum(sizes.values()) + (file.size or 0) > MAX_WAITING_BYTES:
        raise Refused(NO_ROOM_TO_WAIT.format(name=name), field="evidence")
    path = storage.save(f"{WAITING_FOLDER}/{by.pk}-{uploads.random_name()}", file)
    return WaitingFile(name, path, signing.dumps([by.pk, path, name], salt=WAITING_SALT))


def waiting_files(tickets: Sequence[str], *, by: User) -> list[WaitingFile]:
    """Return `by`'s waiting files for these tickets. Skip files that no longer exist."""
    files = {}
    for ticket in tickets[:MAX_FILES]:
        try:
            owner, path, name = signing.loads(
                ticket, salt=WAITING_SALT, max_age=WAITING_FILE_LIFETIME
            )
        except signing.BadSignature:
            continue
        if owner == by.pk and storages["uploads"].exists(path):
            files[path] = WaitingFile(name, path, ticket)
    return list(files.values())


def delete_waiting_files(files: Iterable[WaitingFile]) -> None:
    for file in files:
        storages["uploads"].delete(file.path)


def delete_expired_waiting_files() -> dict[str, int]:
    """Delete the waiting files whose time is over. Return the size of each that is left."""
    storage = storages["uploads"]
    if not storage.exists(WAITING_FOLDER):
        return {}
    expired = timezone.now() - WAITING_FILE_LIFETIME
    sizes = {}
    for name in storage.listdir(WAITING_FOLDER)[1]:
        path = str(PurePath(WAITING_FOLDER) / name)
        with suppress(FileNotFoundError):  # another request may have just deleted it
            if storage.get_modified_time(path) < expired:
                storage.delete(path)
            else:
                sizes[path] = storage.size(path)
    return sizes
