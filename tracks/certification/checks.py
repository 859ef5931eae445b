"""Warnings about a record, shown to the person before submission and to staff during review."""

from collections.abc import Iterable
from typing import NamedTuple

from accounts.models import Position
from accounts.queries import positions_of
from credits import checks
from credits.enums import CheckKind
from credits.models import Claim
from tracks.certification.record import RecordData
from tracks.counting import queries as counting_queries
from tracks.following.recommended import positions_by_track
from tracks.models import Participation, Track

WAITING_ADVICE = (
    "You can submit your record now, but it cannot be reviewed until staff decide on this training."
)
ADVICE_BY_KIND = {
    CheckKind.SAME: "If it is the same training, withdraw one of the claims before you submit.",
    CheckKind.AGAIN: "If you attended both, say in the note what was new.",
    CheckKind.OVERLAP: "If you attended part of each, say so in the note. Otherwise, withdraw one.",
    CheckKind.MANY: "If this is correct, say so in the note.",
}


# The positions that the tracks for certain positions are for, by the track's name.
POSITIONS_FOR_TRACK = {
    "Library Director": "directors of public libraries",
    "Library Trustee": "trustees and board chairs",
}
POSITION_ADVICE = (
    "Enter your position in your profile, or say in the note why you follow this track."
)


class RecordWarning(NamedTuple):
    """A warning about a counted claim or, without one, the track, with advice for the person."""

    claim_id: int | None
    text: str
    advice: str


def undecided_warning(claim: Claim) -> str:
    return f"“{claim.event.title}” is waiting for a staff decision."


def check_warning(claim: Claim, result: checks.CheckResult) -> str:
    return f"“{claim.event.title}”: {result.text}"


def position_warning(track: Track, positions: Iterable[Position]) -> str:
    """Return a warning if the track is for positions that are not among these, or ""."""
    who = POSITIONS_FOR_TRACK.get(track.name)
    if who is None or track.name in positions_by_track(positions):
        return ""
    return f"{track} is for {who}, and no such position is on file."


def check_record(record: RecordData, participation: Participation) -> list[RecordWarning]:
    """Return the warnings about the counted claims, undecided claims first, and about the track.

    Takes five queries.
    """
    claims = list(
        Claim.objects.filter(pk__in={line["claim"] for line in record["lines"]})
        .select_related("event")
        .order_by("pk")
    )
    warnings = [
        RecordWarning(claim.pk, undecided_warning(claim), WAITING_ADVICE)
        for claim in claims
        if counting_queries.is_undecided(claim)
    ]
    results = checks.check_claims(claims)
    warnings += [
        RecordWarning(claim.pk, check_warning(claim, each), ADVICE_BY_KIND[each.kind])
        for claim in claims
        for each in results.get(claim.pk, [])
    ]
    if text := position_warning(participation.track, positions_of(participation.person)):
        warnings.append(RecordWarning(None, text, POSITION_ADVICE))
    return warnings
