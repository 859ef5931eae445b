"""The e-mails about events, including the calendar files in them."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from accounts.models import User
from aspen.mail import outbox
from aspen.models import Mail
from events import actions
from events.calendar.search import Filters
from events.editing import emails
from events.editing.emails import Change
from events.enums import Attendance, Delivery, EventState
from events.models import Event, Registration, SavedSearch
from tests import factories
from tests.emails import (
    assert_snapshots,
    body_of,
    calendar_of,
    delivered,
    is_dropped,
    paragraphs,
    restart_ids,
    sent,
)

pytestmark = pytest.mark.django_db
MONTANA = dt.timezone(dt.timedelta(hours=-7))
BEGINS = dt.datetime(2026, 12, 3, 9, tzinfo=MONTANA)
PORTAL = "http://127.0.0.1:8000"
TITLE = "Weeding & <b>more</b> — “the basics”"


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


@pytest.fixture
def person() -> User:
    return factories.person(display_name="Zoë O'Hara", email="zoe@library.example")


def an_event(**fields: Any) -> Event:
    values: dict[str, Any] = {
        "title": TITLE,
        "begins_at": BEGINS,
        "ends_at": BEGINS + dt.timedelta(hours=2),
        "delivery": Delivery.IN_PERSON,
        "room": "Big Sky Room",
        "location": "Lewis & Clark Library",
        "city": "Helena",
        "sponsor": "Broad Valleys Federation",
        "credits": {factories.ADMINISTRATION: "1.5", factories.TECHNOLOGY: "1.0"},
    }
    return factories.event(**values | fields)


def place_at(event: Event, person: User) -> Registration:
    """Register the person for the event, and send the confirmation."""
    registration = actions.register(event_id=event.pk, by=person)
    sent()
    return registration


def sent_to(person: User) -> list[str]:
    return [message.subject for message in sent() if message.to == [person.email]]


# ---------- Whole e-mails ----------


def test_snapshots(now: time_machine.Traveller) -> None:
    restart_ids(User, Event, SavedSearch)
    person = factories.person(display_name="Zoë O'Hara", email="zoe@library.example")
    assert_snapshots(
        "events",
        [
            *_registering(person),
            *_proposing(person),
            *_changing(person, now),
            *_matching(person, now),
        ],
    )


def _registering(person: User) -> Iterator[EmailMultiAlternatives]:
    """Yield the e-mails for joining the waitlist, moving up, canceling and registering again."""
    event, other = (
        an_event(begins_at=BEGINS + dt.timedelta(7), ends_at=None, capacity=1),
        factories.person(),
    )
    place_at(event, other)
    actions.register(event_id=event.pk, by=person)
    yield delivered()
    actions.cancel_registration(event_id=event.pk, by=other)
    yield from (message for message in sent() if message.to == [person.email])
    actions.cancel_registration(event_id=event.pk, by=person)
    yield delivered()
    actions.register(event_id=event.pk, by=person)
    yield delivered()


def _proposing(person: User) -> Iterator[EmailMultiAlternatives]:
    proposed = an_event(
        state=EventState.DRAFT,
        created_by=person,
        decided_by=factories.person(),
        decided_at=timezone.now(),
        decision_reason="Which room?",
    )
    emails.queue_proposal_returned_email(proposed)
    yield delivered()
    proposed.state, proposed.decided_at = EventState.PUBLISHED, timezone.now() + dt.timedelta(1)
    proposed.save()
    emails.queue_proposal_published_email(proposed)
    yield delivered()
    published = emails.decision_key(proposed)
    proposed.state = EventState.PENDING
    proposed.save()
    emails.queue_decision_undone_email(
        proposed, published, was_published=True, at=timezone.now() + dt.timedelta(2)
    )
    yield delivered()


def _changing(person: User, now: time_machine.Traveller) -> Iterator[EmailMultiAlternatives]:
    """Yield the e-mails about an event that is moved and then recorded, and a canceled event."""
    event, off = an_event(), an_event()
    registration = place_at(event, person)
    place_at(off, person)
    Event.objects.filter(pk=event.pk).update(city="Butte", location="", room="")
    event.refresh_from_db()
    where = Change("Where", "Big Sky Room, Lewis & Clark Library, Helena", "Butte")
    note = "The roof leaks.\n\nSee you in <i>Butte</i>!"
    emails.queue_changed_emails(event, [where, Change("Note", "", "Bring tea")], note=note)
    yield delivered()
    Event.objects.filter(pk=off.pk).update(state=EventState.CANCELLED, cancellation="No heating.")
    emails.queue_called_off_emails(off, reason="No heating.")
    yield delivered()
    now.move_to("2026-12-02 09:00 -0700")
    actions.queue_reminder_emails()
    yield delivered()
    now.move_to("2026-12-05 08:00 -0700")
    Event.objects.filter(pk=event.pk).update(
        recording_available_at=timezone.now(),
        recording_until_at=dt.datetime(2027, 1, 31, 17, tzinfo=MONTANA),
        recording_url="https://video.example/42",
    )
    actions.queue_recording_emails()
    yield delivered()
    mark(registration, Attendance.ABSENT)
    yield delivered()
    back = an_event(begins_at=BEGINS + dt.timedelta(30), ends_at=None)
    place_at(back, person)
    emails.queue_restored_emails(back, note="The heating works again.")
    yield delivered()


def _matching(person: User, now: time_machine.Traveller) -> Iterator[EmailMultiAlternatives]:
    """Yield the e-mail about a new event and a recording that match a saved search."""
    filters = Filters(words="weeding", earns_credit=True)
    saved = actions.save_search(filters=filters, name="“weeding”, Earns credit", by=person)
    SavedSearch.objects.filter(pk=saved.pk).update(checked_at=timezone.now())
    listed = timezone.now() + dt.timedelta(days=1)
    recorded = {"recording_available_at": listed, "recording_url": "https://video.example/42"}
    for event in (
        an_event(begins_at=BEGINS + dt.timedelta(50), ends_at=None),
        an_event(title="Weeding, recorded", ends_at=BEGINS, **recorded),
    ):
        Event.objects.filter(pk=event.pk).update(created_at=listed)
    now.move_to("2026-12-12 08:00 -0700")
    actions.queue_saved_search_emails()
    yield delivered()


# ---------- Registration ----------


def test_a_confirmation_adds_the_event_to_the_calendar(person: User) -> None:
    event = an_event()
    actions.register(event_id=event.pk, by=person)
    method, entry = calendar_of(delivered())
    assert (method, entry["STATUS"], entry["SEQUENCE"]) == ("REQUEST", "CONFIRMED", 0)
    assert entry["UID"] == f"{event.uid}@aspen"
    assert entry["DTSTART"].dt == BEGINS
    assert entry["ATTENDEE"] == "mailto:zoe@library.example"


def test_a_confirmation_mentions_no_link_or_credit_if_there_is_none(
    person: User,
) -> None:
    event = an_event(delivery=Delivery.ONLINE, credits={}, all_day=True, sponsor="")
    actions.register(event_id=event.pk, by=person)

    message = delivered()

    assert "When:  Thu, Dec 3, 2026\nWhere: Online\n" in message.body
    assert "To join online, see the event's page or ask the organizer." in paragraphs(message)
    assert "credit" not in str(message.body)


def test_a_title_cannot_add_a_header_or_fill_the_subject(person: User) -> None:
    event = an_event(title="A\r\nBcc: all@library.example\x0b" + "long " * 50)
    actions.register(event_id=event.pk, by=person)
    message = delivered()
    assert message.subject.startswith("You are registered: A Bcc: all@library.example long long")
    assert len(message.subject) <= 150
    assert message.message()["Bcc"] is None


def test_outdated_confirmations_are_not_sent(person: User) -> None:
    event = an_event()
    actions.register(event_id=event.pk, by=person)
    actions.cancel_registration(event_id=event.pk, by=person)
    assert delivered().subject == f"Your registration has been canceled: {TITLE}"


def test_canceling_and_registering_again_sends_one_email(
    person: User, now: time_machine.Traveller
) -> None:
    event = an_event()
    actions.register(event_id=event.pk, by=person)
    actions.cancel_registration(event_id=event.pk, by=person)
    now.shift(1)
    actions.register(event_id=event.pk, by=person)
    assert delivered().subject == f"You are registered: {TITLE}"


def test_no_confirmation_once_the_event_is_over_or_canceled(
    person: User, now: time_machine.Traveller
) -> None:
    gone, off = an_event(), an_event(days=3)
    for event in (gone, off):
        actions.register(event_id=event.pk, by=person)
    Event.objects.filter(pk=off.pk).update(state=EventState.CANCELLED)
    now.move_to(gone.over_at)
    assert is_dropped()


def test_joining_leaving_and_moving_up_the_waitlist(person: User) -> None:
    event = an_event(capacity=1)
    first, second = factories.person(), factories.person()
    for each in (first, second):
        place_at(event, each)

    actions.register(event_id=event.pk, by=person)
    message = delivered()
    assert f"“{TITLE}” is full. You are number 2 on the waitlist." in paragraphs(message)
    assert message.attachments == []

    actions.cancel_registration(event_id=event.pk, by=second)
    message = delivered()
    assert message.subject == f"You left the waitlist: {TITLE}"
    assert paragraphs(message)[1] == f"You are no longer on the waitlist for “{TITLE}”."
    assert message.attachments == []

    actions.cancel_registration(event_id=event.pk, by=first)
    cancelled, promoted = sorted(sent(), key=lambda each: each.to != [first.email])
    assert cancelled.subject == f"Your registration has been canceled: {TITLE}"
    method, entry = calendar_of(cancelled)
    assert (method, entry["STATUS"], entry["UID"]) == ("CANCEL", "CANCELLED", f"{event.uid}@aspen")
    assert promoted.to == [person.email]
    assert promoted.subject == f"You now have a place: {TITLE}"
    method, entry = calendar_of(promoted)
    assert (method, entry["STATUS"]) == ("REQUEST", "CONFIRMED")


def test_no_waitlist_email_to_a_person_who_already_moved_up(person: User) -> None:
    event = an_event(capacity=1)
    other = factories.person()
    place_at(event, other)
    actions.register(event_id=event.pk, by=person)
    actions.cancel_registration(event_id=event.pk, by=other)
    assert sent_to(person) == [f"You now have a place: {TITLE}"]


def test_no_promotion_email_to_a_person_who_already_canceled(person: User) -> None:
    event = an_event(capacity=1)
    other = factories.person()
    place_at(event, other)
    place_at(event, person)
    actions.cancel_registration(event_id=event.pk, by=other)
    actions.cancel_registration(event_id=event.pk, by=person)
    assert sent_to(person) == [f"Your registration has been canceled: {TITLE}"]


@pytest.mark.parametrize("waiting", [1, 3])
def test_an_email_takes_a_fixed_number_of_queries(
    person: User, waiting: int, django_assert_num_queries: Any
) -> None:
    event = an_event(capacity=1)
    for each in (factories.person(), *(factories.person() for _ in range(waiting - 1)), person):
        actions.register(event_id=event.pk, by=each)
    mail = Mail.objects.select_related("to").get(to=person)
    with django_assert_num_queries(3):
        assert outbox.composers[mail.kind](mail)


# ---------- Changed ----------


def queue_change(event: Event, *changes: Change, note: str = "") -> None:
    event.refresh_from_db()
    assert emails.queue_changed_emails(event, changes, note=note) == 1


def test_a_change_email_updates_the_calendar(person: User) -> None:
    event = an_event()
    place_at(event, person)
    Event.objects.filter(pk=event.pk).update(city="Butte", location="", room="")
    queue_change(event, Change("Where", "Big Sky Room, Lewis & Clark Library, Helena", "Butte"))
    method, entry = calendar_of(delivered())
    assert (method, entry["SEQUENCE"], str(entry["LOCATION"])) == ("REQUEST", 1, "Butte")


def test_a_change_email_describes_the_event_when_it_is_sent(person: User) -> None:
    """While the worker is down, the event moves twice and its place changes and changes back."""
    event = an_event(delivery="")
    place_at(event, person)
    later = BEGINS + dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=later, ends_at=None, delivery="")
    queue_change(
        event,
        Change("When", "Thu, Dec 3, 2026, 9:00–11:00 AM", "Mon, Dec 7, 2026, 9:00–11:00 AM"),
        Change("Where", "Big Sky Room, Lewis & Clark Library, Helena", "Butte"),
        Change("Format", "In person", "Online"),
    )

    body = body_of(delivered())

    assert "When: Fri, Dec 4, 2026, 9:00 AM (Mountain time; previously: Thu, Dec 3, 2026," in body
    assert "Format: removed (previously: In person)" in body
    assert body.count("Where: Big Sky Room, Lewis & Clark Library, Helena Credits:") == 1
    assert "Dec 7" not in body
    assert "Butte" not in body


def test_no_email_about_a_change_that_was_undone(person: User) -> None:
    event = an_event()
    place_at(event, person)
    queue_change(event, Change("Title", TITLE, "Another title"))
    assert is_dropped()


@pytest.mark.parametrize("late", ["cancelled person", "cancelled event"])
def test_no_change_email_after_a_cancellation(person: User, late: str) -> None:
    event = an_event()
    place_at(event, person)
    queue_change(event, note="Hello")
    if late == "cancelled event":
        Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
        assert is_dropped()
        return
    actions.cancel_registration(event_id=event.pk, by=person)
    assert delivered().subject == f"Your registration has been canceled: {TITLE}"


# ---------- Canceled ----------


def call_off(event: Event, reason: str = "") -> None:
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED, cancellation="No heating.")
    emails.queue_called_off_emails(event, reason=reason)


def test_a_canceled_event_is_removed_from_the_calendar(person: User) -> None:
    event = an_event()
    place_at(event, person)
    call_off(event)
    message = delivered()
    assert "The organizer wrote:\n\n> No heating.\n" in message.body
    assert "Credits:" not in message.body
    method, entry = calendar_of(message)
    assert (method, entry["STATUS"], entry["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)


def test_people_on_the_waitlist_get_no_calendar_file(person: User) -> None:
    event = an_event(capacity=1)
    place_at(event, factories.person())
    place_at(event, person)
    call_off(event, "Too much snow.")
    [message] = [each for each in sent() if each.to == [person.email]]
    assert paragraphs(message)[1] == f"“{TITLE}” will not take place."
    assert "> Too much snow.\n" in message.body
    assert message.attachments == []


def test_no_cancellation_email_if_the_event_takes_place_after_all(person: User) -> None:
    event = an_event()
    place_at(event, person)
    call_off(event)
    Event.objects.filter(pk=event.pk).update(state=EventState.PUBLISHED)
    assert is_dropped()


def test_people_are_told_if_an_event_that_is_over_did_not_take_place(
    person: User, now: time_machine.Traveller
) -> None:
    event = an_event()
    place_at(event, person)
    now.move_to("2026-12-07 09:00 -0700")
    call_off(event)
    message = delivered()
    assert "did not take place, so its credits were withdrawn" in body_of(message)


@pytest.mark.parametrize("state", [EventState.PUBLISHED, EventState.CANCELLED])
def test_people_are_told_if_an_event_takes_place_after_all(person: User, state: EventState) -> None:
    event = an_event()
    place_at(event, person)
    emails.queue_restored_emails(event, note="")
    Event.objects.filter(pk=event.pk).update(state=state)
    if state == EventState.CANCELLED:
        assert is_dropped()
        return
    message = delivered()
    assert message.subject == f"Taking place after all: {TITLE}"
    method, entry = calendar_of(message)
    assert (method, entry["STATUS"]) == ("REQUEST", "CONFIRMED")


# ---------- Attendance ----------


def mark(registration: Registration, attendance: Attendance) -> None:
    actions.mark_attendance(
        registration_id=registration.pk, attendance=attendance, by=factories.person()
    )


def test_an_absence_is_announced_after_the_event(person: User, now: time_machine.Traveller) -> None:
    event = an_event()
    registration = place_at(event, person)
    now.move_to(BEGINS + dt.timedelta(minutes=10))
    mark(registration, Attendance.ABSENT)
    assert sent() == []
    now.move_to(event.over_at)
    message = delivered()
    assert message.subject == f"You were marked absent: {TITLE}"
    assert "Credits:" not in message.body
    assert "recording" not in message.body


def test_an_absence_corrected_before_the_end_is_not_announced(
    person: User, now: time_machine.Traveller
) -> None:
    event = an_event()
    registration = place_at(event, person)
    now.move_to(BEGINS + dt.timedelta(minutes=10))
    mark(registration, Attendance.ABSENT)
    mark(registration, Attendance.LATE)
    now.move_to(event.over_at)
    assert is_dropped()


# ---------- Proposals ----------


def test_no_return_email_for_a_resubmitted_proposal(person: User) -> None:
    event = an_event(
        state=EventState.PENDING,
        created_by=person,
        decided_by=factories.person(),
        decided_at=timezone.now(),
        decision_reason="Which room?",
    )
    emails.queue_proposal_returned_email(event)
    assert Mail.objects.get().kind == "events.proposal_returned"
    assert is_dropped()
