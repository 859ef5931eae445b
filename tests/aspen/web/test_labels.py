from collections.abc import Collection
from typing import get_args

import pytest
from django.template.loader import render_to_string

from aspen.admin import MAIL_LABELS
from aspen.models import MailState
from aspen.web.labels import Label, Tone
from credits import enums as credits
from events import enums as events
from events.models import Event
from helpdesk import enums as helpdesk
from tracks import enums as tracks


@pytest.mark.parametrize(
    ("table", "states"),
    [
        (credits.CLAIM_LABELS, credits.ClaimState),
        (events.EVENT_LABELS[events.Origin.CALENDAR], events.EventState),
        (events.EVENT_LABELS[events.Origin.CUSTOM], events.EventState),
        (events.REGISTRATION_LABELS, events.RegistrationState),
        (events.ATTENDANCE_LABELS, events.Attendance),
        (events.LISTING_LABELS, events.ListingState),
        (helpdesk.TICKET_LABELS, helpdesk.TicketState),
        (tracks.PARTICIPATION_LABELS, tracks.ParticipationState),
        (tracks.ENDING_LABELS, tracks.Ending),
        (tracks.ANSWER_LABELS, tracks.VerificationAnswer),
        (tracks.CERTIFICATE_LABELS, tracks.CertificateValidity),
        (tracks.RULE_SET_LABELS, tracks.RuleSetState),
        (MAIL_LABELS, MailState),
    ],
)
def test_every_state_has_a_label(table: dict[str, Label], states: Collection[str]) -> None:
    assert set(table) == set(states)
    assert {label.tone for label in table.values()} <= set(get_args(Tone))
    assert all(label.text and len(label.shape) == 1 for label in table.values())


@pytest.mark.parametrize(
    ("origin", "state", "reason", "text"),
    [
        ("calendar", "draft", "", "Draft"),
        ("calendar", "draft", "Which room?", "Returned for changes"),
        ("calendar", "pending", "", "Waiting for staff"),
        ("calendar", "published", "", "Published"),
        ("calendar", "declined", "", "Discarded"),
        ("custom", "draft", "Which hours?", "Returned for changes"),
        ("custom", "pending", "", "Waiting for approval"),
        ("custom", "published", "", "Approved"),
        ("custom", "declined", "Not training.", "Declined"),
        ("custom", "merged", "", "Merged into another event"),
    ],
)
def test_the_label_of_an_event(origin: str, state: str, reason: str, text: str) -> None:
    event = Event(origin=origin, state=state, decision_reason=reason)
    assert event.state_label.text == text


def test_screen_readers_skip_the_shape() -> None:
    page = render_to_string("includes/state_label.html", {"label": Label("Valid", "good", "✓")})
    assert page.strip() == (
        '<span class="state state--good"><span aria-hidden="true">✓</span><span>Valid</span></span>'
    )
