"""Automatic checks of claims, which only warn."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from credits import actions, checks, same_training
from credits.enums import CheckKind, ClaimRole, ClaimState
from credits.models import Claim
from events import actions as event_actions
from events.enums import Decision, Origin
from events.models import Event
from tests import factories as make

pytestmark = pytest.mark.django_db


def custom(by, **fields):
    return actions.claim_custom_event(facts=make.facts(**fields), by=by)


def approved(by=None, **fields):
    claim = custom(by or make.person(), **fields)
    return event_actions.decide_custom_event(
        event_id=claim.event_id, decision=Decision.APPROVE, reason="", by=make.person()
    )


def kinds_and_events(claim):
    return [
        (each.kind, each.event and each.event.pk) for each in checks.check_claims([claim])[claim.pk]
    ]


def morning(days=-7, hour=9, minute=0):
    day = timezone.localtime() + dt.timedelta(days=days)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Weeding online", "weeding ONLINE", True),
        ("Weeding online", "Weeding online, part one", True),
        ("Weeding without tears", "Weeding with out tears", True),
        ("Budget basics", "Budget planning", False),
        ("Weeding online", "Reading outdoors", False),
        ("Weeding online, part 1", "Weeding online, part 2", False),
        ("Weeding online, part 1", "Weeding online", True),
        ("PNLA: Weeding online", "PNLA: Reading outdoors", False),
        ("PNLA: Weeding online", "PNLA: Weeding on-line", True),
        ("!!!", "???", False),
        ("!!!", "!!!", True),
    ],
)
def test_similar_titles(one, other, expected):
    assert same_training.titles_similar(one, other) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("https://video.example/a", "http://www.video.example/a/", True),
        ("https://video.example/a", "https://video.example/b", False),
        ("", "", False),
    ],
)
def test_urls_of_the_same_recording(one, other, expected):
    assert same_training.same_page(one, other) is expected


def test_a_single_claim_has_no_result():
    person = make.person()
    claim = custom(person, title="Weeding online")
    custom(make.person(), title="Weeding online")
    make.claim(person, title="Something else", days=-20)
    assert kinds_and_events(claim) == []


def test_a_similar_title_within_a_day_is_reported_for_both_claims():
    person = make.person()
    begins_at = morning()
    first = custom(
        person,
        title="Weeding online",
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=1),
    )
    later = begins_at + dt.timedelta(hours=24)
    second = custom(
        person, title="Weeding on-line", begins_at=later, ends_at=later + dt.timedelta(hours=1)
    )
    assert kinds_and_events(first) == [(CheckKind.SAME, second.event_id)]
    [result] = checks.check_claims([second])[second.pk]
    assert (result.event.pk, result.claim_id) == (first.event_id, first.pk)
    assert result.text.startswith("“Weeding online” (")
    assert result.text.endswith("has already been claimed. Is it the same training?")


def weeding(person, day, title="Weeding online", **fields):
    begins_at = timezone.make_aware(dt.datetime.combine(day, dt.time(9)))
    times = {"begins_at": begins_at, "ends_at": begins_at + dt.timedelta(hours=1)}
    claim = make.claim(person, make.event(title=title, **times))
    Claim.objects.filter(pk=claim.pk).update(**{"role": ClaimRole.ATTENDEE, **fields})
    return claim


FIRST = dt.date(2022, 6, 1)


@pytest.mark.parametrize(
    ("day", "title", "expected"),
    [
        (dt.date(2022, 6, 3), "Weeding online", True),
        (dt.date(2026, 5, 31), "Weeding ONLINE", True),
        (dt.date(2026, 6, 1), "Weeding online", False),
        (dt.date(2024, 6, 1), "Weeding online, part one", True),
        (dt.date(2024, 6, 1), "Reading outdoors", False),
    ],
)
def test_the_same_training_again_within_four_years_is_reported_once(day, title, expected):
    person = make.person()
    first = weeding(person, FIRST)
    later = weeding(person, day, title=title)
    assert kinds_and_events(first) == []
    again = [(CheckKind.AGAIN, first.event_id)]
    assert kinds_and_events(later) == (again if expected else [])


def test_the_latest_of_several_is_named():
    person = make.person()
    weeding(person, FIRST)
    second, third = (weeding(person, dt.date(year, 6, 1)) for year in (2023, 2024))
    [result] = checks.check_claims([third])[third.pk]
    assert (result.claim_id, result.event.pk) == (second.pk, second.event_id)
    assert result.text.endswith("has already been claimed. Is it the same training again?")


def test_presenting_a_training_again_is_not_reported():
    person = make.person()
    weeding(person, FIRST, role=ClaimRole.PRESENTER)
    attended = weeding(person, dt.date(2023, 6, 1))
    presented = weeding(person, dt.date(2024, 6, 1), role=ClaimRole.PRESENTER)
    assert kinds_and_events(attended) == kinds_and_events(presented) == []


def test_a_new_claim_is_compared_with_a_later_training_too():
    person = make.person()
    later = weeding(person, dt.date(2024, 6, 1))
    earlier = weeding(make.person(), FIRST).event
    [results] = checks.check_proposed_claims([(earlier, Decimal(1))], person=person)
    assert [(each.kind, each.claim_id) for each in results] == [(CheckKind.AGAIN, later.pk)]


def test_the_same_recording_is_reported_years_later():
    person = make.person()
    address = "https://video.example/weeding"
    old = make.claim(person, days=-900, recording_url=address)
    new = make.claim(person, title="Quite different", recording_url=address + "/")
    assert kinds_and_events(new) == [(CheckKind.SAME, old.event_id)]


@pytest.mark.parametrize(
    "address",
    [
        "https://video.example/weeding",
        "http://www.Video.example/Weeding/",
        "https://elsewhere.example/?to=https://video.example/weeding",
    ],
)
def test_the_database_finds_other_urls_of_the_same_recording(address):
    known = make.event(title="Quite different", days=-900, recording_url=address)
    make.event(title="Another", recording_url="https://video.example/weeding/2")
    new = custom(make.person(), recording_url="https://www.video.example/weeding")
    assert same_training.same_page(known.recording_url, "https://www.video.example/weeding")
    assert kinds_and_events(new) == [(CheckKind.SAME, known.pk)]


def test_a_custom_event_is_compared_with_the_calendar_and_with_approved_ones():
    begins_at = morning()
    times = {"begins_at": begins_at, "ends_at": begins_at + dt.timedelta(hours=1)}
    listed = make.event(title="Weeding online", **times)
    make.event(title="Weeding online", state="cancelled", **times)
    known = approved(title="Weeding online!", **times)
    custom(make.person(), title="Weeding online?", **times)  # not approved
    claim = custom(make.person(), title="Weeding online", **times)
    results = checks.check_claims([claim])[claim.pk]
    assert {(each.event.pk, each.can_claim, each.claim_id) for each in results} == {
        (listed.pk, True, None),
        (known.pk, True, None),
    }
    assert {each.text.rpartition(") ")[2] for each in results} == {
        "is on the calendar. Is it the same training?",
        "is an approved training. Is it the same training?",
    }


def test_a_calendar_event_is_not_compared_with_the_calendar():
    make.event(title="Weeding online")
    claim = make.claim(make.person(), title="Weeding online")
    assert kinds_and_events(claim) == []


def test_sessions_of_one_conference_are_not_duplicates():
    person, conference = make.person(), make.event(credits={})
    first = make.claim(person, title="Conference: session 1", parent=conference)
    make.claim(person, title="Conference: session 2", parent=conference, days=-7.2)
    assert kinds_and_events(first) == []


@pytest.mark.parametrize(("minutes", "expected"), [(54, True), (55, False), (60, False)])
def test_two_trainings_at_the_same_time(minutes, expected):
    person = make.person()
    begins_at = morning()
    first = make.claim(person, begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=1))
    later = begins_at + dt.timedelta(minutes=minutes)
    second = make.claim(
        person, title="Elsewhere", begins_at=later, ends_at=later + dt.timedelta(hours=1)
    )
    assert kinds_and_events(second) == ([(CheckKind.OVERLAP, first.event_id)] if expected else [])


@pytest.mark.parametrize(
    "fields", [{"all_day": True}, {"ends_at": None}, {"recording_available_at": timezone.now()}]
)
def test_events_without_hours_and_recordings_never_overlap(fields):
    person = make.person()
    make.claim(person, title="One thing")
    event = make.event(title="Quite another")
    Event.objects.filter(pk=event.pk).update(**fields)
    assert kinds_and_events(make.claim(person, event)) == []


def test_an_ended_claim_is_not_compared():
    person = make.person()
    old = make.claim(person, title="Weeding online")
    actions.withdraw_claim(claim_id=old.pk, by=person)
    assert kinds_and_events(make.claim(person, title="Weeding online")) == []


def test_more_than_twelve_credits_in_one_mountain_day():
    person = make.person()
    for hour in (0, 8):
        begins_at = morning(hour=hour)
        last = make.claim(
            person,
            title={0: "Early birds", 8: "Weeding marathon"}[hour],
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=7),
            credits={make.TECHNOLOGY: "6"},
        )
    assert kinds_and_events(last) == []
    late = morning(hour=23, minute=30)
    more = make.claim(
        person,
        title="Late show",
        begins_at=late,
        ends_at=late + dt.timedelta(minutes=20),
        credits={make.TECHNOLOGY: "0.5"},
    )
    [result] = checks.check_claims([more])[more.pk]
    assert (result.kind, result.event) == (CheckKind.MANY, None)
    assert result.text.startswith("Credits on ")
    assert result.text.endswith(
        " add up to 12.5 in 3 trainings. More than 12 in one day is unusual."
    )


def test_credits_of_a_multi_day_event_are_spread_evenly():
    begins_at = morning()
    claim = make.claim(
        make.person(),
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(days=1, hours=8),
        credits={make.TECHNOLOGY: "24"},
    )
    assert kinds_and_events(claim) == []
    Event.objects.update(ends_at=begins_at + dt.timedelta(hours=8))
    assert kinds_and_events(claim) == [(CheckKind.MANY, None)]


def test_an_event_with_a_mistyped_year_is_checked_quickly():
    """Only days on which an event starts are added up, so even a thirty-year event is quick."""
    person = make.person()
    for hour in (8, 14):
        begins_at = morning(-30, hour)
        make.claim(
            person,
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=5),
            credits={make.TECHNOLOGY: "6"},
        )
    begins_at = dt.datetime(1996, 3, 5, 16, tzinfo=dt.UTC)
    long = Event(title="Course", begins_at=begins_at, ends_at=timezone.now() - dt.timedelta(days=1))
    # The event has one credit per day, so the busiest day has thirteen.
    days = (timezone.localdate(long.ends_at) - timezone.localdate(begins_at)).days + 1
    [[result]] = checks.check_proposed_claims([(long, Decimal(days))], person=person)
    assert " add up to 13 in 3 trainings." in result.text


def test_proposed_events_are_compared_with_claims_and_with_each_other():
    person = make.person()
    begins_at = morning()
    times = {"begins_at": begins_at, "ends_at": begins_at + dt.timedelta(hours=1)}
    listed = make.claim(person, title="Weeding online", **times)
    proposed = [
        (Event(title=title, origin=Origin.CUSTOM, **times), Decimal(1))
        for title in ("Weeding online", "Reading outdoors")
    ]
    first, second = checks.check_proposed_claims(proposed, person=person)
    assert [(each.kind, each.claim_id) for each in first] == [
        (CheckKind.SAME, listed.pk),
        (CheckKind.OVERLAP, None),
    ]
    assert [(each.kind, each.event.title) for each in second] == [
        (CheckKind.OVERLAP, "Weeding online"),
        (CheckKind.OVERLAP, "Weeding online"),
    ]
    assert Claim.objects.get().state == ClaimState.PENDING


def test_an_edited_claim_is_not_compared_with_itself():
    person = make.person()
    claim = custom(person, title="Weeding online")
    [results] = checks.check_proposed_claims(
        [(claim.event, Decimal(1))], person=person, claim_id=claim.pk
    )
    assert results == []


def test_saving_the_same_training_twice_has_no_result():
    person = make.person()
    listed = custom(person, title="Weeding online").event
    again = Event(
        title=listed.title,
        origin=Origin.CUSTOM,
        begins_at=listed.begins_at,
        ends_at=listed.ends_at,
    )
    assert checks.check_proposed_claims([(again, Decimal(13))], person=person) == [[]]
    [others] = checks.check_proposed_claims([(again, Decimal(13))], person=make.person())
    assert [each.kind for each in others] == [CheckKind.MANY]


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(number, django_assert_num_queries):
    claims = []
    for n in range(number):
        person = make.person()
        claims += [custom(person, title="Weeding online"), make.claim(person, title=f"Other {n}")]
    with django_assert_num_queries(3):
        checks.check_claims(claims)
    proposed = [(claim.event, Decimal(1)) for claim in claims]
    with django_assert_num_queries(2):
        checks.check_proposed_claims(proposed, person=person)


def test_no_claims_have_no_results():
    assert checks.check_claims([]) == {}
    assert checks.check_proposed_claims([], person=make.person()) == []
