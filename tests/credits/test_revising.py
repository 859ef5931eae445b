"""Changing one's own training from Create New… before staff decide on it."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.models import User
from aspen.clock import today
from aspen.errors import Refused
from credits import actions
from credits.enums import ClaimRole, ClaimState
from credits.models import Claim
from events.actions import decide_custom_event
from events.enums import Decision, EventState
from events.models import Event
from events.queries import custom_event_version
from tests import factories as make
from tests.web import flash_messages, signed_in, text
from tracks.actions import select_track
from tracks.counting.queries import earned_by_category
from tracks.enums import Ending
from tracks.models import Posting

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4 a certificate"


@pytest.fixture
def client(person: User) -> Client:
    return signed_in(person)


@pytest.fixture
def claim(person: User) -> Claim:
    """A claim for two hours of training, in the category Technology."""
    begins_at = timezone.localtime().replace(hour=9, minute=0, second=0, microsecond=0)
    begins_at -= dt.timedelta(days=7)
    return actions.claim_custom_event(
        facts=make.facts(
            title="Weeding online",
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=2),
        ),
        note="Mornings only.",
        by=person,
    )


def page_of(claim: Claim) -> str:
    return f"/continuing-education/custom/{claim.event_id}/"


def stored(client: Client, claim: Claim, **changes: Any) -> dict[str, Any]:
    """Return the form's stored values as a browser sends them, with some of them changed."""
    page = client.get(page_of(claim))
    form = page.context["form"]
    values = {
        field.html_name: field.field.prepare_value(field.initial)
        for field in form
        if field.html_name != "evidence"
    }
    for name in ("begins_at", "ends_at"):
        values[name] = f"{timezone.localtime(form.initial[name]):%Y-%m-%dT%H:%M}"
    sent = {name: "" if value is None else value for name, value in values.items()}
    return sent | {"seen": page.context["seen"]} | changes


def category_of(claim: Claim) -> str:
    return str(claim.credits.select_related("category").get().category.slug)


def decide(claim: Claim, decision: Decision, reason: str = "") -> None:
    decide_custom_event(event_id=claim.event_id, decision=decision, reason=reason, by=make.person())


def test_a_wrong_category_is_corrected_a_minute_later(client: Client, claim: Claim) -> None:
    participation, _ = select_track(track=make.track("Library Trustee"), by=claim.person)
    administration = make.category(make.ADMINISTRATION)
    sent = client.post(page_of(claim), stored(client, claim, category=administration.pk))
    assert flash_messages(sent) == ["“Weeding online” was saved and is waiting for approval."]
    assert category_of(claim) == administration.slug
    assert claim.event.offers.get().category == administration
    assert earned_by_category([participation], today())[participation.pk] == {
        administration.pk: Decimal(1)
    }


def test_a_second_press_of_save_is_no_conflict(client: Client, claim: Claim) -> None:
    decide(claim, Decision.RETURN, reason="Which hours?")
    form = stored(client, claim, title="With hours")
    for expected in ("“With hours” was resubmitted", "“With hours” was already saved"):
        assert flash_messages(client.post(page_of(claim), form))[-1].startswith(expected)


def test_the_form_holds_the_stored_values_and_saving_them_changes_nothing(
    client: Client, claim: Claim
) -> None:
    client.post(page_of(claim), stored(client, claim))
    event = Event.objects.get()
    assert (event.title, event.begins_at, event.ends_at) == (
        "Weeding online",
        claim.event.begins_at,
        claim.event.ends_at,
    )
    claim.refresh_from_db()
    assert (claim.note, claim.role, claim.state) == ("Mornings only.", "attendee", "pending")
    assert category_of(claim) == make.TECHNOLOGY


def test_times_role_note_and_files_can_be_changed(client: Client, claim: Claim) -> None:
    ends_at = timezone.localtime(claim.event.begins_at) + dt.timedelta(hours=3)
    changed = stored(
        client,
        claim,
        ends_at=f"{ends_at:%Y-%m-%dT%H:%M}",
        amount="3",
        role=ClaimRole.PRESENTER,
        note="I presented.",
        evidence=SimpleUploadedFile("program.pdf", PDF),
    )
    client.post(page_of(claim), changed)
    claim.refresh_from_db()
    assert (claim.role, claim.note) == ("presenter", "I presented.")
    assert claim.credits.get().amount == Decimal(6)
    assert claim.evidence.get().file_name == "program.pdf"
    assert Event.objects.get().ends_at == ends_at


def test_a_changed_event_keeps_its_place_in_the_queue(client: Client, claim: Claim) -> None:
    client.post(page_of(claim), stored(client, claim, title="Weeding, again"))
    event = Event.objects.get()
    assert (event.title, event.submitted_at) == ("Weeding, again", claim.event.submitted_at)


@pytest.mark.parametrize("decision", [Decision.APPROVE, Decision.DECLINE])
def test_a_change_after_the_decision_is_refused_in_words(
    client: Client, claim: Claim, decision: Decision
) -> None:
    late = stored(client, claim, title="Too late")
    decide(claim, decision, reason="A vendor demonstration.")
    [reason] = flash_messages(client.post(page_of(claim), late))
    assert "so you can no longer change it. Nothing was saved." in reason
    assert Event.objects.get().title == "Weeding online"


def test_a_change_does_not_pass_by_a_question_that_staff_have_just_asked(
    client: Client, claim: Claim
) -> None:
    late = stored(client, claim, title="Weeding in Helena")
    decide(claim, Decision.RETURN, reason="Which library?")
    page = text(client.post(page_of(claim), late))
    assert "has changed since you opened this page and is now returned for changes" in page
    assert "Which library?" in page
    assert "Weeding in Helena" in page
    assert Event.objects.get().state == EventState.DRAFT
    sent = client.post(page_of(claim), stored(client, claim, title="Weeding in Helena"))
    assert "“Weeding in Helena” was resubmitted" in flash_messages(sent)[-1]


def test_staff_with_the_old_version_open_are_asked_to_review_again(
    client: Client, claim: Claim
) -> None:
    seen = custom_event_version(Event.objects.get())
    client.post(page_of(claim), stored(client, claim, category=make.category(make.PUBLIC).pk))
    with pytest.raises(Refused, match="has changed since you opened this page"):
        decide_custom_event(
            event_id=claim.event_id,
            decision=Decision.APPROVE,
            reason="",
            seen=seen,
            by=make.person(),
        )
    claim.refresh_from_db()
    assert claim.state == ClaimState.PENDING


def test_the_checks_run_for_the_role_in_the_form(client: Client, claim: Claim) -> None:
    """People who present a training again are not asked whether it is the same."""
    make.claim(claim.person, make.event(title="Weeding online", days=-730))
    for role, asks in (("presenter", False), ("attendee", True)):
        page = client.post(page_of(claim), stored(client, claim, role=role))
        assert (page.status_code == 200) == asks
    assert "Is it the same training again?" in text(page)
    claim.refresh_from_db()
    assert claim.role == ClaimRole.PRESENTER


def test_the_checks_run_again_before_saving(client: Client, claim: Claim) -> None:
    other = make.claim(claim.person, title="Repairing books")
    Event.objects.filter(pk=other.event_id).update(
        begins_at=claim.event.begins_at - dt.timedelta(days=1),
        ends_at=claim.event.ends_at - dt.timedelta(days=1),
    )
    earlier = {
        name: f"{timezone.localtime(moment - dt.timedelta(days=1)):%Y-%m-%dT%H:%M}"
        for name, moment in (
            ("begins_at", claim.event.begins_at),
            ("ends_at", claim.event.ends_at),
        )
    }
    form = stored(client, claim, **earlier)
    page = client.post(page_of(claim), form)
    assert "Nothing has been saved yet" in text(page)
    assert "took place at the same time" in text(page)
    assert Event.objects.get(pk=claim.event_id).begins_at == claim.event.begins_at
    client.post(page_of(claim), form | {"confirmed": page.context["confirmed"]})
    assert Event.objects.get(pk=claim.event_id).begins_at < claim.event.begins_at


def test_a_submitted_record_comes_back_only_if_it_is_no_longer_complete(person: User) -> None:
    participation, _ = select_track(track=make.track("Library Trustee"), by=person)
    begins_at = timezone.now() - dt.timedelta(days=30)
    claim = actions.claim_custom_event(
        facts=make.facts(
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(days=2),
            category=make.category(make.ADMINISTRATION),
            amount=Decimal("15.5"),
        ),
        by=person,
    )
    make.submission(participation)
    client = signed_in(person)
    assert "A record that you submitted contains this training" in text(client.get(page_of(claim)))
    client.post(page_of(claim), stored(client, claim, description="What it was about."))
    assert participation.submissions.get().ended_at is None
    client.post(page_of(claim), stored(client, claim, amount="15"))
    submission = participation.submissions.get()
    assert (submission.ended_at, submission.versions.count()) == (None, 1)
    client.post(page_of(claim), stored(client, claim, amount="14.5"))
    assert participation.submissions.get().ending == Ending.REOPENED
    assert "A record that you" not in text(client.get(page_of(claim)))


def test_the_pages_of_a_waiting_credit_link_to_the_form(client: Client, claim: Claim) -> None:
    pages = [
        "/continuing-education/credits/",
        f"/continuing-education/credits/{claim.credits.get().pk}/",
        f"/continuing-education/claims/{claim.pk}/",
    ]
    link = f'href="{page_of(claim)}"'
    assert [link in text(client.get(page, follow=True)) for page in pages] == [True] * 3
    decide(claim, Decision.APPROVE)
    assert [link in text(client.get(page, follow=True)) for page in pages] == [False] * 3


def test_only_the_author_of_a_merged_training_gets_the_link(client: Client, claim: Claim) -> None:
    other = make.person()
    theirs = actions.claim_custom_event(facts=make.facts(), by=other)
    actions.merge_events(
        source_id=theirs.event_id, target_id=claim.event_id, reason="", by=make.person()
    )
    page = text(signed_in(other).get(f"/continuing-education/claims/{theirs.pk}/", follow=True))
    assert page_of(claim) not in page
    assert page_of(claim) not in text(signed_in(other).get("/continuing-education/credits/"))
    decide(claim, Decision.RETURN, reason="Which hours?")
    assert page_of(claim) not in text(signed_in(other).get("/continuing-education/credits/"))


def test_another_persons_credits_keep_their_lines_but_follow_the_day(claim: Claim) -> None:
    other = make.person()
    theirs = actions.claim_custom_event(facts=make.facts(), by=other)
    actions.merge_events(
        source_id=theirs.event_id, target_id=claim.event_id, reason="", by=make.person()
    )
    select_track(track=make.track("Library Staff"), by=other)
    begins_at = claim.event.begins_at - dt.timedelta(days=5 * 366)
    actions.revise_custom_training(
        event_id=claim.event_id,
        facts=make.facts(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1)),
        seen="",
        role=ClaimRole.ATTENDEE,
        note="",
        by=claim.person,
    )
    assert theirs.credits.get().amount == Decimal(1)
    assert not Posting.objects.filter(credit__claim=theirs).exists()
