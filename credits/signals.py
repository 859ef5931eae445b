"""Signals for the apps that build on this one. Receivers run in the sender's transaction."""

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, TypeVar

from django.db.models import Model, QuerySet, Subquery
from django.dispatch import Signal
from django.urls import reverse
from django.utils import timezone

from aspen.formats import format_short_day

# Credits were claimed, approved, returned, declined, withdrawn, or moved to another category or
# event. Arguments: credit_ids (list of int). Receivers return PostingChanges.
credits_changed = Signal()

CreditParticipationPairs = frozenset[tuple[int, int]]


# A merge was undone, and the claims are back. Arguments: reopened (list of int), the ids of the
# submitted records that the merge reopened; by (User).
merge_undone = Signal()


class RecordEffect(NamedTuple):
    """What a change did to a submitted record, as a sentence that names the person and the track.

    `submission_id` is an id of the app above. A record that `is_reopened` must be submitted again.
    """

    submission_id: int
    text: str
    is_reopened: bool


class PostingChanges(NamedTuple):
    """Postings added, removed and kept, as pairs of credit and participation ids.

    `records` are the effects on submitted records.
    """

    added: CreditParticipationPairs = frozenset()
    removed: CreditParticipationPairs = frozenset()
    kept: CreditParticipationPairs = frozenset()
    records: frozenset[RecordEffect] = frozenset()

    def __or__(self, other: "PostingChanges") -> "PostingChanges":
        return PostingChanges(
            self.added | other.added,
            self.removed | other.removed,
            self.kept | other.kept,
            self.records | other.records,
        )


class OpenTicket(NamedTuple):
    """A help ticket about a credit that waits for the help desk, and its page for the person."""

    asked_on: dt.date
    url: str

    def __str__(self) -> str:
        return f"Asked on {format_short_day(self.asked_on)}"


# Hooks: the app above appends functions in AppConfig.ready(), because this app cannot import it.
# Each function takes the ids of claims of one event, and returns those that it found.
ClaimIdsHook = Callable[[Collection[int]], set[int]]

# Claims with credits in a record that was submitted and is not certified yet.
sent_record_hooks: list[ClaimIdsHook] = []
# Claims with credits that a certificate counts, unless it was revoked.
certificate_hooks: list[ClaimIdsHook] = []


def claims_in_sent_records(claim_ids: Collection[int]) -> set[int]:
    """Return the claims that a submitted record contains. Takes one query."""
    return set().union(*(hook(claim_ids) for hook in sent_record_hooks))


def claims_in_certificates(claim_ids: Collection[int]) -> set[int]:
    """Return the claims that a certificate counts. Takes one query."""
    return set().union(*(hook(claim_ids) for hook in certificate_hooks))


# Each function returns the tickets about the credit of the outer query that wait for the help desk.
open_ticket_hooks: list[Callable[[], QuerySet[Any]]] = []
Credits = TypeVar("Credits", bound=Model)


def with_open_tickets(credits: QuerySet[Credits]) -> QuerySet[Credits]:
    """Add the latest open ticket about each credit to a query for credits: see `open_ticket_of`."""
    annotations: dict[str, Subquery] = {}
    for hook in open_ticket_hooks:
        latest = hook().order_by("-opened_at", "-id")
        annotations["open_ticket_id"] = Subquery(latest.values("id")[:1])
        annotations["open_ticket_at"] = Subquery(latest.values("opened_at")[:1])
    annotated: QuerySet[Credits] = credits.annotate(**annotations)
    return annotated


def open_ticket_of(credit: Any) -> OpenTicket | None:
    """Return the open ticket about a credit that `with_open_tickets` loaded. Takes no query."""
    if credit.open_ticket_id is None:
        return None
    asked_on = timezone.localdate(credit.open_ticket_at)
    return OpenTicket(asked_on, reverse("helpdesk:detail", args=[credit.open_ticket_id]))
