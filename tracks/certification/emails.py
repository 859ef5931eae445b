"""The letters about certification, composed from the facts of the moment at which they are sent.

News that no longer holds is not told: then a composer returns None.
"""

import datetime as dt

from django.utils import timezone

from aspen.db.audit import audited
from aspen.formats import counted, format_credits, format_day
from aspen.mail.message import Email, full_url, page_url
from aspen.mail.outbox import Recipient, composers, enqueue, enqueue_many
from aspen.models import Mail, MailState
from tracks.certification import record
from tracks.certification.queries import newer_question
from tracks.certification.supervisors import token_of
from tracks.enums import ACTIVE, Ending, ParticipationState, VerificationAnswer
from tracks.models import Certificate, Submission, Verification


def register_track_emails() -> None:
    """Let the outbox know who composes the messages of this app."""
    composers.update(
        {
            "tracks.question": question_email,
            "tracks.question_withdrawn": question_withdrawn_email,
            "tracks.reviewed": reviewed_email,
            "tracks.year_answered": year_answered_email,
            "tracks.came_back": came_back_email,
            "tracks.certified": certified_email,
            "tracks.revoked": revoked_email,
            "tracks.reissued": reissued_email,
        }
    )


# ---------- A record on its way ----------


def question_email(mail: Mail) -> Email | None:
    """A supervisor is asked whether a record is right, with the link that answers it."""
    asked = _verification(mail)
    if asked.answered_at or asked.expires_at <= timezone.now():
        return None
    if asked.participation.state not in ACTIVE:
        return None  # a year of a period that is over
    person, track, what = asked.person, asked.participation.track, _asked_about(asked)
    again = "Not answered yet: " if mail.facts.get("again") else ""
    number = len(asked.record["lines"])
    lines = counted(number, "line")
    return Email(
        subject=f"{again}{person} asks you to verify {what} for {track}",
        paragraphs=[
            f"{person} follows the certification track {track} of the Montana State Library and "
            f"named you as the one who can say whether {what} is right.",
            "Look at the record and verify it, or say what is wrong. You need no account; the "
            "link below is meant for you alone, shows this record only and works once.",
        ],
        facts=[
            ("Whose", str(person)),
            ("Track", str(track)),
            ("Credits", f"{format_credits(record.counted_credits(asked.record))} in {lines}"),
            ("Until", format_day(timezone.localdate(asked.expires_at))),
        ],
        button=("Look at the record", page_url("tracks:verify", token_of(asked))),
        closing=[
            "You do not know this person, or are not the one to ask? Open the link and say so "
            "with “Something is wrong”; nothing is verified without you."
        ],
    )


def question_withdrawn_email(mail: Mail) -> Email | None:
    """A supervisor need not answer any more; nothing to whom the question never reached, who could
    not answer any more, or who has a newer one."""
    asked = _verification(mail)
    assert asked.answered_at is not None
    sent = Mail.objects.filter(key=f"question:{asked.pk}", state=MailState.SENT)
    if asked.expires_at <= asked.answered_at or not sent.exists() or newer_question(asked):
        return None
    person, track, what = asked.person, asked.participation.track, _asked_about(asked)
    day = format_day(timezone.localdate(asked.asked_at))
    return Email(
        subject=f"No longer needed: your word on {what} of {person} for {track}",
        paragraphs=[
            f"On {day} you were asked to verify {what} of {person} for the certification track "
            f"{track}. Your answer is no longer needed: {asked.reason}",
            "There is nothing for you to do. If you are needed again, you get a new message.",
        ],
    )


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
            f"{asked.supervisor_name} was asked by e-mail to verify it until {until}. There is "
            "nothing you have to do; your certificate is issued as soon as it is verified.",
        ],
        button=("Look at the record", full_url(asked.participation.get_absolute_url())),
    )


def year_answered_email(mail: Mail) -> Email | None:
    """The supervisor has verified a year, or found something wrong in it."""
    asked = _verification(mail)
    track = asked.participation.track
    if asked.answer == VerificationAnswer.VERIFIED:
        return Email(
            subject=f"{asked.year} is verified for {track}",
            paragraphs=[f"{asked.supervisor_name} has verified your credits of {asked.year}."],
            button=("Look at the track", full_url(asked.participation.get_absolute_url())),
        )
    return Email(
        subject=f"{asked.year} was not verified for {track}",
        paragraphs=[
            f"{asked.supervisor_name} did not verify your credits of {asked.year}. Your credits "
            "stay as they are; when it is put right, you can ask again."
        ],
        quote=(f"{asked.supervisor_name} writes:", asked.reason),
        button=("Look at the track", full_url(asked.participation.get_absolute_url())),
    )


CAME_BACK_TEXTS = {
    Ending.RETURNED: ("The CE Coordinator returned your record", "The CE Coordinator writes:"),
    Ending.REFUSED: ("Your supervisor did not verify your record", "Your supervisor writes:"),
    Ending.REOPENED: (
        "Your record has to be sent again, because something in it was corrected",
        "What changed:",
    ),
}


def came_back_email(mail: Mail) -> Email | None:
    """The record that was sent is open again, with the reason; told until it is sent anew."""
    submission = Submission.objects.select_related("participation__track").get(
        pk=mail.facts["submission"], person=mail.to_id
    )
    participation = submission.participation
    if participation.state != ParticipationState.OPEN:
        return None
    what, who = CAME_BACK_TEXTS[Ending(submission.ending)]
    return Email(
        subject=f"{what}: {participation.track}",
        paragraphs=[f"{what}. Nothing you earned is lost. Look at it, and send it again."],
        quote=(who, submission.reason),
        button=("Look at the record", full_url(participation.get_absolute_url())),
        closing=[f"You have a question? Open a help ticket: {page_url('helpdesk:create')}"],
    )


def certified_email(mail: Mail) -> Email | None:
    """The certificate is there."""
    certificate = Certificate.objects.select_related("participation__track").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    if certificate.revoked_at:
        return None
    track = certificate.participation.track
    then = "This track has no rules for a next period at present."
    if certificate.followed_by.exists():
        day = format_day(certificate.issued_on)
        then = f"Your next period has begun by itself: what you earn after {day} counts in it."
    return Email(
        subject=f"You are certified: {track}",
        paragraphs=[
            f"Congratulations! {certificate.supervisor_name} has verified your record, and your "
            f"certificate for {track} is issued.",
            "Download and print it. Whoever scans its code sees that it is valid.",
        ],
        facts=[
            ("Number", certificate.number),
            ("Issued", format_day(certificate.issued_on)),
            ("Valid until", format_day(certificate.expires_on)),
        ],
        button=("Open the certificate", full_url(certificate.get_absolute_url())),
        closing=[f"{then} Your tracks: {page_url('tracks:dashboard')}"],
    )


def revoked_email(mail: Mail) -> Email | None:
    """A certificate was revoked, and why."""
    certificate = Certificate.objects.select_related("participation__track").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    participation = certificate.participation
    track, number = participation.track, certificate.number
    then = "Your credits are kept in your archive."
    if participation.state in ACTIVE:
        then = (
            "Your period on the track is open again, with all its credits: put right what is "
            "wrong, and send your record anew."
        )
    return Email(
        subject=f"Your certificate for {track} was revoked",
        paragraphs=[
            f"Certificate {number} ({track}) is no longer valid, and whoever checks it reads so.",
            then,
        ],
        quote=("The CE Coordinator writes:", certificate.revoked_reason),
        button=("Look at the track", full_url(participation.get_absolute_url())),
        closing=[
            f"You think that this is wrong? Open a help ticket: {page_url('helpdesk:create')}"
        ],
    )


def reissued_email(mail: Mail) -> Email | None:
    """A certificate was issued anew, with another name on it."""
    certificate = Certificate.objects.select_related("participation__track", "replaces").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    before = certificate.replaces
    if certificate.revoked_at or before is None:
        return None
    return Email(
        subject=f"Your certificate was issued anew: {certificate.number}",
        paragraphs=[
            f"Certificate {certificate.number} takes the place of {before.number}, which is no "
            "longer valid. Print the new one; days and credits are the same.",
        ],
        facts=[("Name on it", certificate.name), ("Why", before.revoked_reason)],
        button=("Open the certificate", full_url(certificate.get_absolute_url())),
    )


# ---------- Reminders ----------


def _asked_about(asked: Verification) -> str:
    return f"the continuing education of {asked.year}" if asked.year else "the record"


def _verification(mail: Mail) -> Verification:
    return Verification.objects.select_related("person", "participation__track").get(
        pk=mail.facts["verification"]
    )


# A supervisor who has not answered is asked again after so many days.
SUPERVISOR_REMINDER_DAYS = (7, 21)


# ---------- What happened ----------


def queue_question_email(*, verification: Verification) -> None:
    """Ask the supervisor, at the address that was given; tell the person, where it was reviewed."""
    to = Recipient(verification.supervisor_name, verification.supervisor_email)
    enqueue(
        kind="tracks.question",
        key=f"question:{verification.pk}",
        to=to,
        verification=verification.pk,
    )
    if verification.submission_id:
        enqueue(
            kind="tracks.reviewed",
            key=f"reviewed:{verification.pk}",
            to=verification.person,
            verification=verification.pk,
        )


def queue_question_withdrawn_email(*, verification: Verification) -> None:
    """Tell the supervisor that no answer is needed any more, where the question was sent."""
    enqueue(
        kind="tracks.question_withdrawn",
        key=f"question_withdrawn:{verification.pk}",
        to=Recipient(verification.supervisor_name, verification.supervisor_email),
        verification=verification.pk,
    )


def queue_year_answered_email(*, verification: Verification) -> None:
    """Tell the person what the supervisor said of a year. Of a submission other letters tell."""
    if verification.year:
        enqueue(
            kind="tracks.year_answered",
            key=f"year_answered:{verification.pk}",
            to=verification.person,
            verification=verification.pk,
        )


def queue_came_back_email(*, submission: Submission) -> None:
    """Tell the person that the record came back, unless they took it back themselves."""
    if submission.ending in (Ending.RETURNED, Ending.REFUSED, Ending.REOPENED):
        enqueue(
            kind="tracks.came_back",
            key=f"came_back:{submission.pk}",
            to=submission.person,
            submission=submission.pk,
        )


def queue_certificate_email(*, certificate: Certificate, what: str = "certified") -> None:
    """Tell the person that it is there; or `what` became of it: "revoked", or "reissued"."""
    enqueue(
        kind=f"tracks.{what}",
        key=f"{what}:{certificate.pk}",
        to=certificate.person,
        certificate=certificate.pk,
    )


# ---------- What is near ----------


@audited
def remind_supervisors() -> int:
    """Ask supervisors again who have not answered after a week and after three.

    Not about a year of a period that is over. Whoever missed the first (the worker stood still)
    gets the second alone. Idempotent; returns how many were promised.
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
                    Recipient(each.supervisor_name, each.supervisor_email),
                    {"verification": each.pk, "again": True},
                )
                for each in found
            ],
        )
        Verification.objects.filter(pk__in=[each.pk for each in found]).update(reminders=times)
        number += len(found)
    return number
