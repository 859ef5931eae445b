"""The welcome page: what its answers do, what is kept, and who sees it."""

import datetime as dt
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Organization, Position, User, WelcomeDraft
from events.uploads import random_name
from helpdesk import tasks
from helpdesk.actions import WelcomeAnswers, answer_welcome, open_ticket
from helpdesk.models import Attachment, Ticket
from tests import factories
from tests.factories import PASSWORD
from tests.web import flash_messages, form_values, signed_in, text
from tracks.models import Participation

pytestmark = pytest.mark.django_db
WELCOME = "/welcome/"
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


@pytest.fixture
def newcomer() -> User:
    return factories.person(display_name="Edith Moreno", welcomed_at=None)


@pytest.fixture
def client(newcomer: User) -> Client:
    return signed_in(newcomer)


@pytest.fixture
def library() -> Organization:
    return factories.organization(name="Lewistown Public Library", city="Lewistown")


def tracks_of(person: User) -> list[str]:
    return [str(each.track) for each in Participation.objects.filter(person=person).order_by("pk")]


def was_welcomed(person: User) -> bool:
    person.refresh_from_db()
    return person.welcomed_at is not None


def a_file(name: str = "list.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


# ---------- Signing in ----------


def lands_on(person: User, **more: str) -> str:
    answer = Client().post(
        "/accounts/login/", {"login": person.email, "password": PASSWORD, **more}
    )
    return str(answer.headers["Location"])


def test_people_see_the_welcome_page_at_sign_in_until_they_finish_or_skip_it(
    newcomer: User, settings: Any
) -> None:
    settings.ZEAL_ALLOWLIST = [
        {"model": "sessions.Session", "field": "get()"},
        {"model": "account.EmailAddress", "field": "get()"},
    ]
    newcomer.emailaddress_set.create(email=newcomer.email, verified=True, primary=True)
    assert lands_on(newcomer) == WELCOME
    assert lands_on(newcomer, next="/events/") == "/events/"
    assert lands_on(newcomer) == WELCOME
    signed_in(newcomer).post(WELCOME, {"skip": "1"})
    assert lands_on(newcomer) == "/"


# ---------- Answering ----------


def test_the_answers_take_effect_together(
    newcomer: User, client: Client, library: Organization
) -> None:
    answer = client.post(
        WELCOME, {"organization": library.pk, "kind": "staff", "track": "yes", "past": "no"}
    )
    assert answer.headers["Location"] == "/"
    assert flash_messages(answer) == [
        "You are all set. You follow Library Staff. Lewistown Public Library is your library. You "
        "can change this in your profile."
    ]
    position = Position.objects.get()
    assert (position.person, position.organization, position.kind) == (newcomer, library, "staff")
    assert tracks_of(newcomer) == ["Library Staff"]
    assert was_welcomed(newcomer)
    assert not Ticket.objects.exists()
    assert library.name in text(client.get("/accessibility/"))


@pytest.mark.parametrize(
    ("kind", "library_kind", "tracks"),
    [
        ("director", "public", ["Library Director"]),
        ("director", "school", ["Library Staff"]),
        ("trustee", "public", ["Library Trustee"]),
        ("board_chair", "public", ["Library Trustee"]),
        ("friend", "public", []),
    ],
)
def test_the_track_fits_the_position(
    newcomer: User, client: Client, kind: str, library_kind: str, tracks: list[str]
) -> None:
    library = factories.organization(kind=library_kind)
    values = {"organization": str(library.pk), "kind": kind}
    part = text(client.get(WELCOME, values, headers={"HX-Request": "true"}))
    if tracks:
        assert f"Yes, as {tracks[0]}" in part
        assert f"You said: {PositionKind(kind).label}, {library}." in part
    else:
        assert "No track fits what you said." in part
    client.post(WELCOME, values | {"track": "yes"})
    assert tracks_of(newcomer) == tracks


@pytest.mark.parametrize("values", [{}, {"track": "no", "past": "no"}, {"track": "yes"}])
def test_nothing_has_to_be_answered(newcomer: User, client: Client, values: dict[str, str]) -> None:
    assert client.post(WELCOME, values).headers["Location"] == "/"
    assert was_welcomed(newcomer)
    assert (tracks_of(newcomer), Position.objects.count(), Ticket.objects.count()) == ([], 0, 0)


def test_not_now_follows_no_track(newcomer: User, client: Client, library: Organization) -> None:
    client.post(WELCOME, {"organization": library.pk, "kind": "staff", "track": "no"})
    assert tracks_of(newcomer) == []
    assert Position.objects.count() == 1


def test_staff_are_asked_to_add_a_library_that_is_not_listed(
    newcomer: User, client: Client
) -> None:
    values = {"library_name": "Fort Nowhere Library", "library_town": "Nowhere"}
    answer = client.post(WELCOME, values | {"kind": "staff", "track": "yes"})
    assert "The answer will appear under Help." in flash_messages(answer)[-1]
    ticket = Ticket.objects.get()
    desk = signed_in(factories.person(Role.CE_COORDINATOR))
    page = text(desk.get(ticket.get_absolute_url()))
    for line in ("Library: Fort Nowhere Library", "Town: Nowhere", "Position: Staff"):
        assert line in page
    assert ticket.subject in text(desk.get("/help/queue/"))
    assert tracks_of(newcomer) == ["Library Staff"]
    assert not Position.objects.exists()


def test_the_track_of_a_director_waits_for_the_library(newcomer: User, client: Client) -> None:
    client.post(WELCOME, {"library_name": "New", "kind": "director", "track": "yes"})
    assert tracks_of(newcomer) == []


def test_the_coordinator_gets_the_files_about_credits_from_before(client: Client) -> None:
    files = [a_file(), a_file("old credits.csv", b"title,credits\nWeeding,2\n")]
    answer = client.post(
        WELCOME, {"past": "yes", "note": "From my last library.", "evidence": files}
    )
    assert "The answer will appear under Help." in flash_messages(answer)[-1]
    ticket = Ticket.objects.get()
    coordinator = signed_in(factories.person(Role.CE_COORDINATOR))
    page = text(coordinator.get(ticket.get_absolute_url()))
    assert "From my last library." in page
    for attachment, content in zip(Attachment.objects.order_by("pk"), (PDF, b"title"), strict=True):
        address = f"{ticket.get_absolute_url()}files/{attachment.pk}/"
        assert f'<a href="{address}">{attachment.file_name}</a>' in page
        for reader in (coordinator, client):
            download = reader.get(address)
            assert b"".join(download).startswith(content)
            assert download.headers["Content-Disposition"].startswith("attachment")
        assert signed_in(factories.person()).get(address).status_code == 404


def test_yes_alone_asks_the_coordinator_too(client: Client) -> None:
    client.post(WELCOME, {"past": "yes"})
    assert Ticket.objects.get().messages.get().body.startswith("I have credits")


def test_a_note_is_sent_whatever_was_chosen(client: Client) -> None:
    client.post(WELCOME, {"past": "no", "note": "Two old certificates"})
    assert Ticket.objects.get().messages.get().body == "Two old certificates"


def test_sending_the_answers_twice_changes_nothing(
    newcomer: User, client: Client, library: Organization
) -> None:
    values = {"organization": library.pk, "kind": "staff", "track": "yes", "past": "yes"}
    for _ in range(2):
        assert client.post(WELCOME, values).headers["Location"] == "/"
    assert (Position.objects.count(), Ticket.objects.count()) == (1, 1)
    assert tracks_of(newcomer) == ["Library Staff"]


def test_answers_are_all_or_nothing(
    newcomer: User, library: Organization, monkeypatch: Any
) -> None:
    answers = WelcomeAnswers(
        organization=library,
        kind=PositionKind.STAFF,
        has_past_credits=True,
        files=[ContentFile(b"<html>", name="list.pdf")],
    )
    with pytest.raises(Exception, match="does not match its name"):
        answer_welcome(answers=answers, by=newcomer)
    assert (Position.objects.count(), Ticket.objects.count()) == (0, 0)
    assert not was_welcomed(newcomer)


# ---------- Errors ----------


@pytest.mark.parametrize(
    ("values", "field", "error"),
    [
        ({"kind": "staff"}, "find", "Find your library and choose it"),
        ({"organization": "{library}"}, "kind", "Choose what you do there."),
        ({"organization": "0", "kind": "staff"}, "find", "Choose a library from the list."),
        ({"organization": "\x00", "kind": "staff"}, "find", "Choose a library from the list."),
        ({"kind": "queen", "library_name": "X"}, "kind", "Select a valid choice."),
        ({"track": "maybe"}, "track", "Select a valid choice."),
        ({"past": "maybe"}, "past", "Select a valid choice."),
        ({"library_town": "Butte"}, "library_name", "Enter the name of the library."),
        ({"note": "x" * 5001}, "note", "Shorten it to 5000"),
        ({"find": "a\x00b"}, "find", "Null characters are not allowed."),
    ],
)
def test_an_error_saves_nothing_and_keeps_what_was_typed(
    newcomer: User,
    client: Client,
    library: Organization,
    values: dict[str, str],
    field: str,
    error: str,
) -> None:
    values = {name: value.format(library=library.pk) for name, value in values.items()}
    response = client.post(WELCOME, {"note": "Typed", "track": "no"} | values)
    assert error in response.context["form"].errors[field][0]
    page = text(response)
    assert "<title>Error: Welcome" in page
    assert page.count(error) >= 2  # in the summary and at the field
    if "note" not in values:
        assert "Typed" in page
    assert not was_welcomed(newcomer)
    assert (Position.objects.count(), Ticket.objects.count()) == (0, 0)


def test_a_file_is_kept_while_the_form_has_errors(client: Client) -> None:
    values = {"kind": "staff", "past": "yes", "evidence": [a_file()]}
    response = client.post(WELCOME, values)
    assert "list.pdf" in text(response)
    sent = form_values(response, action=WELCOME)
    client.post(WELCOME, sent | {"kind": []})
    assert Attachment.objects.get().file_name == "list.pdf"


def test_a_file_that_is_not_allowed_is_named(client: Client) -> None:
    response = client.post(WELCOME, {"past": "yes", "evidence": [a_file("run.exe")]})
    assert "Files of this type cannot be added." in text(response)
    assert not Ticket.objects.exists()


# ---------- Finding a library ----------


def test_a_library_is_found_without_a_script(
    newcomer: User, client: Client, library: Organization
) -> None:
    factories.organization(name="Lewis and Clark Library", city="Helena")
    factories.organization(name="Butte Library", city="Butte")
    answer = client.post(WELCOME, {"find": "LEW", "search": "1", "kind": "trustee", "note": "Old"})
    assert answer.headers["Location"] == f"{WELCOME}?find=LEW#library"
    response = client.get(f"{WELCOME}?find=LEW")
    found = [tile.label for tile in response.context["libraries"].tiles]
    assert found == ["Lewis and Clark Library", "Lewistown Public Library"]
    sent = form_values(response, action=WELCOME)
    assert (sent["kind"], sent["note"], sent["find"]) == (["trustee"], ["Old"], ["LEW"])
    client.post(WELCOME, sent | {"organization": [str(library.pk)]})
    assert Position.objects.get().organization == library
    assert tracks_of(newcomer) == ["Library Trustee"]


def test_typing_shows_matching_libraries_and_keeps_the_chosen_one(
    client: Client, library: Organization
) -> None:
    other = factories.organization(name="Butte Library", city="Butte")
    values = {"find": "butte", "organization": str(library.pk)}
    page = text(client.get(WELCOME, values, headers={"HX-Request": "true"}))
    assert "<h1" not in page
    assert page.index(library.name) < page.index(other.name)
    assert page.count(" checked") == 1
    assert 'role="status" hx-swap-oob="true">2 libraries in the list.</p>' in page
    page = text(client.get(WELCOME, {"find": "zzz"}, headers={"HX-Request": "true"}))
    assert "No libraries match." in page


def test_only_the_first_libraries_are_listed(client: Client) -> None:
    for number in range(14):
        factories.organization(name=f"Branch {number:02}")
    response = client.get(WELCOME, {"find": "branch"})
    assert len(response.context["libraries"].tiles) == 12
    assert "More libraries match." in text(response)


# ---------- Skipping and coming back ----------


def test_skipped_answers_stay_until_the_person_comes_back(
    newcomer: User, client: Client, library: Organization
) -> None:
    typed = {"find": "lew", "organization": str(library.pk), "kind": "staff", "track": "no"}
    answer = client.post(WELCOME, typed | {"note": "Later", "skip": "1"})
    assert answer.headers["Location"] == "/"
    assert was_welcomed(newcomer)
    assert not Position.objects.exists()
    assert f'href="{WELCOME}"' in text(client.get("/accounts/profile/"))
    sent = form_values(signed_in(newcomer).get(WELCOME), action=WELCOME)
    assert {name: [value] for name, value in typed.items()}.items() <= sent.items()
    assert sent["note"] == ["Later"]
    client.post(WELCOME, sent)
    assert Position.objects.get().organization == library
    assert not WelcomeDraft.objects.exists()


def test_the_day_of_the_first_welcome_stays(newcomer: User, client: Client) -> None:
    client.post(WELCOME, {"skip": "1"})
    newcomer.refresh_from_db()
    first = newcomer.welcomed_at
    client.post(WELCOME, {})
    newcomer.refresh_from_db()
    assert newcomer.welcomed_at == first


def test_what_is_known_is_not_asked(newcomer: User, library: Organization) -> None:
    Position.objects.create(person=newcomer, organization=library, kind=PositionKind.STAFF)
    page = text(signed_in(newcomer).get(WELCOME))
    assert "Staff, Lewistown Public Library, Lewistown" in page
    assert "Yes, as Library Staff" in page
    assert "Your profile says: Staff, Lewistown Public Library, Lewistown." in page
    assert 'name="kind"' not in page
    factories.following(newcomer, "Library Staff")
    client = signed_in(newcomer)
    page = text(client.get(WELCOME))
    assert "You follow Library Staff." in page
    assert 'name="track"' not in page
    client.post(WELCOME, {"organization": factories.organization().pk, "kind": "director"})
    assert Position.objects.count() == 1


# ---------- The page ----------


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_eight_queries(
    number: int, client: Client, django_assert_num_queries: Any
) -> None:
    """Fetch the session, the person, positions, tracks, the draft, rules (2) and libraries."""
    for _ in range(number):
        factories.organization()
    with django_assert_num_queries(8):
        client.get(WELCOME, {"find": "helena"})


def test_an_attachment_is_a_file() -> None:
    person = factories.person()
    ticket = open_ticket(subject="A", body="B", credit=None, by=person, files=[a_file()])
    files = Attachment.objects.filter(message__ticket=ticket)
    with pytest.raises(IntegrityError, match="helpdesk_attachment_is_a_file"):
        files.update(size=0)


def test_files_that_belong_to_no_ticket_are_deleted() -> None:
    storage = storages["uploads"]
    ticket = open_ticket(
        subject="A", body="B", credit=None, by=factories.person(), files=[a_file()]
    )
    [kept] = Attachment.objects.filter(message__ticket=ticket)
    orphan = storage.save(f"tickets/{random_name()}", ContentFile(PDF))
    tasks.ORPHANED_AFTER, before = dt.timedelta(0), tasks.ORPHANED_AFTER
    try:
        tasks.delete_unused_attachments(int(timezone.now().timestamp()))
    finally:
        tasks.ORPHANED_AFTER = before
    assert storage.exists(str(kept.file.name))
    assert not storage.exists(orphan)
