"""The worker's jobs for events. They do not have to run on time.

No job has a `lock`, because a killed worker would hold it forever. Jobs can run twice,
even concurrently.
"""

import datetime as dt

from django.core.files.storage import storages
from django.utils import timezone
from procrastinate.contrib.django import app

from aspen.files.upload_storage import delete_orphans
from events import reminders
from events.attendance import actions as attendance_actions
from events.models import Resource
from events.saved_searches import actions as saved_search_actions

# Far longer than a request that stores a file before its row.
ORPHANED_AFTER = dt.timedelta(days=1)


@app.periodic(cron="*/5 * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="settle_due")  # type: ignore[untyped-decorator]
def settle_due(timestamp: int) -> None:
    """Turn attendance at events that are over into credits."""
    attendance_actions.settle_due()


@app.periodic(cron="*/10 * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="tell_in_time")  # type: ignore[untyped-decorator]
def tell_in_time(timestamp: int) -> None:
    """Queue reminders of upcoming events and notices of new recordings."""
    reminders.queue_reminder_emails()
    reminders.queue_recording_emails()


@app.periodic(cron="32 14 * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="tell_of_new_events")  # type: ignore[untyped-decorator]
def tell_of_new_events(timestamp: int) -> None:
    """Queue the weekly e-mails about saved searches that are due, in the morning."""
    saved_search_actions.queue_saved_search_emails()


@app.periodic(cron="47 9 * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="delete_unused_material")  # type: ignore[untyped-decorator]
def delete_unused_material(timestamp: int) -> None:
    """Delete files that belong to no event, in the early morning."""
    delete_orphans(
        storages["uploads"],
        "resources",
        before=timezone.now() - ORPHANED_AFTER,
        known=lambda names: Resource.objects.filter(file__in=names).values_list("file", flat=True),
    )
