"""Certificates of attendance: when they are issued, replaced and withdrawn."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import Error, IntegrityError, transaction
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from credits import actions, attendance
from credits.enums import ClaimState
from credits.models import AttendanceCertificate, Claim
from events import actions as event_actions
from events.editing.actions import take_step
from events.enums import Attendance, EventStep, RegistrationState
from events.models import Event, Registration
from tests import factories as make
from tests.races import run_concurrently
from tests.tracks.test_integrity import by_sql, faults

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Alvarez")


@pytest.fixture
def event() -> Event:
    return make.event(hours=3, credits={make.ADMINISTRATION: "3.0"})


def issue(event: Event, by: User) -> AttendanceCertificate:
    return actions.issue_attendance_certificate(event_id=event.pk, by=by)


def present(person: User, event: Event, **fields: Any) -> Registration:
    values = {"attendance": Attendance.PRESENT, "marked_at": timezone.now()}
    return Registration.objects.create(
        event=event,
        person=person,
        state=RegistrationState.CONFIRMED,
        registered_at=event.begins_at,
        **values | fields,
    )


def live() -> list[AttendanceCertificate]:
    return list(AttendanceCertificate.objects.filter(withdrawn_at=None).order_by("pk"))


def withdrawn_reason(certificate: AttendanceCertificate) -> str:
    certificate.refresh_from_db()
    assert bool(certificate.withdrawn_at) == bool(certificate.withdrawn_reason)
    return certificate.withdrawn_reason


# ---------- Issuing ----------


def test_a_certificate_says_what_the_person_took_part_in(june: User, event: Event) -> None:
    claim = make.claim(june, event)
    with time_machine.travel(NOW, tick=False):
        certificate = issue(event, june)
    assert (certificate.number, certificate.name) == ("A2026-0001", "June Alvarez")
    assert (certificate.person, certificate.event, certificate.claim) == (june, event, claim)
    assert certificate.printed == {
        "title": event.title,
        "sponsor": "Montana State Library",
        "when": event.when,
        "hours": "3 hours",
        "credits": [["3 credits", "Library Administration"]],
        "is_presenter": False,
        "basis": attendance.ON_THEIR_WORD,
        "is_demonstration": False,
    }


def test_a_second_demand_returns_the_same_certificate(june: User, event: Event) -> None:
    make.claim(june, event)
    assert issue(event, june) == issue(event, june)
    assert AttendanceCertificate.objects.count() == 1


def test_numbers_start_again_each_year_and_differ_from_those_of_certification(june: User) -> None:
    make.certificate(make.following(june))
    numbers = []
    for year in (2031, 2031, 2032):
        with time_machine.travel(dt.datetime(year, 3, 1, 18, tzinfo=dt.UTC)):
            numbers.append(issue(make.claim(june).event, june).number)
    assert numbers == ["A2031-0001", "A2031-0002", "A2032-0001"]


def test_the_basis_is_who_vouches_for_the_attendance(june: User) -> None:
    on_their_word, approved, marked = (make.claim(june) for _ in range(3))
    actions.decide_claim(
        claim_id=approved.pk,
        target=ClaimState.APPROVED,
        reason="",
        by=make.person(Role.CE_COORDINATOR),
    )
    present(june, marked.event, minutes=50)
    bases = [issue(each.event, june).printed["basis"] for each in (on_their_word, approved, marked)]
    assert bases == [attendance.ON_THEIR_WORD, attendance.APPROVED, attendance.BY_ORGANIZER]
    assert [each.printed["hours"] for each in live()] == ["1 hour", "1 hour", "50 minutes"]


def test_presenters_are_named_as_such(june: User, event: Event) -> None:
    event_actions.settle_due()
    event.presenters.create(person=june)
    event_actions.settle_due()
    printed = issue(event, june).printed
    assert (printed["is_presenter"], printed["basis"]) == (True, attendance.AS_PRESENTER)
    assert printed["credits"] == [["6 credits", "Library Administration"]]


def test_an_event_outside_certification_needs_a_mark(june: User) -> None:
    event = make.event(credits={})
    with pytest.raises(Refused):
        issue(event, june)
    place = present(june, event)
    certificate = issue(event, june)
    assert (certificate.claim, certificate.printed["credits"]) == (None, [])
    assert certificate.printed["basis"] == attendance.BY_ORGANIZER
    event_actions.mark_attendance(
        registration_id=place.pk, attendance=Attendance.ABSENT, by=make.person()
    )
    assert withdrawn_reason(certificate) == "It no longer matches what is recorded."


@pytest.mark.parametrize("attendance_mark", [Attendance.UNKNOWN, Attendance.ABSENT])
def test_a_registration_alone_is_no_attendance(june: User, attendance_mark: Attendance) -> None:
    marked_at = None if attendance_mark == Attendance.UNKNOWN else timezone.now()
    event = make.event(credits={})
    present(june, event, attendance=attendance_mark, marked_at=marked_at)
    with pytest.raises(Refused):
        issue(event, june)


def test_a_mark_is_not_enough_for_an_event_that_earns_credit(june: User, event: Event) -> None:
    present(june, event)
    with pytest.raises(Refused, match="once the credit is listed"):
        issue(event, june)


def test_a_mark_before_the_event_is_over_is_not_enough(june: User) -> None:
    event = make.event(days=0, hours=5, credits={})
    present(june, event)
    with pytest.raises(Refused):
        issue(event, june)


def test_a_custom_event_has_to_be_approved(june: User) -> None:
    claim = actions.claim_custom_event(facts=make.facts(), by=june)
    with pytest.raises(Refused):
        issue(claim.event, june)
    event_actions.decide_custom_event(
        event_id=claim.event_id,
        decision="approve",
        reason="",
        by=make.person(Role.CE_COORDINATOR),
    )
    assert issue(claim.event, june).printed["basis"] == attendance.APPROVED


# ---------- Replacing and withdrawing ----------


def test_a_new_name_or_basis_replaces_the_certificate_on_the_next_demand(
    june: User, event: Event
) -> None:
    claim = make.claim(june, event)
    first = issue(event, june)
    actions.decide_claim(
        claim_id=claim.pk,
        target=ClaimState.APPROVED,
        reason="",
        by=make.person(Role.CE_COORDINATOR),
    )
    assert live() == [first]  # a stronger basis does not make it wrong
    second = issue(event, june)
    assert withdrawn_reason(first) == f"Certificate {second.number} replaces it."
    User.objects.filter(pk=june.pk).update(display_name="June Stone")
    third = issue(event, User.objects.get(pk=june.pk))
    assert third.name == "June Stone"
    assert live() == [third]


def test_a_basis_that_was_taken_back_withdraws_the_certificate(june: User, event: Event) -> None:
    registration = present(june, event)
    make.claim(june, event)
    certificate = issue(event, june)
    Registration.objects.filter(pk=registration.pk).update(
        attendance=Attendance.UNKNOWN, marked_at=None, marked_by=None
    )
    actions.withdraw_changed_certificates(event)
    assert withdrawn_reason(certificate) == "What it says was corrected."
    assert issue(event, june).printed["basis"] != certificate.printed["basis"]


def test_a_withdrawn_claim_withdraws_the_certificate(june: User, event: Event) -> None:
    claim = make.claim(june, event)
    certificate = issue(event, june)
    actions.withdraw_claim(claim_id=claim.pk, by=june)
    assert withdrawn_reason(certificate) == "It no longer matches what is recorded."
    actions.undo_withdrawal(claim_id=claim.pk, by=june)
    assert live() == []
    assert issue(event, june).number != certificate.number


def test_a_declined_claim_withdraws_the_certificate(june: User, event: Event) -> None:
    claim = make.claim(june, event)
    certificate = issue(event, june)
    actions.decide_claim(
        claim_id=claim.pk,
        target=ClaimState.DECLINED,
        reason="Not there.",
        by=make.person(Role.CE_COORDINATOR),
    )
    assert "no longer matches" in withdrawn_reason(certificate)
    assert "Not there" not in certificate.withdrawn_reason


def test_corrected_credits_withdraw_the_certificates(june: User, event: Event) -> None:
    other = make.person()
    make.claim(june, event)
    make.claim(other, event)
    unrelated = issue(make.claim(june).event, june)
    certificates = [issue(event, each) for each in (june, other)]
    actions.correct_event(
        event_id=event.pk,
        offers={make.category().pk: Decimal("2.0")},
        reason="Wrong category.",
        by=make.person(Role.CE_COORDINATOR),
    )
    assert {withdrawn_reason(each) for each in certificates} == {"What it says was corrected."}
    assert live() == [unrelated]
    assert issue(event, june).printed["credits"] == [["2 credits", "Technology"]]


def test_one_corrected_credit_withdraws_one_certificate(june: User, event: Event) -> None:
    other = make.person()
    certificate, kept = [issue(event, make.claim(each, event).person) for each in (june, other)]
    actions.correct_credit(
        credit_id=Claim.objects.get(person=june).credits.get().pk,
        category=make.category(),
        amount=Decimal("3.0"),
        by=make.person(Role.CE_COORDINATOR),
    )
    assert withdrawn_reason(certificate) == "What it says was corrected."
    assert live() == [kept]


def test_a_canceled_event_withdraws_the_certificates(june: User, event: Event) -> None:
    outside = make.event(credits={})
    present(june, outside)
    make.claim(june, event)
    certificates = [issue(each, june) for each in (event, outside)]
    for each in (event, outside):
        take_step(
            event_id=each.pk,
            step=EventStep.CALL_OFF,
            reason="It never took place.",
            by=make.person(Role.CE_COORDINATOR),
        )
    assert all("no longer matches" in withdrawn_reason(each) for each in certificates)


def test_a_merged_event_withdraws_the_certificate(june: User, event: Event) -> None:
    make.claim(june, event)
    certificate, target = issue(event, june), make.event(credits={make.ADMINISTRATION: "3.0"})
    actions.merge_events(
        source_id=event.pk, target_id=target.pk, reason="", by=make.person(Role.CE_COORDINATOR)
    )
    assert withdrawn_reason(certificate)
    assert issue(target, june).printed["title"] == target.title


# ---------- What the database refuses ----------


def refused(match: str, **values: Any) -> None:
    with pytest.raises(Error, match=match), transaction.atomic():
        AttendanceCertificate.objects.update(**values)


def test_the_database_refuses_what_must_never_happen(june: User, event: Event) -> None:
    claim = make.claim(june, event)
    certificate = issue(event, june)
    facts = {"event": event, "name": "June", "printed": certificate.printed}

    def refused_new(match: str, number: str = "A2026-9999", **values: Any) -> None:
        with pytest.raises(IntegrityError, match=match), transaction.atomic():
            AttendanceCertificate.objects.create(number=number, **facts | values)

    one_of_two = "credits_attendance_of_a_person_or_a_guest"
    refused_new(one_of_two)
    refused_new(one_of_two, person=make.person(), guest_address="guest@x.example")
    refused_new(one_of_two, claim=claim, guest_address="guest@x.example")
    refused_new("credits_one_attendance_of_a_person", person=june)
    refused_new("credits_attendance_person_matches_claim", person=make.person(), claim=claim)
    refused_new("number", number=certificate.number, person=make.person())
    refused_new("name_clean", person=make.person(), name=" ")
    AttendanceCertificate.objects.create(number="A1", guest_address="guest@x.example", **facts)
    refused_new("credits_one_attendance_of_a_guest", guest_address="guest@x.example")


def test_a_certificate_never_changes(june: User, event: Event) -> None:
    make.claim(june, event)
    issue(event, june)
    refused("Cannot update", name="Someone Else")
    refused("Cannot update", printed={})
    refused("Cannot update", number="A2026-0002")
    refused("credits_attendance_withdrawn_with_reason", withdrawn_at=timezone.now())
    refused("credits_attendance_withdrawn_with_reason", withdrawn_reason="Because.")
    with pytest.raises(Error, match="Cannot delete"), transaction.atomic():
        AttendanceCertificate.objects.all().delete()
    AttendanceCertificate.objects.update(withdrawn_at=timezone.now(), withdrawn_reason="Because.")
    refused("Cannot update", withdrawn_at=None, withdrawn_reason="")


# ---------- At the same time ----------


@pytest.mark.django_db(transaction=True)
def test_demands_at_the_same_time_issue_one_certificate_each() -> None:
    event = make.event()
    people = [make.person() for _ in range(3)]
    for person in people:
        make.claim(person, event)
    results = run_concurrently(9, lambda index: issue(event, people[index % 3]).number)
    assert len(set(results)) == 3
    assert sorted(set(results)) == sorted(each.number for each in live())


# ---------- The integrity check ----------


def test_check_credits_compares_certificates_with_their_history(june: User, event: Event) -> None:
    make.claim(june, event)
    issue(event, june)
    assert faults() == {}
    by_sql("UPDATE credits_attendancecertificate SET name = 'x'", "credits_attendancecertificate")
    assert faults() == {"Certificates of attendance that differ from their history": 1}
