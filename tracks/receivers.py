"""Receivers that post credits when a track is chosen and when credits change."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from credits.signals import PostingChanges, credits_changed, merge_undone
from tracks.certification import submitting
from tracks.following import actions as following_actions
from tracks.models import Participation
from tracks.signals import track_selected


@receiver(track_selected)
def post_archived_credits(sender: Any, participation: Participation, **kwargs: Any) -> None:
    following_actions.post_archived(participation=participation)


@receiver(credits_changed)
def sync_changed_credits(sender: Any, credit_ids: list[int], **kwargs: Any) -> PostingChanges:
    """Update the postings of changed credits, then the submitted records that have changed.

    Postings come first, because they decide whether a record has changed.
    """
    changes = following_actions.sync_postings(credit_ids=credit_ids)
    records = submitting.update_sent_records(credit_ids=credit_ids)
    return changes._replace(records=frozenset(records))


@receiver(merge_undone)
def put_back_records(sender: Any, reopened: list[int], by: User, **kwargs: Any) -> None:
    submitting.put_back_reopened(submission_ids=reopened, by=by)
