"""Adapts django-allauth to the portal's accounts and messages."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts import emails
from accounts.backends import is_barred
from accounts.models import User

ERROR_MESSAGES = {
    "email_password_mismatch": "The e-mail address or password is not correct. Check both. "
    "Passwords are case-sensitive.",
    "too_many_login_attempts": "Too many attempts with the wrong password. Wait five minutes and "
    "try again, or use the link below to choose a new password.",
    "enter_current_password": "This is not your current password.",
    "incorrect_password": "This is not your password.",
    "duplicate_email": "This address is already on your list.",
    "email_taken": "This e-mail address already belongs to another account.",
    "max_email_addresses": "You already have %d addresses. Remove one first.",
}
# What people are told about a change of their account, by the name that django-allauth gives it.
CHANGES = {
    "account/email/password_changed": "Your password was changed.",
    "account/email/password_reset": "A new password was chosen through the link in an e-mail.",
    "account/email/password_set": "A password was chosen for your account.",
    "account/email/email_changed": "Your primary e-mail address was changed from {from_email} to "
    "{to_email}.",
    "account/email/email_deleted": "The e-mail address {deleted_email} was removed from your "
    "account.",
}


def display_name(user: User) -> str:
    return user.display_name


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | ERROR_MESSAGES

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Return the account for the credentials, or None if it is barred.

        If a barred account were returned, django-allauth would sign it in to show the page for
        inactive accounts.
        """
        user: User | None = super().authenticate(request, **credentials)
        return None if user and is_barred(user) else user

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Save the user with the name, a field that we add to the sign-up form."""
        user.display_name = form.cleaned_data["display_name"]
        return super().save_user(request, user, form, commit)  # type: ignore[no-any-return]

    @transaction.atomic
    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """Confirm an address and grant the awards waiting for it, in one transaction."""
        return super().confirm_email(request, email_address)  # type: ignore[no-any-return]

    # E-mails. Each is queued in the outbox, so that no page waits for the mail server.

    def send_confirmation_mail(
        self, request: HttpRequest, emailconfirmation: EmailConfirmationHMAC, signup: bool
    ) -> None:
        emails.queue_confirm_address_email(emailconfirmation.email_address)

    def send_account_already_exists_mail(self, email: str) -> None:
        emails.queue_account_exists_email(email)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        emails.queue_choose_password_email(user, email)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        address = email or EmailAddress.objects.get_primary_email(user)
        if address:
            change = CHANGES[template_prefix].format(**context or {})
            emails.queue_changed_email(user, address, change)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue the e-mail that says that no account has this address.

        It is the only one sent through this method. Raises NotImplementedError for any other.
        """
        if template_prefix != "account/email/unknown_account":
            raise NotImplementedError(template_prefix)
        emails.queue_no_account_email(email)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the welcome page for people who have not seen it, and the home page for others.

        People who signed in to open a page of their own choice go there instead.
        """
        user = request.user
        is_new = user.is_authenticated and user.welcomed_at is None
        return reverse("welcome") if is_new else super().get_login_redirect_url(request)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """Return the same when someone confirms the address of a new account."""
        return self.get_login_redirect_url(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the profile's URL. By default, the empty form would be shown again."""
        return reverse("accounts:profile")
