"""Create New…: presenters, similar events, hours, drafts and warnings."""

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from aspen.errors import Refused
from credits import actions
from credits.enums import ClaimRole, ClaimState
from credits.models import Claim, Draft
from events import actions as event_actions
from events.enums import Decision, EventState
from events.models import Event
from tests import factories as make
from tests.races import run_concurrently
from tests.web import flash_messages, signed_in

pytestmark = pytest.mark.django_db
NEW = "/continuing-education/new/"


@pytest.fixture
def client(person):
    return signed_in(person)


def typed(**changes):
    begins_at = timezone.localtime() - dt.timedelta(days=7)
    values = {
        "title": "Weeding online",
        "begins_at": f"{begins_at:%Y-%m-%dT09:00}",
        "ends_at": f"{begins_at:%Y-%m-%dT10:50}",
        "sponsor": "Some Library School",
        "presenter": "A. Trainer",
        "description": "How it helps the Ekalaka library",
        "amount": "1.5",
        "category": str(make.category().pk),
    }
    return values | changes


def decide(claim, decision, reason=""):
    return event_actions.decide_custom_event(
        event_id=claim.event_id, decision=decision, reason=reason, by=make.person()
    )


def approved(by=None, **fields):
    facts = make.facts(**fields)
    return decide(actions.claim_custom_event(facts=facts, by=by or make.person()), Decision.APPROVE)


def test_the_same_training_again_is_asked_about_unless_it_was_presented(client, person):
    make.claim(person, make.event(title="Weeding online", days=-800))
    page = client.post(NEW, typed()).content.decode()
    assert "Is it the same training again?" in page
    assert not Claim.objects.filter(event__origin="custom").exists()
    client.post(NEW, typed(role="presenter"))
    assert Claim.objects.filter(event__origin="custom").count() == 1


# ---------- Presenters ----------


def test_presenters_earn_double_credit(client):
    client.post(NEW, typed(role="presenter"))
    claim = Claim.objects.get()
    assert claim.role == ClaimRole.PRESENTER
    assert claim.credits.get().amount == Decimal("3.0")
    assert claim.event.offers.get().amount == Decimal("1.5")


def test_presenters_cannot_claim_a_topic_a_third_time_in_four_years(client, person):
    for days in (800, 400):
        begins_at = timezone.now() - dt.timedelta(days=days)
        actions.claim_custom_event(
            facts=make.facts(
                title="WEEDING online",
                begins_at=begins_at,
                ends_at=begins_at + dt.timedelta(hours=1),
            ),
            role=ClaimRole.PRESENTER,
            by=person,
        )
    response = client.post(NEW, typed(role="presenter"))
    [error] = response.context["form"].errors["role"]
    assert error.startswith("You have already presented “Weeding online” twice in four years")
    assert Event.objects.count() == 2
    client.post(NEW, typed(role="attendee"))
    assert Claim.objects.filter(role=ClaimRole.ATTENDEE).count() == 1


def test_resubmitting_cannot_evade_the_presenter_limit(person):
    def present(title, days):
        begins_at = timezone.now() - dt.timedelta(days=days)
        times = {"begins_at": begins_at, "ends_at": begins_at + dt.timedelta(hours=1)}
        facts = make.facts(title=title, **times)
        return facts, actions.claim_custom_event(facts=facts, role=ClaimRole.PRESENTER, by=person)

    present("Weeding", 300)
    present("Weeding", 200)
    facts, claim = present("Something else", 100)
    decide(claim, Decision.RETURN, "Which hours?")
    renamed = make.facts(title="weeding", begins_at=facts.begins_at, ends_at=facts.ends_at)
    with pytest.raises(Refused, match="twice in four years") as refusal:
        event_actions.revise_custom_event(event_id=claim.event_id, facts=renamed, by=person)
    assert refusal.value.field == "role"
    assert Event.objects.get(pk=claim.event_id).title == "Something else"
    event_actions.revise_custom_event(event_id=claim.event_id, facts=facts, by=person)
    assert claim.credits.get().amount == Decimal("2.0")


def test_correcting_presenter_credit_sets_the_offer_to_half_the_credit(person):
    claim = actions.claim_custom_event(
        facts=make.facts(amount=Decimal("0.5")), role=ClaimRole.PRESENTER, by=person
    )
    credit, other = claim.credits.get(), make.category(make.PUBLIC)
    actions.correct_credit(
        credit_id=credit.pk, category=other, amount=Decimal("2.0"), by=make.person()
    )
    offer = claim.event.offers.get()
    assert (offer.category, offer.amount) == (other, Decimal("1.0"))
    with pytest.raises(Refused, match="at most 1 credit"):
        actions.correct_credit(
            credit_id=credit.pk, category=other, amount=Decimal("3.0"), by=make.person()
        )
    with pytest.raises(Refused, match="whole number of credits"):
        actions.correct_credit(
            credit_id=credit.pk, category=other, amount=Decimal("1.5"), by=make.person()
        )


# ---------- Similar events ----------


def test_training_approved_for_others_is_suggested_without_their_names(client):
    author = make.person(display_name="Olive Quillfeather")
    event = approved(author, title="Weeding online", description="For Quillfeather County")
    for _ in range(2):
        actions.claim_event(event_id=event.pk, source="calendar", by=make.person())
    actions.claim_custom_event(facts=make.facts(title="Weeding online, unseen"), by=author)
    listed = make.event(title="Weeding online again")
    page = client.get(f"{NEW}similar/", {"title": "Weeding online"}).content.decode()
    assert "3 people claimed this" in page
    assert f'formaction="/continuing-education/claim/{event.pk}/"' in page
    assert f'formaction="/continuing-education/claim/{listed.pk}/"' in page
    assert "unseen" not in page
    assert "Quillfeather" not in page
    review = client.get(f"/continuing-education/claim/{event.pk}/").content.decode()
    assert "Weeding online" in review
    assert "Quillfeather" not in review


def test_claiming_the_suggested_event_keeps_the_note_and_deletes_the_draft(client, person):
    event = approved(title="Weeding online")
    actions.save_draft(typed={"title": "Weeding onl"}, by=person)
    response = client.post(
        f"/continuing-education/claim/{event.pk}/",
        typed(from_create_new="1", note="I watched all of it."),
        follow=True,
    )
    assert flash_messages(response) == ["Your credit is listed: “Weeding online”."]
    claim = Claim.objects.get(person=person)
    assert (claim.event, claim.state, claim.note) == (
        event,
        ClaimState.PENDING,
        "I watched all of it.",
    )
    assert (Event.objects.count(), Draft.objects.count()) == (1, 0)


def test_a_refused_claim_from_create_new_saves_a_draft(client):
    event = make.event(days=2)
    response = client.post(
        f"/continuing-education/claim/{event.pk}/", typed(from_create_new="1"), follow=True
    )
    assert flash_messages(response) == [
        f"“{event.title}”: This event is not over yet. Credit can be claimed once it has ended. "
        "Your Create New… entry was saved as a draft."
    ]
    assert client.get(NEW).context["form"]["title"].value() == "Weeding online"


def test_training_approved_for_others_redirects_to_its_review_until_claimed(client, person):
    event = approved(title="Weeding online")
    page = f"/events/{event.pk}/"
    assert client.get(page).headers["Location"] == f"/continuing-education/claim/{event.pk}/"
    actions.claim_event(event_id=event.pk, source="calendar", by=person)
    assert client.get(page).context["event"] == event


def test_presenters_cannot_claim_the_suggested_event_as_attendees(client, person):
    event = make.event()
    response = client.post(
        f"/continuing-education/claim/{event.pk}/", typed(role="presenter"), follow=True
    )
    assert "was not claimed" in flash_messages(response)[0]
    assert not Claim.objects.exists()
    assert Draft.objects.get().typed["title"] == "Weeding online"


def test_withdrawing_a_claim_does_not_change_other_peoples_training(person):
    event = approved()
    claim = actions.claim_event(event_id=event.pk, source="calendar", by=person)
    actions.withdraw_claim(claim_id=claim.pk, by=person)
    event.refresh_from_db()
    assert event.state == EventState.PUBLISHED
    assert Claim.objects.exclude(pk=claim.pk).get().state == ClaimState.APPROVED


def test_correcting_one_persons_credit_does_not_change_the_offer(person):
    event = approved()
    claim = actions.claim_event(event_id=event.pk, source="calendar", by=person)
    credit = claim.credits.get()
    actions.correct_credit(
        credit_id=credit.pk,
        category=make.category(make.PUBLIC),
        amount=Decimal("0.5"),
        by=make.person(),
    )
    offer = event.offers.get()
    assert (offer.category, offer.amount) == (make.category(), Decimal("1.0"))
    with pytest.raises(Refused, match="can earn at most 1 credit"):
        actions.correct_credit(
            credit_id=credit.pk,
            category=make.category(),
            amount=Decimal("2.5"),
            by=make.person(),
        )


@pytest.mark.parametrize("decision", [None, Decision.RETURN, Decision.DECLINE])
def test_others_cannot_claim_unapproved_training(person, decision):
    claim = actions.claim_custom_event(facts=make.facts(), by=make.person())
    if decision:
        decide(claim, decision, "No.")
    with pytest.raises(Event.DoesNotExist):
        actions.claim_event(event_id=claim.event_id, source="calendar", by=person)


# ---------- Hours ----------


@pytest.mark.parametrize(
    ("end", "amount"), [("09:20", "0.5"), ("09:59", "0.5"), ("10:00", "1.0"), ("10:50", "1.5")]
)
def test_a_blank_credit_value_is_calculated_from_the_hours(client, end, amount):
    values = typed(amount=" ")
    client.post(NEW, values | {"ends_at": values["ends_at"][:-5] + end})
    assert Claim.objects.get().credits.get().amount == Decimal(amount)


@pytest.mark.parametrize("end", ["", "2020-01-01T09:00", "2099-01-01T09:00"])
def test_a_blank_credit_value_requires_valid_hours(client, end):
    response = client.post(NEW, typed(amount="", ends_at=end))
    assert list(response.context["form"].errors) == ["ends_at"]
    assert not Claim.objects.exists()
    client.post(NEW, typed(amount=""))
    assert Claim.objects.get().credits.get().amount == Decimal("1.5")


def test_usual_credits_are_previewed(client):
    times = {"begins_at": "2026-11-02T09:00", "ends_at": "2026-11-02T10:50"}
    page = client.get(f"{NEW}worth/", times | {"amount": ""}).content.decode()
    assert "1 hour 50 minutes of training usually earns 1.5 credits." in page
    assert 'id="id_amount"' in page
    assert 'value="1.5"' in page
    page = client.get(f"{NEW}worth/", times | {"amount": "1"}).content.decode()
    assert "usually earns 1.5 credits." in page
    assert "id_amount" not in page
    for odd in ({}, {"begins_at": "x"}, times | {"ends_at": times["begins_at"]}):
        assert client.get(f"{NEW}worth/", odd).content.decode().strip() == ""


# ---------- Drafts ----------


def test_a_draft_can_be_saved_continued_and_discarded(client):
    response = client.post(NEW, typed(keep="1", ends_at="", note="Später 🦬"), follow=True)
    assert flash_messages(response) == ["Draft saved. You can continue here."]
    page = client.get(NEW)
    form = page.context["form"]
    assert (form["title"].value(), form["note"].value()) == ("Weeding online", "Später 🦬")
    assert "It has not been added to your credits yet." in page.content.decode()
    assert not Event.objects.exists()
    client.post(NEW, {"discard": "1"})
    assert client.get(NEW).context["form"]["title"].value() is None
    assert not Draft.objects.exists()


def test_saving_the_training_deletes_the_draft(client, person):
    client.post(f"{NEW}draft/", typed())
    assert Draft.objects.get().person == person
    client.post(NEW, typed())
    assert (Claim.objects.count(), Draft.objects.count()) == (1, 0)


def test_drafts_are_saved_automatically(client):
    answer = client.post(
        f"{NEW}draft/", {"title": "Weed", "csrfmiddlewaretoken": "x", "other": "y"}
    )
    assert answer.content.decode().startswith("Draft saved at ")
    assert Draft.objects.get().typed == {"title": "Weed"}
    assert client.post(f"{NEW}draft/", {"title": " "}).content.decode() == ""
    assert Draft.objects.get().typed == {"title": "Weed"}
    client.post(f"{NEW}draft/", {"title": "a\x00b", "description": "x" * 9000})
    assert Draft.objects.get().typed == {"title": "ab", "description": "x" * 5000}


def test_a_late_draft_of_training_that_was_saved_is_ignored(client):
    opened = client.get(NEW).context["opened"]
    client.post(NEW, typed(opened=opened))
    assert client.post(f"{NEW}draft/", typed(opened=opened)).content == b""
    assert not Draft.objects.exists()
    for later in (client.get(NEW).context["opened"], "", "x", "2026-11-25", "2026-99-99T00:00"):
        client.post(f"{NEW}draft/", typed(opened=later))
        assert Draft.objects.get().typed["title"] == "Weeding online"


def test_a_draft_is_private(client):
    actions.save_draft(typed={"title": "Quillfeather"}, by=make.person())
    assert "Quillfeather" not in client.get(NEW).content.decode()


def test_saving_a_draft_after_signing_out_does_nothing():
    answer = Client().post(f"{NEW}draft/", typed(), headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert flash_messages(answer) == []


# ---------- Warnings before saving ----------


def test_warnings_must_be_confirmed_and_new_ones_shown_again(client, person):
    known = approved(
        title="Weeding online!",
        **{
            name: dt.datetime.fromisoformat(typed()[name]).replace(
                tzinfo=timezone.get_default_timezone()
            )
            for name in ("begins_at", "ends_at")
        },
    )
    first = client.post(NEW, typed())
    assert [each.instead_id for each in first.context["warnings"]] == [known.pk]
    page = first.content.decode()
    assert "Nothing has been saved yet. Please check this first:" in page
    assert f'formaction="/continuing-education/claim/{known.pk}/"' in page
    assert first.context["form"]["title"].value() == "Weeding online"
    assert not Claim.objects.filter(person=person).exists()
    other = make.claim(person, title="Elsewhere", begins_at=known.begins_at, ends_at=known.ends_at)
    confirmed = first.context["confirmed"]
    second = client.post(NEW, typed(confirmed=confirmed))
    assert [each.claim_id for each in second.context["warnings"]] == [None, other.pk]
    client.post(NEW, typed(confirmed=second.context["confirmed"]))
    assert Claim.objects.filter(person=person, source="custom").count() == 1


def test_the_review_page_warns_but_add_ce_credit_does_not_ask(client, person):
    claim = make.claim(person)
    event = make.event(begins_at=claim.event.begins_at, ends_at=claim.event.ends_at)
    page = client.get(f"/continuing-education/claim/{event.pk}/")
    assert [each.label for each in page.context["page"].warnings] == ["Overlapping times"]
    assert "Save anyway" in page.content.decode()
    client.post(f"/continuing-education/claim/{event.pk}/")
    assert Claim.objects.filter(person=person).count() == 2


# ---------- Entering a training again ----------


def test_entering_a_training_again_fills_in_all_except_dates_note_and_evidence(client, person):
    claim = actions.claim_custom_event(
        facts=make.facts(title="Yearly day", description="All of it", amount=Decimal("0.5")),
        role=ClaimRole.PRESENTER,
        note="Last year's note",
        by=person,
    )
    assert f"?again={claim.pk}" in client.get(NEW).content.decode()
    actions.save_draft(typed={"title": "A draft"}, by=person)
    page = client.get(f"{NEW}?again={claim.pk}")
    form = page.context["form"]
    assert {name: form[name].value() for name in form.fields} == {
        "title": "Yearly day",
        "role": "presenter",
        "begins_at": None,
        "ends_at": None,
        "sponsor": "Some Library School",
        "presenter": "A. Trainer",
        "description": "All of it",
        "recording_url": "",
        "amount": Decimal("0.5"),
        "note": None,
        "evidence": None,
        "category": make.category().pk,
    }
    assert "You also have a draft" in page.content.decode()


@pytest.mark.parametrize("value", ["0", "9" * 40, "9" * 5000, "x", ""])
def test_people_can_only_reenter_their_own_training(client, value):
    other = actions.claim_custom_event(facts=make.facts(), by=make.person())
    assert client.get(NEW, {"again": value}).status_code == 404
    assert client.get(NEW, {"again": other.pk}).status_code == 404


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(client, person, number, django_assert_num_queries):
    for n in range(number):
        actions.claim_custom_event(facts=make.facts(title=f"Weeding online {n}"), by=person)
    actions.save_draft(typed={"title": "Weeding online"}, by=person)
    with django_assert_num_queries(5):
        client.get(NEW)
    with django_assert_num_queries(9):
        response = client.post(NEW, typed(begins_at=typed()["begins_at"].replace("09:00", "09:30")))
    assert response.context["warnings"]


@pytest.mark.django_db(transaction=True)
def test_double_clicking_save_shows_no_warning(client, person):
    """The first click is saved just before the second one is checked for duplicates."""
    first = signed_in(person)
    answers = []

    def save_meanwhile(execute, sql, params, many, context):
        if "credits_claim AS claim" in sql and not answers:
            answers.extend(run_concurrently(1, lambda _: first.post(NEW, typed())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(save_meanwhile):
        answers.append(client.post(NEW, typed()))
    assert [answer.status_code for answer in answers] == [302, 302]
    assert flash_messages(answers[1]) == [
        "You already saved this training. Your original entry is on your list."
    ]
    assert Claim.objects.count() == 1
