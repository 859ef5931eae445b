"""Receivers that prepare the session at sign-in."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from accounts.queries import leadership_positions, library_name_of
from aspen.web.context import ALL, LEADS_LIBRARY, LIBRARY, MANAGES_EVENTS, OWN, THEME


@receiver(user_logged_in)
def store_menu_data(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Store the data for every page's menu in the session, to save queries."""
    request.session[LIBRARY] = library_name_of(user)
    request.session[THEME] = user.theme
    request.session[LEADS_LIBRARY] = bool(leadership_positions(user))
    publishes = user.has_perm("events.change_event")
    proposes = user.has_perm("events.propose_event")
    request.session[MANAGES_EVENTS] = ALL if publishes else OWN if proposes else ""


@receiver(user_logged_in)
def keep_session(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Let the session last until the browser closes, longer than a visit without signing in.

    The sign-in form then makes it longer for people who want to stay signed in.
    """
    request.session.set_expiry(0)
