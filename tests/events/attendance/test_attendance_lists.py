"""Attendance lists from webinar tools: previewing, applying and undoing them."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from aspen.models import Mail
from credits.actions import decide_claim
from credits.enums import ClaimState
from credits.models import Claim
from events import actions
from events.attendance.list_actions import preview_changes
from events.attendance.list_presentation import UNMATCHED
from events.enums import Attendance, RegistrationState
from events.models import AttendanceList, Event, Registration
from tests import factories as make
from tests.emails import sent

pytestmark = pytest.mark.django_db
PRESENT, ABSENT, UNKNOWN = Attendance.PRESENT, Attendance.ABSENT, Attendance.UNKNOWN


# ---------- Applying a list ----------


def roster(event: Event, *people: User) -> list[Registration]:
    Event.objects.filter(pk=event.pk).update(
        begins_at=event.begins_at + dt.timedelta(days=30), ends_at=None
    )
    places = [actions.register(event_id=event.pk, by=person) for person in people]
    Event.objects.filter(pk=event.pk).update(begins_at=event.begins_at, ends_at=event.ends_at)
    return places


def store_list(event: Event, *rows: tuple[str, int]) -> AttendanceList:
    data = "Email,Minutes\n" + "".join(f"{address},{minutes}\n" for address, minutes in rows)
    return actions.store_attendance_list(
        event_id=event.pk,
        file_name="C:\\lists\\Webinar – “ü”.csv",
        data=data.encode(),
        threshold=30,
        by=make.person(),
    )


def apply(stored: AttendanceList, **choices: bool) -> int:
    """Apply a list, and confirm many absences."""
    by, event = stored.uploaded_by, Event.objects.get(pk=stored.event_id)
    stored = AttendanceList.objects.get(pk=stored.pk)
    seen = preview_changes(event, stored, by=by, **choices).version
    return actions.apply_attendance_list(list_id=stored.pk, by=by, seen=seen, **choices)


def marks(event: Event) -> dict[str, str]:
    rows = Registration.objects.filter(event=event, state=RegistrationState.CONFIRMED)
    return dict(rows.order_by("pk").values_list("person__display_name", "attendance"))


def test_a_list_is_applied_once_and_updates_credits() -> None:
    event = make.event(days=-1)
    ada, bo, cy = (make.person(display_name=name) for name in ("Ada", "Bo", "Cy"))
    roster(event, ada, bo, cy)
    actions.settle_due()
    assert Claim.objects.filter(event=event, state="pending").count() == 3
    stored = store_list(event, (ada.email, 45), (bo.email, 29), ("stranger@x.example", 50))
    assert stored.file_name == "Webinar – “ü”.csv"
    assert (apply(stored), apply(stored)) == (2, 0)
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT, "Cy": UNKNOWN}
    assert actions.settle_due() == 2
    live = Claim.objects.filter(event=event, state="pending").order_by("pk")
    assert [claim.person for claim in live] == [ada, cy]
    assert [mail.to for mail in Mail.objects.filter(kind="events.absent")] == [bo]


def test_a_later_list_can_correct_an_earlier_one() -> None:
    event = make.event(days=-1)
    ada = make.person(display_name="Ada")
    roster(event, ada)
    apply(store_list(event, (ada.email, 5)))
    actions.settle_due()
    assert not Claim.objects.filter(event=event, state="pending").exists()
    apply(store_list(event, (ada.email, 50)))
    actions.settle_due()
    assert marks(event) == {"Ada": PRESENT}
    assert Claim.objects.filter(event=event, state="pending").count() == 1


def test_manual_marks_stay_unless_overridden() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    first, second = roster(event, ada, bo)
    actions.mark_attendance(registration_id=first.pk, attendance=ABSENT, by=make.person())
    actions.mark_attendance(registration_id=second.pk, attendance=Attendance.LATE, by=make.person())
    apply(store_list(event, (ada.email, 50), (bo.email, 50)))
    assert marks(event) == {"Ada": ABSENT, "Bo": Attendance.LATE}
    apply(store_list(event, (ada.email, 50)), override=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": Attendance.LATE}


def test_walk_ins_who_become_absent_are_told_too() -> None:
    event = make.event(days=-1)
    ada = make.person(display_name="Ada")
    [place] = roster(event, ada)
    Registration.objects.filter(pk=place.pk).update(walk_in=True)
    actions.mark_attendance(registration_id=place.pk, attendance=PRESENT, by=make.person())
    apply(store_list(event, (ada.email, 5)), override=True)
    assert marks(event) == {"Ada": ABSENT}
    assert [mail.to for mail in Mail.objects.filter(kind="events.absent")] == [ada]


def test_a_list_does_not_touch_identical_marks() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    by_hand, _ = roster(event, ada, bo)
    actions.mark_attendance(registration_id=by_hand.pk, attendance=ABSENT, by=make.person())
    by_hand.refresh_from_db()
    assert apply(store_list(event, (ada.email, 5), (bo.email, 5))) == 2
    assert apply(store_list(event, (bo.email, 5), (ada.email, 5))) == 0
    again = Registration.objects.get(pk=by_hand.pk)
    assert (again.marked_by, again.marked_at) == (by_hand.marked_by, by_hand.marked_at)
    assert Mail.objects.filter(kind="events.absent", to=bo).count() == 1
    assert Mail.objects.filter(kind="events.absent", to=ada).count() == 1
    apply(store_list(event, (ada.email, 50), (bo.email, 50)))
    assert marks(event) == {"Ada": ABSENT, "Bo": PRESENT}
    assert set(event.registrations.values_list("minutes", flat=True).order_by()) == {55}


def test_people_missing_from_the_list_are_absent_only_if_chosen() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    roster(event, ada, bo)
    apply(store_list(event, (ada.email, 50)))
    assert marks(event) == {"Ada": PRESENT, "Bo": UNKNOWN}
    apply(store_list(event, (ada.email, 50)), absentees=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT}


def test_walk_ins_from_a_list_match_verified_addresses() -> None:
    event = make.event(days=-1, capacity=1)
    ada, bo, cy = (make.person(display_name=name) for name in ("Ada", "Bo", "Cy"))
    roster(event, ada, bo)  # Bo is on the waitlist
    EmailAddress.objects.create(user=cy, email="cy@home.example", verified=True)
    EmailAddress.objects.create(user=ada, email="bo-fake@home.example", verified=False)
    rows = [(bo.email, 50), ("cy@home.example", 50), ("bo-fake@home.example", 50)]
    apply(store_list(event, *rows))
    assert marks(event) == {"Ada": UNKNOWN}
    apply(store_list(event, *rows), walk_ins=True)
    assert marks(event) == {"Ada": UNKNOWN, "Bo": PRESENT, "Cy": PRESENT}
    assert set(event.registrations.filter(walk_in=True).values_list("person", flat=True)) == {
        bo.pk,
        cy.pk,
    }


def test_a_list_cannot_be_applied_before_the_event() -> None:
    event = make.event(days=1)
    with pytest.raises(Refused, match="after the event has started"):
        apply(store_list(event, ("ada@x.example", 50)))


# ---------- Several lists ----------


VISITS = "Name,Email,Join Time,Leave Time\n"


def store_visits(event: Event, *rows: tuple[str, str, int, int], **fields: Any) -> AttendanceList:
    """Store a list of visits: (name, address, first minute, last minute)."""

    def moment(minute: int) -> str:
        return (event.begins_at + dt.timedelta(minutes=minute)).isoformat()

    lines = (f"{name},{mail},{moment(begin)},{moment(end)}\n" for name, mail, begin, end in rows)
    values = {"file_name": "visits.csv", "threshold": 30, "by": make.person()} | fields
    return actions.store_attendance_list(
        event_id=event.pk, data=(VISITS + "".join(lines)).encode(), **values
    )


def minutes(event: Event) -> dict[str, int | None]:
    rows = Registration.objects.filter(event=event, state=RegistrationState.CONFIRMED)
    return dict(rows.order_by("pk").values_list("person__display_name", "minutes"))


def test_a_second_list_never_lowers_what_the_first_proved() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    roster(event, ada, bo)
    apply(store_visits(event, ("Ada", ada.email, 0, 40), ("Bo", bo.email, 0, 20)))
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT}
    apply(store_visits(event, ("Ada", ada.email, 50, 60), ("Bo", bo.email, 15, 35), threshold=60))
    assert marks(event) == {"Ada": PRESENT, "Bo": PRESENT}
    assert minutes(event) == {"Ada": 50, "Bo": 35}


def test_the_same_list_is_stored_once() -> None:
    event = make.event(days=-1)
    ada = make.person(display_name="Ada")
    roster(event, ada)
    first = store_list(event, (ada.email, 20), ("bo@x.example", 9))
    assert store_list(event, ("bo@x.example", 9), (ada.email, 20)) == first
    apply(first)
    other_threshold = actions.store_attendance_list(
        event_id=event.pk,
        file_name="again.csv",
        data=f"Minutes;Mail\n20;{ada.email}\n9;bo@x.example\n".encode(),
        threshold=15,
        by=make.person(),
    )
    assert other_threshold.fingerprint == first.fingerprint
    assert marks(event) == {"Ada": ABSENT}
    apply(other_threshold)
    assert (marks(event), minutes(event)) == ({"Ada": PRESENT}, {"Ada": 20})


def test_minutes_are_at_most_the_length_of_the_event() -> None:
    event = make.event(days=-1)
    ada = make.person(display_name="Ada")
    roster(event, ada)
    apply(store_list(event, (ada.email, 1_250)))
    assert minutes(event) == {"Ada": 60}


# ---------- The brake ----------


def test_many_absences_and_lists_of_strangers_must_be_confirmed() -> None:
    event = make.event(days=-1)
    people = [make.person(display_name=name) for name in ("Ada", "Bo", "Cy", "Di")]
    ada, bo, cy, _ = people
    roster(event, *people)
    by = make.person()
    strangers = store_list(event, ("someone@x.example", 50))
    with pytest.raises(Refused, match="names none of them"):
        actions.apply_attendance_list(list_id=strangers.pk, by=by)
    half = store_list(event, (ada.email, 50), (bo.email, 5), (cy.email, 5))
    assert actions.apply_attendance_list(list_id=half.pk, by=by) == 3
    more = store_list(event, (ada.email, 50))
    with pytest.raises(Refused, match="more than half"):
        actions.apply_attendance_list(list_id=more.pk, by=by, absentees=True)
    with pytest.raises(Refused, match="more than half"):
        actions.apply_attendance_list(list_id=more.pk, by=by, absentees=True, seen="earlier")
    assert marks(event)["Di"] == UNKNOWN
    apply(more, absentees=True)
    more.refresh_from_db()
    assert (more.is_confirmed, more.registered, more.named, more.newly_absent, more.absent) == (
        (True, 4, 1, 1, 3)
    )
    # Nobody else becomes absent, so there is nothing to confirm.
    again = store_list(event, (bo.email, 6))
    assert actions.apply_attendance_list(list_id=again.pk, by=by) == 1


# ---------- Undoing ----------


def credited(event: Event) -> set[str]:
    actions.settle_due()
    claims = Claim.objects.filter(event=event).exclude(state="withdrawn")
    return set(claims.order_by("pk").values_list("person__display_name", flat=True))


def test_undoing_a_list_restores_marks_and_credits() -> None:
    event = make.event(days=-1)
    ada, bo, cy, di = (make.person(display_name=name) for name in ("Ada", "Bo", "Cy", "Di"))
    places = roster(event, ada, bo, cy)
    by_hand = places[2]
    actions.mark_attendance(registration_id=by_hand.pk, attendance=ABSENT, by=ada)
    by_hand.refresh_from_db()
    before = credited(event)
    assert before == {"Ada", "Bo"}
    [claim] = Claim.objects.filter(person=bo)
    decide_claim(
        claim_id=claim.pk,
        target=ClaimState.APPROVED,
        reason="",
        by=make.person(Role.CE_COORDINATOR),
    )
    stored = store_list(event, (ada.email, 50), (bo.email, 5), (cy.email, 50), (di.email, 50))
    apply(stored, override=True, walk_ins=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT, "Cy": PRESENT, "Di": PRESENT}
    assert credited(event) == {"Ada", "Cy", "Di"}
    assert actions.undo_attendance_list(list_id=stored.pk, by=stored.uploaded_by) == 4
    assert actions.undo_attendance_list(list_id=stored.pk, by=stored.uploaded_by) == 0
    assert marks(event) == {"Ada": UNKNOWN, "Bo": UNKNOWN, "Cy": ABSENT}
    assert set(minutes(event).values()) == {None}
    restored = Registration.objects.get(pk=by_hand.pk)
    assert (restored.marked_at, restored.marked_by) == (by_hand.marked_at, by_hand.marked_by)
    assert credited(event) == before
    # The same claim, still approved.
    assert Claim.objects.get(person=bo).state == "approved"
    apply(stored)
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT, "Cy": ABSENT}


def test_undoing_keeps_what_was_changed_by_hand_since() -> None:
    event = make.event(days=-1)
    ada, bo, cy = (make.person(display_name=name) for name in ("Ada", "Bo", "Cy"))
    places = roster(event, ada, bo)
    stored = store_list(event, (ada.email, 5), (bo.email, 50), (cy.email, 50))
    apply(stored, walk_ins=True)
    by = make.person()
    walk_in = Registration.objects.get(event=event, person=cy)
    for place, attendance in [
        (places[0], PRESENT),
        (places[1], PRESENT),  # the same mark, confirmed by hand
        (walk_in, Attendance.LATE),
    ]:
        actions.mark_attendance(registration_id=place.pk, attendance=attendance, by=by)
    actions.undo_attendance_list(list_id=stored.pk, by=by)
    assert marks(event) == {"Ada": PRESENT, "Bo": PRESENT, "Cy": Attendance.LATE}


def test_undoing_one_of_two_lists_leaves_what_the_other_says() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    roster(event, ada)
    first = store_visits(event, ("Ada", ada.email, 0, 20), ("Bo", bo.email, 0, 20))
    second = store_visits(event, ("Ada", ada.email, 40, 60), ("Bo", bo.email, 40, 60))
    apply(first, walk_ins=True)
    assert marks(event) == {"Ada": ABSENT}
    apply(second)
    assert marks(event) == {"Ada": PRESENT, "Bo": PRESENT}
    actions.undo_attendance_list(list_id=second.pk, by=ada)
    assert marks(event) == {"Ada": ABSENT}
    assert minutes(event) == {"Ada": 20}


@pytest.mark.parametrize("state", [RegistrationState.WAITLISTED, RegistrationState.CANCELLED])
def test_undoing_gives_back_the_earlier_place(state: str) -> None:
    event = make.event(days=-1, capacity=1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    _, waiting = roster(event, ada, bo)
    if state == RegistrationState.CANCELLED:
        Registration.objects.filter(pk=waiting.pk).update(
            state=state, cancelled_at=waiting.registered_at
        )
    before = Registration.objects.values().get(pk=waiting.pk)
    stored = store_list(event, (ada.email, 50), (bo.email, 50))
    apply(stored, walk_ins=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": PRESENT}
    actions.undo_attendance_list(list_id=stored.pk, by=ada)
    assert Registration.objects.values().get(pk=waiting.pk) == before


def test_a_list_can_be_undone_for_a_day() -> None:
    event = make.event(days=-1)
    ada = make.person(display_name="Ada")
    roster(event, ada)
    stored = store_list(event, (ada.email, 5))
    apply(stored)
    later = timezone.now() + dt.timedelta(days=1, minutes=1)
    with time_machine.travel(later), pytest.raises(Refused, match="only within a day"):
        actions.undo_attendance_list(list_id=stored.pk, by=ada)


def test_the_absent_are_emailed_when_the_list_can_no_longer_be_undone() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    roster(event, ada, bo)
    stored, other = store_list(event, (ada.email, 5)), store_list(event, (bo.email, 5))
    apply(stored)
    apply(other)
    assert [mail.to for mail in sent() if "absent" in mail.subject] == []
    actions.undo_attendance_list(list_id=stored.pk, by=ada)
    with time_machine.travel(timezone.now() + dt.timedelta(days=1, minutes=1)):
        assert [mail.to for mail in sent() if "absent" in mail.subject] == [[bo.email]]


# ---------- Matching by hand ----------


def test_people_matched_by_hand_count_on_all_lists_of_the_event() -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    roster(event, ada, bo)
    first = store_visits(
        event,
        ("Ada", ada.email, 0, 40),
        ("Bo (phone)", "", 0, 20),
        ("Bo", "bo@home.example", 10, 25),
    )
    apply(first)
    assert marks(event) == {"Ada": PRESENT, "Bo": UNKNOWN}
    by = make.person()
    matches = {"name:bo (phone)": bo, "bo@home.example": bo}
    assert actions.match_attendees(list_id=first.pk, matches=matches, by=by) == 2
    assert actions.match_attendees(list_id=first.pk, matches=matches, by=by) == 0
    assert (marks(event)["Bo"], minutes(event)["Bo"]) == (ABSENT, 25)
    apply(store_visits(event, ("BO  (Phone)", "", 50, 60)))
    assert (marks(event)["Bo"], minutes(event)["Bo"]) == (PRESENT, 35)
    actions.match_attendees(list_id=first.pk, matches={"name:bo (phone)": None}, by=by)
    assert (marks(event)["Bo"], minutes(event)["Bo"]) == (ABSENT, 15)


def test_only_people_on_the_list_can_be_matched() -> None:
    stored = store_list(make.event(days=-1), ("someone@x.example", 50))
    with pytest.raises(Refused, match="not on this list"):
        actions.match_attendees(list_id=stored.pk, matches={"name:x": make.person()}, by=None)


# ---------- Pages ----------


def upload(client: Client, event: Event, data: bytes, name: str = "list.csv"):
    file = SimpleUploadedFile(name, data, content_type="text/csv")
    return client.post(
        f"/events/{event.pk}/roster/upload/", {"file": file, "threshold": 30}, follow=True
    )


@pytest.fixture
def staff(client: Client) -> User:
    staff = make.person(Role.CE_COORDINATOR)
    client.force_login(staff)
    return staff


@pytest.mark.parametrize("number", [1, 3])
def test_the_preview_changes_nothing_until_applied(
    client: Client, staff: User, number: int, django_assert_num_queries
) -> None:
    event = make.event(days=-1)
    people = [make.person() for _ in range(number)]
    roster(event, *people)
    rows = "".join(f"{person.email},50\n" for person in people)
    page = upload(client, event, f"Email,Minutes\n{rows}=cmd@x.example,9\n".encode())
    groups = {group.label: group for group in page.context["groups"]}
    assert groups["Present"].number == number
    assert groups[UNMATCHED].lines == [("=cmd@x.example", f"9 min on this list, line {number + 2}")]
    assert set(marks(event).values()) == {UNKNOWN}
    [(address, _)] = page.redirect_chain
    with django_assert_num_queries(11):
        client.get(address)
    unknown = client.get(f"{address}unknown.csv").content.decode()
    assert "'=cmd@x.example" in unknown
    client.post(address)
    assert set(marks(event).values()) == {PRESENT}


def test_the_preview_shows_repeated_rows(client: Client, staff: User) -> None:
    event, row = make.event(days=-1), "ada@x.example,nine,ten,20\n"
    page = upload(client, event, f"Email,Join Time,Leave Time,Minutes\n{row}{row}".encode())
    groups = {group.label: group.lines for group in page.context["groups"]}
    assert groups["Skipped rows"] == [("Line 3", "Same visit as on line 2. It counts once.")]
    assert "It counts once." in page.content.decode()


def test_the_preview_shows_the_first_people_of_a_long_list(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    rows = "".join(f"p{number}@x.example,9\n" for number in range(201))
    page = upload(client, event, f"Email,Minutes\n{rows}".encode()).content.decode()
    assert "Showing the first 200 of 201." in page
    assert page.count("<li>p") == 200
    [stored] = AttendanceList.objects.all()
    address = f"/events/{event.pk}/roster/lists/{stored.pk}/unknown.csv"
    assert client.get(address).content.count(b"@x.example") == 201


def test_an_unreadable_file_shows_an_error_in_the_form(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    page = upload(client, event, b"%PDF-1.7", "list.csv")
    assert page.context["form"].errors == {
        "file": [
            "This is not a CSV or XLSX file. Open it in your spreadsheet program and save it as "
            "CSV or XLSX."
        ]
    }
    assert upload(client, event, b"").context["form"].errors == {"file": ["This file is empty."]}
    too_large = upload(client, event, b"x" * 13 * 1024 * 1024)
    assert too_large.context["form"].errors == {
        "file": ["This file is larger than 5 MB. Split it and upload the parts."]
    }
    assert 'value="30"' in too_large.content.decode()
    assert not AttendanceList.objects.exists()


def test_another_events_list_returns_404(client: Client, staff: User) -> None:
    stored = store_list(make.event(days=-1), ("ada@x.example", 50))
    other = make.event(days=-1)
    assert client.get(f"/events/{other.pk}/roster/lists/{stored.pk}/").status_code == 404


def test_the_preview_names_the_report_and_shows_how_it_was_read(
    client: Client, staff: User
) -> None:
    event = make.event(days=-1, begins_at=dt.datetime(2026, 11, 18, 17, tzinfo=dt.UTC))
    Event.objects.filter(pk=event.pk).update(ends_at=event.begins_at + dt.timedelta(hours=1))
    report = (Path(__file__).parent / "reports" / "zoom-webinar.csv").read_bytes()
    page = upload(client, event, report).content.decode()
    assert "is a Zoom webinar report: attendees, panelists, hosts" in page
    assert "Wed, Nov 18, 2026, 9:55–11:02 AM" in page
    notes = upload(client, event, b"Email,Minutes\nada@x.example,1:05\n").content.decode()
    assert "1:05 was read as 1 hour 5 minutes" in notes


def test_a_list_of_another_day_is_noticed(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    data = b"Email,Join Time,Leave Time\nada@x.example,11/18/2025 10:00 AM,11/18/2025 11:00 AM\n"
    page = upload(client, event, data).content.decode()
    assert "The times on this list are Tue, Nov 18, 2025, 10:00–11:00 AM" in page


def test_the_preview_counts_all_lists_together(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    ada, bo = (make.person(display_name=name) for name in ("Ada", "Bo"))
    roster(event, ada, bo)
    apply(store_list(event, (ada.email, 20)))
    page = upload(client, event, f"Email,Minutes\n{ada.email},25\n".encode())
    groups = {group.label: group.lines for group in page.context["groups"]}
    assert groups["Present"] == [("Ada", "45 min in all")]
    assert groups["Registered but on none of the lists"] == [("Bo", "")]
    assert "The numbers are for 2 lists together." in page.content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_the_second_page_says_what_people_lose(
    client: Client, staff: User, number: int, django_assert_num_queries
) -> None:
    event = make.event(days=-1)
    people = [make.person(display_name=f"Ada {each}") for each in range(number)]
    roster(event, *people, make.person(display_name="Bo"))
    actions.settle_due(person=people[0])
    rows = "".join(f"{person.email},5\n" for person in people)
    page = upload(client, event, f"Email,Minutes\n{rows}".encode())
    [(address, _)] = page.redirect_chain
    asked = client.post(address, {"absentees": "on"})
    assert asked.url == f"{address}confirm/?absentees=on"
    with django_assert_num_queries(13):
        second = client.get(asked.url)
    assert second.context["look"].summary == [
        f"{number + 1} of {number + 1} registered people would be marked absent by this list.",
        "1 person would lose credit that is listed already: 1 credit in all.",
        f"{'1 person' if number == 1 else f'{number} people'} would not get the event’s 1 credit.",
    ]
    assert set(second.context["look"].losses) == {
        ("Ada 0", "loses 1 credit"),
        *((f"Ada {each}", "does not get 1 credit") for each in range(1, number)),
        ("Bo", "does not get 1 credit"),
    }
    assert set(marks(event).values()) == {UNKNOWN}
    seen = second.context["seen"]
    client.post(f"{address}confirm/", {"absentees": "on", "seen": "something else"})
    assert set(marks(event).values()) == {UNKNOWN}
    client.post(f"{address}confirm/", {"absentees": "on", "seen": seen})
    assert set(marks(event).values()) == {ABSENT}
    assert "Undo this list" in client.get(address).content.decode()
    client.post(f"{address}undo/")
    assert set(marks(event).values()) == {UNKNOWN}
    assert "This list was undone" in client.get(address).content.decode()


def test_a_list_of_strangers_says_so_on_the_second_page(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    roster(event, make.person())
    page = upload(client, event, b"Name,Email,Minutes\nAda,,50\nBo,,50\n")
    [(address, _)] = page.redirect_chain
    second = client.post(address, follow=True)
    assert second.context["look"].summary == ["The list names none of the 1 registered person."]
    assert "2 people on the list are not matched with an account." in second.content.decode()


def test_a_list_can_be_applied_again_with_more_choices(client: Client, staff: User) -> None:
    event = make.event(days=-1)
    ada, bo, cy = (make.person(display_name=name) for name in ("Ada", "Bo", "Cy"))
    roster(event, ada, bo)
    stored = store_list(event, (ada.email, 50), (cy.email, 50))
    apply(stored)
    assert apply(stored) == 0
    apply(stored, walk_ins=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": UNKNOWN, "Cy": PRESENT}
    apply(stored, absentees=True)
    assert marks(event) == {"Ada": PRESENT, "Bo": ABSENT, "Cy": PRESENT}
