"""E-mails about credits that people did not claim themselves and about staff decisions."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from django.db.models import Prefetch
from django.utils import timezone

from aspen.db.audit import audited
from aspen.formats import format_credits, format_day
from aspen.mail.message import Email, page_url
from aspen.mail.outbox import (
    NotYet,
    Recipient,
    dated_key,
    email,
    enqueue_many,
    is_current,
    lock_given_to_server,
)
from aspen.models import Mail
from credits import attendance
from credits.enums import LIVE, ClaimRole, ClaimSource, ClaimState
from credits.models import Claim, Credit
from credits.queries import claim_version, with_earned_on
from events.attendance import guests
from events.models import Event

if TYPE_CHECKING:
    from credits.queries import EarnedCredit

# All approvals within this time go into one e-mail.
DECISION_EMAIL_WINDOW = dt.timedelta(hours=1)
# The number of approved claims listed in one e-mail. The person's page lists all of them.
MAX_LISTED = 30
# Time for decisions made just before the end of the hour to be committed.
COMMIT_ALLOWANCE = dt.timedelta(minutes=1)
STAFF_WROTE = "Staff wrote:"


# ---------- Listed ----------


def queue_credit_listed_emails(claims: Iterable[Claim]) -> None:
    """Notify people of credits that they did not claim themselves. Takes one query."""
    enqueue_many(
        kind="credits.listed",
        messages=[(f"listed:{claim.pk}", claim.person, {"claim": claim.pk}) for claim in claims],
    )


@email("credits.listed")
def listed_email(mail: Mail) -> Email | None:
    """Compose the e-mail about credit that was added automatically or awarded by staff.

    Takes two queries.
    """
    claim = _claim(mail)
    details = _details(claim)
    if claim.state not in LIVE or not details:
        return None
    credit_is = "credit is" if len(_remaining_credits(claim)) == 1 else "credits are"
    pending = []
    if claim.state == ClaimState.PENDING:
        pending = [
            "Pending credits already count. They will be verified when your track record is."
        ]
    return Email(
        subject=f"Your credit is listed: {claim.event.title}",
        paragraphs=[f"{_opening(claim)} “{claim.event.title}”. Your {credit_is} listed."],
        facts=details,
        button=("View your credits", page_url("tracks:credits")),
        closing=[*pending, _help_note()],
    )


def _opening(claim: Claim) -> str:
    if claim.role == ClaimRole.PRESENTER:
        return "You presented"
    if claim.source == ClaimSource.AWARD:
        return "State Library staff awarded you credit for"
    return "You attended"


# ---------- Staff decisions ----------


def queue_decision_emails(
    claims: Sequence[Claim], decision: ClaimState, *, at: dt.datetime
) -> None:
    """Notify each person of the decision. Takes one query."""
    if decision == ClaimState.APPROVED:
        queue_approved_emails(claims, at=at)
    elif decision == ClaimState.RETURNED:
        queue_returned_emails(claims, at=at)
    elif decision == ClaimState.DECLINED:
        queue_declined_emails(claims, at=at)


def queue_approved_emails(claims: Iterable[Claim], *, at: dt.datetime) -> None:
    """Queue one e-mail per person about all approvals in the same hour. Takes one query."""
    since = _hour(at)
    window = {"since": since.isoformat(), "until": (since + DECISION_EMAIL_WINDOW).isoformat()}
    people = {claim.person_id: claim.person for claim in claims}
    enqueue_many(
        kind="credits.approved",
        messages=[(dated_key("approved", pk, since), people[pk], window) for pk in people],
    )


def _hour(at: dt.datetime) -> dt.datetime:
    return at.replace(minute=0, second=0, microsecond=0)


@email("credits.approved")
def approved_email(mail: Mail) -> Email | None:
    """Compose the e-mail that lists a person's claims approved in the same hour.

    Takes two queries.
    """
    since, until = (dt.datetime.fromisoformat(str(mail.facts[name])) for name in ("since", "until"))
    if timezone.now() < until + COMMIT_ALLOWANCE:
        raise NotYet(until + COMMIT_ALLOWANCE)
    claims = list(
        Claim.objects.filter(
            person=mail.to_id,
            state=ClaimState.APPROVED,
            decided_at__gte=since,
            decided_at__lt=until,
        )
        .exclude(source=ClaimSource.AWARD)  # listed_email covers these
        .select_related("event")
        .prefetch_related("credits__category")
        .order_by("decided_at", "pk")
    )
    if not claims:
        return None
    subject, noun = f"{len(claims)} claims", "claims"
    if len(claims) == 1:
        subject, noun = claims[0].event.title, "claim"
    return Email(
        subject=f"Approved: {subject}",
        paragraphs=[f"State Library staff approved your {noun}:", "\n".join(_lines(claims))],
        button=("View your credits", page_url("tracks:credits")),
        closing=["You do not need to do anything.", _help_note()],
    )


def _lines(claims: Sequence[Claim]) -> list[str]:
    lines = [f"– {claim.event.title}: {_earned(claim)}" for claim in claims[:MAX_LISTED]]
    more = len(claims) - MAX_LISTED
    return [*lines, f"– and {more} more"] if more > 0 else lines


def queue_returned_emails(claims: Iterable[Claim], *, at: dt.datetime) -> None:
    """Notify the event's author, the only person who can change the event. Takes one query."""
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
    """Compose the e-mail that asks a custom event's author for changes. Takes two queries."""
    claim = _claim(mail)
    if claim.state != ClaimState.RETURNED or not is_current(mail, claim.decided_at):
        return None
    return Email(
        subject=f"Action needed: {claim.event.title}",
        paragraphs=[
            f"State Library staff reviewed “{claim.event.title}” and need something from you "
            "before they can approve it. Your entry and its credit are saved."
        ],
        quote=(STAFF_WROTE, claim.reason),
        facts=_details(claim),
        button=("Edit and resubmit", page_url("credits:revise", claim.event_id)),
        closing=[
            "If staff asked for a certificate or a transcript, add it to your claim first: "
            + page_url("credits:detail", claim.pk),
        ],
    )


def queue_declined_emails(claims: Iterable[Claim], *, at: dt.datetime) -> None:
    """Notify each person that their claim was declined, and why. Takes one query."""
    enqueue_many(
        kind="credits.declined",
        messages=[
            (dated_key("declined", claim.pk, at), claim.person, {"claim": claim.pk})
            for claim in claims
        ],
    )


@email("credits.declined")
def declined_email(mail: Mail) -> Email | None:
    """Compose the e-mail about a claim that staff declined. Takes two queries."""
    claim = _claim(mail)
    if claim.state != ClaimState.DECLINED or not is_current(mail, claim.decided_at):
        return None
    return Email(
        subject=f"Declined: {claim.event.title}",
        paragraphs=[
            f"State Library staff declined your claim for “{claim.event.title}”. The credit does "
            "not count toward any track, but we have kept your entry."
        ],
        quote=(STAFF_WROTE, claim.reason),
        facts=_details(claim),
        button=("View your claim", page_url("credits:detail", claim.pk)),
        closing=[
            "If you think this is a mistake, open a help ticket and we will look at it again: "
            + page_url("helpdesk:create")
        ],
    )


# ---------- Undone decisions ----------


class UndoneDecision(NamedTuple):
    """A claim whose status was restored, and the decision that was undone."""

    claim: Claim
    decision: ClaimState
    decided_at: dt.datetime

    @property
    def key(self) -> str:
        """The key of the e-mail about the decision."""
        if self.decision == ClaimState.APPROVED:
            return dated_key("approved", self.claim.person_id, _hour(self.decided_at))
        return dated_key(self.decision, self.claim.pk, self.decided_at)


def queue_decision_undone_emails(undone: Sequence[UndoneDecision], *, at: dt.datetime) -> None:
    """Correct the e-mails about these decisions that were sent. Takes at most two queries.

    Those that still wait are not sent, because their composers see the restored status.
    """
    sent = lock_given_to_server([each.key for each in undone]) if undone else set()
    enqueue_many(
        kind="credits.decision_undone",
        messages=[
            (
                dated_key("undone", claim.pk, at),
                claim.person,
                {"claim": claim.pk, "decision": decision, "version": claim_version(claim)},
            )
            for claim, decision, _ in (each for each in undone if each.key in sent)
        ],
    )


@email("credits.decision_undone")
def decision_undone_email(mail: Mail) -> Email | None:
    """Compose the correction of an e-mail about a decision, unless staff have decided again.

    Takes two queries.
    """
    claim = _claim(mail)
    if claim_version(claim) != mail.facts["version"]:
        return None
    told, state = ClaimState(mail.facts["decision"]).label, ClaimState(claim.state)
    next_step = {
        ClaimState.PENDING: "Staff will decide on it again. You do not need to do anything.",
        ClaimState.APPROVED: "The credit counts again. You do not need to do anything.",
        ClaimState.RETURNED: "Staff still need something from you before they can approve it.",
    }.get(state, "")
    return Email(
        subject=f"Correction: {claim.event.title}",
        paragraphs=[
            f"Our earlier e-mail about “{claim.event.title}” said: {told}. State Library staff "
            f"have undone that decision. The status of your claim is now: {state.label}."
        ],
        facts=_details(claim),
        button=("View your claim", page_url("credits:detail", claim.pk)),
        closing=[*filter(None, [next_step]), _help_note()],
    )


# ---------- Certificates of guests ----------


@audited
def queue_guest_certificate_emails() -> int:
    """E-mail guests on attendance lists the link to their certificate, once for each event.

    Guests are people who were present and whose address belongs to no account. Waits until a list
    can no longer be undone. Idempotent. Return the number of guests.
    """
    number = 0
    for event in guests.events_with_final_lists():
        present = guests.guests_present(event, only_final=True)
        people = guests.people_with(present, event)
        messages = [
            (f"guest:{event.pk}:{key}", Recipient(guest.name[:150], guest.address), key)
            for guest in present.values()
            if guest.address not in people
            for key in [attendance.guest_key(guest.address)]
        ]
        enqueue_many(
            kind="credits.guest",
            messages=[(name, to, {"event": event.pk, "key": key}) for name, to, key in messages],
        )
        number += len(messages)
    return number


@email("credits.guest")
def guest_email(mail: Mail) -> Email | None:
    """Compose the e-mail to a guest, unless the list was undone. Takes three queries."""
    event = Event.objects.get(pk=mail.facts["event"])
    attended = attendance.attended_by_guest(mail.to_address, event)
    if attended is None:
        return None
    printed = attended.printed
    credits = [f"{amount} in {category}" for amount, category in printed["credits"]]
    facts = [
        ("When", printed["when"]),
        ("Time present", printed["hours"]),
        ("CE credits", "; ".join(credits)),
        ("Sponsor", printed["sponsor"]),
    ]
    token = attendance.guest_token(event.pk, str(mail.facts["key"]))
    account = (
        "If you work in a Montana library, create an account with this address. Then you can add "
        f"the credit to your record: {page_url('account_signup')}"
    )
    return Email(
        subject=f"Your certificate of attendance: {event.title}",
        paragraphs=[
            f"You took part in “{event.title}”. Your certificate of attendance is ready. You need "
            "no account to open it."
        ],
        facts=[(label, value) for label, value in facts if value],
        button=("Open your certificate", page_url("attendance:guest", token)),
        closing=[
            "The link works for a year. Anyone who has it can open the certificate.",
            *([account] if credits else []),
            "You received this e-mail because your address is on the organizer’s attendance list.",
        ],
    )


# ---------- Parts ----------


def _claim(mail: Mail) -> Claim:
    credits = with_earned_on(Credit.objects.select_related("category"))
    claims = Claim.objects.select_related("event").prefetch_related(Prefetch("credits", credits))
    return claims.get(pk=mail.facts["claim"], person=mail.to_id)


def _details(claim: Claim) -> list[tuple[str, str]]:
    """Return the credits and the day they were earned, with labels, or [] if no credits remain."""
    lines = cast("list[EarnedCredit]", _remaining_credits(claim))
    if not lines:
        return []
    return [("Credits", _earned(claim)), ("Earned on", format_day(lines[0].earned_on))]


def _earned(claim: Claim) -> str:
    lines = _remaining_credits(claim)
    return "; ".join(f"{format_credits(each.amount)} in {each.category}" for each in lines)


def _remaining_credits(claim: Claim) -> list[Credit]:
    """Return a claim's prefetched credits that were not withdrawn, in order."""
    lines = sorted(claim.credits.all(), key=lambda credit: credit.line)
    return [line for line in lines if line.withdrawn_at is None]


def _help_note() -> str:
    return (
        "If something is wrong, open a help ticket and we will fix it: "
        f"{page_url('helpdesk:create')}"
    )
