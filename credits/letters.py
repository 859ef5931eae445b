"""The letter about a credit that was listed without the person doing anything."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from aspen import words
from aspen.models import Mail
from aspen.outbox import Letter, composers
from credits.enums import LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim


def register_composers() -> None:
    """Let the outbox know who composes the messages of this app."""
    composers["credits.listed"] = listed


def listed(mail: Mail) -> Letter | None:
    """A credit came of a registration, of presenting, or was awarded by staff. Two queries."""
    claim = Claim.objects.select_related("event").get(pk=mail.facts["claim"], person=mail.to_id)
    credits = list(claim.credits.select_related("category").order_by("line"))
    if claim.state not in LIVE or not credits:
        return None
    event = claim.event
    earned = "; ".join(f"{words.credits(each.amount)} in {each.category}" for each in credits)
    each = "credit is" if len(credits) == 1 else "credits are"
    # What staff awarded is approved by that.
    pending = ["Each is Pending until it is verified with your track; it counts all the same."]
    if claim.state != ClaimState.PENDING:
        pending = []
    return Letter(
        subject=f"Your credit is listed: {event.title}",
        paragraphs=[f"{_how(claim)} “{event.title}”. Your {each} listed."],
        facts=[
            ("Credits", earned),
            ("Earned on", words.day(timezone.localdate(event.ends_at or event.begins_at))),
        ],
        button=("Look at your credits", settings.ADDRESS + reverse("tracks:credits")),
        closing=[
            *pending,
            "Something is wrong? Open a help ticket, and we put it right: "
            + settings.ADDRESS
            + reverse("helpdesk:create"),
        ],
    )


def _how(claim: Claim) -> str:
    if claim.role == ClaimRole.PRESENTER:
        return "You presented"
    if claim.source == ClaimSource.AWARD:
        return "Library staff awarded you credit for"
    return "You took part in"
