"""Background tasks for claims and certificates of attendance. Nothing depends on when they run."""

import datetime as dt

from django.core.files.storage import storages
from django.utils import timezone
from procrastinate.contrib.django import app

from aspen.files.upload_storage import delete_orphans
from credits import emails
from credits.actions import evidence
from credits.models import Evidence

NIGHTLY = "37 9 * * *"  # UTC; early morning in Montana
# Far longer than a request that stores a file before its row.
ORPHANED_AFTER = dt.timedelta(days=1)


@app.periodic(cron=NIGHTLY)  # type: ignore[untyped-decorator]
@app.task(queueing_lock="delete_unused_evidence")  # type: ignore[untyped-decorator]
def delete_unused_evidence(timestamp: int) -> None:
    """Delete files of forms that were never saved, and files that belong to no claim."""
    evidence.delete_expired_waiting_files()
    delete_orphans(
        storages["uploads"],
        "evidence",
        before=timezone.now() - ORPHANED_AFTER,
        known=lambda names: Evidence.objects.filter(file__in=names).values_list("file", flat=True),
    )


@app.periodic(cron="27 * * * *")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="queue_guest_certificates")  # type: ignore[untyped-decorator]
def queue_guest_certificates(timestamp: int) -> None:
    """E-mail guests on attendance lists the link to their certificate. Runs every hour."""
    emails.queue_guest_certificate_emails()
