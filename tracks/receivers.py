"""What tracks do when credits have news, and when a track is chosen."""

from typing import Any

from django.dispatch import receiver

from credits.signals import Followed, credits_changed
from tracks import actions
from tracks.models import Certificate, Participation, Submission, Verification
from tracks.signals import (
    certificate_issued,
    question_withdrawn,
    submission_ended,
    track_selected,
    verification_answered,
    verification_asked,
)


@receiver(track_selected)
def post_archived_credits(sender: Any, participation: Participation, **kwargs: Any) -> None:
    actions.post_archived(participation=participation)


@receiver(certificate_issued)
def begin_next_period(sender: Any, certificate: Certificate, **kwargs: Any) -> None:
    actions.open_next_period(certificate=certificate)


@receiver(verification_asked)
def write_to_supervisor(sender: Any, verification: Verification, **kwargs: Any) -> None:
    actions.promise_question(verification=verification)


@receiver(verification_answered)
def tell_answer(sender: Any, verification: Verification, **kwargs: Any) -> None:
    actions.promise_answer(verification=verification)


@receiver(question_withdrawn)
def tell_withdrawn(sender: Any, verification: Verification, **kwargs: Any) -> None:
    actions.promise_withdrawn(verification=verification)


@receiver(submission_ended)
def tell_ending(sender: Any, submission: Submission, **kwargs: Any) -> None:
    actions.promise_ending(submission=submission)


@receiver(certificate_issued)
def tell_certificate(sender: Any, certificate: Certificate, **kwargs: Any) -> None:
    actions.promise_certificate(certificate=certificate)


@receiver(credits_changed)
def follow_credits(sender: Any, credit_ids: list[int], **kwargs: Any) -> Followed:
    return actions.sync_postings(credit_ids=credit_ids)
