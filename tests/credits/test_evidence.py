"""Evidence files with all kinds of names and contents, and a claim's page."""

import datetime as dt
import io
import tracemalloc
import zipfile
from typing import Any

import pytest
import time_machine
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from aspen.errors import Refused
from aspen.files.upload_storage import NO_ROOM
from credits import actions, tasks
from credits.actions import evidence
from credits.forms.files import EvidenceForm
from credits.models import Claim, Evidence
from events.actions import decide_custom_event
from events.enums import Decision
from tests import factories as make
from tests.web import flash_messages, signed_in

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def bomb() -> bytes:
    """Return 20 MB of zeros compressed to 20 KB."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(20_000_000))
    return packed.getvalue()


BAD = {
    "program.pdf": (
        b"MZ\x90\x00\x03 This program cannot be run in DOS mode",
        "does not match its name",
    ),
    "program.exe": (b"MZ\x90\x00", "cannot be added. Use PDF, JPEG and PNG."),
    "page.png": (b"<html><script>alert(1)</script></html>", "does not match its name"),
    "bomb.pdf": (bomb(), "does not match its name"),
    "bomb.zip": (bomb(), "cannot be added"),
    "letter.docx": (b"PK\x03\x04word/", "cannot be added"),
    "notes.txt": (b"I was there", "cannot be added"),
    "empty.pdf": (b"", "is empty"),
    "IMG_0142.HEIC": (b"\0\0\0\x18ftypheic", "Take a screenshot of the photo"),
    "no-ending": (PDF, "cannot be added"),
}


def file(name: str = "certificate.pdf", data: bytes = PDF) -> SimpleUploadedFile:
    upload = SimpleUploadedFile("x", data)
    upload.name = name  # as a browser would send it
    return upload


def stored() -> set[str]:
    storage = storages["uploads"]
    return {
        f"{folder}/{name}"
        for folder in ("evidence", "waiting")
        if storage.exists(folder)
        for name in storage.listdir(folder)[1]
    }


@pytest.fixture(autouse=True)
def no_stored_files() -> None:
    for path in stored():
        storages["uploads"].delete(path)


@pytest.fixture
def client(person: Any) -> Client:
    return signed_in(person)


@pytest.fixture
def claim(person: Any) -> Claim:
    return make.claim(person)


def refuse_full_disk(*args: Any) -> str:
    raise Refused(NO_ROOM)


def page(claim: Claim) -> str:
    return f"/continuing-education/claims/{claim.pk}/"


def declined(claim: Claim) -> Claim:
    decide_custom_event(
        event_id=claim.event_id, decision=Decision.DECLINE, reason="No.", by=make.person()
    )
    return claim


# ---------- Adding ----------


def test_files_are_stored_under_random_names_and_downloaded_under_their_own(client, claim):
    files = [file("Zertifikat Zoë.pdf"), file("photo.JPG", JPEG), file("scan.png", PNG)]
    response = client.post(page(claim), {"add": "1", "evidence": files}, follow=True)
    assert flash_messages(response) == ["“Zertifikat Zoë.pdf”, “photo.JPG”, “scan.png” were added."]
    rows = list(claim.evidence.order_by("pk"))
    assert [(row.file_name, row.content_type, row.size) for row in rows] == [
        ("Zertifikat Zoë.pdf", "application/pdf", len(PDF)),
        ("photo.JPG", "image/jpeg", len(JPEG)),
        ("scan.png", "image/png", len(PNG)),
    ]
    assert stored() == {row.file.name for row in rows}
    answer = client.get(f"/continuing-education/evidence/{rows[0].pk}/")
    assert answer.getvalue() == PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", list(BAD))
def test_invalid_files_are_refused_with_a_reason_and_valid_ones_kept(client, claim, name):
    data, words = BAD[name]
    files = [file(), file(name, data)]
    response = client.post(page(claim), {"add": "1", "evidence": files})
    [error] = response.context["files"].errors["evidence"]
    assert error.startswith(f"“{name}”: ")
    assert words in error
    assert not Evidence.objects.exists()
    [waiting] = response.context["files"].waiting
    assert waiting.name == "certificate.pdf"
    client.post(page(claim), {"add": "1", "waiting": waiting.ticket})
    [row] = claim.evidence.all()
    assert row.file.read() == PDF
    assert stored() == {row.file.name}


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Documents\\letter.pdf", "letter.pdf"),
        ("two\nlines\r\n.pdf", "twolines.pdf"),
        ("<script>alert(1)<x.pdf", "<script>alert(1)<x.pdf"),
        ("📜 שלום.pdf", "📜 שלום.pdf"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_file_names_are_cleaned(person, claim, name, cleaned):
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file(name)], by=person)
    assert row.file_name == cleaned
    assert row.file.name.startswith("evidence/")
    assert cleaned.rpartition(".")[0] not in row.file.name


def test_hostile_file_names_are_escaped_and_add_no_headers(client, person, claim):
    name = '<b>"x"\r\nSet-Cookie: a=b.pdf'
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file(name)], by=person)
    assert "<b>" not in client.get(page(claim), follow=True).content.decode()
    answer = client.get(f"/continuing-education/evidence/{row.pk}/")
    assert "Set-Cookie" not in answer.headers
    assert "\n" not in answer.headers["Content-Disposition"]


def test_a_huge_file_is_skipped_and_the_input_kept(client, claim):
    film = PDF + bytes(12 * 1024 * 1024)
    response = client.post(page(claim), {"add": "1", "evidence": file("film.pdf", film)})
    [error] = response.context["files"].errors["evidence"]
    assert error.startswith("A file was not added")
    response = client.post(
        "/continuing-education/new/",
        {"title": "Weeding", "evidence": file("film.pdf", film), "sponsor": "After the file"},
    )
    form = response.context["form"]
    assert form.errors["evidence"][0].startswith("A file was not added")
    assert (form["title"].value(), form["sponsor"].value()) == ("Weeding", "After the file")
    assert stored() == set()


class Upload(io.RawIOBase):
    """A form upload with a 200 MB video between two fields, generated while it is read."""

    def __init__(self, **typed: str) -> None:
        fields = [
            f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'
            for k, v in typed.items()
        ]
        film = '--x\r\nContent-Disposition: form-data; name="evidence"; filename="film.pdf"\r\n\r\n'
        self.parts = [
            (fields[0] + film).encode() + PDF,
            ("\r\n" + fields[1] + "--x--\r\n").encode(),
        ]
        self.zeros = 200 * 1024 * 1024
        self.size = sum(map(len, self.parts)) + self.zeros
        self.position = 0

    def read(self, size: int = -1) -> bytes:
        assert 0 < size < 1024 * 1024, "the upload was read in one piece"
        begins, ends = self.position, min(self.position + size, self.size)
        self.position = ends
        before, zeros_end = len(self.parts[0]), len(self.parts[0]) + self.zeros
        return (
            self.parts[0][begins:ends]
            + bytes(max(0, min(ends, zeros_end) - max(begins, before)))
            + self.parts[1][max(0, begins - zeros_end) : max(0, ends - zeros_end)]
        )


@pytest.mark.parametrize("where", ["claim", "review", "create"])
def test_an_upload_of_200_mb_fills_neither_memory_nor_disk(
    client, claim, where, tmp_path, settings
):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    addresses = {
        "claim": page(claim),
        "review": f"/continuing-education/claim/{make.event().pk}/",
        "create": "/continuing-education/new/",
    }
    fields = {"claim": ("add", "1"), "review": ("note", "Morning"), "create": ("title", "Weeding")}
    name, text = fields[where]
    body = Upload(**{name: text, "sponsor": "After the file"})
    tracemalloc.start()
    response = client.request(
        **{
            "PATH_INFO": addresses[where],
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "multipart/form-data; boundary=x",
            "CONTENT_LENGTH": str(body.size),
            "wsgi.input": body,
        }
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code == 200
    form = response.context["files" if where == "claim" else "form"]
    assert form.errors["evidence"][0].startswith("A file was not added")
    if where != "claim":
        assert form[name].value() == text
    if where == "create":
        assert form["sponsor"].value() == "After the file"
    assert body.position == body.size, "browsers show no response before they have sent everything"
    assert (stored(), list(tmp_path.iterdir())) == (set(), [])
    assert Claim.objects.count() == 1
    assert peak < 30_000_000


def test_a_file_just_over_10_mb_is_refused(client, claim):
    response = client.post(
        page(claim), {"add": "1", "evidence": file("scan.pdf", PDF + bytes(10 * 1024 * 1024))}
    )
    [error] = response.context["files"].errors["evidence"]
    assert error.startswith("“scan.pdf”: This file is larger than 10 MB.")


def test_a_claim_has_at_most_ten_files(client, person, claim):
    files = [file(f"{n}.pdf") for n in range(9)]
    actions.add_evidence(claim_id=claim.pk, files=files, by=person)
    response = client.post(page(claim), {"evidence": [file("a.pdf"), file("b.pdf")]})
    [error] = response.context["files"].errors["evidence"]
    assert error.startswith("A claim can have 10 files at most.")
    assert [each.name for each in response.context["files"].waiting] == ["a.pdf", "b.pdf"]
    assert claim.evidence.count() == 9
    client.post(page(claim), {"evidence": file("a.pdf")})
    assert claim.evidence.count() == 10


def test_waiting_files_are_kept_when_there_are_too_many(client):
    address = f"/continuing-education/claim/{make.event().pk}/"
    files = [file(f"{n}.pdf") for n in range(12)]
    form = client.post(address, {"evidence": files}).context["form"]
    assert form.errors["evidence"] == [
        "A claim can have 10 files at most. Remove one first, or combine pages into one PDF. "
        "Not added: “10.pdf”, “11.pdf”."
    ]
    tickets = [each.ticket for each in form.waiting]
    form = client.post(address, {"evidence": file("a.pdf"), "waiting": tickets}).context["form"]
    assert form.errors["evidence"][0].endswith("Not added: “a.pdf”.")
    client.post(address, {"waiting": tickets})
    assert Claim.objects.get().evidence.count() == 10


def test_a_form_submitted_twice_ignores_files_saved_by_the_first(person):
    """The second form is validated before the first form's files are saved."""
    ticket = evidence.store_waiting_file(file(), by=person).ticket
    first, second = (
        EvidenceForm(QueryDict(f"waiting={ticket}"), by=person),
        EvidenceForm(QueryDict(f"waiting={ticket}"), by=person),
    )
    assert first.is_valid()
    assert len(first.all_files()) == 1
    first.delete_waiting_files()
    assert second.is_valid()
    assert second.all_files() == []


def test_no_file_chosen_is_an_error(client, claim):
    response = client.post(page(claim), {"add": "1"})
    assert response.context["files"].errors["evidence"] == ["Choose a file."]


def test_evidence_can_be_added_on_the_review_page(client, person):
    event = make.event()
    address = f"/continuing-education/claim/{event.pk}/"
    assert "Evidence" in client.get(address).content.decode()
    refused = client.post(
        address, {"note": "Only the morning.", "evidence": [file(), file("a.txt", b"a")]}
    )
    assert "cannot be added" in refused.context["form"].errors["evidence"][0]
    assert not Claim.objects.exists()
    [waiting] = refused.context["form"].waiting
    client.post(address, {"note": "Only the morning.", "waiting": [waiting.ticket]})
    claim = Claim.objects.get()
    assert (claim.note, claim.evidence.get().file_name) == ("Only the morning.", "certificate.pdf")


# ---------- Removing files, and decided claims ----------


def test_files_can_be_removed_from_undecided_claims(
    client, person, claim, django_capture_on_commit_callbacks
):
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(page(claim), {"remove": row.pk}, follow=True)
    assert flash_messages(response) == ["The file was removed."]
    assert Evidence.objects.count() == 0
    [copy] = stored()  # for a day, so that this can be undone
    assert copy.startswith("waiting/")
    client.post(page(claim), {"remove": row.pk})


@pytest.mark.parametrize("full", ["waiting", "disk"])
def test_a_file_is_removed_even_if_no_copy_can_be_kept(client, person, claim, monkeypatch, full):
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)
    if full == "waiting":
        monkeypatch.setattr(evidence, "MAX_WAITING_FILES", 0)
    else:
        monkeypatch.setattr(storages["uploads"], "_save", refuse_full_disk)
    response = client.post(page(claim), {"remove": row.pk}, follow=True)
    assert flash_messages(response) == [
        "The file was removed. No copy could be kept, so this cannot be undone."
    ]
    assert not Evidence.objects.exists()
    assert "/evidence/undo/" not in response.content.decode()


def test_a_file_chosen_after_undoing_is_added(client, person, claim):
    """The query string of the page's address does not decide what its forms do."""
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)
    client.post(page(claim), {"remove": row.pk})
    waiting = evidence.store_waiting_file(file(), by=person)
    client.post(f"{page(claim)}?restore={waiting.ticket}", {"evidence": file("other.pdf")})
    assert claim.evidence.get().file_name == "other.pdf"


def test_a_file_that_is_gone_from_the_disk_can_be_removed(client, person, claim):
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)
    storages["uploads"].delete(row.file.name)
    response = client.post(page(claim), {"remove": row.pk}, follow=True)
    assert flash_messages(response)[0].startswith("The file was removed. No copy could be kept")


def test_files_can_be_added_to_approved_claims_but_not_removed(client, person):
    claim = actions.claim_custom_event(facts=make.facts(), files=[file()], by=person)
    decide_custom_event(
        event_id=claim.event_id, decision=Decision.APPROVE, reason="", by=make.person()
    )
    row = claim.evidence.get()
    response = client.post(page(claim), {"remove": row.pk}, follow=True)
    assert flash_messages(response) == [
        "This claim is approved, so its evidence cannot be removed."
    ]
    actions.add_evidence(claim_id=claim.pk, files=[file("late.pdf")], by=person)
    assert claim.evidence.count() == 2


def test_files_cannot_be_added_to_declined_claims(client, person):
    claim = declined(actions.claim_custom_event(facts=make.facts(), by=person))
    assert ">Add evidence<" not in client.get(page(claim), follow=True).content.decode()
    with pytest.raises(Refused, match="is declined, so it no longer needs evidence"):
        actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)


# ---------- Access ----------


def test_others_cannot_see_or_change_evidence(claim, person):
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)
    other = make.person()
    client = signed_in(other)
    assert client.get(f"/continuing-education/evidence/{row.pk}/").status_code == 404
    assert client.post(page(claim), {"evidence": file()}).status_code == 404
    with pytest.raises(Claim.DoesNotExist):
        actions.add_evidence(claim_id=claim.pk, files=[file()], by=other)
    actions.remove_evidence(evidence_id=row.pk, by=other)
    assert list(claim.evidence.all()) == [row]


def test_staff_who_can_view_claims_can_view_evidence(claim, person):
    [row] = actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)
    client = signed_in(make.person(Role.CE_COORDINATOR))
    assert client.get(f"/continuing-education/evidence/{row.pk}/").getvalue() == PDF


def test_only_the_uploader_can_use_a_waiting_file(client, person):
    waiting = evidence.store_waiting_file(file(), by=make.person())
    forged = evidence.store_waiting_file(file("own.pdf"), by=person).ticket[:-2]
    event = make.event()
    tickets = [waiting.ticket, forged, "nonsense", ""]
    client.post(f"/continuing-education/claim/{event.pk}/", {"waiting": tickets})
    assert Claim.objects.get().evidence.count() == 0


def test_waiting_files_are_deleted_after_a_day(person):
    with time_machine.travel(timezone.now() - dt.timedelta(hours=25)):
        old = evidence.store_waiting_file(file(), by=person)
        assert evidence.waiting_files([old.ticket], by=person) == [old]
    new = evidence.store_waiting_file(file(), by=person)
    assert stored() == {new.path}
    assert evidence.waiting_files([old.ticket, new.ticket], by=person) == [new]


def test_a_person_has_a_limited_number_of_waiting_files(client, person, monkeypatch):
    monkeypatch.setattr(evidence, "MAX_WAITING_FILES", 2)
    evidence.store_waiting_file(file(), by=make.person())
    address = f"/continuing-education/claim/{make.event().pk}/"
    for _ in range(2):
        client.post(address, {"evidence": [file("good.pdf"), file("bad.exe")]})
    answer = client.post(address, {"evidence": [file("third.pdf"), file("bad.exe")]})
    assert "Choose “third.pdf” again when you save this form." in answer.content.decode()
    assert answer.context["form"].waiting == []
    assert len(stored()) == 3
    answer = client.post(address, {"evidence": [file("third.pdf")]})
    assert answer.status_code == 302


def test_all_waiting_files_together_are_limited(client, monkeypatch):
    monkeypatch.setattr(evidence, "MAX_WAITING_BYTES", 2 * len(PDF))
    for _ in range(2):
        evidence.store_waiting_file(file(), by=make.person())
    address = f"/continuing-education/claim/{make.event().pk}/"
    answer = client.post(address, {"evidence": [file("third.pdf"), file("bad.exe")]})
    assert "“third.pdf” could not be kept." in answer.content.decode()
    assert len(stored()) == 2


def test_a_nightly_job_deletes_files_that_belong_to_nothing(client, person, claim):
    storage = storages["uploads"]
    with time_machine.travel(timezone.now() - dt.timedelta(hours=25)):
        waiting = evidence.store_waiting_file(file(), by=person)
        storage.save("evidence/lost", file())
        [kept] = actions.add_evidence(claim_id=claim.pk, files=[file()], by=person)
    storage.save("evidence/being-saved", file())

    tasks.delete_unused_evidence(0)

    assert stored() == {kept.file.name, "evidence/being-saved"}
    assert evidence.waiting_files([waiting.ticket], by=person) == []


def test_a_full_disk_is_explained_and_nothing_is_saved(client, claim, monkeypatch):
    monkeypatch.setattr(storages["uploads"], "_save", refuse_full_disk)
    answers = [
        client.post(page(claim), {"add": "1", "evidence": file()}),
        client.post("/continuing-education/new/", {"title": "Weeding", "evidence": file()}),
        client.post(f"/continuing-education/claim/{make.event().pk}/", {"evidence": file()}),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "The portal has no room for files at the moment" in answer.content.decode()
    assert (stored(), Evidence.objects.count(), Claim.objects.count()) == (set(), 0, 1)


def test_an_upload_needs_no_room_for_temporary_files(client, claim, settings):
    settings.FILE_UPLOAD_TEMP_DIR = "/nowhere"
    data = PDF + bytes(9 * 1024 * 1024)
    assert client.post(page(claim), {"add": "1", "evidence": file(data=data)}).status_code == 302
    assert claim.evidence.get().size == len(data)


# ---------- A claim's page ----------


def test_the_note_can_be_changed_until_the_claim_is_decided(client, person):
    claim = actions.claim_custom_event(facts=make.facts(), note="First.", by=person)
    response = client.post(
        page(claim), {"save_note": "1", "note": "Only the morning."}, follow=True
    )
    assert flash_messages(response) == ["Your note was saved."]
    claim.refresh_from_db()
    assert claim.note == "Only the morning."
    declined(claim)
    response = client.post(page(claim), {"save_note": "1", "note": "Late."})
    assert response.context["note"].errors["note"][0].startswith("This claim is declined")
    assert "Only the morning." in response.content.decode()


def test_a_pending_claim_can_be_withdrawn_on_its_line(client, person, claim):
    line = client.get(page(claim), follow=True)
    assert f'action="{page(claim)}withdraw/"' in line.content.decode()
    client.post(f"{page(claim)}withdraw/")
    claim.refresh_from_db()
    assert claim.state == "withdrawn"
    assert "Withdraw<" not in client.get(page(claim), follow=True).content.decode()


def test_the_opened_line_shows_warnings(client, person, claim):
    twin = make.claim(person, title=claim.event.title, days=-6.5)
    warnings = client.get(page(claim), follow=True).context["warnings"]
    assert [(each.kind, each.claim_id) for each in warnings] == [("same", twin.pk)]


def test_the_line_of_a_claim_shows_its_note_and_files_and_the_forms_for_them(client, person, claim):
    client.post(page(claim), {"save_note": "1", "note": "Only the morning."})
    added = client.post(page(claim), {"add": "1", "evidence": file("program.pdf")}, follow=True)
    credit = claim.credits.get()
    [(address, _)] = added.redirect_chain
    assert address == f"/continuing-education/credits/?open={credit.pk}#credit-{credit.pk}"
    line = added.content.decode().split(f'<li id="credit-{credit.pk}">')[1]
    assert line.strip().startswith('<details class="line" open>')
    for text in ("Only the morning.", "program.pdf", "Add evidence", "Save note", "Remove<"):
        assert text in line
    assert f'action="{page(claim)}"' in line


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(client, person, number, django_assert_num_queries):
    claim = make.claim(person, credits={make.TECHNOLOGY: "1", make.PUBLIC: "1"})
    files = [file(f"{n}.pdf") for n in range(number)]
    actions.add_evidence(claim_id=claim.pk, files=files, by=person)
    for n in range(number):
        make.claim(person, title=f"{claim.event.title} {n}")
    address = client.get(page(claim)).url
    with django_assert_num_queries(11):
        client.get(address)


def test_phones_are_asked_for_jpeg_before_other_kinds():
    accept = EvidenceForm().fields["evidence"].widget.attrs["accept"].split(",")
    assert accept[0] == "image/jpeg"
    assert set(accept) >= {".jpg", ".png", ".pdf", "application/pdf"}
    assert not any("hei" in kind for kind in accept)
