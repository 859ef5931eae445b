"""What tracks do when credits have news, and when a track is chosen."""

from typing import Any

from django.dispatch import receiver

from credits.signals import Followed, credits_changed
from tracks import actions
from tracks.models import Certificate, Participation
from tracks.signals import certificate_issued, track_selected


@receiver(track_selected)
def post_archived_credits(sender: Any, participation: Participation, **kwargs: Any) -> None:
    actions.post_archived(participation=participation)


@receiver(certificate_issued)
def begin_next_period(sender: Any, certificate: Certificate, **kwargs: Any) -> None:
    actions.open_next_period(certificate=certificate)


@receiver(credits_changed)
def follow_credits(sender: Any, credit_ids: list[int], **kwargs: Any) -> Followed:
    return actions.sync_postings(credit_ids=credit_ids)
