"""Reminders, and snapshots of all certification e-mails."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.models import Mail
from credits.actions import correct_credit, merge_events, undo_merge
from credits.models import Claim, Credit
from tests import factories as make
from tests.emails import assert_snapshots, body_of, delivered, restart_ids, sent
from tracks import actions
from tracks.counting import queries as counting_queries
from tracks.models import Participation, Verification

pytestmark = pytest.mark.django_db
PORTAL = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 10:00 -0700", tick=False) as traveller:
        yield traveller


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Librarian", email="june@library.example")


def subjects() -> list[tuple[str, str]]:
    return sorted((message.to[0], message.subject) for message in sent())


# ---------- Snapshots ----------


def test_snapshots(now):
    restart_ids(User, Participation, Verification)
    june = make.person(display_name="June Librarian", email="june@library.example")
    assert_snapshots(
        "tracks",
        [
            *_a_year(june),
            *_a_certificate(june),
            *_extended(june),
            *_reminded(june, now),
            *_corrected(),
        ],
    )


def _a_year(june: User) -> Iterator[EmailMultiAlternatives]:
    """Yield the e-mail about a year that a supervisor refuses to verify."""
    participation = make.following(june, "Library Director")
    question = actions.ask_about_year(
        participation_id=participation.pk, year=2026, supervisor=make.SUPERVISOR, by=june
    )
    sent()
    actions.refuse_record(verification_id=question.pk, reason="Not in <i>May</i>.", by=None)
    yield delivered()
    actions.leave_track(participation_id=participation.pk, by=june)


def _a_certificate(june: User) -> Iterator[EmailMultiAlternatives]:
    """Yield the e-mails for a record and its certificate.

    The record is returned, resubmitted, reviewed, sent to another supervisor and certified, and the
    certificate is reissued and then revoked.
    """
    by = make.person(Role.CE_COORDINATOR, display_name="Cyrus Nolan")
    participation = make.following(june)
    submission = make.submission(participation)
    actions.return_submission(submission_id=submission.pk, reason="Listed twice.", by=by)
    yield delivered()
    participation.refresh_from_db()
    first = make.verification(make.submission(participation))
    question, reviewed = sorted(sent(), key=lambda message: message.to[0])
    yield question
    yield reviewed
    mary = actions.SupervisorContact("Mary Board", "mary@board.example")
    second = actions.ask_again(verification_id=first.pk, supervisor=mary, by=by)
    yield next(message for message in sent() if message.to == question.to)
    certificate = actions.verify_record(verification_id=second.pk, by=None)
    assert certificate
    yield delivered()
    other = actions.reissue_certificate(
        certificate_id=certificate.pk, name="June Librarian-Smith", reason="She married.", by=by
    )
    yield delivered()
    actions.revoke_certificate(
        certificate_id=other.pk, reason="The training never took place.", reopen=True, by=by
    )
    yield delivered()


def _corrected() -> Iterator[EmailMultiAlternatives]:
    """Yield the e-mails about a record that is put back under review and one that changes."""
    june = make.person(display_name="June Librarian", email="june@other.example")
    by, titles = make.person(Role.CE_COORDINATOR), ("Budgets", "Budgets, again")
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    for title in titles:
        make.claim(june, title=title, credits={make.ADMINISTRATION: "8.0"})
    submission = make.submission(participation)
    kept, dropped = (Claim.objects.get(event__title=title).event_id for title in titles)
    done = merge_events(source_id=dropped, target_id=kept, reason="The same.", by=by)
    sent()
    undo_merge(merge_id=done.merge.pk, by=by)
    yield delivered()
    make.verification(submission)
    sent()
    correct_credit(
        credit_id=Credit.objects.get(claim__event=kept).pk,
        category=make.category(make.ADMINISTRATION),
        amount=Decimal("7.5"),
        by=by,
    )
    yield delivered()


def _extended(june: User) -> Iterator[EmailMultiAlternatives]:
    [participation] = counting_queries.active_participations(june)
    actions.extend_participations(
        participation_ids=[participation.pk],
        closes_on=dt.date(2031, 6, 30),
        reason="Illness.",
        by=make.person(Role.CE_COORDINATOR),
    )
    yield delivered()


def _reminded(june: User, now: time_machine.Traveller) -> Iterator[EmailMultiAlternatives]:
    """Yield the reminders.

    They are about the end of a period, a certificate whose track was left, a new director's
    deadline of four years, and a year without a claim.
    """
    now.move_to("2027-11-23 10:00 -0700")
    actions.remind_idle()
    yield delivered()
    library = make.organization(name="Alpha Library")
    Position.objects.create(
        person=june,
        organization=library,
        kind=PositionKind.DIRECTOR,
        since_on=dt.date(2023, 12, 23),
    )
    actions.remind_directors()
    yield delivered()
    make.certificate(make.following(june, "Library Staff"))
    for each in counting_queries.active_participations(june):
        if str(each.track) == "Library Staff":
            actions.leave_track(participation_id=each.pk, by=june)
    sent()
    now.move_to("2031-05-30 10:00 -0700")
    actions.remind_of_ends()
    yield from sent()


# ---------- Reminders ----------


def remind() -> list[tuple[str, str]]:
    """Send the reminders twice, as if the worker had been restarted. Return the subjects."""
    for _ in range(2):
        actions.remind_of_ends()
        actions.remind_directors()
        actions.remind_idle()
    return subjects()


def test_reminders_are_sent_12_6_3_and_1_months_before_a_period_ends(june, now):
    actions.select_track(track=make.track("Library Trustee"), by=june)
    claimed_on = dt.date(2029, 10, 1)
    found = []
    for day in (
        *(dt.date(2029, 11, 22), dt.date(2029, 11, 23), dt.date(2030, 5, 22)),
        *(dt.date(2030, 5, 23), dt.date(2030, 8, 23), dt.date(2030, 10, 22)),
        *(dt.date(2030, 10, 23), dt.date(2030, 11, 23), dt.date(2030, 11, 24)),
    ):
        if claimed_on < day:
            now.move_to(dt.datetime.combine(claimed_on, dt.time(17), dt.UTC))
            make.claim(june)  # so that no reminder about a year without a claim is sent
            claimed_on = day + dt.timedelta(days=30)
        now.move_to(dt.datetime.combine(day, dt.time(17), dt.UTC))
        found += [(day, subject) for _, subject in remind()]
    text = "Library Trustee: finish by Sat, Nov 23, 2030"
    assert found == [
        (dt.date(2029, 11, 23), text),
        (dt.date(2030, 5, 23), text),
        (dt.date(2030, 8, 23), text),
        (dt.date(2030, 10, 23), text),
    ]


def test_the_reminder_lists_what_is_missing_and_can_be_turned_off(june, now):
    certificate = make.certificate(make.following(june))
    sent()
    now.move_to("2030-10-23 10:00 -0700")
    make.claim(june)
    assert [subject for _, subject in remind()] == ["Library Trustee: finish by Sat, Nov 23, 2030"]
    Mail.objects.filter(kind="tracks.period_ends").delete()
    actions.remind_of_ends()
    message = delivered()
    text = body_of(message)
    assert (
        f"Your certificate {certificate.number} (Library Trustee) expires on Sat, Nov 23, 2030 "
        "(in 31 days). Still needed: 10 in Library Administration" in text
    )
    address = message.extra_headers["List-Unsubscribe"].strip("<>")
    assert address in text
    path = address.removeprefix(PORTAL)
    assert Client().get(path).status_code == 200
    june.refresh_from_db()
    assert june.wants_certification_reminders
    assert Client().post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    june.refresh_from_db()
    assert (june.wants_certification_reminders, june.wants_reminders) == (False, True)
    now.move_to("2030-11-01 10:00 -0700")
    Mail.objects.filter(kind="tracks.period_ends").delete()
    assert remind() == []


def test_the_reminder_of_a_certificate_whose_track_was_left(june, now):
    make.certificate(make.following(june))
    [following] = counting_queries.active_participations(june)
    actions.leave_track(participation_id=following.pk, by=june)
    sent()
    now.move_to("2030-10-23 10:00 -0700")
    assert remind() == [
        (june.email, "Your certificate for Library Trustee expires on Sat, Nov 23, 2030")
    ]


def test_no_reminder_is_sent_for_an_extended_period(june, now):
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    now.move_to("2030-10-23 10:00 -0700")
    make.claim(june)
    actions.remind_of_ends()  # queued; then staff extend the period
    actions.extend_participations(
        participation_ids=[participation.pk],
        closes_on=dt.date(2032, 11, 23),
        reason="Illness.",
        by=make.person(),
    )
    assert [subject for _, subject in remind()] == [
        "Your period for Library Trustee was extended to Tue, Nov 23, 2032"
    ]


def test_new_directors_are_reminded_of_the_four_years(june, now):
    library = make.organization(name="Alpha Library")
    Position.objects.create(
        person=june,
        organization=library,
        kind=PositionKind.DIRECTOR,
        since_on=dt.date(2023, 11, 23),
    )
    assert remind() == [(june.email, "Director’s certificate: finish by Tue, Nov 23, 2027")]
    make.certificate(make.following(june, "Library Director"))
    sent()
    now.move_to("2027-10-30 10:00 -0700")
    assert [subject for _, subject in remind() if "Director’s" in subject] == []


def test_the_reminder_after_an_idle_year_is_sent_once_a_year(june, now):
    actions.select_track(track=make.track("Library Trustee"), by=june)
    now.move_to("2027-11-22 10:00 -0700")
    assert remind() == []
    now.move_to("2027-11-23 10:00 -0700")
    assert remind() == [(june.email, "No credit claimed for a year")]
    for day in ("2027-12-23", "2028-01-02", "2028-11-21"):  # a new year is not a year later
        now.move_to(f"{day} 10:00 -0700")
        assert remind() == []
    now.move_to("2028-11-22 10:00 -0700")
    assert remind() == [(june.email, "No credit claimed for a year")]
    make.claim(june)
    now.move_to("2029-06-01 10:00 -0700")
    assert remind() == []


def test_reminding_takes_the_same_few_queries_for_one_person_and_three(
    june, now, django_assert_num_queries
):
    for number in (1, 3):
        for _ in range(number):
            actions.select_track(track=make.track("Library Trustee"), by=make.person())
        now.shift(dt.timedelta(days=3 * 365 + 200))
        with django_assert_num_queries(21):
            actions.remind_of_ends()
            actions.remind_directors()
            actions.remind_idle()
        sent()
