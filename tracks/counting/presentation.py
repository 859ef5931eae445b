"""Progress and credits as pages show them. No queries."""

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from aspen import formats
from aspen.db.last_change import UNDO_WINDOW
from aspen.formats import format_amount, format_credits, format_day, format_short_day
from aspen.web.labels import Label
from credits import history
from credits.enums import (
    CLAIM_LABELS,
    ENDED,
    LIVE,
    PENDING_OR_RETURNED,
    WITHDRAWN_CREDIT,
    ClaimRole,
    ClaimSource,
    ClaimState,
)
from credits.history import HistoryEntry
from credits.models import Claim, Credit
from credits.rules import has_certificate
from credits.signals import OpenTicket, open_ticket_of
from events.enums import EventState, Origin
from events.models import Category, Event
from events.rules import may_revise
from events.uploads import EVIDENCE_ACCEPT
from tracks.counting import eligibility, forecast
from tracks.counting.credits import CreditTotals
from tracks.counting.progress import Progress, measure_progress
from tracks.counting.queries import TrackProgress
from tracks.enums import ARCHIVED, NOT_COUNTED, POSTED, SUBMITTED_OR_REVIEWED
from tracks.models import Participation, RuleSet

if TYPE_CHECKING:
    from tracks.counting.credits import PostedCredit

CHART_WIDTH = 600
ALL_CATEGORIES = 4


def rule_set_text(rule_set: RuleSet) -> str:
    """Return, for example, “60 credits in 4 years: at least 30 in Technology; the other 30 …”"""
    requirements = list(rule_set.requirements.all())
    minimums = [
        f"{format_amount(line.minimum)} in {line.category}" for line in requirements if line.minimum
    ]
    free = measure_progress(rule_set, {}).elective_required
    where = _elective_from([str(line.category) for line in requirements])
    start = f"{format_credits(rule_set.total)} in {formats.counted(rule_set.years, 'year')}"
    if not minimums:
        return f"{start}, {where}."
    rest = f"; the other {format_amount(free)} {where}" if free else ""
    return f"{start}: at least {join_names(minimums)}{rest}."


def _elective_from(counted: list[str]) -> str:
    """Return where elective credits can be earned: in any category, or only in those that count."""
    return "in any category" if len(counted) == ALL_CATEGORIES else f"in {' or '.join(counted)}"


def join_names(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def missing_text(progress: Progress) -> str:
    if progress.is_complete:
        return "All requirements are met."
    parts = [
        f"{format_amount(line.missing)} in {line.category}"
        for line in progress.lines
        if line.missing
    ]
    if progress.elective_missing:
        more = "more " if parts else ""
        where = _elective_from([str(line.category) for line in progress.lines])
        parts.append(f"{format_amount(progress.elective_missing)} {more}{where}")
    return f"Still needed: {join_names(parts)}."


class BarPart(NamedTuple):
    """A part of a bar; `slug` is the category of earned credits, or "" for missing ones."""

    x: int
    width: int
    slug: str = ""


@dataclasses.dataclass(frozen=True)
class ProgressBar:
    """A bar CHART_WIDTH units wide (templates/includes/progress_bar.html)."""

    id: str
    text: str
    parts: list[BarPart]
    missing: list[BarPart]
    notches: list[int]


def progress_bar(progress: Progress, *, name: str, id: str) -> ProgressBar:
    """Draw a bar as long as the total: a block for each minimum, then the elective credits.

    Earned credits have the category's color, missing ones are hatched, and a notch marks the end of
    each minimum.
    """
    pen = _BarPen(progress.total)
    for line in progress.lines:
        if line.minimum:
            pen.fill(line.toward_minimum, line.category.slug)
            pen.hatch(line.missing)
            pen.notch()
    room = progress.elective_required
    for line in progress.lines:
        elective = min(line.elective, room)
        room -= elective
        pen.fill(elective, line.category.slug)
    pen.hatch(room)
    text = (
        f"{name}: {format_amount(progress.counted)} of {format_credits(progress.total)}. "
        f"{missing_text(progress)}"
    )
    return ProgressBar(id=id, text=text, parts=pen.parts, missing=pen.missing, notches=pen.notches)


class _BarPen:
    def __init__(self, total: Decimal) -> None:
        self.total = total
        self.done = Decimal(0)
        self.parts: list[BarPart] = []
        self.missing: list[BarPart] = []
        self.notches: list[int] = []

    def _x(self) -> int:
        return round(self.done / self.total * CHART_WIDTH)

    def _advance(self, amount: Decimal, slug: str = "") -> BarPart:
        start = self._x()
        self.done += amount
        return BarPart(start, self._x() - start, slug)

    def fill(self, amount: Decimal, slug: str) -> None:
        if amount:
            self.parts.append(self._advance(amount, slug))

    def hatch(self, amount: Decimal) -> None:
        if amount:
            self.missing.append(self._advance(amount))

    def notch(self) -> None:
        if self.done < self.total:
            self.notches.append(self._x() - 1)


class ProgressRow(NamedTuple):
    """A line of the legend: credits in a category, electives, or the total."""

    earned: str
    minimum: str
    missing: str
    category: Category | None = None


def _progress_row(
    earned: Decimal, minimum: Decimal, missing: Decimal, category: Category | None = None
) -> ProgressRow:
    return ProgressRow(
        format_amount(earned), format_amount(minimum), format_amount(missing), category
    )


class TrackSummary(NamedTuple):
    """A participation's progress as of a day, for progress_block.html and the pages around it.

    `opening` begins the sentence with the number of credits. `advice` says what to do about a
    period that will not be complete in time at this pace, and about credits that age out.
    """

    participation: Participation
    name: str
    url: str
    rules: str
    bar: ProgressBar
    counted: str
    total: str
    missing: str
    complete: bool
    selected_on: str
    counts_from: str
    closes_on: str
    days_left: str
    forecast: str
    opening: str
    advice: str
    rows: list[ProgressRow]
    elective: ProgressRow
    all: ProgressRow


def track_summary(track_progress: TrackProgress, on: dt.date) -> TrackSummary:
    participation, progress, counted_credits = track_progress
    name = str(participation.track)
    track_forecast = forecast.make_forecast(
        progress=progress,
        counted=counted_credits,
        today=on,
        counts_from=participation.counts_from,
        closes_on=participation.closes_on,
        years=participation.rule_set.years,
    )
    is_sent = participation.state in SUBMITTED_OR_REVIEWED
    return TrackSummary(
        participation=participation,
        name=name,
        url=participation.get_absolute_url(),
        rules=rule_set_text(participation.rule_set),
        bar=progress_bar(progress, name=name, id=f"track-{participation.pk}"),
        counted=format_amount(progress.counted),
        total=format_credits(progress.total),
        missing=missing_text(progress),
        complete=progress.is_complete,
        selected_on=format_day(participation.selected_on),
        counts_from=format_day(participation.counts_from),
        closes_on=format_day(participation.closes_on),
        days_left=forecast.format_days_left(track_forecast),
        forecast="" if is_sent else forecast.forecast_text(track_forecast),
        opening=_opening(progress, track_forecast),
        advice="" if is_sent else forecast.advice_text(track_forecast),
        rows=[
            _progress_row(line.earned, line.minimum, line.missing, line.category)
            for line in progress.lines
        ],
        elective=_progress_row(
            progress.elective_earned, progress.elective_required, progress.elective_missing
        ),
        all=_progress_row(progress.counted, progress.total, progress.missing),
    )


def _opening(progress: Progress, track_forecast: forecast.Forecast) -> str:
    if progress.is_complete:
        return "You meet all requirements:"
    return "You are on track:" if track_forecast.done_on else "You have"


def totals_text(totals: CreditTotals) -> str:
    """Return, for example, “24.5 credits from 12 trainings: 20 posted, 4.5 archived. 1 claim …”"""
    text = (
        f"{format_credits(totals.credits)} from {formats.counted(totals.trainings, 'training')}: "
        f"{format_amount(totals.posted)} posted, {format_amount(totals.archived)} archived."
    )
    if totals.ended:
        claims = formats.counted(totals.ended, "claim was", "claims were")
        text += f" {claims} declined or withdrawn."
    return text


class Revision(NamedTuple):
    """The link to change training that the person entered with Create New…."""

    event_id: int
    text: str


def _revision(claim: Claim) -> Revision | None:
    event = claim.event
    if claim.state not in PENDING_OR_RETURNED or not may_revise(event, claim.person_id):
        return None
    is_returned = claim.state == ClaimState.RETURNED
    return Revision(event.pk, "Edit and resubmit" if is_returned else "Edit")


class FileRow(NamedTuple):
    pk: int
    name: str
    size: str


class CreditDetails(NamedTuple):
    """What an opened line shows and offers beyond the credit's row.

    `accept` lists the kinds of files for a file input. `again_claim_id` is for entering the
    training again with another date, `undo_claim_id` for undoing the person's withdrawal.
    """

    history: list[HistoryEntry]
    files: list[FileRow]
    note: str
    accept: str
    can_add_files: bool
    can_change: bool
    again_claim_id: int | None
    undo_claim_id: int | None


def credit_details(credit: "PostedCredit", *, reader: User) -> CreditDetails:
    """Return the details of a credit that credits.with_details() loaded. Takes no query."""
    loaded: Any = credit
    claim = credit.claim
    is_withdrawn = (
        claim.state == ClaimState.WITHDRAWN
        and claim.decided_by_id == claim.person_id
        and claim.decided_at is not None
        and claim.decided_at > timezone.now() - UNDO_WINDOW
    )
    return CreditDetails(
        history=history.credit_history(credit, reader=reader),
        files=[
            FileRow(each["pk"], each["name"], filesizeformat(each["size"])) for each in loaded.files
        ],
        note=claim.note,
        accept=EVIDENCE_ACCEPT,
        can_add_files=claim.state in LIVE,
        can_change=claim.state in PENDING_OR_RETURNED,
        again_claim_id=claim.pk if claim.source == ClaimSource.CUSTOM else None,
        undo_claim_id=claim.pk if is_withdrawn else None,
    )


class CreditRow(NamedTuple):
    """A credit with its state and, for each track, whether it counts and, if not, why.

    `means` says what the state means, if that needs an explanation. Lines that open have `details`.
    """

    id: int
    claim_id: int
    title: str
    url: str
    role: str
    when: str
    earned_on: str
    category: Category
    amount: str
    state: Label
    means: str
    reason: str
    archived: Label | None
    tracks: list[str]
    revise: Revision | None
    withdraw_claim_id: int | None
    certificate_url: str
    open_ticket: OpenTicket | None
    details: CreditDetails | None


def credit_row(
    credit: "PostedCredit",
    participations: list[Participation],
    *,
    ending: HistoryEntry | None = None,
    details: CreditDetails | None = None,
) -> CreditRow:
    """Build a credit's row. `ending`, if given, also says who ended it and when."""
    claim = credit.claim
    state = ClaimState(claim.state)
    ended = state in ENDED or credit.withdrawn_at is not None
    is_credit_withdrawn = credit.withdrawn_at and state not in ENDED
    return CreditRow(
        id=credit.pk,
        claim_id=claim.pk,
        title=claim.event.title,
        url=claim.event.get_absolute_url(),
        role=str(ClaimRole.PRESENTER.label) if claim.role == ClaimRole.PRESENTER else "",
        when=format_short_day(credit.earned_on),
        earned_on=format_day(credit.earned_on),
        category=credit.category,
        amount=format_amount(credit.amount),
        state=WITHDRAWN_CREDIT if is_credit_withdrawn else CLAIM_LABELS[state],
        means=_meaning(state, claim.event),
        reason=str(ending) if ending else credit.withdrawn_reason or claim.reason,
        archived=None if ended or credit.posted_in else ARCHIVED,
        tracks=[] if ended else _verdicts(credit, participations),
        revise=_revision(claim),
        withdraw_claim_id=claim.pk if state == ClaimState.PENDING else None,
        certificate_url=_certificate_url(credit),
        open_ticket=open_ticket_of(credit),
        details=details,
    )


def _certificate_url(credit: Credit) -> str:
    """Return the URL of the certificate of attendance, or "" if there can be none."""
    claim = credit.claim
    if credit.withdrawn_at or not has_certificate(claim):
        return ""
    return reverse("attendance:own", args=[claim.event_id])


def _meaning(state: ClaimState, event: Event) -> str:
    """Return who verifies a pending credit, which counts until then."""
    if state != ClaimState.PENDING:
        return ""
    if event.origin == Origin.CUSTOM and event.state == EventState.PENDING:
        return "It counts. Staff will verify it."
    return "It counts. It is verified with your record for a track."


class CountingRow(NamedTuple):
    """A credit on a track's page: whether it counts toward this participation and, if not, why."""

    credit: CreditRow
    labels: list[Label]
    why_not: str


def counting_row(credit: "PostedCredit", participation: Participation) -> CountingRow:
    is_posted = participation.pk in credit.posted_in
    check = eligibility.why_aged_out if is_posted else eligibility.why_not_posted
    why_not = check(credit, participation) or ""
    counts = is_posted and not why_not
    labels = [POSTED if counts else NOT_COUNTED]
    if counts and credit.claim.state == ClaimState.PENDING:
        labels.append(CLAIM_LABELS[ClaimState.PENDING])
    return CountingRow(credit_row(credit, []), labels, why_not)


def _verdicts(credit: "PostedCredit", participations: list[Participation]) -> list[str]:
    """Return, for each track, whether the credit counts toward it and, if not, why."""
    counted = {
        each.track_id
        for each in participations
        if each.certified_as and each.pk in credit.posted_in
    }
    verdicts = []
    for participation in participations:
        track = str(participation.track)
        if participation.certified_as:
            verdicts += _certified_verdicts(credit, participation)
        elif participation.pk not in credit.posted_in:
            reason = eligibility.why_not_posted(credit, participation)
            if participation.track_id not in counted:  # already listed with its certificate
                verdicts.append(f"Not in {track}: {reason}" if reason else f"Not in {track}.")
        elif aged := eligibility.why_aged_out(credit, participation):
            verdicts.append(f"Posted to {track}. {aged}")
        elif not_sent := eligibility.why_not_in_sent_record(credit, participation):
            verdicts.append(f"Posted to {track}. {not_sent}")
        else:
            verdicts.append(f"Posted to {track}")
    return verdicts


def _certified_verdicts(credit: "PostedCredit", participation: Participation) -> list[str]:
    """Return whether the certificate counted the credit or did not need it, if in its record."""
    if participation.pk in credit.posted_in:
        return [counted_in(participation)]
    if eligibility.was_surplus(credit, participation):
        certificate = f"certificate {participation.certified_as}, {participation.track}"
        return [f"Not needed for {certificate}."]
    return []


def counted_in(participation: Participation) -> str:
    return f"Counted in certificate {participation.certified_as}, {participation.track}"


def period_label(participation: Participation) -> str:
    """Return the track, with the certificate number if certified (a track can have several)."""
    number = participation.certified_as
    return f"{participation.track}, certificate {number}" if number else str(participation.track)
