"""Attendance marks, walk-ins, and the credits that follow from them."""

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.actions import portal_user
from accounts.models import User
from aspen.errors import Refused
from aspen.models import Mail
from credits.models import Claim
from events import actions, signals
from events.enums import Attendance, EventState, RegistrationState
from events.models import Event, Presenter, Registration
from tests import factories as make
from tests.races import run_concurrently

pytestmark = pytest.mark.django_db
BEGIN = dt.datetime(2026, 12, 3, 16, 0, tzinfo=dt.UTC)
END = BEGIN + dt.timedelta(hours=2)
DURING = BEGIN + dt.timedelta(minutes=20)
AFTER = END + dt.timedelta(days=1)
BEFORE = BEGIN - dt.timedelta(days=2)


@pytest.fixture
def event() -> Event:
    return make.event(begins_at=BEGIN, ends_at=END)


@pytest.fixture
def organizer() -> User:
    return make.person()


def registered(event: Event, person: User | None = None) -> Registration:
    with time_machine.travel(BEFORE, tick=False):
        return actions.register(event_id=event.pk, by=person or make.person())


def mark(place: Registration, attendance: Attendance, by: User, at: dt.datetime = DURING) -> None:
    with time_machine.travel(at, tick=False):
        actions.mark_attendance(registration_id=place.pk, attendance=attendance, by=by)
    place.refresh_from_db()


def people_with_credit(event: Event) -> set[int]:
    claims = Claim.objects.filter(event=event).exclude(state="withdrawn")
    return set(claims.order_by("pk").values_list("person", flat=True))


# ---------- Marks ----------


@pytest.mark.parametrize("attendance", [Attendance.PRESENT, Attendance.LATE, Attendance.ABSENT])
def test_a_mark_has_an_author_and_time_and_can_be_cleared(
    event: Event, organizer: User, attendance: Attendance
) -> None:
    place = registered(event)
    mark(place, attendance, organizer)
    mark(place, attendance, make.person(), at=AFTER)  # the same mark changes nothing
    assert (place.attendance, place.marked_at, place.marked_by) == (attendance, DURING, organizer)
    mark(place, Attendance.UNKNOWN, organizer)
    assert (place.attendance, place.marked_at, place.marked_by) == ("unknown", None, None)


def test_only_confirmed_registrations_can_be_marked(event: Event, organizer: User) -> None:
    Event.objects.filter(pk=event.pk).update(capacity=1)
    first, second = registered(event), registered(event)
    with pytest.raises(Refused, match="is on the waitlist"):
        mark(second, Attendance.PRESENT, organizer)
    with time_machine.travel(BEFORE, tick=False):
        actions.cancel_registration(event_id=event.pk, by=first.person)
    with pytest.raises(Refused, match="is canceled"):
        mark(first, Attendance.PRESENT, organizer)


def test_each_absent_mark_queues_one_email(event: Event, organizer: User) -> None:
    place = registered(event)
    mark(place, Attendance.ABSENT, organizer)
    mark(place, Attendance.ABSENT, organizer)
    mark(place, Attendance.PRESENT, organizer)
    again = DURING + dt.timedelta(minutes=1)
    mark(place, Attendance.ABSENT, organizer, at=again)
    mails = Mail.objects.filter(kind="events.absent").order_by("pk")
    assert [(mail.key, mail.to, mail.facts) for mail in mails] == [
        (f"absent:{place.pk}:{moment.isoformat()}", place.person, {"registration": place.pk})
        for moment in (DURING, again)
    ]


def test_unmarked_people_can_be_marked_present_from_two_hours_before(
    event: Event, organizer: User
) -> None:
    places = [registered(event) for _ in range(3)]
    mark(places[0], Attendance.LATE, organizer)
    doors = BEGIN - dt.timedelta(hours=2)
    with time_machine.travel(doors - dt.timedelta(seconds=1), tick=False):
        with pytest.raises(Refused, match="starting two hours before"):
            actions.mark_remaining_present(event_id=event.pk, by=organizer)
    with time_machine.travel(doors, tick=False):
        assert actions.mark_remaining_present(event_id=event.pk, by=organizer) == 2
        assert actions.mark_remaining_present(event_id=event.pk, by=organizer) == 0
    marks = event.registrations.order_by("pk").values_list("attendance", flat=True)
    assert list(marks) == ["late", "present", "present"]


# ---------- Walk-ins ----------


def walk_in(event: Event, person: User, by: User, at: dt.datetime = DURING) -> Registration:
    with time_machine.travel(at, tick=False):
        return actions.add_walk_in(event_id=event.pk, person=person, by=by)


def test_a_walk_in_is_present_and_uses_no_place(event: Event, organizer: User) -> None:
    Event.objects.filter(pk=event.pk).update(capacity=1)
    registered(event)
    person = make.person()
    for _ in range(2):
        walk_in(event, person, organizer)
    place = Registration.objects.get(event=event, person=person)
    assert (place.state, place.walk_in) == (RegistrationState.CONFIRMED, True)
    assert (place.attendance, place.marked_by) == (Attendance.PRESENT, organizer)


def test_adding_a_registered_person_marks_them_present(event: Event, organizer: User) -> None:
    place = registered(event)
    walk_in(event, place.person, organizer)
    place.refresh_from_db()
    assert (place.walk_in, place.attendance) == (False, Attendance.PRESENT)


@pytest.mark.parametrize("state", ["waitlisted", "cancelled"])
def test_waitlisted_and_canceled_people_can_be_walk_ins(
    event: Event, organizer: User, state: str
) -> None:
    Event.objects.filter(pk=event.pk).update(capacity=1)
    registered(event)
    place = registered(event)
    if state == "cancelled":
        with time_machine.travel(BEFORE, tick=False):
            actions.cancel_registration(event_id=event.pk, by=place.person)
    walk_in(event, place.person, organizer)
    place.refresh_from_db()
    assert (place.state, place.walk_in) == (RegistrationState.CONFIRMED, True)
    assert (place.attendance, place.cancelled_at) == (Attendance.PRESENT, None)


def test_a_walk_in_added_after_the_event_earns_credit_immediately(
    event: Event, organizer: User
) -> None:
    person = make.person()
    walk_in(event, person, organizer, at=AFTER)
    assert people_with_credit(event) == {person.pk}


@pytest.mark.parametrize(
    ("moment", "state", "reason"),
    [
        (BEFORE, EventState.PUBLISHED, "starting two hours before"),
        (DURING, EventState.CANCELLED, "is not taking place"),
    ],
)
def test_no_walk_ins_too_early_or_at_canceled_events(
    event: Event, organizer: User, moment: dt.datetime, state: EventState, reason: str
) -> None:
    Event.objects.filter(pk=event.pk).update(state=state)
    with pytest.raises(Refused, match=reason):
        walk_in(event, make.person(), organizer, at=moment)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (BEGIN - dt.timedelta(hours=2, seconds=1), "starting two hours before"),
        (BEGIN - dt.timedelta(hours=2), None),
        (END - dt.timedelta(seconds=1), None),
        (END, "Mark attendance on the roster"),
    ],
)
def test_organizers_scan_from_two_hours_before_until_the_end(
    event: Event, organizer: User, moment: dt.datetime, reason: str | None
) -> None:
    person = make.person()
    with time_machine.travel(moment, tick=False):
        if reason:
            with pytest.raises(Refused, match=reason):
                actions.check_in_by_organizer(event_id=event.pk, person=person, by=organizer)
        else:
            actions.check_in_by_organizer(event_id=event.pk, person=person, by=organizer)
    assert Registration.objects.filter(event=event, person=person).exists() == (reason is None)


@pytest.mark.django_db(transaction=True)
def test_concurrent_check_in_by_organizer_and_person() -> None:
    event = make.event(days=0, hours=2, check_in_code="WEEDNG", allows_walk_ins=True)
    person, organizer = make.person(), make.person()

    def act(number: int) -> Registration:
        if number % 2:
            return actions.add_walk_in(event_id=event.pk, person=person, by=organizer)
        return actions.check_in(event_id=event.pk, code="WEEDNG", by=person)

    assert len({place.pk for place in run_concurrently(10, act)}) == 1
    assert Registration.objects.get(event=event).attendance == Attendance.PRESENT


# ---------- Settling ----------


def test_everyone_except_absentees_earns_credit(event: Event, organizer: User) -> None:
    places = {each: registered(event) for each in Attendance}
    for attendance, place in places.items():
        mark(place, attendance, organizer)
    with time_machine.travel(AFTER, tick=False):
        assert actions.settle_due() == 4
        assert actions.settle_due() == 0
    assert people_with_credit(event) == {
        places[each].person_id for each in Attendance if each != Attendance.ABSENT
    }


def test_marks_after_the_event_correct_the_credit(event: Event, organizer: User) -> None:
    place = registered(event)
    with time_machine.travel(AFTER, tick=False):
        actions.settle_due()
    for attendance, people in [
        (Attendance.ABSENT, set()),
        (Attendance.LATE, {place.person_id}),
        (Attendance.ABSENT, set()),
        (Attendance.UNKNOWN, {place.person_id}),
    ]:
        mark(place, attendance, organizer, at=AFTER)
        assert people_with_credit(event) == people


@pytest.fixture
def presented() -> Iterator[list[list[tuple[int, int]]]]:
    """Collect the (person, event) pairs of each presenting_settled signal."""
    received: list[list[tuple[int, int]]] = []

    def receive(presentations: list[Presenter], **_: object) -> None:
        received.append([(each.person.pk, each.event.pk) for each in presentations])

    signals.presenting_settled.connect(receive, weak=False, dispatch_uid="test")
    yield received
    signals.presenting_settled.disconnect(dispatch_uid="test")


def test_presenters_are_settled_once_after_the_event(
    event: Event, presented: list[list[tuple[int, int]]]
) -> None:
    person = make.person()
    later = make.event(begins_at=END, ends_at=END + dt.timedelta(hours=1))
    nothing = make.event(begins_at=BEGIN, ends_at=END, credits={})
    for each in (event, later, nothing):
        Presenter.objects.create(event=each, person=person)
    with time_machine.travel(END - dt.timedelta(seconds=1), tick=False):
        assert actions.settle_due() == 0
    with time_machine.travel(END, tick=False):
        assert (actions.settle_due(person=person), actions.settle_due()) == (1, 0)
    with time_machine.travel(AFTER, tick=False):
        assert (actions.settle_due(person=make.person()), actions.settle_due()) == (0, 1)
    assert presented == [[(person.pk, event.pk)], [(person.pk, later.pk)]]
    unsettled = Presenter.objects.filter(settled_at=None)
    assert [each.event for each in unsettled] == [nothing]


def test_settling_three_events_takes_as_many_queries_as_one(organizer: User) -> None:
    portal_user()
    queries = []
    for number in (1, 3):
        person = make.person()
        for _ in range(number):
            attended, missed, given = (make.event(begins_at=BEGIN, ends_at=END) for _ in range(3))
            registered(attended, person)
            mark(registered(missed, person), Attendance.ABSENT, organizer)
            Presenter.objects.create(event=given, person=person)
        with time_machine.travel(AFTER, tick=False), CaptureQueriesContext(connection) as captured:
            assert actions.settle_due(person=person) == 3 * number
        queries.append(len(captured))
    assert queries[0] == queries[1]


@pytest.mark.django_db(transaction=True)
def test_concurrent_settling_gives_no_credit_twice() -> None:
    event = make.event(days=1)
    people = [make.person() for _ in range(3)]
    for person in people:
        actions.register(event_id=event.pk, by=person)
    Presenter.objects.create(event=event, person=make.person())
    past = timezone.now() - dt.timedelta(hours=1)
    Event.objects.filter(pk=event.pk).update(begins_at=past - dt.timedelta(hours=1), ends_at=past)
    settled = run_concurrently(6, lambda _: actions.settle_due())
    assert sum(settled) == 4
    attendees = Claim.objects.filter(event=event, role="attendee")
    assert sorted(attendees.values_list("person", flat=True)) == sorted(each.pk for each in people)


def test_applying_a_list_wakes_the_worker_on_commit(
    event: Event, organizer: User, django_capture_on_commit_callbacks
) -> None:
    place = registered(event)
    waiting = ProcrastinateJob.objects.filter(task_name="events.tasks.settle_due", status="todo")
    with time_machine.travel(AFTER, tick=False):
        for minutes in (40, 60):
            data = f"Email,Minutes\n{place.person.email},{minutes}\n".encode()
            stored = actions.store_attendance_list(
                event_id=event.pk, file_name="list.csv", data=data, threshold=30, by=organizer
            )
            with django_capture_on_commit_callbacks(execute=True):
                actions.apply_attendance_list(list_id=stored.pk, by=organizer)
            assert waiting.count() == 1
