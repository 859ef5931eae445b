"""E-mails about submitted records and certificates.

A composer returns None if the message is no longer needed.
"""

import datetime as dt

from django.utils import timezone

from accounts.models import User
from aspen.db.audit import audited
from aspen.formats import counted, format_credits, format_day
from aspen.mail.message import Attachment, Email, full_url, page_url
from aspen.mail.outbox import Recipient, email, enqueue, enqueue_many
from aspen.models import Mail, MailState
from tracks.certification import certificates, record
from tracks.certification import queries as certification_queries
from tracks.certification.queries import newer_question
from tracks.certification.supervisors import token_of
from tracks.enums import ACTIVE, Ending, ParticipationState, VerificationAnswer
from tracks.models import Certificate, Participation, RecordVersion, Submission, Verification

# Starts the reason on the public page of a certificate that was reissued.
REISSUED_PREFIX = "Reissued: "
COORDINATOR_WROTE = "The CE Coordinator wrote:"
# Supervisors who have not answered get a reminder after this many days.
SUPERVISOR_REMINDER_DAYS = (7, 21)


# ---------- To the supervisor ----------


def queue_question_email(verification: Verification) -> None:
    """Queue the request to the supervisor, at the e-mail address in the question."""
    _queue("question", to=_supervisor(verification), verification=verification.pk)


@audited
def remind_supervisors() -> int:
    """Remind supervisors who have not answered after one week, and again after three weeks.

    Skips questions about periods that are no longer active, and records whose last change is not
    confirmed. If the first reminder is missed because the worker is down, only the second is sent.
    Idempotent. Return the number of messages queued.
    """
    now, number = timezone.now(), 0
    for times, days in reversed(list(enumerate(SUPERVISOR_REMINDER_DAYS, start=1))):
        due = Verification.objects.select_for_update(of=("self",), skip_locked=True).filter(
            answered_at=None,
            expires_at__gt=now,
            reminders__lt=times,
            asked_at__lte=now - dt.timedelta(days=days),
            participation__state__in=sorted(ACTIVE),
        )
        changed = Submission.objects.filter(certification_queries.needs_confirmation())
        questions = list(due.exclude(submission__in=changed).order_by("pk"))
        enqueue_many(
            kind="tracks.question",
            messages=[
                (
                    f"question:{each.pk}:{times}",
                    _supervisor(each),
                    {"verification": each.pk, "again": True},
                )
                for each in questions
            ],
        )
        Verification.objects.filter(pk__in=[each.pk for each in questions]).update(reminders=times)
        number += len(questions)
    return number


@email("tracks.question")
def question_email(mail: Mail) -> Email | None:
    """Ask a supervisor to verify a record, with a link to answer."""
    question = _verification(mail)
    if question.answered_at or question.expires_at <= timezone.now():
        return None
    if question.participation.state not in ACTIVE:
        return None  # a question about a year whose period is over
    person, track, name = question.person, question.participation.track, _record_name(question)
    reminder = "Reminder: " if mail.facts.get("again") else ""
    record_data = certification_queries.asked_record(question)
    lines = counted(len(record_data["lines"]), "credit line")
    return Email(
        subject=f"{reminder}{person} has asked you to verify their {name} for {track}",
        paragraphs=[
            f"{person} is working toward certification in the Montana State Library’s {track} "
            f"track and named you as the person who can verify their {name}.",
            "Review the record, then verify it or report a problem. You do not need an account. "
            "The link below is for you alone. It shows only this record and can be used once.",
        ],
        facts=[
            ("Name", str(person)),
            ("Track", str(track)),
            ("Credits", f"{format_credits(record.counted_credits(record_data))} ({lines})"),
            ("Answer by", format_day(timezone.localdate(question.expires_at))),
        ],
        button=("View record", page_url("tracks:verify", token_of(question))),
        closing=[
            "If you do not know this person, or you are not the right person to ask, open the "
            "record and say so under “Report a problem with this record.” Nothing will be verified "
            "unless you answer."
        ],
    )


def queue_question_withdrawn_email(verification: Verification) -> None:
    """Queue the e-mail saying that an answer is no longer needed, if the question was sent."""
    _queue("question_withdrawn", to=_supervisor(verification), verification=verification.pk)


@email("tracks.question_withdrawn")
def question_withdrawn_email(mail: Mail) -> Email | None:
    """Tell the supervisor that an answer is no longer needed.

    Not sent if the question never went out, had expired, or was replaced by a newer one.
    """
    question = _verification(mail)
    assert question.answered_at is not None
    sent = Mail.objects.filter(key=f"question:{question.pk}", state=MailState.SENT)
    if question.expires_at <= question.answered_at or not sent.exists() or newer_question(question):
        return None
    person, track, name = question.person, question.participation.track, _record_name(question)
    day = format_day(timezone.localdate(question.asked_at))
    return Email(
        subject=f"No longer needed: your verification of {person}’s {name} for {track}",
        paragraphs=[
            f"On {day}, we asked you to verify {person}’s {name} for the {track} "
            f"certification track. Your answer is no longer needed: {question.reason}",
            "You do not need to do anything. If we need your answer again, we will send you a new "
            "message.",
        ],
    )


# ---------- To the person about a record ----------


def queue_reviewed_email(verification: Verification) -> None:
    """Queue the e-mail saying that the record has been reviewed."""
    _queue("reviewed", to=verification.person, verification=verification.pk)


@email("tracks.reviewed")
def reviewed_email(mail: Mail) -> Email | None:
    """Say that the CE Coordinator has reviewed the record, and who will verify it."""
    question = _verification(mail)
    if question.answered_at:
        return None
    until = format_day(timezone.localdate(question.expires_at))
    return Email(
        subject=f"Your record for {question.participation.track} was reviewed",
        paragraphs=[
            f"The CE Coordinator has reviewed your record for {question.participation.track}.",
            f"We e-mailed {question.supervisor_name} and asked them to verify it by {until}. You "
            "do not need to do anything. Your certificate will be issued as soon as the record is "
            "verified.",
        ],
        button=_view("record", question.participation),
    )


def queue_year_answered_email(verification: Verification) -> None:
    """Queue the e-mail with the supervisor's answer about a year."""
    _queue("year_answered", to=verification.person, verification=verification.pk)


@email("tracks.year_answered")
def year_answered_email(mail: Mail) -> Email | None:
    """Say that the supervisor has verified a year or reported a problem with it."""
    question = _verification(mail)
    track, supervisor = question.participation.track, question.supervisor_name
    button = _view("track", question.participation)
    if question.answer == VerificationAnswer.VERIFIED:
        return Email(
            subject=f"Your {question.year} record for {track} was verified",
            paragraphs=[f"{supervisor} has verified your {question.year} credits."],
            button=button,
        )
    return Email(
        subject=f"Your {question.year} record for {track} was not verified",
        paragraphs=[
            f"{supervisor} did not verify your {question.year} credits. Your credits have not "
            "changed. Once the problem is fixed, you can send the request again."
        ],
        quote=(f"{supervisor} wrote:", question.reason),
        button=button,
    )


def queue_changed_email(version: RecordVersion) -> None:
    """Queue the e-mail saying that a record with the supervisor has changed and goes on."""
    _queue("changed", to=version.submission.person, version=version.pk)


@email("tracks.changed")
def changed_email(mail: Mail) -> Email | None:
    """Say what a correction changed in a record that is still complete.

    Not sent if the record has changed again or is no longer with the supervisor.
    """
    version = RecordVersion.objects.select_related("submission__participation__track").get(
        pk=mail.facts["version"], submission__person=mail.to_id
    )
    submission = version.submission
    newer = submission.versions.filter(number__gt=version.number)
    if submission.ended_at or newer.exists():
        return None
    track = submission.participation.track
    return Email(
        subject=f"Your record for {track} has changed",
        paragraphs=[
            f"Something in the record that you submitted for {track} was corrected. The record "
            "still meets all requirements, so you do not need to submit it again. The CE "
            "Coordinator will confirm the change, and your supervisor will see it."
        ],
        quote=("What changed:", version.change),
        button=_view("record", submission.participation),
        closing=[f"If you think this is wrong, open a help ticket: {page_url('helpdesk:create')}"],
    )


CAME_BACK_MESSAGES = {
    Ending.RETURNED: ("The CE Coordinator returned your record", COORDINATOR_WROTE),
    Ending.REFUSED: ("Your supervisor did not verify your record", "Your supervisor wrote:"),
    Ending.REOPENED: ("Your record no longer meets all requirements", "What changed:"),
}


def queue_came_back_email(submission: Submission) -> None:
    """Queue the e-mail saying that a record is open again, unless the person withdrew it."""
    if submission.ending not in CAME_BACK_MESSAGES:
        return
    # A record that was put back can come back again.
    key = f"came_back:{submission.pk}:{submission.ended_at:%Y%m%d%H%M%S%f}"
    enqueue(kind="tracks.came_back", key=key, to=submission.person, submission=submission.pk)


@email("tracks.came_back")
def came_back_email(mail: Mail) -> Email | None:
    """Explain why a submitted record is open again. Not sent once it has been resubmitted."""
    submission = Submission.objects.select_related("participation__track").get(
        pk=mail.facts["submission"], person=mail.to_id
    )
    participation = submission.participation
    if participation.state != ParticipationState.OPEN:
        return None
    what_happened, heading = CAME_BACK_MESSAGES[Ending(submission.ending)]
    return Email(
        subject=f"{what_happened}: {participation.track}",
        paragraphs=[
            f"{what_happened}. You keep all the credits you earned. Check your record, then submit "
            "it again."
        ],
        quote=(heading, submission.reason),
        button=_view("record", participation),
        closing=[f"If you have a question, open a help ticket: {page_url('helpdesk:create')}"],
    )


def queue_put_back_email(submission: Submission) -> None:
    """Queue the e-mail saying that a record that had come back is with the CE Coordinator again."""
    key = f"put_back:{submission.pk}:{timezone.now():%Y%m%d%H%M%S%f}"
    enqueue(kind="tracks.put_back", key=key, to=submission.person, submission=submission.pk)


@email("tracks.put_back")
def put_back_email(mail: Mail) -> Email | None:
    """Say that a record is submitted again, because a correction was undone."""
    submission = Submission.objects.select_related("participation__track").get(
        pk=mail.facts["submission"], person=mail.to_id
    )
    if submission.ended_at:
        return None
    participation = submission.participation
    return Email(
        subject=f"Your record is with the CE Coordinator again: {participation.track}",
        paragraphs=[
            f"The correction that reopened your record for {participation.track} was undone. The "
            "record is with the CE Coordinator again, as you submitted it. You do not need to do "
            "anything."
        ],
        button=_view("record", participation),
    )


# ---------- The certificate ----------


def queue_certified_email(certificate: Certificate) -> None:
    """Queue the e-mail saying that a certificate was issued."""
    _queue("certified", to=certificate.person, certificate=certificate.pk)


@email("tracks.certified")
def certified_email(mail: Mail) -> Email | None:
    """Congratulate the person, attach the certificate and link to its page.

    Not sent if the certificate was revoked or reissued since, which has e-mails of its own.
    """
    certificate = _certificate(mail)
    if certificate.revoked_at:
        return None
    track = certificate.participation.track
    next_period = "No rules have been set yet for another period in this track."
    if certificate.followed_by.exists():
        day = format_day(certificate.measured_on)
        next_period = (
            f"Your next period has started. Credits that you have earned since {day} and that are "
            "not in your record count toward it."
        )
    return Email(
        subject=f"You are certified: {track}",
        paragraphs=[
            f"Congratulations! {certificate.supervisor_name} has verified your record, and your "
            f"certificate for {track} has been issued.",
            "The certificate is attached as a PDF file. Anyone who scans its code can see that it "
            "is valid.",
        ],
        facts=[
            ("Number", certificate.number),
            ("Issued", format_day(certificate.issued_on)),
            ("Valid until", format_day(certificate.expires_on)),
        ],
        button=_view_certificate(certificate),
        attachments=[_pdf(certificate)],
        closing=[f"{next_period} See your tracks: {page_url('tracks:dashboard')}"],
    )


def queue_revoked_email(certificate: Certificate) -> None:
    """Queue the e-mail saying that a certificate was revoked."""
    _queue("revoked", to=certificate.person, certificate=certificate.pk)


@email("tracks.revoked")
def revoked_email(mail: Mail) -> Email | None:
    """Explain why a certificate was revoked."""
    certificate = _certificate(mail)
    participation = certificate.participation
    track, number = participation.track, certificate.number
    credits = "Your credits are kept in your archive."
    if participation.state in ACTIVE:
        credits = (
            "Your period for this track is open again, and you keep all its credits. Make the "
            "corrections, then submit your record again."
        )
    return Email(
        subject=f"Your certificate for {track} was revoked",
        paragraphs=[
            f"Certificate {number} ({track}) is no longer valid. Anyone who checks it will see "
            "that it was revoked.",
            credits,
        ],
        quote=(COORDINATOR_WROTE, certificate.revoked_reason),
        button=_view("track", participation),
        closing=[
            f"If you think this is a mistake, open a help ticket: {page_url('helpdesk:create')}"
        ],
    )


def queue_reissued_email(certificate: Certificate) -> None:
    """Queue the e-mail saying that this certificate replaces an earlier one."""
    _queue("reissued", to=certificate.person, certificate=certificate.pk)


@email("tracks.reissued")
def reissued_email(mail: Mail) -> Email | None:
    """Tell the person that their certificate was reissued under another name."""
    certificate = _certificate(mail)
    before = certificate.replaces
    if certificate.revoked_at or before is None:
        return None
    return Email(
        subject=f"Your certificate was reissued: {certificate.number}",
        paragraphs=[
            f"Certificate {certificate.number} replaces {before.number}, which is no longer valid. "
            "The new one is attached. The dates and credits are the same.",
        ],
        facts=[
            ("Name", certificate.name),
            ("Reason", before.revoked_reason.removeprefix(REISSUED_PREFIX)),
        ],
        button=_view_certificate(certificate),
        attachments=[_pdf(certificate)],
    )


# ---------- Helpers ----------


def _queue(name: str, *, to: User | Recipient, **fact: int) -> None:
    """Queue an e-mail about one row, at most once. The e-mail stores only the row's id."""
    [pk] = fact.values()
    enqueue(kind=f"tracks.{name}", key=f"{name}:{pk}", to=to, **fact)


def _verification(mail: Mail) -> Verification:
    return Verification.objects.select_related("person", "participation__track").get(
        pk=mail.facts["verification"]
    )


def _supervisor(verification: Verification) -> Recipient:
    return Recipient(verification.supervisor_name, verification.supervisor_email)


def _record_name(question: Verification) -> str:
    return f"{question.year} record" if question.year else "record"


def _view(what: str, participation: Participation) -> tuple[str, str]:
    return f"View {what}", full_url(participation.get_absolute_url())


def _certificate(mail: Mail) -> Certificate:
    return Certificate.objects.select_related("person", "participation__track", "replaces").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )


def _pdf(certificate: Certificate) -> Attachment:
    """Render the certificate. Its facts never change, so a second attempt sends the same file."""
    content = certificates.certificate_pdf_file(certificate)
    return Attachment(certificates.pdf_name(certificate), content, "application/pdf")


def _view_certificate(certificate: Certificate) -> tuple[str, str]:
    return "View certificate", full_url(certificate.get_absolute_url())
