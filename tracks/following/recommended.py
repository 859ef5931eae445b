"""Tracks recommended to a person based on their positions and stated roles. No queries."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import NamedTuple

from accounts.enums import OrganizationKind, PositionKind
from accounts.models import Position


class TrackRole(NamedTuple):
    """A role, its label in the first person, and the name of the matching track.

    Tracks are identified by their name, which no page can change.
    """

    key: str
    label: str
    track: str


TRACK_ROLES = [
    TrackRole("director", "I am the director of a public library", "Library Director"),
    TrackRole("staff", "I work in a library", "Library Staff"),
    TrackRole("trustee", "I am a trustee or board chair", "Library Trustee"),
]


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
    tracks = {role.key: role.track for role in TRACK_ROLES}
    matching: dict[str, list[str]] = {}
    for position in positions:
        if track := tracks.get(role_of_position(position)):
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


def why_recommended(roles: Collection[str], matching: dict[str, list[str]]) -> dict[str, str]:
    """Return the reason for recommending each track that matches the roles, by track name."""
    reasons = {}
    for role in TRACK_ROLES:
        if role.key not in roles:
            continue
        if positions := matching.get(role.track):
            reasons[role.track] = f"Your profile says: {'; '.join(positions)}."
        else:
            reasons[role.track] = f"You said: {role.label}."
    return reasons


def preselected_roles(matching: dict[str, list[str]]) -> list[str]:
    """Return the keys of the roles that match the person's positions."""
    return [role.key for role in TRACK_ROLES if role.track in matching]


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
