"""What credits do when the calendar has news."""

from typing import Any

from django.dispatch import receiver

from accounts.models import User
from credits import actions
from events.models import Event, Presenter, Registration
from events.signals import (
    attendance_settled,
    custom_event_changed,
    event_revised,
    presenting_settled,
)


@receiver(attendance_settled)
def list_or_withdraw(
    sender: Any, registrations: list[Registration], earned: bool, by: User, **kwargs: Any
) -> None:
    if earned:
        actions.credit_attendance(registrations=registrations, by=by)
        return
    actions.withdraw_attendance(registrations=registrations, by=by)


@receiver(presenting_settled)
def list_presenting(sender: Any, presentations: list[Presenter], by: User, **kwargs: Any) -> None:
    actions.credit_presenting(presentations=presentations, by=by)


@receiver(custom_event_changed)
def follow_decision(sender: Any, event: Event, by: User, reason: str, **kwargs: Any) -> None:
    actions.follow_custom_event(event=event, reason=reason, by=by)


@receiver(event_revised)
def follow_event(sender: Any, event: Event, by: User | None, **kwargs: Any) -> None:
    actions.follow_event(event=event, by=by)
