"""Promise 4: choosing a track posts every eligible archived credit exactly once."""

import datetime as dt
import time

import pytest
from django.db import IntegrityError, connection

from accounts.models import User
from credits import actions as credit_actions
from credits.enums import ClaimSource
from credits.models import Credit
from tests import factories as make
from tests.races import run_concurrently
from tests.web import signed_in
from tracks import actions
from tracks.counting import queries as counting_queries
from tracks.following import actions as following_actions
from tracks.models import Participation, Posting, RuleSet
from tracks.signals import track_selected

pytestmark = pytest.mark.django_db


def posted(participation: Participation) -> set[int]:
    return set(participation.postings.values_list("credit_id", flat=True))


def test_choosing_posts_every_eligible_archived_credit():
    person = make.person()
    wanted = {make.claim(person).credits.get().pk for _ in range(3)}
    old = make.claim(person, days=-5 * 366).credits.get().pk
    participation, is_new = actions.select_track(track=make.track(), by=person)
    assert is_new
    assert posted(participation) == wanted
    assert old not in posted(participation)


def test_choosing_again_changes_nothing():
    person = make.person()
    make.claim(person)
    first, _ = actions.select_track(track=make.track(), by=person)
    before = list(Posting.objects.order_by("pk").values())
    again, is_new = actions.select_track(track=make.track(), by=person)
    assert (again, is_new) == (first, False)
    assert list(Posting.objects.order_by("pk").values()) == before


def test_one_credit_counts_in_two_tracks():
    person = make.person()
    credit = make.claim(person).credits.get()
    staff, _ = actions.select_track(track=make.track("Library Staff"), by=person)
    trustee, _ = actions.select_track(track=make.track("Library Trustee"), by=person)
    assert posted(staff) == posted(trustee) == {credit.pk}


def test_later_claims_are_posted_immediately():
    person = make.person()
    participation, _ = actions.select_track(track=make.track(), by=person)
    credit = make.claim(person).credits.get()
    assert posted(participation) == {credit.pk}


def test_choosing_does_not_post_other_peoples_credits():
    make.claim(make.person())
    participation, _ = actions.select_track(track=make.track(), by=make.person())
    assert posted(participation) == set()


def test_posting_takes_the_same_few_queries_for_many_credits(django_assert_num_queries):
    person = make.person()
    for _ in range(3):
        make.claim(person)
    with django_assert_num_queries(11):
        actions.select_track(track=make.track("Library Staff"), by=person)
    for _ in range(20):
        make.claim(person)
    with django_assert_num_queries(11):
        actions.select_track(track=make.track("Library Trustee"), by=person)


@pytest.mark.django_db(transaction=True)
def test_twenty_choices_at_once_make_one_participation():
    person = make.person()
    credits = {make.claim(person).credits.get().pk for _ in range(3)}
    track = make.track()

    def choose(_):
        client = signed_in(person)
        return client.post("/tracks/", {"track": track.pk}).status_code

    assert run_concurrently(20, choose) == [302] * 20
    participation = Participation.objects.get(person=person)
    assert posted(participation) == credits
    assert Posting.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_control_without_the_constraint_and_the_lock_a_track_is_followed_twice(monkeypatch):
    person, track = make.person(), make.track()
    monkeypatch.setattr(following_actions, "lock_people", lambda ids: None)
    rule_set_for = counting_queries.lock_rule_set_for

    def slowly(*args, **kwargs):
        time.sleep(0.3)  # Everyone has read before anyone writes.
        return rule_set_for(*args, **kwargs)

    monkeypatch.setattr(counting_queries, "lock_rule_set_for", slowly)
    constraint = next(
        one
        for one in Participation._meta.constraints
        if one.name == "tracks_one_active_participation"
    )
    with connection.schema_editor() as editor:
        editor.remove_constraint(Participation, constraint)
    try:
        run_concurrently(20, lambda _: actions.select_track(track=track, by=person))
        assert Participation.objects.count() > 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE tracks_participation CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(Participation, constraint)


@pytest.mark.django_db(transaction=True)
def test_claims_made_while_a_track_is_chosen_are_all_posted():
    """Claims wait until the transaction that posts credits to the chosen track commits."""
    person, track = make.person(), make.track()
    events = [make.event() for _ in range(10)]

    def linger(**kwargs):
        time.sleep(0.5)

    def act(index: int):
        me = User.objects.get(pk=person.pk)
        if index == 5:
            return actions.select_track(track=track, by=me)
        time.sleep(0.2)
        return credit_actions.claim_event(
            event_id=events[index].pk, source=ClaimSource.CALENDAR, by=me
        )

    track_selected.connect(linger)
    try:
        results = run_concurrently(10, act)
    finally:
        track_selected.disconnect(linger)
    assert [one for one in results if isinstance(one, Exception)] == []
    assert Credit.objects.filter(person=person).count() == 9
    assert Posting.objects.filter(person=person).count() == 9


def test_a_second_active_participation_is_refused_by_the_database():
    person = make.person()
    participation, _ = actions.select_track(track=make.track(), by=person)
    participation.pk = None
    with pytest.raises(IntegrityError, match="tracks_one_active_participation"):
        Participation.objects.bulk_create([participation])


def test_a_second_posting_is_refused_by_the_database():
    person = make.person()
    make.claim(person)
    actions.select_track(track=make.track(), by=person)
    posting = Posting.objects.get()
    posting.pk = None
    with pytest.raises(IntegrityError, match="tracks_credit_posted_once"):
        Posting.objects.bulk_create([posting])


def test_a_credit_is_not_posted_to_another_persons_participation():
    person, other = make.person(), make.person()
    make.claim(person)
    credit = Credit.objects.get()
    participation, _ = actions.select_track(track=make.track(), by=other)
    with pytest.raises(IntegrityError, match="tracks_posting_credit_same_person"):
        Posting.objects.create(credit=credit, participation=participation, person=other)


def test_a_posting_belongs_to_the_person_of_the_participation():
    person, other = make.person(), make.person()
    make.claim(person)
    credit = Credit.objects.get()
    participation, _ = actions.select_track(track=make.track(), by=other)
    with pytest.raises(IntegrityError, match="tracks_posting_participation_same_person"):
        Posting.objects.create(credit=credit, participation=participation, person=person)


def test_a_participation_follows_a_rule_set_of_its_own_track():
    actions.select_track(track=make.track("Library Staff"), by=make.person())
    other = RuleSet.objects.get(name="2023 Library Trustee")
    with pytest.raises(IntegrityError, match="tracks_participation_rule_set_same_track"):
        Participation.objects.update(rule_set=other)


def test_a_period_includes_the_day_of_choosing():
    actions.select_track(track=make.track(), by=make.person())
    with pytest.raises(IntegrityError, match="tracks_selected_within_period"):
        Participation.objects.update(closes_on=dt.date(2001, 1, 1))
