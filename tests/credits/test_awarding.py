"""Awarding credits to lists of people, with and without accounts."""

import datetime as dt
import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import create_account
from accounts.enums import Role
from accounts.models import User
from aspen.errors import Refused
from aspen.mail import outbox
from aspen.models import Mail
from credits import actions, emails
from credits.actions.awarding import AwardCounts
from credits.enums import ClaimSource, ClaimState
from credits.models import AwardList, Claim, ClaimHistory, Credit, WaitingAward
from events.actions import mark_attendance, save_event
from events.enums import Attendance, EventState, RegistrationState
from events.models import Event, Registration
from tests import factories as make
from tests.factories import ADMINISTRATION, PASSWORD, TECHNOLOGY
from tests.races import run_concurrently
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db
STRANGER = "stranger@library.example"


def stored_list(event: Event, staff: User, *addresses: str) -> AwardList:
    return actions.store_award_list(event_id=event.pk, text="\n".join(addresses), by=staff)


def award(event: Event, staff: User, *addresses: str) -> AwardCounts:
    return actions.apply_award_list(list_id=stored_list(event, staff, *addresses).pk, by=staff)


def wait_for_an_account(event: Event, staff: User, address: str = STRANGER) -> WaitingAward:
    assert award(event, staff, address) == (0, 1)
    return WaitingAward.objects.get(event=event, address=address)


def signed_up(address: str = STRANGER) -> User:
    """Create an account with this confirmed address."""
    return create_account(
        email=address, display_name="Sam Stranger", password_hash=make_password(PASSWORD)
    )


def claims_of(person: User) -> list[tuple[int, str]]:
    claims = Claim.objects.filter(person=person).order_by("pk")
    return [(claim.event_id, claim.state) for claim in claims]


# ---------- Awarding ----------


def test_an_award_is_approved_posted_and_e_mailed(staff: User) -> None:
    event = make.event(days=-40, credits={ADMINISTRATION: "1.5", TECHNOLOGY: "0.5"})
    ada = make.person()
    select_track(track=make.track(), by=ada)
    assert award(event, staff, ada.email.upper(), STRANGER) == (1, 1)
    [claim] = Claim.objects.all()
    assert (claim.person, claim.event, claim.source) == (ada, event, ClaimSource.AWARD)
    assert (claim.state, claim.decided_by, claim.claimed_by) == ("approved", staff, staff)
    credits = Credit.objects.filter(claim=claim).order_by("line")
    assert [(str(each.category), str(each.amount)) for each in credits] == [
        ("Library Administration", "1.5"),
        ("Technology", "0.5"),
    ]
    assert Posting.objects.filter(person=ada).count() == 2
    [row] = ClaimHistory.objects.all()
    assert row.pgh_context["act"] == "credits.apply_award_list"
    assert row.pgh_context["by"] == staff.pk
    outbox.deliver_due()
    [message] = mail.outbox
    assert (message.to, message.subject) == (
        [ada.email],
        f"Your credit is listed: {event.title}",
    )
    assert f"State Library staff awarded you credit for “{event.title}”" in message.body
    assert "Pending" not in message.body


def test_an_award_skips_people_who_cannot_get_it(staff: User) -> None:
    event = make.event()
    holder, declined, back, absent, cancelled, new = (make.person() for _ in range(6))
    make.claim(holder, event)
    for person in (declined, back, cancelled):
        make.claim(person, event)
    now = timezone.now()
    ended = {"decided_at": now, "reason": "Not there."}
    mine = Claim.objects.filter
    mine(person=declined).update(state=ClaimState.DECLINED, decided_by=staff, **ended)
    actions.withdraw_claim(claim_id=Claim.objects.get(person=back).pk, by=back)
    # Not withdrawn by the person but, for example, because the event was canceled for a while.
    mine(person=cancelled).update(state=ClaimState.WITHDRAWN, decided_by=staff, **ended)
    place = Registration.objects.create(
        event=event, person=absent, state=RegistrationState.CONFIRMED, registered_at=now
    )
    mark_attendance(registration_id=place.pk, attendance=Attendance.ABSENT, by=staff)
    people = [holder, declined, back, absent, cancelled, new, staff]
    assert award(event, staff, *(person.email for person in people)) == (2, 0)
    awarded = Claim.objects.filter(source=ClaimSource.AWARD).order_by("person_id")
    assert [claim.person for claim in awarded] == [cancelled, new]


def test_absence_does_not_matter_if_there_is_a_recording(staff: User) -> None:
    event = make.event(recording_available_at=timezone.now() - dt.timedelta(days=1))
    person = make.person()
    Registration.objects.create(
        event=event,
        person=person,
        state=RegistrationState.CONFIRMED,
        registered_at=timezone.now(),
        attendance=Attendance.ABSENT,
        marked_at=timezone.now(),
        marked_by=staff,
    )
    assert award(event, staff, person.email) == (1, 0)


def test_two_addresses_of_a_person_are_one_award(staff: User) -> None:
    event, ada = make.event(), make.person()
    EmailAddress.objects.create(user=ada, email="ada@home.example", verified=True)
    EmailAddress.objects.create(user=ada, email="not-hers@home.example", verified=False)
    assert award(event, staff, ada.email, "ada@home.example", "not-hers@home.example") == (1, 1)
    assert claims_of(ada) == [(event.pk, "approved")]


def test_a_list_is_applied_once(staff: User) -> None:
    event, ada = make.event(), make.person()
    award_list = stored_list(event, staff, ada.email, STRANGER)
    answers = [actions.apply_award_list(list_id=award_list.pk, by=staff) for _ in range(2)]
    assert answers == [(1, 1), (0, 0)]
    assert award(event, staff, ada.email, STRANGER) == (0, 0)
    assert (Claim.objects.count(), WaitingAward.objects.count()) == (1, 1)
    assert Mail.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"days": 1}, "not over yet"),
        ({"credits": {}}, "carries no CE credit"),
        ({"state": EventState.CANCELLED}, "This event is canceled, so it earns no credit."),
        ({"state": EventState.PENDING}, "waiting for staff"),
    ],
)
def test_an_event_that_earns_nothing_is_refused(
    staff: User, fields: dict[str, Any], message: str
) -> None:
    event, ada = make.event(**fields), make.person()
    with pytest.raises(Refused, match=message):
        award(event, staff, ada.email)
    assert not Claim.objects.exists()


def test_awarding_needs_the_permission(staff: User) -> None:
    event, ada = make.event(), make.person(Role.HELP_DESK)
    award_list, waiting = stored_list(event, staff, ada.email), wait_for_an_account(event, staff)
    for act in (
        lambda: stored_list(event, ada, STRANGER),
        lambda: actions.apply_award_list(list_id=award_list.pk, by=ada),
        lambda: actions.withdraw_waiting_award(award_id=waiting.pk, by=ada),
    ):
        with pytest.raises(Refused, match="You do not have permission to award credits"):
            act()
    assert not Claim.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_staff_awarding_the_same_people_at_once_award_once(staff: User) -> None:
    event, people = make.event(), [make.person() for _ in range(20)]
    addresses = [STRANGER, *(person.email for person in people)]
    one, other = (stored_list(event, staff, *order) for order in (addresses, addresses[::-1]))
    lists = [one, one, other, other]
    answers = run_concurrently(
        4, lambda number: actions.apply_award_list(list_id=lists[number].pk, by=staff)
    )
    assert sorted(answers) == [(0, 0), (0, 0), (0, 0), (20, 1)]
    assert Claim.objects.filter(event=event).count() == 20
    assert Mail.objects.filter(kind="credits.listed").count() == 20


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_statements_does_not_grow(staff: User, number: int) -> None:
    event = make.event()
    people = [make.person() for _ in range(number)]
    strangers = [f"{index}@x.example" for index in range(number)]
    award_list = stored_list(event, staff, *strangers, *(person.email for person in people))
    with CaptureQueriesContext(connection) as queries:
        assert actions.apply_award_list(list_id=award_list.pk, by=staff) == (number, number)
    assert len(queries) == 23


# ---------- Without an account ----------


def sign_up(address: str) -> Client:
    """Sign up through the pages and follow the link in the confirmation e-mail."""
    client = Client()
    client.post(
        "/accounts/signup/",
        {
            "display_name": "Sam Stranger",
            "email": address,
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    outbox.deliver_due()
    [link] = re.findall(r"http://127.0.0.1:8000(/\S+)", mail.outbox[-1].body)
    assert not Claim.objects.exists()
    client.post(link)
    return client


def test_signing_up_brings_waiting_awards(staff: User, settings: Any) -> None:
    settings.ZEAL_ALLOWLIST = [
        {"model": "sessions.Session", "field": "get()"},
        {"model": "account.EmailAddress", "field": "get()"},
    ]
    event, other = make.event(), make.event()
    waiting = wait_for_an_account(event, staff)
    wait_for_an_account(other, staff, "someone.else@library.example")
    client = sign_up("Stranger@Library.example")
    person = User.objects.get(email=STRANGER)
    assert claims_of(person) == [(event.pk, "approved")]
    waiting.refresh_from_db()
    [claim] = Claim.objects.all()
    assert (waiting.claim, waiting.matched_at is not None) == (claim, True)
    assert (claim.source, claim.decided_by) == (ClaimSource.AWARD, staff)
    assert event.title in client.get("/continuing-education/credits/").content.decode()
    assert [each.facts for each in Mail.objects.filter(to=person)] == [{"claim": claim.pk}]


def test_an_interrupted_confirmation_is_rolled_back(
    staff: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the process ends before the awarded credits are added, the link still works."""
    settings.ZEAL_ALLOWLIST = [{"model": "account.EmailAddress", "field": "get()"}]
    wait_for_an_account(make.event(), staff)

    def end(**facts: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(emails, "enqueue_many", end)
    with pytest.raises(SystemExit):
        sign_up(STRANGER)
    assert EmailAddress.objects.get(email=STRANGER).verified is False
    assert not Claim.objects.exists()


def test_an_account_that_staff_create_gets_waiting_awards(staff: User) -> None:
    one, other = make.event(), make.event()
    wait_for_an_account(one, staff)
    wait_for_an_account(other, staff)
    assert claims_of(signed_up()) == [(one.pk, "approved"), (other.pk, "approved")]


def test_a_missed_award_is_matched_at_the_next_sign_in(staff: User) -> None:
    """If an address is confirmed while a list is being applied, it misses the award."""
    event, person = make.event(), signed_up()
    WaitingAward.objects.create(
        event=event, address=STRANGER, awarded_at=timezone.now(), awarded_by=staff
    )
    Client().force_login(person)
    assert claims_of(person) == [(event.pk, "approved")]


def test_an_unconfirmed_address_gets_no_award(staff: User) -> None:
    wait_for_an_account(make.event(), staff)
    ada = make.person()
    EmailAddress.objects.create(user=ada, email=STRANGER, verified=False)
    Client().force_login(ada)
    assert claims_of(ada) == []


def test_a_waiting_award_follows_its_event(staff: User) -> None:
    merged, between, target, cancelled, again = (make.event() for _ in range(5))
    for event in (merged, cancelled, again):
        wait_for_an_account(event, staff)
    Event.objects.filter(pk=merged.pk).update(state=EventState.MERGED, merged_into=between)
    Event.objects.filter(pk=between.pk).update(state=EventState.MERGED, merged_into=target)
    Event.objects.filter(pk=cancelled.pk).update(state=EventState.CANCELLED)
    later = timezone.now() + dt.timedelta(days=3)
    Event.objects.filter(pk=again.pk).update(begins_at=later, ends_at=later + dt.timedelta(hours=1))
    person = signed_up()
    assert claims_of(person) == [(target.pk, "approved")]
    states = {
        award.event_id: (award.matched_at is None, award.claim_id is None)
        for award in WaitingAward.objects.order_by("pk")
    }
    assert states == {
        merged.pk: (False, False),
        cancelled.pk: (False, True),
        again.pk: (True, True),
    }


def test_two_addresses_and_merged_events_earn_one_credit(staff: User) -> None:
    event, same, ada = make.event(), make.event(), make.person()
    make.claim(ada, event)
    Event.objects.filter(pk=same.pk).update(state=EventState.MERGED, merged_into=event)
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True)
    for each, address in ((event, "one@x.example"), (same, "two@x.example")):
        WaitingAward.objects.create(
            event=each, address=address, awarded_at=timezone.now(), awarded_by=staff
        )
        EmailAddress.objects.create(user=ada, email=address, verified=True)
    assert claims_of(ada) == [(event.pk, "pending")]
    assert not WaitingAward.objects.filter(matched_at=None).exists()


def test_awarding_your_own_second_address_earns_nothing(staff: User) -> None:
    wait_for_an_account(make.event(), staff)
    EmailAddress.objects.create(user=staff, email=STRANGER, verified=True)
    assert claims_of(staff) == []
    assert not WaitingAward.objects.filter(matched_at=None).exists()


def test_a_withdrawn_award_can_be_awarded_again(staff: User) -> None:
    event = make.event()
    waiting = wait_for_an_account(event, staff)
    actions.withdraw_waiting_award(award_id=waiting.pk, by=staff)
    with pytest.raises(Refused, match="no longer waiting"):
        actions.withdraw_waiting_award(award_id=waiting.pk, by=staff)
    person = signed_up()
    assert claims_of(person) == []
    other = make.event()
    waiting = wait_for_an_account(other, staff, "late@x.example")
    actions.withdraw_waiting_award(award_id=waiting.pk, by=staff)
    wait_for_an_account(other, staff, "late@x.example")
    assert claims_of(signed_up("late@x.example")) == [(other.pk, "approved")]


def test_a_canceled_event_withdraws_the_award(staff: User) -> None:
    event, ada = make.event(), make.person()
    award(event, staff, ada.email)
    event.state = EventState.CANCELLED
    save_event(event=event, by=staff)
    assert claims_of(ada) == [(event.pk, "withdrawn")]


def revise(event: Event, staff: User, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(event, name, value)
    save_event(event=event, by=staff)


@pytest.mark.parametrize("away", [{"state": EventState.CANCELLED}, {"days": 3}])
def test_awards_are_restored_with_their_event(staff: User, away: dict[str, Any]) -> None:
    event = make.event()
    ada, back, declined, claimed, absent = (make.person() for _ in range(5))
    people = [ada, back, declined, claimed, absent]
    select_track(track=make.track(), by=ada)
    award(event, staff, *(person.email for person in people))
    before = {"state": event.state, "begins_at": event.begins_at, "ends_at": event.ends_at}
    if days := away.get("days"):
        moved = dt.timedelta(days=7 + days)
        away = {name: before[name] + moved for name in ("begins_at", "ends_at")}
    revise(event, staff, **away)
    assert {state for person in people for _, state in claims_of(person)} == {"withdrawn"}
    assert not Posting.objects.exists()
    now = timezone.now()
    mine = {person: Claim.objects.filter(person=person) for person in people}
    mine[back].update(decided_by=back)
    mine[declined].update(state=ClaimState.DECLINED, reason="A duplicate.")
    Registration.objects.create(
        event=event,
        person=absent,
        state=RegistrationState.CONFIRMED,
        attendance=Attendance.ABSENT,
        registered_at=now,
        marked_at=now,
        marked_by=staff,
        settled_at=now,
    )
    Event.objects.filter(pk=event.pk).update(**before)
    make.claim(claimed, event)
    Event.objects.filter(pk=event.pk).update(state=event.state)
    revise(event, staff, **before)
    claim = mine[ada].get()
    assert (claim.state, claim.decided_by, claim.reason) == (ClaimState.APPROVED, staff, "")
    assert Posting.objects.get().credit.claim == claim
    assert [[state for _, state in claims_of(person)] for person in people[1:]] == [
        ["withdrawn"],
        ["declined"],
        ["withdrawn", "pending"],
        ["withdrawn"],
    ]
    revise(event, staff, title="Once more")
    assert [state for _, state in claims_of(ada)] == ["approved"]


def test_an_award_made_before_the_new_end_is_not_restored(staff: User) -> None:
    event, ada = make.event(), make.person()
    award(event, staff, ada.email)
    moved = {"begins_at": timezone.now() - dt.timedelta(hours=2), "ends_at": timezone.now()}
    Claim.objects.update(claimed_at=timezone.now() - dt.timedelta(days=1))
    revise(event, staff, state=EventState.CANCELLED)
    revise(event, staff, state=EventState.PUBLISHED, **moved)
    assert [state for _, state in claims_of(ada)] == ["withdrawn"]
