"""Jobs of the calendar. The worker runs them; nothing depends on their being on time."""

from procrastinate.contrib.django import app

from events import actions


@app.periodic(cron="*/5 * * * *")  # type: ignore[untyped-decorator]
@app.task(lock="settle_due", queueing_lock="settle_due")  # type: ignore[untyped-decorator]
def settle_due(timestamp: int) -> None:
    """Let registrations lead to credits once their events are over. Safe to run late or twice."""
    actions.settle_due()
