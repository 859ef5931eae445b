"""Housekeeping of the job queue itself."""

from procrastinate import JobContext, builtin_tasks
from procrastinate.contrib.django import app

KEPT_HOURS = 72
NIGHTLY = "17 9 * * *"  # in UTC: the small hours in Montana


@app.periodic(cron=NIGHTLY)  # type: ignore[untyped-decorator]
@app.task(queueing_lock="remove_old_jobs", pass_context=True)  # type: ignore[untyped-decorator]
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Forget jobs that ended well some days ago; failed ones stay to be looked at."""
    await builtin_tasks.remove_old_jobs(context, max_hours=KEPT_HOURS)
