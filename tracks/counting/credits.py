"""Queries for one person's credits and the tracks they count in."""

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    prefetch_related_objects,
)
from django.db.models.functions import JSONObject

from accounts.models import User
from credits import history
from credits.enums import LIVE, ClaimState
from credits.models import Credit, Evidence
from credits.queries import LIVE_CREDIT, with_earned_on
from credits.signals import with_open_tickets
from events.catalog.queries import approved_years
from events.models import MountainDay
from tracks.counting import queries as counting_queries
from tracks.counting.progress import ZERO
from tracks.models import Posting

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class RecordedIn(TypedDict):
        """A certificate whose record has a credit. `participation` and `track` are ids."""

        number: str
        participation: int
        track: int

    class _Posted(TypedDict):
        earned_on: dt.date
        posted_in: list[int]
        recorded_in: "list[RecordedIn]"
        catalog_years: list[int]

    PostedCredit = WithAnnotations[Credit, _Posted]

WITHDRAWN_CREDIT = "taken_out"
# The fields that presentation.credit_row() and eligibility.why_not_posted() read. ENDED_BY_FIELDS
# are those that history.how_credit_ended() reads. Loading all fields would double a page's time.
CREDIT_ROW_FIELDS = (
    *("claim", "person", "line", "category", "amount", "withdrawn_at", "withdrawn_reason"),
    *("claim__person", "claim__event", "claim__role", "claim__state", "claim__claimed_at"),
    *("claim__decided_at", "claim__decided_by", "claim__reason", "claim__event__title"),
    *("claim__source", "claim__note"),
    *("claim__event__recording_available_at", "claim__event__recording_until_at"),
    *("claim__event__origin", "claim__event__state", "claim__event__created_by"),
    *("category__name", "category__short_name", "category__slug", "category__shape"),
)
ENDED_BY_FIELDS = tuple(
    f"{who}__{name}"
    for who in ("claim__decided_by", "withdrawn_by")
    for name in ("display_name", "email")
)


class TranscriptLine(NamedTuple):
    """One credit in a transcript. `posted_in` lists the participations it is posted to."""

    id: int
    claim_id: int
    claimed_on: dt.date
    claim_state: str
    withdrawn_at: dt.datetime | None
    earned_on: dt.date
    category_id: int
    amount: Decimal
    title: str
    sponsor: str
    presenter: str
    posted_in: list[int]

    @property
    def state(self) -> str:
        """The claim's state, or WITHDRAWN_CREDIT for a withdrawn credit of a live claim."""
        is_credit_withdrawn = self.withdrawn_at is not None and self.claim_state in LIVE
        return WITHDRAWN_CREDIT if is_credit_withdrawn else self.claim_state

    @property
    def counts(self) -> bool:
        """Whether the totals include the line: its claim is live and it was not withdrawn."""
        return self.claim_state in LIVE and self.withdrawn_at is None


class CreditTotals(NamedTuple):
    """A person's credit totals. Amounts cover live claims only; `lines` includes ended claims."""

    lines: int
    trainings: int
    ended: int
    credits: Decimal
    posted: Decimal
    archived: Decimal
    pending: Decimal


def credit_totals(person: User) -> "CreditTotals":
    """Return the totals of the person's credits. One query."""
    posted = Exists(Posting.objects.filter(credit=OuterRef("pk")))
    live = LIVE_CREDIT
    sums = Credit.objects.filter(person=person).aggregate(
        lines=Count("pk"),
        trainings=Count("claim", filter=live, distinct=True),
        ended=Count("claim", filter=~Q(claim__state__in=sorted(LIVE)), distinct=True),
        credits=Sum("amount", filter=live, default=ZERO),
        posted=Sum("amount", filter=live & Q(posted), default=ZERO),
        archived=Sum("amount", filter=live & ~Q(posted), default=ZERO),
        pending=Sum("amount", filter=live & Q(claim__state=ClaimState.PENDING), default=ZERO),
    )
    return CreditTotals(**sums)


def credits_with_postings(person: User) -> "QuerySet[PostedCredit]":
    """Return the person's credits with event and category, most recently earned first. One query.

    Annotated with `earned_on`; `posted_in`, the ids of the participations the credit is posted to;
    `recorded_in`, the certificates whose record has it; and `catalog_years`, the fiscal years in
    which the event was in the catalog. `open_ticket_of` reads the open ticket.
    """
    posted_in = Posting.objects.filter(credit=OuterRef("pk")).order_by("participation_id")
    recorded_in = counting_queries.certificates_recording(OuterRef("pk")).filter(
        person=OuterRef("person")
    )
    certificate = JSONObject(
        number="number",
        participation="participation",
        track="participation__track",
    )
    credits = with_open_tickets(Credit.objects.filter(person=person))
    return (
        with_earned_on(credits)
        .annotate(
            posted_in=ArraySubquery(posted_in.values("participation_id")),
            recorded_in=ArraySubquery(recorded_in.order_by("pk").values_list(certificate)),
            catalog_years=approved_years("claim__event"),
        )
        .select_related("category", "claim__event")
        .only(*CREDIT_ROW_FIELDS)
        .order_by("-earned_on", "-claim_id", "line")
    )


def with_details(credits: "QuerySet[PostedCredit]") -> "QuerySet[PostedCredit]":
    """Add the history and the files of each credit's claim, without another query.

    An opened line of a credit shows them: see presentation.credit_details().
    """
    files = Evidence.objects.filter(claim=OuterRef("claim_id")).order_by("pk")
    file = JSONObject(pk="pk", name="file_name", size="size")
    with_files: Any = credits.annotate(files=ArraySubquery(files.values_list(file)))
    detailed: QuerySet[PostedCredit] = history.with_history(with_files)
    return detailed


def load_ended_by(credits: "QuerySet[PostedCredit]") -> "list[PostedCredit]":
    """Load the credits with the people who ended claims or withdrew lines, and their groups.

    Used by credits.history.how_credit_ended(). Two queries.
    """
    people = credits.select_related("claim__decided_by", "withdrawn_by")
    loaded = list(people.only(*CREDIT_ROW_FIELDS, *ENDED_BY_FIELDS))
    ended_by = [
        by for credit in loaded for by in (credit.claim.decided_by, credit.withdrawn_by) if by
    ]
    prefetch_related_objects(ended_by, "groups")
    return loaded


def transcript_lines(person: User) -> list[TranscriptLine]:
    """Return all of the person's credits with the fields that totals need, latest earned first.

    One fast query, because a page with 25 rows shows the totals of 2,000 credits.
    """
    names = (
        *("pk", "claim_id", "claimed_on", "claim__state", "withdrawn_at", "earned_on"),
        *("category_id", "amount"),
        *("claim__event__title", "claim__event__sponsor", "claim__event__presenter"),
        "postings__participation",
    )
    # Filter the claims too, or PostgreSQL reads everyone's.
    own = Credit.objects.filter(person=person, claim__person=person)
    # Read only the day, because parsing a datetime takes as long as the rest of the row.
    dated = with_earned_on(own).annotate(claimed_on=MountainDay("claim__claimed_at"))
    rows = dated.values_list(*names).order_by("-earned_on", "-claim_id", "line")
    lines: list[TranscriptLine] = []
    # There is one row per posting. Aggregating them in the database would take longer.
    last = None
    for row in rows:
        if row[0] != last:
            last = row[0]
            lines.append(TranscriptLine._make((*row[:-1], [])))
        if row[-1] is not None:
            lines[-1].posted_in.append(row[-1])
    return lines
