"""Pages for organizers, and for learners who register and check in, with difficult data.

Each page is tested at two widths in two color schemes, and the busiest ones also by keyboard.
"""

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.enums import Role
from accounts.models import User
from events.actions import mark_attendance, new_event_check_in_code, register, store_attendance_list
from events.editing.material import add_link
from events.enums import Attendance, AttendanceMode, Delivery, EventState, KeyPurpose, QuestionKind
from events.models import Event, Question
from events.registration.keys import get_key
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.test_keyboard import all_stops, press_enter, tab_to
from tests.browser.test_pages import LONG, LOOKS, SCRIPT, check_pages, problems_on

pytestmark = pytest.mark.django_db(transaction=True)

WIDE_LIGHT_AND_NARROW_DARK = LOOKS[::3]


@pytest.fixture
def portal(transactional_db: None) -> SimpleNamespace:
    with zeal_ignore():
        staff = make.person(Role.CE_COORDINATOR, display_name=f"{LONG[:60]} Staff")
        learner = make.person(display_name=f"{LONG[:60]} <b>Ann</b>")
        others = [make.person(display_name=f"{SCRIPT[:40]} {number}") for number in range(3)]
        now = timezone.localtime()  # so that days are Montana's when the clocks change
        title = f"Today {LONG}"[:300]
        today = make.event(title=title, days=0, hours=3, location=LONG[:200], city="Ekalaka")
        for person in (learner, *others):
            register(event_id=today.pk, by=person)
        places = list(today.registrations.order_by("pk"))
        for place, attendance in zip(places, list(Attendance)[1:], strict=False):
            mark_attendance(registration_id=place.pk, attendance=attendance, by=staff)
        full = add_questions(make.event(title=SCRIPT, days=4, capacity=1), staff)
        answers = {each.pk: LONG for each in text_questions(full)}
        register(event_id=full.pk, by=others[0], answers=answers)
        in_both = {"delivery": Delivery.HYBRID, "location": LONG[:200], "online_capacity": 1}
        hybrid = make.event(title=SCRIPT, days=6, capacity=2, **in_both)
        chosen = make.event(title=SCRIPT, days=7, capacity=2, **in_both)
        for event, person, mode in (
            (hybrid, others[0], AttendanceMode.IN_PERSON),
            (hybrid, others[1], AttendanceMode.ONLINE),
            (hybrid, others[2], AttendanceMode.ONLINE),
            (chosen, learner, AttendanceMode.IN_PERSON),
        ):
            register(event_id=event.pk, by=person, mode=mode)
        closing = make.event(days=5, registration_closes_at=now + dt.timedelta(days=3))
        closed = make.event(days=5, registration_closes_at=now - dt.timedelta(days=1))
        conference = make.event(days=-3, hours=30, credits={}, type="Conference")
        for number in range(2):
            make.event(title=SCRIPT, days=-3 + number / 12, room=LONG[:80], parent=conference)
        data = f"Email,Minutes\n{learner.email},80\nnobody@example.org,3\nbroken\n".encode()
        attendance_list = store_attendance_list(
            event_id=today.pk, file_name=SCRIPT, data=data, threshold=60, by=staff
        )
    return SimpleNamespace(
        staff=staff,
        learner=learner,
        today=today,
        code=new_event_check_in_code(event_id=today.pk, by=staff),
        full=full,
        hybrid=hybrid,
        chosen=chosen,
        closing=closing,
        closed=closed,
        conference=conference,
        attendance_list=attendance_list,
        cancelled=make.event(days=5, state=EventState.CANCELLED, cancellation=f"{LONG} {SCRIPT}"),
        draft=make.event(title=LONG, days=9, state=EventState.DRAFT, decision_reason=SCRIPT),
        pending=make.event(title=LONG, days=9, state=EventState.PENDING, description=SCRIPT),
    )


def add_questions(event: Event, staff: User) -> Event:
    for position, kind in enumerate(QuestionKind, 1):
        choices = [LONG[:100], "Yes"] if kind == QuestionKind.CHOICE else []
        Question.objects.create(
            event=event, position=position, kind=kind, label=f"{kind} {LONG[:80]}?", choices=choices
        )
    add_link(event_id=event.pk, label=LONG[:150], url="https://example.org/x", by=staff)
    return event


def text_questions(event: Event) -> list[Question]:
    return list(event.questions.filter(kind=QuestionKind.TEXT))


# ---------- Pages by role ----------


def test_public_pages_of_events_in_every_state(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    visitor = open_browser()
    problems = []
    for event, texts in [
        (portal.full, ["Full", "Waitlist open", "Sign in to join the waitlist"]),
        (portal.hybrid, ["Full online", "In person: 1 of 2 left", "Sign in to register"]),
        (portal.closing, ["Registration closes in 3 days", "Sign in to register"]),
        (portal.closed, ["Registration closed"]),
        (portal.cancelled, ["Canceled", "It earns no credit."]),
        (portal.today, ["Under way"]),
        (portal.conference, ["Ended", "Sign in to add CE credit"]),
    ]:
        visitor.open(event.get_absolute_url())
        visitor.sees(*texts)
        problems += problems_on(visitor, event.get_absolute_url(), WIDE_LIGHT_AND_NARROW_DARK)
    for path in ["/events/embed/", "/events/embed/how/?category=technology"]:
        visitor.open(path)
        problems += problems_on(visitor, path, WIDE_LIGHT_AND_NARROW_DARK)
    assert not problems, "\n".join(problems)


def test_pages_for_people_who_register(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    for purpose in KeyPurpose:
        get_key(purpose=purpose, by=portal.learner)
    visitor = open_browser(portal.learner)
    paths = [
        "/events/mine/",
        "/events/check-in/",
        f"/events/check-in/{portal.code}/",
        f"/events/{portal.full.pk}/register/",
        f"/events/{portal.hybrid.pk}/register/",
        portal.chosen.get_absolute_url(),
        f"/continuing-education/claim/{portal.conference.pk}/sessions/",
    ]
    check_pages(visitor, paths, WIDE_LIGHT_AND_NARROW_DARK)
    visitor.page.set_viewport_size({"width": 320, "height": 900})
    for path in paths:
        visitor.open(path)
        all_stops(visitor)


def test_a_learner_chooses_how_to_take_part_and_switches(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    visitor = open_browser(portal.learner)
    visitor.open(portal.hybrid.get_absolute_url())
    visitor.follow("Register")
    visitor.press("Register")
    visitor.sees("Choose how you will take part: in person or online.")
    assert not problems_on(visitor, "without a choice", WIDE_LIGHT_AND_NARROW_DARK)
    visitor.page.get_by_role("radio", name="In person").check()
    visitor.press("Register")
    visitor.sees("You are registered to take part in person.", "Registered, in person")
    visitor.press("Take part online instead")
    visitor.sees("Give up your place and join the waitlist to take part online?")
    assert not problems_on(visitor, "asked first", WIDE_LIGHT_AND_NARROW_DARK)
    visitor.follow("Back")
    visitor.sees("Registered, in person")


def test_pages_for_organizers(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    roster = f"/events/{portal.today.pk}/roster"
    visitor = open_browser(portal.staff)
    check_pages(
        visitor,
        [
            *(f"/events/manage/?show={name}" for name in ("waiting", "drafts", "coming")),
            "/events/manage/new/",
            f"/events/{portal.draft.pk}/review/",
            f"/events/{portal.pending.pk}/review/",
            *(
                f"/events/{portal.full.pk}/{page}/"
                for page in ("edit", "call-off", "repeat", "questions", "files")
            ),
            f"/events/{portal.conference.pk}/sessions/",
            f"{roster}/",
            f"/events/{portal.hybrid.pk}/roster/",
            *(f"{roster}/{page}/" for page in ("code", "sheet", "walk-in", "upload")),
            *(f"{roster}/lists/{portal.attendance_list.pk}/{page}" for page in ("", "match/")),
            f"{roster}/lists/{portal.attendance_list.pk}/confirm/?absentees=on",
        ],
        WIDE_LIGHT_AND_NARROW_DARK,
    )
    for path in [f"{roster}/", f"/events/{portal.full.pk}/edit/"]:
        visitor.open(path)
        all_stops(visitor)


def test_organizers_forms_with_errors_have_one_summary(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    visitor = open_browser(portal.staff, width=320)
    for path, button in [
        ("/events/manage/new/", "Publish"),
        (f"/events/{portal.full.pk}/call-off/", "Cancel event"),
        (f"/events/{portal.full.pk}/files/", "Add link"),
        (f"/events/{portal.pending.pk}/review/", "Return to"),
        (f"/events/{portal.today.pk}/roster/walk-in/", "Add to roster"),
        (f"/events/{portal.today.pk}/roster/upload/", "Preview list"),
    ]:
        visitor.open(path)
        visitor.click(visitor.page.get_by_role("button", name=button))
        expect(visitor.page.get_by_role("alert")).to_contain_text("Please check this form")
    visitor.visit(f"/events/{portal.full.pk}/sessions/")
    visitor.press("Save sessions")
    visitor.sees("Nothing was changed.")
    visitor.field("Title, row 2").fill("Only a title")
    visitor.press("Save sessions")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Row 2, Day: Enter the day.")


# ---------- By keyboard ----------


def test_marking_attendance_and_canceling_an_event_by_keyboard(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    visitor = open_browser(portal.staff)
    visitor.visit(portal.today.get_absolute_url())
    tab_to(visitor, "Roster")
    press_enter(visitor)
    visitor.sees("1 not marked")
    tab_to(visitor, f"Late: {portal.learner}")
    press_enter(visitor)
    visitor.sees("came late.")
    visitor.visit(portal.full.get_absolute_url())
    tab_to(visitor, "Cancel event")
    press_enter(visitor)
    tab_to(visitor, "Reason for canceling")
    visitor.page.keyboard.type("Too much snow.")
    tab_to(visitor, "Cancel event")
    press_enter(visitor)
    visitor.sees("was canceled. 1 person will get an e-mail.", "Too much snow.")


def test_checking_in_by_keyboard(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    late = make.person()
    register(event_id=portal.today.pk, by=late)
    phone = open_browser(late, width=320)
    phone.visit("/events/check-in/")
    tab_to(phone, "Six letters")
    phone.page.keyboard.type(portal.code.lower())
    press_enter(phone)
    tab_to(phone, "Check in as")
    press_enter(phone)
    phone.sees("You are checked in")
    phone.visit(portal.today.get_absolute_url())
    phone.sees("You are checked in. Your credit will be listed")
    expect(phone.page.get_by_role("button", name="Cancel registration")).to_have_count(0)
