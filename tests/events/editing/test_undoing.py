"""Undoing the steps of calendar events within a day."""

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Organization, User
from aspen.errors import Refused
from credits.models import Claim
from events import actions
from events.editing.actions import take_step
from events.editing.undoing import undo_step
from events.enums import EventState, EventStep
from events.models import Event
from events.undoing import last_decision
from tests import factories as make
from tests.emails import body_of, delivered, sent
from tests.web import signed_in, text
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db
DRAFT, PENDING, PUBLISHED = EventState.DRAFT, EventState.PENDING, EventState.PUBLISHED
STORED = ["state", "submitted_at", "decided_by", "decided_at", "decision_reason"]


def proposal(editor: User, state: EventState = PENDING, **fields: object) -> Event:
    return make.event(
        title="Weeding",
        created_by=editor,
        organization=editor.positions.get().organization,
        state=state,
        **{"days": 7, "submitted_at": timezone.now() if state == PENDING else None} | fields,
    )


def step(event: Event, name: EventStep, by: User, reason: str = "") -> None:
    take_step(event_id=event.pk, step=name, reason=reason, by=by)


def state(event: Event) -> str:
    return Event.objects.values_list("state", flat=True).get(pk=event.pk)


@pytest.mark.parametrize(
    ("before", "name", "is_editor"),
    [
        (PENDING, EventStep.PUBLISH, False),
        (DRAFT, EventStep.PUBLISH, False),
        (PENDING, EventStep.RETURN, False),
        (DRAFT, EventStep.DISCARD, False),
        (DRAFT, EventStep.DISCARD, True),
        (PENDING, EventStep.TAKE_BACK, True),
    ],
)
def test_an_undone_step_leaves_the_event_as_it_was(
    editor: User, staff: User, before: EventState, name: EventStep, is_editor: bool
) -> None:
    event, by = proposal(editor, before), editor if is_editor else staff
    stored = Event.objects.values(*STORED).get()
    step(event, name, by, "Which library?")
    assert state(event) != before
    undo_step(event_id=event.pk, by=by)
    assert Event.objects.values(*STORED).get() == stored


def test_editors_undo_only_their_own_steps(editor: User, staff: User) -> None:
    event = proposal(editor)
    step(event, EventStep.PUBLISH, staff)
    with pytest.raises(Refused, match="A colleague took this step"):
        undo_step(event_id=event.pk, by=editor)
    with pytest.raises(Refused, match="no longer manage"):
        undo_step(event_id=event.pk, by=make.person())
    undo_step(event_id=event.pk, by=make.person(Role.CE_COORDINATOR))
    assert state(event) == PENDING


def test_a_step_cannot_be_undone_over_a_later_one_or_after_a_day(editor: User, staff: User) -> None:
    event = proposal(editor)
    step(event, EventStep.RETURN, staff, "Which library?")
    change = last_decision(Event.objects.get())
    assert change
    step(event, EventStep.SUBMIT, editor)
    with pytest.raises(Refused, match="Someone has changed it since"):
        undo_step(event_id=event.pk, seen=change.version, by=staff)
    step(event, EventStep.PUBLISH, staff)
    with time_machine.travel(timezone.now() + dt.timedelta(hours=25)):
        with pytest.raises(Refused, match="within one day"):
            undo_step(event_id=event.pk, by=staff)


def test_an_event_that_people_registered_for_stays_on_the_calendar(
    editor: User, staff: User
) -> None:
    event = proposal(editor)
    step(event, EventStep.PUBLISH, staff)
    actions.register(event_id=event.pk, by=make.person())
    with pytest.raises(Refused, match="People have registered"):
        undo_step(event_id=event.pk, by=staff)
    assert state(event) == PUBLISHED


def test_canceling_is_not_undone_here(editor: User, staff: User) -> None:
    event = proposal(editor, PUBLISHED)
    step(event, EventStep.CALL_OFF, staff, "Snow.")
    with pytest.raises(Refused, match="People were told"):
        undo_step(event_id=event.pk, by=staff)
    step(event, EventStep.RESTORE, staff)
    with pytest.raises(Refused, match="cancel it again"):
        undo_step(event_id=event.pk, by=staff)


def test_sending_to_staff_is_withdrawn_instead(editor: User, staff: User) -> None:
    event = proposal(editor, DRAFT)
    step(event, EventStep.SUBMIT, editor)
    for by in (editor, staff):
        with pytest.raises(Refused, match="withdraw it"):
            undo_step(event_id=event.pk, by=by)
        page = text(signed_in(by).get(f"/events/{event.pk}/review/"))
        assert "You can undo the last step" not in page


def test_claims_and_postings_follow(editor: User, staff: User) -> None:
    event = proposal(editor, days=-7)
    step(event, EventStep.PUBLISH, staff)
    claim = make.claim(make.person(), event)
    select_track(track=make.track("Library Staff"), by=claim.person)
    assert Posting.objects.exists()
    undo_step(event_id=event.pk, by=staff)
    claim = Claim.objects.get()
    assert (claim.state, claim.reason) == ("withdrawn", "The event is not on the calendar.")
    assert not Posting.objects.exists()


def test_a_letter_to_the_author_is_dropped_or_corrected(editor: User, staff: User) -> None:
    event = proposal(editor)
    for name, told in (
        (EventStep.PUBLISH, "was on the calendar"),
        (EventStep.RETURN, "needed changes"),
    ):
        step(event, name, staff, "Which library?")
        undo_step(event_id=event.pk, by=staff)
        assert sent() == []
        step(event, name, staff, "Which library?")
        assert delivered().to == [editor.email]
        undo_step(event_id=event.pk, by=staff)
        correction = delivered()
        assert (correction.to, correction.subject) == ([editor.email], "Correction: Weeding")
        assert f"“Weeding” {told}. State Library staff have undone" in body_of(correction)


def test_a_series_follows_as_a_whole(editor: User, staff: User) -> None:
    key = "5f0c7bd6-2cbb-4c5c-9c56-59bd8a1f2f10"
    events = [proposal(editor, days=7 + number, series_key=key) for number in range(3)]
    step(events[0], EventStep.RETURN, staff, "Which library?")
    take_step(event_id=events[1].pk, step=EventStep.PUBLISH, whole_series=True, by=staff)
    assert [state(each) for each in events] == [DRAFT, PUBLISHED, PUBLISHED]
    undo_step(event_id=events[1].pk, by=staff)
    assert [state(each) for each in events] == [DRAFT, PENDING, PENDING]


def test_the_message_and_the_event_page_have_the_button(
    editor: User, staff: User, library: Organization
) -> None:
    event, client = proposal(editor), signed_in(staff)
    after = client.post(f"/events/{event.pk}/review/", {"publish": "1"}, follow=True)
    page = text(client.get(after.redirect_chain[-1][0]))
    for shown in (text(after), page):
        assert f'action="/events/{event.pk}/undo/?seen=' in shown
    url = page.split(f'action="/events/{event.pk}/undo/')[1].split('"')[0]
    done = client.post(f"/events/{event.pk}/undo/{url}", follow=True)
    assert "Undone. “Weeding” is now waiting for staff." in text(done)
    assert state(event) == PENDING


def test_a_discarded_draft_comes_back(editor: User, client: Client) -> None:
    event = proposal(editor, DRAFT)
    after = text(client.post(f"/events/{event.pk}/review/", {"discard": "1"}, follow=True))
    assert f'action="/events/{event.pk}/undo/?seen=' in after
    assert "You can undo the last step" in text(client.get(f"/events/{event.pk}/review/"))
    client.post(f"/events/{event.pk}/undo/")
    assert state(event) == DRAFT
    assert "You can undo" not in text(client.get(f"/events/{event.pk}/review/"))
