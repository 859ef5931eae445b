"""Certificates are issued, revoked and issued anew; the next period begins by itself."""

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
from tracks.enums import ACTIVE, Ending, ParticipationStep
from tracks.following.actions import apply_step, begin_period, post_archived, stop_following
from tracks.models import Certificate, Participation, Submission

# Any number: whoever numbers a certificate holds the lock of this name until the end.
NUMBERING_LOCK = 20230117


def certify(submission: Submission, *, by: User | None) -> Certificate:
    """Issue the certificate of a submission that was reviewed and verified just now.

    What it counts stays posted, what goes beyond is archived; claims still Pending are Approved,
    as reviewed. The next period begins, and the person is told. The caller holds the person's lock.
    """
    participation, reviewer = submission.participation, submission.reviewed_by
    assert reviewer is not None
    counted = [line["credit"] for line in submission.record["lines"]]
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
        record=submission.record,
    )
    approve_verified(
        claim_ids={line["claim"] for line in submission.record["lines"]},
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
    """2026-0117: the year and the next number in it, without a gap. One at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NUMBERING_LOCK])
    issued = Certificate.objects.filter(number__startswith=f"{year}-").count()
    return f"{year}-{issued + 1:04d}"


def _begin_next_period(certificate: Certificate) -> None:
    """Begin the period after a certificate, where the track has renewal rules in force today.

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
    """Revoke a certificate, with a reason that everybody reads who checks it. Locks the person.

    Its credits are archived; what was earned before its issue does not count in the period that
    has begun since. With `reopen` the certified period is under way again instead, with what is
    eligible now, so that what is wrong can be mended and sent anew, and the period that has begun
    since is left. Idempotent.
    Raises Certificate.DoesNotExist; Refused without a reason, for one's own, or where the period
    since cannot be left.
    """
    certificate = _lock(certificate_id, by=by)
    if certificate.revoked_at:
        return certificate
    if not reason.strip():
        raise Refused("Give a reason; whoever checks the certificate reads it.", field="reason")
    _revoke(certificate, reason=reason.strip(), by=by)
    emails.queue_revoked_email(certificate)
    participation = certificate.participation
    following = Participation.objects.filter(
        person=certificate.person, track=participation.track, state__in=sorted(ACTIVE)
    ).select_related("track")
    # In either case: what was declined or corrected since it was counted does not come back.
    participation.postings.all().delete()
    if not reopen:
        apply_step(participation, ParticipationStep.REVOKE, actor=Actor.COORDINATOR)
        for period in following:  # what turned out to be earned after the issue counts there
            post_archived(participation=period)
        return certificate
    for period in following:
        stop_following(period, actor=Actor.PORTAL)
    apply_step(participation, ParticipationStep.RESTORE, actor=Actor.COORDINATOR)
    post_archived(participation=participation)
    return certificate


@audited
def reissue_certificate(*, certificate_id: int, name: str, reason: str, by: User) -> Certificate:
    """Issue a certificate anew, with another name on it; the old one is revoked and says so.

    Days and what it counted stay. Locks the person. Raises Certificate.DoesNotExist; Refused
    without name or reason, for one's own, or one that was revoked.
    """
    certificate = _lock(certificate_id, by=by)
    if certificate.revoked_at:
        raise Refused(f"Certificate {certificate.number} was revoked, so it is not issued anew.")
    if not reason.strip():
        raise Refused("Give a reason; whoever checks the old one reads it.", field="reason")
    if not name.strip():
        raise Refused("Say which name shall stand on it.", field="name")
    _revoke(certificate, reason=f"Issued anew: {reason.strip()}", by=by)
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
        raise Refused("Somebody else has to decide about your own certificate.")
    return certificate
