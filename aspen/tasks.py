"""Housekeeping of the job queue itself, and the mail."""

from procrastinate import JobContext, builtin_tasks
from procrastinate.contrib.django import app

from aspen.mail import outbox

KEPT_HOURS = 72
NIGHTLY = "17 9 * * *"  # in UTC: the small hours in Montana
BATCH = 100


@app.periodic(cron=NIGHTLY)  # type: ignore[untyped-decorator]
@app.task(queueing_lock="remove_old_jobs", pass_context=True)  # type: ignore[untyped-decorator]
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Forget jobs that ended well some days ago; failed ones stay to be looked at."""
    await builtin_tasks.remove_old_jobs(context, max_hours=KEPT_HOURS)


# Without `lock`: a worker that was killed would hold it forever. Two at once do no harm.
@app.periodic(cron="* * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="deliver_mail", pass_context=True)  # type: ignore[untyped-decorator]
def deliver_mail(context: JobContext, timestamp: int = 0) -> None:
    """Send what is due. Whoever posts wakes it (outbox.wake); it looks every minute as well."""
    if outbox.deliver_due(limit=BATCH, stop=context.should_abort) == BATCH:
        outbox.wake_worker()  # other jobs have their turn in between
