"""E-mails about records and certificates, as delivered."""

import datetime as dt
import email
import email.policy
import io

import pypdf
import pytest
from django.core.mail import EmailMultiAlternatives

from accounts.enums import Role
from accounts.models import User
from aspen.models import Mail, MailState
from tests import factories as make
from tests.emails import body_of, sent
from tracks import actions
from tracks.certification.supervisors import token_of
from tracks.counting import queries as counting_queries
from tracks.models import Certificate, RuleSet

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]
PORTAL = "http://127.0.0.1:8000"


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Librarian", email="june@library.example")


def read_all() -> dict[tuple[str, str], str]:
    """Send the queued e-mails and return their bodies by address and subject."""
    messages = sent()
    found = {(message.to[0], message.subject): body_of(message) for message in messages}
    assert len(found) == len(messages)
    return found


def subjects() -> list[tuple[str, str]]:
    return sorted(read_all())


def test_a_review_e_mails_a_link_to_the_supervisor_and_notifies_the_person(june):
    question = make.verification(make.submission(make.following(june)))
    found = read_all()
    subject = "June Librarian has asked you to verify their record for Library Trustee"
    text = found.pop(("dana.chair@board.example", subject))
    assert f"{PORTAL}/verify/{token_of(question)}/" in text
    assert list(found) == [(june.email, "Your record for Library Trustee was reviewed")]


def test_a_supervisor_with_an_account_gets_the_e_mail_at_the_given_address(june):
    dana = make.person(display_name="Dana Chair")
    dana.emailaddress_set.create(email="dana@home.example", verified=True)
    question = make.verification(
        make.submission(make.following(june)),
        actions.SupervisorContact("Dana", "dana@home.example"),
    )
    assert question.supervisor == dana
    assert subjects()[0][0] == "dana@home.example"


def test_supervisors_who_do_not_answer_get_two_reminders(june, now):
    make.verification(make.submission(make.following(june)))
    read_all()
    again = "Reminder: June Librarian has asked you to verify their record for Library Trustee"
    found = []
    for _ in range(30):
        now.shift(dt.timedelta(days=1))
        actions.remind_supervisors()
        actions.remind_supervisors()
        found += [(now_on().day, subject) for _, subject in subjects()]
    assert found == [(30, again), (14, again)]


def test_only_one_reminder_is_sent_if_both_are_late(june, now):
    make.verification(make.submission(make.following(june)))
    read_all()
    now.shift(dt.timedelta(days=22))  # the worker was down
    for _ in range(2):
        actions.remind_supervisors()
    assert len(read_all()) == 1


def test_no_reminder_is_sent_about_a_year_of_a_track_that_was_left(june, now):
    participation = make.following(june)
    actions.ask_about_year(
        participation_id=participation.pk, year=2026, supervisor=make.SUPERVISOR, by=june
    )
    read_all()
    now.shift(dt.timedelta(days=7))
    assert actions.remind_supervisors() == 1  # queued, and then the track is left
    actions.leave_track(participation_id=participation.pk, by=june)
    assert subjects() == []
    now.shift(dt.timedelta(days=14))
    assert actions.remind_supervisors() == 0
    actions.resume_track(participation_id=participation.pk, by=june)
    assert actions.remind_supervisors() == 1


def now_on() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def test_a_question_answered_before_it_is_sent_is_dropped(june):
    question = make.verification(make.submission(make.following(june)))
    actions.refuse_record(verification_id=question.pk, reason="I do not know June.", by=None)
    found = read_all()
    assert list(found) == [
        (june.email, "Your supervisor did not verify your record: Library Trustee")
    ]
    [text] = found.values()
    assert "Your supervisor wrote: > I do not know June." in text
    assert set(Mail.objects.filter(kind="tracks.question").values_list("state", flat=True)) == {
        MailState.DROPPED
    }


def test_a_returned_record_comes_back_with_the_reason(june):
    submission = make.submission(make.following(june))
    reviewer = make.person(Role.CE_COORDINATOR)
    actions.return_submission(submission_id=submission.pk, reason="Listed twice.", by=reviewer)
    [(address, subject)] = (found := read_all())
    assert (address, subject) == (
        june.email,
        "The CE Coordinator returned your record: Library Trustee",
    )
    assert "The CE Coordinator wrote: > Listed twice." in found[address, subject]


def test_a_return_is_not_announced_once_the_record_is_submitted_again(june):
    participation = make.following(june)
    submission = make.submission(participation)
    reviewer = make.person(Role.CE_COORDINATOR)
    actions.return_submission(submission_id=submission.pk, reason="Listed twice.", by=reviewer)
    participation.refresh_from_db()
    make.submission(participation)
    assert subjects() == []


def test_withdrawing_a_record_sends_no_e_mail(june):
    participation = make.submission(make.following(june)).participation
    actions.withdraw_submission(participation_id=participation.pk, by=june)
    assert subjects() == []


NO_LONGER = "No longer needed: your verification of June Librarian’s record for Library Trustee"


def test_the_supervisor_is_notified_that_no_answer_is_needed(june):
    question = make.verification(make.submission(make.following(june)))
    read_all()
    actions.withdraw_submission(participation_id=question.participation_id, by=june)
    [((address, subject), text)] = read_all().items()
    assert (address, subject) == ("dana.chair@board.example", NO_LONGER)
    assert "Your answer is no longer needed: June Librarian withdrew the record." in text


def test_a_supervisor_who_is_asked_again_only_gets_the_new_question(june):
    participation = make.following(june)
    make.verification(make.submission(participation))
    read_all()
    actions.withdraw_submission(participation_id=participation.pk, by=june)
    participation.refresh_from_db()
    again = make.verification(make.submission(participation))
    assert [subject for _, subject in subjects()] == [
        "June Librarian has asked you to verify their record for Library Trustee",
        "Your record for Library Trustee was reviewed",
    ]
    mary = actions.SupervisorContact("Mary", "mary@board.example")
    by = make.person(Role.CE_COORDINATOR)
    actions.ask_again(verification_id=again.pk, supervisor=mary, by=by)
    texts = read_all()
    assert "Mary was asked instead." in texts["dana.chair@board.example", NO_LONGER]
    assert len(texts) == 3


@pytest.mark.parametrize("is_sent", [False, True])
def test_withdrawing_an_unsent_or_expired_question_sends_no_e_mail(june, now, is_sent):
    question = make.verification(make.submission(make.following(june)))
    if is_sent:
        read_all()
        now.shift(dt.timedelta(days=31))
    actions.withdraw_submission(participation_id=question.participation_id, by=june)
    assert subjects() == []


def test_the_certificate_is_announced(june):
    make.certificate(make.following(june))
    assert subjects() == [(june.email, "You are certified: Library Trustee")]


def pdf_in(message: EmailMultiAlternatives) -> tuple[str, str]:
    """Return the name and text of the PDF, from the message as a mail server gets it."""
    parsed = email.message_from_bytes(message.message().as_bytes(), policy=email.policy.default)
    [part] = parsed.iter_attachments()
    assert part.get_content_type() == "application/pdf"
    [page] = pypdf.PdfReader(io.BytesIO(part.get_content())).pages
    return part.get_filename() or "", page.extract_text()


def test_the_certificate_is_attached_and_rendered_when_the_e_mail_is_sent(june):
    certificate = make.certificate(make.following(june))
    [facts] = Mail.objects.filter(kind="tracks.certified").values_list("facts", flat=True)
    assert facts == {"certificate": certificate.pk}
    [message] = sent_about_certificates()
    name, text = pdf_in(message)
    assert name == "certificate-2026-0001.pdf"
    for part in ("June Librarian", "Library Trustee", "No. 2026-0001", "Valid until"):
        assert part in text
    assert "The certificate is attached as a PDF file." in body_of(message)


def test_a_certificate_reissued_before_the_e_mail_is_sent_arrives_once(june):
    certificate = make.certificate(make.following(june))
    reissue(certificate, "June Librarian-Smith")
    [message] = sent_about_certificates()
    assert message.subject == "Your certificate was reissued: 2026-0002"
    name, text = pdf_in(message)
    assert name == "certificate-2026-0002.pdf"
    assert "June Librarian-Smith" in text


def test_no_file_and_no_congratulation_for_a_certificate_revoked_before_the_e_mail_is_sent(june):
    certificate = make.certificate(make.following(june))
    actions.revoke_certificate(
        certificate_id=certificate.pk, reason="A mistake.", by=make.person(Role.CE_COORDINATOR)
    )
    [message] = sent_about_certificates()
    assert message.subject == "Your certificate for Library Trustee was revoked"
    assert not message.attachments


def sent_about_certificates() -> list[EmailMultiAlternatives]:
    """Return the e-mails sent to the person about certificates."""
    return [message for message in sent() if "ertifi" in message.subject]


def test_the_e_mail_does_not_promise_a_next_period_without_rules(june):
    question = make.verification(make.submission(make.following(june)))
    RuleSet.objects.update(valid_until=dt.date(2026, 11, 22))
    actions.verify_record(verification_id=question.pk, by=None)
    text = read_all()[june.email, "You are certified: Library Trustee"]
    assert "No rules have been set yet for another period in this track. See your tracks:" in text


def test_the_person_gets_the_answer_about_a_year(june):
    participation = make.following(june)
    question = actions.ask_about_year(
        participation_id=participation.pk, year=2026, supervisor=make.SUPERVISOR, by=june
    )
    subject = "June Librarian has asked you to verify their 2026 record for Library Trustee"
    assert subjects() == [("dana.chair@board.example", subject)]
    actions.refuse_record(verification_id=question.pk, reason="Not in May.", by=None)
    [((_, subject), text)] = read_all().items()
    assert subject == "Your 2026 record for Library Trustee was not verified"
    assert "Dana Chair wrote: > Not in May." in text


def test_a_revocation_is_e_mailed_with_the_reason_and_the_next_step(june):
    certificate = make.certificate(make.following(june))
    read_all()
    by = make.person(Role.CE_COORDINATOR)
    for reopen, follows in ((False, "are kept in your archive"), (True, "is open again")):
        actions.revoke_certificate(
            certificate_id=certificate.pk,
            reason="The training never took place.",
            reopen=reopen,
            by=by,
        )
        [((_, subject), text)] = read_all().items()
        assert subject == "Your certificate for Library Trustee was revoked"
        assert "The CE Coordinator wrote: > The training never took place." in text
        assert follows in text
        for participation in counting_queries.active_participations(june):
            actions.leave_track(participation_id=participation.pk, by=june)
        certificate = make.certificate(make.following(june))
        read_all()


def reissue(certificate: Certificate, name: str) -> Certificate:
    return actions.reissue_certificate(
        certificate_id=certificate.pk,
        name=name,
        reason="She married.",
        by=make.person(Role.CE_COORDINATOR),
    )


def test_a_reissued_certificate_is_e_mailed_with_its_new_address(june):
    certificate = make.certificate(make.following(june))
    read_all()
    reissued = reissue(certificate, "June Librarian-Smith")
    [((_, subject), text)] = read_all().items()
    assert subject == "Your certificate was reissued: 2026-0002"
    assert f"{PORTAL}/certificates/{reissued.uuid}/" in text
    assert "Reason: She married." in text
