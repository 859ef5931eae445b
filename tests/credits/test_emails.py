"""E-mails about listed credits and decisions on claims."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from aspen.mail import outbox
from aspen.models import Mail, MailState
from credits import actions, emails
from credits.emails import MAX_LISTED
from credits.enums import ClaimRole, ClaimSource, ClaimState
from credits.models import Claim
from events.actions import (
    apply_attendance_list,
    decide_custom_event,
    move_custom_event_to_calendar,
    revise_custom_event,
    store_attendance_list,
    undo_custom_event_decision,
)
from events.enums import Decision
from events.models import Event
from events.queries import custom_event_version
from tests import factories as make
from tests.emails import assert_snapshots, body_of, delivered, is_dropped, restart_ids, sent
from tests.factories import PUBLIC, TECHNOLOGY
from tests.web import signed_in

pytestmark = pytest.mark.django_db
TITLE = "Weeding & <b>more</b> — “the basics”"
REASON = "Which part was about <i>your</i> library?\nPlease add the program."
APPROVE, RETURN, DECLINE = Decision.APPROVE, Decision.RETURN, Decision.DECLINE


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-11-23 10:20 -0700", tick=False) as traveller:
        yield traveller


def custom(by: User | None = None, **fields: Any) -> Claim:
    values = {"title": TITLE, "amount": Decimal("0.5")} | fields
    return actions.claim_custom_event(facts=make.facts(**values), by=by or make.person())


def decide(claim: Claim, decision: Decision, reason: str = "", by: User | None = None) -> None:
    decide_custom_event(
        event_id=claim.event_id, decision=decision, reason=reason, by=by or make.person()
    )


def an_hour_later(now: time_machine.Traveller) -> None:
    now.shift(dt.timedelta(hours=1))


# ---------- Whole e-mails ----------


def test_snapshots(now: time_machine.Traveller) -> None:
    restart_ids(Claim, Event)
    zoe = make.person(display_name="Zoë O'Hara", email="zoe@library.example")
    assert_snapshots("credits", _one_of_each(zoe, now))


def _one_of_each(zoe: User, now: time_machine.Traveller) -> Iterator[EmailMultiAlternatives]:
    day = dt.datetime(2026, 11, 12, 16, tzinfo=dt.UTC)
    hours = {"begins_at": day, "ends_at": day + dt.timedelta(hours=2)}
    credits = {TECHNOLOGY: "1.5", PUBLIC: "0.5"}
    emails.queue_credit_listed_emails(
        [make.claim(zoe, make.event(title=TITLE, credits=credits, **hours))]
    )
    yield delivered()
    for decision, title in ((RETURN, TITLE), (DECLINE, "Knitting for librarians")):
        decide(custom(zoe, title=title, **hours), decision, REASON)
        yield delivered()
    for title in ("Binding & gluing", "Repairing books"):
        decide(custom(zoe, title=title, **hours), APPROVE)
    an_hour_later(now)
    yield delivered()
    undone = custom(zoe, title="Story time outdoors", **hours)
    decide(undone, DECLINE, REASON)
    delivered()
    undo_custom_event_decision(event_id=undone.event_id, by=make.person())
    yield delivered()
    attended = make.event(title=TITLE, credits=credits, **hours)
    stored = store_attendance_list(
        event_id=attended.pk,
        file_name="list.csv",
        data=b"Name,Email,Minutes\nGail O'Guest,gail@town.example,110\n",
        threshold=60,
        by=make.person(),
    )
    apply_attendance_list(list_id=stored.pk, by=make.person())
    now.shift(dt.timedelta(days=1))
    emails.queue_guest_certificate_emails()
    yield delivered()


# ---------- Listed ----------


def test_presenters_and_people_awarded_credit_get_different_wording() -> None:
    claim = make.claim(make.person(), make.event(title="Repair"))
    for fields, first in (
        ({"role": ClaimRole.PRESENTER}, "You presented “Repair”. Your credit is listed."),
        (
            {"role": ClaimRole.ATTENDEE, "source": ClaimSource.AWARD},
            "State Library staff awarded you credit for “Repair”. Your credit is listed.",
        ),
    ):
        Claim.objects.filter(pk=claim.pk).update(**fields)
        Mail.objects.all().delete()
        emails.queue_credit_listed_emails([claim])
        assert first in body_of(delivered())


def test_a_recording_claimed_early_was_earned_on_the_day_of_the_claim() -> None:
    course = make.event(
        days=-3, hours=24 * 30, recording_available_at=timezone.now() - dt.timedelta(days=2)
    )
    emails.queue_credit_listed_emails([make.claim(make.person(), course)])
    assert "Earned on: Mon, Nov 23, 2026" in body_of(delivered())


def test_a_withdrawn_claim_is_not_announced() -> None:
    claim = make.claim(make.person())
    emails.queue_credit_listed_emails([claim])
    Claim.objects.filter(pk=claim.pk).update(
        state="withdrawn", reason="x", decided_at=timezone.now(), decided_by=claim.person
    )
    assert is_dropped()


# ---------- Decided ----------


def test_a_return_links_to_the_form() -> None:
    claim = custom()
    decide(claim, RETURN, REASON)
    message = delivered()
    form = f"/continuing-education/custom/{claim.event_id}/"
    assert f"Edit and resubmit:\n{settings.ADDRESS}{form}" in message.body
    client = signed_in(claim.person)
    assert client.get(form).context["form"]["title"].value() == TITLE
    assert sent() == []


def test_an_approval_is_sent_when_the_hour_is_over(now: time_machine.Traveller) -> None:
    claim = custom()
    decide(claim, APPROVE)
    assert sent() == []
    an_hour_later(now)
    message = delivered()
    assert (message.to, message.subject) == ([claim.person.email], f"Approved: {TITLE}")
    assert f"approved your claim: – {TITLE}: 0.5 credits in Technology" in body_of(message)
    assert sent() == []


def test_decisions_about_single_claims_are_sent(now: time_machine.Traveller) -> None:
    event, staff = make.event(title="Repair"), make.person()
    good, bad = (make.claim(make.person(), event) for _ in range(2))
    actions.decide_claim(claim_id=good.pk, target=ClaimState.APPROVED, reason="", by=staff)
    actions.decide_claim(claim_id=bad.pk, target=ClaimState.DECLINED, reason="A demo.", by=staff)
    message = delivered()
    assert (message.to, message.subject) == ([bad.person.email], "Declined: Repair")
    an_hour_later(now)
    message = delivered()
    assert (message.to, message.subject) == ([good.person.email], "Approved: Repair")


def test_a_withdrawn_line_is_not_listed(now: time_machine.Traveller) -> None:
    event, staff = make.event(credits={TECHNOLOGY: "1.0", PUBLIC: "0.5"}), make.person()
    claim = make.claim(make.person(), event)
    actions.correct_event(
        event_id=event.pk, offers={make.category(PUBLIC).pk: Decimal("0.5")}, reason="So.", by=staff
    )
    actions.decide_claim(claim_id=claim.pk, target=ClaimState.APPROVED, reason="", by=staff)
    an_hour_later(now)
    message = delivered()
    [line] = [line for line in str(message.body).splitlines() if line.startswith("– ")]
    assert line == f"– {event.title}: 0.5 credits in Library Services to the Public"


def test_publishing_a_custom_event_sends_an_approval(now: time_machine.Traveller) -> None:
    claim = custom()
    move_custom_event_to_calendar(event_id=claim.event_id, by=make.person())
    an_hour_later(now)
    assert [message.subject for message in sent()] == [f"Approved: {TITLE}"]


# ---------- Several approvals ----------


def test_approvals_are_combined_in_one_email_per_person(now: time_machine.Traveller) -> None:
    ada, bo = make.person(), make.person()
    claims = [custom(bo)]
    for n in range(3):  # on different days, so that they have no warnings
        begins_at = timezone.now() - dt.timedelta(days=20 + n)
        hour = {"begins_at": begins_at, "ends_at": begins_at + dt.timedelta(hours=1)}
        claims.append(custom(ada, title=f"Webinar {n}", **hour))
    client = signed_in(make.person(Role.CE_COORDINATOR))
    boxes = [f"{claim.event_id}||{custom_event_version(claim.event)}" for claim in claims]
    client.post("/admin/events/customevent/", {"chosen": boxes})
    assert set(Claim.objects.order_by("pk").values_list("state", flat=True)) == {"approved"}
    assert Mail.objects.count() == 2
    an_hour_later(now)
    by_address = {message.to[0]: message for message in sent()}
    assert by_address[ada.email].subject == "Approved: 3 claims"
    assert [
        line for line in str(by_address[ada.email].body).splitlines() if line.startswith("–")
    ] == [f"– Webinar {n}: 0.5 credits in Technology" for n in range(3)]
    assert by_address[bo.email].subject == f"Approved: {TITLE}"


def test_the_next_hour_has_its_own_email(now: time_machine.Traveller) -> None:
    person = make.person()
    first, second = (custom(person, title=f"Webinar {n}") for n in range(2))
    decide(first, APPROVE)
    an_hour_later(now)
    decide(second, APPROVE)
    an_hour_later(now)
    assert [message.subject for message in sent()] == ["Approved: Webinar 0", "Approved: Webinar 1"]


def test_a_long_email_lists_the_first_claims(now: time_machine.Traveller) -> None:
    person, staff = make.person(), make.person()
    for n in range(MAX_LISTED + 2):
        decide(custom(person, title=f"Webinar {n}"), APPROVE, by=staff)
    an_hour_later(now)
    message = delivered()
    assert message.subject == f"Approved: {MAX_LISTED + 2} claims"
    assert str(message.body).count("– Webinar") == MAX_LISTED
    assert "– and 2 more" in message.body


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    now: time_machine.Traveller, number: int, django_assert_num_queries: Any
) -> None:
    person = make.person()
    for n in range(number):
        decide(custom(person, title=f"Webinar {n}"), APPROVE)
    an_hour_later(now)
    mail = Mail.objects.select_related("to").get()
    with django_assert_num_queries(3):
        assert outbox.composers[mail.kind](mail)


# ---------- Outdated e-mails ----------


def test_a_return_is_not_sent_after_a_resubmission() -> None:
    claim = custom()
    decide(claim, RETURN, REASON)
    facts = make.facts(title=TITLE)
    revise_custom_event(event_id=claim.event_id, facts=facts, by=claim.person)
    assert sent() == []
    assert Mail.objects.get().state == MailState.DROPPED


def test_a_claim_approved_and_then_declined_is_only_declined(now: time_machine.Traveller) -> None:
    event, staff = make.event(), make.person()
    claim = make.claim(make.person(), event)
    for target in (ClaimState.APPROVED, ClaimState.DECLINED):
        actions.decide_claim(claim_id=claim.pk, target=target, reason="A demo.", by=staff)
    assert [message.subject for message in sent()] == [f"Declined: {event.title}"]
    an_hour_later(now)
    assert sent() == []


def test_each_return_is_sent(now: time_machine.Traveller) -> None:
    claim = custom()
    for reason in ("First question", "Second question"):
        decide(claim, RETURN, reason)
        message = delivered()
        assert f"> {reason}" in message.body
        now.shift(dt.timedelta(minutes=1))
        revise_custom_event(event_id=claim.event_id, facts=make.facts(title=TITLE), by=claim.person)


# ---------- Recipients ----------


def test_returns_go_to_the_author_and_declines_to_everyone() -> None:
    claim, other = custom(), custom()
    actions.merge_events(
        source_id=other.event_id, target_id=claim.event_id, reason="", by=make.person()
    )
    decide(claim, RETURN, REASON)
    assert [message.to for message in sent()] == [[claim.person.email]]
    facts = make.facts(title=TITLE)
    revise_custom_event(event_id=claim.event_id, facts=facts, by=claim.person)
    decide(claim, DECLINE, REASON)
    assert sorted(message.to[0] for message in sent()) == sorted(
        [claim.person.email, other.person.email]
    )


def test_an_approval_by_a_merge_is_sent(now: time_machine.Traveller) -> None:
    approved, other = custom(), custom(title="The same")
    decide(approved, APPROVE)
    an_hour_later(now)
    sent()
    actions.merge_events(
        source_id=other.event_id, target_id=approved.event_id, reason="", by=make.person()
    )
    an_hour_later(now)
    assert [message.to for message in sent()] == [[other.person.email]]


def test_a_refused_decision_queues_no_email() -> None:
    claim = custom()
    with pytest.raises(Refused, match="Give a reason"):
        decide(claim, RETURN)
    with pytest.raises(Refused, match="your own event"):
        decide(claim, APPROVE, by=claim.person)
    assert not Mail.objects.exists()
