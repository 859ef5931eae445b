"""The letter about a credit that was listed without the person doing anything."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from aspen import words
from aspen.models import Mail
from aspen.outbox import Letter, composers
from credits.enums import LIVE, ClaimRole
from credits.models import Claim


def register_composers() -> None:
    """Let the outbox know who composes the messages of this app."""
    composers["credits.listed"] = listed


def listed(mail: Mail) -> Letter | None:
    """A credit came of a registration, or of presenting. Two queries."""
    claim = Claim.objects.select_related("event").get(pk=mail.facts["claim"], person=mail.to_id)
    credits = list(claim.credits.select_related("category").order_by("line"))
    if claim.state not in LIVE or not credits:
        return None
    event = claim.event
    presented = claim.role == ClaimRole.PRESENTER
    earned = "; ".join(f"{words.credits(each.amount)} in {each.category}" for each in credits)
    each = "credit is" if len(credits) == 1 else "credits are"
    return Letter(
        subject=f"Your credit is listed: {event.title}",
        paragraphs=[
            f"You presented “{event.title}”. Your {each} listed."
            if presented
            else f"You took part in “{event.title}”. Your {each} listed."
        ],
        facts=[
            ("Credits", earned),
            ("Earned on", words.day(timezone.localdate(event.ends_at or event.begins_at))),
        ],
        button=("Look at your credits", settings.ADDRESS + reverse("tracks:credits")),
        closing=[
            "Each is Pending until it is verified with your track; it counts all the same.",
            "Something is wrong? Open a help ticket, and we put it right: "
            + settings.ADDRESS
            + reverse("helpdesk:create"),
        ],
    )
