"""Undoing decisions on custom events and claims, and a person's own acts, within a day."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from credits import actions, history
from credits.actions import undo_claim_decision, undo_withdrawal
from credits.enums import ClaimRole, ClaimState
from credits.models import Claim, Draft
from events.actions import (
    decide_custom_event,
    move_custom_event_to_calendar,
    register,
    undo_custom_event_decision,
)
from events.editing.actions import take_step
from events.enums import Decision, EventState, EventStep, Origin
from events.models import Event, Registration
from events.undoing import last_decision
from tests import factories as make
from tests.emails import body_of, delivered, sent
from tests.web import coordinator, flash_messages, signed_in, text
from tracks.actions import select_track
from tracks.models import Participation, Posting

pytestmark = pytest.mark.django_db
A_DEMO = "This was a vendor demonstration."


@pytest.fixture
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def claim(person: User) -> Claim:
    select_track(track=make.track("Library Staff"), by=person)
    return actions.claim_custom_event(facts=make.facts(title="Weeding online"), by=person)


def decide(claim: Claim, decision: Decision, by: User | None = None, reason: str = A_DEMO) -> None:
    decide_custom_event(
        event_id=claim.event_id, decision=decision, reason=reason, by=by or make.person()
    )


def undo(claim: Claim, by: User | None = None, seen: str = "") -> None:
    undo_custom_event_decision(event_id=claim.event_id, seen=seen, by=by or make.person())


def states(claim: Claim) -> tuple[str, str, int]:
    """Return the states of the event and the claim, and the number of postings."""
    claim.refresh_from_db()
    event = Event.objects.get(pk=claim.event_id)
    return event.state, claim.state, Posting.objects.filter(credit__claim=claim).count()


def merge(source: Event, target: Event, by: User) -> None:
    actions.merge_events(source_id=source.pk, target_id=target.pk, reason="", by=by)


# ---------- Custom events ----------


@pytest.mark.parametrize(
    ("before", "decision"),
    [
        *((EventState.PENDING, decision) for decision in Decision),
        (EventState.PUBLISHED, Decision.DECLINE),
    ],
)
def test_an_undone_decision_leaves_everything_as_it_was(
    claim: Claim, before: EventState, decision: Decision
) -> None:
    if before == EventState.PUBLISHED:
        decide(claim, Decision.APPROVE)
    claim.refresh_from_db()
    earlier = (states(claim), claim.decided_at, claim.decided_by, claim.reason)
    fields = ["state", "origin", "submitted_at", "decided_by", "decided_at", "decision_reason"]
    event = Event.objects.values(*fields).get()
    decide(claim, decision)
    assert states(claim) != earlier[0]
    undo(claim)
    assert (states(claim), claim.decided_at, claim.decided_by, claim.reason) == earlier
    assert Event.objects.values(*fields).get() == event


def test_undoing_publishing_takes_the_event_off_the_calendar(claim: Claim) -> None:
    move_custom_event_to_calendar(event_id=claim.event_id, by=make.person())
    assert Event.objects.get().origin == Origin.CALENDAR
    undo(claim)
    assert Event.objects.get().origin == Origin.CUSTOM
    assert states(claim) == ("pending", "pending", 1)
    entries = [each.what for each in history.claim_history(claim)]
    assert any(each.startswith("The event was taken off the calendar") for each in entries)
    assert any(each.startswith("Decision undone, pending again") for each in entries)


def test_claims_that_were_merged_into_the_event_follow(claim: Claim) -> None:
    theirs = actions.claim_custom_event(facts=make.facts(), by=make.person())
    merge(theirs.event, claim.event, make.person())
    decide(claim, Decision.DECLINE)
    undo(claim)
    theirs.refresh_from_db()
    assert (theirs.state, states(claim)[1]) == ("pending", "pending")


def test_a_letter_that_waits_is_not_sent(claim: Claim) -> None:
    decide(claim, Decision.DECLINE)
    undo(claim)
    assert sent() == []


@pytest.mark.parametrize("decision", [Decision.DECLINE, Decision.RETURN])
def test_a_letter_that_was_sent_is_corrected_once(claim: Claim, decision: Decision) -> None:
    decide(claim, decision)
    assert delivered().to == [claim.person.email]
    undo(claim)
    correction = delivered()
    assert correction.subject == "Correction: Weeding online"
    told = "Declined" if decision == Decision.DECLINE else "Returned for changes"
    assert f"said: {told}. State Library staff have undone" in body_of(correction)
    assert "The status of your claim is now: Pending." in body_of(correction)
    assert sent() == []


def test_an_approval_is_corrected_only_if_its_hourly_letter_was_sent(
    claim: Claim, now: time_machine.Traveller
) -> None:
    decide(claim, Decision.APPROVE)
    now.shift(dt.timedelta(hours=1, minutes=2))
    assert delivered().subject == "Approved: Weeding online"
    undo(claim)
    assert "said: Approved." in body_of(delivered())
    decide(claim, Decision.APPROVE)
    undo(claim)
    now.shift(dt.timedelta(hours=1, minutes=2))
    assert sent() == []


def test_a_correction_is_not_sent_once_staff_have_decided_again(claim: Claim) -> None:
    decide(claim, Decision.DECLINE)
    delivered()
    undo(claim)
    decide(claim, Decision.DECLINE, reason="It was a demonstration, after all.")
    assert delivered().subject == "Declined: Weeding online"
    assert sent() == []


def test_a_decision_cannot_be_undone_over_a_later_one(claim: Claim) -> None:
    decide(claim, Decision.APPROVE)
    change = last_decision(Event.objects.get())
    assert change
    decide(claim, Decision.DECLINE)
    with pytest.raises(Refused, match=r"is now declined\. Someone has changed it since"):
        undo(claim, seen=change.version)
    assert states(claim)[:2] == ("declined", "declined")


def test_undoing_twice_changes_nothing_more(claim: Claim) -> None:
    decide(claim, Decision.APPROVE)
    decide(claim, Decision.DECLINE)
    undo(claim)
    with pytest.raises(Refused, match="cannot be undone"):
        undo(claim)
    assert states(claim)[:2] == ("published", "approved")


def test_a_decision_can_be_undone_within_one_day_only(
    claim: Claim, now: time_machine.Traveller
) -> None:
    decide(claim, Decision.DECLINE)
    now.shift(dt.timedelta(hours=25))
    with pytest.raises(Refused, match="can only be undone within one day"):
        undo(claim)


def test_authors_cannot_undo_decisions_on_their_own_training(claim: Claim) -> None:
    decide(claim, Decision.DECLINE)
    with pytest.raises(Refused, match="your own event"):
        undo(claim, by=claim.person)


def test_a_decision_stays_if_the_training_was_reported_again(claim: Claim) -> None:
    decide(claim, Decision.DECLINE)
    event = claim.event
    actions.claim_custom_event(
        facts=make.facts(title=event.title, begins_at=event.begins_at, ends_at=event.ends_at),
        by=claim.person,
    )
    with pytest.raises(Refused, match="has created “Weeding online” again since then"):
        undo(claim)


def test_a_decision_stays_if_a_certificate_counts_it(claim: Claim) -> None:
    decide(claim, Decision.APPROVE)
    Participation.objects.update(state="certified")
    with pytest.raises(Refused, match="A certificate counts the credit for “Weeding online”"):
        undo(claim)
    assert states(claim)[:2] == ("published", "approved")


def test_publishing_stays_if_the_event_is_in_the_catalog(claim: Claim) -> None:
    move_custom_event_to_calendar(event_id=claim.event_id, by=make.person())
    make.listing(Event.objects.get())
    with pytest.raises(Refused, match="Decline the listing first"):
        undo(claim)


QUEUE = "/admin/events/customevent/"


def press_undo(client: Client, page: str) -> Any:
    """Press the page's Undo button."""
    [url] = [part.split('"')[0] for part in page.split('action="')[1:] if "undo" in part[:80]][:1]
    return client.post(url.replace("&amp;", "&"), follow=True)


@pytest.mark.parametrize("from_message", [True, False])
def test_staff_undo_a_decline_with_one_press(claim: Claim, from_message: bool) -> None:
    staff = make.person(Role.CE_COORDINATOR)
    client = signed_in(staff)
    page = f"{QUEUE}{claim.event_id}/change/"
    form = {"decision": "decline", "reason": A_DEMO, "seen": ""}
    after = client.post(f"{QUEUE}{claim.event_id}/decide/", form, follow=True)
    assert states(claim)[1] == "declined"
    shown = text(after) if from_message else text(client.get(page))
    done = press_undo(client, shown)
    assert states(claim) == ("pending", "pending", 1)
    assert "The decision on “Weeding online” was undone. It is waiting for approval again." in (
        text(done)
    )
    assert "/undo/" not in text(client.get(page))


def test_staff_undo_publishing_with_one_press(claim: Claim) -> None:
    client = signed_in(make.person(Role.CE_COORDINATOR))
    after = client.post(f"{QUEUE}{claim.event_id}/publish/", {"seen": ""}, follow=True)
    press_undo(client, text(after))
    assert states(claim) == ("pending", "pending", 1)


# ---------- Claims ----------


def declined(claim: Claim, by: User) -> Claim:
    return actions.decide_claim(claim_id=claim.pk, target=ClaimState.DECLINED, reason=A_DEMO, by=by)


@pytest.mark.parametrize("from_message", [True, False])
@pytest.mark.parametrize("target", actions.DECIDED)
def test_a_decision_on_a_claim_is_undone(
    person: User, target: ClaimState, from_message: bool
) -> None:
    claim, client = make.claim(person), coordinator()
    page = f"/admin/credits/claim/{claim.pk}/"
    form = {"decision": target.value, "reason": A_DEMO, "seen": ""}
    after = client.post(f"{page}decide/", form, follow=True)
    claim.refresh_from_db()
    assert claim.state == target
    press_undo(client, text(after) if from_message else text(client.get(f"{page}change/")))
    claim.refresh_from_db()
    assert (claim.state, claim.decided_at, claim.reason) == ("pending", None, "")
    assert "/undo/" not in text(client.get(f"{page}change/"))


def test_the_claims_admin_page_offers_to_undo_the_decision_for_a_day(
    person: User, now: time_machine.Traveller
) -> None:
    claim = declined(make.claim(person), make.person())
    page, client = f"/admin/credits/claim/{claim.pk}/change/", coordinator()
    assert "/undo/" in text(client.get(page))
    assert "/undo/" not in text(signed_in(make.person(Role.HELP_DESK)).get(page))
    now.shift(dt.timedelta(hours=25))
    assert "/undo/" not in text(client.get(page))


def test_a_decision_on_a_claim_stays_if_a_certificate_counts_it(person: User, staff: User) -> None:
    select_track(track=make.track("Library Staff"), by=person)
    claim = make.claim(person)
    actions.decide_claim(claim_id=claim.pk, target=ClaimState.APPROVED, reason="", by=staff)
    Participation.objects.update(state="certified")
    with pytest.raises(Refused, match=r"A certificate counts .+'s claim for “"):
        undo_claim_decision(claim_id=claim.pk, by=staff)
    claim.refresh_from_db()
    assert claim.state == ClaimState.APPROVED


def test_a_decision_on_a_claim_cannot_be_undone_over_a_later_one(person: User) -> None:
    claim, staff = make.claim(person), make.person()
    for target in (ClaimState.APPROVED, ClaimState.DECLINED):
        actions.decide_claim(claim_id=claim.pk, target=target, reason=A_DEMO, by=staff)
        versions = [change.version for change in [actions.last_claim_decision(claim)] if change]
        if target == ClaimState.APPROVED:
            first = versions[0]
    with pytest.raises(Refused, match="Someone has changed it since"):
        undo_claim_decision(claim_id=claim.pk, seen=first, by=staff)
    assert undo_claim_decision(claim_id=claim.pk, by=staff).state == ClaimState.APPROVED


def test_no_one_undoes_a_decision_on_their_own_claim(person: User) -> None:
    claim = make.claim(person)
    actions.decide_claim(
        claim_id=claim.pk, target=ClaimState.DECLINED, reason=A_DEMO, by=make.person()
    )
    with pytest.raises(Refused, match="your own claim"):
        undo_claim_decision(claim_id=claim.pk, by=person)


def test_a_decline_stays_if_the_event_was_canceled_since(person: User, staff: User) -> None:
    claim = declined(make.claim(person), staff)
    take_step(event_id=claim.event_id, step=EventStep.CALL_OFF, reason="No one came.", by=staff)
    with pytest.raises(Refused, match=r"The event was cancelled\. The decision on"):
        undo_claim_decision(claim_id=claim.pk, by=staff)
    claim.refresh_from_db()
    assert claim.state == ClaimState.DECLINED


def test_a_decline_stays_if_the_event_was_merged_since(person: User, staff: User) -> None:
    claim = declined(make.claim(person), staff)
    merge(claim.event, make.event(), staff)
    with pytest.raises(Refused, match=r"The event was merged into another one\. The decision on"):
        undo_claim_decision(claim_id=claim.pk, by=staff)


def test_a_decline_stays_if_the_event_was_moved_to_a_later_day(person: User, staff: User) -> None:
    claim = declined(make.claim(person), staff)
    later = timezone.now() + dt.timedelta(days=1)
    Event.objects.update(begins_at=later, ends_at=later + dt.timedelta(hours=1))
    with pytest.raises(Refused, match="has not taken place yet"):
        undo_claim_decision(claim_id=claim.pk, by=staff)


def presented(person: User, days_ago: int) -> Claim:
    begins_at = timezone.now() - dt.timedelta(days=days_ago)
    facts = make.facts(
        title="Weeding online", begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1)
    )
    return actions.claim_custom_event(facts=facts, role=ClaimRole.PRESENTER, by=person)


def test_a_decline_stays_if_the_topic_was_presented_twice_since(person: User) -> None:
    first = presented(person, 30)
    decide(first, Decision.DECLINE)
    for days_ago in (20, 10):
        presented(person, days_ago)
    with pytest.raises(Refused, match="since earned presenter credit for “Weeding online” twice"):
        undo(first)
    assert states(first)[:2] == ("declined", "declined")


# ---------- A person's own acts ----------


def test_a_withdrawn_claim_is_restored_with_its_event(person: User, claim: Claim) -> None:
    client = signed_in(person)
    after = client.post(f"/continuing-education/claims/{claim.pk}/withdraw/", follow=True)
    assert states(claim) == ("cancelled", "withdrawn", 0)
    press_undo(client, text(after))
    assert states(claim) == ("pending", "pending", 1)
    assert (claim.decided_at, claim.reason) == (None, "")


def test_the_line_of_a_credit_offers_to_undo_the_withdrawal_for_a_day(
    claim: Claim, now: time_machine.Traveller
) -> None:
    actions.withdraw_claim(claim_id=claim.pk, by=claim.person)
    undo = f'action="/continuing-education/claims/{claim.pk}/withdraw/undo/"'
    client = signed_in(claim.person)
    assert undo in text(client.get("/continuing-education/credits/"))
    now.shift(dt.timedelta(hours=25))
    assert undo not in text(client.get("/continuing-education/credits/"))
    with pytest.raises(Refused, match="within one day"):
        undo_withdrawal(claim_id=claim.pk, by=claim.person)


def test_a_withdrawal_stays_if_the_custom_event_was_merged_since(claim: Claim, staff: User) -> None:
    theirs = actions.claim_custom_event(facts=make.facts(), by=make.person())
    merge(theirs.event, claim.event, staff)
    actions.withdraw_claim(claim_id=claim.pk, by=claim.person)
    merge(claim.event, make.event(), staff)
    with pytest.raises(Refused, match="The event was merged into another one"):
        undo_withdrawal(claim_id=claim.pk, by=claim.person)


def test_a_withdrawal_stays_if_the_event_was_claimed_again(person: User) -> None:
    event = make.event(title="Repair")
    claim = make.claim(person, event)
    actions.withdraw_claim(claim_id=claim.pk, by=person)
    make.claim(person, event)
    with pytest.raises(Refused, match="has claimed “Repair” again since then"):
        undo_withdrawal(claim_id=claim.pk, by=person)


def test_a_withdrawal_stays_if_the_person_was_marked_absent_since(person: User) -> None:
    event = make.event(days=1)
    registration = register(event_id=event.pk, by=person)
    Event.objects.update(
        begins_at=timezone.now() - dt.timedelta(days=2),
        ends_at=timezone.now() - dt.timedelta(days=1),
    )
    claim = make.claim(person, event)
    actions.withdraw_claim(claim_id=claim.pk, by=person)
    Registration.objects.filter(pk=registration.pk).update(
        attendance="absent", marked_at=timezone.now(), marked_by=make.person()
    )
    with pytest.raises(Refused, match="marked you as absent"):
        undo_withdrawal(claim_id=claim.pk, by=person)


def test_only_ones_own_withdrawal_can_be_undone(person: User) -> None:
    claim = make.claim(person)
    actions.decide_claim(
        claim_id=claim.pk, target=ClaimState.DECLINED, reason=A_DEMO, by=make.person()
    )
    with pytest.raises(Refused, match="your own withdrawal"):
        undo_withdrawal(claim_id=claim.pk, by=person)
    with pytest.raises(Claim.DoesNotExist):
        undo_withdrawal(claim_id=claim.pk, by=make.person())


def test_a_removed_file_is_added_again(person: User) -> None:
    claim = make.claim(person)
    file = SimpleUploadedFile("program.pdf", b"%PDF-1.4 the program")
    [evidence] = actions.add_evidence(claim_id=claim.pk, files=[file], by=person)
    client, page = signed_in(person), f"/continuing-education/claims/{claim.pk}/"
    after = client.post(page, {"remove": evidence.pk}, follow=True)
    assert not claim.evidence.exists()
    press_undo(client, text(after))
    restored = claim.evidence.get()
    assert restored.file_name == "program.pdf"
    assert client.get(f"{page}evidence/undo/").url == client.get(page).url
    with restored.file.open() as stored:
        assert stored.read() == b"%PDF-1.4 the program"


def test_a_discarded_draft_comes_back(person: User) -> None:
    client, page = signed_in(person), "/continuing-education/new/"
    client.post(page, {"keep": "1", "title": "Half-written"})
    after = client.post(page, {"discard": "1"}, follow=True)
    assert not Draft.objects.exists()
    press_undo(client, text(after))
    assert Draft.objects.get().typed == {"title": "Half-written"}
    assert flash_messages(client.post("/continuing-education/new/draft/undo/"))[-1] == (
        "A discarded draft is kept for one day only."
    )


def test_a_track_left_by_mistake_is_resumed_from_the_message(person: User, claim: Claim) -> None:
    client = signed_in(person)
    participation = Participation.objects.get()
    after = client.post(f"/tracks/{participation.pk}/leave/", follow=True)
    assert not Posting.objects.exists()
    assert f'action="/tracks/{participation.pk}/resume/"' in text(after)
    client.post(f"/tracks/{participation.pk}/resume/")
    assert Posting.objects.exists()
