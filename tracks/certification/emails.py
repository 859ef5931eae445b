"""The e-mails about a record on its way to a certificate, and about the certificate.

A composer returns None when there is nothing left to say.
"""

import datetime as dt

from django.utils import timezone

from aspen.db.audit import audited
from aspen.formats import counted, format_credits, format_day
from aspen.mail.message import Email, full_url, page_url
from aspen.mail.outbox import Recipient, email, enqueue, enqueue_many
from aspen.models import Mail, MailState
from tracks.certification import record
from tracks.certification.queries import newer_question
from tracks.certification.supervisors import token_of
from tracks.enums import ACTIVE, Ending, ParticipationState, VerificationAnswer
from tracks.models import Certificate, Submission, Verification

COORDINATOR_WROTE = "The CE Coordinator wrote:"
# A supervisor who has not answered is asked again after so many days.
SUPERVISOR_REMINDER_DAYS = (7, 21)


# ---------- To the supervisor ----------


def queue_question_email(verification: Verification) -> None:
    """Ask the supervisor, at the address that was given."""
    enqueue(
        kind="tracks.question",
        key=f"question:{verification.pk}",
        to=_supervisor(verification),
        verification=verification.pk,
    )


@audited
def remind_supervisors() -> int:
    """Ask supervisors again who have not answered after a week and after three.

    Not about a year of a period that is over. A person who missed the first (the worker was down)
    gets the second alone. Idempotent; returns how many messages were queued.
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
        found = list(due.order_by("pk"))
        enqueue_many(
            kind="tracks.question",
            messages=[
                (
                    f"question:{each.pk}:{times}",
                    _supervisor(each),
                    {"verification": each.pk, "again": True},
                )
                for each in found
            ],
        )
        Verification.objects.filter(pk__in=[each.pk for each in found]).update(reminders=times)
        number += len(found)
    return number


@email("tracks.question")
def question_email(mail: Mail) -> Email | None:
    """A supervisor is asked whether a record is right, with the link that answers it."""
    asked = _verification(mail)
    if asked.answered_at or asked.expires_at <= timezone.now():
        return None
    if asked.participation.state not in ACTIVE:
        return None  # a year of a period that is over
    person, track, what = asked.person, asked.participation.track, _asked_about(asked)
    again = "Reminder: " if mail.facts.get("again") else ""
    lines = counted(len(asked.record["lines"]), "line")
    return Email(
        subject=f"{again}{person} asks you to verify {what} for {track}",
        paragraphs=[
            f"{person} follows {track}, a certification track of the Montana State Library, and "
            f"named you as the person who can verify {what}.",
            "Look at the record and verify it, or say what is wrong. You do not need an account. "
            "The link below is for you alone, shows only this record, and works once.",
        ],
        facts=[
            ("Name", str(person)),
            ("Track", str(track)),
            ("Credits", f"{format_credits(record.counted_credits(asked.record))} in {lines}"),
            ("Answer by", format_day(timezone.localdate(asked.expires_at))),
        ],
        button=("Look at the record", page_url("tracks:verify", token_of(asked))),
        closing=[
            "If you do not know this person, or are not the right one to ask, open the link and "
            "say so under “Report a problem with this record”. Nothing is verified without you."
        ],
    )


def queue_question_withdrawn_email(verification: Verification) -> None:
    """Tell the supervisor that an answer is no longer needed, if the question was sent."""
    enqueue(
        kind="tracks.question_withdrawn",
        key=f"question_withdrawn:{verification.pk}",
        to=_supervisor(verification),
        verification=verification.pk,
    )


@email("tracks.question_withdrawn")
def question_withdrawn_email(mail: Mail) -> Email | None:
    """An answer is no longer needed. Not sent if the question never went out, had expired, or was
    replaced by a newer one."""
    asked = _verification(mail)
    assert asked.answered_at is not None
    sent = Mail.objects.filter(key=f"question:{asked.pk}", state=MailState.SENT)
    if asked.expires_at <= asked.answered_at or not sent.exists() or newer_question(asked):
        return None
    person, track, what = asked.person, asked.participation.track, _asked_about(asked)
    day = format_day(timezone.localdate(asked.asked_at))
    return Email(
        subject=f"No longer needed: your answer about {person} for {track}",
        paragraphs=[
            f"On {day}, you were asked to verify {what} of {person} for the certification track "
            f"{track}. Your answer is no longer needed: {asked.reason}",
            "You do not need to do anything. If we need you again, you will get a new message.",
        ],
    )


# ---------- To the person: reviewed, verified, back again ----------


def queue_reviewed_email(verification: Verification) -> None:
    """Tell the person that the record was reviewed, and who is asked now."""
    enqueue(
        kind="tracks.reviewed",
        key=f"reviewed:{verification.pk}",
        to=verification.person,
        verification=verification.pk,
    )


@email("tracks.reviewed")
def reviewed_email(mail: Mail) -> Email | None:
    """The CE Coordinator has reviewed the record, and the supervisor is asked."""
    asked = _verification(mail)
    if asked.answered_at:
        return None
    until = format_day(timezone.localdate(asked.expires_at))
    return Email(
        subject=f"Your record for {asked.participation.track} was reviewed",
        paragraphs=[
            f"The CE Coordinator has reviewed your record for {asked.participation.track}.",
            f"We asked {asked.supervisor_name} by e-mail to verify it by {until}. You do not need "
            "to do anything. Your certificate will be issued as soon as the record is verified.",
        ],
        button=_look_at_record(asked),
    )


def queue_year_answered_email(verification: Verification) -> None:
    """Tell the person what the supervisor said about a year."""
    enqueue(
        kind="tracks.year_answered",
        key=f"year_answered:{verification.pk}",
        to=verification.person,
        verification=verification.pk,
    )


@email("tracks.year_answered")
def year_answered_email(mail: Mail) -> Email | None:
    """The supervisor has verified a year, or found something wrong in it."""
    asked = _verification(mail)
    track, supervisor = asked.participation.track, asked.supervisor_name
    button = ("Look at the track", full_url(asked.participation.get_absolute_url()))
    if asked.answer == VerificationAnswer.VERIFIED:
        return Email(
            subject=f"{asked.year} is verified for {track}",
            paragraphs=[f"{supervisor} has verified your {asked.year} credits."],
            button=button,
        )
    return Email(
        subject=f"{asked.year} was not verified for {track}",
        paragraphs=[
            f"{supervisor} did not verify your {asked.year} credits. Your credits stay as they "
            "are. Once the problem is fixed, you can ask again."
        ],
        quote=(f"{supervisor} wrote:", asked.reason),
        button=button,
    )


CAME_BACK_TEXTS = {
    Ending.RETURNED: ("The CE Coordinator returned your record", COORDINATOR_WROTE),
    Ending.REFUSED: ("Your supervisor did not verify your record", "Your supervisor wrote:"),
    Ending.REOPENED: ("Something in your record was corrected", "What changed:"),
}


def queue_came_back_email(submission: Submission) -> None:
    """Tell the person that the record came back, unless they withdrew it themselves."""
    if submission.ending not in CAME_BACK_TEXTS:
        return
    enqueue(
        kind="tracks.came_back",
        key=f"came_back:{submission.pk}",
        to=submission.person,
        submission=submission.pk,
    )


@email("tracks.came_back")
def came_back_email(mail: Mail) -> Email | None:
    """The record that was sent is open again, with the reason; told until it is sent again."""
    submission = Submission.objects.select_related("participation__track").get(
        pk=mail.facts["submission"], person=mail.to_id
    )
    participation = submission.participation
    if participation.state != ParticipationState.OPEN:
        return None
    what, who = CAME_BACK_TEXTS[Ending(submission.ending)]
    return Email(
        subject=f"{what}: {participation.track}",
        paragraphs=[
            f"{what}. You keep everything you earned. Look at the record and send it again."
        ],
        quote=(who, submission.reason),
        button=_look_at_record(submission),
        closing=[f"If you have a question, open a help ticket: {page_url('helpdesk:create')}"],
    )


# ---------- The certificate ----------


def queue_certified_email(certificate: Certificate) -> None:
    """Tell the person that the certificate is there."""
    _queue_certificate(certificate, kind="tracks.certified", key="certified")


@email("tracks.certified")
def certified_email(mail: Mail) -> Email | None:
    """The certificate is there."""
    certificate = _certificate(mail)
    if certificate.revoked_at:
        return None
    track = certificate.participation.track
    then = "This track has no rules for a next period at present."
    if certificate.followed_by.exists():
        day = format_day(certificate.issued_on)
        then = f"Your next period has started. What you earn after {day} counts toward it."
    return Email(
        subject=f"You are certified: {track}",
        paragraphs=[
            f"Congratulations! {certificate.supervisor_name} has verified your record, and your "
            f"certificate for {track} has been issued.",
            "Download it and print it. Anyone who scans its code can see that it is valid.",
        ],
        facts=[
            ("Number", certificate.number),
            ("Issued", format_day(certificate.issued_on)),
            ("Valid until", format_day(certificate.expires_on)),
        ],
        button=_open_certificate(certificate),
        closing=[f"{then} Your tracks: {page_url('tracks:dashboard')}"],
    )


def queue_revoked_email(certificate: Certificate) -> None:
    """Tell the person that the certificate was revoked."""
    _queue_certificate(certificate, kind="tracks.revoked", key="revoked")


@email("tracks.revoked")
def revoked_email(mail: Mail) -> Email | None:
    """A certificate was revoked, and why."""
    certificate = _certificate(mail)
    participation = certificate.participation
    track, number = participation.track, certificate.number
    then = "Your credits are kept in your archive."
    if participation.state in ACTIVE:
        then = (
            "Your period on the track is open again, with all its credits. Correct what is wrong "
            "and send your record again."
        )
    return Email(
        subject=f"Your certificate for {track} was revoked",
        paragraphs=[
            f"Certificate {number} ({track}) is no longer valid, and anyone who checks it sees "
            "that.",
            then,
        ],
        quote=(COORDINATOR_WROTE, certificate.revoked_reason),
        button=("Look at the track", full_url(participation.get_absolute_url())),
        closing=[
            f"If you think this is a mistake, open a help ticket: {page_url('helpdesk:create')}"
        ],
    )


def queue_reissued_email(certificate: Certificate) -> None:
    """Tell the person that this certificate takes the place of another."""
    _queue_certificate(certificate, kind="tracks.reissued", key="reissued")


@email("tracks.reissued")
def reissued_email(mail: Mail) -> Email | None:
    """A certificate was reissued, with another name on it."""
    certificate = _certificate(mail)
    before = certificate.replaces
    if certificate.revoked_at or before is None:
        return None
    return Email(
        subject=f"Your certificate was reissued: {certificate.number}",
        paragraphs=[
            f"Certificate {certificate.number} replaces {before.number}, which is no longer valid. "
            "Print the new one. The dates and credits are the same.",
        ],
        facts=[("Name on it", certificate.name), ("Reason", before.revoked_reason)],
        button=_open_certificate(certificate),
    )


# ---------- Parts ----------


def _verification(mail: Mail) -> Verification:
    return Verification.objects.select_related("person", "participation__track").get(
        pk=mail.facts["verification"]
    )


def _supervisor(verification: Verification) -> Recipient:
    return Recipient(verification.supervisor_name, verification.supervisor_email)


def _asked_about(asked: Verification) -> str:
    return f"the {asked.year} record" if asked.year else "the record"


def _look_at_record(row: Verification | Submission) -> tuple[str, str]:
    return "Look at the record", full_url(row.participation.get_absolute_url())


def _certificate(mail: Mail) -> Certificate:
    return Certificate.objects.select_related("participation__track", "replaces").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )


def _queue_certificate(certificate: Certificate, *, kind: str, key: str) -> None:
    enqueue(
        kind=kind,
        key=f"{key}:{certificate.pk}",
        to=certificate.person,
        certificate=certificate.pk,
    )


def _open_certificate(certificate: Certificate) -> tuple[str, str]:
    return "Open the certificate", full_url(certificate.get_absolute_url())
