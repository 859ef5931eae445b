"""Addresses of the demonstration's recordings and meetings, which are pages of the portal."""

from django.conf import settings
from django.db.models import F, Value
from django.db.models.functions import Concat, StrIndex, Substr
from django.urls import reverse

from events.models import Event

PAGES = {"recording_url": "demonstration:recording", "joining_url": "demonstration:meeting"}


def recording_address(name: str) -> str:
    """Return the address of the page that stands in for a recording."""
    return settings.ADDRESS + reverse(PAGES["recording_url"], args=[name])


def meeting_address(name: str) -> str:
    """Return the address of the page that stands in for an online meeting."""
    return settings.ADDRESS + reverse(PAGES["joining_url"], args=[name])


def follow_the_portal() -> None:
    """Correct the addresses if the portal has moved, for example to another port. Idempotent."""
    for field, page in PAGES.items():
        folder = reverse(page, args=["x"]).removesuffix("x/")
        moved = Event.objects.filter(is_demonstration=True, **{f"{field}__contains": folder})
        moved = moved.exclude(**{f"{field}__startswith": settings.ADDRESS + folder})
        path = Substr(F(field), StrIndex(F(field), Value(folder)))
        moved.order_by().update(**{field: Concat(Value(settings.ADDRESS), path)})
