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
def question(june):
    return make.verification(make.submission(make.following(june), note="For the office only"))


def link(question):
    return f"/verify/{token_of(question)}/"


def page(client, question):
    return client.get(link(question)).content.decode()


def title_of(question):
    return question.record["lines"][0]["title"]


def test_the_page_shows_only_this_record(client, question, june):
    make.claim(june, title="Not in this record", credits={make.TECHNOLOGY: "1.0"})
    text = page(client, question)
    for shown in ("June Librarian", "Library Trustee", "15 credits", title_of(question)):
        assert shown in text
    for hidden in (june.email, "Not in this record", "For the office only"):
        assert hidden not in text


def test_opening_the_page_does_not_answer(client, question):
    for method in (client.get, client.head):
        response = method(link(question), {"right": "1", "name": "Dana"})
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "no-referrer"
    question.refresh_from_db()
    assert question.answered_at is None


def test_verifying_with_a_signature_issues_the_certificate(client, question):
    response = client.post(link(question), RIGHT)
    assert (response.status_code, response["Location"]) == (302, link(question))
    certificate = Certificate.objects.get()
    assert certificate.supervisor_name == "Dana M. Chair"
    text = page(client, question)
    assert f"Certificate {certificate.number} was issued." in text
    assert title_of(question) not in text


@pytest.mark.parametrize("second", [RIGHT, WRONG, {"renew": "1"}, {}])
def test_a_question_is_answered_only_once(client, question, second):
    client.post(link(question), RIGHT)
    client.post(link(question), second)
    assert Certificate.objects.count() == 1
    assert Verification.objects.get().answer == VerificationAnswer.VERIFIED
    assert "<h1>Thank you</h1>" in page(client, question)


def test_reporting_a_problem_needs_a_reason(client, question):
    response = client.post(link(question), {"wrong": "1", "reason": " "})
    assert (
        "Tell us what is wrong. The person who asked you will see your answer."
        in response.content.decode()
    )
    question.refresh_from_db()
    assert question.answered_at is None
    client.post(link(question), WRONG)
    question.refresh_from_db()
    assert (question.answer, question.reason) == (
        VerificationAnswer.REFUSED,
        "June was ill that week.",
    )
    text = page(client, question)
    assert "June was ill that week." in text
    assert title_of(question) not in text
    client.post(link(question), RIGHT)
    assert not Certificate.objects.exists()


@pytest.mark.parametrize("value", ["\x00", "x" * 5000, " "])
def test_invalid_input_gets_an_error_message(client, question, value):
    for data in ({"right": "1", "name": value}, {"wrong": "1", "reason": value}):
        response = client.post(link(question), data)
        assert "Please check this form" in response.content.decode()
    question.refresh_from_db()
    assert question.answered_at is None


def test_the_page_of_an_invented_link_says_what_to_do(client, question):
    for token in ("x", token_of(question)[:-2], token_of(question) + "x", "%00", "x" * 3000):
        for method in (client.get, client.post):
            response = method(f"/verify/{token}/", RIGHT)
            assert response.status_code == 404
            assert "<h1>This link does not work</h1>" in response.content.decode()
            assert "June" not in response.content.decode()
            assert response["Cache-Control"] == "no-store"
    question.refresh_from_db()
    assert question.answered_at is None


def test_too_many_requests_have_to_wait(client, question):
    with time_machine.travel(timezone.now(), tick=False):  # all within the same minute
        answers = [client.post(f"/verify/x{number}/", RIGHT).status_code for number in range(61)]
        response = client.post(link(question), RIGHT)
    assert (answers[0], answers[-1]) == (404, 429)
    assert "Please wait a minute" in response.content.decode()
    question.refresh_from_db()
    assert question.answered_at is None


# ---------- Closed questions ----------


def test_an_expired_link_sends_a_new_one_to_the_same_address(client, question):
    with time_machine.travel(timezone.now() + dt.timedelta(days=31)):
        text = page(client, question)
        assert "This link has expired" in text
        assert title_of(question) not in text
        client.post(link(question), RIGHT)
        assert not Certificate.objects.exists()
        for _ in range(2):
            client.post(link(question), {"renew": "1"})
        newer = Verification.objects.get(answered_at=None)
        assert newer.supervisor_email == question.supervisor_email
        assert Verification.objects.count() == 2
        text = page(client, question)
        assert "A newer link was sent to you" in text
        assert token_of(newer) not in text
        client.post(link(newer), RIGHT)
        assert Certificate.objects.get().supervisor_name == "Dana M. Chair"


def test_a_link_that_works_is_not_renewed(client, question):
    client.post(link(question), {"renew": "1"})
    assert Verification.objects.get() == question


def test_the_page_of_a_withdrawn_record_says_why(client, question, june):
    actions.withdraw_submission(participation_id=question.participation_id, by=june)
    text = page(client, question)
    assert "Your answer is no longer needed" in text
    assert "June Librarian withdrew the record." in text
    client.post(link(question), RIGHT)
    client.post(link(question), {"renew": "1"})
    assert not Certificate.objects.exists()
    assert Verification.objects.count() == 1


def test_the_earlier_link_mentions_the_newer_one_once_the_record_is_submitted_again(
    client, question, june
):
    with time_machine.travel(timezone.now()) as clock:
        actions.withdraw_submission(participation_id=question.participation_id, by=june)
        clock.shift(86_400 * 3)
        make.verification(make.submission(Participation.objects.get(pk=question.participation_id)))
        text = page(client, question)
        day = format_day(today())
    assert "A newer link was sent to you" in text
    assert f"We sent the new link to the same address on {day}," in text


# ---------- People with and without an account ----------


def test_people_cannot_answer_for_themselves(client, question, june):
    client.force_login(june)
    for data in (RIGHT, WRONG, {"renew": "1"}):
        response = client.post(link(question), data)
        assert "You cannot verify your own record" in response.content.decode()
    question.refresh_from_db()
    assert question.answered_at is None


def test_a_supervisor_with_an_account_sees_the_question_in_continuing_education(client, june):
    dana = make.person(display_name="Dana Chair")
    supervisor = actions.SupervisorContact("Dana Chair", dana.email)
    question = make.verification(make.submission(make.following(june)), supervisor)
    client.force_login(dana)
    address = f"/tracks/verifications/{question.pk}/"
    text = client.get("/continuing-education/").content.decode()
    assert "Needs your answer" in text
    assert address in text
    assert title_of(question) in client.get(address).content.decode()
    client.post(address, RIGHT)
    assert Certificate.objects.get().submission.verified_by == dana
    assert "Needs your answer" not in client.get("/continuing-education/").content.decode()
    assert "Thank you" in client.get(address).content.decode()


def test_renewing_an_expired_question_while_signed_in_opens_the_new_one(client, june):
    dana = make.person()
    supervisor = actions.SupervisorContact("Dana Chair", dana.email)
    question = make.verification(make.submission(make.following(june)), supervisor)
    with time_machine.travel(timezone.now() + dt.timedelta(days=31)):
        client.force_login(dana)
        response = client.post(f"/tracks/verifications/{question.pk}/", {"renew": "1"})
        newer = Verification.objects.get(answered_at=None)
        assert response["Location"] == f"/tracks/verifications/{newer.pk}/"


def test_a_supervisor_who_creates_an_account_later_sees_the_question(client, question):
    dana = make.person(email=question.supervisor_email)
    client.force_login(dana)
    assert (
        f"/tracks/verifications/{question.pk}/"
        in client.get("/continuing-education/").content.decode()
    )
    client.post(f"/tracks/verifications/{question.pk}/", RIGHT)
    assert Certificate.objects.get().submission.verified_by == dana


def test_no_one_else_can_open_the_question(client, question, june):
    for person in (june, make.person(), make.person(Role.CE_COORDINATOR)):
        client.force_login(person)
        address = f"/tracks/verifications/{question.pk}/"
        assert client.get(address).status_code == 404
        assert client.post(address, RIGHT).status_code == 404
    question.refresh_from_db()
    assert question.answered_at is None


# ---------- Year by year ----------


def year_question(participation):
    return actions.ask_about_year(
        participation_id=participation.pk,
        year=participation.postings.first().credit.claim.event.last_day.year,
        supervisor=make.SUPERVISOR,
        by=participation.person,
    )


def test_a_year_is_verified_and_marked_in_the_final_record(client, june):
    participation = make.following(june, "Library Staff")
    question = year_question(participation)
    text = page(client, question)
    assert f"60 credits from {question.year} for the Library Staff track" in text
    client.post(link(question), RIGHT)
    assert f"The credits from {question.year} are verified" in page(client, question)
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


@pytest.mark.parametrize("is_year", [False, True])
def test_only_a_question_about_a_whole_record_mentions_a_certificate(client, june, is_year):
    participation = make.following(june)
    question = (
        year_question(participation)
        if is_year
        else make.verification(make.submission(participation))
    )
    text = page(client, question)
    for sentence in ("The certificate will be issued", "no certificate will be issued"):
        assert (sentence in text) != is_year
    client.post(link(question), WRONG)
    text = page(client, question)
    assert "You may be asked again once the record is corrected." in text
    assert ("No certificate was issued." in text) != is_year


def test_a_year_of_a_period_that_is_over_needs_no_answer(client, june):
    participation = make.following(june)
    question = year_question(participation)
    make.certificate(participation)
    assert "This period is over." in page(client, question)
    client.post(link(question), RIGHT)
    question.refresh_from_db()
    assert question.answered_at is None


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
def test_the_number_of_queries_is_fixed(number, client, june, django_assert_num_queries):
    participation = make.following(june, "Library Staff")
    for days in range(number):
        make.claim(june, days=-40 - days, credits={make.TECHNOLOGY: "1.0"})
    question = year_question(participation)
    actions.verify_record(verification_id=question.pk, by=None)
    final = make.verification(make.submission(participation))
    with django_assert_num_queries(4):
        client.get(link(final))
    dana = make.person()
    client.force_login(dana)
    for _ in range(number):
        supervisor = actions.SupervisorContact("Dana", dana.email)
        make.verification(make.submission(make.following()), supervisor)
    with django_assert_num_queries(11):
        client.get("/continuing-education/")
