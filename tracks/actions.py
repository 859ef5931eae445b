"""Everything that writes rule sets, participations and postings. Each function is atomic."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from django.db import connection

from accounts.models import User
from accounts.queries import lock_people
from aspen import words
from aspen.acts import act
from aspen.clock import today, years_after, years_before
from aspen.errors import Refused
from credits.signals import Followed
from tracks import queries, signals
from tracks.enums import ParticipationState
from tracks.models import Participation, Posting, Requirement, RuleSet, Track


@act
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
    rule_set = queries.lock_rule_set_for(track, day)
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


@act
def leave_track(*, participation_id: int, by: User) -> None:
    """Stop following a track of one's own; its credits are archived again.

    Locks the person. Idempotent. Raises Participation.DoesNotExist for somebody else's.
    """
    lock_people([by.pk])
    participation = Participation.objects.get(pk=participation_id, person=by)
    if participation.state != ParticipationState.OPEN:
        return
    participation.state = ParticipationState.LEFT
    participation.save(update_fields=["state"])
    participation.postings.all().delete()


@act
def post_archived(*, participation: Participation) -> int:
    """Post every eligible credit to the participation in one statement; return how many.

    Idempotent: what is posted stays as it is. The caller holds the person's lock.
    """
    return len(_post(person=participation.person_id, person__participations=participation.pk))


@act
def sync_postings(*, credit_ids: Collection[int]) -> Followed:
    """Post these credits where they are eligible now, and take them out where they are not.

    Idempotent; four statements however many credits. The caller holds the people's locks.
    Postings of participations that are no longer open are left alone. Returns which credits came
    to which participations, went, and stayed.
    """
    if not credit_ids:
        return Followed()
    with _without_loops(len(credit_ids)):
        return _sync(credit_ids)


def _sync(credit_ids: Collection[int]) -> Followed:
    eligible = queries.eligible_pairs(pk__in=credit_ids)
    rows = Posting.objects.filter(
        credit__in=credit_ids, participation__state=ParticipationState.OPEN
    ).values_list("pk", "credit_id", "participation_id")
    posted = {(credit, participation): pk for pk, credit, participation in rows.order_by("pk")}
    stay = {(credit, participation) for credit, participation, _ in eligible}
    removed = posted.keys() - stay
    if removed:
        Posting.objects.filter(pk__in=[posted[pair] for pair in removed]).delete()
    added = _post(pk__in=credit_ids)
    return Followed(frozenset(added), frozenset(removed), frozenset(posted.keys() & stay))


# So many credits come at once only when an event is merged, corrected or awarded.
MANY = 200


@contextmanager
def _without_loops(number: int) -> Iterator[None]:
    """Let PostgreSQL join whole tables while many credits are posted.

    It knows no number of the rows that the present transaction has written, takes them for one,
    and would go through all claims for each of the credits: minutes, not seconds.
    """
    if number < MANY:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop TO off")
        yield
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")


def _post(**conditions: object) -> list[tuple[int, int]]:
    """INSERT … SELECT of the eligible pairs: one statement, one written rule. Returns the new."""
    pairs = queries.eligible_pairs(**conditions).order_by()
    sql, params = pairs.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracks_posting (credit_id, participation_id, person_id) "
            f"{sql} ON CONFLICT (participation_id, credit_id) DO NOTHING "
            "RETURNING credit_id, participation_id",
            params,
        )
        return [(credit, participation) for credit, participation in cursor.fetchall()]


# ---------- Rule sets ----------


@act
def save_rule_set(*, rule_set: RuleSet, requirements: Mapping[int, Decimal], by: User) -> RuleSet:
    """Store a new or changed rule set with exactly these minimums by category id. Locks it.

    Raises Refused when somebody follows it by now, or when the numbers do not fit together.
    """
    if rule_set.pk is not None and _lock_rule_set(rule_set.pk).participations.exists():
        raise Refused(
            "Somebody has begun to follow these rules by now, so only their last day can change. "
            "Add a new rule set instead."
        )
    _refuse_unfit(rule_set, requirements)
    rule_set.save()
    rule_set.requirements.exclude(category__in=requirements).delete()
    Requirement.objects.bulk_create(
        (
            Requirement(rule_set=rule_set, category_id=category_id, minimum=minimum)
            for category_id, minimum in requirements.items()
        ),
        update_conflicts=True,
        unique_fields=["rule_set", "category"],
        update_fields=["minimum"],
    )
    return rule_set


@act
def end_rule_set(*, rule_set_id: int, valid_until: dt.date | None, by: User) -> RuleSet:
    """Set the last day on which a rule set can be chosen; None: until further notice. Locks it.

    Whoever follows it keeps it. Idempotent. Raises Refused for a day before its first.
    """
    rule_set = _lock_rule_set(rule_set_id)
    if valid_until and valid_until < rule_set.valid_from:
        raise Refused("The last day must not lie before the first.", field="valid_until")
    rule_set.valid_until = valid_until
    rule_set.save(update_fields=["valid_until"])
    return rule_set


def _lock_rule_set(rule_set_id: int) -> RuleSet:
    """The full lock, not `no_key`: a participation that is being stored holds a share of the key,
    so whether somebody follows the rules is certain from here to the end of the transaction."""
    return RuleSet.objects.select_for_update(of=("self",)).get(pk=rule_set_id)


def _refuse_unfit(rule_set: RuleSet, requirements: Mapping[int, Decimal]) -> None:
    """What all minimums ask together must fit into the total; the rest is elective."""
    if not requirements:
        raise Refused("Name at least one category that counts.")
    minimums = sum(requirements.values(), Decimal(0))
    if minimums > rule_set.total:
        raise Refused(
            f"The minimums add up to {words.credits(minimums)}, which is more than the total "
            f"of {words.credits(rule_set.total)}. Lower a minimum or raise the total."
        )
