"""The e-mails about signing up, a forgotten password and changes of an account.

Their links let a person confirm an address or choose a password. A link is created when its e-mail
is sent and is not stored, so that staff can see these e-mails and send them again, but cannot use
the links.
"""

from uuid import uuid4

from allauth.account import app_settings
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import filter_users_by_email, user_pk_to_url_str

from accounts.backends import is_barred
from accounts.models import User
from aspen.formats import format_time_range
from aspen.mail.message import Email, page_url
from aspen.mail.outbox import Recipient, email, enqueue, enqueue_or_hurry
from aspen.models import Mail

NOT_YOU = "If this was not you, choose a new password now and e-mail us."

# ---------- Confirming an address ----------


def queue_confirm_address_email(address: EmailAddress) -> None:
    """Queue the link with which a person confirms this address."""
    to = Recipient(address.user.display_name, address.email)
    enqueue_or_hurry(kind="accounts.confirm_address", to=to, address=address.pk)


@email("accounts.confirm_address", repeatable=True)
def confirm_address_email(mail: Mail) -> Email | None:
    """Send the link, unless the address has been confirmed, removed or changed."""
    addresses = EmailAddress.objects.select_related("user").filter(
        pk=mail.facts["address"], email=mail.to_address, verified=False
    )
    address = addresses.first()
    if address is None or not _can_sign_in(address.user) or not address.can_set_verified():
        return None
    link = page_url("account_confirm_email", EmailConfirmationHMAC(address).key)
    return Email(
        subject="Please confirm your e-mail address",
        paragraphs=["Please confirm that this e-mail address is yours by opening this link:"],
        button=("Confirm my address", link),
        closing=[
            "If the link has expired, sign in with your address and password, and we will send you "
            "a new one.",
            "If you did not create an account with us, you can ignore this e-mail. You will not "
            "hear from us again.",
        ],
    )


def queue_account_exists_email(address: str) -> None:
    """Queue an e-mail to an address with which someone tried to create a second account."""
    enqueue_or_hurry(kind="accounts.account_exists", to=Recipient("", address))


@email("accounts.account_exists", repeatable=True)
def account_exists_email(mail: Mail) -> Email | None:
    return Email(
        subject="You already have an account",
        paragraphs=[
            f"Someone, probably you, tried to create an account with {mail.to_address}. That "
            "account already exists, so nothing was changed.",
            "If you have forgotten the password, you can choose a new one:",
        ],
        button=("Choose a new password", page_url("account_reset_password")),
        closing=[
            "If you share this address with colleagues and need your own account, please e-mail us."
        ],
    )


# ---------- A forgotten password ----------


def queue_choose_password_email(person: User, address: str) -> None:
    """Queue the link with which the person chooses a new password."""
    to = Recipient(person.display_name, address)
    enqueue_or_hurry(kind="accounts.choose_password", to=to, person=person.pk)


@email("accounts.choose_password", repeatable=True)
def choose_password_email(mail: Mail) -> Email | None:
    """Send the link, unless the account can no longer be reached under this address."""
    people = filter_users_by_email(mail.to_address, is_active=True, prefer_verified=True)
    person = next((each for each in people if each.pk == mail.facts["person"]), None)
    if person is None or not _can_sign_in(person):
        return None
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(person)
    link = page_url("account_reset_password_from_key", user_pk_to_url_str(person), token)
    return Email(
        subject="Choose a new password",
        paragraphs=[
            "Someone, probably you, asked for a new password for your account. Open this link to "
            "choose one:"
        ],
        button=("Choose a new password", link),
        closing=[
            "Until you do, your old password will still work. If you did not ask for this, you can "
            "ignore this e-mail."
        ],
    )


def queue_no_account_email(address: str) -> None:
    """Queue an e-mail to an address without an account whose password someone has forgotten."""
    enqueue_or_hurry(kind="accounts.no_account", to=Recipient("", address))


@email("accounts.no_account", repeatable=True)
def no_account_email(mail: Mail) -> Email | None:
    return Email(
        subject="No account with this address",
        paragraphs=[
            f"Someone, probably you, asked for a new password for {mail.to_address}. There is no "
            "account with this address.",
            "If your account uses another address, try that one. Or create an account:",
        ],
        button=("Create an account", page_url("account_signup")),
        closing=["If you did not ask for this, you can ignore this e-mail."],
    )


# ---------- Changes ----------


def queue_changed_email(person: User, address: str, change: str) -> None:
    """Queue an e-mail about a change of the account. `change` is a sentence that says what."""
    enqueue(
        kind="accounts.changed",
        key=f"changed:{uuid4()}",
        to=Recipient(person.display_name, address),
        person=person.pk,
        change=change,
    )


@email("accounts.changed")
def changed_email(mail: Mail) -> Email | None:
    """Tell a person about a change of the account, so that they notice if it was someone else."""
    person = User.objects.filter(pk=mail.facts["person"]).first()
    if person is None or not _can_sign_in(person):
        return None
    return Email(
        subject="Your account was changed",
        paragraphs=[str(mail.facts["change"])],
        facts=[("When", format_time_range(mail.created_at, None, all_day=False))],
        button=("Open your profile", page_url("accounts:profile")),
        closing=[NOT_YOU],
    )


def _can_sign_in(person: User) -> bool:
    return person.is_active and not is_barred(person)
