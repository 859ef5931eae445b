"""Receivers that post credits when a track is chosen and when credits change."""

from typing import Any

from django.dispatch import receiver

from credits.signals import PostingChanges, credits_changed
from tracks.certification import submitting
from tracks.following import actions as following_actions
from tracks.models import Participation
from tracks.signals import track_selected


@receiver(track_selected)
def post_archived_credits(sender: Any, participation: Participation, **kwargs: Any) -> None:
    following_actions.post_archived(participation=participation)


@receiver(credits_changed)
def sync_changed_credits(sender: Any, credit_ids: list[int], **kwargs: Any) -> PostingChanges:
    """Update postings first, because they decide whether a submitted record is reopened."""
    changes = following_actions.sync_postings(credit_ids=credit_ids)
    submitting.reopen_changed_submissions(credit_ids=credit_ids)
    return changes
