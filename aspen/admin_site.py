"""The portal's admin site. Its index pages list work waiting for the signed-in person.

Do not register models here: Django imports this module while it creates the site, so registrations
would be lost.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject

from aspen.formats import counted, format_waiting_time


class Waiting(NamedTuple):
    """A line about work waiting for staff, and the URL of its page."""

    text: str
    url: str


Find = Callable[[], list[Waiting]]


class Finder(NamedTuple):
    """A function that finds work waiting for people with a permission, in one query."""

    order: int
    permission: str
    find: Find


_finders: list[Finder] = []


def waits_for(permission: str, *, order: int) -> Callable[[Find], Find]:
    """Register a function that finds lines for the admin's index pages.

    Only people with the permission see the lines. Functions run in ascending `order`.
    """

    def register(find: Find) -> Find:
        _finders.append(Finder(order, permission, find))
        return find

    return register


def oldest_waits(
    noun: str, what: str, url: str, count: int, since: dt.datetime | None, *, many: str = ""
) -> list[Waiting]:
    """Return a list with one line, or an empty list if nothing is waiting.

    `many` is for irregular plurals. For example: "12 custom events to approve, the oldest waiting
    9 days".
    """
    if since is None:
        return []
    oldest = "" if count == 1 else "the oldest "
    text = f"{counted(count, noun, many)} {what}, {oldest}{format_waiting_time(since)}"
    return [Waiting(text, url)]


class StaffSite(admin.AdminSite):
    """The admin site that aspen.apps.StaffAdminConfig makes the default."""

    site_header = site_title = "ASPeN staff"
    index_title = "Administration"
    # Everyone signs in through the portal, with its rate limits and confirmed addresses. A
    # signed-in person who is not staff gets a 403, not the sign-in page.
    login = method_decorator(secure_admin_login)(admin.AdminSite.login)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the waiting work to every page. Only pages that show it query it."""
        context = super().each_context(request)
        return {**context, "waiting": SimpleLazyObject(lambda: _waiting_for(request))}


def _waiting_for(request: HttpRequest) -> list[Waiting]:
    return [
        line
        for finder in sorted(_finders, key=lambda finder: finder.order)
        if request.user.has_perm(finder.permission)
        for line in finder.find()
    ]
