"""Tracks recommended to a person based on their positions. No queries."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import NamedTuple

from accounts.enums import OrganizationKind, PositionKind
from accounts.models import Position

# The track for each role. Tracks are identified by their name, which no page can change.
TRACK_OF_ROLE = {
    "director": "Library Director",
    "staff": "Library Staff",
    "trustee": "Library Trustee",
}


class TrackChange(NamedTuple):
    """A track that matches the person's positions, but that they do not follow.

    `others` are tracks they follow that no longer match any of their positions.
    """

    track: str
    positions: str
    others: list[str]


def role_of_position(position: Position) -> str:
    """Return the key of the role that goes with a position, or "" for a Friend of the library.

    The director track is for public libraries. Directors of other libraries count as staff.
    """
    if position.kind in (PositionKind.TRUSTEE, PositionKind.BOARD_CHAIR):
        return "trustee"
    if position.kind == PositionKind.DIRECTOR:
        is_public = position.organization.kind == OrganizationKind.PUBLIC
        return "director" if is_public else "staff"
    return "staff" if position.kind == PositionKind.STAFF else ""


def positions_by_track(positions: Iterable[Position]) -> dict[str, list[str]]:
    """Return the matching positions by track name."""
    matching: dict[str, list[str]] = {}
    for position in positions:
        if track := TRACK_OF_ROLE.get(role_of_position(position)):
            matching.setdefault(track, []).append(str(position))
    return matching


def director_since(positions: Iterable[Position]) -> dt.date | None:
    """Return the person's first known day as director of a public library, or None."""
    days = [
        each.since_on
        for each in positions
        if role_of_position(each) == "director" and each.since_on
    ]
    return min(days, default=None)


def recommended_changes(
    followed: Collection[str], matching: dict[str, list[str]]
) -> list[TrackChange]:
    """Return the matching tracks that the person does not follow.

    Return an empty list for people who do not follow any track yet.
    """
    others = [track for track in followed if track not in matching]
    return [
        TrackChange(track, "; ".join(positions), others)
        for track, positions in matching.items()
        if followed and track not in followed
    ]
