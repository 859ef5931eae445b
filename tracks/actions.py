"""Everything that writes participations and postings. Each function is atomic."""

from collections.abc import Collection

from django.db import connection, transaction

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today, years_after, years_before
from aspen.errors import Refused
from tracks import queries, signals
from tracks.enums import ParticipationState
from tracks.models import Participation, Posting, Track


@transaction.atomic
def select_track(*, track: Track, by: User) -> tuple[Participation, bool]:
    """Let `by` follow a track; every eligible archived credit is posted at once.

    Locks the person. Idempotent: choosing a track that is followed already returns the
    participation and False. Raises Refused when the track has no rules in force today.
    """
    lock_people([by.pk])
    followed = Participation.objects.filter(
        person=by, track=track, state=ParticipationState.OPEN
    ).first()
    if followed:
        return followed, False
    day = today()
    rule_set = queries.rule_set_for(track, day)
    if rule_set is None:
        raise Refused(f"There are no rules for {track} at present, so it cannot be chosen.")
    participation = Participation.objects.create(
        person=by,
        track=track,
        rule_set=rule_set,
        selected_on=day,
        counts_from=years_before(day, rule_set.years),
        closes_on=years_after(day, rule_set.years),
        selected_by=by,
    )
    signals.track_selected.send(Participation, participation=participation)
    return participation, True


@transaction.atomic
def post_archived(*, participation: Participation) -> int:
    """Post every eligible credit to the participation in one statement; return how many.

    Idempotent: what is posted stays as it is. The caller holds the person's lock.
    """
    return _post(person=participation.person_id, person__participations=participation.pk)


@transaction.atomic
def sync_postings(*, credit_ids: Collection[int]) -> None:
    """Post these credits where they are eligible now, and take them out where they are not.

    Idempotent; three statements however many credits. The caller holds the people's locks.
    Postings of participations that are no longer open are left alone.
    """
    eligible = queries.eligible_pairs(pk__in=credit_ids)
    posted = Posting.objects.filter(
        credit__in=credit_ids, participation__state=ParticipationState.OPEN
    )
    stay = {(credit, participation) for credit, participation, _ in eligible}
    gone = [
        pk
        for pk, credit, participation in posted.order_by("pk").values_list(
            "pk", "credit_id", "participation_id"
        )
        if (credit, participation) not in stay
    ]
    if gone:
        Posting.objects.filter(pk__in=gone).delete()
    _post(pk__in=credit_ids)


def _post(**conditions: object) -> int:
    """INSERT … SELECT of the eligible pairs: one statement, one written rule."""
    pairs = queries.eligible_pairs(**conditions).order_by()
    sql, params = pairs.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracks_posting (credit_id, participation_id, person_id) "
            f"{sql} ON CONFLICT (participation_id, credit_id) DO NOTHING",
            params,
        )
        return int(cursor.rowcount)
