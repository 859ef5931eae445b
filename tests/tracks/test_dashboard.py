"""Continuing Education, My credits, and choosing a track and following its progress."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from accounts.enums import Role
from aspen.clock import today
from credits.actions import claim_custom_event
from credits.models import Claim
from events.actions import decide_custom_event, register, settle_due
from events.enums import Decision
from events.models import CreditOffer, Event, Presenter
from tests import factories as make
from tests.database import without_triggers
from tests.races import volume
from tests.web import flash_messages, signed_in
from tracks.actions import leave_track, reissue_certificate, revoke_certificate, select_track
from tracks.counting import queries as counting_queries
from tracks.enums import ARCHIVED, NOT_COUNTED, POSTED
from tracks.models import Participation

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(person):
    return signed_in(person)


def page(client, address):
    return client.get(address).content.decode()


def test_a_new_person_sees_the_next_steps(client):
    text = page(client, "/continuing-education/")
    assert "You have no credits yet and are not following a certification track." in text
    assert "Nothing to claim right now" in text
    assert "Create New…" in text
    assert "No credits yet" in page(client, "/continuing-education/credits/")
    assert 'Choose<span class="only-read"> Library Staff</span>' in page(client, "/tracks/")


def test_the_page_explains_archived_credits_to_people_without_a_track(client, person):
    make.claim(person)
    response = client.get("/continuing-education/credits/")
    assert [row.archived for row in response.context["credits"]] == [ARCHIVED]
    text = response.content.decode()
    assert "1 credit from 1 training: 0 posted, 1 archived." in text
    assert "kept for you but not counted in a certification track yet" in text
    assert 'href="/tracks/"' in text


def test_choosing_says_how_many_were_posted_and_why_others_were_not(client, person):
    make.claim(person, title="Recent one")
    make.claim(person, days=-5 * 366, title="Old one")
    response = client.post("/tracks/", {"track": make.track().pk}, follow=True)
    participation = Participation.objects.get()
    assert response.redirect_chain == [(f"/tracks/{participation.pk}/", 302)]
    assert flash_messages(response) == [
        "You now follow Library Staff. 1 credit line was posted to it."
    ]
    rows = {row.credit.title: row for row in response.context["credits"]}
    assert POSTED in rows["Recent one"].labels
    assert rows["Old one"].labels == [NOT_COUNTED]
    assert rows["Old one"].why_not.startswith("Earned before ")
    assert "the first day that counts" in response.content.decode()


def test_choosing_a_track_again_changes_nothing(client):
    track = make.track().pk
    client.post("/tracks/", {"track": track})
    response = client.post("/tracks/", {"track": track}, follow=True)
    assert flash_messages(response)[-1] == "You already follow Library Staff. Nothing was changed."
    assert Participation.objects.count() == 1


def test_a_second_track_at_the_same_time(client, person):
    make.claim(person, credits={make.ADMINISTRATION: "4.0"})
    for name in ("Library Staff", "Library Trustee"):
        client.post("/tracks/", {"track": make.track(name).pk})
    response = client.get("/continuing-education/")
    assert [(track.name, track.counted) for track, _ in response.context["tracks"]] == [
        ("Library Staff", "4"),
        ("Library Trustee", "4"),
    ]
    text = " ".join(response.content.decode().split())
    assert "<strong>4 of 15 credits</strong> for <a" in text
    [row] = response.context["credits"]
    assert row.tracks == ["Posted to Library Staff", "Posted to Library Trustee"]
    assert "Other tracks" in page(client, "/tracks/")


@pytest.mark.parametrize("value", ["", "0", "x", "\x00", "9" * 30])
def test_a_track_that_does_not_exist(client, value):
    response = client.post("/tracks/", {"track": value}, follow=True)
    assert flash_messages(response) == ["Choose one of the tracks on this page."]
    assert not Participation.objects.exists()


def test_a_track_without_rules_in_force_cannot_be_chosen(client):
    track = make.track()
    track.rule_sets.update(valid_until=dt.date(2024, 12, 31))
    response = client.post("/tracks/", {"track": track.pk}, follow=True)
    assert "no rules in force for Library Staff" in flash_messages(response)[0]


def test_progress_in_text_and_numbers(client, person):
    make.claim(person, credits={make.ADMINISTRATION: "12.0", make.TECHNOLOGY: "1.0"})
    client.post("/tracks/", {"track": make.track().pk})
    response = client.get(f"/tracks/{Participation.objects.get().pk}/")
    track = response.context["track"]
    assert (track.counted, track.total, track.elective.earned) == ("13", "60 credits", "7")
    assert track.missing == (
        "Still needed: 5 in Library Services to the Public, 5 in Collection Management and "
        "Technical Services, 4 in Technology and 33 more in any category."
    )
    assert [(row.earned, row.missing) for row in track.rows] == [
        ("12", "0"),
        ("0", "5"),
        ("0", "5"),
        ("1", "4"),
    ]


def test_the_bar_is_as_long_as_the_total(client, person):
    make.claim(person, credits={make.ADMINISTRATION: "12.0", make.TECHNOLOGY: "1.0"})
    client.post("/tracks/", {"track": make.track().pk})
    bar = client.get(f"/tracks/{Participation.objects.get().pk}/").context["track"].bar
    drawn = sorted([*bar.parts, *bar.missing], key=lambda part: part.x)
    ends = [part.x + part.width for part in drawn]
    assert [0, *ends] == [*(part.x for part in drawn), 600]
    assert [(part.slug, part.width) for part in bar.parts] == [
        (make.ADMINISTRATION, 50),
        (make.TECHNOLOGY, 10),
        (make.ADMINISTRATION, 70),
    ]


def test_returned_events_are_shown_with_the_reason(client, person):
    claim = claim_custom_event(facts=make.facts(title="Unclear one"), by=person)
    decide_custom_event(
        event_id=claim.event_id, decision=Decision.RETURN, reason="Which hours?", by=make.person()
    )
    for address in ("/continuing-education/", "/continuing-education/credits/"):
        text = page(client, address)
        assert "Which hours?" in text
        assert f"/continuing-education/custom/{claim.event_id}/" in text


def test_a_registration_is_upcoming_until_the_event_is_over(client, person):
    event = make.event(days=1, title="Tomorrow")
    register(event_id=event.pk, by=person)
    response = client.get("/continuing-education/credits/")
    assert [one.title for one in response.context["upcoming"]] == ["Tomorrow"]
    assert response.context["credits"] == []
    past = timezone.now() - dt.timedelta(days=1)
    Event.objects.update(begins_at=past, ends_at=past)
    # The task has not run, so the page settles the person's due attendance.
    response = client.get("/continuing-education/credits/")
    assert [row.title for row in response.context["credits"]] == ["Tomorrow"]
    assert response.context["upcoming"] == []


def test_pages_of_credits_include_every_credit(client, person):
    titles = set()
    for number in range(27):
        titles.add(make.claim(person, title=f"Number {number}").event.title)
    seen = []
    for number in (1, 2):
        response = client.get("/continuing-education/credits/", {"page": number})
        seen += [row.title for row in response.context["credits"]]
    assert len(seen) == 27
    assert set(seen) == titles
    for odd in ("0", "x", "%00", "9" * 30, "-1"):
        assert client.get("/continuing-education/credits/", {"page": odd}).status_code == 200


def test_another_persons_participation_is_not_found(client):
    participation, _ = select_track(track=make.track(), by=make.person())
    assert client.get(f"/tracks/{participation.pk}/").status_code == 404


@pytest.mark.parametrize("staff", [False, True])
@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(number, staff, django_assert_num_queries):
    """At most 12 queries, plus two for staff permissions."""
    person = make.person(role=make.Role.HELP_DESK if staff else None)
    client = signed_in(person)
    for _ in range(number):
        make.claim(person, credits={make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "1.0"})
        make.claim(person, days=-5 * 366)
        make.event()
        register(event_id=make.event(days=3).pk, by=person)
        make.event(days=4)
        claim = claim_custom_event(facts=make.facts(), by=person)
        decide_custom_event(
            event_id=claim.event_id, decision=Decision.RETURN, reason="Why?", by=make.person()
        )
    tracks = ["Library Staff", "Library Trustee", "Library Director"][:number]
    for name in tracks:
        participation, _ = select_track(track=make.track(name), by=person)
    extra = 2 if staff else 0
    with django_assert_num_queries(10 + extra):
        client.get("/continuing-education/")
    with django_assert_num_queries(10 + extra):
        client.get("/continuing-education/credits/")
    with django_assert_num_queries(9 + extra):
        client.get("/tracks/")
    with django_assert_num_queries(12 + extra):
        client.get(f"/tracks/{participation.pk}/")


def test_many_events_take_no_more_queries(client, person, django_assert_max_num_queries):
    base = make.event()
    technology = make.category()
    with without_triggers(Event, CreditOffer):
        made = Event.objects.bulk_create(
            Event(
                title=f"Training number {number}",
                begins_at=base.begins_at - dt.timedelta(hours=number % 8000),
                ends_at=base.ends_at - dt.timedelta(hours=number % 8000),
            )
            for number in range(volume(10_000))
        )
        CreditOffer.objects.bulk_create(
            CreditOffer(event=event, category=technology, amount=1) for event in made
        )
    for event in made[:3]:
        make.claim(person, event)
    with django_assert_max_num_queries(12):
        response = client.get("/continuing-education/")
    assert len(response.context["claimable"].events) == 300
    with django_assert_max_num_queries(12):
        client.get("/continuing-education/new/similar/", {"title": "Training number 77"})
    assert Claim.objects.count() == 3


def test_presenter_credits_are_labeled(client, person):
    make.claim(person)
    assert "Presenter" not in page(client, "/continuing-education/credits/")
    Presenter.objects.create(event=make.event(), person=person)
    settle_due()
    assert page(client, "/continuing-education/credits/").count("Presenter") == 1


def test_the_summary_adds_up_credits(client, person):
    make.claim(person, credits={make.ADMINISTRATION: "3.0", make.TECHNOLOGY: "1.5"})
    make.claim(person, days=-5 * 366, credits={make.TECHNOLOGY: "2.0"})
    declined = claim_custom_event(facts=make.facts(), by=person)
    decide_custom_event(
        event_id=declined.event_id, decision=Decision.DECLINE, reason="No.", by=make.person()
    )
    client.post("/tracks/", {"track": make.track().pk})
    text = page(client, "/continuing-education/credits/")
    assert (
        "6.5 credits from 2 trainings: 4.5 posted, 2 archived. 1 claim was declined or withdrawn."
        in text
    )


def test_leaving_a_track_archives_credits_and_choosing_it_again_posts_them(client, person):
    make.claim(person)
    client.post("/tracks/", {"track": make.track().pk})
    first = Participation.objects.get()
    response = client.post(f"/tracks/{first.pk}/leave/", follow=True)
    assert flash_messages(response)[-1].startswith(
        "You no longer follow Library Staff. We have kept your credits"
    )
    assert not first.postings.exists()
    assert "You left Library Staff." in page(client, f"/tracks/{first.pk}/")
    again = client.post(f"/tracks/{first.pk}/leave/", follow=True)
    assert flash_messages(again)[-1] == "You have already left Library Staff."
    client.post("/tracks/", {"track": make.track().pk})
    again = Participation.objects.get(state="open")
    assert again != first
    assert again.postings.count() == 1


def test_resuming_a_track_that_was_left(client, person):
    make.claim(person)
    client.post("/tracks/", {"track": make.track().pk})
    first = Participation.objects.get()
    left = client.post(f"/tracks/{first.pk}/leave/", follow=True)
    assert flash_messages(left)[-1].endswith("you can resume the track where you left off.")
    assert f'href="/tracks/{first.pk}/">Resume<span' in left.content.decode()
    assert "you can resume it under" in page(client, "/continuing-education/")
    assert "Resume Library Staff" in page(client, f"/tracks/{first.pk}/")
    again = client.post(f"/tracks/{first.pk}/resume/", follow=True)
    assert (
        flash_messages(again)[-1]
        == "You are following Library Staff again. 1 credit line was posted to it."
    )
    assert Participation.objects.get() == first
    client.post(f"/tracks/{first.pk}/leave/")
    client.post("/tracks/", {"track": make.track().pk})
    assert "Resume Library Staff" not in page(client, f"/tracks/{first.pk}/")
    refused = client.post(f"/tracks/{first.pk}/resume/", follow=True)
    assert flash_messages(refused)[-1] == "You already follow Library Staff in another period."


def test_a_period_before_a_certificate_cannot_be_resumed(client, person):
    participation = make.following(person)
    leave_track(participation_id=participation.pk, by=person)
    assert list(counting_queries.resumable_participations(person, today())) == [participation]
    make.certificate(make.following(person))
    assert list(counting_queries.resumable_participations(person, today())) == []
    [following] = counting_queries.active_participations(person)
    leave_track(participation_id=following.pk, by=person)
    assert list(counting_queries.resumable_participations(person, today())) == [following]


def test_a_period_after_a_reissued_certificate_can_be_resumed(client, person):
    certificate = make.certificate(make.following(person))
    [following] = counting_queries.active_participations(person)
    leave_track(participation_id=following.pk, by=person)
    values = {"reason": "Misspelt.", "by": make.person(Role.CE_COORDINATOR)}
    again = reissue_certificate(certificate_id=certificate.pk, name="June", **values)
    assert f"Resume {following.track}" in page(client, f"/tracks/{following.pk}/")
    assert list(counting_queries.resumable_participations(person, today())) == [following]
    client.post(f"/tracks/{following.pk}/resume/")
    assert counting_queries.active_participations(person).get() == following
    leave_track(participation_id=following.pk, by=person)
    revoke_certificate(certificate_id=again.pk, **values)
    assert list(counting_queries.resumable_participations(person, today())) == []


def test_no_one_can_leave_another_persons_track(client):
    participation, _ = select_track(track=make.track(), by=make.person())
    assert client.post(f"/tracks/{participation.pk}/leave/").status_code == 404
    assert Participation.objects.get().state == "open"


@pytest.mark.parametrize("number", [1, 3])
def test_queries_of_settling_due_attendance(client, person, number, django_assert_num_queries):
    """The page first settles all due attendance in a fixed number of queries."""
    select_track(track=make.track(), by=person)
    for _ in range(number):
        register(event_id=make.event(days=1).pk, by=person)
    past = timezone.now() - dt.timedelta(days=1)
    Event.objects.update(begins_at=past, ends_at=past)
    with django_assert_num_queries(30):
        client.get("/continuing-education/")
    assert Claim.objects.filter(person=person).count() == number
    assert Participation.objects.get().postings.count() == number


def test_an_aged_credit_says_so_in_the_list(client, person):
    make.claim(person, days=-4 * 365 + 10)
    with time_machine.travel(timezone.now() - dt.timedelta(days=200)):
        select_track(track=make.track(), by=person)
    Event.objects.update(begins_at=timezone.now() - dt.timedelta(days=4 * 365 + 30), ends_at=None)
    text = page(client, "/continuing-education/credits/")
    assert "Posted to Library Staff. Earned before" in text
    assert "so it has aged out and no longer counts" in text
