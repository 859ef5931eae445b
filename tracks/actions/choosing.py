"""Taking up a track, leaving it, and taking it up again."""

from collections.abc import Iterable
from typing import NamedTuple

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import day_after, today, years_after, years_before
from aspen.db.audit import act
from aspen.errors import Refused
from tracks import queries, signals
from tracks.actions.steps import take_step
from tracks.enums import ACTIVE, Actor, ParticipationState, RuleSetKind, Step
from tracks.models import Participation, Track


@act
def select_track(*, track: Track, by: User) -> tuple[Participation, bool]:
    """Let `by` follow a track; every eligible archived credit is posted at once.

    Locks the person. Whoever holds a certificate of the track begins under the renewal rules, and
    only what is earned after its issue counts. Idempotent: choosing a track that is followed
    already returns the participation and False. Raises Refused when the track has no rules in
    force today.
    """
    lock_people([by.pk])
    followed = Participation.objects.filter(
        person=by, track=track, state__in=sorted(ACTIVE)
    ).first()
    if followed:
        return followed, False
    return begin_period(person=by, track=track, by=by), True


class Chosen(NamedTuple):
    """What came of choosing several tracks: begun now, followed before, and refused in words."""

    new: list[Participation]
    kept: list[Participation]
    refused: list[str]


@act
def select_tracks(*, tracks: Iterable[Track], by: User) -> Chosen:
    """Let `by` follow each of the tracks, in one transaction; a refused one leaves the others.

    Locks the person. Idempotent like `select_track`.
    """
    chosen = Chosen([], [], [])
    for track in tracks:
        try:
            participation, is_new = select_track(track=track, by=by)
        except Refused as refusal:
            chosen.refused.append(str(refusal))
        else:
            (chosen.new if is_new else chosen.kept).append(participation)
    return chosen


def begin_period(*, person: User, track: Track, by: User) -> Participation:
    """Open a participation today and tell it. The caller holds the person's lock. Raises Refused
    when the track has no rules in force."""
    day = today()
    held = queries.held_certificate(person, track)
    kind = RuleSetKind.RENEWAL if held else RuleSetKind.INITIAL
    rule_set = queries.lock_rule_set_for(track, day, kind=kind)
    if rule_set is None:
        raise Refused(f"There are no rules for {track} at present, so it cannot be chosen.")
    participation = Participation.objects.create(
        person=person,
        track=track,
        rule_set=rule_set,
        selected_on=day,
        counts_from=day_after(held.issued_on) if held else years_before(day, rule_set.years),
        closes_on=years_after(day, rule_set.years),
        selected_by=by,
        follows=held,
    )
    signals.track_selected.send(Participation, participation=participation)
    return participation


@act
def leave_track(*, participation_id: int, by: User) -> None:
    """Stop following a track of one's own; its credits are archived again.

    Locks the person. Idempotent. Raises Participation.DoesNotExist for somebody else's, and
    Refused while the record is with somebody: it has to be taken back first.
    """
    lock_people([by.pk])
    participation = Participation.objects.select_related("track").get(
        pk=participation_id, person=by
    )
    if participation.state != ParticipationState.LEFT:
        stop_following(participation, actor=Actor.PERSON)


def stop_following(participation: Participation, *, actor: Actor) -> None:
    """Leave the track; its credits are archived. The caller holds the person's lock."""
    take_step(participation, Step.LEAVE, actor=actor)
    participation.postings.all().delete()


@act
def resume_track(*, participation_id: int, by: User) -> Participation:
    """Take up a track again that was left, in the same period and under the same rules.

    What is eligible is posted at once. Locks the person. Idempotent. Raises
    Participation.DoesNotExist for somebody else's, and Refused where the period is over, another
    one of the track is under way, or a certificate was issued in between.
    """
    lock_people([by.pk])
    participation = Participation.objects.select_related("track", "follows").get(
        pk=participation_id, person=by
    )
    if participation.state in ACTIVE:
        return participation
    track = participation.track
    if Participation.objects.filter(person=by, track=track, state__in=sorted(ACTIVE)).exists():
        raise Refused(f"You follow {track} in another period already.")
    if participation.closes_on < today():
        raise Refused("This period is over. Choose the track to begin a new one.")
    held, before = queries.held_certificate(by, track), participation.follows
    if (held and held.issued_on) != (before and before.issued_on):
        raise Refused("Your certificates have changed since. Choose the track to begin a new one.")
    take_step(participation, Step.RESUME, actor=Actor.PERSON)
    signals.track_selected.send(Participation, participation=participation)
    return participation
