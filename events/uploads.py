"""Checks on uploaded files, by content as well as by name."""

import io
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import PurePath
from typing import NamedTuple

import puremagic
from django.core.files.base import File
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import FileResponse, HttpRequest

from aspen.errors import Refused
from aspen.text import clean_line

MEGABYTE = 1024 * 1024
MAX_UPLOAD_BYTES = 10 * MEGABYTE
# Set in request.META when an upload is stopped.
UPLOAD_STOPPED = "aspen.upload_ended"
TOO_LARGE = "This file is larger than 10 MB. Link to it instead."
EVIDENCE_TOO_LARGE = (
    "This file is larger than 10 MB. Scan it at a lower resolution, or add the pages one by one."
)


class FileKind(NamedTuple):
    """A file type: its content type, and the signatures that its content can have."""

    content_type: str
    signatures: frozenset[str]


_OFFICE = "application/vnd.openxmlformats-officedocument"
# Programs open a file by its extension, so extension and content must match.
KINDS: dict[str, FileKind] = {
    ".pdf": FileKind("application/pdf", frozenset({".pdf"})),
    ".png": FileKind("image/png", frozenset({".png"})),
    ".jpg": FileKind("image/jpeg", frozenset({".jpg", ".jpeg", ".jfif"})),
    ".jpeg": FileKind("image/jpeg", frozenset({".jpg", ".jpeg", ".jfif"})),
    ".docx": FileKind(f"{_OFFICE}.wordprocessingml.document", frozenset({".docx"})),
    ".xlsx": FileKind(f"{_OFFICE}.spreadsheetml.sheet", frozenset({".xlsx"})),
    ".pptx": FileKind(f"{_OFFICE}.presentationml.presentation", frozenset({".pptx"})),
    ".txt": FileKind("text/plain", frozenset()),
    ".csv": FileKind("text/csv", frozenset()),
}
# Office files are ZIP archives that contain these folders.
OFFICE_PARTS = {".docx": "word/", ".xlsx": "xl/", ".pptx": "ppt/"}
OFFICE_CONTENTS = "[Content_Types].xml"
# Nothing is unpacked here, but a larger file could fill the disk of the person who opens it.
MAX_UNPACKED_BYTES = 50 * MAX_UPLOAD_BYTES
ALLOWED_NAMES = "PDF, PNG, JPEG, Word, Excel, PowerPoint, text and CSV"
# Evidence of attendance is a picture of a document, or a document.
EVIDENCE_KINDS = {suffix: KINDS[suffix] for suffix in (".jpg", ".jpeg", ".png", ".pdf")}
EVIDENCE_ALLOWED = "PDF, JPEG and PNG"
# For a file input. JPEG comes first, so that an iPhone converts its photos.
EVIDENCE_ACCEPT = ",".join(
    dict.fromkeys([*(kind.content_type for kind in EVIDENCE_KINDS.values()), *EVIDENCE_KINDS])
)
PHONE_PHOTOS = frozenset({".heic", ".heif"})
CONVERT_PHOTO = (
    "This photo is in the HEIC format of phones, which many computers cannot open. Take a "
    "screenshot of the photo and add the screenshot, or export the photo as JPEG and add that."
)


class StopWhenTooLarge(FileUploadHandler):
    """An upload handler that drops a file as soon as it exceeds the limit.

    The limit applies to all files in a request together. The form's other fields are not lost.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        if self.received > MAX_UPLOAD_BYTES + MEGABYTE:
            assert self.request is not None
            self.request.META[UPLOAD_STOPPED] = "1"
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""


def was_cut_off(request: HttpRequest) -> bool:
    """Return True if a file in this request was dropped because of its size."""
    return UPLOAD_STOPPED in request.META


def kind_of(
    file: File,
    *,
    kinds: Mapping[str, FileKind] = KINDS,
    allowed: str = ALLOWED_NAMES,
    too_large: str = TOO_LARGE,
) -> FileKind:
    """Check a file's name and content, and return its kind.

    Raises Refused, listing the `allowed` kinds, if the file fails a check.
    """
    if not file.size:
        raise Refused("This file is empty.", field="file")
    if file.size > MAX_UPLOAD_BYTES:
        raise Refused(too_large, field="file")
    suffix = PurePath(clean_name(file.name or "")).suffix.lower()
    if suffix in PHONE_PHOTOS:
        raise Refused(CONVERT_PHOTO, field="file")
    kind = kinds.get(suffix)
    if kind is None:
        raise Refused(f"Files of this type cannot be added. Use {allowed}.", field="file")
    file.seek(0)
    data = file.read()
    file.seek(0)
    if not kind.signatures and not _is_utf8(data):
        raise Refused(
            "This file is not in UTF-8. Save it as UTF-8 (in a spreadsheet program, choose “CSV "
            "UTF-8”), then add it again.",
            field="file",
        )
    matches = _has_signature(data, suffix, kind) if kind.signatures else _is_text(data)
    if not matches:
        raise Refused(
            f"The content of this file does not match its name ({suffix}). Open it in the program "
            "that created it, save it again, then add it here.",
            field="file",
        )
    return kind


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text(data: bytes) -> bool:
    text = data.decode("utf-8-sig")
    return "\0" not in text and not text.lstrip().lower().startswith(("<", "%pdf", "{\\rtf"))


def _has_signature(data: bytes, suffix: str, kind: FileKind) -> bool:
    if suffix in OFFICE_PARTS:
        return data.startswith(b"PK\x03\x04") and _is_office(data, OFFICE_PARTS[suffix])
    try:
        extensions = {match.extension for match in puremagic.magic_string(data)}
    except puremagic.PureError:
        return False
    return bool(extensions & kind.signatures)


def _is_office(data: bytes, part: str) -> bool:
    """Return True if the ZIP directory lists the parts of an Office file of plausible size."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            sizes = {each.filename: each.file_size for each in packed.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    has_parts = OFFICE_CONTENTS in sizes and any(name.startswith(part) for name in sizes)
    return has_parts and sum(sizes.values()) <= MAX_UNPACKED_BYTES


def clean_name(name: str) -> str:
    """Return the cleaned file name without its path, at most 150 characters long."""
    bare = PurePath(name.replace("\\", "/")).name
    printable = "".join(each for each in bare if each.isprintable())
    path = PurePath(clean_line(printable) or "file")
    return f"{path.stem[: 150 - len(path.suffix)]}{path.suffix}"


def private_file(file: File, name: str, content_type: str) -> FileResponse:
    """Return a response with a file that only some people can see.

    The file is always an attachment, so that browsers do not open it as a page on this site.
    """
    response = FileResponse(file, as_attachment=True, filename=name, content_type=content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


def random_name() -> str:
    """Return a random storage name, so that no user input becomes a path."""
    return secrets.token_hex(16)
