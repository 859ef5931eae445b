"""The pages for submitting and withdrawing a record, and for having single years verified."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from accounts.enums import PositionKind, Role
from accounts.models import Position
from credits.actions import claim_custom_event, correct_credit
from credits.models import Claim
from tests import factories as make
from tests.web import flash_messages, signed_in
from tracks import actions
from tracks.enums import ParticipationState
from tracks.models import Submission, Verification

pytestmark = pytest.mark.django_db
State = ParticipationState


@pytest.fixture
def june():
    return make.person(display_name="June Librarian")


@pytest.fixture
def client(june):
    return signed_in(june)


def page(client, address):
    return client.get(address).content.decode()


def form_data(client, participation, **fields):
    """Return the form data of a person who has opened the page."""
    record = client.get(f"/tracks/{participation.pk}/submit/").context.get("record")
    values = {
        "seen": record.fingerprint if record else "",
        "name": "June P. Librarian",
        "listing": "own",
        "supervisor_name": "Dana Chair",
        "supervisor_email": "dana.chair@board.example",
        "note": "Thank you for looking.",
    }
    return values | fields


def send(client, participation, **fields):
    values = form_data(client, participation, **fields)
    return client.post(f"/tracks/{participation.pk}/submit/", values, follow=True)


# ---------- Submitting ----------


def test_the_page_shows_counted_and_surplus_credits(client, june):
    participation = make.following(june)
    make.claim(june, days=-2, credits={make.TECHNOLOGY: "3.0"}, title="One more")
    context = client.get(f"/tracks/{participation.pk}/submit/").context
    [group] = context["record"].groups
    assert (group.category.slug, group.total) == (make.ADMINISTRATION, "15 credits")
    assert [row.amount for row in group.rows] == ["15"]
    assert [(row.title, row.amount) for row in context["record"].surplus] == [("One more", "3")]
    text = page(client, f"/tracks/{participation.pk}/submit/")
    assert "will not count toward your next certificate" in text
    assert 'value="June Librarian"' in text


def test_a_record_is_submitted_as_shown(client, june):
    participation = make.following(june)
    response = send(client, participation)
    assert response.redirect_chain == [(f"/tracks/{participation.pk}/", 302)]
    submission = Submission.objects.get()
    assert (submission.name, submission.listed_as) == ("June P. Librarian", "June P. Librarian")
    assert (submission.supervisor_name, submission.supervisor_email) == (
        "Dana Chair",
        "dana.chair@board.example",
    )
    assert submission.note == "Thank you for looking."
    assert [line["amount"] for line in submission.record["lines"]] == ["15.0"]


def test_submitting_twice_makes_one_submission(client, june):
    participation = make.following(june)
    values = form_data(client, participation)
    for _ in range(2):
        response = client.post(f"/tracks/{participation.pk}/submit/", values, follow=True)
    assert Submission.objects.count() == 1
    assert "You have already submitted your record" in flash_messages(response)[-1]


@pytest.mark.parametrize(
    ("listing", "other", "expected"),
    [("own", "", "June P. Librarian"), ("other", "J. L.", "J. L."), ("not", "x", "")],
)
def test_the_name_in_the_annual_list(client, june, listing, other, expected):
    send(client, make.following(june), listing=listing, other_name=other)
    assert Submission.objects.get().listed_as == expected


def test_being_listed_by_name_is_asked_and_never_preset(client, june):
    participation = make.following(june)
    text = page(client, f"/tracks/{participation.pk}/submit/")
    assert text.count('type="radio"') == text.count('name="listing"') == 3
    assert " checked" not in text
    response = send(client, participation, listing="")
    error = "Choose whether the public annual list may have your name."
    assert response.context["form"].errors == {"listing": [error]}
    assert f'<a href="#id_listing_0">{error}</a>' in (response.content.decode())
    assert "Thank you for looking." in response.content.decode()
    assert not Submission.objects.exists()


def test_the_page_says_what_was_earned_what_is_needed_and_what_counts(client, june):
    participation = make.following(june)
    make.claim(june, days=-2, credits={make.TECHNOLOGY: "3.0"})
    text = page(client, f"/tracks/{participation.pk}/submit/")
    assert "<strong>18 credits earned, 15 credits needed</strong>" in text
    assert "15 credits will be on the certificate." in text


def test_warnings_come_first_with_a_link_and_advice(client, june):
    participation = make.following(june)
    begins_at = timezone.now() - dt.timedelta(days=30)
    facts = make.facts(
        category=make.category(make.ADMINISTRATION),
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=1),
    )
    waiting = claim_custom_event(facts=facts, by=june)
    response = client.get(f"/tracks/{participation.pk}/submit/")
    first, *_ = response.context["warnings"]
    assert first.claim_id == waiting.pk
    assert first.text == f"“{facts.title}” is waiting for a staff decision."
    text = response.content.decode()
    assert text.index("Please check the following before you send your record") < text.index(
        "<summary>The 2 trainings that count</summary>"
    )
    assert f"/continuing-education/claims/{waiting.pk}/" in text
    send(client, participation)
    assert first.text in Submission.objects.get().remarks


def test_the_page_lists_missing_requirements(client, june):
    participation, _ = actions.select_track(track=make.track("Library Trustee"), by=june)
    make.claim(june, credits={make.ADMINISTRATION: "14.5"})
    text = page(client, f"/tracks/{participation.pk}/submit/")
    assert "Still needed: 0.5 in any category." in text
    assert "Send my record</button>" not in text
    response = client.post(f"/tracks/{participation.pk}/submit/", {"note": "Keep me"})
    assert "nothing was sent" in response.content.decode()
    assert "Keep me" in response.content.decode()
    assert not Submission.objects.exists()


def test_a_changed_record_is_shown_and_the_form_is_kept(client, june):
    participation = make.following(june)
    values = form_data(client, participation, note="Keep me")
    correct_credit(
        credit_id=Claim.objects.get(person=june).credits.get().pk,
        category=make.category(make.ADMINISTRATION),
        amount=16,
        by=make.person(Role.HELP_DESK),
    )
    response = client.post(f"/tracks/{participation.pk}/submit/", values)
    text = response.content.decode()
    assert "Your credits have changed since you opened this page" in text
    assert "Keep me" in text
    assert response.context["record"].total == "16 credits"
    assert not Submission.objects.exists()
    values["seen"] = response.context["record"].fingerprint
    client.post(f"/tracks/{participation.pk}/submit/", values)
    assert Submission.objects.get().note == "Keep me"


# ---------- Supervisors ----------


def test_a_suggested_supervisor_is_chosen_with_one_click(client, june):
    library = make.organization(name="Alpha Public Library")
    director = make.person(display_name="Ida Director")
    for person, kind in ((june, PositionKind.STAFF), (director, PositionKind.DIRECTOR)):
        Position.objects.create(person=person, organization=library, kind=kind)
    participation = make.following(june)
    text = page(client, f"/tracks/{participation.pk}/submit/")
    assert "<strong>Ida Director</strong><small>Director of Alpha Public Library</small>" in text
    response = send(client, participation, supervisor="")
    assert "Choose who will verify your record." in response.content.decode()
    response = send(client, participation, supervisor="else", supervisor_email="")
    assert "Enter the e-mail address of the person you want to ask." in response.content.decode()
    send(client, participation, supervisor=str(director.pk), supervisor_name="Someone")
    submission = Submission.objects.get()
    assert (submission.supervisor_name, submission.supervisor_email) == (
        "Ida Director",
        director.email,
    )


@pytest.mark.parametrize("upper", [False, True])
def test_people_cannot_choose_themselves(client, june, upper):
    participation = make.following(june)
    address = june.email.upper() if upper else june.email
    response = send(client, participation, supervisor_email=address)
    assert "No one can verify their own record" in response.content.decode()
    assert "Thank you for looking." in response.content.decode()
    assert not Submission.objects.exists()


@pytest.mark.parametrize("value", ["\x00", "x" * 5000, "\x00" * 5000, " "])
def test_invalid_input_gets_an_error_message(client, june, value):
    participation = make.following(june)
    for name in ("name", "supervisor_name", "supervisor_email", "listing"):
        response = send(client, participation, **{name: value})
        assert response.context["form"].errors[name], name
    for name in ("note", "other_name", "seen"):
        send(client, participation, **{"seen": "stale", name: value})
    assert not Submission.objects.exists()


# ---------- Status ----------


def test_the_status_from_the_first_day_to_the_certificate(client, june):
    with time_machine.travel(dt.datetime(2026, 6, 10, 18, tzinfo=dt.UTC)) as clock:
        participation = make.following(june)
        here = participation.get_absolute_url()
        for address in (here, "/continuing-education/"):
            text = page(client, address)
            assert "Ready to submit" in text
            assert f"{here}submit/" in text
        submission = make.submission(participation)
        clock.shift(3 * 86_400)
        text = "Submitted on Wed, Jun 10, 2026. It has been with the CE Coordinator for 3 days."
        for address in (here, "/continuing-education/"):
            assert text in page(client, address)
            assert f"{here}take-back/" in page(client, address)
            assert "Ready to submit" not in page(client, address)
        question = make.verification(submission)
        text = page(client, here)
        assert "Waiting for Dana Chair, who was asked on Sat, Jun 13, 2026" in text
        assert "can answer until Mon, Jul 13, 2026." in text
        clock.shift(31 * 86_400)
        assert "Dana Chair did not answer by Mon, Jul 13, 2026." in page(client, here)
        again = actions.renew_link(verification_id=question.pk, by=None)
        certificate = actions.verify_record(verification_id=again.pk, by=None)
        text = page(client, here)
        assert f"Certificate {certificate.number} was issued." in text
        assert "Verified by Dana Chair on Tue, Jul 14, 2026" in text
        assert [group.total for group in client.get(here).context["record"].groups] == [
            "15 credits"
        ]


def stages(client, participation):
    context = client.get(participation.get_absolute_url()).context
    return "".join(stage.label.shape for stage in context["stages"])


def test_the_stages_are_completed_in_order(client, june):
    participation = make.following(june)
    seen = [stages(client, participation)]
    submission = make.submission(participation)
    seen.append(stages(client, participation))
    question = make.verification(submission)
    seen.append(stages(client, participation))
    actions.verify_record(verification_id=question.pk, by=None)
    seen.append(stages(client, participation))
    assert seen == ["○○○○", "✓◷○○", "✓✓◷○", "✓✓✓✓"]
    labels = [
        stage.label.text for stage in client.get(participation.get_absolute_url()).context["stages"]
    ]
    assert labels[2] == "Verified by Dana Chair"


def test_the_status_of_a_returned_record_says_by_whom_why_and_what_to_do(client, june):
    participation = make.following(june)
    coordinator = make.person(Role.CE_COORDINATOR, display_name="Cora")
    submission = make.submission(participation)
    actions.return_submission(submission_id=submission.pk, reason="Listed twice.", by=coordinator)
    text = page(client, participation.get_absolute_url())
    assert "Cora returned your record for changes on" in text
    assert "Listed twice." in text
    assert "submit it again" in text
    question = make.verification(make.submission(participation))
    actions.refuse_record(verification_id=question.pk, reason="Who is that?", by=None)
    text = page(client, participation.get_absolute_url())
    assert "Dana Chair reported a problem on" in text
    rows = client.get(participation.get_absolute_url()).context["earlier_submissions"]
    assert [(row.ending, row.reason) for row in rows] == [
        ("Refused by the supervisor", "Who is that?"),
        ("Returned for changes", "Listed twice."),
    ]
    make.submission(participation)
    credit = participation.postings.get().credit
    correct_credit(
        credit_id=credit.pk,
        category=make.category(make.ADMINISTRATION),
        amount=3,
        by=make.person(Role.HELP_DESK),
    )
    text = page(client, participation.get_absolute_url())
    assert "changed the record you had submitted" in text
    assert "and now earns 3 credits in Library Administration." in text
    assert "You no longer meet all requirements" in text


def test_the_status_of_past_periods(client, june):
    certificate = make.certificate(make.following(june))
    here = certificate.participation.get_absolute_url()
    actions.revoke_certificate(
        certificate_id=certificate.pk, reason="Invented.", by=make.person(Role.CE_COORDINATOR)
    )
    text = page(client, here)
    assert "Certificate revoked" in text
    assert "Invented." in text
    left, _ = actions.select_track(track=make.track(), by=june)
    actions.leave_track(participation_id=left.pk, by=june)
    assert "You left Library Staff." in page(client, left.get_absolute_url())
    assert "Leave Library Staff" not in page(client, left.get_absolute_url())


def test_the_status_of_a_reopened_period_has_the_reason(client, june):
    certificate = make.certificate(make.following(june))
    actions.revoke_certificate(
        certificate_id=certificate.pk,
        reason="One training too many.",
        reopen=True,
        by=make.person(Role.CE_COORDINATOR),
    )
    text = page(client, certificate.participation.get_absolute_url())
    assert f"Certificate {certificate.number} was revoked, and this period is open again." in text
    assert "One training too many." in text


# ---------- Withdrawing ----------


def test_withdrawing_asks_for_confirmation(client, june):
    participation = make.following(june)
    question = make.verification(make.submission(participation))
    address = f"/tracks/{participation.pk}/take-back/"
    assert ">Withdraw</button>" in page(client, address)
    participation.refresh_from_db()
    assert participation.state == State.REVIEWED
    response = client.post(address, follow=True)
    assert flash_messages(response) == [
        "You withdrew your record. You can submit it again at any time."
    ]
    participation.refresh_from_db()
    question.refresh_from_db()
    assert (participation.state, question.answer) == (State.OPEN, "withdrawn")
    response = client.post(address, follow=True)
    assert flash_messages(response)[-1] == "There is no submission to withdraw."


def test_a_track_with_a_submitted_record_cannot_be_left(client, june):
    participation = make.following(june)
    make.submission(participation)
    assert "Leave Library Trustee" not in page(client, participation.get_absolute_url())
    response = client.post(f"/tracks/{participation.pk}/leave/", follow=True)
    assert "the record is with the CE Coordinator" in flash_messages(response)[0]
    participation.refresh_from_db()
    assert participation.state == State.SUBMITTED


# ---------- Year by year ----------


def years_form(participation, **fields):
    values = {
        "year": str(participation.postings.get().credit.claim.event.last_day.year),
        "supervisor_name": "Dana Chair",
        "supervisor_email": "dana.chair@board.example",
    }
    return values | fields


def test_a_request_about_a_year_is_withdrawn_refused_and_verified(client, june):
    participation = make.following(june)
    address = f"/tracks/{participation.pk}/years/"
    values = years_form(participation)
    year = values["year"]
    assert f"{year}: 15 credits" in page(client, address)
    response = client.post(address, values, follow=True)
    assert flash_messages(response) == [f"We asked Dana Chair to verify your {year} credits."]
    assert "Asked" in page(client, participation.get_absolute_url())
    assert "No year to ask about" in page(client, address)
    pressed = {"withdraw": Verification.objects.get().pk}
    assert "Withdraw your request about" in client.post(address, pressed).content.decode()
    assert Verification.objects.get().answered_at is None
    client.post(address, pressed | {"confirmed": "1"}, follow=True)
    assert Verification.objects.get().answer == "withdrawn"
    client.post(address, values)
    question = Verification.objects.get(answered_at=None)
    actions.refuse_record(verification_id=question.pk, reason="I do not know of any.", by=None)
    assert "I do not know of any." in page(client, participation.get_absolute_url())
    client.post(address, values)
    question = Verification.objects.get(answered_at=None)
    actions.verify_record(verification_id=question.pk, by=None)
    [row] = client.get(address).context["years"]
    assert (row.label.text, row.text[:14]) == ("Verified", "by Dana Chair ")
    # An outdated form does not ask again.
    response = client.post(address, values)
    assert response.context["form"].errors["year"]
    assert Verification.objects.count() == 3


def test_people_cannot_verify_their_own_year(client, june):
    participation = make.following(june)
    values = years_form(participation, supervisor_email=june.email)
    response = client.post(f"/tracks/{participation.pk}/years/", values)
    assert "No one can verify their own record" in response.content.decode()
    assert not Verification.objects.exists()


@pytest.mark.parametrize("value", ["", "0", "x", "\x00", "9" * 30, "other"])
def test_people_cannot_withdraw_other_peoples_questions(client, june, value):
    participation, other = make.following(june), make.following()
    question = actions.ask_about_year(
        participation_id=other.pk,
        year=int(years_form(other)["year"]),
        supervisor=make.SUPERVISOR,
        by=other.person,
    )
    number = question.pk if value == "other" else value
    address = f"/tracks/{participation.pk}/years/"
    assert client.post(address, {"withdraw": number}).status_code == 404
    question.refresh_from_db()
    assert question.answered_at is None


# ---------- Queries ----------


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(number, client, june, django_assert_num_queries):
    library = make.organization()
    Position.objects.create(person=june, organization=library, kind=PositionKind.STAFF)
    for _ in range(number):
        director = make.person()
        Position.objects.create(person=director, organization=library, kind=PositionKind.DIRECTOR)
    participation = make.following(june, "Library Staff")
    for days in range(number):
        make.claim(june, days=-40 - days, credits={make.TECHNOLOGY: "1.0"})
        facts = make.facts(begins_at=timezone.now() - dt.timedelta(60 + days))
        claim_custom_event(facts=facts, by=june)
        make.submission(participation)
        actions.withdraw_submission(participation_id=participation.pk, by=june)
        actions.ask_about_year(
            participation_id=participation.pk,
            year=participation.postings.first().credit.claim.event.last_day.year,
            supervisor=make.SUPERVISOR,
            by=june,
        )
    here = participation.get_absolute_url()
    with django_assert_num_queries(10):
        client.get(here)
    with django_assert_num_queries(15):
        client.get(f"{here}submit/")
    with django_assert_num_queries(8):
        client.get(f"{here}years/")
    make.submission(participation)
    with django_assert_num_queries(10):
        client.get(here)
    question = make.verification(Submission.objects.get(ended_at=None))
    with django_assert_num_queries(10):
        client.get(here)
    actions.verify_record(verification_id=question.pk, by=None)
    with django_assert_num_queries(6):
        client.get(here)
