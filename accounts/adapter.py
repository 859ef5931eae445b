"""Where django-allauth meets our people."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts.models import User


def display_name(user: User) -> str:
    return user.display_name


class AccountAdapter(DefaultAccountAdapter):
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Fill a new person from the sign-up form; the name comes with the form's own fields."""
        user.display_name = form.cleaned_data["display_name"]
        return super().save_user(request, user, form, commit)  # type: ignore[no-any-return]
