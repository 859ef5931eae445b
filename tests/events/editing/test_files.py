"""An event's files and links. Files are checked by content and served only as attachments."""

import io
import zipfile
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.enums import Role
from accounts.models import Organization, User
from aspen.errors import Refused
from events import uploads
from events.editing.material import MAX_RESOURCES, add_file, add_link
from events.enums import EventState
from events.models import Event, Resource
from tests import factories as make
from tests.web import signed_in

pytestmark = pytest.mark.django_db


def office(part: str, content: bytes = b"<x/>") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr(f"{part}/document.xml", content)
    return packed.getvalue()


PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
GOOD = {
    "handout.pdf": PDF,
    "poster.PNG": PNG,
    "photo.jpeg": JPEG,
    "letter.docx": office("word"),
    "budget.xlsx": office("xl"),
    "slides.pptx": office("ppt"),
    "notes.txt": "Ünïcode notes".encode(),
    "list.csv": b"a,b\n1,2\n",
}
BAD = {
    "program.pdf": b"MZ\x90\x00\x03 This program cannot be run in DOS mode",
    "page.png": b"<html><script>alert(1)</script></html>",
    "page.txt": b"  <script>alert(1)</script>",
    "letter.docx": office("anything"),
    "no-list.docx": b"PK\x03\x04" + b"word/document.xml [Content_Types].xml",
    "torn.docx": office("word")[:-30],
    "bomb.docx": office("word", bytes(123_457)).replace(
        (123_457).to_bytes(4, "little"), (uploads.MAX_UNPACKED_BYTES + 1).to_bytes(4, "little")
    ),
    "zip.xlsx": office("word"),
    "binary.csv": b"a,b\x00\x01",
}


def upload(data: bytes, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="application/pdf")


@pytest.fixture
def event(library: Organization) -> Event:
    return make.event(days=3, organization=library)


def add(client: Client, event: Event, data: bytes, name: str, **fields: str) -> Any:
    file = SimpleUploadedFile("x", data)
    file.name = name  # as a browser would send it
    return client.post(
        f"/events/{event.pk}/files/", {"add_file": "1", "file": file, **fields}, follow=True
    )


@pytest.mark.parametrize("name", GOOD)
def test_allowed_files(name: str) -> None:
    assert uploads.kind_of(upload(GOOD[name], name)).content_type


@pytest.mark.parametrize("name", BAD)
def test_content_must_match_the_name(name: str) -> None:
    with pytest.raises(Refused, match="does not match its name"):
        uploads.kind_of(upload(BAD[name], name))


@pytest.mark.parametrize("data", [b"caf\xe9", "café".encode("utf-16")])
@pytest.mark.parametrize("name", ["notes.txt", "list.csv"])
def test_text_files_must_be_utf8(name: str, data: bytes) -> None:
    with pytest.raises(Refused, match="Save it as UTF-8"):
        uploads.kind_of(upload(data, name))


@pytest.mark.parametrize("name", ["drawing.svg", "page.html", "tool.exe", "old.doc", "none", ""])
def test_file_types_that_are_not_allowed(name: str) -> None:
    with pytest.raises(Refused, match="cannot be added"):
        uploads.kind_of(SimpleUploadedFile(name or "x", b"<svg/>"))


def test_an_added_file_is_served_as_an_attachment(
    client: Client, editor: User, event: Event
) -> None:
    page = add(client, event, PDF, "Übung “eins” & más.pdf", label="Exercise")
    assert "“Exercise” was added." in page.content.decode()
    resource = Resource.objects.get()
    assert (resource.file_name, resource.size) == ("Übung “eins” & más.pdf", len(PDF))
    assert "bung" not in str(resource.file.name)
    answer = Client().get(f"/events/files/{resource.pk}/")
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%C3%9Cbung")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "Exercise" in Client().get(event.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\me\\plan.pdf", "plan.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie: x.pdf"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
        ("", "file"),
    ],
)
def test_file_names_are_cleaned(name: str, cleaned: str) -> None:
    assert uploads.clean_name(name) == cleaned


def test_refusals_are_shown_in_the_form(client: Client, editor: User, event: Event) -> None:
    for data, name, words in [
        (BAD["program.pdf"], "program.pdf", "does not match its name (.pdf)"),
        (b"", "empty.pdf", "This file is empty."),
        (PDF + b" " * 10 * 1024 * 1024, "large.pdf", "larger than 10 MB"),
    ]:
        page = add(client, event, data, name)
        assert words in page.content.decode()
    nothing = client.post(f"/events/{event.pk}/files/", {"add_file": "1"})
    assert "Choose a file." in nothing.content.decode()
    assert not Resource.objects.exists()


def test_an_oversized_upload_is_cut_off_with_a_message(
    client: Client, editor: User, event: Event
) -> None:
    page = add(client, event, PDF + b" " * 13 * 1024 * 1024, "huge.pdf", label="The plan")
    assert page.status_code == 200
    assert "larger than 10 MB" in page.content.decode()
    assert 'value="The plan"' in page.content.decode()
    assert not Resource.objects.exists()


def test_a_drafts_files_are_not_public(client: Client, editor: User, library: Organization) -> None:
    draft = make.event(days=3, organization=library, state=EventState.DRAFT)
    add(client, draft, PDF, "plan.pdf")
    address = f"/events/files/{Resource.objects.get().pk}/"
    assert client.get(address).status_code == 200
    assert Client().get(address).status_code == 404
    other = signed_in(make.person())
    assert other.get(address).status_code == 404


def test_links_are_checked_and_added_once(client: Client, editor: User, event: Event) -> None:
    address = f"/events/{event.pk}/files/"
    link = {"add_link": "1", "link_label": "Slides", "url": "example.org/slides"}
    for _ in range(2):
        client.post(address, link)
    assert [(each.label, each.url) for each in Resource.objects.all()] == [
        ("Slides", "https://example.org/slides")
    ]
    for url in ("javascript:alert(1)", "ftp://example.org", "", "https://[x"):
        page = client.post(address, link | {"url": url})
        assert "url" in page.context["link"].errors
    for number in range(1, MAX_RESOURCES):
        add_link(event_id=event.pk, label=f"{number}", url="https://example.org/", by=editor)
    page = client.post(address, link | {"link_label": "One more"})
    assert "at most 20 files and links" in page.content.decode()


def test_a_name_that_is_too_long_is_refused_with_a_message(editor: User, event: Event) -> None:
    with pytest.raises(Refused, match=r"has 151 characters. Shorten it to 150 or fewer\.") as link:
        add_link(event_id=event.pk, label="x" * 151, url="https://example.org/", by=editor)
    assert link.value.field == "link_label"
    with pytest.raises(Refused, match="151 characters"):
        add_file(
            event_id=event.pk, label="x" * 151, file=SimpleUploadedFile("plan.pdf", PDF), by=editor
        )
    assert not Resource.objects.exists()
    assert add_link(event_id=event.pk, label="x" * 150, url="https://example.org/", by=editor).pk


@pytest.mark.django_db(transaction=True)
def test_removed_files_are_deleted(client: Client) -> None:
    staff = make.person(Role.CE_COORDINATOR)
    client.force_login(staff)
    event = make.event(days=3)
    add(client, event, PDF, "plan.pdf")
    resource = Resource.objects.get()
    pressed = {"remove": str(resource.pk)}
    asked = client.post(f"/events/{event.pk}/files/", pressed)
    assert f"Remove “{resource.label}”?" in asked.content.decode()
    assert Resource.objects.exists()
    for _ in range(2):
        client.post(f"/events/{event.pk}/files/", pressed | {"confirmed": "1"})
    assert not Resource.objects.exists()
    assert not storages["uploads"].exists(str(resource.file.name))
    for nonsense in ("x", "9" * 30, "9" * 5000, ""):
        assert client.post(f"/events/{event.pk}/files/", {"remove": nonsense}).status_code == 302


def test_other_peoples_events_return_404(client: Client, editor: User) -> None:
    other = make.event(days=3, organization=make.organization())
    assert add(client, other, PDF, "plan.pdf").status_code == 404
    assert not Resource.objects.exists()
