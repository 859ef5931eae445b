"""A record is sent, taken back, returned, reviewed, and reopened by a correction."""

from collections.abc import Collection, Iterable

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.transitions import Actor
from credits.models import Claim, Credit
from credits.queries import with_earned_on
from tracks.certification import emails, record
from tracks.certification.checks import check_record, undecided_result
from tracks.certification.verifying import SupervisorContact, ask, withdraw_open_question
from tracks.counting import queries as counting_queries
from tracks.enums import SENT, Ending, ParticipationState, ParticipationStep
from tracks.following.actions import apply_step, state_after
from tracks.models import Participation, Submission

# What the CE Coordinator writes is for the person alone.
WITHDRAWAL_REASONS = {
    Ending.TAKEN_BACK: "The person took the record back.",
    Ending.RETURNED: "The CE Coordinator returned the record for changes.",
}


@audited
def submit_track(
    *,
    participation_id: int,
    seen: str,
    name: str,
    listed_as: str = "",
    note: str = "",
    supervisor: SupervisorContact | None = None,
    by: User,
) -> Submission:
    """Send one's record on a track to the CE Coordinator, as it is today.

    `seen` is the record's fingerprint (record.fingerprint) that the person was looking
    at; `name` stands on the certificate, `listed_as` in the yearly list (empty: not listed).
    `supervisor` is whom the person proposes. Locks the person. Idempotent: what was sent already
    is returned. Raises Participation.DoesNotExist for somebody else's; Refused where something is
    missing, the record changed in the meantime, or the supervisor is the person.
    """
    lock_people([by.pk])
    participation = counting_queries.participations_visible_to(by).get(pk=participation_id)
    if participation.state in SENT:
        return participation.submissions.get(ended_at=None)
    state_after(
        participation, ParticipationStep.SUBMIT, Actor.PERSON
    )  # refuses before anything is read
    if not name.strip():
        raise Refused("Say how your name shall stand on the certificate.", field="name")
    if supervisor:
        supervisor.refuse_oneself(by)
    [(_, progress)] = counting_queries.progress_of([participation], today())
    if not progress.is_complete:
        raise Refused(
            "Something is still missing for this certificate, so nothing was sent. The page says "
            "what it is."
        )
    made = record.make_record(participation, today())
    if record.record_fingerprint(made) != seen:
        raise Refused(
            "Your credits changed since you opened this page, so nothing was sent. Look at what "
            "would be sent now, and send it then."
        )
    submission = Submission.objects.create(
        participation=participation,
        person=by,
        submitted_at=timezone.now(),
        record=made,
        remarks=[remark.text for remark in check_record(made)],
        name=name.strip(),
        listed_as=listed_as.strip(),
        note=note.strip(),
        supervisor_name=supervisor.name if supervisor else "",
        supervisor_email=supervisor.email if supervisor else "",
    )
    apply_step(participation, ParticipationStep.SUBMIT, actor=Actor.PERSON)
    return submission


@audited
def take_back_submission(*, participation_id: int, by: User) -> None:
    """Take back what one has sent, to change something. Locks the person. Idempotent.

    Raises Participation.DoesNotExist for somebody else's, Refused once it is certified.
    """
    lock_people([by.pk])
    participation = counting_queries.participations_visible_to(by).get(pk=participation_id)
    if participation.state == ParticipationState.OPEN:
        return
    apply_step(participation, ParticipationStep.TAKE_BACK, actor=Actor.PERSON)
    end_submission(participation, Ending.TAKEN_BACK, reason="", by=by)


@audited
def return_submission(*, submission_id: int, reason: str, seen: str = "", by: User) -> None:
    """Return a record for changes, with a reason the person reads. Locks the person.

    `seen` is the state `by` was looking at: what went to the supervisor in the meantime is not
    taken from there unawares. Raises Submission.DoesNotExist, or Refused where it is no longer
    under way or in another state.
    """
    submission = lock_submission(submission_id, by=by)
    if seen and submission.participation.state != seen:
        raise Refused(
            "This record went on in the meantime, so nothing was changed. Look at it again."
        )
    if not reason.strip():
        raise Refused("Give a reason; the person will read it.", field="reason")
    apply_step(submission.participation, ParticipationStep.RETURN, actor=Actor.COORDINATOR)
    end_submission(submission.participation, Ending.RETURNED, reason=reason.strip(), by=by)


@audited
def review_submission(*, submission_id: int, supervisor: SupervisorContact, by: User) -> None:
    """Find a record right and ask the supervisor to verify it. Locks the person.

    Raises Submission.DoesNotExist; Refused where it is not waiting for review, holds something
    that staff have not decided about, or the supervisor is the person.
    """
    submission = lock_submission(submission_id, by=by)
    supervisor.refuse_oneself(submission.person)
    claims = {line["claim"] for line in submission.record["lines"]}
    for claim in Claim.objects.filter(pk__in=claims).select_related("event").order_by("pk"):
        if counting_queries.is_undecided(claim):
            raise Refused(
                f"“{claim.event.title}” waits for a decision of staff. Decide about it first; "
                "nothing was changed."
            )
    apply_step(submission.participation, ParticipationStep.REVIEW, actor=Actor.COORDINATOR)
    submission.reviewed_at, submission.reviewed_by = timezone.now(), by
    submission.save(update_fields=["reviewed_at", "reviewed_by"])
    ask(submission, supervisor, by=by)


def lock_submission(submission_id: int, *, by: User) -> Submission:
    """A submission with its participation, whose person is locked; nobody decides about their
    own. Raises Submission.DoesNotExist or Refused."""
    lock_people(Submission.objects.filter(pk=submission_id).values_list("person_id", flat=True))
    submission = Submission.objects.select_related(
        "person", "participation__track", "participation__rule_set"
    ).get(pk=submission_id)
    if submission.person_id == by.pk:
        raise Refused("Somebody else has to decide about your own record.")
    if submission.ended_at:
        raise Refused(
            f"This record was {submission.get_ending_display().lower()} in the meantime; nothing "
            "was changed."
        )
    return submission


def end_submission(
    participation: Participation, ending: Ending, *, reason: str, by: User | None
) -> None:
    """End what is under way, with the question to the supervisor. The caller holds the lock."""
    submission = participation.submissions.get(ended_at=None)
    submission.ended_at, submission.ended_by = timezone.now(), by
    submission.ending, submission.reason = ending, reason
    submission.save(update_fields=["ended_at", "ended_by", "ending", "reason"])
    withdraw_open_question(submission, reason=WITHDRAWAL_REASONS.get(ending, reason))
    emails.queue_came_back_email(submission)


def reopen_changed_submissions(*, credit_ids: Collection[int]) -> None:
    """Reopen records that were sent and count one of these credits otherwise than it is now, or
    were reviewed and count what staff have to decide about again.

    One query where none was sent. The caller holds the people's locks.
    """
    people = Credit.objects.filter(pk__in=credit_ids).order_by().values("person")
    sent = Participation.objects.filter(person__in=people, state__in=sorted(SENT))
    for participation in sent.select_related("track").order_by("pk"):
        submission = participation.submissions.get(ended_at=None)
        held = [line["credit"] for line in submission.record["lines"]]
        posted = Credit.objects.filter(pk__in=held, postings__participation=participation)
        credits = list(with_earned_on(posted).select_related("category", "claim__event"))
        why = record.why_changed(submission.record, credits)
        if not why and participation.state == ParticipationState.REVIEWED:
            why = _newly_undecided(credits)
        if why:
            apply_step(participation, ParticipationStep.REOPEN, actor=Actor.PORTAL)
            end_submission(participation, Ending.REOPENED, reason=why, by=None)


def _newly_undecided(credits: Iterable[Credit]) -> str:
    """The first of these that staff have to decide about after all, in words; or nothing.

    A merge, or its end, brings a claim to a training that waits. Nothing like that was reviewed.
    """
    for credit in credits:
        if counting_queries.is_undecided(credit.claim):
            return undecided_result(credit.claim)
    return ""
