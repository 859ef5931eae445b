"""Adapts django-allauth to the portal's accounts and messages."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

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

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the profile's URL. By default, the empty form would be shown again."""
        return reverse("accounts:profile")
