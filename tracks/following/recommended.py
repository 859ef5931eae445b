"""Tracks recommended to a person by position and stated role. No query."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import NamedTuple

from accounts.enums import OrganizationKind, PositionKind
from accounts.models import Position


class TrackRole(NamedTuple):
    """A role, its label in the first person, and the track meant for it.

    Tracks are identified by name; no page can change it.
    """

    key: str
    label: str
    track: str


TRACK_ROLES = [
    TrackRole("director", "I am the director of a public library", "Library Director"),
    TrackRole("staff", "I work in a library", "Library Staff"),
    TrackRole("trustee", "I am a trustee, or chair the board", "Library Trustee"),
]


class TrackChange(NamedTuple):
    """A track that fits the person's positions and that they do not follow.

    `others` are the followed tracks that no longer fit any of their positions.
    """

    track: str
    positions: str
    others: list[str]


def role_of_position(position: Position) -> str:
    """The key of the role a position stands for; "" for friends of a library.

    The directors' track is for public libraries; directors of other libraries are staff.
    """
    if position.kind in (PositionKind.TRUSTEE, PositionKind.BOARD_CHAIR):
        return "trustee"
    if position.kind == PositionKind.DIRECTOR:
        is_public = position.organization.kind == OrganizationKind.PUBLIC
        return "director" if is_public else "staff"
    return "staff" if position.kind == PositionKind.STAFF else ""


def positions_by_track(positions: Iterable[Position]) -> dict[str, list[str]]:
    """The positions that fit a track, by the track's name."""
    tracks = {role.key: role.track for role in TRACK_ROLES}
    fitting: dict[str, list[str]] = {}
    for position in positions:
        if track := tracks.get(role_of_position(position)):
            fitting.setdefault(track, []).append(str(position))
    return fitting


def director_since(positions: Iterable[Position]) -> dt.date | None:
    """The first known day as director of a public library, or None."""
    days = [
        each.since_on
        for each in positions
        if role_of_position(each) == "director" and each.since_on
    ]
    return min(days, default=None)


def why_recommended(said: Collection[str], fitting: dict[str, list[str]]) -> dict[str, str]:
    """The reason why each track is recommended, by its name, for the stated roles."""
    reasons = {}
    for role in TRACK_ROLES:
        if role.key not in said:
            continue
        if positions := fitting.get(role.track):
            reasons[role.track] = f"Your profile says: {'; '.join(positions)}."
        else:
            reasons[role.track] = f"You said: {role.label}."
    return reasons


def preselected_roles(fitting: dict[str, list[str]]) -> list[str]:
    """The keys of the roles that match the person's positions."""
    return [role.key for role in TRACK_ROLES if role.track in fitting]


def recommended_changes(
    followed: Collection[str], fitting: dict[str, list[str]]
) -> list[TrackChange]:
    """One change per fitting track not followed, for a person who follows at least one track."""
    others = [track for track in followed if track not in fitting]
    return [
        TrackChange(track, "; ".join(positions), others)
        for track, positions in fitting.items()
        if followed and track not in followed
    ]
