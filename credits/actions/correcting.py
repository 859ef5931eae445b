"""Putting credits right."""

from decimal import Decimal

from django.db.models import Sum

from accounts.models import User
from accounts.queries import lock_people
from aspen.acts import act
from aspen.errors import Refused
from aspen.halves import MESSAGE, is_in_halves
from aspen.words import credits as in_words
from credits import queries
from credits.actions.writing import tell
from credits.enums import ENDED, ClaimRole
from credits.models import Credit
from credits.rules import TIMES
from events import actions as event_actions
from events import queries as event_queries
from events.enums import Origin
from events.models import Category


@act
def correct_credit(*, credit_id: int, category: Category, amount: Decimal, by: User) -> Credit:
    """Put a credit into another category, or change its amount, and let the tracks follow.

    Returns the credit as it was, with category and event. The credit line of a custom event that
    only its author claims is corrected along. Raises Credit.DoesNotExist, or Refused when
    nothing would change, the claim counts no more, or the amount is not in halves or too much.
    """
    event_id, person_id = Credit.objects.values_list("claim__event_id", "person_id").get(
        pk=credit_id
    )
    event_queries.lock_event(event_id)
    lock_people([person_id])
    before = Credit.objects.select_related("claim__event", "category").get(pk=credit_id)
    if before.claim.state in ENDED or before.withdrawn_at:
        raise Refused("This credit was declined or withdrawn; there is nothing to correct.")
    if not is_in_halves(amount):
        raise Refused(MESSAGE, field="amount")
    if (before.category_id, before.amount) == (category.pk, amount):
        raise Refused("This is what the credit says already. Choose what must change.")
    if _is_the_authors_alone(before):
        offered = amount / TIMES[ClaimRole(before.claim.role)]
        if not is_in_halves(offered):
            raise Refused(
                "Presenters earn twice what attendees earn, so theirs are whole credits.",
                field="amount",
            )
        event_actions.correct_offer(
            event_id=event_id, before=before.category, after=category, amount=offered
        )
    else:
        _refuse_more_than_offered(before, amount)
    Credit.objects.filter(pk=credit_id).update(category=category, amount=amount)
    tell([before])
    return before


def _is_the_authors_alone(credit: Credit) -> bool:
    event = credit.claim.event
    if event.origin != Origin.CUSTOM or event.created_by_id != credit.person_id:
        return False
    return not queries.claims_on(event).exclude(pk=credit.claim_id).exists()


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
