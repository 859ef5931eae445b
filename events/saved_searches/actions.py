"""Actions that save and remove searches, and e-mail people about new events that match."""

import datetime as dt

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today
from aspen.db.audit import audited
from aspen.errors import Refused
from events.calendar.search import Filters, stored
from events.models import SavedSearch
from events.queries import midnight
from events.saved_searches.emails import queue_saved_search_email
from events.saved_searches.matches import new_matches

MAX_SAVED_SEARCHES = 10
DAYS_BETWEEN = 7
# An event that another transaction has not committed yet is new in the next e-mail.
COMMITTED_AFTER = dt.timedelta(minutes=10)


@audited
def save_search(*, filters: Filters, name: str, by: User) -> SavedSearch:
    """Save the filters for `by`, who gets an e-mail about new events once a week. Idempotent.

    Locks the person. Raises Refused if they have the maximum of saved searches.
    """
    lock_people([by.pk])
    searches = SavedSearch.objects.filter(person=by)
    values = stored(filters)
    if same := searches.filter(filters=values).first():
        return same
    if searches.count() >= MAX_SAVED_SEARCHES:
        raise Refused(
            f"You have {MAX_SAVED_SEARCHES} saved searches, the maximum. Remove one in your "
            "profile, then save this one."
        )
    return SavedSearch.objects.create(person=by, name=name, filters=values)


@audited
def remove_search(*, search_id: int, by: User | None) -> None:
    """Remove a saved search, so that there are no more e-mails about it. Idempotent.

    `by` is None if the person used the link in an e-mail.
    """
    SavedSearch.objects.filter(pk=search_id).delete()


def queue_saved_search_emails() -> int:
    """Queue an e-mail for each search that was last checked a week ago and has new matches.

    Returns the number of e-mails queued. It can run late, repeatedly or concurrently. Each search
    is its own transaction.
    """
    due = _due().order_by("pk").values_list("pk", flat=True)
    return sum(_check(search_id=pk) for pk in due)


def _due() -> QuerySet[SavedSearch]:
    """Return the searches that were last checked on a day at least a week ago."""
    before = midnight(today() - dt.timedelta(days=DAYS_BETWEEN - 1))
    return SavedSearch.objects.filter(checked_at__lt=before, person__is_active=True)


@audited
def _check(*, search_id: int) -> bool:
    """Queue the e-mail of one search if it has new matches. Return whether it did.

    Another worker can be doing the same, or the person can have removed the search.
    """
    saved = (
        _due()
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .select_related("person")
        .filter(pk=search_id)
        .first()
    )
    if saved is None:
        return False
    until = timezone.now() - COMMITTED_AFTER
    since, saved.checked_at = saved.checked_at, until
    saved.save(update_fields=["checked_at"])
    has_new = new_matches(saved, since, until).exists()
    if has_new:
        queue_saved_search_email(saved, since=since, until=until)
    return has_new
