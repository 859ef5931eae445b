"""Claiming from the list, with Add CE credit and with Create New…."""

import datetime as dt
import re

import pytest
from django.utils import timezone

from credits.models import Claim, Credit
from events.models import Event
from tests import factories as make
from tests.web import flash_messages, signed_in

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script> 🦬 " + "w" * 200


@pytest.fixture
def client(person):
    return signed_in(person)


def typed(**changes):
    """Return Create New… form data as a browser sends it."""
    begins_at = timezone.localtime() - dt.timedelta(days=7)
    values = {
        "title": "Weeding online",
        "begins_at": f"{begins_at:%Y-%m-%dT09:00}",
        "ends_at": f"{begins_at:%Y-%m-%dT10:30}",
        "sponsor": "Some Library School",
        "presenter": "A. Trainer",
        "description": "",
        "amount": "1.5",
        "category": str(make.category().pk),
    }
    return values | changes


# ---------- From the list and with Add CE credit ----------


def test_an_event_is_chosen_from_the_list_reviewed_and_saved(client, person):
    event = make.event(title="Budget basics")
    assert "Budget basics" in client.get("/continuing-education/").content.decode()
    review = client.get("/continuing-education/claim/", {"event": event.pk}, follow=True)
    assert review.redirect_chain == [(f"/continuing-education/claim/{event.pk}/", 302)]
    assert "Budget basics" in review.content.decode()
    saved = client.post(f"/continuing-education/claim/{event.pk}/", {"source": "list"}, follow=True)
    assert flash_messages(saved) == ["Your credit is listed: “Budget basics”."]
    assert [row.title for row in saved.context["credits"]] == ["Budget basics"]
    assert Claim.objects.get().source == "list"


def test_add_ce_credit_claims_without_a_review(client, person):
    event = make.event()
    client.post(f"/continuing-education/claim/{event.pk}/")
    claim = Claim.objects.get()
    assert (claim.person, claim.source, claim.claimed_by) == (person, "calendar", person)


def test_claiming_twice_lists_the_credit_once(client):
    event = make.event(title="Once")
    client.post(f"/continuing-education/claim/{event.pk}/")
    again = client.post(f"/continuing-education/claim/{event.pk}/", follow=True)
    assert flash_messages(again)[-1] == "“Once”: You have already claimed this event."
    assert Credit.objects.count() == 1


def test_an_event_must_be_chosen(client):
    for value in ["", "0", "x", "%00", "9" * 30]:
        response = client.get("/continuing-education/claim/", {"event": value}, follow=True)
        assert flash_messages(response) == ["Choose an event from the list first."]


def test_a_future_event_cannot_be_claimed(client):
    event = make.event(days=2)
    review = client.get(f"/continuing-education/claim/{event.pk}/").content.decode()
    assert "not over yet" in review
    assert ">Save<" not in review
    refused = client.post(f"/continuing-education/claim/{event.pk}/", follow=True)
    assert "not over yet" in flash_messages(refused)[0]
    assert not Claim.objects.exists()


def test_an_unknown_event_returns_404(client):
    for event_id in ["0", "99999999999999999999"]:
        assert client.get(f"/continuing-education/claim/{event_id}/").status_code == 404
        assert client.post(f"/continuing-education/claim/{event_id}/").status_code == 404


def test_the_list_has_what_can_be_searched(client):
    """The script searches the titles and sponsors that the page lists."""
    make.event(title="Budget <basics>", sponsor="Big Sky “School”")
    page = client.get("/continuing-education/").content.decode()
    assert 'data-title="Budget &lt;basics&gt;" data-sponsor="Big Sky “School”"' in page


def test_a_long_list_is_cut_off_with_a_note(client):
    base = make.event()
    copies = [
        Event(title=f"Event {n}", begins_at=base.begins_at, ends_at=base.ends_at, state="published")
        for n in range(301)
    ]
    for event in Event.objects.bulk_create(copies):
        event.offers.create(category=make.category(), amount=1)
    page = client.get("/continuing-education/")
    assert len(page.context["claimable"].events) == 300
    assert "newest 300 events" in page.content.decode()


# ---------- Create New… ----------


def test_create_new_lists_a_pending_credit(client, person):
    response = client.post("/continuing-education/new/", typed(), follow=True)
    assert response.redirect_chain[0][0].startswith("/continuing-education/credits/")
    assert "will stay Pending" in flash_messages(response)[0]
    [row] = response.context["credits"]
    assert (row.title, row.state.text, row.archived.text) == (
        "Weeding online",
        "Pending",
        "Archived",
    )


def test_submitting_create_new_twice_lists_the_credit_once(client):
    values = typed()
    client.post("/continuing-education/new/", values)
    again = client.post("/continuing-education/new/", values, follow=True)
    assert (
        flash_messages(again)[-1]
        == "You already saved this training. Your original entry is on your list."
    )
    assert Event.objects.count() == Claim.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"title": ""}, "title", "Enter the event title."),
        ({"title": "x" * 301}, "title", "at most 300"),
        ({"title": "a\x00b"}, "title", "Null characters"),
        ({"begins_at": "20226-01-01T09:00"}, "begins_at", "four digits"),
        ({"begins_at": "0026-01-01T09:00"}, "begins_at", "between 1990 and 2099"),
        ({"begins_at": "9999-12-31T23:59"}, "begins_at", "between 1990 and 2099"),
        ({"begins_at": "soon"}, "begins_at", "such as 11/23/2026"),
        ({"begins_at": "2026-03-08T02:30"}, "begins_at", "Mountain time"),
        ({"ends_at": "2020-01-01T09:00"}, "ends_at", "after the start"),
        ({"ends_at": "2099-01-01T09:00"}, "ends_at", "not over yet"),
        ({"sponsor": " "}, "sponsor", "Enter the sponsor."),
        ({"presenter": ""}, "presenter", "Enter the trainer or presenter name."),
        ({"description": "x" * 5001}, "description", "at most 5000"),
        ({"amount": "0"}, "amount", "in halves"),
        ({"amount": "0.4"}, "amount", "in halves"),
        ({"amount": "1.25"}, "amount", "in halves"),
        ({"amount": "-1"}, "amount", "in halves"),
        ({"amount": "NaN"}, "amount", "number"),
        ({"amount": "2"}, "amount", "at most 1.5 credits"),
        ({"amount": "1000000"}, "amount", "less than or equal to 99.5"),
        ({"category": ""}, "category", "Choose a CE category."),
        ({"category": "0"}, "category", "valid choice"),
        ({"category": "\x00"}, "category", "Null characters"),
    ],
)
def test_invalid_input_is_explained_next_to_its_field_and_kept(client, changes, field, words):
    response = client.post("/continuing-education/new/", typed(**changes))
    form = response.context["form"]
    assert list(form.errors) == [field]
    assert words in str(form.errors[field])
    page = response.content.decode()
    assert f'id="id_{field}_error"' in page or field == "category"
    assert "Some Library School" in page or field == "sponsor"
    assert not Event.objects.exists()


def test_invalid_begin_and_end_each_have_an_error(client):
    response = client.post("/continuing-education/new/", typed(begins_at="x", ends_at="y"))
    assert sorted(response.context["form"].errors) == ["begins_at", "ends_at"]


def test_hostile_text_is_escaped(client):
    response = client.post("/continuing-education/new/", typed(title=HOSTILE), follow=True)
    page = response.content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 🦬" in page


def test_required_fields_have_an_asterisk_and_the_category_comes_last(client):
    page = client.get("/continuing-education/new/").content.decode()
    labels = ["Event title", "Begin date", "End date", "Credit value", "Sponsor", "Trainer"]
    order = [page.index(f">{label}") for label in [*labels, "CE category"]]
    assert order == sorted(order)
    marked = re.findall(r">([^<>]+)<span class=\"asteriskField\"", page)
    assert marked[0].endswith("Fields marked ")
    assert [words.split(" ")[0] for words in marked[1:]] == [
        *("Event", "Begin", "End", "Sponsor", "Trainer", "CE")
    ]
    after = page[page.index(">CE category") :]
    assert after.index("Save</button>") > 0
    assert "<label class" not in after.split("Save</button>")[0].split("</fieldset>")[1]


def test_calendar_events_with_similar_titles_are_suggested(client):
    event = make.event(title="Weeding without tears")
    make.event(title="Budget basics")
    response = client.get("/continuing-education/new/similar/", {"title": "Weeding with out teers"})
    page = response.content.decode()
    assert "Is it one of these?" in page
    assert f"/continuing-education/claim/{event.pk}/" in page
    assert "Budget basics" not in page


@pytest.mark.parametrize("title", ["", "abc", "\x00\x00\x00\x00", "x" * 400, "%%%%"])
def test_titles_without_similar_events_show_nothing(client, title):
    make.event(title="Weeding without tears")
    response = client.get("/continuing-education/new/similar/", {"title": title})
    assert response.content.decode().strip() == ""


def test_without_javascript_a_button_looks_for_similar_events(client):
    make.event(title="Weeding online, part one")
    response = client.post("/continuing-education/new/", typed(look="1", sponsor=""))
    page = response.content.decode()
    assert "Is it one of these?" in page
    assert 'value="Weeding online"' in page
    assert "Please check this form" not in page
    assert not Event.objects.filter(title="Weeding online").exists()


def test_suggested_events_show_their_credit_and_are_claimed_from_the_form(client):
    event = make.event(title="Weeding without tears", sponsor="Big Sky Library School")
    page = client.post("/continuing-education/new/", typed(title="Weeding without tears", look="1"))
    form = page.content.decode().split('<form class="form')[1].split("</form>")[0]
    assert "Big Sky Library School" in form
    assert "1 credit" in form
    assert f'formaction="/continuing-education/claim/{event.pk}/" formnovalidate>' in form


def test_the_summary_of_errors_says_what_to_enter(client):
    page = client.post("/continuing-education/new/", typed(title="", category="", amount="2"))
    text = page.content.decode()
    assert "<title>Error: Create New…" in text
    main = text[text.index("<main") :]
    assert main.index("error-summary") < main.index("<h1>")
    summary = main[main.index("error-summary") : main.index("<h1>")]
    assert '<a href="#id_title">Enter the event title.</a>' in summary
    assert '<a href="#id_category_0">Choose a CE category.</a>' in summary
    assert "Credit value: Training of this length" in summary


def test_advice_is_folded_after_the_first_use(client):
    advice = '<details class="more" open>\n        <summary>Does it count?'
    assert advice in client.get("/continuing-education/new/").content.decode()
    client.post("/continuing-education/new/", typed())
    page = client.get("/continuing-education/new/").content.decode()
    assert advice not in page
    assert "Does it count?" in page


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [({}, False), ({"role": "presenter"}, True), ({"note": "Part 1 only"}, True)],
)
def test_exceptional_fields_are_folded_until_they_are_used(client, changes, is_open):
    values = typed(title="", role="attendee", recording_url="", note="") | changes
    form = client.post("/continuing-education/new/", values).context["form"]
    assert form.shows_more is is_open
    assert not client.get("/continuing-education/new/").context["form"].shows_more


# ---------- Returned events, withdrawn claims and queries ----------


def test_only_the_author_can_edit_a_returned_event(client, person):
    from credits.actions import claim_custom_event
    from events.actions import decide_custom_event
    from events.enums import Decision

    claim = claim_custom_event(facts=make.facts(), by=person)
    address = f"/continuing-education/custom/{claim.event_id}/"
    decide_custom_event(
        event_id=claim.event_id, decision=Decision.RETURN, reason="Which hours?", by=make.person()
    )
    page = client.get(address)
    assert "Which hours?" in page.content.decode()
    other = signed_in(make.person())
    assert other.get(address).status_code == 404
    assert other.post(address, typed()).status_code == 404
    sent = client.post(address, typed(title="With hours"), follow=True)
    assert "was resubmitted" in flash_messages(sent)[0]
    assert Event.objects.get().title == "With hours"
    decide_custom_event(
        event_id=claim.event_id, decision=Decision.APPROVE, reason="", by=make.person()
    )
    late = client.post(address, typed(title="Too late"), follow=True)
    assert "“With hours” is now approved, so you can no longer" in flash_messages(late)[0]
    assert Event.objects.get().title == "With hours"


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(client, person, number, django_assert_num_queries):
    events = [make.event(title=f"Weeding online {n}") for n in range(number)]
    with django_assert_num_queries(9):
        client.get(f"/continuing-education/claim/{events[0].pk}/")
    with django_assert_num_queries(5):
        client.get("/continuing-education/new/")
    with django_assert_num_queries(6):
        client.get("/continuing-education/new/similar/", {"title": "Weeding online"})


def test_withdrawn_claims_stay_listed(client, person):
    claim = make.claim(person, title="Not mine")
    response = client.post(f"/continuing-education/claims/{claim.pk}/withdraw/", follow=True)
    assert flash_messages(response) == ["“Not mine” was withdrawn. It stays on your list."]
    assert [row.state.text for row in response.context["credits"]] == ["Withdrawn"]
    again = client.post(f"/continuing-education/claims/{claim.pk}/withdraw/", follow=True)
    assert flash_messages(again)[-1] == "“Not mine” was withdrawn. It stays on your list."
    assert [row.state.text for row in again.context["credits"]] == ["Withdrawn"]
    other = make.claim(make.person())
    assert client.post(f"/continuing-education/claims/{other.pk}/withdraw/").status_code == 404
