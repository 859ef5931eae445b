"""Actions that issue, revoke and reissue certificates."""

from contextlib import suppress
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.actions import portal_user
from accounts.models import User
from accounts.queries import lock_people
from aspen.clock import today, years_after
from aspen.db.audit import audited
from aspen.errors import Refused
from aspen.transitions import Actor
from credits.actions import approve_verified
from tracks.certification import emails
from tracks.certification.record import RecordData
from tracks.enums import ACTIVE, Ending, ParticipationStep
from tracks.following.actions import apply_step, begin_period, post_archived, stop_following
from tracks.models import Certificate, Participation, Submission

# An arbitrary id for the advisory lock held from numbering a certificate until the commit.
NUMBERING_LOCK = 20230117


def certify(submission: Submission, *, record: RecordData, by: User | None) -> Certificate:
    """Issue the certificate for a submission whose `record` has just been verified.

    Keep counted credits posted, archive surplus credits and approve Pending claims. Then start the
    next period and queue the e-mail. The caller holds the person's lock.
    """
    participation, reviewer = submission.participation, submission.reviewed_by
    assert reviewer is not None
    counted = [line["credit"] for line in record["lines"]]
    participation.postings.exclude(credit__in=counted).delete()
    submission.ended_at, submission.ended_by = submission.verified_at, by
    submission.ending = Ending.CERTIFIED
    submission.save(update_fields=["ended_at", "ended_by", "ending"])
    certificate = _issue(
        participation=participation,
        person=submission.person,
        submission=submission,
        name=submission.name,
        listed_as=submission.listed_as,
        record=record,
    )
    approve_verified(
        claim_ids={line["claim"] for line in record["lines"]},
        reason=f"Verified with certificate {certificate.number}.",
        by=reviewer,
    )
    _begin_next_period(certificate)
    emails.queue_certified_email(certificate)
    return certificate


def _issue(
    *, submission: Submission, replaces: Certificate | None = None, **facts: Any
) -> Certificate:
    assert submission.reviewed_at is not None
    assert submission.verified_at is not None
    day = replaces.issued_on if replaces else today()
    years = submission.participation.rule_set.years
    return Certificate.objects.create(
        number=_next_number(today().year),
        submission=submission,
        reviewed_at=submission.reviewed_at,
        verified_at=submission.verified_at,
        coordinator_name=str(submission.reviewed_by),
        supervisor_name=submission.verified_name,
        issued_on=day,
        expires_on=replaces.expires_on if replaces else years_after(day, years),
        replaces=replaces,
        **facts,
    )


def _next_number(year: int) -> str:
    """Return the year's next number, such as 2026-0117, without gaps. Locks until the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NUMBERING_LOCK])
    issued = Certificate.objects.filter(number__startswith=f"{year}-").count()
    return f"{year}-{issued + 1:04d}"


def _begin_next_period(certificate: Certificate) -> None:
    """Start the next period if the track has renewal rules in force today.

    The caller holds the person's lock.
    """
    person, track = certificate.person, certificate.participation.track
    if Participation.objects.filter(person=person, track=track, state__in=sorted(ACTIVE)).exists():
        return
    with suppress(Refused):
        begin_period(person=person, track=track, by=portal_user())


@audited
def revoke_certificate(
    *, certificate_id: int, reason: str, reopen: bool = False, by: User
) -> Certificate:
    """Revoke a certificate. Anyone who checks it can read the reason. Locks the person.

    Its credits are archived. The next period still counts only credits earned from the day on
    which the revoked record was sent. With `reopen`, the next period is left and the certified
    period reopens with the credits that are eligible now, so that the person can correct and
    resubmit the record. Idempotent. Raises Certificate.DoesNotExist; Refused if there is no reason,
    the certificate is `by`'s own or the next period cannot be left.
    """
    certificate = _lock(certificate_id, by=by)
    if certificate.revoked_at:
        return certificate
    if not reason.strip():
        raise Refused(
            "Give a reason. Anyone who checks the certificate can read it.", field="reason"
        )
    _revoke(certificate, reason=reason.strip(), by=by)
    emails.queue_revoked_email(certificate)
    participation = certificate.participation
    next_periods = Participation.objects.filter(
        person=certificate.person, track=participation.track, state__in=sorted(ACTIVE)
    ).select_related("track")
    # Delete all postings either way: credits declined or corrected since must not come back.
    participation.postings.all().delete()
    if not reopen:
        apply_step(participation, ParticipationStep.REVOKE, actor=Actor.COORDINATOR)
        for period in next_periods:  # credits in the revoked record can count again
            post_archived(participation=period)
        return certificate
    for period in next_periods:
        stop_following(period, actor=Actor.PORTAL)
    apply_step(participation, ParticipationStep.REVOKE_AND_REOPEN, actor=Actor.COORDINATOR)
    post_archived(participation=participation)
    return certificate


@audited
def reissue_certificate(*, certificate_id: int, name: str, reason: str, by: User) -> Certificate:
    """Reissue a certificate under another name and revoke the old one.

    The dates and the record stay the same. Locks the person. Raises Certificate.DoesNotExist;
    Refused if the name or reason is missing, or if the certificate is `by`'s own or was revoked.
    """
    certificate = _lock(certificate_id, by=by)
    if certificate.revoked_at:
        raise Refused(f"Certificate {certificate.number} was revoked, so it cannot be reissued.")
    if not reason.strip():
        raise Refused(
            "Give a reason. Anyone who checks the old certificate can read it.", field="reason"
        )
    if not name.strip():
        raise Refused("Enter the name for the new certificate.", field="name")
    _revoke(certificate, reason=f"{emails.REISSUED_PREFIX}{reason.strip()}", by=by)
    reissued = _issue(
        participation=certificate.participation,
        person=certificate.person,
        submission=certificate.submission,
        name=name.strip(),
        listed_as=certificate.listed_as and name.strip(),
        record=certificate.record,
        replaces=certificate,
    )
    emails.queue_reissued_email(reissued)
    return reissued


def _revoke(certificate: Certificate, *, reason: str, by: User) -> None:
    certificate.revoked_at, certificate.revoked_by = timezone.now(), by
    certificate.revoked_reason = reason
    certificate.save(update_fields=["revoked_at", "revoked_by", "revoked_reason"])


def _lock(certificate_id: int, *, by: User) -> Certificate:
    lock_people(Certificate.objects.filter(pk=certificate_id).values_list("person_id", flat=True))
    certificate = Certificate.objects.select_related(
        "person",
        "participation__track",
        "submission__reviewed_by",
        "submission__participation__rule_set",
    ).get(pk=certificate_id)
    if certificate.person_id == by.pk:
        raise Refused(
            "You cannot revoke or reissue your own certificate. Ask a colleague to do it."
        )
    return certificate
