"""Background tasks for certification. Nothing depends on when they run.

They have no `lock`, because a killed worker would never release it, so they can run twice or
concurrently.
"""

from procrastinate.contrib.django import app

from tracks import reminders
from tracks.certification import emails


@app.periodic(cron="17 15 * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="remind_of_certification")  # type: ignore[untyped-decorator]
def remind_of_certification(timestamp: int) -> None:
    """Send the daily reminders to people and supervisors in the morning, Mountain time.

    Safe to run late or twice.
    """
    reminders.remind_of_ends()
    reminders.remind_directors()
    reminders.remind_idle()
    emails.remind_supervisors()
