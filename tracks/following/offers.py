"""The tracks that a person can choose, for every page with the button that chooses one."""

from collections.abc import Iterable, Sequence

from accounts.models import Position, User
from aspen.clock import today
from aspen.formats import format_day
from tracks.counting import queries as counting_queries
from tracks.counting.eligibility import DIRECTOR_TRACK, directors_deadline
from tracks.enums import RuleSetKind
from tracks.following import recommended
from tracks.following.presentation import OfferedTrack
from tracks.models import Participation, RuleSet


def offered_tracks(
    person: User,
    positions: Sequence[Position],
    participations: Iterable[Participation],
    resumable: Iterable[Participation] = (),
) -> list[OfferedTrack]:
    """Return the tracks that the person does not follow yet, recommended ones first. Two queries.

    `participations` are those that the person follows, `resumable` those that can be resumed,
    latest first.
    """
    followed = {each.track_id for each in participations}
    matching = recommended.positions_by_track(positions)
    left: dict[int, Participation] = {}
    for participation in resumable:
        left.setdefault(participation.track_id, participation)
    offered = []
    for rule_set in counting_queries.rule_sets_for(person, today()):
        track = rule_set.track_id
        if track not in followed:
            why = _why(rule_set, positions, matching)
            offered.append(OfferedTrack(rule_set, why, left.get(track)))
    return sorted(offered, key=lambda track: not track.why)


def _why(rule_set: RuleSet, positions: Iterable[Position], matching: dict[str, list[str]]) -> str:
    """Return why the track is recommended, or "" if no position matches it."""
    found = matching.get(rule_set.track.name)
    if not found:
        return ""
    return " ".join(
        filter(None, [f"Your profile says: {'; '.join(found)}.", _deadline(rule_set, positions)])
    )


def _deadline(rule_set: RuleSet, positions: Iterable[Position]) -> str:
    """Return a sentence about a new director's deadline, or "" for people certified before."""
    since = recommended.director_since(positions)
    if rule_set.track.name != DIRECTOR_TRACK or rule_set.kind == RuleSetKind.RENEWAL or not since:
        return ""
    deadline = directors_deadline(since)
    if deadline < today():
        return ""
    return (
        "New directors have four years to become certified, so your deadline is "
        f"{format_day(deadline)}."
    )
