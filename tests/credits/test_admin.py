"""Claims in the admin: the list, a claim's page and decisions."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from zeal import zeal_ignore

from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from aspen.formats import format_day
from aspen.transitions import Actor
from credits.actions import DECIDED, claim_custom_event, decide_claim
from credits.enums import CLAIM_TRANSITIONS, ClaimState
from credits.models import Claim, Evidence
from credits.queries import claim_version
from tests import factories
from tests.factories import ADMINISTRATION, TECHNOLOGY
from tests.web import coordinator, flash_messages, signed_in, text
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db
CLAIMS = "/admin/credits/claim/"


def a_claim(**fields: Any) -> Claim:
    return factories.claim(factories.person(), **fields)


def test_a_claim_shows_its_credits_and_links_to_its_event() -> None:
    claim = a_claim(credits={ADMINISTRATION: "3.0", TECHNOLOGY: "1.0"})
    custom = claim_custom_event(facts=factories.facts(), by=factories.person())
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    assert "Library Administration 3; Technology 1" in text(client.get(CLAIMS))
    page = text(client.get(f"{CLAIMS}{claim.pk}/change/"))
    assert f'href="/admin/events/event/{claim.event_id}/change/"' in page
    page = text(client.get(f"{CLAIMS}{custom.pk}/change/"))
    assert f'href="/admin/events/customevent/{custom.event_id}/change/"' in page


def test_scripts_in_titles_and_names_are_escaped() -> None:
    script = "<script>alert(1)</script>"
    claim = factories.claim(factories.person(display_name=script), title=script)
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    pages = [client.get(CLAIMS), client.get(f"{CLAIMS}{claim.pk}/change/")]
    assert [script in text(page) for page in pages] == [False, False]


def test_even_superusers_cannot_change_or_delete_claims() -> None:
    claim = a_claim()
    client = signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))
    answers = [
        client.post(f"{CLAIMS}{claim.pk}/change/", {"state": "approved"}),
        client.post(f"{CLAIMS}{claim.pk}/delete/", {"post": "yes"}),
        client.get(f"{CLAIMS}add/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_event_editors_cannot_see_claims() -> None:
    claim = a_claim(title="Not for editors")
    client = signed_in(factories.person(Role.EVENT_EDITOR))
    answers = [client.get(CLAIMS), client.get(f"{CLAIMS}{claim.pk}/change/")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert not any("Not for editors" in text(answer) for answer in answers)


def test_withdrawn_credit_lines_are_not_shown_in_the_list() -> None:
    claim = a_claim(credits={TECHNOLOGY: "1.0", ADMINISTRATION: "0.5"})
    line = claim.credits.filter(category__slug=TECHNOLOGY)
    line.update(
        withdrawn_at=timezone.now(), withdrawn_by=factories.person(), withdrawn_reason="Zoom."
    )
    client = coordinator()
    page = text(client.get(CLAIMS))
    assert "Library Administration 0.5</td>" in page
    assert "Technology 1" not in page
    assert "Zoom." in text(client.get(f"{CLAIMS}{claim.pk}/change/"))


# ---------- Deciding ----------


def decide(client: Client, claim: Claim, decision: str, reason: str = "", seen: str = "") -> Any:
    data = {"decision": decision, "reason": reason, "seen": seen}
    return client.post(f"{CLAIMS}{claim.pk}/decide/", data)


def state(claim: Claim) -> tuple[str, str, User | None]:
    claim.refresh_from_db()
    return claim.state, claim.reason, claim.decided_by


def test_approving_and_declining_a_claim_update_tracks() -> None:
    claim = a_claim()
    select_track(track=factories.track(), by=claim.person)
    staff = factories.person(Role.CE_COORDINATOR)
    client = signed_in(staff)
    answer = decide(client, claim, "approved", seen=claim_version(claim))
    assert answer.headers["Location"] == f"{CLAIMS}{claim.pk}/change/"
    assert flash_messages(answer) == [f"{claim.person}'s claim was approved."]
    assert state(claim) == (ClaimState.APPROVED, "", staff)
    assert Posting.objects.count() == 1
    decide(client, claim, "declined", "You were not on the list.")
    assert state(claim) == (ClaimState.DECLINED, "You were not on the list.", staff)
    assert Posting.objects.count() == 0
    page = text(client.get(f"{CLAIMS}{claim.pk}/change/"))
    day = format_day(timezone.localdate())
    declined = f"Declined by the CE Coordinator ({staff}) on {day}: You were not on the list."
    assert declined in page
    assert 'name="decision"' not in page


@pytest.mark.parametrize(
    ("decision", "reason", "error"),
    [
        ("declined", "  ", "Give a reason; the person will read it."),
        ("declined", "x" * 2001, "at most 2000 characters"),
        ("withdrawn", "Because", "not one of the available choices"),
        ("", "Because", "This field is required."),
    ],
)
def test_a_refused_decision_shows_the_error_and_keeps_the_reason(
    decision: str, reason: str, error: str
) -> None:
    claim = a_claim()
    answer = decide(coordinator(), claim, decision, reason)
    page = text(answer)
    assert "Your decision was not saved." in page
    assert error in page
    assert reason in page
    assert state(claim) == (ClaimState.PENDING, "", None)


def test_a_stale_form_cannot_overturn_a_colleagues_decision() -> None:
    claim = a_claim()
    seen = claim_version(claim)
    decide_claim(claim_id=claim.pk, target=ClaimState.APPROVED, reason="", by=factories.person())
    page = text(decide(coordinator(), claim, "declined", "No.", seen))
    assert "has changed since you opened this page and is now approved." in page
    assert state(claim)[0] == ClaimState.APPROVED


def test_staff_cannot_decide_on_their_own_claim() -> None:
    staff = factories.person(Role.CE_COORDINATOR)
    claim = factories.claim(staff)
    client = signed_in(staff)
    assert "Ask a colleague to do it." in text(decide(client, claim, "approved"))
    assert state(claim) == (ClaimState.PENDING, "", None)
    assert 'name="decision"' not in text(client.get(f"{CLAIMS}{claim.pk}/change/"))


def test_an_authors_claim_is_decided_only_with_the_custom_event() -> None:
    claim = claim_custom_event(facts=factories.facts(), by=factories.person())
    client = coordinator()
    page = text(decide(client, claim, "approved"))
    assert "is decided together with the custom event. Decide on the event in the queue." in page
    assert state(claim)[0] == ClaimState.PENDING
    assert 'name="decision"' not in text(client.get(f"{CLAIMS}{claim.pk}/change/"))


@pytest.mark.parametrize("before", list(ClaimState))
@pytest.mark.parametrize("target", list(ClaimState))
def test_every_decision_in_every_state(before: ClaimState, target: ClaimState) -> None:
    claim, staff = a_claim(), factories.person()
    Claim.objects.filter(pk=claim.pk).update(
        state=before, decided_by=staff, decided_at=timezone.now(), reason="Before."
    )
    is_allowed = target in DECIDED and CLAIM_TRANSITIONS[target].allows(before, Actor.STAFF)
    expected = target if is_allowed else before
    try:
        decide_claim(claim_id=claim.pk, target=target, reason="Because.", by=factories.person())
    except Refused:
        assert not is_allowed
    assert state(claim)[0] == expected


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR, Role.EVENT_EDITOR])
def test_other_staff_cannot_decide_claims(role: Role) -> None:
    claim = a_claim(title="Private matter")
    client = signed_in(factories.person(role))
    answers = [
        decide(client, claim, "approved"),
        client.post(CLAIMS, {"action": "approve_selected", "_selected_action": [claim.pk]}),
    ]
    assert answers[0].status_code == 403
    assert "Private matter" not in text(answers[0])
    assert state(claim) == (ClaimState.PENDING, "", None)
    assert 'name="decision"' not in text(client.get(f"{CLAIMS}{claim.pk}/change/"))


def approve(client: Client, claims: list[Claim], **data: str) -> Any:
    chosen = {"action": "approve_selected", "_selected_action": [claim.pk for claim in claims]}
    seen = {f"seen-{claim.pk}": claim_version(claim) for claim in claims}
    with zeal_ignore():
        return client.post(CLAIMS, seen | chosen | data)


def test_bulk_approval_skips_own_changed_and_overlapping_claims() -> None:
    staff, person = factories.person(Role.CE_COORDINATOR), factories.person()
    clear, changed, own = a_claim(), a_claim(), factories.claim(staff)
    overlapping = [
        factories.claim(person, title=title) for title in ("One thing", "Another matter")
    ]
    with zeal_ignore():
        page = text(signed_in(staff).get(CLAIMS))
    assert "“Another matter”" in page  # The list warns of overlaps.
    assert f'name="seen-{clear.pk}" value="pending"' in page
    claims = [clear, changed, own, overlapping[0]]
    data = {f"seen-{changed.pk}": "approved then"}
    answer = approve(signed_in(staff), claims, **data)
    messages = flash_messages(answer)
    assert messages[-1] == "Approved: 1 of 4."
    starts = [
        f"{changed.person}'s claim for “{changed.event}” has changed",
        "You cannot review your own claim for",
        f"{person}, “One thing”",
    ]
    for message, start in zip(messages[:-1], starts, strict=True):
        assert message.startswith(start)
    assert [state(claim)[0] for claim in claims] == ["approved", "pending", "pending", "pending"]


def test_claims_on_other_pages_cannot_be_approved() -> None:
    claims = [a_claim(), a_claim()]
    answer = approve(coordinator(), claims, select_across="1")
    assert flash_messages(answer) == [
        "Select claims on this page only. You have not reviewed the others."
    ]
    assert {state(claim)[0] for claim in claims} == {"pending"}


def test_evidence_and_note_are_shown_and_filtered() -> None:
    claim, other = a_claim(title="With a file"), a_claim(title="Without one")
    Claim.objects.filter(pk=claim.pk).update(note="I gave the second hour.")
    Evidence.objects.create(
        claim=claim, person=claim.person, file="evidence/x", file_name="badge.pdf", size=1
    )
    client = coordinator()
    page = text(client.get(f"{CLAIMS}{claim.pk}/change/"))
    assert "badge.pdf" in page
    assert "I gave the second hour." in page
    shown = {
        value: [
            row.pk for row in client.get(f"{CLAIMS}?evidence={value}").context["cl"].result_list
        ]
        for value in ("yes", "no")
    }
    assert shown == {"yes": [claim.pk], "no": [other.pk]}


@pytest.mark.parametrize("items", [1, 3])
def test_the_number_of_queries_is_fixed(items: int, django_assert_num_queries: Any) -> None:
    slugs = [ADMINISTRATION, TECHNOLOGY, "public-services"][:items]
    for _ in range(items):
        claim = a_claim(credits=dict.fromkeys(slugs, "1.0"))
    client = signed_in(factories.person(Role.CE_COORDINATOR))
    with django_assert_num_queries(10):
        client.get(CLAIMS)
    client.get(f"{CLAIMS}{claim.pk}/change/")  # Django caches content types.
    with django_assert_num_queries(12):
        client.get(f"{CLAIMS}{claim.pk}/change/")
