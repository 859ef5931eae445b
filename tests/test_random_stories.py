"""Random stories of a few people, compared step by step with a small model of the rules.

The model uses dictionaries instead of a database, and has the rules of docs/rules.md in a few lines
each. The clock moves between acts, by an hour or by years, so events end, credits age out, periods
close, and certificates are followed by new periods. After every step, the portal's claims, credits,
postings and totals must match the model, and check_credits must find nothing. Hypothesis generates
the stories and shortens those that fail.

`make test` runs a few stories, always the same ones.
`STORIES=2000 make pytest ARGS=tests/test_random_stories.py` runs more, different each time.
"""

import dataclasses
import datetime as dt
import functools
import os
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from dateutil.relativedelta import relativedelta
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import event as note_event
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.enums import Role
from accounts.models import User
from aspen.clock import today
from aspen.errors import Refused
from aspen.models import Mail
from credits import actions
from credits.enums import ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import actions as event_actions
from events.enums import Attendance, Decision, EventState
from events.models import Category, Event, Registration
from helpdesk import actions as helpdesk_actions
from tests import factories as make
from tracks import integrity, reminders
from tracks.actions import (
    confirm_change,
    extend_participations,
    leave_track,
    refuse_record,
    renew_link,
    resume_track,
    return_submission,
    review_submission,
    revoke_certificate,
    select_track,
    verify_record,
    withdraw_submission,
)
from tracks.certification import record
from tracks.certification.emails import remind_supervisors
from tracks.certification.queries import sent_record
from tracks.counting import queries as counting_queries
from tracks.enums import ACTIVE
from tracks.models import (
    Certificate,
    Participation,
    Posting,
    Requirement,
    RuleSet,
    Submission,
    Track,
)

STORIES = int(os.environ.get("STORIES", "8"))
STEPS = 20
LIVE = {"pending", "approved", "returned"}
# Low requirements, so that a short story can earn a certificate: the total, and the minimum in
# Library Administration.
RULES = {"Library Staff": (Decimal("1.5"), 0), "Library Trustee": (Decimal(2), Decimal("0.5"))}
AGES = (7, 400, 2200)  # days ago: recent, within four years, and older
SLUGS = (make.ADMINISTRATION, make.PUBLIC, make.COLLECTION, make.TECHNOLOGY)
PEOPLE = 3
MOUNTAIN = ZoneInfo("America/Denver")
# Before and after a leap year's February, before clocks go back, and at the end of a fiscal year.
STARTS = [
    dt.datetime(2027, 2, 27, 9, tzinfo=MOUNTAIN),
    dt.datetime(2028, 2, 29, 12, tzinfo=MOUNTAIN),
    dt.datetime(2027, 11, 6, 21, tzinfo=MOUNTAIN),
    dt.datetime(2027, 6, 30, 22, tzinfo=MOUNTAIN),
]
LAST_YEAR = 2085  # the calendar ends in 2099
LINK_DAYS = 30
REMINDER_MONTHS = (12, 6, 3, 1)


# ---------- The model ----------


def years_from(day: dt.date, years: int) -> dt.date:
    """Return the same day in another year. February 29 becomes February 28."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


@dataclasses.dataclass
class Training:
    """A calendar event, or a custom event by `author`."""

    pk: int
    begins: dt.datetime
    ends: dt.datetime | None
    all_day: bool
    lines: dict[str, Decimal]
    state: str = "published"
    author: int | None = None
    attendance: dict[int, str] = dataclasses.field(default_factory=dict)  # by registered person
    settled: set[int] = dataclasses.field(default_factory=set)

    @property
    def day(self) -> dt.date:
        """The day on which the training ended. Midnight belongs to the day before."""
        if self.ends is None or self.all_day:
            return (self.ends or self.begins).astimezone(MOUNTAIN).date()
        just_before = self.ends.astimezone(dt.UTC) - dt.timedelta(seconds=1)
        return just_before.astimezone(MOUNTAIN).date()

    @property
    def over_at(self) -> dt.datetime:
        """The end, or the end of the day for a training without an end time."""
        if self.ends is None or self.all_day:
            return dt.datetime.combine(self.day + dt.timedelta(days=1), dt.time(), MOUNTAIN)
        return self.ends

    @property
    def is_over(self) -> bool:
        return self.over_at <= timezone.now()

    @property
    def earns(self) -> bool:
        return self.state == "published" and self.is_over


@dataclasses.dataclass
class ModelClaim:
    """A claim with its credit lines."""

    person: int
    training: Training
    state: str
    lines: list[tuple[str, Decimal]]
    at: dt.datetime = dataclasses.field(default_factory=timezone.now)
    is_award: bool = False
    withdrawn_by_person: bool = False
    withdrawn_with_event: bool = False
    decisions: int = 0

    def decide(self, state: str, *, with_event: bool = False) -> None:
        self.state = state
        self.withdrawn_with_event = with_event
        self.decisions += 1


@dataclasses.dataclass
class ModelMerge:
    """A merge.

    `moved` lists the moved claims with their earlier states. `decided` lists the claims whose state
    the merge changed, with their earlier states and their number of decisions right after it.
    """

    pk: int
    source: Training
    target: Training
    source_state: str
    moved: list[tuple[ModelClaim, str]]
    decided: list[tuple[ModelClaim, str, int]]
    at: dt.datetime = dataclasses.field(default_factory=timezone.now)


@dataclasses.dataclass
class ModelPeriod:
    """A participation: the first and last day that count, and the lines of a submitted record.

    `follows` is the id of the certificate before it. The record was `sent_on` a day, and the
    supervisor was `asked_on` a day. `recorded` has the ids of all claims in the record, counted or
    surplus. `confirmed` has the lines that the CE Coordinator confirmed last.
    """

    pk: int
    first: dt.date
    last: dt.date
    follows: int | None = None
    state: str = "open"
    sent_on: dt.date = dt.date.min
    asked_on: dt.date = dt.date.min
    recorded: set[int] = dataclasses.field(default_factory=set)
    confirmed: list[tuple[ModelClaim, str, Decimal]] = dataclasses.field(default_factory=list)
    submitted: list[tuple[ModelClaim, str, Decimal]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class ModelCertificate:
    """A certificate with the lines it counted and the ids of the claims in its record."""

    pk: int
    period: ModelPeriod
    lines: list[tuple[str, Decimal]]
    recorded: set[int]
    sent_on: dt.date
    issued_on: dt.date
    is_revoked: bool = False


class Model:
    """The expected state of the portal."""

    def __init__(self) -> None:
        self.trainings: dict[int, Training] = {}
        self.claims: list[ModelClaim] = []
        self.periods: dict[tuple[int, str], ModelPeriod] = {}
        self.left: dict[tuple[int, str], list[ModelPeriod]] = {}
        self.certificates: dict[tuple[int, str], list[ModelCertificate]] = {}
        self.reminders: set[tuple[int, dt.date, int]] = set()

    def claims_of(self, person: int, training: Training) -> list[ModelClaim]:
        return [each for each in self.claims_on(training) if each.person == person]

    def claims_on(self, training: Training) -> list[ModelClaim]:
        return [each for each in self.claims if each.training is training]

    def live(self, person: int, training: Training) -> ModelClaim | None:
        claims = self.claims_of(person, training)
        return next((claim for claim in claims if claim.state in LIVE), None)

    def all_live(self, training: Training) -> list[ModelClaim]:
        return [claim for claim in self.claims_on(training) if claim.state in LIVE]

    def add(self, person: int, training: Training, state: str = "pending") -> None:
        lines = [(slug, training.lines[slug]) for slug in SLUGS if slug in training.lines]
        self.claims.append(ModelClaim(person, training, state, lines))

    def award(self, person: int, training: Training) -> None:
        if self.can_be_awarded(person, training):
            self.add(person, training, "approved")
            self.claims[-1].is_award = True

    def can_be_awarded(self, person: int, training: Training) -> bool:
        """Return True if this person can be awarded the training.

        A live, declined or personally withdrawn claim prevents it, and so does an absence.
        """
        has_claim = any(
            claim.state in {*LIVE, "declined"} or claim.withdrawn_by_person
            for claim in self.claims_of(person, training)
        )
        return not has_claim and training.attendance.get(person) != "absent"

    def restore_awards(self, training: Training) -> None:
        """Approve each person's latest award again when its event is no longer canceled."""
        for claim in reversed(self.claims):
            ended_with_event = (
                claim.training is training and claim.is_award and claim.withdrawn_with_event
            )
            was_over = claim.at >= training.over_at
            if ended_with_event and was_over and self.can_be_awarded(claim.person, training):
                claim.decide("approved")
                note_event("an award is restored with its event")

    def may_claim(self, person: int, training: Training) -> bool:
        """Return True if this person can claim the training.

        It must be published and over. A live or declined claim prevents it, and so does an absence.
        """
        return (
            training.earns
            and not any(
                claim.state in {*LIVE, "declined"} for claim in self.claims_of(person, training)
            )
            and training.attendance.get(person) != "absent"
        )

    def follow(self, training: Training) -> None:
        """Withdraw or restore claims after a change to the state or the days of their event."""
        if not training.earns:
            training.settled.clear()
            for claim in self.all_live(training):
                claim.decide("withdrawn", with_event=True)
            return
        self.restore_awards(training)
        self.settle(training)

    def settle(self, training: Training) -> None:
        """Give registered people their credit unless they were absent."""
        if not training.earns:
            return
        for person in set(training.attendance) - training.settled:
            training.settled.add(person)
            self.attended(person, training)

    def attended(self, person: int, training: Training) -> None:
        if training.attendance[person] == "absent":
            if claim := self.live(person, training):
                claim.decide("withdrawn")
            return
        if self.can_be_awarded(person, training):
            self.add(person, training)

    def merge(self, pk: int, source: Training, target: Training) -> ModelMerge:
        """Move every live claim. People who claimed both events keep the claim on the target."""
        self.settle(source)
        merge = ModelMerge(pk, source, target, source.state, [], [])
        approves = target.author is not None and target.state == "published"
        for claim in self.all_live(source):
            before = claim.state
            if self.live(claim.person, target):
                claim.decide("withdrawn")
            else:
                merge.moved.append((claim, before))
                claim.training = target
                if approves and before != "approved":
                    claim.decide("approved")
                elif before == "returned":
                    claim.decide("pending")
            if claim.state != before:
                merge.decided.append((claim, before, claim.decisions))
        source.state = "merged"
        return merge

    def undo(self, merge: ModelMerge) -> None:
        """Restore the state before the merge.

        Keep decisions made since then. Restore claims that were withdrawn with the target.
        """
        for claim, state in merge.moved:
            claim.training = merge.source
            if claim.state == "returned" and merge.source_state != "draft":
                claim.decide(state)
            if claim.state == "withdrawn" and not claim.withdrawn_by_person:
                claim.decide(state)
        for claim, state, decisions in merge.decided:
            if claim.decisions == decisions:
                claim.decide(state)
        merge.source.state = merge.source_state

    def valid(self, person: int, track: str) -> list[ModelCertificate]:
        """Return the person's certificates that were not revoked, valid or expired, by date."""
        return [each for each in self.certificates.get((person, track), []) if not each.is_revoked]

    def latest(self, person: int, track: str) -> int | None:
        """Return the id of the latest of these certificates."""
        valid = self.valid(person, track)
        return valid[-1].pk if valid else None

    def begin(self, pk: int, person: int, track: str) -> None:
        """Start a period on the day of the latest certificate's record, or else four years back."""
        valid = self.valid(person, track)
        first = valid[-1].sent_on if valid else years_from(today(), -4)
        last = years_from(today(), 4)
        self.periods[person, track] = ModelPeriod(pk, first, last, self.latest(person, track))

    def lines(self, person: int, track: str) -> list[tuple[ModelClaim, str, Decimal]]:
        """Return the lines posted to a person's period.

        They are live, earned from its first through its last day and not in the record of a
        certificate.
        """
        period = self.periods[person, track]
        recorded = {claim for issued in self.valid(person, track) for claim in issued.recorded}
        return [
            (claim, slug, amount)
            for claim in self.claims
            if claim.person == person and claim.state in LIVE and id(claim) not in recorded
            if period.first <= claim.training.day <= period.last
            for slug, amount in claim.lines
        ]

    def counted(
        self, person: int, track: str, on: dt.date
    ) -> list[tuple[ModelClaim, str, Decimal]]:
        """Return the posted lines that were earned in the four years ending on a day."""
        lines = self.lines(person, track)
        return [line for line in lines if years_from(on, -4) <= line[0].training.day <= on]

    def is_complete(self, person: int, track: str, on: dt.date) -> bool:
        total, minimum = RULES[track]
        lines = self.counted(person, track, on)
        administration = sum(amount for _, slug, amount in lines if slug == make.ADMINISTRATION)
        return sum(amount for *_, amount in lines) >= total and administration >= minimum

    def has_record(self, *states: str) -> bool:
        return any(period.state in states for period in self.periods.values())

    def remind(self) -> None:
        """Remind everyone whose open period ends, once for each of the numbers of months."""
        for period in self.periods.values():
            months = [
                each
                for each in REMINDER_MONTHS
                if today() < period.last <= today() + relativedelta(months=each)
            ]
            if period.state == "open" and months:
                self.reminders.add((period.pk, period.last, min(months)))

    def postings(self) -> set[tuple[int, str, str, Decimal, int]]:
        """Return all postings to active periods: person, track, category, amount and training."""
        return {
            (person, track, slug, amount, claim.training.pk)
            for person, track in self.periods
            for claim, slug, amount in self.lines(person, track)
        }

    def credits(self) -> list[tuple[Any, ...]]:
        return sorted(
            (claim.person, claim.training.pk, claim.state, slug, amount)
            for claim in self.claims
            for slug, amount in claim.lines
        )


# ---------- Stories ----------


@functools.cache
def integrity_statements() -> Callable[[], bool]:
    """Return a function that runs the statements of check_credits and says if any finds a row.

    Django takes far longer to write them than PostgreSQL to run them.
    """
    statements: list[tuple[str, Any]] = []
    written_at = timezone.now()

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        assert integrity.find_violations() == []

    def find() -> bool:
        now = timezone.now()
        with connection.cursor() as cursor:
            for sql, params in statements:
                cursor.execute(sql, [now if each == written_at else each for each in params])
                if cursor.fetchone():
                    return True
        return False

    return find


class Stories(RuleBasedStateMachine):
    people = st.integers(0, PEOPLE - 1)
    calendar = Bundle("calendar")
    upcoming = Bundle("upcoming")
    custom = Bundle("custom")
    merges = Bundle("merges")
    amounts = st.integers(1, 4).map(lambda halves: Decimal(halves) / 2)
    halves = st.sampled_from([Decimal("0.5"), Decimal(1)])
    slugs = st.sampled_from(SLUGS)
    tracks = st.sampled_from(sorted(RULES))

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.stack.enter_context(transaction.atomic())
        self.stack.callback(transaction.set_rollback, True)
        self.staff = make.person(Role.CE_COORDINATOR)
        self.users = [make.person() for _ in range(PEOPLE)]
        self.number = {user.pk: number for number, user in enumerate(self.users)}
        self.categories = {each.slug: each for each in Category.objects.order_by("pk")}
        self.model = Model()
        for track, (total, minimum) in RULES.items():
            rule_sets = RuleSet.objects.filter(track__name=track)
            rule_sets.update(total=total)
            lines = Requirement.objects.filter(rule_set__in=rule_sets)
            lines.update(minimum=0)
            lines.filter(category__slug=make.ADMINISTRATION).update(minimum=minimum)

    def teardown(self) -> None:
        self.stack.close()

    # The clock

    @initialize(start=st.sampled_from(STARTS))
    def begins(self, start: dt.datetime) -> None:
        self.clock = self.stack.enter_context(time_machine.travel(start, tick=False))

    @rule(hours=st.sampled_from((1, 3, 12, 30)))
    def hours_pass(self, hours: int) -> None:
        self.move_clock(timezone.now() + dt.timedelta(hours=hours))

    @rule()
    def midnight_comes(self) -> None:
        tomorrow = timezone.now().astimezone(MOUNTAIN).date() + dt.timedelta(days=1)
        self.move_clock(dt.datetime.combine(tomorrow, dt.time(), MOUNTAIN))

    @rule(days=st.sampled_from((1, 8, 30, 31)))
    def days_pass(self, days: int) -> None:
        self.pass_days(days)

    @rule(months=st.sampled_from((3, 11, 13)))
    def months_pass(self, months: int) -> None:
        self.move_clock(timezone.now().astimezone(MOUNTAIN) + relativedelta(months=months))

    @precondition(lambda self: timezone.now().year < LAST_YEAR)
    @rule(years=st.sampled_from((1, 3, 4, 5)))
    def years_pass(self, years: int) -> None:
        self.move_clock(timezone.now().astimezone(MOUNTAIN) + relativedelta(years=years))

    def move_clock(self, moment: dt.datetime) -> None:
        """Move the clock, and run the jobs that add credits and send reminders."""
        self.clock.move_to(moment)
        event_actions.settle_due()
        for training in self.model.trainings.values():
            self.model.settle(training)
        reminders.remind_of_ends()
        remind_supervisors()
        self.model.remind()

    def user(self, person: int) -> User:
        return self.users[person]

    # Trainings

    @rule(target=calendar, age=st.sampled_from(AGES), first=slugs, second=slugs, amount=amounts)
    def took_place(self, age: int, first: str, second: str, amount: Decimal) -> Training:
        lines = {first: amount, second: amount}
        event = make.event(days=-age, hours=3, credits={s: str(a) for s, a in lines.items()})
        return self.add_training(event, lines)

    @rule(
        targets=(calendar, upcoming),
        slug=slugs,
        amount=amounts,
        days=st.sampled_from((0, 3, 40, 400)),
        kind=st.sampled_from(("hours", "until midnight", "all day", "without end")),
    )
    def is_announced(self, slug: str, amount: Decimal, days: int, kind: str) -> Training:
        now = timezone.now().astimezone(MOUNTAIN)
        tomorrow = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), MOUNTAIN)
        begins_at = (now if kind == "hours" else tomorrow) + relativedelta(days=days)
        ends_at = begins_at + relativedelta(hours=3) if kind == "hours" else None
        if kind == "until midnight":
            begins_at, ends_at = begins_at - relativedelta(hours=2), begins_at
        event = make.event(
            begins_at=begins_at,
            ends_at=ends_at,
            all_day=kind == "all day",
            credits={slug: str(amount)},
        )
        return self.add_training(event, {slug: amount})

    @rule(target=calendar, slug=slugs, amount=amounts)
    def has_just_ended(self, slug: str, amount: Decimal) -> Training:
        """An event on the day on which records are sent counts in one period or the next."""
        return self.has_ended(slug, amount)

    def has_ended(self, slug: str, amount: Decimal) -> Training:
        begins_at = timezone.now() - dt.timedelta(hours=3)
        event = make.event(
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=2),
            credits={slug: str(amount)},
        )
        return self.add_training(event, {slug: amount})

    def add_training(self, event: Event, lines: dict[str, Decimal], **more: Any) -> Training:
        training = Training(
            event.pk, event.begins_at, event.ends_at, event.all_day, dict(lines), **more
        )
        self.model.trainings[event.pk] = training
        return training

    @rule(training=upcoming, days=st.sampled_from((*(-age for age in AGES), 5, 200)))
    def is_moved(self, training: Training, days: int) -> None:
        """Staff move the event to another day, past or future."""
        if training.state == "merged":
            return
        event = Event.objects.get(pk=training.pk)
        event.begins_at = timezone.now() + dt.timedelta(days=days)
        event.ends_at = event.begins_at + dt.timedelta(hours=3)
        event.all_day = False
        event_actions.save_event(event=event, by=self.staff)
        event_actions.settle_due()
        training.begins, training.ends, training.all_day = event.begins_at, event.ends_at, False
        self.model.follow(training)

    @rule(training=calendar, cancel=st.booleans())
    def is_canceled_or_restored(self, training: Training, cancel: bool) -> None:
        if training.state == "merged":
            return
        event = Event.objects.get(pk=training.pk)
        event.state = EventState.CANCELLED if cancel else EventState.PUBLISHED
        event_actions.save_event(event=event, by=self.staff)
        event_actions.settle_due()
        training.state = "cancelled" if cancel else "published"
        self.model.follow(training)

    # Registration and attendance

    @rule(person=people, training=upcoming)
    def registers(self, person: int, training: Training) -> None:
        try:
            event_actions.register(event_id=training.pk, by=self.user(person))
        except Refused:
            assert training.state != "published" or training.is_over
            assert person not in training.attendance
            return
        if person not in training.attendance:
            assert training.state == "published"
            assert not training.is_over
            training.attendance[person] = "unknown"
            training.settled.discard(person)

    @rule(person=people, training=upcoming)
    def gives_up_the_place(self, person: int, training: Training) -> None:
        is_marked = training.attendance.get(person, "unknown") != "unknown"
        try:
            event_actions.cancel_registration(event_id=training.pk, by=self.user(person))
        except Refused:
            assert training.is_over or is_marked
            return
        assert not training.is_over
        assert not is_marked
        training.attendance.pop(person, None)

    @rule(person=people, training=calendar, attendance=st.sampled_from(list(Attendance)))
    def is_marked(self, person: int, training: Training, attendance: Attendance) -> None:
        if person not in training.attendance:
            return
        registration = Registration.objects.get(event=training.pk, person=self.user(person))
        event_actions.mark_attendance(
            registration_id=registration.pk, attendance=attendance, by=self.staff
        )
        if training.attendance[person] == attendance.value:
            return
        training.attendance[person] = attendance.value
        if training.earns:
            training.settled.add(person)
            self.model.attended(person, training)

    # Claiming

    @rule(person=people, training=st.one_of(calendar, custom))
    def claims(self, person: int, training: Training) -> None:
        expected = self.model.may_claim(person, training)
        try:
            actions.claim_event(
                event_id=training.pk, source=ClaimSource.CALENDAR, by=self.user(person)
            )
        except (Refused, Event.DoesNotExist):
            assert not expected
        else:
            assert expected
            self.model.add(person, training)

    @rule(target=custom, person=people, slug=slugs, amount=amounts, age=st.sampled_from(AGES))
    def creates(self, person: int, slug: str, amount: Decimal, age: int) -> Training:
        claim = actions.claim_custom_event(
            facts=self.facts(slug, amount, age), by=self.user(person)
        )
        training = self.add_training(
            Event.objects.get(pk=claim.event_id), {slug: amount}, state="pending", author=person
        )
        self.model.add(person, training)
        return training

    def facts(self, slug: str, amount: Decimal, age: int) -> Any:
        begins_at = timezone.now().replace(minute=0, second=0, microsecond=0)
        begins_at -= dt.timedelta(days=age)
        return make.facts(
            category=self.categories[slug],
            amount=amount,
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=2),
        )

    @rule(training=custom, decision=st.sampled_from(list(Decision)))
    def is_decided(self, training: Training, decision: Decision) -> None:
        sources = {"pending"} | ({"published"} if decision == Decision.DECLINE else set())
        if training.author is None:
            sources = set()
        try:
            event_actions.decide_custom_event(
                event_id=training.pk, decision=decision, reason="Because.", by=self.staff
            )
        except Refused:
            assert training.state not in sources
            return
        assert training.state in sources
        training.state, state, sources = {
            Decision.APPROVE: ("published", "approved", {"pending"}),
            Decision.RETURN: ("draft", "returned", {"pending"}),
            Decision.DECLINE: ("declined", "declined", LIVE),
        }[decision]
        for claim in self.model.all_live(training):
            if claim.state in sources:
                claim.decide(state)

    @rule(training=custom)
    def is_published(self, training: Training) -> None:
        try:
            event_actions.move_custom_event_to_calendar(event_id=training.pk, by=self.staff)
        except Refused:
            assert training.author is None or training.state not in ("pending", "published")
            return
        assert training.author is not None
        assert training.state in ("pending", "published")
        if training.state == "pending":
            for claim in self.model.all_live(training):
                if claim.state == "pending":
                    claim.decide("approved")
        training.state, training.author = "published", None

    @rule(training=custom, slug=slugs, amount=amounts, age=st.sampled_from(AGES))
    def is_revised(self, training: Training, slug: str, amount: Decimal, age: int) -> None:
        if training.author is None:
            return
        try:
            event_actions.revise_custom_event(
                event_id=training.pk,
                facts=self.facts(slug, amount, age),
                by=self.user(training.author),
            )
        except Refused:
            assert training.state not in ("draft", "pending")
            return
        assert training.state in ("draft", "pending")
        training.state, training.lines = "pending", {slug: amount}
        event = Event.objects.get(pk=training.pk)
        training.begins, training.ends = event.begins_at, event.ends_at
        for claim in self.model.all_live(training):
            if claim.person == training.author:
                claim.lines = [(slug, amount)]
            if claim.state == "returned":
                claim.decide("pending")

    @rule(person=people, training=st.one_of(calendar, custom))
    def takes_back_the_claim(self, person: int, training: Training) -> None:
        claim = self.model.live(person, training)
        if claim is None:
            return
        row = self.user(person).claims.get(event=training.pk, state=claim.state)
        try:
            actions.withdraw_claim(claim_id=row.pk, by=self.user(person))
        except Refused:
            assert claim.state != "pending"
            return
        assert claim.state == "pending"
        is_last = self.model.all_live(training) == [claim]
        if is_last and training.author is not None and training.state != "published":
            training.state = "cancelled"
        claim.decide("withdrawn")
        claim.withdrawn_by_person = True

    # Corrections

    @rule(person=people, training=st.one_of(calendar, custom), slug=slugs)
    def is_moved_to_another_category(self, person: int, training: Training, slug: str) -> None:
        claim = self.model.live(person, training)
        if claim is None or claim.lines[0][0] == slug:
            return
        before, amount = claim.lines[0]
        credit = Credit.objects.filter(
            person=self.user(person),
            claim__event=training.pk,
            claim__state=claim.state,
            category__slug=before,
            amount=amount,
            withdrawn_at=None,
        ).order_by("pk")[0]
        ticket = helpdesk_actions.open_ticket(
            subject="Wrong", body="Please", credit=credit, by=self.user(person)
        )
        helpdesk_actions.correct_credit(
            ticket_id=ticket.pk,
            credit_id=credit.pk,
            category=self.categories[slug],
            amount=credit.amount,
            note="",
            by=self.staff,
        )
        claim.lines[0] = (slug, amount)
        if training.author is not None and self.model.all_live(training) == [claim]:
            training.lines.pop(before, None)
            training.lines[slug] = amount

    @rule(
        training=st.one_of(calendar, custom),
        lines=st.dictionaries(
            slugs, st.sampled_from([Decimal("0.5"), Decimal(1)]), min_size=1, max_size=2
        ),
    )
    def is_corrected_for_everyone(self, training: Training, lines: dict[str, Decimal]) -> None:
        allowed = {"published"} if training.author is None else {"published", "pending"}
        new_lines = sorted(lines.items())
        claims = self.model.all_live(training)
        same = training.lines == lines and all(sorted(claim.lines) == new_lines for claim in claims)
        try:
            actions.correct_event(
                event_id=training.pk,
                offers={self.categories[slug].pk: lines[slug] for slug in SLUGS if slug in lines},
                reason="It was entered wrong.",
                by=self.staff,
            )
        except Refused:
            assert training.state not in allowed or same
            return
        assert training.state in allowed
        assert not same
        training.lines = dict(lines)
        for claim in claims:
            claim.lines = list(new_lines)

    @rule(person=people, training=st.one_of(calendar, custom), decline=st.booleans())
    def one_claim_is_decided(self, person: int, training: Training, decline: bool) -> None:
        claim = self.model.live(person, training)
        if claim is None:
            return
        row = self.user(person).claims.get(event=training.pk, state=claim.state)
        is_own_event = training.author == person
        try:
            actions.decide_claim(
                claim_id=row.pk,
                target=ClaimState.DECLINED if decline else ClaimState.APPROVED,
                reason="Because.",
                by=self.staff,
            )
        except Refused:
            assert is_own_event or (not decline and claim.state != "pending")
            return
        assert not is_own_event
        claim.decide("declined" if decline else "approved")

    # Awards and merges

    @rule(training=st.one_of(calendar, custom), whom=st.sets(people, min_size=1))
    def is_awarded(self, training: Training, whom: set[int]) -> None:
        addresses = "\n".join(self.user(person).email for person in sorted(whom))
        award_list = actions.store_award_list(event_id=training.pk, text=addresses, by=self.staff)
        try:
            actions.apply_award_list(list_id=award_list.pk, by=self.staff)
        except Refused:
            assert not training.earns
            return
        assert training.earns
        for person in whom:
            self.model.award(person, training)

    @rule(target=merges, source=st.one_of(calendar, custom), other=st.one_of(calendar, custom))
    def are_merged(self, source: Training, other: Training) -> Any:
        may_go = {"published"} if source.author is None else {"draft", "pending", "published"}
        may_stay = {"published"} if other.author is None else {"pending", "published"}
        allowed = source is not other and source.state in may_go and other.state in may_stay
        allowed = allowed and source.is_over and other.is_over
        try:
            done = actions.merge_events(
                source_id=source.pk, target_id=other.pk, reason="The same.", by=self.staff
            )
        except Refused:
            assert not allowed
            return multiple()
        if source.state == "merged":  # the button was pressed twice
            assert done.moved == 0
            return multiple()
        assert allowed
        merge = self.model.merge(done.merge.pk, source, other)
        assert done.moved == len(merge.moved)
        return merge

    @rule(merge=consumes(merges))
    def the_merge_is_undone(self, merge: ModelMerge) -> None:
        is_late = timezone.now() >= merge.at + dt.timedelta(days=1)
        try:
            actions.undo_merge(merge_id=merge.pk, by=self.staff)
        except Refused:
            assert merge.target.state == "merged" or is_late
            return
        assert merge.target.state != "merged"
        assert not is_late
        self.model.undo(merge)
        self.records_are_put_back()

    def records_are_put_back(self) -> None:
        """Take over the records that undoing a merge sent again."""
        for (person, track), period in self.model.periods.items():
            participation = self.active(person, track)
            if period.state != "open" or participation.state == "open":
                continue
            note_event("a record is put back")
            assert self.model.is_complete(person, track, period.sent_on)
            period.state, period.asked_on = participation.state, today()
            submission = participation.submissions.get(ended_at=None)
            self.read_the_record(person, track, submission)
            period.confirmed = self.record_lines(person, sent_record(submission).before)

    # Tracks

    @rule(person=people, track=tracks)
    def chooses(self, person: int, track: str) -> None:
        chosen, is_new = select_track(track=Track.objects.get(name=track), by=self.user(person))
        assert is_new == ((person, track) not in self.model.periods)
        if is_new:
            self.model.begin(chosen.pk, person, track)

    @precondition(lambda self: self.model.periods)
    @rule(person=people, track=tracks)
    def leaves(self, person: int, track: str) -> None:
        period = self.model.periods.get((person, track))
        if period is None:
            return
        try:
            leave_track(participation_id=self.active(person, track).pk, by=self.user(person))
        except Refused:
            assert period.state != "open"
            return
        assert period.state == "open"
        del self.model.periods[person, track]
        self.model.left.setdefault((person, track), []).append(period)

    @precondition(lambda self: self.model.left)
    @rule(person=people, track=tracks)
    def resumes(self, person: int, track: str) -> None:
        left = self.model.left.get((person, track))
        if not left:
            return
        period, is_active = left[-1], (person, track) in self.model.periods
        is_closed = period.last < today()
        is_certified_since = self.model.latest(person, track) != period.follows
        try:
            resume_track(participation_id=period.pk, by=self.user(person))
        except Refused:
            assert is_active or is_closed or is_certified_since
            return
        note_event("a track is resumed")
        assert not is_active
        assert not is_closed
        assert not is_certified_since
        self.model.periods[person, track] = left.pop()

    @precondition(lambda self: self.model.periods)
    @rule(person=people, track=tracks, years=st.integers(1, 3))
    def is_given_more_time(self, person: int, track: str, years: int) -> None:
        period = self.model.periods.get((person, track))
        if period is None:
            return
        closes_on = years_from(today(), years)
        try:
            extend_participations(
                participation_ids=[period.pk], closes_on=closes_on, reason="Ill.", by=self.staff
            )
        except Refused:
            assert period.state != "open"
            return
        assert period.state == "open"
        period.last = max(period.last, closes_on)

    def active(self, person: int, track: str) -> Participation:
        return Participation.objects.select_related("rule_set", "track").get(
            person=self.user(person), track__name=track, state__in=sorted(ACTIVE)
        )

    # Certification

    @precondition(lambda self: self.model.periods)
    @rule(person=people, track=tracks)
    def submits_the_record(self, person: int, track: str) -> None:
        period = self.model.periods.get((person, track))
        if period is None:
            return
        try:
            submission = make.submission(self.active(person, track))
        except Refused:
            assert period.state == "open"
            assert not self.model.is_complete(person, track, today())
            return
        if period.state != "open":
            return
        assert self.model.is_complete(person, track, today())
        if len(self.model.lines(person, track)) > len(self.model.counted(person, track, today())):
            note_event("a record is sent without credits that have aged out")
        if period.last < today():
            note_event("a record is sent after the period has closed")
        period.state, period.sent_on = "submitted", today()
        self.read_the_record(person, track, submission)
        total, minimum = RULES[track]
        amounts = [amount for *_, amount in period.submitted]
        assert total <= sum(amounts) < total + max(amounts) + minimum
        counted = self.model.counted(person, track, today())
        assert period.recorded == {id(claim) for claim, *_ in counted}
        for line in period.submitted:  # each line counts once and exists in the model
            counted.remove(line)

    def read_the_record(self, person: int, track: str, submission: Submission) -> None:
        """Take over the lines of the record as it is now."""
        period, now = self.model.periods[person, track], sent_record(submission).now
        period.submitted = self.record_lines(person, now)
        surplus = self.surplus_claims(now)
        period.recorded = {id(claim) for claim, *_ in period.submitted} | surplus

    def record_lines(
        self, person: int, record_data: dict[str, Any]
    ) -> list[tuple[ModelClaim, str, Decimal]]:
        lines = []
        for line in record.record_lines(record_data):
            event_id = Claim.objects.get(pk=line.claim_id).event_id
            claim = self.model.live(person, self.model.trainings[event_id])
            assert claim is not None
            lines.append((claim, line.slug, line.amount))
        return lines

    def surplus_claims(self, record_data: dict[str, Any]) -> set[int]:
        """Return the ids of the model's live claims for the surplus lines."""
        pks = [line.claim_id for line in record.record_lines(record_data, "surplus")]
        claims = Claim.objects.filter(pk__in=pks, state__in=sorted(LIVE))
        return {
            id(self.model.live(self.number[claim.person_id], self.model.trainings[claim.event_id]))
            for claim in claims.order_by("pk")
        }

    @precondition(lambda self: self.model.has_record("submitted", "reviewed"))
    @rule(person=people, track=tracks)
    def takes_back_the_record(self, person: int, track: str) -> None:
        if period := self.model.periods.get((person, track)):
            participation = self.active(person, track)
            withdraw_submission(participation_id=participation.pk, by=self.user(person))
            period.state = "open"

    @precondition(lambda self: self.model.has_record("submitted", "reviewed"))
    @rule(person=people, track=tracks, positive=st.booleans())
    def the_record_is_reviewed(self, person: int, track: str, positive: bool) -> None:
        period = self.model.periods.get((person, track))
        if period is None or period.state == "open":
            return
        submission = self.active(person, track).submissions.get(ended_at=None)
        if not positive:
            return_submission(submission_id=submission.pk, reason="Look again.", by=self.staff)
            period.state = "open"
            return
        has_undecided_events = self.has_undecided_events(period)
        try:
            review_submission(
                submission_id=submission.pk,
                supervisor=make.SUPERVISOR,
                seen=record.record_fingerprint(sent_record(submission).now),
                by=self.staff,
            )
        except Refused:
            assert has_undecided_events or period.state == "reviewed"
            return
        assert not has_undecided_events
        assert period.state == "submitted"
        period.state, period.asked_on = "reviewed", today()
        period.confirmed = period.submitted

    def has_undecided_events(self, period: ModelPeriod) -> bool:
        return any(
            claim.training.author is not None and claim.training.state in ("pending", "draft")
            for claim, *_ in period.submitted
        )

    @precondition(lambda self: self.model.has_record("reviewed"))
    @rule(person=people, track=tracks)
    def the_change_is_confirmed(self, person: int, track: str) -> None:
        period = self.model.periods.get((person, track))
        if period is None or period.state == "open":
            return
        submission = self.active(person, track).submissions.get(ended_at=None)
        sent = sent_record(submission)
        seen = record.record_fingerprint(sent.now)
        try:
            confirm_change(submission_id=submission.pk, seen=seen, by=self.staff)
        except Refused:
            assert period.state == "submitted" or self.has_undecided_events(period)
            return
        assert period.state == "reviewed"
        assert not (sent.needs_confirmation and self.has_undecided_events(period))
        if sent.needs_confirmation:
            note_event("a change is confirmed")
        period.confirmed = period.submitted

    @precondition(lambda self: self.model.has_record("reviewed"))
    @rule(person=people, track=tracks, positive=st.booleans())
    def the_supervisor_answers(self, person: int, track: str, positive: bool) -> None:
        period = self.model.periods.get((person, track))
        if period is None or period.state != "reviewed":
            return
        verification = self.active(person, track).verifications.get(answered_at=None)
        has_expired = self.link_has_expired(period)
        if not positive:
            self.refuses(verification.pk, period)
            return
        sent = sent_record(verification.submission)
        seen = record.record_fingerprint(sent.now)
        if period.confirmed != period.submitted:
            assert sent.needs_confirmation
        try:
            issued = verify_record(verification_id=verification.pk, seen=seen, by=None)
        except Refused:
            assert sent.needs_confirmation or has_expired
            return
        assert not sent.needs_confirmation
        assert not has_expired
        assert issued is not None
        lines = [(slug, amount) for _, slug, amount in period.submitted]
        mine = self.model.certificates.setdefault((person, track), [])
        mine.append(
            ModelCertificate(issued.pk, period, lines, period.recorded, period.sent_on, today())
        )
        note_event("a certificate is issued")
        if len(mine) > 1:
            note_event(
                f"a certificate is renewed, {today().year - mine[-2].issued_on.year} years on"
            )
        for claim, *_ in period.submitted:
            if claim.state == "pending":
                claim.decide("approved")
        self.model.begin(self.active(person, track).pk, person, track)
        if today() > period.sent_on:
            note_event("a certificate is issued on a day after its record was sent")
        if self.model.lines(person, track):
            note_event("the next period begins with credits that the record did not have")

    def refuses(self, verification_id: int, period: ModelPeriod) -> None:
        try:
            refuse_record(verification_id=verification_id, reason="Who is that?", by=None)
        except Refused:
            assert self.link_has_expired(period)
            return
        assert not self.link_has_expired(period)
        period.state = "open"

    def link_has_expired(self, period: ModelPeriod) -> bool:
        has_expired = today() > period.asked_on + dt.timedelta(days=LINK_DAYS)
        note_event(f"a link is used, {has_expired=}")
        return has_expired

    @precondition(lambda self: self.model.has_record("reviewed"))
    @rule(person=people, track=tracks)
    def the_link_is_renewed(self, person: int, track: str) -> None:
        period = self.model.periods.get((person, track))
        if period is None or period.state != "reviewed":
            return
        before = self.active(person, track).verifications.get(answered_at=None)
        after = renew_link(verification_id=before.pk, by=None)
        assert (after != before) == self.link_has_expired(period)
        if after != before:
            note_event("a link is renewed")
            period.asked_on = today()

    @rule(
        target=calendar,
        person=people,
        track=tracks,
        steps=st.integers(1, 3),
        pause=st.sampled_from((0, 0, 1, 31)),
        earns_more=st.booleans(),
    )
    def earns_a_certificate(
        self, person: int, track: str, steps: int, pause: int, earns_more: bool
    ) -> Any:
        """Take one to three steps to a certificate, so that more can happen afterward.

        Each step takes some days, and the person can earn more while the record waits.
        """
        self.chooses(person, track)
        lines = {make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "1.5"}
        event = make.event(days=-AGES[0], hours=3, credits=lines)
        training = self.add_training(
            event, {slug: Decimal(amount) for slug, amount in lines.items()}
        )
        self.claims(person, training)
        self.submits_the_record(person, track)
        trainings = [training]
        if earns_more:
            trainings.append(self.has_ended(make.PUBLIC, Decimal(1)))
            self.claims(person, trainings[1])
        if steps > 1:
            self.pass_days(pause)
            self.the_record_is_reviewed(person, track, positive=True)
        if steps > 2:
            self.pass_days(pause)
            self.the_supervisor_answers(person, track, positive=True)
        return multiple(*trainings)

    def pass_days(self, days: int) -> None:
        if days:
            self.move_clock(timezone.now().astimezone(MOUNTAIN) + relativedelta(days=days))

    @precondition(lambda self: timezone.now().year < LAST_YEAR and self.model.certificates)
    @rule(target=calendar, data=st.data(), years=st.integers(0, 5), pause=st.sampled_from((0, 1)))
    def renews_a_certificate(self, data: st.DataObject, years: int, pause: int) -> Any:
        """Earn another certificate for the same track, in the same year or years later."""
        person, track = data.draw(st.sampled_from(sorted(self.model.certificates)))
        self.move_clock(timezone.now().astimezone(MOUNTAIN) + relativedelta(years=years, days=8))
        return self.earns_a_certificate(person, track, steps=3, pause=pause, earns_more=True)

    @precondition(lambda self: self.model.certificates)
    @rule(person=people, track=tracks, reopen=st.booleans())
    def the_certificate_is_revoked(self, person: int, track: str, reopen: bool) -> None:
        valid = self.model.valid(person, track)
        if not valid:
            return
        next_period = self.model.periods.get((person, track))
        try:
            revoke_certificate(
                certificate_id=valid[0].pk, reason="Invented.", reopen=reopen, by=self.staff
            )
        except Refused:
            assert reopen
            assert next_period is not None
            assert next_period.state != "open"
            return
        note_event(f"a certificate is revoked, {reopen=}")
        valid[0].is_revoked = True
        if reopen:
            period = dataclasses.replace(valid[0].period, state="open")
            self.model.periods[person, track] = period

    # After every step

    @invariant()
    def credits_match_the_model(self) -> None:
        credits = Credit.objects.filter(withdrawn_at=None).values_list(
            "person", "claim__event", "claim__state", "category__slug", "amount"
        )
        rows = sorted((self.number[person], *rest) for person, *rest in credits.order_by("pk"))
        assert rows == self.model.credits()

    @invariant()
    def submitted_records_stay_correct_or_reopen_when_they_are_incomplete(self) -> None:
        for (person, track), period in self.model.periods.items():
            participation = self.active(person, track)
            if period.state != "open" and participation.state == "open":
                note_event("a record is reopened")
                assert not self.model.is_complete(person, track, period.sent_on)
                period.state = "open"
            assert participation.state == period.state
            if period.state == "open":
                continue
            before = period.submitted
            self.read_the_record(person, track, participation.submissions.get(ended_at=None))
            if period.submitted != before:
                note_event("a submitted record changes")
            available = self.model.counted(person, track, period.sent_on)
            for line in period.submitted:  # each line counts once and exists in the model
                available.remove(line)
            total, minimum = RULES[track]
            counted = [(slug, amount) for _, slug, amount in period.submitted]
            assert sum(amount for _, amount in counted) >= total
            assert minimum <= sum(amount for slug, amount in counted if slug == make.ADMINISTRATION)

    @invariant()
    def certificates_keep_the_lines_they_counted(self) -> None:
        for issued in (each for mine in self.model.certificates.values() for each in mine):
            certificate = Certificate.objects.get(pk=issued.pk)
            lines = record.record_lines(certificate.record)
            assert [(line.slug, line.amount) for line in lines] == issued.lines
            assert (certificate.revoked_at is not None) == issued.is_revoked
            assert certificate.issued_on == issued.issued_on
            assert certificate.expires_on == years_from(issued.issued_on, 4)
            posted = certificate.participation.postings.order_by("credit")
            if not issued.is_revoked:
                counted = sorted(line.credit_id for line in lines)
                assert list(posted.values_list("credit", flat=True)) == counted

    @invariant()
    def postings_and_totals_match_the_model(self) -> None:
        active = Posting.objects.filter(participation__state__in=sorted(ACTIVE))
        postings = active.order_by("pk").values_list(
            "person",
            "participation__track__name",
            "credit__category__slug",
            "credit__amount",
            "credit__claim__event",
        )
        expected = self.model.postings()
        assert {(self.number[person], *rest) for person, *rest in postings} == expected
        participations = Participation.objects.filter(state__in=sorted(ACTIVE))
        participations = participations.select_related("rule_set")
        earned = counting_queries.earned_by_category(participations.order_by("pk"), today())
        for participation in participations.order_by("pk").select_related("track"):
            person, track = self.number[participation.person_id], participation.track.name
            lines = self.model.counted(person, track, today())
            sums = earned.get(participation.pk, {})
            assert sum(sums.values()) == sum(amount for *_, amount in lines), (person, track)

    @invariant()
    def check_credits_finds_nothing(self) -> None:
        if integrity_statements()():
            assert [str(finding) for finding in integrity.find_violations()] == []

    @invariant()
    def reminders_match_the_model(self) -> None:
        mails = Mail.objects.filter(kind="tracks.period_ends").order_by("pk")
        keys = [key.split(":") for key in mails.values_list("key", flat=True)]
        sent = {(int(pk), dt.date.fromisoformat(day), int(months)) for _, pk, day, months in keys}
        assert sent == self.model.reminders

    @invariant()
    def a_second_passes(self) -> None:
        self.clock.shift(1)


@pytest.mark.django_db
def test_random_stories_match_the_model() -> None:
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
