"""Jobs of certification. The worker runs them; nothing depends on their being on time.

None has a `lock`: a worker that was killed would hold it forever. All may run twice, and at once.
"""

from procrastinate.contrib.django import app

from tracks import reminders
from tracks.certification import emails


@app.periodic(cron="17 15 * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="remind_of_certification")  # type: ignore[untyped-decorator]
def remind_of_certification(timestamp: int) -> None:
    """Remind people of what ends, and supervisors of what they were asked, once a day, in the
    morning in Montana. Safe to run late or twice."""
    reminders.remind_of_ends()
    reminders.remind_directors()
    reminders.remind_idle()
    emails.remind_supervisors()
