"""The letters about credits: listed without the person doing anything, and decided by staff."""

import datetime as dt
from collections.abc import Sequence

from django.utils import timezone

from aspen.formats import format_credits, format_day
from aspen.mail.message import Email, page_url
from aspen.mail.outbox import NotYet, composers
from aspen.models import Mail
from credits.enums import LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Credit

QUOTE_HEADING = "They write:"
# So many approved credits are named in one letter; the page lists them all.
MAX_NAMED = 30
# An act that began in time may be committed this much later.
SETTLE_DELAY = dt.timedelta(minutes=1)


def register_credit_emails() -> None:
    """Let the outbox know who composes the messages of this app."""
    composers.update(
        {
            "credits.listed": listed_email,
            "credits.approved": approved_email,
            "credits.returned": returned_email,
            "credits.declined": declined_email,
        }
    )


def listed_email(mail: Mail) -> Email | None:
    """A credit came of a registration, of presenting, or was awarded by staff. Two queries."""
    claim = _claim(mail)
    facts = _about(claim)
    if claim.state not in LIVE or not facts:
        return None
    each = "credit is" if len(_remaining_credits(claim)) == 1 else "credits are"
    # What staff awarded is approved by that.
    pending = ["Each is Pending until it is verified with your track; it counts all the same."]
    if claim.state != ClaimState.PENDING:
        pending = []
    return Email(
        subject=f"Your credit is listed: {claim.event.title}",
        paragraphs=[f"{_how_listed(claim)} “{claim.event.title}”. Your {each} listed."],
        facts=facts,
        button=("Look at your credits", page_url("tracks:credits")),
        closing=[*pending, _something_wrong()],
    )


def _how_listed(claim: Claim) -> str:
    if claim.role == ClaimRole.PRESENTER:
        return "You presented"
    if claim.source == ClaimSource.AWARD:
        return "Library staff awarded you credit for"
    return "You took part in"


# ---------- What staff decided ----------


def approved_email(mail: Mail) -> Email | None:
    """What staff approved of one person within an hour, in one letter. Two queries."""
    since, until = (dt.datetime.fromisoformat(str(mail.facts[name])) for name in ("since", "until"))
    if timezone.now() < until + SETTLE_DELAY:
        raise NotYet(until + SETTLE_DELAY)
    claims = list(
        Claim.objects.filter(
            person=mail.to_id,
            state=ClaimState.APPROVED,
            decided_at__gte=since,
            decided_at__lt=until,
        )
        .exclude(source=ClaimSource.AWARD)  # told as listed
        .select_related("event")
        .prefetch_related("credits__category")
        .order_by("decided_at", "pk")
    )
    if not claims:
        return None
    return Email(
        subject=_approved_in_short(claims),
        paragraphs=[
            "The State Library's staff approved what you claimed:",
            "\n".join(_lines(claims)),
        ],
        button=("Look at your credits", page_url("tracks:credits")),
        closing=["There is nothing you have to do.", _something_wrong()],
    )


def _approved_in_short(claims: Sequence[Claim]) -> str:
    if len(claims) == 1:
        return f"Approved: {claims[0].event.title}"
    return f"Approved: {len(claims)} trainings that you claimed"


def _lines(claims: Sequence[Claim]) -> list[str]:
    lines = [f"– {claim.event.title}: {_earned(claim)}" for claim in claims[:MAX_NAMED]]
    more = len(claims) - MAX_NAMED
    return [*lines, f"– and {more} more"] if more > 0 else lines


def returned_email(mail: Mail) -> Email | None:
    """Staff gave the author of a custom event something to change or to answer. Two queries."""
    claim = _claim(mail)
    if claim.state != ClaimState.RETURNED or not _is_current(mail, claim):
        return None
    return Email(
        subject=f"Please answer: {claim.event.title}",
        paragraphs=[
            f"The State Library's staff looked at “{claim.event.title}” and need something from "
            "you before they can approve it. What you entered is kept, and so is the credit."
        ],
        quote=(QUOTE_HEADING, claim.reason),
        facts=_about(claim),
        button=("Change it and send it again", page_url("credits:revise", claim.event_id)),
        closing=[
            "They ask for a certificate or a transcript? Add it to your claim first: "
            + page_url("credits:detail", claim.pk),
        ],
    )


def declined_email(mail: Mail) -> Email | None:
    """Staff declined a claim. Two queries."""
    claim = _claim(mail)
    if claim.state != ClaimState.DECLINED or not _is_current(mail, claim):
        return None
    return Email(
        subject=f"Declined: {claim.event.title}",
        paragraphs=[
            f"The State Library's staff declined what you claimed for “{claim.event.title}”. It "
            "counts in no track; what you entered is kept."
        ],
        quote=(QUOTE_HEADING, claim.reason),
        facts=_about(claim),
        button=("Look at your claim", page_url("credits:detail", claim.pk)),
        closing=[
            "You think that this is a mistake? Open a help ticket, and we look at it again: "
            + page_url("helpdesk:create")
        ],
    )


# ---------- Parts ----------


def _claim(mail: Mail) -> Claim:
    claims = Claim.objects.select_related("event").prefetch_related("credits__category")
    return claims.get(pk=mail.facts["claim"], person=mail.to_id)


def _is_current(mail: Mail, claim: Claim) -> bool:
    """Whether the key names this decision: a later one has its own letter."""
    *_, told = mail.key.split(":", 2)
    return dt.datetime.fromisoformat(told) == claim.decided_at


def _about(claim: Claim) -> list[tuple[str, str]]:
    """The credits and their day; nothing where there are none."""
    day = timezone.localdate(claim.event.ends_at or claim.event.begins_at)
    earned = _earned(claim)
    return [("Credits", earned), ("Earned on", format_day(day))] if earned else []


def _earned(claim: Claim) -> str:
    lines = _remaining_credits(claim)
    return "; ".join(f"{format_credits(each.amount)} in {each.category}" for each in lines)


def _remaining_credits(claim: Claim) -> list[Credit]:
    """The prefetched credits of a claim that were not taken out, in their order."""
    lines = sorted(claim.credits.all(), key=lambda credit: credit.line)
    return [line for line in lines if line.withdrawn_at is None]


def _something_wrong() -> str:
    ticket = page_url("helpdesk:create")
    return f"Something is wrong? Open a help ticket, and we put it right: {ticket}"
