"""Choosing, leaving and resuming tracks; extending periods; posting credits."""

import datetime as dt
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import connection

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today, years_after, years_before
from aspen.db.audit import audited, audited_as
from aspen.errors import Refused
from aspen.transitions import Actor
from credits.signals import PostingChanges
from tracks import signals
from tracks.counting import queries as counting_queries
from tracks.enums import (
    ACTIVE,
    PARTICIPATION_TRANSITIONS,
    ParticipationState,
    ParticipationStep,
    RuleSetKind,
)
from tracks.following import emails
from tracks.models import Extension, Participation, Posting, Track


@audited
def select_track(*, track: Track, by: User) -> tuple[Participation, bool]:
    """Start following a track and post every eligible archived credit to it. Locks the person.

    A person who has a certificate for the track starts under the renewal rules. Then credits count
    if they were earned from the day on which its record was sent and are not in that record.
    Idempotent: for a track that `by` already follows, returns the participation and False. Raises
    Refused if the track has no rules in force today.
    """
    lock_people([by.pk])
    followed = Participation.objects.filter(
        person=by, track=track, state__in=sorted(ACTIVE)
    ).first()
    if followed:
        return followed, False
    return begin_period(person=by, track=track, by=by), True


def begin_period(*, person: User, track: Track, by: User) -> Participation:
    """Open a participation today and send track_selected. The caller must lock the person.

    Raises Refused if the track has no rules in force.
    """
    day = today()
    before = counting_queries.latest_certificate(person, track)
    kind = RuleSetKind.RENEWAL if before else RuleSetKind.INITIAL
    rule_set = counting_queries.lock_rule_set_for(track, day, kind=kind)
    if rule_set is None:
        raise Refused(f"There are no rules in force for {track}, so it cannot be chosen.")
    participation = Participation.objects.create(
        person=person,
        track=track,
        rule_set=rule_set,
        selected_on=day,
        counts_from=before.measured_on if before else years_before(day, rule_set.years),
        closes_on=years_after(day, rule_set.years),
        selected_by=by,
        follows=before,
    )
    signals.track_selected.send(Participation, participation=participation)
    return participation


@audited
def leave_track(*, participation_id: int, by: User) -> None:
    """Stop following one of the person's tracks and archive its credits again. Locks the person.

    Idempotent. Raises Participation.DoesNotExist if it is another person's, and Refused if the
    record has been submitted, because it must be withdrawn first.
    """
    lock_people([by.pk])
    participation = Participation.objects.select_related("track").get(
        pk=participation_id, person=by
    )
    if participation.state != ParticipationState.LEFT:
        stop_following(participation, actor=Actor.PERSON)


def stop_following(participation: Participation, *, actor: Actor) -> None:
    """Leave the track and archive its credits. The caller must lock the person."""
    apply_step(participation, ParticipationStep.LEAVE, actor=actor)
    participation.postings.all().delete()


@audited
def resume_track(*, participation_id: int, by: User) -> Participation:
    """Resume a track that was left, in the same period and under the same rules.

    Posts eligible credits. Locks the person. Idempotent. Raises Participation.DoesNotExist if it is
    another person's, and Refused if the period is over, the person follows the track in another
    period, or a certificate has been issued or revoked since.
    """
    lock_people([by.pk])
    participation = Participation.objects.select_related("track", "follows").get(
        pk=participation_id, person=by
    )
    if participation.state in ACTIVE:
        return participation
    track = participation.track
    if Participation.objects.filter(person=by, track=track, state__in=sorted(ACTIVE)).exists():
        raise Refused(f"You already follow {track} in another period.")
    if participation.closes_on < today():
        raise Refused("This period is over. Choose the track to start a new one.")
    latest, before = counting_queries.latest_certificate(by, track), participation.follows
    if (latest and latest.submission_id) != (before and before.submission_id):
        raise Refused("Your certificates have changed. Choose the track to start a new period.")
    apply_step(participation, ParticipationStep.RESUME, actor=Actor.PERSON)
    signals.track_selected.send(Participation, participation=participation)
    return participation


MAX_YEARS = 10


@audited
def extend_participations(
    *, participation_ids: Collection[int], closes_on: dt.date, reason: str, by: User
) -> int:
    """Extend open periods to a later day. Return the number of periods extended. Locks the people.

    Posts credits earned in the added time. Idempotent: periods that already end on that day or
    later do not change. All or nothing: raises Refused if the reason is empty, the day is not
    within the next ten years, a period is the person's own, or a period is not open.
    """
    if not reason.strip():
        raise Refused("Give a reason. The person will read it.", field="reason")
    if not today() < closes_on <= years_after(today(), MAX_YEARS):
        raise Refused(
            f"The new last day must be within the next {MAX_YEARS} years.", field="closes_on"
        )
    chosen = Participation.objects.filter(pk__in=participation_ids)
    lock_people(chosen.order_by().values_list("person_id", flat=True))
    participations = list(chosen.select_related("person", "track").order_by("pk"))
    for participation in participations:
        _refuse_invalid(participation, by=by)
    longer = [each for each in participations if each.closes_on < closes_on]
    Extension.objects.bulk_create(
        Extension(
            participation=each,
            closed_on=each.closes_on,
            closes_on=closes_on,
            reason=reason.strip(),
            extended_by=by,
        )
        for each in longer
    )
    ids = [each.pk for each in longer]
    Participation.objects.filter(pk__in=ids).update(closes_on=closes_on)
    if ids:
        repost_credits(participation_ids=ids)
        emails.queue_extended_emails(longer, closes_on=closes_on)
    return len(ids)


def _refuse_invalid(participation: Participation, *, by: User) -> None:
    label = f"{participation.person}, {participation.track}"
    if participation.person_id == by.pk:
        raise Refused(f"{label}: you cannot extend your own period.")
    if participation.state != ParticipationState.OPEN:
        state = participation.get_state_display()
        raise Refused(f"{label}: only an open period can be extended. This one is “{state}”.")


@audited
def post_archived(*, participation: Participation) -> int:
    """Post every eligible credit to the participation. Return the number of postings added.

    Idempotent. The caller must lock the person.
    """
    return len(_post(person=participation.person_id, person__participations=participation.pk))


@audited_as("tracks.post_anew")
def repost_credits(*, participation_ids: Collection[int]) -> int:
    """Post all eligible credits to these participations. Return the number of postings added.

    Idempotent. The caller must lock the people.
    """
    return len(_post(person__participations__in=participation_ids))


@audited
def sync_postings(*, credit_ids: Collection[int]) -> PostingChanges:
    """Post these credits to the active participations that can count them; remove other postings.

    Idempotent. Takes at most four statements for any number of credits. The caller must lock the
    people. Certified participations do not change. Returns the (credit, participation) pairs that
    were added, removed and kept.
    """
    if not credit_ids:
        return PostingChanges()
    with _without_nested_loops(len(credit_ids)):
        return _sync(credit_ids)


def _sync(credit_ids: Collection[int]) -> PostingChanges:
    eligible = {
        (credit, participation)
        for credit, participation, _ in counting_queries.eligible_pairs(pk__in=credit_ids)
    }
    rows = Posting.objects.filter(
        credit__in=credit_ids, participation__state__in=sorted(ACTIVE)
    ).values_list("pk", "credit_id", "participation_id")
    posted = {(credit, participation): pk for pk, credit, participation in rows.order_by("pk")}
    removed = posted.keys() - eligible
    if removed:
        Posting.objects.filter(pk__in=[posted[pair] for pair in removed]).delete()
    added = _post(pk__in=credit_ids) if eligible - posted.keys() else []
    return PostingChanges(frozenset(added), frozenset(removed), frozenset(posted.keys() & eligible))


# Only merging, correcting or awarding an event changes this many credits at once.
MANY_CREDITS = 200


@contextmanager
def _without_nested_loops(number: int) -> Iterator[None]:
    """Keep PostgreSQL from using nested loops while many credits are posted.

    It has no statistics on rows that the current transaction wrote, so it assumes one row and
    would scan all claims for each credit. That takes minutes instead of seconds.
    """
    if number < MANY_CREDITS:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop TO off")
        yield
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")


def _post(**conditions: object) -> list[tuple[int, int]]:
    """Post the eligible pairs in one statement and return the new ones."""
    pairs = counting_queries.eligible_pairs(**conditions).order_by()
    sql, params = pairs.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracks_posting (credit_id, participation_id, person_id) "
            f"{sql} ON CONFLICT (participation_id, credit_id) DO NOTHING "
            "RETURNING credit_id, participation_id",
            params,
        )
        return [(credit, participation) for credit, participation in cursor.fetchall()]


WHY_NOT = {
    ParticipationState.OPEN: "the record has not been submitted",
    ParticipationState.SUBMITTED: "the record is with the CE Coordinator",
    ParticipationState.REVIEWED: "the record is with the supervisor",
    ParticipationState.CERTIFIED: "the certificate has been issued",
    ParticipationState.REVOKED: "the certificate has been revoked",
    ParticipationState.LEFT: "this track was left",
}


def state_after(
    participation: Participation, step: ParticipationStep, actor: Actor
) -> ParticipationState:
    """Return the state after the step. Raises Refused if the actor cannot take it now."""

    def why_not() -> str:
        because = WHY_NOT[ParticipationState(participation.state)]
        return f"{participation.track}: nothing was changed, because {because}. Reload the page."

    return PARTICIPATION_TRANSITIONS[step].apply(participation.state, actor, why_not)


def apply_step(participation: Participation, step: ParticipationStep, *, actor: Actor) -> None:
    """Take the step and save the new state. The caller must lock the person.

    Raises Refused if the actor cannot take the step now.
    """
    participation.state = state_after(participation, step, actor)
    participation.save(update_fields=["state"])
