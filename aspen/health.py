"""What keeps the portal from working, for `/readyz` and the first page of the admin."""

import datetime as dt

from django.conf import settings
from django.db.models import Max, Q
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

from aspen import disk
from aspen.formats import counted, format_time_range
from aspen.models import Mail, MailState

# The job worker reports every ten seconds.
SILENT_AFTER = dt.timedelta(minutes=2)
# A message is late if it has been due for this long, or after this many failed attempts.
LATE_AFTER = dt.timedelta(minutes=15)
LATE_ATTEMPTS = 4


def last_heartbeat() -> dt.datetime | None:
    """Return when a job worker last reported, or None if none is registered. One query."""
    moment: dt.datetime | None = ProcrastinateWorker.objects.aggregate(last=Max("last_heartbeat"))[
        "last"
    ]
    return moment


def worker_problem() -> str:
    """Return a sentence if no job worker is running, or an empty string."""
    moment = last_heartbeat()
    if moment is None:
        return "No job worker is running, so e-mails wait."
    if moment < timezone.now() - SILENT_AFTER:
        since = format_time_range(moment, None, all_day=False)
        return f"The job worker has not reported since {since}, so e-mails wait."
    return ""


def mail_problem() -> str:
    """Return a sentence if messages have been waiting for too long, or an empty string."""
    untried = Q(next_try_at__lt=timezone.now() - LATE_AFTER)
    late = Mail.objects.filter(untried | Q(attempts__gte=LATE_ATTEMPTS), state=MailState.WAITING)
    count = late.count()
    return f"{counted(count, 'message')} could not be sent on time." if count else ""


def disk_problem() -> str:
    """Return a sentence if a disk of the portal is almost full, or an empty string."""
    free = min(disk.free_bytes(folder) for folder in (settings.UPLOADS, settings.VAR))
    if free >= disk.RESERVED_BYTES:
        return ""
    return f"The disk is almost full ({free // disk.MEGABYTE} MB left), so no files can be added."


def problems() -> list[str]:
    """Return a sentence for each problem. Two queries."""
    found = (worker_problem(), mail_problem(), disk_problem())
    return [problem for problem in found if problem]
