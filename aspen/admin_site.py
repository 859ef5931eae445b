"""The portal's own administration site, whose first page says what waits for whom.

Registers no model: Django imports this module while it makes the site, and what was registered
meanwhile would be lost.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator

from aspen.formats import counted, format_waiting_time


class Waiting(NamedTuple):
    """One line of what waits for staff, and the page where it is dealt with."""

    text: str
    url: str


Find = Callable[[], list[Waiting]]


class Finder(NamedTuple):
    """Finds what waits for those who hold a permission, in one query."""

    order: int
    permission: str
    find: Find


_finders: list[Finder] = []


def waits_for(permission: str, *, order: int) -> Callable[[Find], Find]:
    """Let the first page of the administration list what the function finds, for those who hold
    the permission; lines stand in the order of these numbers."""

    def register(find: Find) -> Find:
        _finders.append(Finder(order, permission, find))
        return find

    return register


def oldest_waits(
    noun: str, what: str, url: str, count: int, since: dt.datetime | None
) -> list[Waiting]:
    """12 custom events to approve, the oldest waits 9 days; nothing where none waits."""
    if since is None:
        return []
    which = "it" if count == 1 else "the oldest"
    said = f"{counted(count, noun)} {what}, {which} {format_waiting_time(since)}"
    return [Waiting(said, url)]


class StaffSite(admin.AdminSite):
    """In place of the default site (aspen.apps.StaffAdminConfig)."""

    site_header = site_title = "ASPeN staff"
    index_title = "Administration"
    # One door for everyone: the portal's own sign-in, with its rate limits and confirmed
    # addresses. Someone signed in who is not staff gets "403 not permitted", not the sign-in page.
    login = method_decorator(secure_admin_login)(admin.AdminSite.login)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        waiting = [
            line
            for finder in sorted(_finders, key=lambda finder: finder.order)
            if request.user.has_perm(finder.permission)
            for line in finder.find()
        ]
        return super().index(request, {**(extra_context or {}), "waiting": waiting})
