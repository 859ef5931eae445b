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

from accounts.actions import create_account
from accounts.enums import Role
from accounts.models import User
from aspen.web import form_recovery
from helpdesk.actions import open_ticket
from tests import factories
from tests.web import flash_messages, signed_in
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


def post(client: Client, address: str, values: Any) -> Any:
    """Send a form without files, as browsers do."""
    return client.post(address, urlencode(values), content_type=form_recovery.FORM_ENCODED)


def test_the_form_is_restored_once_after_signing_in_again() -> None:
    """CSRF checks are on, because they read the form before the portal does."""
    account()
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, "/accounts/login/").status_code == 302
    form = client.get(NEW_TICKET).content.decode()
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)[0]
    del client.cookies["sessionid"]

    answer = post(client, NEW_TICKET, TYPED | {"csrfmiddlewaretoken": token})

    assert answer.headers["Location"] == f"/accounts/login/?next={NEW_TICKET}"
    assert flash_messages(answer) == [KEPT]
    assert client.session[form_recovery.SESSION_KEY][NEW_TICKET]["typed"] == TYPED
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
    client = Client()
    assert flash_messages(post(client, address, typed)) == [KEPT]
    client.force_login(factories.person())
    form = client.get(address).context["form"]
    assert {name: form[name].value() for name in typed} == typed
    assert not form.is_bound


def test_a_reply_is_restored_on_its_ticket() -> None:
    person = factories.person()
    ticket = open_ticket(subject="A question", body="Please help", credit=None, by=person)
    address = reverse("helpdesk:reply", args=[ticket.pk])
    client = Client()
    assert flash_messages(post(client, address, {"body": LONG_TEXT})) == [KEPT]
    client.force_login(person)
    page = client.get(address)
    assert page.context["reply_form"]["body"].value() == LONG_TEXT
    assert client.get(address).headers["Location"] == ticket.get_absolute_url()
    assert list(ticket.messages.order_by("pk").values_list("body", flat=True)) == ["Please help"]


def test_a_form_about_one_credit_is_not_restored_for_another() -> None:
    person = factories.person()
    first, second = (factories.claim(person).credits.get() for _ in range(2))
    client = Client()
    post(client, f"{NEW_TICKET}?credit={first.pk}", TYPED)
    client.force_login(person)
    for address, body in (
        (NEW_TICKET, None),
        (f"{NEW_TICKET}?credit={second.pk}", None),
        (f"{NEW_TICKET}?credit={first.pk}", LONG_TEXT),
    ):
        assert client.get(address).context["form"]["body"].value() == body


@pytest.mark.parametrize(("minutes", "body"), [(29, LONG_TEXT), (31, None)])
def test_a_form_is_kept_for_half_an_hour(minutes: int, body: str | None) -> None:
    client = Client()
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as clock:
        post(client, NEW_TICKET, TYPED)
        client.force_login(factories.person())
        clock.shift(minutes * 60)
        assert client.get(NEW_TICKET).context["form"]["body"].value() == body
        assert form_recovery.SESSION_KEY in client.session
        assert client.session[form_recovery.SESSION_KEY] == {}


# ---------- Other people ----------


def test_another_browser_does_not_get_the_form() -> None:
    person = factories.person()
    post(Client(), NEW_TICKET, TYPED)
    other = signed_in(person)
    assert other.get(NEW_TICKET).context["form"]["body"].value() is None


def test_signing_out_discards_the_form(settings: Any) -> None:
    settings.ZEAL_ALLOWLIST = [{"model": "sessions.Session", "field": "get()"}]
    client = Client()
    post(client, NEW_TICKET, TYPED)
    client.force_login(factories.person())
    client.post("/accounts/logout/")
    client.force_login(factories.person())
    assert client.get(NEW_TICKET).context["form"]["body"].value() is None


def test_another_person_who_takes_over_the_session_does_not_get_the_form() -> None:
    client = Client()
    post(client, NEW_TICKET, TYPED)
    client.force_login(factories.person())
    client.force_login(factories.person())
    assert client.get(NEW_TICKET).context["form"]["body"].value() is None


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
    answer = post(client, address, values)
    assert answer.headers["Location"] == f"/accounts/login/?next={address}"
    assert flash_messages(answer) == [NOT_KEPT]
    assert form_recovery.SESSION_KEY not in client.session


def test_the_text_of_a_form_with_a_file_is_kept() -> None:
    client = Client()
    file = SimpleUploadedFile("certificate.pdf", b"%PDF-1.7")
    answer = client.post(NEW_TICKET, TYPED | {"file": file})
    assert flash_messages(answer) == [f"{KEPT} Choose your files again."]
    client.force_login(factories.person())
    assert client.get(NEW_TICKET).context["form"]["body"].value() == LONG_TEXT
    assert "certificate" not in str(dict(client.session))


def test_a_session_keeps_the_newest_three_forms() -> None:
    client = Client()
    for number in (1, 2, 3, 4, 2):
        post(client, f"/help/{number}/reply/", {"body": f"Reply {number}"})
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
