"""Background tasks for tickets. Nothing depends on when they run."""

import datetime as dt

from django.core.files.storage import storages
from django.utils import timezone
from procrastinate.contrib.django import app

from aspen.files.upload_storage import delete_orphans
from helpdesk.models import Attachment

NIGHTLY = "42 9 * * *"  # UTC; early morning in Montana
# Far longer than a request that stores a file before its row.
ORPHANED_AFTER = dt.timedelta(days=1)


@app.periodic(cron=NIGHTLY)  # type: ignore[untyped-decorator]
@app.task(queueing_lock="delete_unused_attachments")  # type: ignore[untyped-decorator]
def delete_unused_attachments(timestamp: int) -> None:
    """Delete files that belong to no ticket."""
    delete_orphans(
        storages["uploads"],
        "tickets",
        before=timezone.now() - ORPHANED_AFTER,
        known=lambda names: Attachment.objects.filter(file__in=names).values_list(
            "file", flat=True
        ),
    )
