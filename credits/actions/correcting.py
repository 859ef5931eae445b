"""Correcting one person's credit, or an event's credits for everyone."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal

from django.db.models import Sum

from accounts.models import User
from accounts.queries import lock_people
from aspen.db import audit
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.formats import format_credits
from aspen.halves import NOT_IN_HALVES, is_in_halves
from credits import queries
from credits.actions.certificates import withdraw_changed_certificates
from credits.actions.lines import Offers, RewriteResult, set_credit_lines
from credits.actions.store import announce_credits_changed, lock_claim
from credits.enums import ENDED, ClaimRole
from credits.models import Claim, Credit
from credits.rules import ROLE_FACTORS
from credits.signals import RecordEffect
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import Category, Event
from events.rules import state_for_editors

# ---------- One credit ----------


@audited
def correct_credit(*, credit_id: int, category: Category, amount: Decimal, by: User) -> Credit:
    """Change the category or amount of a credit, and update the tracks.

    Return the credit as it was before, with its category and event. If no one else has claimed a
    custom event, its credit lines change too. Raise Credit.DoesNotExist, or Refused if nothing
    would change, if the credit no longer counts, or if the amount is not in halves or too high.
    """
    claim = lock_claim(Credit.objects.values_list("claim_id", flat=True).get(pk=credit_id))
    before = Credit.objects.select_related("claim__event", "category").get(pk=credit_id)
    if claim.state in ENDED or before.withdrawn_at:
        raise Refused("This credit was declined or withdrawn, so there is nothing to correct.")
    if not is_in_halves(amount):
        raise Refused(NOT_IN_HALVES, field="amount")
    if (before.category_id, before.amount) == (category.pk, amount):
        raise Refused(
            "The credit already has this category and amount. Change at least one of them."
        )
    if claim.event.origin == Origin.CUSTOM:
        _correct_custom_event(claim, before, category, amount)
    else:
        _refuse_more_than_offered(before, amount)
    Credit.objects.filter(pk=credit_id).update(category=category, amount=amount)
    announce_credits_changed([before])
    return before


def _correct_custom_event(
    claim: Claim, before: Credit, category: Category, amount: Decimal
) -> None:
    """Give a custom event its claim's credit lines if only one person has claimed it.

    The event's lines are the credits that attendees earn. Raise Refused if the credits would exceed
    the event's length.
    """
    factor = ROLE_FACTORS[ClaimRole(claim.role)]
    if not is_in_halves(amount / factor):
        raise Refused(
            "Presenters earn double credit, so enter a whole number of credits.",
            field="amount",
        )
    offers = defaultdict(Decimal, {category.pk: amount / factor})
    for line in claim.credits.filter(withdrawn_at=None).exclude(pk=before.pk).order_by("line"):
        offers[line.category_id] += line.amount / factor
    if amount > before.amount:
        event_actions.refuse_too_many_credits(claim.event, sum(offers.values(), Decimal()))
    is_only_claim = not queries.claims_on_event(claim.event).exclude(pk=claim.pk).exists()
    if is_only_claim and all(is_in_halves(each) for each in offers.values()):
        event_actions.set_offers(event=claim.event, offers=offers)


def _refuse_more_than_offered(before: Credit, amount: Decimal) -> None:
    """Raise Refused if the claim would earn more than double the event's credits.

    Presenters earn at most double. If the event no longer offers credit, the limit is the amount
    that was claimed.
    """
    event = before.claim.event
    credits = before.claim.credits.filter(withdrawn_at=None)
    claimed = credits.aggregate(sum=Sum("amount"))["sum"]
    offered = event.offers.aggregate(sum=Sum("amount"))["sum"]
    maximum = 2 * offered if offered else claimed
    if claimed - before.amount + amount > max(maximum, claimed):
        raise Refused(
            f"The event offers {format_credits(offered or claimed)}, and a presenter earns at most "
            "double that. If the event's credits are wrong, correct the event first.",
            field="amount",
        )


# ---------- An event, for everyone ----------

# (category id, amount) of each line, in order.
CreditLines = tuple[tuple[int, Decimal], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorrectionResult:
    """The effect of correcting an event.

    `claims` and `unchanged` are the numbers of live claims whose credits change and stay the same.
    `changes` are (lines before, lines after, number of claims). `tracks` is the number of
    participations whose postings change, and `records` are the effects on submitted records. `own`
    is True if the person making the correction has a claim on the event.
    """

    claims: int
    unchanged: int
    changes: list[tuple[CreditLines, CreditLines, int]]
    tracks: int
    records: list[RecordEffect]
    own: bool


@audited
def correct_event(
    *, event_id: int, offers: Offers, reason: str, by: User, seen: str = ""
) -> CorrectionResult:
    """Give an event, and every live claim on it, exactly these credits.

    `offers` are amounts by category id. Presenters' claims get double. Claims that were corrected
    individually change too. Lines are changed, added, or withdrawn with the reason. `seen` is the
    queries.offers_as_text that the form showed. If `by` has a claim on a calendar event, it changes
    too, and the history says so. Lock the event, then the people. Takes a fixed number of
    statements. Raise Event.DoesNotExist, or Refused if the correction is invalid or changes
    nothing.
    """
    event = event_queries.lock_event(event_id)
    before = event_queries.offers_of(event)
    if seen and seen != queries.offers_as_text(before):
        raise Refused(
            "This event's credit lines have changed since you opened this page. Nothing was saved. "
            "Review the lines again."
        )
    _refuse_invalid(event, offers, reason)
    live = queries.claims_on_event(event)
    lock_people(live.order_by().values_list("person_id", flat=True))
    claims = list(live)
    own = any(claim.person_id == by.pk for claim in claims)
    if event.origin == Origin.CUSTOM and (own or event.created_by_id == by.pk):
        raise Refused("You cannot correct your own training. Ask a colleague to do it.")
    audit.add_audit_context(reason=reason.strip(), corrected=event.pk, own=own)
    event_actions.set_offers(event=event, offers=offers)
    rewritten = set_credit_lines(claims, offers, reason=reason.strip(), by=by)
    withdraw_changed_certificates(event)
    if not rewritten.after and before == dict(offers):
        raise Refused("Everyone already has these credits, so there is nothing to correct.")
    return _outcome(claims, rewritten, own=own)


def _refuse_invalid(event: Event, offers: Offers, reason: str) -> None:
    states = EventState.PUBLISHED, EventState.PENDING
    if event.state not in (states if event.origin == Origin.CUSTOM else states[:1]):
        raise Refused(
            f"“{event.title}” is {state_for_editors(event)}, so there is nothing to correct."
        )
    if not offers:
        raise Refused(
            "Enter credits for at least one category. If no one should earn credit, decline the "
            "training or cancel the event."
        )
    factor = max(ROLE_FACTORS.values())
    if not all(is_in_halves(each) and is_in_halves(factor * each) for each in offers.values()):
        raise Refused(NOT_IN_HALVES)
    if event.origin == Origin.CUSTOM:
        event_actions.refuse_too_many_credits(event, sum(offers.values(), Decimal(0)))
    if not reason.strip():
        raise Refused("Give a reason. Everyone who claimed the event can read it.", field="reason")


def _outcome(claims: list[Claim], rewritten: RewriteResult, *, own: bool) -> CorrectionResult:
    changes = Counter(
        (_credit_lines(rewritten.before[claim_id]), _credit_lines(after))
        for claim_id, after in rewritten.after.items()
    )
    postings = rewritten.postings
    pairs = postings.added | postings.removed | postings.kept
    return CorrectionResult(
        claims=len(rewritten.after),
        unchanged=len(claims) - len(rewritten.after),
        changes=[(before, after, count) for (before, after), count in changes.most_common()],
        records=sorted(postings.records, key=lambda effect: effect.text),
        tracks=len({participation_id for _, participation_id in pairs}),
        own=own,
    )


def _credit_lines(credits: Iterable[Credit]) -> CreditLines:
    return tuple((credit.category_id, credit.amount) for credit in credits)
