"""Putting credits right: one person's credit, or what an event earned everybody."""

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
from aspen.formats import format_credits as in_words
from aspen.halves import MESSAGE, is_in_halves
from credits import queries
from credits.actions.lines import Offers, RewriteResult, set_lines
from credits.actions.store import announce_credits_changed, lock_claim
from credits.enums import ENDED, ClaimRole
from credits.models import Claim, Credit
from credits.rules import ROLE_FACTORS
from events import actions as event_actions
from events import queries as event_queries
from events.enums import EventState, Origin
from events.models import Category, Event
from events.rules import state_for_editors

# ---------- One credit ----------


@audited
def correct_credit(*, credit_id: int, category: Category, amount: Decimal, by: User) -> Credit:
    """Put a credit into another category, or change its amount, and let the tracks follow.

    Returns the credit as it was, with category and event. A custom event that nobody else holds
    has its credit line corrected along. Raises Credit.DoesNotExist, or Refused when nothing would
    change, the claim counts no more, or the amount is not in halves or too much.
    """
    claim = lock_claim(Credit.objects.values_list("claim_id", flat=True).get(pk=credit_id))
    before = Credit.objects.select_related("claim__event", "category").get(pk=credit_id)
    if claim.state in ENDED or before.withdrawn_at:
        raise Refused("This credit was declined or withdrawn; there is nothing to correct.")
    if not is_in_halves(amount):
        raise Refused(MESSAGE, field="amount")
    if (before.category_id, before.amount) == (category.pk, amount):
        raise Refused("This is what the credit says already. Choose what must change.")
    if claim.event.origin == Origin.CUSTOM:
        _correct_custom_event(claim, before, category, amount)
    else:
        _refuse_more_than_offered(before, amount)
    Credit.objects.filter(pk=credit_id).update(category=category, amount=amount)
    announce_credits_changed([before])
    return before


def _correct_custom_event(claim: Claim, was: Credit, category: Category, amount: Decimal) -> None:
    """Let the lines of a custom event say what its one claim says, while only one person holds it.

    They hold what attendees earn. Raises Refused for more than the event's length in all.
    """
    times = ROLE_FACTORS[ClaimRole(claim.role)]
    if not is_in_halves(amount / times):
        raise Refused(
            "Presenters earn twice what attendees earn, so theirs are whole credits.",
            field="amount",
        )
    offers = defaultdict(Decimal, {category.pk: amount / times})
    for line in claim.credits.filter(withdrawn_at=None).exclude(pk=was.pk).order_by("line"):
        offers[line.category_id] += line.amount / times
    if amount > was.amount:
        event_actions.refuse_too_many(claim.event, sum(offers.values(), Decimal()))
    is_alone = not queries.claims_on_event(claim.event).exclude(pk=claim.pk).exists()
    if is_alone and all(is_in_halves(each) for each in offers.values()):
        event_actions.set_offers(event=claim.event, offers=offers)


def _refuse_more_than_offered(before: Credit, amount: Decimal) -> None:
    """Presenters earn twice the credits of an event; nobody earns more in all.

    An event that offers nothing any more leaves what was claimed as the most.
    """
    event = before.claim.event
    standing = before.claim.credits.filter(withdrawn_at=None)
    claimed = standing.aggregate(sum=Sum("amount"))["sum"]
    offered = event.offers.aggregate(sum=Sum("amount"))["sum"]
    most = 2 * offered if offered else claimed
    if claimed - before.amount + amount > max(most, claimed):
        raise Refused(
            f"The event offers {in_words(offered or claimed)}; a presenter earns twice that, and "
            "nobody more. If the event itself is wrong, correct it in the administration first.",
            field="amount",
        )


# ---------- An event, for everybody ----------

# Credits before and after, as (category id, amount) in the order of the lines.
CreditLines = tuple[tuple[int, Decimal], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorrectionResult:
    """What a correction of an event changed: so many claims from these lines to those.

    `tracks` are participations; `own` says that the one who corrects holds a claim too.
    """

    claims: int
    unchanged: int
    changes: list[tuple[CreditLines, CreditLines, int]]
    tracks: int
    own: bool


@audited
def correct_event(
    *, event_id: int, offers: Offers, reason: str, by: User, seen: str = ""
) -> CorrectionResult:
    """Let an event carry exactly these amounts by category id, and earn everybody just that.

    Every live claim follows, times its role, also one that was corrected singly before: lines are
    changed, added, and taken out with the reason. Locks the event, then the people; a fixed number
    of statements. `seen` is what the event offered (queries.offers_as_text) when it was looked at.
    Who corrects a calendar event may hold it too; the history says so. Raises Event.DoesNotExist,
    or Refused.
    """
    event = event_queries.lock_event(event_id)
    was = event_queries.offers_of(event)
    if seen and seen != queries.offers_as_text(was):
        raise Refused(
            "Somebody changed the credit lines of this event since you opened this page. Look at "
            "them again; nothing was changed."
        )
    _refuse_invalid(event, offers, reason)
    live = queries.claims_on_event(event)
    lock_people(live.order_by().values_list("person_id", flat=True))
    claims = list(live)
    own = any(claim.person_id == by.pk for claim in claims)
    if event.origin == Origin.CUSTOM and (own or event.created_by_id == by.pk):
        raise Refused("This is your own training. A colleague has to correct it.")
    audit.add_audit_context(reason=reason.strip(), corrected=event.pk, own=own)
    event_actions.set_offers(event=event, offers=offers)
    rewritten = set_lines(claims, offers, why=reason.strip(), by=by)
    if not rewritten.after and was == dict(offers):
        raise Refused("This is what everybody has already. Choose what must change.")
    return _outcome(claims, rewritten, own=own)


def _refuse_invalid(event: Event, offers: Offers, reason: str) -> None:
    may = EventState.PUBLISHED, EventState.PENDING
    if event.state not in (may if event.origin == Origin.CUSTOM else may[:1]):
        raise Refused(
            f"“{event.title}” is {state_for_editors(event)}, so there is nothing to correct."
        )
    if not offers:
        raise Refused(
            "Enter the credits of one category at least. Where nobody should earn anything, "
            "decline the training or cancel the event."
        )
    most = max(ROLE_FACTORS.values())
    if not all(is_in_halves(each) and is_in_halves(most * each) for each in offers.values()):
        raise Refused(MESSAGE)
    if event.origin == Origin.CUSTOM:
        event_actions.refuse_too_many(event, sum(offers.values(), Decimal(0)))
    if not reason.strip():
        raise Refused("Give a reason; everybody who claimed the event can read it.", field="reason")


def _outcome(claims: list[Claim], rewritten: RewriteResult, *, own: bool) -> CorrectionResult:
    changes = Counter(
        (_credit_lines(rewritten.before[claim_id]), _credit_lines(after))
        for claim_id, after in rewritten.after.items()
    )
    followed = rewritten.followed
    pairs = followed.added | followed.removed | followed.kept
    return CorrectionResult(
        claims=len(rewritten.after),
        unchanged=len(claims) - len(rewritten.after),
        changes=[(before, after, count) for (before, after), count in changes.most_common()],
        tracks=len({where for _, where in pairs}),
        own=own,
    )


def _credit_lines(credits: Iterable[Credit]) -> CreditLines:
    return tuple((credit.category_id, credit.amount) for credit in credits)
