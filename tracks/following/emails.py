"""The e-mail about an extended period."""

import datetime as dt
from collections.abc import Iterable

from aspen.formats import format_day
from aspen.mail.message import Email, full_url
from aspen.mail.outbox import email, enqueue_many
from aspen.models import Mail
from tracks.models import Participation


def queue_extended_emails(participations: Iterable[Participation], *, closes_on: dt.date) -> None:
    """Queue an e-mail for each extended participation. No query if `person` is selected."""
    enqueue_many(
        kind="tracks.extended",
        messages=[
            (f"extended:{each.pk}:{closes_on}", each.person, {"participation": each.pk})
            for each in participations
        ],
    )


@email("tracks.extended")
def extended_email(mail: Mail) -> Email | None:
    """Compose the e-mail for the latest extension; none is sent for earlier ones."""
    participation = Participation.objects.select_related("track").get(
        pk=mail.facts["participation"], person=mail.to_id
    )
    extension = participation.extensions.order_by("-pk")[0]
    if str(extension.closes_on) not in mail.key.split(":"):
        return None
    track, day = participation.track, format_day(extension.closes_on)
    return Email(
        subject=f"Your period for {track} was extended to {day}",
        paragraphs=[
            f"Your period for {track} now ends on {day} instead of "
            f"{format_day(extension.closed_on)}. Credits you earn by then will count."
        ],
        quote=("The CE Coordinator wrote:", extension.reason),
        button=("View track", full_url(participation.get_absolute_url())),
    )
