"""Correcting an event's credits for everyone."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from aspen.db.audit import dry_run
from aspen.errors import Refused
from credits import actions, queries
from credits.enums import ClaimRole
from credits.models import Claim, Credit, CreditHistory
from events import actions as event_actions
from events.enums import Decision
from events.models import Event
from tests import factories as make
from tests.factories import ADMINISTRATION, COLLECTION, PUBLIC, TECHNOLOGY
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db


def correct(
    event: Event, lines: Mapping[str, str], by: User | None = None, **values: str
) -> actions.CorrectionResult:
    offers = {make.category(slug).pk: Decimal(amount) for slug, amount in lines.items()}
    values = {"reason": "It took two hours."} | values
    return actions.correct_event(event_id=event.pk, offers=offers, by=by or make.person(), **values)


def live_lines(claim: Claim) -> dict[str, Decimal]:
    lines = Credit.objects.filter(claim=claim, withdrawn_at=None)
    return dict(lines.order_by("line").values_list("category__slug", "amount"))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ({TECHNOLOGY: "1.0"}, {TECHNOLOGY: "2.0"}),
        ({TECHNOLOGY: "1.0"}, {PUBLIC: "1.0"}),
        ({TECHNOLOGY: "1.0"}, {TECHNOLOGY: "1.0", PUBLIC: "0.5"}),
        ({TECHNOLOGY: "1.0", PUBLIC: "0.5"}, {PUBLIC: "0.5"}),
        ({TECHNOLOGY: "1.0", PUBLIC: "0.5"}, {ADMINISTRATION: "2.0"}),
        (
            {TECHNOLOGY: "1.0"},
            {ADMINISTRATION: "1.0", PUBLIC: "1.0", COLLECTION: "1.0", TECHNOLOGY: "3.5"},
        ),
    ],
)
def test_a_correction_replaces_the_lines_of_the_event_and_all_claims(
    was: dict[str, str], becomes: dict[str, str]
) -> None:
    event = make.event(credits=was)
    claim, presented = make.claim(make.person(), event), make.claim(make.person(), event)
    Claim.objects.filter(pk=presented.pk).update(role=ClaimRole.PRESENTER)
    before = Credit.objects.count()
    done = correct(event, becomes)
    assert (done.claims, done.unchanged) == (2, 0)
    wanted = {slug: Decimal(amount) for slug, amount in becomes.items()}
    assert live_lines(claim) == wanted
    assert live_lines(presented) == {slug: 2 * amount for slug, amount in wanted.items()}
    offers = event.offers.order_by("category__position")
    assert dict(offers.values_list("category__slug", "amount")) == wanted
    assert Credit.objects.count() == before + 2 * max(0, len(becomes) - len(was))


def test_a_surplus_line_is_withdrawn_with_person_and_reason() -> None:
    staff = make.person()
    event = make.event(credits={TECHNOLOGY: "1.0", PUBLIC: "0.5"})
    claim = make.claim(make.person(), event)
    correct(event, {PUBLIC: "0.5"}, staff, reason="Nothing technical in it.")
    line = claim.credits.get(category__slug=TECHNOLOGY)
    assert (line.withdrawn_by, line.withdrawn_reason) == (staff, "Nothing technical in it.")


def test_a_correction_updates_tracks_as_previewed() -> None:
    event = make.event(credits={TECHNOLOGY: "1.0"})
    claims = [make.claim(make.person(), event) for _ in range(3)]
    for claim in claims[:2]:
        select_track(track=make.track("Library Staff"), by=claim.person)
    select_track(track=make.track("Library Trustee"), by=claims[0].person)
    staff, lines = make.person(), {TECHNOLOGY: "2.0", PUBLIC: "0.5"}
    preview = dry_run(lambda: correct(event, lines, staff))
    assert (Posting.objects.count(), live_lines(claims[0])) == (3, {TECHNOLOGY: 1})
    done = correct(event, lines, staff)
    assert (done.claims, done.tracks, done.changes) == (3, 3, preview.changes)
    assert (preview.claims, preview.tracks) == (3, 3)
    assert Posting.objects.count() == 6


def test_claims_with_other_credits_are_counted_separately() -> None:
    event = make.event(credits={TECHNOLOGY: "1.0"})
    first, second = make.claim(make.person(), event), make.claim(make.person(), event)
    actions.correct_credit(
        credit_id=first.credits.get().pk,
        category=make.category(),
        amount=Decimal("2.0"),
        by=make.person(),
    )
    done = correct(event, {TECHNOLOGY: "2.0"})
    technology = make.category().pk
    assert done.changes == [(((technology, Decimal(1)),), ((technology, Decimal(2)),), 1)]
    assert (done.claims, done.unchanged) == (1, 1)
    assert live_lines(second) == {TECHNOLOGY: 2}


def test_withdrawn_claims_do_not_change() -> None:
    event = make.event()
    claim = make.claim(make.person(), event)
    actions.withdraw_claim(claim_id=claim.pk, by=claim.person)
    assert correct(event, {TECHNOLOGY: "2.0"}).claims == 0
    assert live_lines(claim) == {TECHNOLOGY: 1}


def test_the_history_records_the_reason_and_a_claim_of_your_own() -> None:
    staff, event = make.person(), make.event()
    claim = make.claim(staff, event)
    assert correct(event, {TECHNOLOGY: "2.0"}, staff).own
    entry = CreditHistory.objects.get(pgh_obj=claim.credits.get(), pgh_label="update")
    assert entry.pgh_context == {
        "act": "credits.correct_event",
        "by": staff.pk,
        "reason": "It took two hours.",
        "corrected": event.pk,
        "own": True,
    }
    [(_, who, why)] = queries.corrections_of(event)
    assert (who, why) == (str(staff), "It took two hours.")


def test_a_correction_that_changes_only_claims_is_listed() -> None:
    staff, event = make.person(), make.event()
    credit = make.claim(make.person(), event).credits.get()
    actions.correct_credit(
        credit_id=credit.pk, category=credit.category, amount=Decimal("0.5"), by=staff
    )
    assert correct(event, {TECHNOLOGY: "1.0"}, staff).claims == 1
    [(_, who, _)] = queries.corrections_of(event)
    assert who == str(staff)


def test_staff_cannot_correct_their_own_training() -> None:
    staff = make.person()
    claim = actions.claim_custom_event(facts=make.facts(), by=staff)
    with pytest.raises(Refused, match="Ask a colleague to do it"):
        correct(claim.event, {TECHNOLOGY: "0.5"}, staff)
    assert live_lines(claim) == {TECHNOLOGY: 1}
    correct(claim.event, {TECHNOLOGY: "0.5"})
    assert live_lines(claim) == {TECHNOLOGY: Decimal("0.5")}


@pytest.mark.parametrize(
    ("lines", "values", "message"),
    [
        ({}, {}, "at least one category"),
        ({TECHNOLOGY: "0.3"}, {}, "in halves"),
        ({TECHNOLOGY: "600"}, {}, "in halves"),
        ({TECHNOLOGY: "2.0"}, {"reason": " "}, "Give a reason"),
        ({TECHNOLOGY: "1.0"}, {}, "already has"),
        ({TECHNOLOGY: "2.0"}, {"seen": "nothing"}, "This event's credit lines have changed"),
    ],
)
def test_a_refused_correction_changes_nothing(
    lines: dict[str, str], values: dict[str, str], message: str
) -> None:
    event = make.event()
    claim = make.claim(make.person(), event)
    with pytest.raises(Refused, match=message):
        correct(event, lines, **values)
    assert live_lines(claim) == {TECHNOLOGY: 1}


def test_a_custom_events_credits_are_limited_to_its_length() -> None:
    claim = actions.claim_custom_event(facts=make.facts(), by=make.person())
    with pytest.raises(Refused, match="at most 1 credit"):
        correct(claim.event, {TECHNOLOGY: "1.0", PUBLIC: "0.5"})


def test_the_number_of_statements_does_not_grow() -> None:
    counts = []
    for number in (2, 20):
        event = make.event(credits={TECHNOLOGY: "1.0", PUBLIC: "0.5"})
        for _ in range(number):
            make.claim(make.person(), event)
        with CaptureQueriesContext(connection) as captured:
            correct(event, {TECHNOLOGY: "2.0"})
        counts.append(len(captured))
    assert counts[0] == counts[1]


# ---------- Custom events with several lines ----------


def divided_claim() -> Claim:
    """Return a claim with three credits that staff divided between two categories."""
    begins_at = timezone.now() - dt.timedelta(days=7)
    facts = make.facts(
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=3),
        amount=Decimal(3),
    )
    claim = actions.claim_custom_event(facts=facts, by=make.person())
    correct(claim.event, {TECHNOLOGY: "2.0", PUBLIC: "1.0"})
    return claim


def correct_technology(claim: Claim, category: str, amount: str) -> None:
    credit = claim.credits.get(category__slug=TECHNOLOGY)
    actions.correct_credit(
        credit_id=credit.pk,
        category=make.category(category),
        amount=Decimal(amount),
        by=make.person(),
    )


def test_the_total_of_all_lines_is_limited_to_the_length() -> None:
    claim = divided_claim()
    with pytest.raises(Refused, match="at most 3 credits"):
        correct_technology(claim, TECHNOLOGY, "3.0")
    correct_technology(claim, ADMINISTRATION, "1.5")
    lines = {ADMINISTRATION: Decimal("1.5"), PUBLIC: Decimal(1)}
    assert live_lines(claim) == lines
    assert dict(claim.event.offers.values_list("category__slug", "amount").order_by("pk")) == lines


def return_and_resubmit(claim: Claim, **fields: Any) -> None:
    """Have staff return the event, and resubmit it with only the first line, as the form does."""
    event = Event.objects.get(pk=claim.event_id)
    event_actions.decide_custom_event(
        event_id=event.pk, decision=Decision.RETURN, reason="Which?", by=make.person()
    )
    shown = {"title": event.title, "begins_at": event.begins_at, "ends_at": event.ends_at}
    shown |= {"category": make.category(PUBLIC), "amount": Decimal("1.0")}
    event_actions.revise_custom_event(
        event_id=event.pk, facts=make.facts(**shown | fields), by=claim.person
    )


def test_lines_that_staff_divided_survive_a_resubmission() -> None:
    claim = divided_claim()
    return_and_resubmit(claim, description="It was about both.")
    lines = {TECHNOLOGY: Decimal(2), PUBLIC: Decimal(1)}
    assert live_lines(claim) == lines
    shorter = claim.event.begins_at + dt.timedelta(hours=2)
    with pytest.raises(Refused, match="at most 2 credits"):
        return_and_resubmit(claim, ends_at=shorter)


def test_resubmitting_other_credits_replaces_all_lines() -> None:
    claim = divided_claim()
    return_and_resubmit(claim, amount=Decimal("2.5"))
    assert live_lines(claim) == {PUBLIC: Decimal("2.5")}


def test_two_lines_of_one_category_are_one_line_of_the_event() -> None:
    claim = divided_claim()
    correct_technology(claim, PUBLIC, "2.0")
    [offer] = claim.event.offers.order_by("pk").values_list("category__slug", "amount")
    assert offer == (PUBLIC, 3)
