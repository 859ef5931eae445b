"""Queries for tracks, participations and the credits that count in them."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import (
    Exists,
    F,
    Func,
    JSONField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from accounts.models import User
from credits.models import Claim, Credit
from credits.queries import from_catalog, live_credits, with_earned_on
from events.enums import EventState, Origin
from events.models import Event
from tracks.counting.progress import DatedCredit, Progress, measure_progress, sum_by_category
from tracks.enums import ACTIVE, ParticipationState, RuleSetKind
from tracks.models import (
    Certificate,
    Participation,
    Posting,
    RecordVersion,
    Requirement,
    RuleSet,
    Submission,
    Track,
)

if TYPE_CHECKING:
    from credits.queries import EarnedCredit


REQUIREMENTS = Prefetch(
    "rule_set__requirements",
    Requirement.objects.select_related("category").order_by("category__position"),
)


class TrackProgress(NamedTuple):
    """A participation, its progress, and the credits that count toward it."""

    participation: Participation
    progress: Progress
    counted_credits: list[DatedCredit]


def participations_visible_to(person: User) -> QuerySet[Participation]:
    """Return the person's participations with rule sets and requirements, in track order."""
    return (
        Participation.objects.filter(person=person)
        .select_related("track", "rule_set", "follows")
        .prefetch_related(REQUIREMENTS)
        .order_by("track__position", "-selected_on", "-id")
    )


def active_participations(person: User) -> QuerySet[Participation]:
    """Return the person's participations that are open, or submitted and not yet decided."""
    return participations_visible_to(person).filter(state__in=sorted(ACTIVE))


def resumable_participations(person: User, on: dt.date) -> QuerySet[Participation]:
    """Return the person's left participations that can be resumed in the same period, latest first.

    Omits those whose period is over, those in a track that the person follows in another period,
    and those whose track has had a certificate issued or revoked since (reissuing does not matter).
    Same rule as `actions.resume_track`.
    """
    active = Participation.objects.filter(
        person=person, track=OuterRef("track"), state__in=sorted(ACTIVE)
    )
    certificates = Certificate.objects.filter(
        person=person, participation__track=OuterRef("track"), revoked_at=None
    ).order_by("-issued_on", "-id")
    return (
        participations_visible_to(person)
        .annotate(certified_since=Subquery(certificates.values("submission")[:1]))
        .filter(
            ~Exists(active),
            Q(follows=None, certified_since=None) | Q(follows__submission=F("certified_since")),
            state=ParticipationState.LEFT,
            closes_on__gte=on,
        )
        .order_by("-selected_on", "-id")
    )


def record_now() -> Coalesce:
    """Return an expression on submissions: the record as it is now, after its last change."""
    versions = RecordVersion.objects.filter(submission=OuterRef("pk")).order_by("-number")
    return Coalesce(Subquery(versions.values("record")[:1]), F("record"))


def active_or_certified_participations(person: User) -> QuerySet[Participation]:
    """Return the person's participations that can count credits: active and certified ones.

    Certified ones are annotated with their certificate's number (`certified_as`), issue date
    (`certified_on`) and address (`certificate_uuid`), submitted ones with the record that was sent
    (`sent_record`).
    """
    states = sorted(ACTIVE | {ParticipationState.CERTIFIED})
    valid = Certificate.objects.filter(participation=OuterRef("pk"), revoked_at=None).order_by()
    sent = Submission.objects.filter(participation=OuterRef("pk"), ended_at=None).order_by()
    annotations = {
        "certified_as": Coalesce(Subquery(valid.values("number")), Value("")),
        "certified_on": Subquery(valid.values("issued_on")),
        "certificate_uuid": Subquery(valid.values("uuid")),
        "sent_record": Subquery(sent.values_list(record_now())),
    }
    return participations_visible_to(person).filter(state__in=states).annotate(**annotations)


def certificates_with_details() -> QuerySet[Certificate]:
    """Return certificates with everything that pages show, latest first."""
    return Certificate.objects.select_related(
        "person", "participation__track", "replaces", "replaced_by"
    ).order_by("-issued_on", "-id")


def certificates_of(person: User) -> QuerySet[Certificate]:
    """Return the person's certificates, including revoked ones, latest first."""
    return certificates_with_details().filter(person=person)


def latest_certificate(person: User, track: Track) -> Certificate | None:
    """Return the person's latest unrevoked certificate for the track, valid or expired."""
    return (
        Certificate.objects.filter(person=person, participation__track=track, revoked_at=None)
        .order_by("-issued_on", "-id")
        .first()
    )


def rule_sets() -> QuerySet[RuleSet]:
    """Return all rule sets with their requirements, by track, newest first."""
    return (
        RuleSet.objects.select_related("track")
        .prefetch_related(
            Prefetch(
                "requirements",
                Requirement.objects.select_related("category").order_by("category__position"),
            )
        )
        .order_by("track__position", "-valid_from", "id")
    )


def choosable_rule_sets(
    on: dt.date, *, kind: RuleSetKind = RuleSetKind.INITIAL
) -> QuerySet[RuleSet]:
    """Return the rule sets in force on a day, by track.

    INITIAL is for people without an earlier certificate for the track, RENEWAL for those with one.
    """
    return _in_force(on).filter(kind__in=[RuleSetKind.BOTH, kind])


def _in_force(on: dt.date) -> QuerySet[RuleSet]:
    return rule_sets().filter(Q(valid_until=None) | Q(valid_until__gte=on), valid_from__lte=on)


def rule_sets_for(person: User, on: dt.date) -> list[RuleSet]:
    """Return the rule set under which the person would start each track on a day, in track order.

    It is the newest in force, for a renewal if the person has a certificate. Two queries.
    """
    certificates = Certificate.objects.filter(
        person=person, revoked_at=None, participation__track=OuterRef("track")
    )
    newest: dict[int, RuleSet] = {}
    for rule_set in _in_force(on).annotate(renews=Exists(certificates)):
        kind = RuleSetKind.RENEWAL if rule_set.renews else RuleSetKind.INITIAL
        if rule_set.kind in (RuleSetKind.BOTH, kind):
            newest.setdefault(rule_set.track_id, rule_set)
    return list(newest.values())


def postings_of(participations: Iterable[Participation]) -> QuerySet[Posting]:
    return Posting.objects.filter(participation__in=[each.pk for each in participations])


def lock_rule_set_for(track: Track, on: dt.date, *, kind: RuleSetKind) -> RuleSet | None:
    """Return the track's newest rule set in force on a day, or None, and protect it from changes.

    The lock is shared, so people who choose the same track do not wait for each other. Changing a
    rule set waits for them, and they wait for it.
    """
    rule_sets = choosable_rule_sets(on, kind=kind).filter(track=track)
    sql, parameters = rule_sets[:1].query.sql_with_params()
    # Django has no method for this lock.
    rows = RuleSet.objects.raw(f'{sql} FOR KEY SHARE OF "tracks_ruleset"', parameters)
    return next(iter(rows), None)


def eligible(rule_set: RuleSet | None = None, /, **conditions: object) -> "QuerySet[EarnedCredit]":
    """Join every credit to each active participation that can count it: the eligibility rule.

    Each row is a pair; the participation is at `person__participations`. A credit is eligible if
    its claim is neither declined nor withdrawn, it was earned from the participation's
    `counts_from` through its `closes_on` in a category the rule set counts, its event was in the
    course catalog if the rule set requires that, and it is not in the record of a certificate for
    the track, counted or surplus, unless it was revoked.
    `eligibility.why_not_posted` gives the reasons for the same rule.

    If a saved `rule_set` is given, participations in its track are treated as if they were under
    it. `conditions` narrow the result. They are part of the same filter, so they apply to the same
    pair.
    """
    participation = "person__participations"
    rules = f"{participation}__rule_set"
    if rule_set:
        rules = f"{participation}__track__rule_sets"
        conditions[rules] = rule_set
    recorded = certificates_recording(OuterRef("pk")).filter(
        person=OuterRef("person"),
        participation__track=OuterRef(f"{participation}__track"),
    )
    return live_credits().filter(
        ~Exists(recorded),
        Q(**{f"{rules}__catalog_only": False}) | Q(from_catalog()),
        **{
            f"{participation}__state__in": sorted(ACTIVE),
            f"{rules}__requirements__category": F("category"),
            f"{participation}__counts_from__lte": F("earned_on"),
            f"{participation}__closes_on__gte": F("earned_on"),
        },
        **conditions,
    )


def certificates_recording(credit: OuterRef) -> QuerySet[Certificate]:
    """Return the certificates, except revoked ones, whose record has this credit."""
    number = Func(credit, function="to_jsonb", output_field=JSONField())
    return Certificate.objects.filter(recorded_credits__contains=number, revoked_at=None)


def eligible_pairs(**conditions: object) -> QuerySet[Credit, tuple[int, int, int]]:
    """Return the (credit, participation, person) ids of `eligible()`, narrowed by `conditions`."""
    return eligible(**conditions).values_list("pk", "person__participations__pk", "person_id")


def is_undecided(claim: Claim) -> bool:
    """Return whether the claim's custom event still awaits a decision."""
    undecided = (EventState.PENDING, EventState.DRAFT)
    return claim.event.origin == Origin.CUSTOM and claim.event.state in undecided


def dated_credits(
    participations: Iterable[Participation], on: dt.date
) -> dict[int, list[DatedCredit]]:
    """Sum the credits that count on a day by participation, day earned and category. One query."""
    counted: dict[int, list[DatedCredit]] = defaultdict(list)
    sums = (
        _counted(participations, on)
        .order_by("earned_on", "category")
        .values_list("postings__participation", "earned_on", "category")
        .annotate(Sum("amount"))
    )
    for participation_id, *dated in sums:
        counted[participation_id].append(DatedCredit(*dated))
    return counted


def earned_by_category(
    participations: Iterable[Participation], on: dt.date
) -> dict[int, dict[int, Decimal]]:
    """Sum the credits that count as of a day by participation and category. One query."""
    return _by_category(_counted(participations, on), "postings__participation")


def earned_under(rule_set: RuleSet, on: dt.date) -> dict[int, dict[int, Decimal]]:
    """Return `earned_by_category` for the track's active participations, as if under this rule set.

    One query.
    """
    credits = eligible(rule_set).filter(_recent(rule_set, on))
    return _by_category(credits, "person__participations")


def _counted(participations: Iterable[Participation], on: dt.date) -> "QuerySet[EarnedCredit]":
    """Return the posted credits that count as of a day, without those that have aged out."""
    ids_by_rule_set: dict[RuleSet, list[int]] = defaultdict(list)
    for participation in participations:
        ids_by_rule_set[participation.rule_set].append(participation.pk)
    if not ids_by_rule_set:
        return with_earned_on(Credit.objects.none())
    counted = Q()
    for rule_set, ids in ids_by_rule_set.items():
        counted |= Q(_recent(rule_set, on), postings__participation__in=ids)
    return with_earned_on(Credit.objects.all()).filter(counted)


def _recent(rule_set: RuleSet, on: dt.date) -> Q:
    """Return a condition: the credit was earned in the rule set's number of years up to a day."""
    return Q(earned_on__gte=rule_set.counts_since(on), earned_on__lte=on)


def _by_category(
    credits: "QuerySet[EarnedCredit]", participation: str
) -> dict[int, dict[int, Decimal]]:
    """Sum credits by the participation at this path and by category. One query."""
    sums = credits.order_by().values_list(participation, "category").annotate(Sum("amount"))
    totals: dict[int, dict[int, Decimal]] = defaultdict(dict)
    for participation_id, category_id, amount in sums:
        totals[participation_id][category_id] = amount
    return dict(totals)


def counting_credits(participation: Participation, on: dt.date) -> "QuerySet[EarnedCredit]":
    """Return the credits that `earned_by_category` sums for one participation, oldest first."""
    return (
        _counted([participation], on)
        .select_related("category", "claim__event")
        .order_by("earned_on", "pk")
    )


def progress_of(
    participations: Iterable[Participation], on: dt.date
) -> list[tuple[Participation, Progress]]:
    """Return the participations with their progress on a day. One query if rules are prefetched."""
    return [(each.participation, each.progress) for each in track_progress_of(participations, on)]


def track_progress_of(participations: Iterable[Participation], on: dt.date) -> list[TrackProgress]:
    """Return the participations with their progress on a day and the credits counted. One query."""
    participations = list(participations)
    counted = dated_credits(participations, on)
    tracks = []
    for participation in participations:
        credits = counted.get(participation.pk, [])
        progress = measure_progress(participation.rule_set, sum_by_category(credits))
        tracks.append(TrackProgress(participation, progress, credits))
    return tracks


def returned_events(person: User) -> QuerySet[Event]:
    """Return the person's custom events that staff returned for changes."""
    return _returned(person.pk).order_by("begins_at", "id")


def training_to_change() -> QuerySet[Event]:
    """Return the custom events that staff returned for changes to the person of the outer query."""
    return _returned(OuterRef("pk"))


def _returned(person: int | OuterRef) -> QuerySet[Event]:
    return Event.objects.filter(created_by=person, origin=Origin.CUSTOM, state=EventState.DRAFT)
