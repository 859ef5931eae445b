"""Certificates of attendance for guests: people without an account on an attendance list."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client

from aspen.mail.outbox import deliver_due
from aspen.models import Mail
from credits import actions, attendance
from credits.emails import queue_guest_certificate_emails
from credits.models import AttendanceCertificate
from events import actions as event_actions
from events.enums import EventState
from events.models import AttendanceList, Event
from tests import factories as make
from tests.credits.test_attendance_certificates import issue, live, present, withdrawn_reason
from tests.emails import body_of, delivered, sent
from tests.web import signed_in, text

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
GUEST = "gail@town.example"
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def event() -> Event:
    return make.event(days=-1, hours=1)


def apply(event: Event, *rows: tuple[str, str, int]) -> AttendanceList:
    """Store and apply a list of names, addresses and minutes."""
    lines = [f"{name},{address},{minutes}\n" for name, address, minutes in rows]
    stored = event_actions.store_attendance_list(
        event_id=event.pk,
        file_name="list.csv",
        data=("Name,Email,Minutes\n" + "".join(lines)).encode(),
        threshold=30,
        by=make.person(),
    )
    event_actions.apply_attendance_list(list_id=stored.pk, by=make.person())
    return stored


def gail(minutes: int = 50) -> tuple[str, str, int]:
    return ("Gail Guest", GUEST, minutes)


def path(event: Event, address: str = GUEST) -> str:
    token = attendance.guest_token(event.pk, attendance.guest_key(address))
    return f"/attendance/guest/{token}/"


def recipients() -> list[str]:
    queue_guest_certificate_emails()
    return sorted(Mail.objects.filter(kind="credits.guest").values_list("to_address", flat=True))


# ---------- The e-mail ----------


def test_guests_are_emailed_a_link_once_the_list_is_final(
    event: Event, now: time_machine.Traveller
) -> None:
    apply(event, gail())
    now.shift(DAY - dt.timedelta(seconds=1))
    assert recipients() == []
    now.shift(1)
    assert (recipients(), recipients()) == ([GUEST], [GUEST])
    message = delivered()
    assert (message.to, message.subject) == (
        [GUEST],
        f"Your certificate of attendance: {event.title}",
    )
    body = body_of(message)
    assert "Hello Gail Guest," in body
    assert "1 credit in Technology" in body
    [link] = [each for each in body.split() if "/attendance/guest/" in each]
    assert GUEST not in link
    page = text(Client().get(link[link.index("/attendance") :]))
    assert "Gail Guest took part on" in page
    assert "50 minutes" in page


def test_only_guests_who_were_present_are_emailed(
    event: Event, now: time_machine.Traveller
) -> None:
    june, matched = make.person(), make.person()
    EmailAddress.objects.create(user=june, email="june@home.example", verified=True)
    stored = apply(
        event,
        gail(),
        ("Late", "late@town.example", 5),
        ("June", june.email, 50),
        ("June", "june@home.example", 50),
        ("Mat", "mat@town.example", 50),
        ("No Address", "", 50),
    )
    event_actions.match_attendees(
        list_id=stored.pk, matches={"mat@town.example": matched}, by=make.person()
    )
    now.shift(DAY)
    assert recipients() == [GUEST]


def test_no_email_about_a_list_that_was_undone(event: Event, now: time_machine.Traveller) -> None:
    stored = apply(event, gail())
    event_actions.undo_attendance_list(list_id=stored.pk, by=make.person())
    now.shift(DAY)
    assert recipients() == []


def test_no_email_is_sent_if_the_event_is_canceled_before(
    event: Event, now: time_machine.Traveller
) -> None:
    apply(event, gail())
    now.shift(DAY)
    assert recipients() == [GUEST]
    Event.objects.filter(pk=event.pk).update(state="cancelled")
    deliver_due()
    assert sent() == []


@pytest.mark.parametrize("number", [1, 3])
def test_queueing_takes_the_same_number_of_queries_for_any_number_of_guests(
    event: Event, now: time_machine.Traveller, number: int, django_assert_max_num_queries: Any
) -> None:
    apply(event, *((f"G{each}", f"g{each}@town.example", 50) for each in range(number)))
    now.shift(DAY)
    with django_assert_max_num_queries(12):
        queue_guest_certificate_emails()
    assert Mail.objects.filter(kind="credits.guest").count() == number


# ---------- The link ----------


def test_the_link_opens_the_page_and_the_pdf_without_an_account(event: Event) -> None:
    apply(event, gail())
    page = Client().get(path(event))
    pdf = Client().get(f"{path(event)}certificate.pdf")
    assert f'href="{path(event)}certificate.pdf"' in text(page)
    assert pdf.content.startswith(b"%PDF")
    for response in (page, pdf):
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert "no-store" in response["Cache-Control"]
    [certificate] = live()
    assert (certificate.person, certificate.guest_address) == (None, GUEST)
    assert certificate.printed["basis"] == attendance.BY_ORGANIZER
    check = text(Client().get(certificate.get_absolute_url()))
    assert "Gail Guest" in check
    assert GUEST not in check + text(page)


def test_a_guest_without_a_name_is_called_by_the_address(event: Event) -> None:
    apply(event, ("", GUEST, 50))
    Client().get(path(event))
    assert live()[0].name == GUEST


@pytest.mark.parametrize(
    "change", [lambda url: url[:-2] + "x/", lambda url: "/attendance/guest/x/"]
)
def test_a_forged_link_is_explained(event: Event, change: Any) -> None:
    apply(event, gail())
    response = Client().get(change(path(event)))
    assert response.status_code == 404
    assert "Copy the whole link from the e-mail" in text(response)
    assert live() == []


def test_a_link_works_for_a_year(event: Event, now: time_machine.Traveller) -> None:
    apply(event, gail())
    url = path(event)
    now.shift(365 * DAY)
    assert Client().get(url).status_code == 200
    now.shift(2)
    response = Client().get(url)
    assert response.status_code == 404
    assert "The link in the e-mail worked for a year." in text(response)


def test_a_link_of_someone_who_was_not_present_is_explained(event: Event) -> None:
    apply(event, gail(minutes=5))
    response = Client().get(path(event))
    assert response.status_code == 404
    assert "no longer shows that you took part" in text(response)


# ---------- Withdrawing ----------


def test_undoing_the_list_withdraws_the_certificate(event: Event) -> None:
    stored = apply(event, gail())
    Client().get(path(event))
    [certificate] = live()
    event_actions.undo_attendance_list(list_id=stored.pk, by=make.person())
    assert withdrawn_reason(certificate) == "It no longer matches what is recorded."
    assert "no longer shows that you took part" in text(Client().get(path(event)))


def test_another_list_with_more_time_withdraws_the_certificate(event: Event) -> None:
    apply(event, gail(minutes=40))
    Client().get(path(event))
    [certificate] = live()
    apply(event, gail(minutes=10))
    assert withdrawn_reason(certificate) == "What it says was corrected."
    Client().get(path(event))
    assert live()[0].printed["hours"] == "50 minutes"


def test_corrected_credits_withdraw_the_certificate(event: Event) -> None:
    apply(event, gail())
    Client().get(path(event))
    [certificate] = live()
    actions.correct_event(
        event_id=event.pk,
        offers={make.category(make.ADMINISTRATION).pk: 1},
        reason="Wrong category.",
        by=make.person(),
    )
    assert withdrawn_reason(certificate) == "What it says was corrected."


# ---------- A guest who gets an account ----------


def test_the_certificate_of_the_account_replaces_the_one_of_the_guest(event: Event) -> None:
    apply(event, gail())
    Client().get(path(event))
    [as_guest] = live()
    person = make.person(email=GUEST)
    assert Client().get(path(event)).status_code == 200  # nothing was issued to the account yet
    make.claim(person, event)
    own = issue(event, person)
    assert own.printed["basis"] == as_guest.printed["basis"] == attendance.BY_ORGANIZER
    assert own.printed["hours"] == as_guest.printed["hours"]
    assert withdrawn_reason(as_guest) == f"Certificate {own.number} replaces it."
    response = Client().get(path(event))
    assert response.status_code == 404
    assert "You have an account now" in text(response)
    assert live() == [own]


def test_a_name_with_two_spaces_is_the_same_name_each_time(event: Event) -> None:
    apply(event, ("Gail  Guest", GUEST, 50))
    for _ in range(2):
        assert "Gail Guest" in text(Client().get(path(event)))
    assert len(live()) == AttendanceCertificate.objects.count() == 1


def test_guests_of_a_merged_event_keep_their_certificate(event: Event) -> None:
    apply(event, gail())
    Event.objects.filter(pk=event.pk).update(
        state=EventState.MERGED, merged_into=make.event(days=-1, hours=1)
    )
    assert Client().get(path(event)).status_code == 200


def test_guests_of_an_event_that_was_canceled_by_mistake_are_emailed_later(
    event: Event, now: time_machine.Traveller
) -> None:
    apply(event, gail())
    now.shift(2 * DAY)
    Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
    assert recipients() == []
    Event.objects.filter(pk=event.pk).update(state=EventState.PUBLISHED)
    assert recipients() == [GUEST]


def test_a_match_replaces_it_too(event: Event) -> None:
    stored, person = apply(event, gail()), make.person()
    Client().get(path(event))
    event_actions.match_attendees(list_id=stored.pk, matches={GUEST: person}, by=make.person())
    make.claim(person, event)
    own = issue(event, person)
    assert live() == [own]
    assert "You have an account now" in text(Client().get(path(event)))


def test_an_unconfirmed_address_replaces_nothing(event: Event) -> None:
    apply(event, gail())
    Client().get(path(event))
    stranger = make.person()
    EmailAddress.objects.create(user=stranger, email=GUEST, verified=False)
    present(stranger, event)
    make.claim(stranger, event)
    issue(event, stranger)
    assert len(live()) == 2
    assert AttendanceCertificate.objects.filter(guest_address=GUEST, withdrawn_at=None).exists()


def test_signed_in_people_can_open_the_link_too(event: Event) -> None:
    apply(event, gail())
    assert signed_in(make.person()).get(path(event)).status_code == 200
