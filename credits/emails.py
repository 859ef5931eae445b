"""The e-mails about credits: listed without the person doing anything, and decided by staff."""

import datetime as dt
from collections.abc import Iterable, Sequence

from django.utils import timezone

from aspen.formats import format_credits, format_day
from aspen.mail.message import Email, page_url
from aspen.mail.outbox import NotYet, dated_key, email, enqueue_many, is_dated
from aspen.models import Mail
from credits.enums import LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Credit

# What is approved within this time is told in one e-mail.
DECISION_EMAIL_WINDOW = dt.timedelta(hours=1)
# So many approved credits are named in one e-mail; the page lists them all.
MAX_NAMED = 30
# An act that began in time may be committed this much later.
SETTLE_DELAY = dt.timedelta(minutes=1)
STAFF_WROTE = "Staff wrote:"


# ---------- Listed ----------


def queue_listed_emails(claims: Iterable[Claim]) -> None:
    """Tell each person of a credit that they did not claim themselves. One query."""
    enqueue_many(
        kind="credits.listed",
        messages=[(f"listed:{claim.pk}", claim.person, {"claim": claim.pk}) for claim in claims],
    )


@email("credits.listed")
def listed_email(mail: Mail) -> Email | None:
    """A credit came of a registration, of presenting, or was awarded by staff. Two queries."""
    claim = _claim(mail)
    facts = _facts(claim)
    if claim.state not in LIVE or not facts:
        return None
    credit_is = "credit is" if len(_remaining_credits(claim)) == 1 else "credits are"
    # What staff awarded is approved by that.
    pending = ["Pending credits already count. They are verified together with your track."]
    if claim.state != ClaimState.PENDING:
        pending = []
    return Email(
        subject=f"Your credit is listed: {claim.event.title}",
        paragraphs=[f"{_how(claim)} “{claim.event.title}”. Your {credit_is} listed."],
        facts=facts,
        button=("See your credits", page_url("tracks:credits")),
        closing=[*pending, _something_wrong()],
    )


def _how(claim: Claim) -> str:
    if claim.role == ClaimRole.PRESENTER:
        return "You presented"
    if claim.source == ClaimSource.AWARD:
        return "Library staff awarded you credit for"
    return "You attended"


# ---------- What staff decided ----------


def queue_decision_emails(
    claims: Sequence[Claim], decision: ClaimState, *, at: dt.datetime
) -> None:
    """Tell each person what staff decided. One query."""
    if decision == ClaimState.APPROVED:
        queue_approved_emails(claims, at=at)
    elif decision == ClaimState.RETURNED:
        queue_returned_emails(claims, at=at)
    elif decision == ClaimState.DECLINED:
        queue_declined_emails(claims, at=at)


def queue_approved_emails(claims: Iterable[Claim], *, at: dt.datetime) -> None:
    """Tell each person, once the hour is over, what was approved in it. One query."""
    since = at.replace(minute=0, second=0, microsecond=0)
    window = {"since": since.isoformat(), "until": (since + DECISION_EMAIL_WINDOW).isoformat()}
    people = {claim.person_id: claim.person for claim in claims}
    enqueue_many(
        kind="credits.approved",
        messages=[(dated_key("approved", pk, since), people[pk], window) for pk in people],
    )


@email("credits.approved")
def approved_email(mail: Mail) -> Email | None:
    """What staff approved of one person within an hour, in one e-mail. Two queries."""
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
    what, claim_s = f"{len(claims)} claims", "claims"
    if len(claims) == 1:
        what, claim_s = claims[0].event.title, "claim"
    return Email(
        subject=f"Approved: {what}",
        paragraphs=[f"State Library staff approved your {claim_s}:", "\n".join(_lines(claims))],
        button=("See your credits", page_url("tracks:credits")),
        closing=["You do not need to do anything.", _something_wrong()],
    )


def _lines(claims: Sequence[Claim]) -> list[str]:
    lines = [f"– {claim.event.title}: {_earned(claim)}" for claim in claims[:MAX_NAMED]]
    more = len(claims) - MAX_NAMED
    return [*lines, f"– and {more} more"] if more > 0 else lines


def queue_returned_emails(claims: Iterable[Claim], *, at: dt.datetime) -> None:
    """Ask the author of the event; nobody else who claimed it could answer. One query."""
    enqueue_many(
        kind="credits.returned",
        messages=[
            (dated_key("returned", claim.pk, at), claim.person, {"claim": claim.pk})
            for claim in claims
            if claim.person_id == claim.event.created_by_id
        ],
    )


@email("credits.returned")
def returned_email(mail: Mail) -> Email | None:
    """Staff gave the author of a custom event something to change or to answer. Two queries."""
    claim = _claim(mail)
    if claim.state != ClaimState.RETURNED or not is_dated(mail, claim.decided_at):
        return None
    return Email(
        subject=f"Please answer: {claim.event.title}",
        paragraphs=[
            f"State Library staff reviewed “{claim.event.title}” and need something from you "
            "before they can approve it. What you entered is saved, and so is the credit."
        ],
        quote=(STAFF_WROTE, claim.reason),
        facts=_facts(claim),
        button=("Change it and send it again", page_url("credits:revise", claim.event_id)),
        closing=[
            "If they ask for a certificate or a transcript, add it to your claim first: "
            + page_url("credits:detail", claim.pk),
        ],
    )


def queue_declined_emails(claims: Iterable[Claim], *, at: dt.datetime) -> None:
    """Tell each person that the claim was declined, and why. One query."""
    enqueue_many(
        kind="credits.declined",
        messages=[
            (dated_key("declined", claim.pk, at), claim.person, {"claim": claim.pk})
            for claim in claims
        ],
    )


@email("credits.declined")
def declined_email(mail: Mail) -> Email | None:
    """Staff declined a claim. Two queries."""
    claim = _claim(mail)
    if claim.state != ClaimState.DECLINED or not is_dated(mail, claim.decided_at):
        return None
    return Email(
        subject=f"Declined: {claim.event.title}",
        paragraphs=[
            f"State Library staff declined your claim for “{claim.event.title}”. It does not count "
            "toward any track. What you entered is saved."
        ],
        quote=(STAFF_WROTE, claim.reason),
        facts=_facts(claim),
        button=("See your claim", page_url("credits:detail", claim.pk)),
        closing=[
            "If you think this is a mistake, open a help ticket and we will look at it again: "
            + page_url("helpdesk:create")
        ],
    )


# ---------- Parts ----------


def _claim(mail: Mail) -> Claim:
    claims = Claim.objects.select_related("event").prefetch_related("credits__category")
    return claims.get(pk=mail.facts["claim"], person=mail.to_id)


def _facts(claim: Claim) -> list[tuple[str, str]]:
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
    return (
        "If something is wrong, open a help ticket and we will fix it: "
        f"{page_url('helpdesk:create')}"
    )
