"""An organizer applies four reports of a webinar that broke off, in a browser.

The webinar was continued in other tools, so each report has only a part of it.
"""

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.enums import Role
from credits.models import Claim
from events.actions import settle_due
from events.models import Event, Registration
from tests import factories as make
from tests.browser.page import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = {
    "ada": "Ada Lake",
    "bo": "Bo Moss",
    "caleb": "Caleb Winters",
    "cy": "Cy Stone",
    "dana": "Dana Fletcher",
    "eli": "Eli Frost",
    "fay": "Fay Brook",
}
MINUTES = {"ada": 55, "bo": 47, "caleb": 55, "cy": 40, "dana": 35, "eli": 0, "fay": 0}


@pytest.fixture
def portal(transactional_db: None) -> SimpleNamespace:
    begins_at = (timezone.localtime() - dt.timedelta(days=1)).replace(
        hour=10, minute=0, second=0, microsecond=0
    )
    with zeal_ignore():
        event = make.event(
            title="Weeding with care",
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=1),
        )
        for mailbox, name in PEOPLE.items():
            person = make.person(email=f"{mailbox}@library.example", display_name=name)
            Registration.objects.create(
                event=event, person=person, state="confirmed", registered_at=begins_at
            )
    return SimpleNamespace(event=event, staff=make.person(Role.CE_COORDINATOR))


def reports(event: Event) -> dict[str, bytes]:
    """Return the four reports: Zoom webinar, Zoom meeting, Teams and Google Meet."""
    begins_at = timezone.localtime(event.begins_at)

    def at(minute: int, pattern: str = "%m/%d/%Y %I:%M:%S %p") -> str:
        return (begins_at + dt.timedelta(minutes=minute)).strftime(pattern)

    def short(minute: int) -> str:
        return at(minute, "%m/%d/%y, %I:%M:%S %p")

    webinar = [
        "Attendee Report",
        "Topic,Webinar ID,Actual Start Time,# Registered,Unique Viewers",
        f"Weeding with care,812 3456 7890,{at(-5)},7,3",
        "Attendee Details,",
        "Attended,User Name (Original Name),Email,Join Time,Leave Time,Time in Session (minutes)",
        *(
            f"Yes,{PEOPLE[mailbox]},{mailbox}@library.example,{at(-5)},{at(20)},25"
            for mailbox in ("ada", "bo", "caleb")
        ),
        "No,Eli Frost,eli@library.example,--,--,--",
    ]
    meeting = [
        "Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants,",
        f"812 3456 7891,Weeding with care,{at(22)},{at(65)},host@state.example,43,5,",
        "",
        "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),In Waiting Room",
        f"Ada Lake,ada@library.example,{at(25)},{at(65)},40,No",
        f"Ada Lake (phone),ada@library.example,{at(25)},{at(65)},40,No",
        f"Bo Moss,bo@library.example,{at(22)},{at(25)},3,Yes",
        f"Bo Moss,bo@library.example,{at(25)},{at(40)},15,No",
        f"Caleb W (Caleb Winters),,{at(25)},{at(65)},40,No",
        f"Dana F,dana.fletcher@home.example,{at(25)},{at(65)},40,No",
    ]
    teams = [
        "1. Summary",
        "Meeting title\tWeeding with care",
        "Attended participants\t1",
        "",
        "2. Participants",
        "Name\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tRole",
        f"Bo Moss\t{short(40)}\t{short(52)}\t12m\tbo@library.example\tAttendee",
        "",
        "3. In-Meeting Activities",
        "Name\tJoin Time\tLeave Time\tDuration\tEmail\tRole",
        f"Bo Moss\t{short(40)}\t{short(52)}\t12m\tbo@library.example\tAttendee",
    ]
    meet = [
        "First name,Last name,Email,Duration,Time joined,Time exited",
        f"Cy,Stone,cy@library.example,40 min,{at(20, '%I:%M %p')},{at(60, '%I:%M %p')}",
    ]
    return {
        "webinar": "\n".join(webinar).encode(),
        "meeting": "\ufeff".encode() + "\r\n".join(meeting).encode(),
        "teams": "\r\n".join(teams).encode("utf-16"),
        "meet": "\n".join(meet).encode(),
    }


def uploads(organizer: Visitor, event: Event, name: str, data: bytes) -> None:
    organizer.visit(f"/events/{event.pk}/roster/")
    organizer.follow("Upload a webinar attendance list")
    file = {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": data}
    organizer.field("Attendance list").set_input_files(file)
    organizer.press("Preview list")


def matches_two_guests(organizer: Visitor) -> None:
    organizer.sees("Caleb W (Caleb Winters) 35 min on this list")
    organizer.follow("Match people by hand")
    for label, person in [
        ("Caleb W (Caleb Winters) (35 min, line 9)", "Caleb Winters, caleb@library.example"),
        ("Dana F, dana.fletcher@home.example (35 min, line 10)", ""),
    ]:
        expect(organizer.field(label)).to_have_value("")
        if person:
            organizer.field(label).select_option(person)
    address = organizer.field("Someone else for Dana F: e-mail address")
    address.fill("dana@library.example")
    organizer.press("Save matches")
    organizer.sees("Match people by hand")
    organizer.sees_no("min on this list")


@pytest.mark.parametrize(
    "order",
    [("webinar", "meet", "meeting", "teams"), ("teams", "meeting", "webinar", "meet")],
    ids=" ".join,
)
def test_four_reports_of_a_broken_off_webinar(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace, order: tuple[str, ...]
) -> None:
    event = portal.event
    organizer = open_browser(portal.staff, width=400)
    data = reports(event)
    shapes = {
        "webinar": "Zoom webinar report: attendees",
        "meeting": "Zoom meeting report",
        "teams": "Teams attendance report: joining and leaving",
        "meet": "Google Meet attendance report",
    }
    second_looks = 0
    for name in order:
        uploads(organizer, event, name, data[name])
        organizer.sees(f"is a {shapes[name]}.")
        if name == "meeting":
            matches_two_guests(organizer)
        # The choice made for the first list applies to the others, too.
        organizer.field("Mark registered people who are on no list as absent").set_checked(True)
        organizer.press("Apply list")
        if "/confirm/" in organizer.page.url:
            second_looks += 1
            organizer.sees("of 7 registered people would be marked absent by this list.")
            organizer.sees("would not get the event’s 1 credit.")
            organizer.press("Apply the list anyway")
        expect(organizer.page.get_by_role("heading", level=1)).to_have_text("Roster")
    assert second_looks == 1
    for mailbox, number in MINUTES.items():
        row = organizer.row(PEOPLE[mailbox])
        expect(row).to_contain_text(f"{number} min")
        expect(row).to_contain_text("Present" if number else "Absent")
    settle_due()
    credited = Claim.objects.filter(event=event, state="pending")
    assert set(credited.order_by("pk").values_list("person__display_name", flat=True)) == {
        PEOPLE[mailbox] for mailbox, number in MINUTES.items() if number
    }
