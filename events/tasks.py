"""The worker's jobs for events. They do not have to run on time.

No job has a `lock`, because a killed worker would hold it forever. Jobs can run twice,
even concurrently.
"""

from procrastinate.contrib.django import app

from events import reminders
from events.attendance import actions as attendance_actions


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
