"""Jobs of the calendar. The worker runs them; nothing depends on their being on time.

None has a `lock`: a worker that was killed would hold it for ever. All may run twice, and at once.
"""

from procrastinate.contrib.django import app

from events import reminders
from events.attendance import actions as attendance_actions


@app.periodic(cron="*/5 * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="settle_due")  # type: ignore[untyped-decorator]
def settle_due(timestamp: int) -> None:
    """Let registrations lead to credits once their events are over. Safe to run late or twice."""
    attendance_actions.settle_due()


@app.periodic(cron="*/10 * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="tell_in_time")  # type: ignore[untyped-decorator]
def tell_in_time(timestamp: int) -> None:
    """Remind people of what is near, and tell them of recordings. Safe to run late or twice."""
    reminders.queue_reminder_emails()
    reminders.queue_recording_emails()
