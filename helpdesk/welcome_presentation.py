"""The questions of the welcome page as typed rows."""

from collections.abc import Sequence
from typing import NamedTuple

from accounts.enums import OrganizationKind, PositionKind
from accounts.models import Organization, Position
from accounts.queries import search_libraries
from aspen.web.tiles import Tile, tiles_of
from helpdesk.welcome_forms import KIND_LABELS, NO, YES, WelcomeForm
from tracks.counting.presentation import join_names, rule_set_text
from tracks.following import recommended
from tracks.models import RuleSet, Track

MAX_FOUND = 12
HINTS = {
    PositionKind.DIRECTOR: "Director, head librarian",
    PositionKind.STAFF: "Staff, paid or volunteer",
    PositionKind.TRUSTEE: "Trustee",
    PositionKind.BOARD_CHAIR: "Chair of the board",
    PositionKind.FRIEND: "And everyone who helps it in another way",
}
FITTING = (
    "Library Director for directors of public libraries, Library Staff for everyone who works in "
    "a library, Library Trustee for boards."
)


class FoundLibraries(NamedTuple):
    """The libraries that match the search, and the chosen one."""

    tiles: list[Tile]
    has_more: bool
    find: str


class TrackQuestion(NamedTuple):
    """The tracks that the page proposes. Without tiles, none fits what the person does."""

    tracks: list[Track]
    tiles: list[Tile]


def found_libraries(form: WelcomeForm) -> FoundLibraries:
    """Return the libraries to choose from. Takes at most two queries."""
    find = str(form["find"].value() or "")
    found = list(search_libraries(find)[: MAX_FOUND + 1]) if find and "\0" not in find else []
    listed = found[:MAX_FOUND]
    chosen = form.library
    if chosen and chosen not in listed:
        listed.insert(0, chosen)
    choices = [
        (str(each.pk), each.name, ", ".join(filter(None, [each.get_kind_display(), each.city])))
        for each in listed
    ]
    return FoundLibraries(tiles_of(form, "organization", choices), len(found) > MAX_FOUND, find)


def kind_tiles(form: WelcomeForm) -> list[Tile]:
    return tiles_of(form, "kind", [(kind, KIND_LABELS[kind], HINTS[kind]) for kind in PositionKind])


def past_tiles(form: WelcomeForm) -> list[Tile]:
    choices = [
        (NO, "No, I am new", "Everything starts here."),
        (YES, "Yes", "Send us your list or certificates, and the State Library enters them."),
    ]
    return tiles_of(form, "past", choices)


def stated_position(form: WelcomeForm) -> Position | None:
    """Return the position that the form describes, unsaved, or None if it does not say enough.

    A director's track depends on the kind of library.
    """
    kind = str(form["kind"].value() or "")
    library = form.library
    if kind not in PositionKind.values or (kind == PositionKind.DIRECTOR and library is None):
        return None
    return Position(
        kind=kind, organization=library or Organization(kind=OrganizationKind.ORGANIZATION)
    )


def track_question(
    form: WelcomeForm, rule_sets: Sequence[RuleSet], positions: Sequence[Position]
) -> TrackQuestion:
    """Return the tracks that fit the person's positions, or else the position in the form."""
    stated = None if positions else stated_position(form)
    known = positions or ([stated] if stated else [])
    matching = recommended.positions_by_track(known)
    fitting = [each for each in rule_sets if each.track.name in matching]
    if fitting:
        names = join_names([each.track.name for each in fitting])
        rules = " ".join(rule_set_text(each) for each in fitting)
        start = "Your profile says" if positions else "You said"
        said = [text for each in fitting for text in matching[each.track.name]]
        reason = "; ".join(said) if positions or (stated and stated.organization.name) else ""
        reason = reason or KIND_LABELS[PositionKind(known[0].kind)]
        choice = (YES, f"Yes, as {names}", f"{start}: {reason}. {rules} Free.")
    elif known:
        return TrackQuestion([], [])
    else:
        choice = (YES, "Yes, in the track that fits what I do", FITTING)
    not_now = (NO, "Not now", "Your credits are kept, and count as soon as you choose a track.")
    tiles = tiles_of(form, "track", [choice, not_now])
    return TrackQuestion([each.track for each in fitting], tiles)
