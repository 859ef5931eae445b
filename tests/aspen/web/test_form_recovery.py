"""People whose session ends while they fill in a form do not lose what they typed."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from zeal import zeal_ignore

from accounts.actions import create_account
from accounts.enums import Role
from accounts.models import User
from aspen.web import form_recovery
from credits.actions import claim_custom_event
from helpdesk.actions import open_ticket
from tests import factories
from tests.web import flash_messages, form_values, signed_in, text
from tracks.actions import select_track

pytestmark = pytest.mark.django_db
NEW_TICKET = "/help/new/"
LONG_TEXT = "Zoë’s\r\nlong <b>question</b> 🐻"
TYPED = {"subject": "A question", "body": LONG_TEXT}
KEPT = (
    "You were signed out, so nothing was saved. Sign in, check what you typed, and submit the form "
    "again."
)
NOT_KEPT = "You were signed out, so nothing was saved. Sign in and submit the form again."


def account(**fields: Any) -> User:
    values = {"email": "nora@library.example", "display_name": "Nora North"}
    return create_account(password_hash=make_password(factories.PASSWORD), **values | fields)


def sign_in(client: Client, address: str, email: str = "nora@library.example") -> Any:
    """Open the sign-in page and sign in, as a browser does."""
    page = client.get(address).content.decode()
    next_page = re.search(r'name="next" value="([^"]*)"', page)
    values = {"login": email, "password": factories.PASSWORD}
    if next_page:
        values["next"] = next_page[1]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    return client.post("/accounts/login/", values | {"csrfmiddlewaretoken": token[1]})


def post(client: Client, address: str, values: Any, by: User | None = None) -> Any:
    """Send a form without files, as browsers do. `by` is the person for whom it was made."""
    author = {form_recovery.AUTHOR_FIELD: form_recovery.sign_author(by.pk)} if by else {}
    body = urlencode({**author, **values}, doseq=True)
    return client.post(address, body, content_type=form_recovery.FORM_ENCODED)


def test_the_form_is_restored_once_after_signing_in_again() -> None:
    """CSRF checks are on, because they read the form before the portal does."""
    account()
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, "/accounts/login/").status_code == 302
    form = client.get(NEW_TICKET).content.decode()
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)[0]
    author = re.findall(r'name="form_author" value="([^"]+)"', form)[0]
    del client.cookies["sessionid"]

    hidden = {"csrfmiddlewaretoken": token, "form_author": author}
    answer = post(client, NEW_TICKET, TYPED | hidden)

    assert answer.headers["Location"] == f"/accounts/login/?next={NEW_TICKET}"
    assert flash_messages(answer) == [KEPT]
    typed = {name: [value] for name, value in TYPED.items()}
    assert client.session[form_recovery.SESSION_KEY][NEW_TICKET]["typed"] == typed
    back = sign_in(client, answer.headers["Location"])
    assert back.headers["Location"] == NEW_TICKET
    page = client.get(NEW_TICKET)
    assert page.context["form"]["body"].value() == LONG_TEXT
    assert page.context["form"]["subject"].value() == "A question"
    assert "&lt;b&gt;question&lt;/b&gt;" in page.content.decode()
    assert client.get(NEW_TICKET).context["form"]["body"].value() is None


def test_a_custom_event_form_is_restored() -> None:
    address = "/continuing-education/new/"
    typed = {
        "title": "Outside webinar",
        "begins_at": "2026-11-23T09:00",
        "ends_at": "2026-11-23T10:00",
        "sponsor": "A School",
        "presenter": "A. Trainer",
        "description": LONG_TEXT,
        "amount": "1",
        "category": str(factories.category().pk),
    }
    client, person = Client(), factories.person()
    assert flash_messages(post(client, address, typed, person)) == [KEPT]
    client.force_login(person)
    form = client.get(address).context["form"]
    assert {name: form[name].value() for name in typed} == typed
    assert not form.is_bound


def test_a_reply_is_restored_on_its_ticket() -> None:
    person = factories.person()
    ticket = open_ticket(subject="A question", body="Please help", credit=None, by=person)
    address = reverse("helpdesk:reply", args=[ticket.pk])
    client = Client()
    assert flash_messages(post(client, address, {"body": LONG_TEXT}, person)) == [KEPT]
    client.force_login(person)
    page = client.get(address)
    assert page.context["reply_form"]["body"].value() == LONG_TEXT
    assert client.get(address).headers["Location"] == ticket.get_absolute_url()
    assert list(ticket.messages.order_by("pk").values_list("body", flat=True)) == ["Please help"]


def test_a_form_about_one_credit_is_not_restored_for_another() -> None:
    person = factories.person()
    first, second = (factories.claim(person).credits.get() for _ in range(2))
    client = Client()
    post(client, f"{NEW_TICKET}?credit={first.pk}", TYPED, person)
    client.force_login(person)
    for address, body in (
        (NEW_TICKET, None),
        (f"{NEW_TICKET}?credit={second.pk}", None),
        (f"{NEW_TICKET}?credit={first.pk}", LONG_TEXT),
    ):
        assert client.get(address).context["form"]["body"].value() == body


@pytest.mark.parametrize(("minutes", "body"), [(29, LONG_TEXT), (31, None)])
def test_a_form_is_kept_for_half_an_hour(minutes: int, body: str | None) -> None:
    client, person = Client(), factories.person()
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as clock:
        post(client, NEW_TICKET, TYPED, person)
        client.force_login(person)
        clock.shift(minutes * 60)
        assert client.get(NEW_TICKET).context["form"]["body"].value() == body
        assert form_recovery.SESSION_KEY in client.session
        assert client.session[form_recovery.SESSION_KEY] == {}


# ---------- Other people ----------


def test_another_browser_does_not_get_the_form() -> None:
    person = factories.person()
    post(Client(), NEW_TICKET, TYPED, person)
    other = signed_in(person)
    assert other.get(NEW_TICKET).context["form"]["body"].value() is None


def test_signing_out_discards_the_form(settings: Any) -> None:
    settings.ZEAL_ALLOWLIST = [{"model": "sessions.Session", "field": "get()"}]
    client, person = Client(), factories.person()
    post(client, NEW_TICKET, TYPED, person)
    client.force_login(person)
    client.post("/accounts/logout/")
    client.force_login(person)
    assert client.get(NEW_TICKET).context["form"]["body"].value() is None


def test_another_person_who_signs_in_does_not_get_the_form() -> None:
    """On a shared computer, someone else signs in on the page to which the form was sent."""
    client = Client()
    post(client, NEW_TICKET, TYPED, factories.person())
    client.force_login(factories.person())
    assert client.get(NEW_TICKET).context["form"]["body"].value() is None


@pytest.mark.parametrize("author", [None, "", "1", "1:forged", "x" * 500])
def test_a_form_without_an_author_is_not_kept(author: str | None) -> None:
    client = Client()
    values = TYPED if author is None else TYPED | {form_recovery.AUTHOR_FIELD: author}
    assert flash_messages(post(client, NEW_TICKET, values)) == [NOT_KEPT]
    assert form_recovery.SESSION_KEY not in client.session


# ---------- Two tabs ----------


def opened_form(client: Client, address: str) -> dict[str, list[str]]:
    return form_values(client.get(address))


def in_two_tabs(person: User) -> tuple[Client, dict[str, list[str]]]:
    """Return a form that the person opened before signing out and in again in another tab."""
    client = Client(enforce_csrf_checks=True)
    sign_in(client, "/accounts/login/", person.email)
    form = opened_form(client, NEW_TICKET)
    page = client.get("/accounts/logout/").content.decode()
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
    client.post("/accounts/logout/", {"csrfmiddlewaretoken": token})
    return client, form


def test_a_form_from_before_the_last_sign_in_is_kept(settings: Any) -> None:
    settings.ZEAL_ALLOWLIST = [{"model": "sessions.Session", "field": "get()"}]
    person = account()
    client, form = in_two_tabs(person)
    sign_in(client, "/accounts/login/")
    answer = post(client, NEW_TICKET, form | TYPED)
    assert answer.headers["Location"] == NEW_TICKET
    assert flash_messages(answer)[-1] == (
        "You signed in again after you opened this page, so nothing was saved. Check what you "
        "typed, and submit the form again."
    )
    page = client.get(NEW_TICKET)
    assert page.context["form"]["body"].value() == LONG_TEXT
    assert post(client, NEW_TICKET, form_values(page)).headers["Location"].startswith("/help/")


def test_a_form_of_another_person_is_not_shown(settings: Any) -> None:
    settings.ZEAL_ALLOWLIST = [{"model": "sessions.Session", "field": "get()"}]
    account(email="other@library.example")
    client, form = in_two_tabs(account())
    sign_in(client, "/accounts/login/", "other@library.example")
    answer = post(client, NEW_TICKET, form | TYPED)
    assert answer.status_code == 403
    assert client.get(NEW_TICKET).context["form"]["body"].value() is None


# ---------- Decisions in the admin ----------


REASON = "Please name the trainer."


def steps_of_staff(staff: User) -> dict[str, tuple[str, dict[str, Any], str]]:
    """Return each decision's address, what staff enter, and the form that shows it again."""
    custom = claim_custom_event(facts=factories.facts(), by=factories.person()).event
    claim = factories.claim(factories.person())
    certificate, submission = factories.certificate(), factories.submission()
    other = factories.event()
    merge = {"source": claim.event_id, "target": other.pk, "reason": REASON}
    period = submission.participation_id
    return {
        "queue": (reverse("admin:events_customevent_decide", args=[custom.pk]),
                  {"decision": "return", "reason": REASON}, "form"),
        "claim": (reverse("admin:credits_claim_decide", args=[claim.pk]),
                  {"decision": "declined", "reason": REASON}, "decision_form"),
        "review": (reverse("admin:tracks_submission_return", args=[submission.pk]),
                   {"reason": REASON}, "return_form"),
        "revoke": (reverse("admin:tracks_certificate_revoke", args=[certificate.pk]),
                   {"reason": REASON, "then": "leave", "save": "1"}, "form"),
        "reissue": (reverse("admin:tracks_certificate_reissue", args=[certificate.pk]),
                    {"reason": REASON, "name": "Zoë", "save": "1"}, "form"),
        "merge": (reverse("admin:credits_merge_start"), merge, "form"),
        "correct": (reverse("admin:credits_claim_correct_event", args=[other.pk]),
                    {"reason": REASON, "seen": "old"}, "form"),
        "extend": (reverse("admin:tracks_participation_extend"),
                   {"ids": str(period), "reason": REASON}, "form"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "what", ["queue", "claim", "review", "revoke", "reissue", "merge", "correct", "extend"]
)
def test_the_reason_for_a_decision_is_restored(what: str, staff: User) -> None:
    address, values, form = steps_of_staff(staff)[what]
    client = Client()
    answer = post(client, address, values, staff)
    assert flash_messages(answer) == [KEPT]
    client.force_login(staff)
    with zeal_ignore():
        page = client.get(address)
    assert page.context[form]["reason"].value() == REASON
    assert REASON in text(page)


def test_a_correction_of_a_credit_is_restored(staff: User) -> None:
    person = factories.person()
    credit = factories.claim(person).credits.get()
    ticket = open_ticket(subject="A question", body="Please help", credit=credit, by=person)
    address = reverse("helpdesk:correct_credit", args=[ticket.pk])
    client = Client()
    assert flash_messages(post(client, address, {"note": REASON}, staff)) == [KEPT]
    client.force_login(staff)
    assert client.get(address).context["correction_form"]["note"].value() == REASON


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ("questions", "q-0-label"),
        ("sessions", "s-0-title"),
        ("edit", "title"),
        ("call-off", "reason"),
    ],
)
def test_a_page_for_editing_an_event_is_restored(page: str, field: str, staff: User) -> None:
    event = factories.event(days=7)
    address = f"/events/{event.pk}/{page}/"
    client = signed_in(staff)
    form = opened_form(client, address)
    form.pop("has_waitlist", None)
    client.cookies.clear()
    assert flash_messages(post(client, address, form | {field: REASON}, staff)) == [KEPT]
    client.force_login(staff)
    again = opened_form(client, address)
    assert again[field] == [REASON]
    assert "has_waitlist" not in again
    assert client.post(address, again | {"s-0-title": ""}).status_code == 302


def test_a_change_form_in_the_admin_is_restored_but_not_saved() -> None:
    library, boss = factories.organization(), factories.person(Role.ADMINISTRATOR)
    address = reverse("admin:accounts_organization_change", args=[library.pk])
    client = signed_in(boss)
    form = form_values(client.get(address))
    client.cookies.clear()
    assert flash_messages(post(client, address, form | {"name": LONG_TEXT[:3]}, boss)) == [KEPT]
    client.force_login(boss)
    with zeal_ignore():
        page = client.get(address)
    assert "You signed in again before this was saved." in text(page)
    again = form_values(page)
    assert again["name"] == [LONG_TEXT[:3]]
    library.refresh_from_db()
    assert library.name != LONG_TEXT[:3]
    with zeal_ignore():
        answer = client.post(address, again)
    assert answer.status_code == 302, answer.context["errors"]
    library.refresh_from_db()
    assert library.name == LONG_TEXT[:3]


# ---------- Forms that are not kept ----------


def test_signed_in_people_are_not_affected() -> None:
    client = signed_in(factories.person())
    assert post(client, NEW_TICKET, {"subject": "", "body": LONG_TEXT}).status_code == 200
    assert form_recovery.SESSION_KEY not in client.session


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("/accounts/password/change/", {"oldpassword": "secret", "password1": "secret"}),
        ("/accounts/reauthenticate/", {"password": "secret"}),
        ("/admin/accounts/user/add/", {"password1": "secret"}),
        ("/accounts/profile/", {"display_name": "Nora"}),
        (NEW_TICKET, {"body": "x" * form_recovery.MAX_CHARACTERS}),
    ],
)
def test_other_forms_are_not_kept_and_the_message_says_so(
    address: str, values: dict[str, str]
) -> None:
    client = Client()
    answer = post(client, address, values, factories.person())
    assert answer.headers["Location"] == f"/accounts/login/?next={address}"
    assert flash_messages(answer) == [NOT_KEPT]
    assert form_recovery.SESSION_KEY not in client.session


def test_the_text_of_a_form_with_a_file_is_kept() -> None:
    client, person = Client(), factories.person()
    file = SimpleUploadedFile("certificate.pdf", b"%PDF-1.7")
    author = {form_recovery.AUTHOR_FIELD: form_recovery.sign_author(person.pk)}
    answer = client.post(NEW_TICKET, TYPED | author | {"file": file})
    assert flash_messages(answer) == [f"{KEPT} Choose your files again."]
    client.force_login(person)
    assert client.get(NEW_TICKET).context["form"]["body"].value() == LONG_TEXT
    assert "certificate" not in str(dict(client.session))


def test_a_session_keeps_the_newest_three_forms() -> None:
    client, person = Client(), factories.person()
    for number in (1, 2, 3, 4, 2):
        post(client, f"/help/{number}/reply/", {"body": f"Reply {number}"}, person)
    assert list(client.session[form_recovery.SESSION_KEY]) == [
        "/help/3/reply/",
        "/help/4/reply/",
        "/help/2/reply/",
    ]


def test_a_get_shows_no_message() -> None:
    answer = Client().get(NEW_TICKET)
    assert answer.headers["Location"] == f"/accounts/login/?next={NEW_TICKET}"
    assert flash_messages(answer) == []


def test_every_posts_address_also_answers_a_get() -> None:
    """After signing in, people return with a GET, even to an address that is only for POSTs."""
    person = factories.person(Role.HELP_DESK)
    event = factories.event()
    claim = factories.claim(person)
    participation, _ = select_track(track=factories.track(), by=person)
    ticket = open_ticket(subject="A question", body="Please help", credit=None, by=person)
    for name, argument, end in (
        ("events:register", event.pk, event.get_absolute_url()),
        ("events:cancel", event.pk, event.get_absolute_url()),
        ("credits:claim", event.pk, None),
        ("credits:withdraw", claim.pk, reverse("tracks:credits")),
        ("tracks:choose", None, None),
        ("tracks:leave", participation.pk, reverse("tracks:progress", args=[participation.pk])),
        ("helpdesk:correct_credit", ticket.pk, ticket.get_absolute_url()),
        ("accounts:add_position", None, reverse("accounts:profile")),
        ("accounts:end_position", 1, reverse("accounts:profile")),
    ):
        client = Client()
        address = reverse(name, args=[argument] if argument else [])
        assert flash_messages(post(client, address, {})) == [NOT_KEPT], name
        client.force_login(person)
        answer = client.get(address, follow=True)
        assert answer.status_code == 200, name
        here = answer.request["PATH_INFO"]
        assert here == (end or address) or event.get_absolute_url().startswith(here), name
