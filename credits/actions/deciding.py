"""What staff decide about a single claim."""

from accounts.models import User
from accounts.queries import lock_people
from aspen.acts import act
from aspen.errors import Refused
from credits import queries, rules
from credits.actions.writing import move
from credits.enums import ClaimState, Mover
from credits.models import Claim
from events import queries as event_queries

# To ask back makes sense for custom events only; what the calendar says is not the claimant's.
DECIDED = (ClaimState.APPROVED, ClaimState.DECLINED)


@act
def decide_claim(
    *, claim_id: int, target: ClaimState, reason: str, by: User, seen: str = ""
) -> Claim:
    """Approve or decline one claim (`target`); the tracks follow. Locks its event and person.

    The person reads `reason`, so declining needs one. `seen` is the version
    (queries.claim_version) the one who decides was looking at, where known. A custom event and
    its author's claim are decided together, in the queue. Raises Claim.DoesNotExist or Refused.
    """
    event_id, person_id = Claim.objects.values_list("event_id", "person_id").get(pk=claim_id)
    event_queries.lock_event(event_id)
    lock_people([person_id])
    claim = Claim.objects.select_related("event", "person").get(pk=claim_id)
    whose = f"{claim.person}'s claim of “{claim.event.title}”"
    if seen and queries.claim_version(claim) != seen:
        raise Refused(
            f"{whose} was changed since you opened this page; it is "
            f"{claim.get_state_display().lower()} now. Look at it again before you decide."
        )
    if why := queries.why_not_decide(claim, by=by):
        raise Refused(why)
    if target not in DECIDED or not rules.may_move(claim, target, Mover.STAFF):
        raise Refused(f"{whose} is {claim.get_state_display().lower()}; nothing was decided.")
    if target == ClaimState.DECLINED and not reason.strip():
        raise Refused("Give a reason; the person will read it.", field="reason")
    move(claim, target, mover=Mover.STAFF, reason=reason.strip(), by=by)
    return claim
