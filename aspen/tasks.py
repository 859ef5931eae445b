"""Periodic tasks: cleanup of jobs, sessions and rate limits, and e-mail delivery."""

from procrastinate import JobContext, builtin_tasks
from procrastinate.contrib.django import app

from aspen.mail import outbox
from aspen.web import rate_limits, visits

KEPT_HOURS = 72
NIGHTLY = "17 9 * * *"  # UTC; early morning in Montana
BATCH = 100


@app.periodic(cron=NIGHTLY)  # type: ignore[untyped-decorator]
@app.task(queueing_lock="remove_old_jobs", pass_context=True)  # type: ignore[untyped-decorator]
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Delete jobs that succeeded more than KEPT_HOURS hours ago. Keep all failed jobs."""
    await builtin_tasks.remove_old_jobs(context, max_hours=KEPT_HOURS)


@app.periodic(cron="7 * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="remove_expired")  # type: ignore[untyped-decorator]
def remove_expired(timestamp: int) -> None:
    """Delete sessions and counts for rate limits whose time is over. Runs every hour."""
    visits.delete_expired_sessions()
    rate_limits.delete_expired_counts()


# No `lock`, because a killed worker would hold it forever. Running two at a time is harmless.
@app.periodic(cron="* * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="deliver_mail", pass_context=True)  # type: ignore[untyped-decorator]
def deliver_mail(context: JobContext, timestamp: int = 0) -> None:
    """Send due e-mails. Runs every minute, and when an e-mail is queued."""
    if outbox.deliver_due(limit=BATCH, stop=context.should_abort) == BATCH:
        outbox.wake_worker()  # as a new job, so that others can run first
