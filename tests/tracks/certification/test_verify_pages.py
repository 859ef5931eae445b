"""The supervisor's page, opened with the link or signed in."""

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from aspen.clock import today
from aspen.formats import format_day
from credits.actions import correct_credit
from tests import factories as make
from tracks import actions
from tracks.certification.supervisors import token_of
from tracks.enums import VerificationAnswer
from tracks.models import Certificate, Participation, Verification

pytestmark = pytest.mark.django_db
RIGHT = {"right": "1", "name": "Dana M. Chair"}
WRONG = {"wrong": "1", "reason": "June was ill that week."}


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def june():
    return make.person(display_name="June Librarian")


@pytest.fixture
def asked(june):
    return make.verification(make.submission(make.following(june), note="For the office only"))


def link(asked):
    return f"/verify/{token_of(asked)}/"


def page(client, asked):
    return client.get(link(asked)).content.decode()


def title_of(asked):
    return asked.record["lines"][0]["title"]


def test_the_page_shows_only_this_record(client, asked, june):
    make.claim(june, title="Not in this record", credits={make.TECHNOLOGY: "1.0"})
    text = page(client, asked)
    for shown in ("June Librarian", "Library Trustee", "15 credits", title_of(asked)):
        assert shown in text
    for hidden in (june.email, "Not in this record", "For the office only"):
        assert hidden not in text


def test_opening_the_page_does_not_answer(client, asked):
    for method in (client.get, client.head):
        response = method(link(asked), {"right": "1", "name": "Dana"})
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "no-referrer"
    asked.refresh_from_db()
    assert asked.answered_at is None


def test_verifying_with_a_signature_issues_the_certificate(client, asked):
    response = client.post(link(asked), RIGHT)
    assert (response.status_code, response["Location"]) == (302, link(asked))
    certificate = Certificate.objects.get()
    assert certificate.supervisor_name == "Dana M. Chair"
    text = page(client, asked)
    assert f"Certificate {certificate.number} was issued." in text
    assert title_of(asked) not in text


@pytest.mark.parametrize("second", [RIGHT, WRONG, {"renew": "1"}, {}])
def test_a_question_is_answered_only_once(client, asked, second):
    client.post(link(asked), RIGHT)
    client.post(link(asked), second)
    assert Certificate.objects.count() == 1
    assert Verification.objects.get().answer == VerificationAnswer.VERIFIED
    assert "<h1>Thank you</h1>" in page(client, asked)


def test_reporting_a_problem_needs_a_reason(client, asked):
    response = client.post(link(asked), {"wrong": "1", "reason": " "})
    assert "Say what is wrong. The person will read it." in response.content.decode()
    asked.refresh_from_db()
    assert asked.answered_at is None
    client.post(link(asked), WRONG)
    asked.refresh_from_db()
    assert (asked.answer, asked.reason) == (VerificationAnswer.REFUSED, "June was ill that week.")
    text = page(client, asked)
    assert "June was ill that week." in text
    assert title_of(asked) not in text
    client.post(link(asked), RIGHT)
    assert not Certificate.objects.exists()


@pytest.mark.parametrize("value", ["\x00", "x" * 5000, " "])
def test_invalid_input_gets_an_error_message(client, asked, value):
    for data in ({"right": "1", "name": value}, {"wrong": "1", "reason": value}):
        response = client.post(link(asked), data)
        assert "Please check this form" in response.content.decode()
    asked.refresh_from_db()
    assert asked.answered_at is None


def test_the_page_of_an_invented_link_says_what_to_do(client, asked):
    for token in ("x", token_of(asked)[:-2], token_of(asked) + "x", "%00", "x" * 3000):
        for method in (client.get, client.post):
            response = method(f"/verify/{token}/", RIGHT)
            assert response.status_code == 404
            assert "<h1>This link does not work</h1>" in response.content.decode()
            assert "June" not in response.content.decode()
            assert response["Cache-Control"] == "no-store"
    asked.refresh_from_db()
    assert asked.answered_at is None


def test_too_many_requests_have_to_wait(client, asked):
    with time_machine.travel(timezone.now(), tick=False):  # all within the same minute
        answers = [client.post(f"/verify/x{number}/", RIGHT).status_code for number in range(61)]
        response = client.post(link(asked), RIGHT)
    assert (answers[0], answers[-1]) == (404, 429)
    assert "Please wait a minute" in response.content.decode()
    asked.refresh_from_db()
    assert asked.answered_at is None


# ---------- Closed questions ----------


def test_an_expired_link_sends_a_new_one_to_the_same_address(client, asked):
    with time_machine.travel(timezone.now() + dt.timedelta(days=31)):
        text = page(client, asked)
        assert "This link has expired" in text
        assert title_of(asked) not in text
        client.post(link(asked), RIGHT)
        assert not Certificate.objects.exists()
        for _ in range(2):
            client.post(link(asked), {"renew": "1"})
        newer = Verification.objects.get(answered_at=None)
        assert newer.supervisor_email == asked.supervisor_email
        assert Verification.objects.count() == 2
        text = page(client, asked)
        assert "A newer link was sent to you" in text
        assert token_of(newer) not in text
        client.post(link(newer), RIGHT)
        assert Certificate.objects.get().supervisor_name == "Dana M. Chair"


def test_a_link_that_works_is_not_renewed(client, asked):
    client.post(link(asked), {"renew": "1"})
    assert Verification.objects.get() == asked


def test_the_page_of_a_withdrawn_record_says_why(client, asked, june):
    actions.withdraw_submission(participation_id=asked.participation_id, by=june)
    text = page(client, asked)
    assert "Your answer is no longer needed" in text
    assert "The person withdrew the record." in text
    client.post(link(asked), RIGHT)
    client.post(link(asked), {"renew": "1"})
    assert not Certificate.objects.exists()
    assert Verification.objects.count() == 1


def test_the_earlier_link_mentions_the_newer_one_once_the_record_is_submitted_again(
    client, asked, june
):
    with time_machine.travel(timezone.now()) as clock:
        actions.withdraw_submission(participation_id=asked.participation_id, by=june)
        clock.shift(86_400 * 3)
        make.verification(make.submission(Participation.objects.get(pk=asked.participation_id)))
        text = page(client, asked)
        day = format_day(today())
    assert "A newer link was sent to you" in text
    assert f"We sent the new link to the same address on {day}," in text


# ---------- People with and without an account ----------


def test_people_cannot_answer_for_themselves(client, asked, june):
    client.force_login(june)
    for data in (RIGHT, WRONG, {"renew": "1"}):
        response = client.post(link(asked), data)
        assert "You cannot verify your own record" in response.content.decode()
    asked.refresh_from_db()
    assert asked.answered_at is None


def test_a_supervisor_with_an_account_sees_the_question_in_continuing_education(client, june):
    dana = make.person(display_name="Dana Chair")
    supervisor = actions.SupervisorContact("Dana Chair", dana.email)
    asked = make.verification(make.submission(make.following(june)), supervisor)
    client.force_login(dana)
    address = f"/tracks/verifications/{asked.pk}/"
    text = client.get("/continuing-education/").content.decode()
    assert "Needs your answer" in text
    assert address in text
    assert title_of(asked) in client.get(address).content.decode()
    client.post(address, RIGHT)
    assert Certificate.objects.get().submission.verified_by == dana
    assert "Needs your answer" not in client.get("/continuing-education/").content.decode()
    assert "Thank you" in client.get(address).content.decode()


def test_renewing_an_expired_question_while_signed_in_opens_the_new_one(client, june):
    dana = make.person()
    supervisor = actions.SupervisorContact("Dana Chair", dana.email)
    asked = make.verification(make.submission(make.following(june)), supervisor)
    with time_machine.travel(timezone.now() + dt.timedelta(days=31)):
        client.force_login(dana)
        response = client.post(f"/tracks/verifications/{asked.pk}/", {"renew": "1"})
        newer = Verification.objects.get(answered_at=None)
        assert response["Location"] == f"/tracks/verifications/{newer.pk}/"


def test_a_supervisor_who_creates_an_account_later_sees_the_question(client, asked):
    dana = make.person(email=asked.supervisor_email)
    client.force_login(dana)
    assert (
        f"/tracks/verifications/{asked.pk}/"
        in client.get("/continuing-education/").content.decode()
    )
    client.post(f"/tracks/verifications/{asked.pk}/", RIGHT)
    assert Certificate.objects.get().submission.verified_by == dana


def test_no_one_else_can_open_the_question(client, asked, june):
    for person in (june, make.person(), make.person(Role.CE_COORDINATOR)):
        client.force_login(person)
        address = f"/tracks/verifications/{asked.pk}/"
        assert client.get(address).status_code == 404
        assert client.post(address, RIGHT).status_code == 404
    asked.refresh_from_db()
    assert asked.answered_at is None


# ---------- Year by year ----------


def year_asked(participation):
    return actions.ask_about_year(
        participation_id=participation.pk,
        year=participation.postings.first().credit.claim.event.last_day.year,
        supervisor=make.SUPERVISOR,
        by=participation.person,
    )


def test_a_year_is_verified_and_marked_in_the_final_record(client, june):
    participation = make.following(june, "Library Staff")
    asked = year_asked(participation)
    text = page(client, asked)
    assert f"their CE credits from {asked.year}" in text
    assert "60 credits" in text
    client.post(link(asked), RIGHT)
    assert f"The credits from {asked.year} are verified" in page(client, asked)
    changed = participation.postings.order_by("credit_id").first().credit
    correct_credit(
        credit_id=changed.pk,
        category=changed.category,
        amount=changed.amount + 1,
        by=make.person(Role.HELP_DESK),
    )
    final = make.verification(make.submission(participation))
    groups = client.get(link(final)).context["record"].groups
    marks = {group.category.pk: group.rows[0].verified for group in groups}
    assert len(marks) == 4
    assert marks.pop(changed.category_id) is None
    assert {mark.text[:27] for mark in marks.values()} == {"Verified by Dana M. Chair on"[:27]}


def test_a_year_of_a_period_that_is_over_needs_no_answer(client, june):
    participation = make.following(june)
    asked = year_asked(participation)
    make.certificate(participation)
    assert "This period is over." in page(client, asked)
    client.post(link(asked), RIGHT)
    asked.refresh_from_db()
    assert asked.answered_at is None


def test_supervisors_see_no_questions_about_periods_that_are_over(client, june):
    dana = make.person()
    participation = make.following(june)
    year = participation.postings.get().credit.claim.event.last_day.year
    actions.ask_about_year(
        participation_id=participation.pk,
        year=year,
        supervisor=actions.SupervisorContact(str(dana), dana.email),
        by=june,
    )
    client.force_login(dana)
    assert "Needs your answer" in client.get("/continuing-education/").content.decode()
    actions.leave_track(participation_id=participation.pk, by=june)
    assert "Needs your answer" not in client.get("/continuing-education/").content.decode()


# ---------- Queries ----------


@pytest.mark.parametrize("number", [1, 3])
def test_queries(number, client, june, django_assert_num_queries):
    participation = make.following(june, "Library Staff")
    for days in range(number):
        make.claim(june, days=-40 - days, credits={make.TECHNOLOGY: "1.0"})
    asked = year_asked(participation)
    actions.verify_record(verification_id=asked.pk, by=None)
    final = make.verification(make.submission(participation))
    with django_assert_num_queries(3):
        client.get(link(final))
    dana = make.person()
    client.force_login(dana)
    for _ in range(number):
        supervisor = actions.SupervisorContact("Dana", dana.email)
        make.verification(make.submission(make.following()), supervisor)
    with django_assert_num_queries(10):
        client.get("/continuing-education/")
