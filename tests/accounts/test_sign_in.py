"""Accounts as visitors use them: signing up, confirming, signing in and out, new passwords."""

import re
from pathlib import Path
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.actions import create_account
from accounts.backends import AddressBackend, NameBackend
from accounts.models import User
from aspen.demo import people
from aspen.mail import outbox
from tests import factories
from tests.factories import PASSWORD
from tests.web import flash_messages, signed_in, text

pytestmark = pytest.mark.django_db
EMAIL = "nora@library.example"
NEW_PASSWORD = "another-long-password"
SCRIPT = "<script>alert(1)</script>"
NOT_RIGHT = (
    "The e-mail address or password is not correct. Check both. Passwords are case-sensitive."
)


# Django reads a session twice when it ends it, and django-allauth reads an address twice when it
# confirms it. The number of these queries does not grow with the data.
TWICE = [
    {"model": "sessions.Session", "field": "get()"},
    {"model": "account.EmailAddress", "field": "get()"},
]


@pytest.fixture(autouse=True)
def no_requests_counted(settings: Any) -> None:
    """Clear the cache, which counts requests for rate limits and is shared by all tests."""
    cache.clear()
    settings.ZEAL_ALLOWLIST = TWICE


def account(**fields: Any) -> User:
    values = {"email": EMAIL, "display_name": "Nora North", "welcomed_at": timezone.now()}
    return create_account(password_hash=make_password(PASSWORD), **values | fields)


def sign_in(client: Client, email: str = EMAIL, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password, **more})


def sign_up(client: Client, **values: str) -> Any:
    form = {
        "display_name": "Nora North",
        "email": EMAIL,
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    return client.post("/accounts/signup/", form | values)


def who(client: Client) -> str:
    """Return the signed-in person's e-mail address, or an empty string."""
    user = client.get("/").context["user"]
    return user.email if user.is_authenticated else ""


def letters() -> list[Any]:
    """Run the worker, and return all messages sent so far."""
    outbox.deliver_due()
    return mail.outbox


def link(message: Any) -> str:
    """Return the path of the only link in an e-mail."""
    (path,) = re.findall(r"https?://127.0.0.1:8000(/\S+)", message.body)
    return str(path)


# ---------- Signing up ----------


def test_sign_up_confirm_and_be_signed_in() -> None:
    client = Client()
    answer = sign_up(client, email="Nora@Library.example")
    assert answer.headers["Location"] == "/accounts/confirm-email/"
    assert flash_messages(answer) == []  # the page itself says so
    assert "We sent you an e-mail with a link." in text(client.get("/accounts/confirm-email/"))
    assert who(client) == ""
    (message,) = letters()
    assert message.subject == "Please confirm your e-mail address"
    assert message.to == [EMAIL]
    assert message.body.startswith("Hello Nora North,\n")
    page = client.get(link(message))
    assert f"Is <strong>{EMAIL}</strong> your address?" in text(page)
    assert client.post(link(message)).headers["Location"] == "/welcome/"
    assert who(client) == EMAIL
    person = User.objects.get()
    assert (person.email, person.display_name) == (EMAIL, "Nora North")


def test_a_link_opened_in_another_browser_confirms_without_signing_in() -> None:
    sign_up(Client())
    other = Client()
    assert other.post(link(letters()[0])).headers["Location"] == "/accounts/login/"
    assert who(other) == ""
    sign_in(other)
    assert who(other) == EMAIL


def test_opening_the_link_does_not_confirm_the_address() -> None:
    """Some mail programs open every link to check it for threats."""
    sign_up(Client())
    Client().get(link(letters()[0]))
    assert EmailAddress.objects.get().verified is False


@pytest.mark.parametrize("key", ["x", "MQ:1abcde:forged", "MQ", "9" * 500])
def test_a_broken_link_says_what_to_do(key: str) -> None:
    page = text(Client().get(f"/accounts/confirm-email/{key}/"))
    assert "This link no longer works" in page
    assert "we will send you a new link" in page


def test_a_link_in_a_mail_file_stays_on_one_line(settings: Any, tmp_path: Path) -> None:
    """People copy links from the files in which the demonstration saves its e-mails."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    email = f"{'long' * 15}@{'very.' * 30}library.example"
    sign_up(Client(), email=email, display_name="Zoë Ångström 🐻")
    outbox.deliver_due()
    (file,) = tmp_path.iterdir()
    written = file.read_text(encoding="utf-8")
    assert "Hello Zoë Ångström 🐻," in written
    (path,) = re.findall(
        r"^http://127.0.0.1:8000(/accounts/confirm-email/\S+)$", written, re.MULTILINE
    )
    Client().post(path)
    assert EmailAddress.objects.get().verified is True


def test_signing_up_twice_does_not_reveal_that_the_account_exists() -> None:
    account()
    known, unknown = Client(), Client()
    first = sign_up(known, display_name="Someone Else")
    second = sign_up(unknown, email="new@library.example")
    assert first.headers["Location"] == second.headers["Location"] == "/accounts/confirm-email/"
    pages = [
        text(client.get("/accounts/confirm-email/")).replace(address, "…")
        for client, address in ((known, EMAIL), (unknown, "new@library.example"))
    ]
    assert pages[0] == pages[1]
    assert User.objects.get(email=EMAIL).display_name == "Nora North"
    assert letters()[0].subject == "You already have an account"
    assert letters()[0].to == [EMAIL]
    assert link(letters()[0]) == "/accounts/password/reset/"


LOOK_ALIKES = {
    "long s": ("smith@library.example", "\u017fmith@library.example"),
    "zero width space": ("nora@library.example", "nora@\u200blibrary.example"),
    "zero width space in the name": ("nora@library.example", "no\u200bra@library.example"),
    "soft hyphen": ("nora@library.example", "nora@lib\u00adrary.example"),
    "Kelvin sign": ("kim@library.example", "\u212aim@library.example"),
    "full width": ("nora@library.example", "\uff4eora@library.example"),
}


@pytest.mark.parametrize(("address", "typed"), LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_look_alike_address_is_the_existing_accounts(address: str, typed: str) -> None:
    person = account(email=address)
    response = sign_up(Client(), email=typed, display_name="Someone Else")
    assert response.headers["Location"] == "/accounts/confirm-email/"
    assert User.objects.filter(email__startswith=address[:3]).get() == person
    assert [(each.subject, each.to) for each in letters()] == [
        ("You already have an account", [address])
    ]
    client = Client()
    sign_in(client, email=typed)
    assert who(client) == address
    Client().post("/accounts/password/reset/", {"email": typed})
    assert letters()[-1].to == [address]


@pytest.mark.parametrize("typed", ["kım@library.example", "k\u0456m@library.example"])
def test_an_address_with_other_letters_is_rejected(typed: str) -> None:
    account(email="kim@library.example")
    response = sign_up(Client(), email=typed)
    assert response.context["form"].errors["email"] == ["Enter a valid e-mail address."]
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("display_name", "", "This field is required."),
        ("display_name", "\u200b\u3164", "This field is required."),
        ("display_name", " \t ", "This field is required."),
        ("display_name", "a\x00b", "Null characters are not allowed."),
        (
            "display_name",
            "W" * 300,
            "Ensure this value has at most 150 characters (it has 300).",
        ),
        ("email", "nobody", "Enter a valid e-mail address."),
        ("email", "no\x00body@library.example", "Enter a valid e-mail address."),
        (
            "email",
            f"{'a' * 64}@{'very.' * 40}library.example",
            "Ensure this value has at most 254 characters (it has 280).",
        ),
        ("password2", "something-else-2026", "You must type the same password each time."),
    ],
)
def test_invalid_values_get_an_error_and_stay_in_the_form(
    field: str, value: str, error: str
) -> None:
    response = sign_up(Client(), **{field: value})
    form = response.context["form"]
    assert error in form.errors[field]
    assert list(form.errors) == [field]
    assert text(response).count("<title>Error: Create an account") == 1
    if field != "password2":
        assert form[field].value() == value
    assert list(User.objects.order_by("pk")) == []
    assert letters() == []


@pytest.mark.parametrize("password", ["qwx7", "12345678901", "iloveyou", EMAIL])
def test_a_weak_password_is_rejected(password: str) -> None:
    response = sign_up(Client(), password1=password, password2=password)
    assert list(response.context["form"].errors) == ["password1"]
    assert password not in text(response).replace(f'value="{EMAIL}"', "")  # nor sent back


def test_a_name_is_escaped_and_put_on_one_line() -> None:
    client = Client()
    sign_up(client, display_name=f"  {SCRIPT}\r\nBcc: all@library.example ")
    client.post(link(letters()[0]))
    assert User.objects.get().display_name == f"{SCRIPT} Bcc: all@library.example"
    page = text(client.get("/"))
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; Bcc" in page
    assert letters()[0].recipients() == [EMAIL]


# ---------- Signing in and out ----------


@pytest.mark.parametrize("typed", [EMAIL, "NORA@LIBRARY.EXAMPLE", f"  {EMAIL} "])
def test_sign_in_and_out(typed: str) -> None:
    account()
    client = Client()
    answer = sign_in(client, typed)
    assert answer.headers["Location"] == "/"
    assert flash_messages(answer) == ["You are signed in, Nora North."]
    assert who(client) == EMAIL
    assert client.get("/accounts/logout/").status_code == 200
    assert who(client) == EMAIL  # only a button signs out
    signed_out = client.post("/accounts/logout/")
    assert signed_out.headers["Location"] == "/"
    assert flash_messages(signed_out)[-1] == "You are signed out."
    assert who(client) == ""


def test_people_return_to_their_page_after_signing_in() -> None:
    account()
    client = Client()
    redirect = client.get("/help/new/?credit=1")
    assert redirect.headers["Location"] == "/accounts/login/?next=/help/new/%3Fcredit%3D1"
    page = client.get(redirect.headers["Location"])
    assert '<input type="hidden" name="next" value="/help/new/?credit=1">' in text(page)
    assert sign_in(client, next="/help/new/?credit=1").headers["Location"] == "/help/new/?credit=1"


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_never_redirects_to_another_site(next: str) -> None:
    account()
    assert sign_in(Client(), next=next).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "wrong"), (EMAIL, "a\x00b"), ("nobody@library.example", PASSWORD)],
)
def test_a_wrong_password_and_an_unknown_address_look_alike(email: str, password: str) -> None:
    account()
    client = Client()
    response = sign_in(client, email, password)
    form = response.context["form"]
    assert form.errors in (
        {"__all__": [NOT_RIGHT]},
        {"password": ["Null characters are not allowed."]},
    )
    assert form["login"].value() == email
    assert f'value="{email}"' in text(response)
    assert password not in text(response)
    assert who(client) == ""


def test_the_session_ends_with_the_browser_unless_remembered() -> None:
    account()
    for more, ends in (({}, True), ({"remember": "on"}, False)):
        client = Client()
        sign_in(client, **more)
        assert client.session.get_expire_at_browser_close() is ends


def test_signing_in_with_an_unconfirmed_address_only_sends_a_new_link() -> None:
    sign_up(Client())
    assert len(letters()) == 1
    cache.clear()  # three minutes later
    client = Client()
    assert sign_in(client).headers["Location"] == "/accounts/confirm-email/"
    assert who(client) == ""
    assert [message.to for message in letters()] == [[EMAIL], [EMAIL]]
    client.post(link(letters()[1]))
    assert who(client) == EMAIL


def test_an_inactive_account_cannot_sign_in() -> None:
    account(is_active=False)
    client = Client()
    answer = sign_in(client)
    assert answer.headers["Location"] == "/accounts/inactive/"
    assert "This account is inactive" in text(client.get("/accounts/inactive/"))
    assert who(client) == ""
    client.post("/accounts/password/reset/", {"email": EMAIL})
    assert "password/reset/key" not in letters()[0].body


def test_deactivating_an_account_ends_its_sessions() -> None:
    person = account()
    client = Client()
    sign_in(client)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert who(client) == ""


def test_password_guessing_is_stopped_with_a_message() -> None:
    account()
    client = Client()
    for _ in range(5):
        assert sign_in(client, password="wrong").context["form"].non_field_errors() == [NOT_RIGHT]
    response = sign_in(client)  # even with the right password
    assert response.context["form"].non_field_errors() == [
        "Too many attempts with the wrong password. Wait five minutes and try again, "
        "or use the link below to choose a new password."
    ]
    assert 'href="/accounts/password/reset/">Forgot your password?' in text(response)
    assert who(client) == ""


@time_machine.travel("2026-11-23 10:00 -0700", tick=False)  # all within the same minute
def test_too_many_requests_get_a_429_page() -> None:
    client = Client()
    answers = [sign_in(client, email="x") for _ in range(121)]
    assert {answer.status_code for answer in answers[:120]} == {200}
    assert answers[120].status_code == 429
    assert "<h1>Please wait a minute</h1>" in text(answers[120])


# ---------- A forgotten password ----------


def test_resetting_a_forgotten_password() -> None:
    account()
    client = Client()
    answer = client.post("/accounts/password/reset/", {"email": "NORA@library.example"})
    assert answer.headers["Location"] == "/accounts/password/reset/done/"
    assert "Check your e-mail" in text(client.get(answer.headers["Location"]))
    (message,) = letters()
    assert (message.subject, message.to) == ("Choose a new password", [EMAIL])
    form_page = client.get(link(message), follow=True)
    address = form_page.redirect_chain[-1][0]
    assert message.body.split("/key/")[1].split("-")[1][:20] not in address
    rejected = client.post(address, {"password1": "short", "password2": "short"})
    assert list(rejected.context["form"].errors) == ["password1"]
    done = client.post(address, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert done.headers["Location"] == "/accounts/password/reset/key/done/"
    assert "Your password was changed" in text(client.get(done.headers["Location"]))
    assert sign_in(client).context["form"].non_field_errors() == [NOT_RIGHT]
    sign_in(client, password=NEW_PASSWORD)
    assert who(client) == EMAIL
    used = Client().get(link(message), follow=True)
    assert "This link no longer works" in text(used)


def test_resetting_the_password_of_an_unknown_address_looks_the_same() -> None:
    account()
    pages = []
    for email in (EMAIL, "nobody@library.example"):
        client = Client()
        answer = client.post("/accounts/password/reset/", {"email": email})
        pages.append(text(client.get(answer.headers["Location"])).replace(email, "…"))
    assert pages[0] == pages[1]
    assert letters()[1].subject == "No account with this address"
    assert link(letters()[1]) == "/accounts/signup/"


def test_changing_the_password_ends_the_sessions_of_other_browsers() -> None:
    account()
    here, elsewhere = Client(), Client()
    sign_in(here)
    sign_in(elsewhere)
    new = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    wrong = here.post("/accounts/password/change/", {"oldpassword": "wrong", **new})
    assert wrong.context["form"].errors == {"oldpassword": ["This is not your current password."]}
    answer = here.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new})
    assert answer.headers["Location"] == "/accounts/profile/"
    assert (who(here), who(elsewhere)) == (EMAIL, "")


# ---------- Another address ----------


def test_a_second_address_must_be_confirmed_and_can_become_primary() -> None:
    account()
    client = Client()
    sign_in(client)
    page = text(client.get("/accounts/email/"))
    assert "Make primary" not in page
    assert "Send the confirmation again" not in page
    added = client.post("/accounts/email/", {"action_add": "", "email": "Nora@Home.example"})
    assert flash_messages(added)[-1].startswith(
        "We sent an e-mail with a link to nora@home.example."
    )
    assert "Make primary" in text(client.get("/accounts/email/"))
    assert letters()[0].to == ["nora@home.example"]
    confirmed = client.post(link(letters()[0]))
    assert flash_messages(confirmed)[-1] == "Your address nora@home.example has been confirmed."
    client.post("/accounts/email/", {"action_primary": "", "email": "nora@home.example"})
    pressed = {"action_remove": "", "email": "nora@home.example"}
    assert "Remove nora@home.example?" in text(client.post("/accounts/email/", pressed))
    refused = client.post("/accounts/email/", pressed | {"confirmed": "1"})
    assert "cannot be removed. Make another address primary first." in flash_messages(refused)[-1]
    assert User.objects.get().email == "nora@home.example"
    other = Client()
    sign_in(other, "nora@home.example")
    assert who(other) == "nora@home.example"


def test_a_name_in_a_message_is_escaped() -> None:
    account(display_name=SCRIPT)
    client = Client()
    sign_in(client)
    page = text(client.get("/"))
    assert SCRIPT not in page
    assert "You are signed in, &lt;script&gt;alert(1)&lt;/script&gt;." in page


def test_someone_elses_address_cannot_be_added() -> None:
    account()
    other = account(email="other@library.example", display_name="Other")
    client = Client()
    sign_in(client, "other@library.example")
    client.post("/accounts/email/", {"action_add": "", "email": EMAIL})
    confirm = [message for message in letters() if "/confirm-email/" in message.body]
    for message in confirm:
        client.post(link(message))
    client.post("/accounts/email/", {"action_primary": "", "email": EMAIL})
    other.refresh_from_db()
    assert other.email == "other@library.example"
    assert EmailAddress.objects.get(email=EMAIL, verified=True).user.display_name == "Nora North"


# ---------- The pages ----------

FORMS = {
    "/accounts/login/": {
        "login": ("E-mail address", "username"),
        "password": ("Password", "current-password"),
        "remember": ("Keep me signed in on this computer", None),
    },
    "/accounts/signup/": {
        "display_name": ("Your name", "name"),
        "email": ("E-mail address", "email"),
        "password1": ("Password", "new-password"),
        "password2": ("Repeat the password", "new-password"),
    },
    "/accounts/password/reset/": {"email": ("E-mail address", "email")},
    "/accounts/email/": {"email": ("E-mail address", "email")},
    "/accounts/password/change/": {
        "oldpassword": ("Current password", "current-password"),
        "password1": ("New password", "new-password"),
        "password2": ("Repeat the password", "new-password"),
    },
    "/accounts/reauthenticate/": {"password": ("Password", "current-password")},
}


@pytest.mark.parametrize("address", FORMS)
def test_every_field_has_our_label_and_the_right_autocomplete(address: str) -> None:
    client = Client()
    if address in ("/accounts/email/", "/accounts/password/change/", "/accounts/reauthenticate/"):
        client.force_login(factories.person())
    response = client.get(address)
    fields = {
        field.name: (field.label, field.field.widget.attrs.get("autocomplete"))
        for field in response.context["form"]
    }
    assert fields == FORMS[address]
    main = text(response).split("<main")[1]
    assert "placeholder" not in main


def test_a_person_without_a_password_can_choose_one() -> None:
    person = account()
    person.set_unusable_password()
    person.save(update_fields=["password"])
    client = signed_in(person)
    answer = client.get("/accounts/password/change/")
    assert answer.headers["Location"] == "/accounts/password/set/"
    page = client.get("/accounts/password/set/")
    labels = [field.label for field in page.context["form"]]
    assert labels == ["New password", "Repeat the password"]
    client.post("/accounts/password/set/", {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)


def test_demonstration_accounts_are_listed_only_in_the_demonstration(settings: Any) -> None:
    texts = ("aspen-demo-2026", "learner01@aspen.example to learner40@aspen.example")
    for is_on in (True, False):
        settings.DEMO = is_on
        page = text(Client().get("/accounts/login/"))
        assert [each in page for each in texts] == [is_on, is_on]


def test_the_listed_accounts_are_the_ones_created() -> None:
    created = {account.email for account in people.ACCOUNTS}
    listed = [line.email for line in people.DEMO_LOGINS]
    assert len(listed) == 10
    assert {address for line in listed for address in line.split(" to ")} <= created
    page = text(Client().get("/accounts/login/"))
    for line in people.DEMO_LOGINS:
        assert f">{line.email}</th>" in page
        assert f">{line.description}</td>" in page


def test_demonstration_accounts_do_not_work_once_the_demonstration_is_off(settings: Any) -> None:
    """Someone may go live with a database that was used for the demonstration."""
    account(is_demonstration=True, is_staff=True)
    client, later = Client(), Client()
    assert sign_in(client).status_code == 302
    assert client.get("/accounts/profile/").status_code == 200

    settings.DEMO = False

    assert client.get("/accounts/profile/").status_code == 302
    answer = sign_in(later)
    assert NOT_RIGHT in text(answer)
    assert "_auth_user_id" not in later.session
    assert later.get("/accounts/profile/").status_code == 302
    credentials = {"username": EMAIL, "password": PASSWORD}
    later.post("/admin/login/?next=/admin/", credentials)
    assert "_auth_user_id" not in later.session
    for backend in (NameBackend(), AddressBackend()):
        assert backend.authenticate(None, **credentials) is None


def test_other_accounts_sign_in_without_the_demonstration(settings: Any) -> None:
    settings.DEMO = False
    account()
    client = Client()
    assert sign_in(client).status_code == 302
    assert client.get("/accounts/profile/").status_code == 200
