"""Every letter about events and credits, opened and read, the calendar file inside included."""

import datetime as dt
import html
import re
from collections.abc import Iterator
from typing import Any

import icalendar
import pytest
import time_machine
from django.core import mail as mailing
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.queries import reminders_token
from aspen.mail import outbox
from aspen.models import Mail, MailState
from credits.enums import ClaimRole
from credits.models import Claim
from events import actions
from events.enums import Attendance, Delivery, EventState
from events.models import Event, Registration
from tests import factories

pytestmark = pytest.mark.django_db
MONTANA = dt.timezone(dt.timedelta(hours=-7))
BEGINS = dt.datetime(2026, 12, 3, 9, tzinfo=MONTANA)
PORTAL = "http://127.0.0.1:8000"
TITLE = "Weeding & <b>more</b> — “the basics”"
FACTS = [
    "When:      Thu, Dec 3, 2026, 9:00–11:00 AM (Mountain time)",
    "Where:     Big Sky Room, Lewis & Clark Library, Helena",
    "Credits:   1.5 credits in Library Administration; 1 credit in",
    "           Technology",
    "Organizer: Broad Valleys Federation",
]


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
    """A place whose confirmation went out long ago."""
    registration = actions.register(event_id=event.pk, by=person)
    outbox.deliver_due()
    mailing.outbox.clear()
    return registration


def delivered() -> EmailMultiAlternatives:
    """The one message that the worker sends now, and that says the same twice."""
    outbox.deliver_due()
    (message,) = mailing.outbox
    mailing.outbox.clear()
    assert isinstance(message, EmailMultiAlternatives)
    assert message.from_email == "ASPeN <aspen@aspen.example>"
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert max(map(len, str(message.body).splitlines())) <= 90  # an address is never broken
    assert "&amp;" not in message.body
    assert "\n\n\n" not in message.body
    in_html = message.alternatives[0].content
    assert words_of(str(message.body)) == words_of(read(in_html))
    assert "<b>more" not in in_html
    return message


def read(page: str) -> str:
    """What somebody reads of the page; a button is followed by its address, as in text."""
    body = page.split("<body", 1)[1].split(">", 1)[1]
    body = re.sub(r'<a href="([^"]*)" style="display[^>]*>([^<]*)</a>', r"\2 \1", body)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


def words_of(text: str) -> list[str]:
    """The words, without the signs that only text needs to lay itself out."""
    return re.findall(r"[^\s:>]+", text)


def dropped() -> bool:
    """Whether the worker finds nothing to say."""
    outbox.deliver_due()
    return mailing.outbox == [] and {mail.state for mail in Mail.objects.order_by("pk")} <= {
        MailState.SENT,
        MailState.DROPPED,
    }


def lines(message: EmailMultiAlternatives) -> list[str]:
    return str(message.body).splitlines()


def paragraphs(message: EmailMultiAlternatives) -> list[str]:
    """Greeting, what is said, and neither the facts nor the end, on one line each."""
    return [" ".join(part.split()) for part in str(message.body).split("\n\n")][:-1]


def calendar_of(message: EmailMultiAlternatives) -> tuple[str, Any]:
    """Method and event of the calendar inside, which the message declares and attaches too."""
    ((name, attached, mimetype),) = message.attachments
    assert (name, mimetype) == ("event.ics", "application/ics")
    part = message.alternatives[1]
    assert part.content.encode() == attached
    (calendar,) = icalendar.Calendar.from_ical(attached, multiple=True)
    assert part.mimetype == f"text/calendar; method={calendar['METHOD']}"
    in_mime = [each for each in message.message().walk() if not each.is_multipart()]
    assert [each.get_content_type() for each in in_mime] == [
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    assert in_mime[2].get_param("method") == calendar["METHOD"]
    assert in_mime[2].get_content_charset() == "utf-8"
    (event,) = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), event


# ---------- Registration ----------


def test_the_confirmation(person: User) -> None:
    event = an_event()
    actions.register(event_id=event.pk, by=person)

    message = delivered()

    assert message.to == ["zoe@library.example"]
    assert message.subject == f"You are registered: {TITLE}"
    said = paragraphs(message)
    assert said[:2] == [
        "Hello Zoë O'Hara,",
        f"You have a place at “{TITLE}”. The attached file puts it into your own calendar.",
    ]
    assert [line for line in FACTS if line in lines(message)] == FACTS
    assert said[3:] == [
        f"Open the event's page: {PORTAL}/events/{event.pk}/",
        "When the event is over, your credit is listed by itself. Look at your credits after it: "
        f"{PORTAL}/continuing-education/credits/",
        "If you cannot come, cancel your registration, so that somebody else can have the place: "
        f"{PORTAL}/events/{event.pk}/cancel/",
    ]
    method, entry = calendar_of(message)
    assert (method, entry["STATUS"], entry["SEQUENCE"]) == ("REQUEST", "CONFIRMED", 0)
    assert entry["UID"] == f"{event.uid}@aspen"
    assert entry["DTSTART"].dt == BEGINS
    assert entry["ATTENDEE"] == "mailto:zoe@library.example"


def test_the_end_says_who_writes_and_whom_to_ask(person: User) -> None:
    actions.register(event_id=an_event().pk, by=person)
    assert lines(delivered())[-4:] == [
        "ASPeN",
        "Montana library events and continuing education",
        PORTAL,
        "Questions: library-help@aspen.example",
    ]


def test_a_confirmation_promises_neither_a_link_nor_a_credit_that_there_is_not(
    person: User,
) -> None:
    event = an_event(delivery=Delivery.ONLINE, credits={}, all_day=True, sponsor="")
    actions.register(event_id=event.pk, by=person)

    message = delivered()

    assert "When:  Thu, Dec 3, 2026\nWhere: Online\n" in message.body
    assert "To join online, look at the event's page; the organizer can tell you more." in (
        paragraphs(message)
    )
    assert "credit" not in str(message.body)


def test_a_title_cannot_add_a_header_or_fill_the_subject(person: User) -> None:
    event = an_event(title="A\r\nBcc: all@library.example\x0b" + "long " * 50)
    actions.register(event_id=event.pk, by=person)
    outbox.deliver_due()
    (message,) = mailing.outbox
    assert message.subject.startswith("You are registered: A Bcc: all@library.example long long")
    assert len(message.subject) <= 150
    assert message.message()["Bcc"] is None


def test_a_confirmation_that_no_longer_holds_is_not_sent(person: User) -> None:
    event = an_event()
    actions.register(event_id=event.pk, by=person)
    actions.cancel_registration(event_id=event.pk, by=person)
    assert delivered().subject == f"Your registration is cancelled: {TITLE}"


def test_who_leaves_and_comes_back_at_once_is_told_once(
    person: User, now: time_machine.Traveller
) -> None:
    event = an_event()
    actions.register(event_id=event.pk, by=person)
    actions.cancel_registration(event_id=event.pk, by=person)
    now.shift(1)
    actions.register(event_id=event.pk, by=person)
    assert delivered().subject == f"You are registered: {TITLE}"


def test_nothing_is_confirmed_once_the_event_is_over_or_called_off(
    person: User, now: time_machine.Traveller
) -> None:
    gone, off = an_event(), an_event(days=3)
    for event in (gone, off):
        actions.register(event_id=event.pk, by=person)
    Event.objects.filter(pk=off.pk).update(state=EventState.CANCELLED)
    now.move_to(gone.over_at)
    assert dropped()


def test_the_waitlist_and_the_way_off_it(person: User, now: time_machine.Traveller) -> None:
    event = an_event(capacity=1)
    first, second = factories.person(), factories.person()
    for each in (first, second):
        place_at(event, each)

    actions.register(event_id=event.pk, by=person)
    message = delivered()
    assert message.subject == f"You are on the waitlist: {TITLE}"
    assert paragraphs(message)[1:3] == [
        f"“{TITLE}” is full. You are number 2 on its waitlist.",
        "When a place comes free, the first on the list has it at once. We write to you when it "
        "is your turn; there is nothing you have to do until then.",
    ]
    assert message.attachments == []
    assert f"leave the waitlist: {PORTAL}/events/{event.pk}/cancel/" in paragraphs(message)[-1]

    actions.cancel_registration(event_id=event.pk, by=second)
    message = delivered()
    assert message.subject == f"You left the waitlist: {TITLE}"
    assert paragraphs(message)[1] == f"You are no longer on the waitlist of “{TITLE}”."
    assert message.attachments == []

    actions.cancel_registration(event_id=event.pk, by=first)
    outbox.deliver_due()
    cancelled, promoted = sorted(mailing.outbox, key=lambda each: each.to != [first.email])
    assert cancelled.subject == f"Your registration is cancelled: {TITLE}"
    method, entry = calendar_of(cancelled)
    assert (method, entry["STATUS"], entry["UID"]) == ("CANCEL", "CANCELLED", f"{event.uid}@aspen")
    assert promoted.to == [person.email]
    assert promoted.subject == f"You have a place now: {TITLE}"
    assert paragraphs(promoted)[1] == (
        f"A place at “{TITLE}” came free, and it is yours: you have moved from the waitlist to "
        "the list of those who take part. The attached file puts it into your own calendar."
    )
    method, entry = calendar_of(promoted)
    assert (method, entry["STATUS"]) == ("REQUEST", "CONFIRMED")


def test_who_has_a_place_already_is_not_told_of_the_waitlist(person: User) -> None:
    event = an_event(capacity=1)
    other = factories.person()
    place_at(event, other)
    actions.register(event_id=event.pk, by=person)
    actions.cancel_registration(event_id=event.pk, by=other)

    outbox.deliver_due()

    told = [message.subject for message in mailing.outbox if message.to == [person.email]]
    assert told == [f"You have a place now: {TITLE}"]


def test_a_place_given_back_before_the_news_of_it_is_no_news(person: User) -> None:
    event = an_event(capacity=1)
    other = factories.person()
    place_at(event, other)
    place_at(event, person)
    actions.cancel_registration(event_id=event.pk, by=other)
    actions.cancel_registration(event_id=event.pk, by=person)
    outbox.deliver_due()
    told = [message.subject for message in mailing.outbox if message.to == [person.email]]
    assert told == [f"Your registration is cancelled: {TITLE}"]


# ---------- The event ----------


def test_a_change_is_told_with_what_it_was_before(person: User) -> None:
    event = an_event()
    registration = place_at(event, person)
    Event.objects.filter(pk=event.pk).update(city="Butte", location="", room="")
    outbox.post(
        kind="events.changed",
        key=f"changed:{event.pk}:1:x",
        to=person,
        event=event.pk,
        registration=registration.pk,
        note="The roof leaks.\n\nSee you in <i>Butte</i>!",
        changes=[["Where", "Lewis & Clark Library, Helena", "Butte"], ["Note", "", "Bring tea"]],
    )

    message = delivered()

    assert message.subject == f"Changed: {TITLE}"
    assert paragraphs(message)[1] == (
        f"“{TITLE}” was changed. You keep your place. The attached file brings your own calendar "
        "up to date."
    )
    assert "The organizer writes:\n\n> The roof leaks.\n>\n> See you in <i>Butte</i>!\n" in (
        message.body
    )
    assert "Where:     Butte (before: Lewis & Clark Library, Helena)" in lines(message)
    assert "Note:      Bring tea (before: not said)" in lines(message)
    assert "When:      Thu, Dec 3, 2026, 9:00–11:00 AM (Mountain time)" in lines(message)
    assert len([line for line in lines(message) if line.startswith("Where:")]) == 1
    method, entry = calendar_of(message)
    assert (method, entry["SEQUENCE"], str(entry["LOCATION"])) == ("REQUEST", 1, "Butte")


def test_a_change_is_told_as_it_is_when_the_letter_is_sent(person: User) -> None:
    """The worker stood still while the event moved twice, and its room came and went."""
    event = an_event(delivery="")
    registration = place_at(event, person)
    later = BEGINS + dt.timedelta(days=1)
    Event.objects.filter(pk=event.pk).update(begins_at=later, ends_at=None, delivery="")
    changes = [
        ["When", "Thu, Dec 3, 2026, 9:00–11:00 AM", "Mon, Dec 7, 2026, 9:00–11:00 AM"],
        ["Where", "Big Sky Room, Lewis & Clark Library, Helena", "Butte"],
        ["How it is held", "In person", "Online"],
    ]
    facts = {"event": event.pk, "registration": registration.pk, "note": ""}
    outbox.post(kind="events.changed", key="changed:1", to=person, changes=changes, **facts)

    told = " ".join(delivered().body.split())

    assert "When: Fri, Dec 4, 2026, 9:00 AM (Mountain time; before: Thu, Dec 3, 2026," in told
    assert "How it is held: not said any more (before: In person)" in told
    assert told.count("Where: Big Sky Room, Lewis & Clark Library, Helena Credits:") == 1
    assert "Dec 7" not in told
    assert "Butte" not in told


def test_a_change_that_was_taken_back_before_the_letter_is_no_news(person: User) -> None:
    event = an_event()
    registration = place_at(event, person)
    facts = {"event": event.pk, "registration": registration.pk, "note": ""}
    changes = [["Title", TITLE, "Another title"]]
    outbox.post(kind="events.changed", key="changed:1", to=person, changes=changes, **facts)
    assert dropped()


@pytest.mark.parametrize("late", ["cancelled person", "cancelled event"])
def test_a_change_that_concerns_nobody_any_more_is_not_told(person: User, late: str) -> None:
    event = an_event()
    registration = place_at(event, person)
    facts = {"event": event.pk, "registration": registration.pk, "note": "Hello", "changes": []}
    outbox.post(kind="events.changed", key="changed:1:1:1", to=person, **facts)
    if late == "cancelled event":
        Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
        assert dropped()
        return
    actions.cancel_registration(event_id=event.pk, by=person)
    assert delivered().subject == f"Your registration is cancelled: {TITLE}"


def call_off(event: Event, registration: Registration, message: str = "") -> None:
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED, cancellation="No heating.")
    outbox.post(
        kind="events.called_off",
        key=f"called-off:{event.pk}:1:{registration.person_id}",
        to=registration.person,
        event=event.pk,
        registration=registration.pk,
        message=message,
    )


def test_an_event_called_off_leaves_the_calendar(person: User) -> None:
    event = an_event()
    call_off(event, place_at(event, person))

    message = delivered()

    assert message.subject == f"Cancelled: {TITLE}"
    assert paragraphs(message)[1] == (
        f"“{TITLE}” does not take place. The attached file takes it out of your own calendar."
    )
    assert "The organizer writes:\n\n> No heating.\n" in message.body
    assert "Credits:" not in message.body
    assert f"Find another event:\n{PORTAL}/events/\n" in message.body
    method, entry = calendar_of(message)
    assert (method, entry["STATUS"], entry["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)


def test_who_waited_has_nothing_to_take_out_of_a_calendar(person: User) -> None:
    event = an_event(capacity=1)
    place_at(event, factories.person())
    call_off(event, place_at(event, person), message="Too much snow.")
    message = delivered()
    assert paragraphs(message)[1] == f"“{TITLE}” does not take place."
    assert "> Too much snow.\n" in message.body
    assert message.attachments == []


def test_an_event_that_takes_place_after_all_is_not_called_off(person: User) -> None:
    event = an_event()
    call_off(event, place_at(event, person))
    Event.objects.filter(pk=event.pk).update(state=EventState.PUBLISHED)
    assert dropped()


def test_the_recording(person: User, now: time_machine.Traveller) -> None:
    event = an_event()
    place_at(event, person)
    now.move_to("2026-12-05 08:00 -0700")
    Event.objects.filter(pk=event.pk).update(
        recording_available_at=timezone.now(),
        recording_until_at=dt.datetime(2027, 1, 31, 17, tzinfo=MONTANA),
        recording_url="https://video.example/42",
    )
    assert actions.tell_recordings() == 1

    message = delivered()

    assert message.subject == f"The recording is available: {TITLE}"
    assert paragraphs(message)[1] == f"You can watch “{TITLE}” now."
    assert "Earns credit until: Sun, Jan 31, 2027, 5:00 PM (Mountain time)" in lines(message)
    assert "Watch the recording:\nhttps://video.example/42\n" in message.body
    assert paragraphs(message)[-1] == (
        "If the credit is not among yours yet: watch the recording, then press Add CE credit on "
        f"the event's page: {PORTAL}/events/{event.pk}/"
    )
    assert message.attachments == []


@pytest.mark.parametrize(
    "fields",
    [
        {"recording_available_at": None, "recording_until_at": None},
        {"recording_until_at": dt.datetime(2026, 12, 5, 16, tzinfo=dt.UTC)},
        {"state": EventState.CANCELLED},
    ],
)
def test_a_recording_that_is_gone_again_is_not_announced(
    person: User, now: time_machine.Traveller, fields: dict[str, Any]
) -> None:
    event = an_event()
    place_at(event, person)
    now.move_to("2026-12-05 08:00 -0700")
    events = Event.objects.filter(pk=event.pk)
    events.update(recording_available_at=timezone.now())
    actions.tell_recordings()
    events.update(**fields)
    now.shift(dt.timedelta(hours=2))
    assert dropped()


def test_absent_is_told_when_the_event_is_over(person: User, now: time_machine.Traveller) -> None:
    event = an_event()
    registration = place_at(event, person)
    now.move_to(BEGINS + dt.timedelta(minutes=10))
    mark(registration, Attendance.ABSENT)
    assert outbox.deliver_due() == 1
    assert mailing.outbox == []
    now.move_to(event.over_at)

    message = delivered()

    assert message.subject == f"You were marked as absent: {TITLE}"
    assert paragraphs(message)[1] == (
        f"The organizer marked you as absent at “{TITLE}”, so your registration earns no credit."
    )
    assert f"I was there: write to us:\n{PORTAL}/help/new/\n" in message.body
    assert "Credits:" not in message.body
    assert "recording" not in message.body


def test_who_was_absent_may_watch_the_recording(person: User, now: time_machine.Traveller) -> None:
    event = an_event()
    registration = place_at(event, person)
    now.move_to(event.over_at)
    Event.objects.filter(pk=event.pk).update(recording_available_at=event.over_at)
    mark(registration, Attendance.ABSENT)
    assert paragraphs(delivered())[-1] == (
        "The recording earns the credit, too: watch it, then press Add CE credit on the event's "
        f"page: {PORTAL}/events/{event.pk}/"
    )


def test_absent_corrected_before_the_end_is_not_told(
    person: User, now: time_machine.Traveller
) -> None:
    event = an_event()
    registration = place_at(event, person)
    now.move_to(BEGINS + dt.timedelta(minutes=10))
    mark(registration, Attendance.ABSENT)
    mark(registration, Attendance.LATE)
    now.move_to(event.over_at)
    assert dropped()


def mark(registration: Registration, attendance: Attendance) -> None:
    actions.mark_attendance(
        registration_id=registration.pk, attendance=attendance, by=factories.person()
    )


# ---------- Reminders ----------


def test_the_reminder(person: User, now: time_machine.Traveller) -> None:
    event = an_event()
    place_at(event, person)
    now.move_to("2026-12-02 09:00 -0700")
    assert actions.remind() == 1

    message = delivered()

    assert message.subject == f"Tomorrow: {TITLE}"
    assert paragraphs(message)[1] == f"Tomorrow you have a place at “{TITLE}”."
    address = f"{PORTAL}/accounts/reminders/{reminders_token(person)}/"
    assert "You do not want to be reminded? Turn reminders off:" in lines(message)
    assert address in lines(message)
    assert message.extra_headers["List-Unsubscribe"] == f"<{address}>"
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # A mail program presses the button by itself, without a session or a form of ours.
    answer = Client(enforce_csrf_checks=True).post(
        address.removeprefix(PORTAL), {"List-Unsubscribe": "One-Click"}
    )
    assert answer.status_code == 200
    person.refresh_from_db()
    assert not person.wants_reminders


def test_a_reminder_a_day_late_says_today(person: User, now: time_machine.Traveller) -> None:
    event = an_event()
    place_at(event, person)
    now.move_to("2026-12-03 05:00 -0700")
    assert actions.remind() == 1
    assert delivered().subject == f"Today: {TITLE}"


@pytest.mark.parametrize("why", ["unsubscribed", "left", "begun", "moved", "called off"])
def test_nobody_is_reminded_in_vain(person: User, now: time_machine.Traveller, why: str) -> None:
    event = an_event()
    place_at(event, person)
    now.move_to("2026-12-02 09:00 -0700")
    assert actions.remind() == 1
    events = Event.objects.filter(pk=event.pk)
    if why == "unsubscribed":
        User.objects.filter(pk=person.pk).update(wants_reminders=False)
    elif why == "left":
        actions.cancel_registration(event_id=event.pk, by=person)
        Mail.objects.filter(kind="events.registration_cancelled").delete()
    elif why == "begun":
        now.move_to(BEGINS)
    elif why == "moved":
        events.update(begins_at=BEGINS + dt.timedelta(hours=1))
    else:
        events.update(state=EventState.CANCELLED)
    assert dropped()
    assert Mail.objects.filter(kind="events.reminder", state=MailState.DROPPED).count() == 1


# ---------- Proposals and credits ----------


def test_a_proposal_returned_and_published(person: User) -> None:
    event = an_event(
        state=EventState.DRAFT,
        decided_by=factories.person(),
        decided_at=timezone.now(),
        decision_reason="Which room?",
    )
    key = f"proposal:{event.pk}:{event.decided_at.isoformat()}"
    outbox.post(kind="events.proposal_returned", key=key, to=person, event=event.pk)
    message = delivered()
    assert message.subject == f"Please change your event: {TITLE}"
    assert paragraphs(message)[1] == (
        f"“{TITLE}” is not on the calendar yet. The State Library's staff ask you to change "
        "something first. What you typed is kept."
    )
    assert "They write:\n\n> Which room?\n" in message.body
    assert f"Change the event:\n{PORTAL}/events/{event.pk}/edit/\n" in message.body

    Event.objects.filter(pk=event.pk).update(state=EventState.PUBLISHED)
    outbox.post(kind="events.proposal_published", key="proposal:2", to=person, event=event.pk)
    message = delivered()
    assert message.subject == f"On the calendar: {TITLE}"
    assert f"Open the event's page:\n{PORTAL}/events/{event.pk}/\n" in message.body


def test_a_proposal_submitted_again_is_not_returned(person: User) -> None:
    event = an_event(
        state=EventState.PENDING,
        decided_by=factories.person(),
        decided_at=timezone.now(),
        decision_reason="Which room?",
    )
    key = f"proposal:{event.pk}:{event.decided_at.isoformat()}"
    outbox.post(kind="events.proposal_returned", key=key, to=person, event=event.pk)
    assert dropped()


def listed(claim: Claim) -> None:
    outbox.post(kind="credits.listed", key=f"listed:{claim.pk}", to=claim.person, claim=claim.pk)


def test_a_listed_credit(person: User) -> None:
    event = an_event(begins_at=timezone.now() - dt.timedelta(days=2), ends_at=None)
    claim = factories.claim(person, event)
    listed(claim)

    message = delivered()

    assert message.subject == f"Your credit is listed: {TITLE}"
    assert paragraphs(message)[1] == f"You took part in “{TITLE}”. Your credits are listed."
    assert "Earned on: Sat, Nov 21, 2026" in lines(message)
    assert f"Look at your credits:\n{PORTAL}/continuing-education/credits/\n" in message.body

    Claim.objects.filter(pk=claim.pk).update(role=ClaimRole.PRESENTER)
    Mail.objects.filter(kind="credits.listed").delete()
    listed(claim)
    assert paragraphs(delivered())[1] == f"You presented “{TITLE}”. Your credits are listed."


def test_a_credit_taken_back_is_not_announced(person: User) -> None:
    claim = factories.claim(person)
    listed(claim)
    Claim.objects.filter(pk=claim.pk).update(
        state="withdrawn", reason="x", decided_at=timezone.now(), decided_by=person
    )
    assert dropped()


def test_every_kind_has_its_composer() -> None:
    assert sorted(outbox.composers) == [
        "credits.approved",
        "credits.declined",
        "credits.listed",
        "credits.returned",
        "events.absent",
        "events.called_off",
        "events.changed",
        "events.promoted",
        "events.proposal_published",
        "events.proposal_returned",
        "events.recording",
        "events.registered",
        "events.registration_cancelled",
        "events.reminder",
        "events.waitlisted",
        "tracks.came_back",
        "tracks.certificate_ends",
        "tracks.certified",
        "tracks.extended",
        "tracks.idle",
        "tracks.new_director",
        "tracks.period_ends",
        "tracks.question",
        "tracks.question_withdrawn",
        "tracks.reissued",
        "tracks.reviewed",
        "tracks.revoked",
        "tracks.year_answered",
    ]


@pytest.mark.parametrize("waiting", [1, 3])
def test_a_letter_needs_a_fixed_number_of_queries(
    person: User, waiting: int, django_assert_num_queries: Any
) -> None:
    event = an_event(capacity=1)
    for each in (factories.person(), *(factories.person() for _ in range(waiting - 1)), person):
        actions.register(event_id=event.pk, by=each)
    mail = Mail.objects.select_related("to").get(to=person)
    with django_assert_num_queries(3):
        assert outbox.composers[mail.kind](mail)
