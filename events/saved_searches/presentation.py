"""The saved searches on the profile."""

from typing import Any

from accounts.models import User
from events.calendar.grid import list_of
from events.calendar.search import from_stored
from events.models import SavedSearch


def saved_searches_on_profile(person: User) -> dict[str, Any]:
    """Return the person's saved searches, each with the URL of its list. One query."""
    searches = SavedSearch.objects.filter(person=person).order_by("created_at", "id")
    return {
        "saved_searches": [(each, list_of(from_stored(each.filters)).url()) for each in searches]
    }
