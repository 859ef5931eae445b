"""The letters about certification, composed from the facts of the moment at which they are sent.

News that no longer holds is not told: then a composer returns None.
"""

import datetime as dt

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Position, User
from accounts.queries import reminders_token
from aspen import formats
from aspen.clock import today
from aspen.mail.outbox import Letter, composers
from aspen.models import Mail, MailState
from tracks import queries, record
from tracks.enums import ACTIVE, Answer, Ending, ParticipationState
from tracks.models import Certificate, Participation, Submission, Verification
from tracks.presentation import missing_in_words
from tracks.rules import DIRECTORS_TRACK, directors_deadline
from tracks.submissions import newer_question
from tracks.verify_links import token_of


def register_composers() -> None:
    """Let the outbox know who composes the messages of this app."""
    composers.update(
        {
            "tracks.question": question,
            "tracks.question_withdrawn": question_withdrawn,
            "tracks.reviewed": reviewed,
            "tracks.year_answered": year_answered,
            "tracks.came_back": came_back,
            "tracks.certified": certified,
            "tracks.revoked": revoked,
            "tracks.reissued": reissued,
            "tracks.extended": extended,
            "tracks.period_ends": period_ends,
            "tracks.certificate_ends": certificate_ends,
            "tracks.new_director": new_director,
            "tracks.idle": idle,
        }
    )


# ---------- A record on its way ----------


def question(mail: Mail) -> Letter | None:
    """A supervisor is asked whether a record is right, with the link that answers it."""
    asked = _verification(mail)
    if asked.answered_at or asked.expires_at <= timezone.now():
        return None
    if asked.participation.state not in ACTIVE:
        return None  # a year of a period that is over
    person, track, what = asked.person, asked.participation.track, _asked_about(asked)
    again = "Not answered yet: " if mail.facts.get("again") else ""
    number = len(asked.record["lines"])
    lines = "1 line" if number == 1 else f"{number} lines"
    return Letter(
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
            ("Credits", f"{formats.credits(record.counted(asked.record))} in {lines}"),
            ("Until", formats.day(timezone.localdate(asked.expires_at))),
        ],
        button=("Look at the record", _url("tracks:verify", token_of(asked))),
        closing=[
            "You do not know this person, or are not the one to ask? Open the link and say so "
            "with “Something is wrong”; nothing is verified without you."
        ],
    )


def question_withdrawn(mail: Mail) -> Letter | None:
    """A supervisor need not answer any more; nothing to whom the question never reached, who could
    not answer any more, or who has a newer one."""
    asked = _verification(mail)
    assert asked.answered_at is not None
    sent = Mail.objects.filter(key=f"question:{asked.pk}", state=MailState.SENT)
    if asked.expires_at <= asked.answered_at or not sent.exists() or newer_question(asked):
        return None
    person, track, what = asked.person, asked.participation.track, _asked_about(asked)
    day = formats.day(timezone.localdate(asked.asked_at))
    return Letter(
        subject=f"No longer needed: your word on {what} of {person} for {track}",
        paragraphs=[
            f"On {day} you were asked to verify {what} of {person} for the certification track "
            f"{track}. Your answer is no longer needed: {asked.reason}",
            "There is nothing for you to do. If you are needed again, you get a new message.",
        ],
    )


def reviewed(mail: Mail) -> Letter | None:
    """The CE Coordinator has reviewed the record, and the supervisor is asked."""
    asked = _verification(mail)
    if asked.answered_at:
        return None
    until = formats.day(timezone.localdate(asked.expires_at))
    return Letter(
        subject=f"Your record for {asked.participation.track} was reviewed",
        paragraphs=[
            f"The CE Coordinator has reviewed your record for {asked.participation.track}.",
            f"{asked.supervisor_name} was asked by e-mail to verify it until {until}. There is "
            "nothing you have to do; your certificate is issued as soon as it is verified.",
        ],
        button=("Look at the record", _progress(asked.participation)),
    )


def year_answered(mail: Mail) -> Letter | None:
    """The supervisor has verified a year, or found something wrong in it."""
    asked = _verification(mail)
    track = asked.participation.track
    if asked.answer == Answer.VERIFIED:
        return Letter(
            subject=f"{asked.year} is verified for {track}",
            paragraphs=[f"{asked.supervisor_name} has verified your credits of {asked.year}."],
            button=("Look at the track", _progress(asked.participation)),
        )
    return Letter(
        subject=f"{asked.year} was not verified for {track}",
        paragraphs=[
            f"{asked.supervisor_name} did not verify your credits of {asked.year}. Your credits "
            "stay as they are; when it is put right, you can ask again."
        ],
        quote=(f"{asked.supervisor_name} writes:", asked.reason),
        button=("Look at the track", _progress(asked.participation)),
    )


CAME_BACK = {
    Ending.RETURNED: ("The CE Coordinator returned your record", "The CE Coordinator writes:"),
    Ending.REFUSED: ("Your supervisor did not verify your record", "Your supervisor writes:"),
    Ending.REOPENED: (
        "Your record has to be sent again, because something in it was corrected",
        "What changed:",
    ),
}


def came_back(mail: Mail) -> Letter | None:
    """The record that was sent is open again, with the reason; told until it is sent anew."""
    submission = Submission.objects.select_related("participation__track").get(
        pk=mail.facts["submission"], person=mail.to_id
    )
    participation = submission.participation
    if participation.state != ParticipationState.OPEN:
        return None
    what, who = CAME_BACK[Ending(submission.ending)]
    return Letter(
        subject=f"{what}: {participation.track}",
        paragraphs=[f"{what}. Nothing you earned is lost. Look at it, and send it again."],
        quote=(who, submission.reason),
        button=("Look at the record", _progress(participation)),
        closing=[f"You have a question? Open a help ticket: {_url('helpdesk:create')}"],
    )


def certified(mail: Mail) -> Letter | None:
    """The certificate is there."""
    certificate = Certificate.objects.select_related("participation__track").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    if certificate.revoked_at:
        return None
    track = certificate.participation.track
    then = "This track has no rules for a next period at present."
    if certificate.followed_by.exists():
        day = formats.day(certificate.issued_on)
        then = f"Your next period has begun by itself: what you earn after {day} counts in it."
    return Letter(
        subject=f"You are certified: {track}",
        paragraphs=[
            f"Congratulations! {certificate.supervisor_name} has verified your record, and your "
            f"certificate for {track} is issued.",
            "Download and print it. Whoever scans its code sees that it is valid.",
        ],
        facts=[
            ("Number", certificate.number),
            ("Issued", formats.day(certificate.issued_on)),
            ("Valid until", formats.day(certificate.expires_on)),
        ],
        button=("Open the certificate", settings.ADDRESS + certificate.get_absolute_url()),
        closing=[f"{then} Your tracks: {_url('tracks:panel')}"],
    )


def revoked(mail: Mail) -> Letter | None:
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
    return Letter(
        subject=f"Your certificate for {track} was revoked",
        paragraphs=[
            f"Certificate {number} ({track}) is no longer valid, and whoever checks it reads so.",
            then,
        ],
        quote=("The CE Coordinator writes:", certificate.revoked_why),
        button=("Look at the track", _progress(participation)),
        closing=[f"You think that this is wrong? Open a help ticket: {_url('helpdesk:create')}"],
    )


def reissued(mail: Mail) -> Letter | None:
    """A certificate was issued anew, with another name on it."""
    certificate = Certificate.objects.select_related("participation__track", "replaces").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    before = certificate.replaces
    if certificate.revoked_at or before is None:
        return None
    return Letter(
        subject=f"Your certificate was issued anew: {certificate.number}",
        paragraphs=[
            f"Certificate {certificate.number} takes the place of {before.number}, which is no "
            "longer valid. Print the new one; days and credits are the same.",
        ],
        facts=[("Name on it", certificate.name), ("Why", before.revoked_why)],
        button=("Open the certificate", settings.ADDRESS + certificate.get_absolute_url()),
    )


def extended(mail: Mail) -> Letter | None:
    """Staff gave more time; the latest extension is told."""
    participation = Participation.objects.select_related("track").get(
        pk=mail.facts["participation"], person=mail.to_id
    )
    extension = participation.extensions.order_by("-pk")[0]
    if str(extension.closes_on) not in mail.key.split(":"):
        return None
    day = formats.day(extension.closes_on)
    return Letter(
        subject=f"More time for {participation.track}: until {day}",
        paragraphs=[
            f"Your time on the track {participation.track} ends on {day} now, not on "
            f"{formats.day(extension.closed_on)}. What you earn until then counts."
        ],
        quote=("The CE Coordinator writes:", extension.reason),
        button=("Look at the track", _progress(participation)),
    )


# ---------- Reminders ----------


def period_ends(mail: Mail) -> Letter | None:
    """The time on a track comes to its end, and with it the certificate before."""
    participation = (
        Participation.objects.filter(pk=mail.facts["participation"], person=mail.to_id)
        .select_related("track", "rule_set", "follows", "person")
        .prefetch_related(queries.REQUIREMENTS)
        .get()
    )
    left = (participation.closes_on - today()).days
    if participation.state != ParticipationState.OPEN or left < 0 or not _is_wanted(mail):
        return None
    if str(participation.closes_on) not in mail.key.split(":"):
        return None  # staff gave more time since
    [(_, progress)] = queries.progress_of([participation], today())
    before, day = participation.follows, formats.day(participation.closes_on)
    track = participation.track
    first = f"Your time on the track {track} ends on {day}, in {_days(left)}."
    if before and before.expires_on == participation.closes_on and not before.revoked_at:
        first = f"Your certificate {before.number} ({track}) expires on {day}, in {_days(left)}."
    todo = "It is ready: send it." if progress.is_complete else missing_in_words(progress)
    return _reminder(
        mail,
        subject=f"{track}: until {day}",
        paragraphs=[f"{first} {todo}"],
        facts=[
            ("Credits", f"{formats.amount(progress.counted)} of {formats.amount(progress.total)}"),
            ("Until", day),
        ],
        button=("Look at the track", _progress(participation)),
        closing=["You need more time? Say why in a help ticket: " + _url("helpdesk:create")],
    )


def certificate_ends(mail: Mail) -> Letter | None:
    """A certificate expires, and its track is not followed any more."""
    certificate = Certificate.objects.select_related("participation__track").get(
        pk=mail.facts["certificate"], person=mail.to_id
    )
    track = certificate.participation.track
    follows = Participation.objects.filter(
        person=mail.to_id, track=track, state__in=sorted(ACTIVE)
    ).exists()
    left = (certificate.expires_on - today()).days
    if certificate.revoked_at or follows or left < 0 or not _is_wanted(mail):
        return None
    day = formats.day(certificate.expires_on)
    return _reminder(
        mail,
        subject=f"Your certificate for {track} expires on {day}",
        paragraphs=[
            f"Your certificate {certificate.number} ({track}) expires on {day}, in {_days(left)}, "
            "and you do not follow this track at present. Choose it again if you want to renew."
        ],
        button=("Choose the track", _url("tracks:choose")),
    )


def new_director(mail: Mail) -> Letter | None:
    """Newly hired directors have four years to be certified."""
    held = Position.objects.present().filter(pk=mail.facts["position"], person=mail.to_id)
    position = held.select_related("organization").first()
    if position is None or position.since_on is None or not _is_wanted(mail):
        return None
    mine = Certificate.objects.filter(person=mail.to_id, revoked_at=None)
    if mine.filter(participation__track__name=DIRECTORS_TRACK).exists():
        return None
    deadline = directors_deadline(position.since_on)
    left = (deadline - today()).days
    if left < 0:
        return None
    return _reminder(
        mail,
        subject=f"Director’s certificate: until {formats.day(deadline)}",
        paragraphs=[
            f"You are director of {position.organization} since {formats.day(position.since_on)}. "
            f"A new director of a public library has four years to be certified: until "
            f"{formats.day(deadline)}, in {_days(left)}."
        ],
        button=("Look at your tracks", _url("tracks:panel")),
        closing=["This does not concern your library? Then there is nothing to do."],
    )


def idle(mail: Mail) -> Letter | None:
    """Nothing was claimed for a year."""
    person = mail.to
    assert person is not None
    since = timezone.now() - dt.timedelta(days=365)
    tracks = [str(each.track) for each in queries.active_participations(person)]
    if not tracks or person.claims.filter(claimed_at__gt=since).exists() or not _is_wanted(mail):
        return None
    return _reminder(
        mail,
        subject="No credit claimed for a year",
        paragraphs=[
            f"You follow {' and '.join(tracks)}, and have claimed no training for a year. Have "
            "you been to one, or watched a recording? It takes a minute to claim it."
        ],
        button=("Claim a training", _url("tracks:panel")),
        closing=[f"What is coming up: {_url('events:calendar')}"],
    )


def _reminder(
    mail: Mail,
    *,
    subject: str,
    paragraphs: list[str],
    button: tuple[str, str],
    facts: list[tuple[str, str]] | None = None,
    closing: list[str] | None = None,
) -> Letter:
    assert mail.to is not None
    address = _url("accounts:certification_reminders", reminders_token(mail.to))
    return Letter(
        subject=subject,
        paragraphs=paragraphs,
        facts=facts or [],
        button=button,
        closing=[*(closing or []), f"You do not want to be reminded? Turn it off: {address}"],
        unsubscribe=address,
    )


def _is_wanted(mail: Mail) -> bool:
    return isinstance(mail.to, User) and mail.to.wants_certification_reminders


def _days(number: int) -> str:
    return {0: "0 days: today", 1: "1 day"}.get(number, f"{number} days")


def _asked_about(asked: Verification) -> str:
    return f"the continuing education of {asked.year}" if asked.year else "the record"


def _verification(mail: Mail) -> Verification:
    return Verification.objects.select_related("person", "participation__track").get(
        pk=mail.facts["verification"]
    )


def _progress(participation: Participation) -> str:
    return settings.ADDRESS + participation.get_absolute_url()


def _url(name: str, *arguments: object) -> str:
    return settings.ADDRESS + reverse(name, args=arguments)
