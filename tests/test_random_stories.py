"""Random stories of a few people, compared step by step with a small model of the rules.

The model uses dictionaries instead of a database, and has the rules of docs/rules.md in a few lines
each. After every step, the portal's claims, credits, postings and totals must match the model, and
check_credits must find nothing. Hypothesis generates the stories and shortens those that fail.

`make test` runs a few stories, always the same ones.
`STORIES=2000 make pytest ARGS=tests/test_random_stories.py` runs more, different each time.
"""

import dataclasses
import datetime as dt
import os
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import event as note_event
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from accounts.enums import Role
from accounts.models import User
from aspen.clock import today, years_after, years_before
from aspen.errors import Refused
from credits import actions
from credits.enums import ClaimSource, ClaimState
from credits.models import Claim, Credit
from events import actions as event_actions
from events.enums import Attendance, Decision, EventState
from events.models import Category, Event, Registration
from helpdesk import actions as helpdesk_actions
from tests import factories as make
from tracks import integrity
from tracks.actions import (
    confirm_change,
    leave_track,
    refuse_record,
    return_submission,
    review_submission,
    revoke_certificate,
    select_track,
    verify_record,
    withdraw_submission,
)
from tracks.certification import record
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


# ---------- The model ----------


@dataclasses.dataclass
class Training:
    """A calendar event, or a custom event by `author`."""

    pk: int
    day: dt.date
    lines: dict[str, Decimal]
    state: str = "published"
    is_over: bool = True
    author: int | None = None
    attendance: dict[int, str] = dataclasses.field(default_factory=dict)  # by registered person
    settled: set[int] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class ModelClaim:
    """A claim with its credit lines."""

    person: int
    training: Training
    state: str
    lines: list[tuple[str, Decimal]]
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


@dataclasses.dataclass
class ModelPeriod:
    """A participation: the first day that counts, and the lines of a submitted record.

    `recorded` has the ids of all claims in that record, counted or surplus. `confirmed` has the
    lines that the CE Coordinator confirmed last.
    """

    first: dt.date
    state: str = "open"
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
    is_revoked: bool = False


class Model:
    """The expected state of the portal."""

    def __init__(self) -> None:
        self.trainings: dict[int, Training] = {}
        self.claims: list[ModelClaim] = []
        self.periods: dict[tuple[int, str], ModelPeriod] = {}
        self.certificates: dict[tuple[int, str], list[ModelCertificate]] = {}

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
            if ended_with_event and self.can_be_awarded(claim.person, training):
                claim.decide("approved")
                note_event("an award is restored with its event")

    def may_claim(self, person: int, training: Training) -> bool:
        """Return True if this person can claim the training.

        It must be published and over. A live or declined claim prevents it, and so does an absence.
        """
        return (
            training.state == "published"
            and training.is_over
            and not any(
                claim.state in {*LIVE, "declined"} for claim in self.claims_of(person, training)
            )
            and training.attendance.get(person) != "absent"
        )

    def settle(self, training: Training) -> None:
        """Give registered people their credit unless they were absent."""
        if training.state != "published" or not training.is_over:
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

    def begin(self, person: int, track: str) -> None:
        """Start a period on the day of a valid certificate's record, or else four years back."""
        valid = [each for each in self.certificates.get((person, track), []) if not each.is_revoked]
        first = today() if valid else years_before(today(), 4)
        self.periods[person, track] = ModelPeriod(first)

    def lines(self, person: int, track: str) -> list[tuple[ModelClaim, str, Decimal]]:
        """Return the lines that count in a person's period.

        They are live, earned on or after its first day and not in the record of a certificate.
        """
        period = self.periods[person, track]
        recorded = {
            claim
            for issued in self.certificates.get((person, track), [])
            if not issued.is_revoked
            for claim in issued.recorded
        }
        return [
            (claim, slug, amount)
            for claim in self.claims
            if claim.person == person and claim.state in LIVE and id(claim) not in recorded
            if period.first <= claim.training.day <= years_after(today(), 4)
            for slug, amount in claim.lines
        ]

    def is_complete(self, person: int, track: str) -> bool:
        total, minimum = RULES[track]
        lines = self.lines(person, track)
        administration = sum(amount for _, slug, amount in lines if slug == make.ADMINISTRATION)
        return sum(amount for *_, amount in lines) >= total and administration >= minimum

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


class Stories(RuleBasedStateMachine):
    people = st.integers(0, PEOPLE - 1)
    calendar = Bundle("calendar")
    upcoming = Bundle("upcoming")
    ended_today = Bundle("ended_today")
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

    def user(self, person: int) -> User:
        return self.users[person]

    # Trainings

    @rule(target=calendar, age=st.sampled_from(AGES), first=slugs, second=slugs, amount=amounts)
    def took_place(self, age: int, first: str, second: str, amount: Decimal) -> Training:
        lines = {first: amount, second: amount}
        event = make.event(days=-age, hours=3, credits={s: str(a) for s, a in lines.items()})
        return self.add_training(event, lines)

    @rule(target=upcoming, slug=slugs, amount=amounts)
    def is_announced(self, slug: str, amount: Decimal) -> Training:
        event = make.event(days=3, hours=3, credits={slug: str(amount)})
        return self.add_training(event, {slug: amount}, is_over=False)

    @rule(target=ended_today, slug=slugs, amount=amounts)
    def has_just_ended(self, slug: str, amount: Decimal) -> Training:
        """An event on the day on which records are sent counts in one period or the next."""
        begins_at = timezone.now() - dt.timedelta(hours=3)
        event = make.event(
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=2),
            credits={slug: str(amount)},
        )
        return self.add_training(event, {slug: amount})

    def add_training(self, event: Event, lines: dict[str, Decimal], **more: Any) -> Training:
        training = Training(event.pk, event.last_day, lines, **more)
        self.model.trainings[event.pk] = training
        return training

    @rule(target=calendar, training=consumes(upcoming), age=st.sampled_from(AGES))
    def ends(self, training: Training, age: int) -> Training:
        """Staff move the event to the past, and the job adds the credits it earns."""
        event = Event.objects.get(pk=training.pk)
        event.begins_at = timezone.now() - dt.timedelta(days=age)
        event.ends_at = event.begins_at + dt.timedelta(hours=3)
        event_actions.save_event(event=event, by=self.staff)
        event_actions.settle_due()
        training.is_over = True
        training.day = timezone.localdate(event.ends_at - dt.timedelta(seconds=1))
        self.model.settle(training)
        return training

    @rule(training=st.one_of(calendar, upcoming), cancel=st.booleans())
    def is_canceled_or_restored(self, training: Training, cancel: bool) -> None:
        if training.state == "merged":
            return
        event = Event.objects.get(pk=training.pk)
        event.state = EventState.CANCELLED if cancel else EventState.PUBLISHED
        event_actions.save_event(event=event, by=self.staff)
        event_actions.settle_due()
        training.state = "cancelled" if cancel else "published"
        if cancel:
            training.settled.clear()
            for claim in self.model.claims:
                if claim.training is training and claim.state in LIVE:
                    claim.decide("withdrawn", with_event=True)
        elif training.is_over:
            self.model.restore_awards(training)
        self.model.settle(training)

    # Registration and attendance

    @rule(person=people, training=upcoming)
    def registers(self, person: int, training: Training) -> None:
        try:
            event_actions.register(event_id=training.pk, by=self.user(person))
        except Refused:
            assert training.state == "cancelled"
            assert person not in training.attendance
        else:
            assert training.state == "published" or person in training.attendance
            training.attendance.setdefault(person, "unknown")

    @rule(person=people, training=upcoming)
    def gives_up_the_place(self, person: int, training: Training) -> None:
        event_actions.cancel_registration(event_id=training.pk, by=self.user(person))
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
        if training.state == "published":
            training.settled.add(person)
            self.model.attended(person, training)

    # Claiming

    @rule(person=people, training=st.one_of(calendar, upcoming, custom, ended_today))
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
        training.day = Event.objects.get(pk=training.pk).last_day
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
            assert training.state != "published"
            return
        assert training.state == "published"
        for person in whom:
            self.model.award(person, training)

    @rule(target=merges, source=st.one_of(calendar, custom), other=st.one_of(calendar, custom))
    def are_merged(self, source: Training, other: Training) -> Any:
        may_go = {"published"} if source.author is None else {"draft", "pending", "published"}
        may_stay = {"published"} if other.author is None else {"pending", "published"}
        allowed = source is not other and source.state in may_go and other.state in may_stay
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
        try:
            actions.undo_merge(merge_id=merge.pk, by=self.staff)
        except Refused:
            assert merge.target.state == "merged"
            return
        assert merge.target.state != "merged"
        self.model.undo(merge)
        self.records_are_put_back()

    def records_are_put_back(self) -> None:
        """Take over the records that undoing a merge sent again."""
        for (person, track), period in self.model.periods.items():
            participation = self.active(person, track)
            if period.state != "open" or participation.state == "open":
                continue
            note_event("a record is put back")
            assert self.model.is_complete(person, track)
            period.state = participation.state
            submission = participation.submissions.get(ended_at=None)
            self.read_the_record(person, track, submission)
            period.confirmed = self.record_lines(person, sent_record(submission).before)

    # Tracks

    @rule(person=people, track=tracks)
    def chooses(self, person: int, track: str) -> None:
        _, is_new = select_track(track=Track.objects.get(name=track), by=self.user(person))
        assert is_new == ((person, track) not in self.model.periods)
        if is_new:
            self.model.begin(person, track)

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

    def active(self, person: int, track: str) -> Participation:
        return Participation.objects.select_related("rule_set", "track").get(
            person=self.user(person), track__name=track, state__in=sorted(ACTIVE)
        )

    # Certification

    @rule(person=people, track=tracks)
    def submits_the_record(self, person: int, track: str) -> None:
        period = self.model.periods.get((person, track))
        if period is None:
            return
        try:
            submission = make.submission(self.active(person, track))
        except Refused:
            assert period.state == "open"
            assert not self.model.is_complete(person, track)
            return
        if period.state != "open":
            return
        assert self.model.is_complete(person, track)
        period.state = "submitted"
        self.read_the_record(person, track, submission)
        total, minimum = RULES[track]
        counted = [amount for *_, amount in period.submitted]
        assert total <= sum(counted) < total + max(counted) + minimum
        available = self.model.lines(person, track)
        for line in period.submitted:  # each line counts once and exists in the model
            available.remove(line)

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

    @rule(person=people, track=tracks)
    def takes_back_the_record(self, person: int, track: str) -> None:
        if period := self.model.periods.get((person, track)):
            participation = self.active(person, track)
            withdraw_submission(participation_id=participation.pk, by=self.user(person))
            period.state = "open"

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
        period.state = "reviewed"
        period.confirmed = period.submitted

    def has_undecided_events(self, period: ModelPeriod) -> bool:
        return any(
            claim.training.author is not None and claim.training.state in ("pending", "draft")
            for claim, *_ in period.submitted
        )

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

    @rule(person=people, track=tracks, positive=st.booleans())
    def the_supervisor_answers(self, person: int, track: str, positive: bool) -> None:
        period = self.model.periods.get((person, track))
        if period is None or period.state != "reviewed":
            return
        verification = self.active(person, track).verifications.get(answered_at=None)
        if not positive:
            refuse_record(verification_id=verification.pk, reason="Who is that?", by=None)
            period.state = "open"
            return
        sent = sent_record(verification.submission)
        seen = record.record_fingerprint(sent.now)
        if period.confirmed != period.submitted:
            assert sent.needs_confirmation
        try:
            issued = verify_record(verification_id=verification.pk, seen=seen, by=None)
        except Refused:
            assert sent.needs_confirmation
            return
        assert not sent.needs_confirmation
        assert issued is not None
        lines = [(slug, amount) for _, slug, amount in period.submitted]
        mine = self.model.certificates.setdefault((person, track), [])
        mine.append(ModelCertificate(issued.pk, period, lines, period.recorded))
        note_event("a certificate is issued")
        for claim, *_ in period.submitted:
            if claim.state == "pending":
                claim.decide("approved")
        self.model.begin(person, track)

    @rule(target=calendar, person=people, track=tracks, steps=st.integers(1, 3))
    def earns_a_certificate(self, person: int, track: str, steps: int) -> Training:
        """Take one to three steps to a certificate, so that more can happen afterward."""
        self.chooses(person, track)
        lines = {make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "1.5"}
        event = make.event(days=-AGES[0], hours=3, credits=lines)
        training = self.add_training(
            event, {slug: Decimal(amount) for slug, amount in lines.items()}
        )
        self.claims(person, training)
        self.submits_the_record(person, track)
        if steps > 1:
            self.the_record_is_reviewed(person, track, positive=True)
        if steps > 2:
            self.the_supervisor_answers(person, track, positive=True)
        return training

    @rule(person=people, track=tracks, reopen=st.booleans())
    def the_certificate_is_revoked(self, person: int, track: str, reopen: bool) -> None:
        valid = [e for e in self.model.certificates.get((person, track), []) if not e.is_revoked]
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
            self.model.periods[person, track] = ModelPeriod(valid[0].period.first)

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
                assert not self.model.is_complete(person, track)
                period.state = "open"
            assert participation.state == period.state
            if period.state == "open":
                continue
            before = period.submitted
            self.read_the_record(person, track, participation.submissions.get(ended_at=None))
            if period.submitted != before:
                note_event("a submitted record changes")
            available = self.model.lines(person, track)
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
            lines = self.model.lines(person, track)
            sums = earned.get(participation.pk, {})
            assert sum(sums.values()) == sum(amount for *_, amount in lines), (person, track)

    @invariant()
    def check_credits_finds_nothing(self) -> None:
        assert [str(finding) for finding in integrity.find_violations()] == []


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
