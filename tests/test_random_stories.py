"""Random stories of a few people, held step by step against a small plain model of the rules.

The model below knows no database: dictionaries, and the rules of docs/rules.md in a few lines each.
After every step claims, credits, postings and totals of the portal have to be those of the model,
and check_credits must find nothing. Hypothesis makes the stories and shortens one that fails.

`make test` plays a few; `STORIES=2000 make pytest ARGS=tests/test_random_stories.py` plays more.
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
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.enums import Role
from accounts.models import User
from aspen.clock import today, years_after, years_before
from aspen.errors import Refused
from credits import actions
from credits.enums import ClaimSource
from credits.models import Credit
from events import actions as event_actions
from events.enums import Attendance, Decision, EventState
from events.models import Category, Event, Registration
from helpdesk import actions as helpdesk_actions
from tests import factories as make
from tracks import checking, queries
from tracks.actions import leave_track, select_track
from tracks.models import Participation, Posting, Track

STORIES = int(os.environ.get("STORIES", "15"))
STEPS = 20
LIVE = {"pending", "approved", "returned"}
TRACKS = ("Library Staff", "Library Trustee")
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
    taken_back: bool = False


class Model:
    """What should be true."""

    def __init__(self) -> None:
        self.trainings: dict[int, Training] = {}
        self.parts: list[Part] = []
        self.following: set[tuple[int, str]] = set()

    def live(self, person: int, training: Training) -> Part | None:
        mine = [p for p in self.parts if p.person == person and p.training is training]
        return next((p for p in mine if p.state in LIVE), None)

    def was(self, person: int, training: Training, *states: str) -> bool:
        mine = [p for p in self.parts if p.person == person and p.training is training]
        return any(p.state in states for p in mine)

    def add(self, person: int, training: Training, state: str = "pending") -> None:
        lines = [(slug, training.lines[slug]) for slug in SLUGS if slug in training.lines]
        self.parts.append(Part(person, training, state, lines))

    def may_claim(self, person: int, training: Training) -> bool:
        """Over, standing, with credit; not held, not declined, not marked absent."""
        return (
            training.author is None
            and training.state == "published"
            and training.is_over
            and not self.live(person, training)
            and not self.was(person, training, "declined")
            and training.places.get(person) != "absent"
        )

    def settle(self, training: Training) -> None:
        """Registering leads to the credit by itself, unless somebody was absent."""
        if training.state != "published" or not training.is_over:
            return
        for person in set(training.places) - training.settled:
            training.settled.add(person)
            self.attended(person, training)

    def attended(self, person: int, training: Training) -> None:
        if training.places[person] == "absent":
            if part := self.live(person, training):
                part.state = "withdrawn"
            return
        mine = [p for p in self.parts if p.person == person and p.training is training]
        stands = any(p.state in LIVE or p.state == "declined" or p.taken_back for p in mine)
        if not stands:
            self.add(person, training)

    def postings(self) -> set[tuple[int, str, str, Decimal, int]]:
        """Who has which line of which training in which track: open, live, in the four years."""
        first, last = years_before(today(), 4), years_after(today(), 4)
        return {
            (part.person, track, slug, amount, part.training.pk)
            for part in self.parts
            if part.state in LIVE and first <= part.training.day <= last
            for person, track in self.following
            if person == part.person
            for slug, amount in part.lines
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
    amounts = st.integers(1, 4).map(lambda halves: Decimal(halves) / 2)
    slugs = st.sampled_from(SLUGS)

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
        event = Event.objects.get(pk=training.pk)
        event.state = EventState.CANCELLED if cancel else EventState.PUBLISHED
        event_actions.save_event(event=event, by=self.staff)
        event_actions.settle_due()
        training.state = "cancelled" if cancel else "published"
        if cancel:
            training.settled.clear()
            for part in self.model.parts:
                if part.training is training and part.state in LIVE:
                    part.state = "withdrawn"
        self.model.settle(training)

    # Taking part

    @rule(person=people, training=upcoming)
    def registers(self, person: int, training: Training) -> None:
        try:
            event_actions.register(event_id=training.pk, by=self.user(person))
        except Refused:
            assert training.state == "cancelled"
        else:
            assert training.state == "published"
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
        try:
            event_actions.decide_custom_event(
                event_id=training.pk, decision=decision, reason="Because.", by=self.staff
            )
        except Refused:
            assert training.state not in sources
            return
        assert training.state in sources
        training.state, state = {
            Decision.APPROVE: ("published", "approved"),
            Decision.RETURN: ("draft", "returned"),
            Decision.DECLINE: ("declined", "declined"),
        }[decision]
        for part in self.model.parts:
            if part.training is training and part.state in LIVE:
                part.state = state

    @rule(training=custom, slug=slugs, amount=amounts, age=st.sampled_from(AGES))
    def is_sent_again(self, training: Training, slug: str, amount: Decimal, age: int) -> None:
        assert training.author is not None
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
        part = self.model.live(training.author, training)
        assert part is not None
        part.state, part.lines = "pending", [(slug, amount)]

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
        part.state, part.taken_back = "withdrawn", True
        if training.author is not None:
            training.state = "cancelled"

    # Corrections

    @rule(person=people, training=st.one_of(calendar, custom), slug=slugs)
    def is_moved_to_another_category(self, person: int, training: Training, slug: str) -> None:
        part = self.model.live(person, training)
        if part is None or part.lines[0][0] == slug:
            return
        credit = Credit.objects.get(
            person=self.user(person), claim__event=training.pk, claim__state=part.state, line=1
        )
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
        part.lines[0] = (slug, part.lines[0][1])
        if training.author is not None:
            training.lines = {slug: part.lines[0][1]}

    # Tracks

    @rule(person=people, track=st.sampled_from(TRACKS))
    def chooses(self, person: int, track: str) -> None:
        _, is_new = select_track(track=Track.objects.get(name=track), by=self.user(person))
        assert is_new == ((person, track) not in self.model.following)
        self.model.following.add((person, track))

    @rule(person=people, track=st.sampled_from(TRACKS))
    def leaves(self, person: int, track: str) -> None:
        if (person, track) not in self.model.following:
            return
        mine = Participation.objects.get(person=self.user(person), track__name=track, state="open")
        leave_track(participation_id=mine.pk, by=self.user(person))
        self.model.following.remove((person, track))

    # After every step

    @invariant()
    def credits_are_those_of_the_model(self) -> None:
        found = Credit.objects.filter(withdrawn_at=None).values_list(
            "person", "claim__event", "claim__state", "category__slug", "amount"
        )
        rows = sorted((self.number[person], *rest) for person, *rest in found.order_by("pk"))
        assert rows == self.model.credits()

    @invariant()
    def postings_and_totals_are_those_of_the_model(self) -> None:
        found = Posting.objects.order_by("pk").values_list(
            "person",
            "participation__track__name",
            "credit__category__slug",
            "credit__amount",
            "credit__claim__event",
        )
        expected = self.model.postings()
        assert {(self.number[person], *rest) for person, *rest in found} == expected
        participations = Participation.objects.filter(state="open").select_related("rule_set")
        earned = queries.earned_by_category(participations.order_by("pk"), today())
        for participation in participations.order_by("pk").select_related("track"):
            person, track = self.number[participation.person_id], participation.track.name
            parts = [p for p in self.model.parts if p.person == person and p.state in LIVE]
            first = years_before(today(), 4)
            counted = [a for p in parts if p.training.day >= first for _, a in p.lines]
            sums = earned.get(participation.pk, {})
            assert sum(sums.values()) == sum(counted), (person, track)

    @invariant()
    def check_credits_finds_nothing(self) -> None:
        assert [str(finding) for finding in checking.check()] == []


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
