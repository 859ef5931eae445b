"""Finds the people who can verify a record, with the reasons, based on current positions.

The State Library's order: staff ask their supervisor or director; directors ask the board chair or
their supervisor; trustees ask the board chair; and the board chair asks another board member.
"""

import dataclasses
import uuid
from collections.abc import Iterable, Sequence

from django.core.signing import BadSignature, Signer

from accounts.enums import PositionKind
from accounts.models import Position, User
from accounts.queries import person_with_email, positions_of
from tracks.models import Track, Verification

# The supervisor entered in the position itself.
NAMED = "named"
# For each kind of position, the first of these that exists is suggested.
SUPERVISING_POSITIONS: dict[str, tuple[str, ...]] = {
    PositionKind.STAFF: (NAMED, PositionKind.DIRECTOR),
    PositionKind.DIRECTOR: (PositionKind.BOARD_CHAIR, NAMED),
    PositionKind.TRUSTEE: (PositionKind.BOARD_CHAIR, NAMED),
    PositionKind.BOARD_CHAIR: (PositionKind.TRUSTEE, NAMED),
    PositionKind.FRIEND: (PositionKind.DIRECTOR, NAMED),
}
# The word in a track's name that shows which positions it is for. Used only for sorting.
TRACK_WORDS = {
    PositionKind.DIRECTOR: "director",
    PositionKind.STAFF: "staff",
    PositionKind.TRUSTEE: "trustee",
    PositionKind.BOARD_CHAIR: "trustee",
}


@dataclasses.dataclass(frozen=True)
class SupervisorChoice:
    """A person with an account who can verify the record, and the reason."""

    person: User
    why: str


def supervisor_choices_for(person: User, track: Track) -> list[SupervisorChoice]:
    """Return the other people with active accounts who can verify the person's record.

    Each is listed once. Those found through positions that match the track come first. Takes two
    queries.
    """
    positions = list(positions_of(person).select_related("supervisor"))
    positions.sort(key=lambda position: not _matches(position, track))
    colleagues = _colleagues(positions, exclude=person)
    choices: dict[int, SupervisorChoice] = {}
    for position in positions:
        for choice in _supervisors_of(position, colleagues):
            choices.setdefault(choice.person.pk, choice)
    return list(choices.values())


def is_known_supervisor(person: User, address: str) -> bool:
    """Return whether someone with this address can supervise the person, by their positions.

    All positions in SUPERVISING_POSITIONS count, not only those suggested first. Takes at most four
    queries.
    """
    account = person_with_email(address)
    if account is None:
        return False
    positions = list(positions_of(person))
    if any(position.supervisor_id == account.pk for position in positions):
        return True
    held = [each for each in _colleagues(positions, exclude=person) if each.person_id == account.pk]
    return any(_supervises(each, position) for position in positions for each in held)


def _supervises(colleague: Position, position: Position) -> bool:
    return colleague.kind in SUPERVISING_POSITIONS[position.kind] and colleague.organization_id in (
        position.organization_id,
        position.organization.parent_id,
    )


def _matches(position: Position, track: Track) -> bool:
    word = TRACK_WORDS.get(PositionKind(position.kind), "")
    return bool(word) and word in track.name.lower()


def _colleagues(positions: Iterable[Position], *, exclude: User) -> list[Position]:
    """Return current positions of possible supervisors at the same or parent organizations."""
    organizations = {
        organization_id
        for position in positions
        for organization_id in (position.organization_id, position.organization.parent_id)
    }
    kinds = {kind for each in SUPERVISING_POSITIONS.values() for kind in each} - {NAMED}
    return list(
        Position.objects.present()
        .filter(organization__in=organizations, kind__in=kinds, person__is_active=True)
        .exclude(person=exclude)
        .select_related("person", "organization")
        .order_by("person__sort_key", "pk")
    )


def _supervisors_of(position: Position, colleagues: Sequence[Position]) -> list[SupervisorChoice]:
    """Return the supervisors for a position at its organization or, failing that, its parent."""
    for kind in SUPERVISING_POSITIONS[position.kind]:
        if kind == NAMED:
            if (named := position.supervisor) and named.is_active:
                return [SupervisorChoice(named, f"Your supervisor at {position.organization.name}")]
            continue
        for organization_id in (position.organization_id, position.organization.parent_id):
            holders = [
                each
                for each in colleagues
                if (each.kind, each.organization_id) == (kind, organization_id)
            ]
            if holders:
                return [SupervisorChoice(each.person, _position_title(each)) for each in holders]
    return []


def _position_title(position: Position) -> str:
    return f"{position.get_kind_display()} of {position.organization.name}"


LINK_SIGNER = Signer(salt="tracks.verify")


def token_of(verification: Verification) -> str:
    """Return the signed token in the question's URL, /verify/<token>/. It never changes."""
    return LINK_SIGNER.sign(f"{verification.pk}-{verification.nonce.hex}")


def verification_of(token: str) -> Verification | None:
    """Return a token's question with everything its page shows, or None if it is invalid.

    Takes one query, or none if the signature is wrong.
    """
    try:
        number, _, nonce = LINK_SIGNER.unsign(token).partition("-")
        lookup = {"pk": int(number), "nonce": uuid.UUID(nonce)}
    except (BadSignature, ValueError):
        return None
    return (
        Verification.objects.filter(**lookup)
        .select_related("person", "participation__track", "submission__reviewed_by")
        .order_by("pk")
        .first()
    )
