"""Who may verify somebody's record: found from present positions, each with words why.

The State Library's order: staff ask their supervisor or director, a director the board's chair (or
whoever is responsible), a trustee the chair, the chair another member of the board.
"""

import dataclasses
import uuid
from collections.abc import Iterable, Sequence

from django.core.signing import BadSignature, Signer

from accounts.enums import PositionKind
from accounts.models import Position, User
from accounts.queries import positions_of
from tracks.models import Track, Verification

# The supervisor that a position itself names.
NAMED = "named"
# Whom somebody in a position asks: the first of these that there is.
ASKED_POSITIONS: dict[str, tuple[str, ...]] = {
    PositionKind.STAFF: (NAMED, PositionKind.DIRECTOR),
    PositionKind.DIRECTOR: (PositionKind.BOARD_CHAIR, NAMED),
    PositionKind.TRUSTEE: (PositionKind.BOARD_CHAIR, NAMED),
    PositionKind.BOARD_CHAIR: (PositionKind.TRUSTEE, NAMED),
    PositionKind.FRIEND: (PositionKind.DIRECTOR, NAMED),
}
# The word in a track's name that tells for which position it is; it only decides what comes first.
FITTING_POSITIONS = {
    PositionKind.DIRECTOR: "director",
    PositionKind.STAFF: "staff",
    PositionKind.TRUSTEE: "trustee",
    PositionKind.BOARD_CHAIR: "trustee",
}


@dataclasses.dataclass(frozen=True)
class SupervisorChoice:
    """Somebody with an account who may verify, and why."""

    person: User
    why: str


def supervisor_choices_for(person: User, track: Track) -> list[SupervisorChoice]:
    """Who may verify the person's record on a track: positions that fit the track first, nobody
    twice, never the person, only active accounts. Two queries."""
    positions = list(positions_of(person).select_related("supervisor"))
    positions.sort(key=lambda position: not _fits(position, track))
    colleagues = _colleagues(positions, besides=person)
    found: dict[int, SupervisorChoice] = {}
    for position in positions:
        for proposal in _asked_by(position, colleagues):
            found.setdefault(proposal.person.pk, proposal)
    return list(found.values())


def _fits(position: Position, track: Track) -> bool:
    word = FITTING_POSITIONS.get(PositionKind(position.kind), "")
    return bool(word) and word in track.name.lower()


def _colleagues(positions: Iterable[Position], *, besides: User) -> list[Position]:
    """Present positions of others who may be asked, at the same organizations or the ones above."""
    places = {
        place
        for position in positions
        for place in (position.organization_id, position.organization.parent_id)
    }
    kinds = {kind for asked in ASKED_POSITIONS.values() for kind in asked} - {NAMED}
    return list(
        Position.objects.present()
        .filter(organization__in=places, kind__in=kinds, person__is_active=True)
        .exclude(person=besides)
        .select_related("person", "organization")
        .order_by("person__display_name", "pk")
    )


def _asked_by(position: Position, colleagues: Sequence[Position]) -> list[SupervisorChoice]:
    """Whom this position asks: at its own organization, or where there is nobody, above it."""
    for kind in ASKED_POSITIONS[position.kind]:
        if kind == NAMED:
            if (named := position.supervisor) and named.is_active:
                return [SupervisorChoice(named, f"Your supervisor at {position.organization.name}")]
            continue
        for place in (position.organization_id, position.organization.parent_id):
            found = [
                each for each in colleagues if (each.kind, each.organization_id) == (kind, place)
            ]
            if found:
                return [SupervisorChoice(each.person, _position_words(each)) for each in found]
    return []


def _position_words(position: Position) -> str:
    return f"{position.get_kind_display()} of {position.organization.name}"


LINK_SIGNER = Signer(salt="tracks.verify")


def token_of(verification: Verification) -> str:
    """What stands for the question in the address /verify/<token>/. The same one each time."""
    return LINK_SIGNER.sign(f"{verification.pk}-{verification.nonce.hex}")


def verification_of(token: str) -> Verification | None:
    """The question a token of `token_of` stands for, with all that its page shows; at most one
    query, none where the token was made up."""
    try:
        number, _, nonce = LINK_SIGNER.unsign(token).partition("-")
        wanted = {"pk": int(number), "nonce": uuid.UUID(nonce)}
    except (BadSignature, ValueError):
        return None
    return (
        Verification.objects.filter(**wanted)
        .select_related("person", "participation__track", "submission__reviewed_by")
        .order_by("pk")
        .first()
    )
