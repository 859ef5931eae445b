"""Random stories of a few people, held step by step against a small plain model of the rules.

The model below knows no database: dictionaries, and the rules of docs/rules.md in a few lines each.
After every step claims, credits, postings and totals of the portal have to be those of the model,
and check_credits must find nothing. Hypothesis makes the stories and shortens one that fails.

`make test` plays a few, always the same ones;
`STORIES=2000 make pytest ARGS=tests/test_random_stories.py` plays more, and others each time.
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
from hypothesis import event as happened
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
from tracks.counting import queries as counting_queries
from tracks.enums import ACTIVE
from tracks.models import Certificate, Participation, Posting, Requirement, RuleSet, Track

STORIES = int(os.environ.get("STORIES", "8"))
STEPS = 20
LIVE = {"pending", "approved", "returned"}
# Small rules, so that a short story comes to a certificate: in all, and in Library Administration.
RULES = {"Library Staff": (Decimal("1.5"), 0), "Library Trustee": (Decimal(2), Decimal("0.5"))}
AGES = (7, 400, 2200)  # days ago: recent, within the four years, older than they are
SLUGS = (make.ADMINISTRATION, make.PUBLIC, make.COLLECTION, make.TECHNOLOGY)
PEOPLE = 3


# ---------- The model ----------


@dataclasses.dataclass
class Training:
    """An event, on the calendar or reported by its author."""

    pk: int
    day: dt.date
    lines: dict[str, Decimal]
    state: str = "published"
    is_over: bool = True
    author: int | None = None
    places: dict[int, str] = dataclasses.field(default_factory=dict)  # person: attendance
    settled: set[int] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class Part:
    """One claim: whose, on what, and what it earns line by line."""

    person: int
    training: Training
    state: str
    lines: list[tuple[str, Decimal]]
    is_award: bool = False
    taken_back: bool = False
    went_with_event: bool = False
    decisions: int = 0

    def decide(self, state: str, *, with_event: bool = False) -> None:
        self.state = state
        self.went_with_event = with_event
        self.decisions += 1


@dataclasses.dataclass
class Joining:
    """A merge, and how each part was before it: (part, state, decisions afterwards)."""

    pk: int
    source: Training
    target: Training
    was: str
    moved: list[tuple[Part, str]]
    decided: list[tuple[Part, str, int]]


def holds(part: Part) -> tuple[Any, ...]:
    """What a record that was sent rests on."""
    training = part.training
    return training.pk, training.day, part.state in LIVE, tuple(part.lines)


@dataclasses.dataclass
class Period:
    """One person on one track: from which day credits count, and what was sent."""

    first: dt.date
    state: str = "open"
    sent: list[tuple[Part, str, Decimal]] = dataclasses.field(default_factory=list)
    held: dict[int, tuple[Any, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Issued:
    """A certificate, and what it counted on that day."""

    pk: int
    period: Period
    lines: list[tuple[str, Decimal]]
    is_revoked: bool = False


class Model:
    """What should be true."""

    def __init__(self) -> None:
        self.trainings: dict[int, Training] = {}
        self.parts: list[Part] = []
        self.periods: dict[tuple[int, str], Period] = {}
        self.issued: dict[tuple[int, str], list[Issued]] = {}

    def live(self, person: int, training: Training) -> Part | None:
        mine = [p for p in self.parts if p.person == person and p.training is training]
        return next((p for p in mine if p.state in LIVE), None)

    def was(self, person: int, training: Training, *states: str) -> bool:
        mine = [p for p in self.parts if p.person == person and p.training is training]
        return any(p.state in states for p in mine)

    def all_live(self, training: Training) -> list[Part]:
        return [p for p in self.parts if p.training is training and p.state in LIVE]

    def add(self, person: int, training: Training, state: str = "pending") -> None:
        lines = [(slug, training.lines[slug]) for slug in SLUGS if slug in training.lines]
        self.parts.append(Part(person, training, state, lines))

    def award(self, person: int, training: Training) -> None:
        if not self.may_not_be_awarded(person, training):
            self.add(person, training, "approved")
            self.parts[-1].is_award = True

    def may_not_be_awarded(self, person: int, training: Training) -> bool:
        """Held, declined, taken back by the person, or marked absent."""
        mine = [p for p in self.parts if p.person == person and p.training is training]
        stands = any(p.state in LIVE or p.state == "declined" or p.taken_back for p in mine)
        return stands or training.places.get(person) == "absent"

    def bring_back_awards(self, training: Training) -> None:
        """What staff awarded comes back with the event, the latest of each person."""
        for part in reversed(self.parts):
            went_along = part.training is training and part.is_award and part.went_with_event
            if went_along and not self.may_not_be_awarded(part.person, training):
                part.decide("approved")
                happened("an award comes back with its event")

    def may_claim(self, person: int, training: Training) -> bool:
        """Over, standing, with credit; not held, not declined, not marked absent."""
        return (
            training.state == "published"
            and training.is_over
            and not self.live(person, training)
            and not self.was(person, training, "declined")
            and training.places.get(person) != "absent"
        )

    def settle(self, training: Training) -> None:
        """Registering leads to the credit automatically, unless someone was absent."""
        if training.state != "published" or not training.is_over:
            return
        for person in set(training.places) - training.settled:
            training.settled.add(person)
            self.attended(person, training)

    def attended(self, person: int, training: Training) -> None:
        if training.places[person] == "absent":
            if part := self.live(person, training):
                part.decide("withdrawn")
            return
        if not self.may_not_be_awarded(person, training):
            self.add(person, training)

    def merge(self, pk: int, source: Training, target: Training) -> Joining:
        """Every live claim moves; who would hold two keeps the target's."""
        self.settle(source)
        joining = Joining(pk, source, target, source.state, [], [])
        approves = target.author is not None and target.state == "published"
        for part in self.all_live(source):
            before = part.state
            if self.live(part.person, target):
                part.decide("withdrawn")
            else:
                joining.moved.append((part, before))
                part.training = target
                if approves and before != "approved":
                    part.decide("approved")
                elif before == "returned":
                    part.decide("pending")
            if part.state != before:
                joining.decided.append((part, before, part.decisions))
        source.state = "merged"
        return joining

    def undo(self, joining: Joining) -> None:
        """As before; what was decided about a claim since stays decided, and what went along with
        the target alone comes back."""
        for part, state in joining.moved:
            part.training = joining.source
            if part.state == "returned" and joining.was != "draft":
                part.decide(state)
            if part.state == "withdrawn" and not part.taken_back:
                part.decide(state)
        for part, state, decisions in joining.decided:
            if part.decisions == decisions:
                part.decide(state)
        joining.source.state = joining.was

    def begin(self, person: int, track: str) -> None:
        """Whoever holds a certificate starts afresh on the day after it."""
        valid = [each for each in self.issued.get((person, track), []) if not each.is_revoked]
        first = today() + dt.timedelta(days=1) if valid else years_before(today(), 4)
        self.periods[person, track] = Period(first)

    def lines(self, person: int, period: Period) -> list[tuple[Part, str, Decimal]]:
        """What counts in a period: live, earned from its first day on."""
        return [
            (part, slug, amount)
            for part in self.parts
            if part.person == person and part.state in LIVE
            if period.first <= part.training.day <= years_after(today(), 4)
            for slug, amount in part.lines
        ]

    def is_complete(self, person: int, track: str) -> bool:
        total, minimum = RULES[track]
        lines = self.lines(person, self.periods[person, track])
        administration = sum(amount for _, slug, amount in lines if slug == make.ADMINISTRATION)
        return sum(amount for *_, amount in lines) >= total and administration >= minimum

    def postings(self) -> set[tuple[int, str, str, Decimal, int]]:
        """Who has which line of which training in which track that is under way."""
        return {
            (person, track, slug, amount, part.training.pk)
            for (person, track), period in self.periods.items()
            for part, slug, amount in self.lines(person, period)
        }

    def credits(self) -> list[tuple[Any, ...]]:
        return sorted(
            (part.person, part.training.pk, part.state, slug, amount)
            for part in self.parts
            for slug, amount in part.lines
        )


# ---------- The stories ----------


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

    def user(self, person: int) -> User:
        return self.users[person]

    # Trainings

    @rule(target=calendar, age=st.sampled_from(AGES), first=slugs, second=slugs, amount=amounts)
    def took_place(self, age: int, first: str, second: str, amount: Decimal) -> Training:
        lines = {first: amount, second: amount}
        event = make.event(days=-age, hours=3, credits={s: str(a) for s, a in lines.items()})
        return self.known(event, lines)

    @rule(target=upcoming, slug=slugs, amount=amounts)
    def is_announced(self, slug: str, amount: Decimal) -> Training:
        event = make.event(days=3, hours=3, credits={slug: str(amount)})
        return self.known(event, {slug: amount}, is_over=False)

    def known(self, event: Event, lines: dict[str, Decimal], **more: Any) -> Training:
        training = Training(event.pk, event.last_day, lines, **more)
        self.model.trainings[event.pk] = training
        return training

    @rule(target=calendar, training=consumes(upcoming), age=st.sampled_from(AGES))
    def ends(self, training: Training, age: int) -> Training:
        """Time passes over an event; staff move it there, and the job settles it."""
        event = Event.objects.get(pk=training.pk)
        event.begins_at = timezone.now() - dt.timedelta(days=age)
        event.ends_at = event.begins_at + dt.timedelta(hours=3)
        event_actions.save_event(event=event, by=self.staff)
        event_actions.settle_due()
        training.is_over = True
        training.day = timezone.localdate(event.ends_at)
        self.model.settle(training)
        return training

    @rule(training=st.one_of(calendar, upcoming), cancel=st.booleans())
    def is_cancelled_or_not(self, training: Training, cancel: bool) -> None:
        if training.state == "merged":
            return
        event = Event.objects.get(pk=training.pk)
        event.state = EventState.CANCELLED if cancel else EventState.PUBLISHED
        event_actions.save_event(event=event, by=self.staff)
        event_actions.settle_due()
        training.state = "cancelled" if cancel else "published"
        if cancel:
            training.settled.clear()
            for part in self.model.parts:
                if part.training is training and part.state in LIVE:
                    part.decide("withdrawn", with_event=True)
        elif training.is_over:
            self.model.bring_back_awards(training)
        self.model.settle(training)

    # Taking part

    @rule(person=people, training=upcoming)
    def registers(self, person: int, training: Training) -> None:
        try:
            event_actions.register(event_id=training.pk, by=self.user(person))
        except Refused:
            assert training.state == "cancelled"
            assert person not in training.places
        else:
            assert training.state == "published" or person in training.places
            training.places.setdefault(person, "unknown")

    @rule(person=people, training=upcoming)
    def gives_the_place_back(self, person: int, training: Training) -> None:
        event_actions.cancel_registration(event_id=training.pk, by=self.user(person))
        training.places.pop(person, None)

    @rule(person=people, training=calendar, attendance=st.sampled_from(list(Attendance)))
    def is_marked(self, person: int, training: Training, attendance: Attendance) -> None:
        if person not in training.places:
            return
        registration = Registration.objects.get(event=training.pk, person=self.user(person))
        event_actions.mark_attendance(
            registration_id=registration.pk, attendance=attendance, by=self.staff
        )
        if training.places[person] == attendance.value:
            return
        training.places[person] = attendance.value
        if training.state == "published":
            training.settled.add(person)
            self.model.attended(person, training)

    # Claiming

    @rule(person=people, training=st.one_of(calendar, upcoming, custom))
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
        training = self.known(
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
        for part in self.model.all_live(training):
            if part.state in sources:
                part.decide(state)

    @rule(training=custom)
    def is_put_on_the_calendar(self, training: Training) -> None:
        try:
            event_actions.publish_custom_event(event_id=training.pk, by=self.staff)
        except Refused:
            assert training.author is None or training.state not in ("pending", "published")
            return
        assert training.author is not None
        assert training.state in ("pending", "published")
        if training.state == "pending":
            for part in self.model.all_live(training):
                if part.state == "pending":
                    part.decide("approved")
        training.state, training.author = "published", None

    @rule(training=custom, slug=slugs, amount=amounts, age=st.sampled_from(AGES))
    def is_sent_again(self, training: Training, slug: str, amount: Decimal, age: int) -> None:
        if training.author is None:
            return
        try:
            event_actions.resubmit_custom_event(
                event_id=training.pk,
                facts=self.facts(slug, amount, age),
                by=self.user(training.author),
            )
        except Refused:
            assert training.state != "draft"
            return
        assert training.state == "draft"
        training.state, training.lines = "pending", {slug: amount}
        training.day = Event.objects.get(pk=training.pk).last_day
        for part in self.model.all_live(training):
            if part.person == training.author:
                part.lines = [(slug, amount)]
            if part.state == "returned":
                part.decide("pending")

    @rule(person=people, training=st.one_of(calendar, custom))
    def takes_back(self, person: int, training: Training) -> None:
        part = self.model.live(person, training)
        if part is None:
            return
        claim = self.user(person).claims.get(event=training.pk, state=part.state)
        try:
            actions.withdraw_claim(claim_id=claim.pk, by=self.user(person))
        except Refused:
            assert part.state != "pending"
            return
        assert part.state == "pending"
        is_last = self.model.all_live(training) == [part]
        if is_last and training.author is not None and training.state != "published":
            training.state = "cancelled"
        part.decide("withdrawn")
        part.taken_back = True

    # Corrections

    @rule(person=people, training=st.one_of(calendar, custom), slug=slugs)
    def is_moved_to_another_category(self, person: int, training: Training, slug: str) -> None:
        part = self.model.live(person, training)
        if part is None or part.lines[0][0] == slug:
            return
        before, amount = part.lines[0]
        credit = Credit.objects.filter(
            person=self.user(person),
            claim__event=training.pk,
            claim__state=part.state,
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
        part.lines[0] = (slug, amount)
        if training.author is not None and self.model.all_live(training) == [part]:
            training.lines.pop(before, None)
            training.lines[slug] = amount

    @rule(
        training=st.one_of(calendar, custom),
        lines=st.dictionaries(
            slugs, st.sampled_from([Decimal("0.5"), Decimal(1)]), min_size=1, max_size=2
        ),
    )
    def is_corrected_for_everybody(self, training: Training, lines: dict[str, Decimal]) -> None:
        may = {"published"} if training.author is None else {"published", "pending"}
        wanted = sorted(lines.items())
        parts = self.model.all_live(training)
        same = training.lines == lines and all(sorted(part.lines) == wanted for part in parts)
        try:
            actions.correct_event(
                event_id=training.pk,
                offers={self.categories[slug].pk: lines[slug] for slug in SLUGS if slug in lines},
                reason="It was entered wrong.",
                by=self.staff,
            )
        except Refused:
            assert training.state not in may or same
            return
        assert training.state in may
        assert not same
        training.lines = dict(lines)
        for part in parts:
            part.lines = list(wanted)

    @rule(person=people, training=st.one_of(calendar, custom), decline=st.booleans())
    def one_claim_is_decided(self, person: int, training: Training, decline: bool) -> None:
        part = self.model.live(person, training)
        if part is None:
            return
        claim = self.user(person).claims.get(event=training.pk, state=part.state)
        with_its_event = training.author == person
        try:
            actions.decide_claim(
                claim_id=claim.pk,
                target=ClaimState.DECLINED if decline else ClaimState.APPROVED,
                reason="Because.",
                by=self.staff,
            )
        except Refused:
            assert with_its_event or (not decline and part.state != "pending")
            return
        assert not with_its_event
        part.decide("declined" if decline else "approved")

    # Awards and merges

    @rule(training=st.one_of(calendar, custom), whom=st.sets(people, min_size=1))
    def is_awarded(self, training: Training, whom: set[int]) -> None:
        addresses = "\n".join(self.user(person).email for person in sorted(whom))
        found = actions.store_award_list(event_id=training.pk, text=addresses, by=self.staff)
        try:
            actions.apply_award_list(list_id=found.pk, by=self.staff)
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
        if source.state == "merged":  # pressed twice
            assert done.moved == 0
            return multiple()
        assert allowed
        joining = self.model.merge(done.merge.pk, source, other)
        assert done.moved == len(joining.moved)
        return joining

    @rule(joining=consumes(merges))
    def the_merge_is_undone(self, joining: Joining) -> None:
        try:
            actions.undo_merge(merge_id=joining.pk, by=self.staff)
        except Refused:
            assert joining.target.state == "merged"
            return
        assert joining.target.state != "merged"
        self.model.undo(joining)

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
            leave_track(participation_id=self.under_way(person, track).pk, by=self.user(person))
        except Refused:
            assert period.state != "open"
            return
        assert period.state == "open"
        del self.model.periods[person, track]

    def under_way(self, person: int, track: str) -> Participation:
        return Participation.objects.select_related("rule_set", "track").get(
            person=self.user(person), track__name=track, state__in=sorted(ACTIVE)
        )

    # Certification

    @rule(person=people, track=tracks)
    def sends_the_record(self, person: int, track: str) -> None:
        period = self.model.periods.get((person, track))
        if period is None:
            return
        try:
            sent = make.submission(self.under_way(person, track))
        except Refused:
            assert period.state == "open"
            assert not self.model.is_complete(person, track)
            return
        if period.state != "open":
            return
        assert self.model.is_complete(person, track)
        period.state = "submitted"
        period.sent = self.parts_of(person, sent.record)
        period.held = {id(part): holds(part) for part, *_ in period.sent}
        total, minimum = RULES[track]
        counted = [amount for *_, amount in period.sent]
        assert total <= sum(counted) < total + max(counted) + minimum
        left = self.model.lines(person, period)
        for line in period.sent:  # a credit is counted once, and only one that there is
            left.remove(line)

    def parts_of(self, person: int, made: dict[str, Any]) -> list[tuple[Part, str, Decimal]]:
        found = []
        for line in record.record_lines(made):
            event_id = Claim.objects.get(pk=line.claim_id).event_id
            part = self.model.live(person, self.model.trainings[event_id])
            assert part is not None
            found.append((part, line.slug, line.amount))
        return found

    @rule(person=people, track=tracks)
    def takes_the_record_back(self, person: int, track: str) -> None:
        if period := self.model.periods.get((person, track)):
            participation = self.under_way(person, track)
            withdraw_submission(participation_id=participation.pk, by=self.user(person))
            period.state = "open"

    @rule(person=people, track=tracks, right=st.booleans())
    def the_record_is_reviewed(self, person: int, track: str, right: bool) -> None:
        period = self.model.periods.get((person, track))
        if period is None or period.state == "open":
            return
        sent = self.under_way(person, track).submissions.get(ended_at=None)
        if not right:
            return_submission(submission_id=sent.pk, reason="Look again.", by=self.staff)
            period.state = "open"
            return
        unproven = any(
            part.training.author is not None and part.training.state in ("pending", "draft")
            for part, *_ in period.sent
        )
        try:
            review_submission(submission_id=sent.pk, supervisor=make.SUPERVISOR, by=self.staff)
        except Refused:
            assert unproven or period.state == "reviewed"
            return
        assert not unproven
        assert period.state == "submitted"
        period.state = "reviewed"

    @rule(person=people, track=tracks, right=st.booleans())
    def the_supervisor_answers(self, person: int, track: str, right: bool) -> None:
        period = self.model.periods.get((person, track))
        if period is None or period.state != "reviewed":
            return
        asked = self.under_way(person, track).verifications.get(answered_at=None)
        if not right:
            refuse_record(verification_id=asked.pk, reason="Who is that?", by=None)
            period.state = "open"
            return
        issued = verify_record(verification_id=asked.pk, by=None)
        assert issued is not None
        lines = [(slug, amount) for _, slug, amount in period.sent]
        mine = self.model.issued.setdefault((person, track), [])
        mine.append(Issued(issued.pk, period, lines))
        happened("a certificate is issued")
        for part, *_ in period.sent:
            if part.state == "pending":
                part.decide("approved")
        self.model.begin(person, track)

    @rule(target=calendar, person=people, track=tracks, steps=st.integers(1, 3))
    def earns_a_certificate(self, person: int, track: str, steps: int) -> Training:
        """Everything at once, so that much can happen afterwards; some stop on the way."""
        self.chooses(person, track)
        lines = {make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "1.5"}
        event = make.event(days=-AGES[0], hours=3, credits=lines)
        training = self.known(event, {slug: Decimal(amount) for slug, amount in lines.items()})
        self.claims(person, training)
        self.sends_the_record(person, track)
        if steps > 1:
            self.the_record_is_reviewed(person, track, right=True)
        if steps > 2:
            self.the_supervisor_answers(person, track, right=True)
        return training

    @rule(person=people, track=tracks, reopen=st.booleans())
    def the_certificate_is_revoked(self, person: int, track: str, reopen: bool) -> None:
        valid = [e for e in self.model.issued.get((person, track), []) if not e.is_revoked]
        if not valid:
            return
        following = self.model.periods.get((person, track))
        try:
            revoke_certificate(
                certificate_id=valid[0].pk, reason="Invented.", reopen=reopen, by=self.staff
            )
        except Refused:
            assert reopen
            assert following is not None
            assert following.state != "open"
            return
        happened(f"a certificate is revoked, {reopen=}")
        valid[0].is_revoked = True
        if reopen:
            self.model.periods[person, track] = Period(valid[0].period.first)

    # After every step

    @invariant()
    def credits_are_those_of_the_model(self) -> None:
        found = Credit.objects.filter(withdrawn_at=None).values_list(
            "person", "claim__event", "claim__state", "category__slug", "amount"
        )
        rows = sorted((self.number[person], *rest) for person, *rest in found.order_by("pk"))
        assert rows == self.model.credits()

    @invariant()
    def records_that_were_sent_are_reopened_when_they_are_no_longer_true(self) -> None:
        for (person, track), period in self.model.periods.items():
            state = self.under_way(person, track).state
            if period.state == "open":
                assert state == "open"
                continue
            now = self.model.lines(person, period)
            is_true = all(line in now for line in period.sent)
            untouched = all(holds(part) == period.held[id(part)] for part, *_ in period.sent)
            if state == "open":
                happened("a record is reopened")
                assert not untouched
                period.state = "open"
            assert is_true or period.state == "open"
            assert state == period.state

    @invariant()
    def certificates_show_what_they_counted(self) -> None:
        for issued in (each for mine in self.model.issued.values() for each in mine):
            certificate = Certificate.objects.get(pk=issued.pk)
            lines = record.record_lines(certificate.record)
            assert [(line.slug, line.amount) for line in lines] == issued.lines
            assert (certificate.revoked_at is not None) == issued.is_revoked
            posted = certificate.participation.postings.order_by("credit")
            if not issued.is_revoked:
                counted = sorted(line.credit_id for line in lines)
                assert list(posted.values_list("credit", flat=True)) == counted

    @invariant()
    def postings_and_totals_are_those_of_the_model(self) -> None:
        active = Posting.objects.filter(participation__state__in=sorted(ACTIVE))
        found = active.order_by("pk").values_list(
            "person",
            "participation__track__name",
            "credit__category__slug",
            "credit__amount",
            "credit__claim__event",
        )
        expected = self.model.postings()
        assert {(self.number[person], *rest) for person, *rest in found} == expected
        participations = Participation.objects.filter(state__in=sorted(ACTIVE))
        participations = participations.select_related("rule_set")
        earned = counting_queries.earned_by_category(participations.order_by("pk"), today())
        for participation in participations.order_by("pk").select_related("track"):
            person, track = self.number[participation.person_id], participation.track.name
            lines = self.model.lines(person, self.model.periods[person, track])
            sums = earned.get(participation.pk, {})
            assert sum(sums.values()) == sum(amount for *_, amount in lines), (person, track)

    @invariant()
    def check_credits_finds_nothing(self) -> None:
        assert [str(finding) for finding in integrity.find_violations()] == []


@pytest.mark.django_db
def test_random_stories_keep_every_promise() -> None:
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
