"""Receivers for calendar signals, confirmed e-mail addresses and sign-ins."""

from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import User
from credits import actions
from events.models import Event, Presenter, Registration
from events.signals import (
    attendance_marked,
    attendance_settled,
    catalog_changed,
    custom_event_changed,
    custom_event_decision_undone,
    event_revised,
    place_removed,
    presenting_settled,
)


@receiver(attendance_settled)
def credit_or_withdraw_attendance(
    sender: Any, registrations: list[Registration], earned: bool, by: User, **kwargs: Any
) -> None:
    if earned:
        actions.credit_attendance(registrations=registrations, by=by)
        return
    actions.withdraw_attendance(registrations=registrations, by=by)


@receiver(place_removed)
def withdraw_credit_of_removed_place(
    sender: Any, registrations: list[Registration], by: User, **kwargs: Any
) -> None:
    actions.withdraw_place_credit(registrations=registrations, by=by)


@receiver(presenting_settled)
def credit_presenters(sender: Any, presentations: list[Presenter], by: User, **kwargs: Any) -> None:
    actions.credit_presenting(presentations=presentations, by=by)


@receiver(custom_event_changed)
def apply_custom_event_decision(
    sender: Any, event: Event, by: User, reason: str, **kwargs: Any
) -> None:
    actions.update_claims_with_custom_event(event=event, reason=reason, by=by)


@receiver(custom_event_decision_undone)
def restore_claims(
    sender: Any, event: Event, action_id: UUID | None, by: User, **kwargs: Any
) -> None:
    actions.restore_decided_claims(event=event, action_id=action_id, by=by)


@receiver(event_revised)
def update_claims(sender: Any, event: Event, by: User | None, **kwargs: Any) -> None:
    actions.update_claims_with_event(event=event, by=by)


@receiver(event_revised)
@receiver(attendance_marked)
@receiver(custom_event_decision_undone)
def withdraw_changed_certificates(sender: Any, event: Event, **kwargs: Any) -> None:
    actions.withdraw_changed_certificates(event)


@receiver(catalog_changed)
def update_credits(sender: Any, event_ids: list[int], by: User, **kwargs: Any) -> None:
    actions.update_catalog_credits(event_ids=event_ids, by=by)


@receiver(post_save, sender=EmailAddress)
def match_waiting_awards(sender: Any, instance: EmailAddress, **kwargs: Any) -> None:
    """Match awards after an address is confirmed by link, by password reset or by staff."""
    if instance.verified:
        actions.match_awards(by=instance.user)


@receiver(user_logged_in)
def match_missed_awards(sender: Any, user: User, **kwargs: Any) -> None:
    """Match awards that were missed because an address was confirmed while a list was applied."""
    actions.match_awards(by=user)
