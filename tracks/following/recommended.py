"""Which track fits whom, from what people do and say. No query."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import NamedTuple

from accounts.enums import OrganizationKind, PositionKind
from accounts.models import Position


class TrackRole(NamedTuple):
    """What someone may be, in their own words, and the track that is meant for it.

    Tracks are known by name: no page changes it.
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
    """A track that fits what someone is by their profile and that they do not follow.

    `others` are the followed tracks that fit none of their positions any more.
    """

    track: str
    positions: str
    others: list[str]


def role_of_position(position: Position) -> str:
    """The key of the role that a position makes of a person; nothing for friends of a library.

    The directors' track is for public libraries; who directs another works in a library.
    """
    if position.kind in (PositionKind.TRUSTEE, PositionKind.BOARD_CHAIR):
        return "trustee"
    if position.kind == PositionKind.DIRECTOR:
        is_public = position.organization.kind == OrganizationKind.PUBLIC
        return "director" if is_public else "staff"
    return "staff" if position.kind == PositionKind.STAFF else ""


def positions_by_track(positions: Iterable[Position]) -> dict[str, list[str]]:
    """The positions that make a track fit, by the track's name."""
    tracks = {role.key: role.track for role in TRACK_ROLES}
    fitting: dict[str, list[str]] = {}
    for position in positions:
        if track := tracks.get(role_of_position(position)):
            fitting.setdefault(track, []).append(str(position))
    return fitting


def director_since(positions: Iterable[Position]) -> dt.date | None:
    """Since when someone directs a public library, where they do and the day is known."""
    days = [
        each.since_on
        for each in positions
        if role_of_position(each) == "director" and each.since_on
    ]
    return min(days, default=None)


def why_recommended(said: Collection[str], fitting: dict[str, list[str]]) -> dict[str, str]:
    """Why a track is proposed, by its name, to someone who says to be all this."""
    found = {}
    for role in TRACK_ROLES:
        if role.key not in said:
            continue
        if positions := fitting.get(role.track):
            found[role.track] = f"Your profile says: {'; '.join(positions)}."
        else:
            found[role.track] = f"You said: {role.label}."
    return found


def preselected_roles(fitting: dict[str, list[str]]) -> list[str]:
    """The roles that someone's positions speak for."""
    return [role.key for role in TRACK_ROLES if role.track in fitting]


def recommended_changes(
    followed: Collection[str], fitting: dict[str, list[str]]
) -> list[TrackChange]:
    """What no longer fits together for someone who follows tracks: one line for each new one."""
    others = [track for track in followed if track not in fitting]
    return [
        TrackChange(track, "; ".join(positions), others)
        for track, positions in fitting.items()
        if followed and track not in followed
    ]
