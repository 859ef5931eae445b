"""Integrity checks on all credits in the database.

Constraints prevent most of these violations, so a finding means a bug or a change made outside the
portal. Each check takes one query, regardless of the number of credits, and changes nothing.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from aspen.db import database_role
from aspen.db.audit import history_model
from credits.enums import ENDED, LIVE, ClaimState
from credits.models import AttendanceCertificate, Claim, Credit, Merge, WaitingAward
from events.enums import Attendance, EventState, Origin, RegistrationState
from events.models import CreditOffer, Event, Registration
from tracks.counting import queries as counting_queries
from tracks.enums import ACTIVE, Ending, ParticipationState
from tracks.models import (
    Certificate,
    Participation,
    Posting,
    RecordVersion,
    Submission,
    Verification,
)

MAX_IDS_SHOWN = 20


@dataclasses.dataclass(frozen=True)
class IntegrityCheck:
    """A promise, a fault that breaks it, and a function that finds the rows that violate it.

    `find` returns the number of those rows and the first few ids.
    """

    promise: str
    fault: str
    find: Callable[[], tuple[int, list[int]]]


@dataclasses.dataclass(frozen=True)
class IntegrityFinding:
    """A broken promise, with the number of rows that violate it and the first few ids."""

    promise: str
    fault: str
    count: int
    ids: list[int]

    def __str__(self) -> str:
        ids = ", ".join(str(pk) for pk in self.ids)
        more = " …" if self.count > len(self.ids) else ""
        return f"{self.fault}: {self.count} ({ids}{more})"


def find_violations() -> list[IntegrityFinding]:
    """Return all broken promises. Changes nothing."""
    findings = []
    for check in INTEGRITY_CHECKS:
        count, ids = check.find()
        if count:
            findings.append(IntegrityFinding(check.promise, check.fault, count, ids))
    return findings


def _rows(rows: Callable[[], QuerySet[Any]]) -> Callable[[], tuple[int, list[int]]]:
    """Return a `find` function for an IntegrityCheck.

    `rows` returns the rows that violate the promise.
    """

    def find() -> tuple[int, list[int]]:
        violations = rows().order_by("pk").values_list("pk", flat=True)
        ids = list(violations[:MAX_IDS_SHOWN])
        return (violations.count() if len(ids) == MAX_IDS_SHOWN else len(ids)), ids

    return find


def _statement(sql: str, params: Sequence[Any] = ()) -> tuple[int, list[int]]:
    """Run a query that selects ids. Return the number of ids and the first few."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH violation (id) AS ({sql}) SELECT count(*) OVER (), id FROM violation"
            f" ORDER BY id LIMIT {MAX_IDS_SHOWN}",
            params,
        )
        rows = cursor.fetchall()
    return (rows[0][0] if rows else 0), [pk for _, pk in rows]


# ---------- Credits are archived, posted, or withdrawn with a name, date and reason ----------


def _ended_without_reason() -> QuerySet[Claim]:
    states = sorted(ENDED | {ClaimState.RETURNED})
    return Claim.objects.filter(
        Q(state__in=states) & (Q(decided_at=None) | Q(decided_by=None) | Q(reason=""))
    )


def _claims_without_credits() -> QuerySet[Claim]:
    return Claim.objects.filter(~Exists(Credit.objects.filter(claim=OuterRef("pk"))))


def _posted_but_not_eligible() -> tuple[int, list[int]]:
    """Find credits posted to an active participation in which they do not count."""
    return _difference(_posted(), _eligible())


def _eligible_but_not_posted() -> tuple[int, list[int]]:
    """Find credits that should be posted to an active participation but are not."""
    return _difference(_eligible(), _posted())


def _eligible() -> QuerySet[Any, Any]:
    pairs = counting_queries.eligible().order_by()
    return pairs.values_list("pk", "person__participations__pk")


def _posted() -> QuerySet[Any, Any]:
    postings = Posting.objects.filter(participation__state__in=sorted(ACTIVE))
    return postings.order_by().values_list("credit_id", "participation_id")


def _difference(one: QuerySet[Any, Any], other: QuerySet[Any, Any]) -> tuple[int, list[int]]:
    first, first_params = one.query.sql_with_params()
    second, second_params = other.query.sql_with_params()
    return _statement(
        f"SELECT credit FROM (({first}) EXCEPT ({second})) AS pair (credit, participation)",
        [*first_params, *second_params],
    )


def _posted_to_left_tracks() -> QuerySet[Posting]:
    return Posting.objects.filter(
        participation__state__in=[ParticipationState.LEFT, ParticipationState.REVOKED]
    )


# ---------- Claims are unique per person and event ----------


def _claimed_twice() -> tuple[int, list[int]]:
    return _statement(
        "SELECT max(id) FROM credits_claim WHERE state = ANY(%s)"
        " GROUP BY person_id, event_id HAVING count(*) > 1",
        [sorted(LIVE)],
    )


def _settled_without_credit() -> QuerySet[Registration]:
    """Return settled registrations without a claim for their event or the one it merged into."""
    claims = Claim.objects.filter(person=OuterRef("person")).filter(
        Q(event=OuterRef("event")) | Q(event=OuterRef("event__merged_into"))
    )
    return Registration.objects.filter(
        ~Exists(claims),
        state=RegistrationState.CONFIRMED,
        settled_at__isnull=False,
        event__state=EventState.PUBLISHED,
        event__over_at__lte=timezone.now(),
        event__in=CreditOffer.objects.values("event"),
    ).exclude(attendance=Attendance.ABSENT)


def _live_on_ended_events() -> QuerySet[Claim]:
    """Return live claims on declined, canceled or merged events."""
    ended = [EventState.DECLINED, EventState.CANCELLED, EventState.MERGED]
    return Claim.objects.filter(state__in=sorted(LIVE), event__state__in=ended)


def _returned_without_changes_due() -> QuerySet[Claim]:
    """Return returned claims whose event is not open for changes."""
    return Claim.objects.filter(state=ClaimState.RETURNED).exclude(
        event__origin=Origin.CUSTOM, event__state=EventState.DRAFT
    )


def _merged_without_record() -> QuerySet[Event]:
    merge = Merge.objects.filter(
        source=OuterRef("pk"), target=OuterRef("merged_into"), undone_at=None
    )
    return Event.objects.filter(~Exists(merge), state=EventState.MERGED)


def _awarded_and_lost() -> QuerySet[WaitingAward]:
    """Return unmatched awards to an e-mail address that belongs to an account."""
    return WaitingAward.objects.filter(
        matched_at=None,
        event__state=EventState.PUBLISHED,
        address__in=Claim.person.field.related_model.objects.filter(  # type: ignore[attr-defined]
            emailaddress__verified=True
        ).values("email"),
    )


# ---------- Certificates count only verified credits, and each only once ----------


def _certified_without_certificate() -> QuerySet[Participation]:
    valid = Certificate.objects.filter(participation=OuterRef("pk"), revoked_at=None)
    return Participation.objects.filter(~Exists(valid), state=ParticipationState.CERTIFIED)


def _certificates_of_uncertified() -> QuerySet[Certificate]:
    valid = Certificate.objects.filter(revoked_at=None)
    return valid.exclude(participation__state=ParticipationState.CERTIFIED)


def _certificates_without_certified_submission() -> QuerySet[Certificate]:
    versions = RecordVersion.objects.filter(submission=OuterRef("submission")).order_by("-number")
    confirmed = Coalesce(Subquery(versions.values("record")[:1]), F("submission__record"))
    return Certificate.objects.annotate(confirmed=confirmed).filter(
        ~Q(submission__ending=Ending.CERTIFIED) | ~Q(record=F("confirmed"))
    )


def _verified_unconfirmed() -> QuerySet[Submission]:
    """Return verified submissions whose last change the CE Coordinator did not confirm."""
    versions = RecordVersion.objects.filter(submission=OuterRef("pk"))
    later = versions.filter(number__gt=OuterRef("versions__number"))
    return Submission.objects.filter(
        ~Exists(later),
        verified_at__isnull=False,
        versions__isnull=False,
        versions__confirmed_at=None,
    )


def _verified_by_reviewer() -> QuerySet[Submission]:
    return Submission.objects.filter(
        Q(verified_by=F("reviewed_by")) | Q(verified_by=F("versions__confirmed_by"))
    ).distinct()


# The lines of all certificates that have not been revoked.
COUNTED_SQL = (
    "SELECT certificate.id, certificate.participation_id AS participation,"
    " (line ->> 'credit')::bigint AS credit"
    " FROM tracks_certificate AS certificate, jsonb_array_elements(record -> 'lines') AS line"
    " WHERE revoked_at IS NULL"
)


def _certificates_that_differ_from_postings() -> tuple[int, list[int]]:
    """Find valid certificates whose credits differ from those posted to their period."""
    return _statement(
        f"SELECT DISTINCT coalesce(counted.id, posted.id) FROM ({COUNTED_SQL}) AS counted"
        " FULL JOIN ("
        "  SELECT certificate.id, posting.participation_id AS participation,"
        "   posting.credit_id AS credit FROM tracks_posting AS posting"
        "   JOIN tracks_certificate AS certificate USING (participation_id)"
        "   WHERE certificate.revoked_at IS NULL"
        " ) AS posted USING (participation, credit)"
        " WHERE counted.id IS NULL OR posted.id IS NULL"
    )


def _counted_twice() -> tuple[int, list[int]]:
    """Find credits counted by two valid certificates for the same track."""
    return _statement(
        f"SELECT credit FROM ({COUNTED_SQL}) AS counted"
        " JOIN tracks_participation AS participation"
        "  ON participation.id = counted.participation"
        " GROUP BY credit, participation.track_id HAVING count(*) > 1"
    )


# ---------- The history ----------


def _missing_from_history(model: type[Model]) -> Callable[[], tuple[int, list[int]]]:
    """Return a function that finds rows whose last history entry is missing or different."""

    def find() -> tuple[int, list[int]]:
        history = history_model(model)
        own = {field.column for field in model._meta.concrete_fields}
        columns = [f.column for f in history._meta.concrete_fields if f.column in own]
        current = ", ".join(f'current_row."{column}"' for column in columns)
        last = ", ".join(f'last."{column}"' for column in columns)
        return _statement(
            f"SELECT current_row.id FROM {model._meta.db_table} AS current_row LEFT JOIN ("
            f"  SELECT DISTINCT ON (pgh_obj_id) * FROM {history._meta.db_table}"
            "   ORDER BY pgh_obj_id, pgh_id DESC) AS last ON last.pgh_obj_id = current_row.id"
            f" WHERE last.pgh_id IS NULL OR ({last}) IS DISTINCT FROM ({current})"
        )

    return find


def _deleted_rows(model: type[Model]) -> Callable[[], tuple[int, list[int]]]:
    """Return a function that finds rows that are in the history but no longer in the table."""

    def find() -> tuple[int, list[int]]:
        past = history_model(model)._meta.db_table
        return _statement(
            f"SELECT DISTINCT pgh_obj_id FROM {past} AS past WHERE NOT EXISTS"
            f" (SELECT 1 FROM {model._meta.db_table} AS present WHERE present.id = past.pgh_obj_id)"
        )

    return find


ARCHIVED_PROMISE = "Every credit is archived, posted, or withdrawn with a name, date and reason"
ONCE_PROMISE = "No one claims an event twice, and registrations lead to credits"
CERTIFIED_PROMISE = "Certificates count only reviewed and verified credits, and each only once"
HISTORY_PROMISE = "Every change is recorded in a history that cannot be rewritten"

INTEGRITY_CHECKS = (
    IntegrityCheck(
        ARCHIVED_PROMISE,
        "Claims that ended without a name, date or reason",
        _rows(_ended_without_reason),
    ),
    IntegrityCheck(ARCHIVED_PROMISE, "Claims without any credit", _rows(_claims_without_credits)),
    IntegrityCheck(
        ARCHIVED_PROMISE, "Credits posted where they do not count", _posted_but_not_eligible
    ),
    IntegrityCheck(
        ARCHIVED_PROMISE, "Credits not posted where they count", _eligible_but_not_posted
    ),
    IntegrityCheck(
        ARCHIVED_PROMISE, "Postings to a track that was left", _rows(_posted_to_left_tracks)
    ),
    IntegrityCheck(ONCE_PROMISE, "Duplicate claims", _claimed_twice),
    IntegrityCheck(
        ONCE_PROMISE, "Registrations that did not lead to a credit", _rows(_settled_without_credit)
    ),
    IntegrityCheck(
        ONCE_PROMISE,
        "Claims on declined, canceled or merged events",
        _rows(_live_on_ended_events),
    ),
    IntegrityCheck(
        ONCE_PROMISE,
        "Returned claims whose event is not open for changes",
        _rows(_returned_without_changes_due),
    ),
    IntegrityCheck(
        ONCE_PROMISE, "Merged events without a record of the merge", _rows(_merged_without_record)
    ),
    IntegrityCheck(
        ONCE_PROMISE,
        "Unmatched awards to an e-mail address that belongs to an account",
        _rows(_awarded_and_lost),
    ),
    IntegrityCheck(
        CERTIFIED_PROMISE,
        "Certified periods without a certificate",
        _rows(_certified_without_certificate),
    ),
    IntegrityCheck(
        CERTIFIED_PROMISE,
        "Certificates for a period that is not certified",
        _rows(_certificates_of_uncertified),
    ),
    IntegrityCheck(
        CERTIFIED_PROMISE,
        "Certificates without a certified record",
        _rows(_certificates_without_certified_submission),
    ),
    IntegrityCheck(
        CERTIFIED_PROMISE,
        "Records verified without the last change being confirmed",
        _rows(_verified_unconfirmed),
    ),
    IntegrityCheck(
        CERTIFIED_PROMISE,
        "Records verified by a person who reviewed them",
        _rows(_verified_by_reviewer),
    ),
    IntegrityCheck(
        CERTIFIED_PROMISE,
        "Certificates that differ from the postings",
        _certificates_that_differ_from_postings,
    ),
    IntegrityCheck(CERTIFIED_PROMISE, "Credits counted twice for one track", _counted_twice),
    *(
        IntegrityCheck(
            HISTORY_PROMISE,
            f"{name} that differ from their history",
            _missing_from_history(model),
        )
        for name, model in (
            ("Claims", Claim),
            ("Credits", Credit),
            ("Events", Event),
            ("Credit lines of events", CreditOffer),
            ("Participations", Participation),
            ("Submissions", Submission),
            ("Record versions", RecordVersion),
            ("Verifications", Verification),
            ("Certificates", Certificate),
            ("Certificates of attendance", AttendanceCertificate),
        )
    ),
    *(
        IntegrityCheck(HISTORY_PROMISE, f"{name} that were deleted", _deleted_rows(model))
        for name, model in (
            ("Claims", Claim),
            ("Credits", Credit),
            ("Submissions", Submission),
            ("Verifications", Verification),
            ("Certificates", Certificate),
            ("Certificates of attendance", AttendanceCertificate),
        )
    ),
)


def history_is_safe() -> bool:
    """Return True if this connection's database role cannot rewrite the history."""
    return not database_role.may_rewrite_history()
