"""The e-mails about accounts, which wait in the outbox while the mail server is down."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import allauth.account
import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core import mail as mailing
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from accounts import emails
from accounts.actions import create_account
from accounts.adapter import CHANGES, AccountAdapter
from accounts.models import User
from aspen.mail import outbox
from aspen.models import Mail, MailState
from tests import factories
from tests.aspen.mail.smtp import MailServer
from tests.emails import assert_snapshots, delivered, is_dropped, restart_ids, sent
from tests.factories import PASSWORD
from tests.web import coordinator, flash_messages, signed_in, text

pytestmark = pytest.mark.django_db
EMAIL = "nora@library.example"
NEW = {"password1": "another-long-password", "password2": "another-long-password"}


@pytest.fixture
def nora() -> User:
    return create_account(
        email=EMAIL, display_name="Nora North", password_hash=make_password(PASSWORD)
    )


@pytest.fixture(params=["down", "silent"])
def no_mail_server(request: Any, settings: Any) -> Iterator[None]:
    """No server listens on the mail server's port, or it accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", silent.getsockname()[1]
        settings.EMAIL_TIMEOUT = 0.2
        if request.param == "down":
            silent.close()
        yield


def sign_up(client: Client, email: str = EMAIL) -> Any:
    form = {"display_name": "Nora North", "email": email}
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/signup/", form | passwords)


def forget_password(email: str = EMAIL) -> Any:
    return Client().post("/accounts/password/reset/", {"email": email})


def link(message: Any) -> str:
    """Return the path of the only link in an e-mail."""
    (path,) = re.findall(r"https?://127.0.0.1:8000(/\S+)", str(message.body))
    return str(path)


def test_snapshots() -> None:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False):
        restart_ids(Mail, EmailAddress, User)
        person = factories.person(email="new@library.example", display_name="Zoë O'Hara")
        address = EmailAddress.objects.create(user=person, email="zoe@home.example")
        emails.queue_confirm_address_email(address)
        emails.queue_account_exists_email(EMAIL)
        emails.queue_choose_password_email(person, person.email)
        emails.queue_no_account_email("stranger@library.example")
        emails.queue_changed_email(person, person.email, "Your password was changed.")
        Mail.objects.update(created_at="2026-11-23 17:00Z")
        assert_snapshots("accounts", sent())


# ---------- Without a mail server ----------


def test_without_a_mail_server_no_page_fails_or_waits(no_mail_server: None, nora: User) -> None:
    client, began = signed_in(nora), time.monotonic()
    answers = [
        sign_up(Client(), "new@library.example"),
        sign_up(Client()),
        forget_password(),
        forget_password("stranger@library.example"),
        client.post("/accounts/email/", {"action_add": "", "email": "nora@home.example"}),
        client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **NEW}),
    ]
    assert [answer.status_code for answer in answers] == [302] * 6
    assert time.monotonic() - began < 3
    assert sorted(Mail.objects.values_list("kind", "state")) == [
        ("accounts.account_exists", "waiting"),
        ("accounts.changed", "waiting"),
        ("accounts.choose_password", "waiting"),
        ("accounts.confirm_address", "waiting"),
        ("accounts.confirm_address", "waiting"),
        ("accounts.no_account", "waiting"),
    ]


def test_requesting_it_again_sends_an_email_that_waits(
    no_mail_server: None, nora: User, settings: Any
) -> None:
    forget_password()
    outbox.deliver_due()
    waiting = Mail.objects.get()
    assert (waiting.state, waiting.attempts) == (MailState.WAITING, 1)

    server = MailServer()
    settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = server.port, 10
    try:
        assert outbox.deliver_due() == 0  # the next attempt is due in a minute
        cache.clear()  # a minute later, as far as the rate limits know
        forget_password()
        assert outbox.deliver_due() == 1
        assert server.subjects() == ["Choose a new password"]
    finally:
        server.close()
    assert Mail.objects.get().state == MailState.SENT


def test_an_account_is_created_with_its_email_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("no database")

    with monkeypatch.context() as broken:
        broken.setattr(emails, "enqueue_or_hurry", fail)
        with pytest.raises(OSError, match="no database"):
            sign_up(Client())
    assert not User.objects.filter(email=EMAIL).exists()
    assert not EmailAddress.objects.filter(email=EMAIL).exists()

    cache.clear()
    assert sign_up(Client()).status_code == 302
    assert delivered().to == [EMAIL]


def test_signing_up_twice_at_the_same_moment(monkeypatch: pytest.MonkeyPatch, nora: User) -> None:
    """The second request does not see the account yet when it checks the address."""

    def conflict(*args: object) -> None:
        raise IntegrityError("the address is taken")

    monkeypatch.setattr(AccountAdapter, "save_user", conflict)
    answer = sign_up(Client(), "late@library.example")
    assert answer.headers["Location"] == "/accounts/confirm-email/"
    assert delivered().subject == "You already have an account"


# ---------- Each e-mail ----------


def test_links_are_created_when_the_email_is_sent(nora: User) -> None:
    """A link that was requested while the mail server was down for days still works."""
    with time_machine.travel("2026-11-23 10:00 -0700") as clock:
        forget_password()
        clock.move_to("2026-11-27 10:00 -0700")
        form = Client().get(link(delivered()), follow=True)
        assert "password1" in form.context["form"].fields


def test_no_link_is_stored(nora: User) -> None:
    sign_up(Client(), "new@library.example")
    forget_password()
    for message in sent():
        secret = link(message).strip("/").split("/")[-1]
        assert len(secret) > 20
        for row in Mail.objects.order_by("pk"):
            assert secret not in str(vars(row))


def test_an_address_confirmed_or_removed_meanwhile_gets_no_link(nora: User) -> None:
    address = EmailAddress.objects.create(user=nora, email="nora@home.example")
    emails.queue_confirm_address_email(address)
    EmailAddress.objects.filter(pk=address.pk).update(verified=True)
    assert is_dropped()
    forgotten = EmailAddress.objects.get(email=EMAIL)
    emails.queue_choose_password_email(nora, EMAIL)
    forgotten.delete()
    User.objects.filter(pk=nora.pk).update(email="nora@home.example")
    assert is_dropped()


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_demonstration": True}])
def test_an_account_that_cannot_sign_in_gets_no_link(
    nora: User, settings: Any, fields: dict[str, bool]
) -> None:
    settings.DEMO = False
    emails.queue_choose_password_email(nora, EMAIL)
    emails.queue_changed_email(nora, EMAIL, "Your password was changed.")
    User.objects.filter(pk=nora.pk).update(**fields)
    assert is_dropped()


def test_people_are_told_of_changes_of_their_account(nora: User) -> None:
    """A change of the primary address is e-mailed to the earlier one."""
    other = EmailAddress.objects.create(user=nora, email="nora@home.example", verified=True)
    client = signed_in(nora)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", {"action_primary": "", "email": other.email})
    client.post("/accounts/email/", {"action_remove": "", "email": EMAIL, "confirmed": "1"})
    told = {message.to[0]: str(message.body) for message in sent()}
    assert f"address was changed from {EMAIL} to {other.email}" in " ".join(told[EMAIL].split())
    assert f"The e-mail address {EMAIL} was removed" in told[other.email]
    assert "choose a new password now" in told[other.email]


def test_every_email_of_django_allauth_has_a_composer() -> None:
    """Those that are not listed are about features that the portal does not use."""
    folder = Path(allauth.account.__file__).parent
    used = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r'"(account/email/\w+)"', path.read_text())
    }
    composed = {
        "account/email/account_already_exists",
        "account/email/email_confirmation",
        "account/email/email_confirmation_signup",
        "account/email/password_reset_key",
        "account/email/unknown_account",
    }
    codes = {"account/email/login_code", "account/email/password_reset_code"}
    assert used == composed | codes | set(CHANGES)
    with pytest.raises(NotImplementedError):
        AccountAdapter().send_mail("account/email/login_code", EMAIL, {})


# ---------- Staff ----------


def test_staff_see_and_resend_these_emails_without_their_links(nora: User) -> None:
    forget_password()
    secret = link(delivered()).strip("/").split("/")[-1]
    mail = Mail.objects.get()
    staff = coordinator()
    page = text(staff.get(reverse("admin:aspen_mail_change", args=[mail.pk])))
    assert "Choose a new password" in page
    assert secret not in page

    values = {"action": "send_again", "_selected_action": [mail.pk]}
    answer = staff.post(reverse("admin:aspen_mail_changelist"), values)

    assert flash_messages(answer) == ["1 message will be sent again within a minute."]
    again = delivered()
    assert again.to == [EMAIL]
    assert "password1" in Client().get(link(again), follow=True).context["form"].fields
    assert Mail.objects.filter(state=MailState.SENT).count() == 2
    assert mailing.outbox == []
