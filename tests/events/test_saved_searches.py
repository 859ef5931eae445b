"""Saved searches: saving and removing them, and the weekly e-mail about new events."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from aspen.db.audit import history_model
from aspen.errors import Refused
from aspen.mail.outbox import composers
from aspen.models import Mail
from events import tasks
from events.actions import queue_saved_search_emails, remove_search, save_search
from events.calendar.search import Filters, from_stored, stored
from events.enums import EventState
from events.models import Event, SavedSearch
from events.saved_searches import actions
from events.saved_searches.emails import stop_token
from tests import factories as make
from tests.emails import body_of, delivered, is_dropped, sent
from tests.races import run_concurrently
from tests.web import flash_messages, signed_in, text
from tracks.actions import select_track

pytestmark = pytest.mark.django_db
WEEK = dt.timedelta(days=7)
SAVED_AT = dt.datetime.fromisoformat("2026-11-02T10:00-07:00")
PORTAL = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(SAVED_AT, tick=False) as traveller:
        yield traveller


def weeding(person: User, **fields: Any) -> SavedSearch:
    """Save a search for weeding at the present time."""
    filters = Filters(words="weeding", **fields)
    saved = save_search(filters=filters, name="“weeding”", by=person)
    SavedSearch.objects.filter(pk=saved.pk).update(checked_at=timezone.now())
    return saved


def new_event(title: str = "Weeding", **fields: Any) -> Event:
    """Return an event that was put on the calendar at the present time."""
    event = make.event(**{"title": title, "days": 30} | fields)
    Event.objects.filter(pk=event.pk).update(created_at=timezone.now())
    return event


def later(clock: time_machine.Traveller, days: float = 7) -> None:
    clock.move_to(timezone.now() + dt.timedelta(days=days))


# ---------- Saving and removing ----------


def test_a_person_saves_and_removes_a_search(person: User) -> None:
    client = signed_in(person)
    page = text(client.get("/events/?view=list&q=weeding&category=technology"))
    address = "/events/searches/?view=list&amp;q=weeding&amp;category=technology"
    assert f'action="{address}"' in page
    response = client.post(address.replace("&amp;", "&"))
    assert response.url == "/events/?view=list&q=weeding&category=technology"
    saved = SavedSearch.objects.get()
    assert saved.filters == {"words": "weeding", "category": "technology"}
    assert (saved.person, saved.name) == (person, "“weeding”, Technology")
    assert "Once a week, we e-mail you new training" in text(client.get(response.url))

    profile = text(client.get("/accounts/profile/"))
    assert "“weeding”, Technology" in profile
    assert 'href="/events/?view=list&amp;q=weeding&amp;category=technology"' in profile
    response = client.post(f"/events/searches/{saved.pk}/remove/")
    assert response.url == "/accounts/profile/"
    page = text(client.get("/accounts/profile/"))
    assert "You have no saved searches." in page
    undo = page.split('class="no-print" method="post" action="')[1].split('"')[0]
    client.post(undo.replace("&amp;", "&"))
    assert SavedSearch.objects.get().filters == saved.filters


def test_saving_again_changes_nothing(person: User) -> None:
    assert weeding(person) == weeding(person)
    assert SavedSearch.objects.count() == 1
    history: Any = history_model(SavedSearch).objects.order_by("pgh_id")
    remove_search(search_id=SavedSearch.objects.get().pk, by=person)
    assert [(row.pgh_label, row.pgh_context["act"]) for row in history] == [
        ("insert", "events.save_search"),
        ("delete", "events.remove_search"),
    ]


def test_a_search_that_was_saved_before_has_no_undo(person: User) -> None:
    """Undo would remove what was saved before."""
    client = signed_in(person)
    for _ in range(2):
        response = client.post("/events/searches/?view=list&q=weeding")
    page = text(client.get(response.url))
    assert "You had saved this search before: “weeding”." in page
    assert SavedSearch.objects.count() == 1


def test_nobody_removes_another_persons_search(person: User) -> None:
    saved = weeding(person)
    signed_in(make.person()).post(f"/events/searches/{saved.pk}/remove/")
    assert list(SavedSearch.objects.all()) == [saved]


def test_there_is_a_limit(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_SAVED_SEARCHES", 1)
    weeding(person)
    response = signed_in(person).post("/events/searches/?q=boards")
    assert flash_messages(response) == [
        "You have 1 saved searches, the maximum. Remove one in your profile, then save this one."
    ]
    weeding(make.person())
    with pytest.raises(Refused):
        save_search(filters=Filters(), name="all events", by=person)


def test_the_database_rejects_the_same_search_twice(person: User) -> None:
    saved = weeding(person)
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedSearch.objects.create(person=person, name="again", filters=saved.filters)


def test_the_button_is_for_people_who_set_a_filter(person: User) -> None:
    button = "E-mail me new training</button>"
    client = signed_in(person)
    for query in ("view=list&credit=1", "month=2026-12&city=helena", "view=watch&q=x", "q=weeding"):
        assert button in text(client.get(f"/events/?{query}")), query
    for query in ("", "view=list", "view=watch", f"q={'weeding' * 70}", "from=never&q=x"):
        assert button not in text(client.get(f"/events/?{query}")), query
    assert button not in text(Client().get("/events/?q=weeding"))


def test_a_search_with_errors_is_not_saved(person: User) -> None:
    response = signed_in(person).post("/events/searches/?from=never&q=x")
    assert response.url == "/events/?from=never&q=x"
    assert not SavedSearch.objects.exists()


def test_a_get_changes_nothing(person: User) -> None:
    """After the session has ended, people sign in and arrive with a GET."""
    saved = weeding(person)
    client = signed_in(person)
    assert client.get("/events/searches/?q=boards").url == "/events/?view=list&q=boards"
    assert client.get(f"/events/searches/{saved.pk}/remove/").url == "/accounts/profile/"
    assert list(SavedSearch.objects.all()) == [saved]


def test_all_filters_can_be_stored() -> None:
    day = dt.date(2026, 12, 3)
    filters = Filters(
        **dict.fromkeys(("words", "category", "type", "delivery", "sponsor"), "x"),
        federation="x",
        city="x",
        since=day,
        until=day,
        **dict.fromkeys(("earns_credit", "has_recording", "fits_track"), True),
    )
    assert from_stored(stored(filters)) == filters
    assert from_stored({"words": "x", "removed filter": "y"}) == Filters(words="x")


@pytest.mark.parametrize("count", [1, 3])
def test_the_profile_takes_one_query_for_saved_searches(
    person: User, count: int, django_assert_num_queries: Any
) -> None:
    client = signed_in(person)
    for number in range(count):
        save_search(filters=Filters(words=f"lab {number}"), name="lab", by=person)
    with django_assert_num_queries(5):
        client.get("/accounts/profile/")


# ---------- The weekly e-mail ----------


def test_new_events_are_mailed_once_a_week(person: User, clock: time_machine.Traveller) -> None:
    new_event("Weeding, known")
    weeding(person)
    later(clock, 1)
    new_event("Weeding, new")
    new_event("Boards")
    later(clock, 5)
    assert queue_saved_search_emails() == 0
    later(clock, 1)
    tasks.tell_of_new_events(timestamp=0)
    tasks.tell_of_new_events(timestamp=0)
    message = delivered()
    assert message.to == [person.email]
    assert message.subject == "1 new event: “weeding”"
    assert "Weeding, new" in body_of(message)
    assert "known" not in body_of(message)
    assert f"{PORTAL}/events/?view=list&q=weeding" in body_of(message)

    new_event("Weeding, newer")
    later(clock, 6)
    assert queue_saved_search_emails() == 0
    later(clock, 1)
    assert queue_saved_search_emails() == 1
    assert "Weeding, newer" in body_of(delivered())
    later(clock)
    assert queue_saved_search_emails() == 0
    assert Mail.objects.count() == 2


def test_a_run_that_crashes_neither_loses_nor_repeats_an_email(
    person: User, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    weeding(person)
    later(clock, 1)
    new_event()
    later(clock, 6)

    def crash(*arguments: object, **facts: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(actions, "queue_saved_search_email", crash)
        with pytest.raises(RuntimeError):
            queue_saved_search_emails()
    assert not Mail.objects.exists()
    assert [queue_saved_search_emails(), queue_saved_search_emails()] == [1, 0]
    assert len(sent()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_queue_one_email(person: User, clock: time_machine.Traveller) -> None:
    weeding(person)
    later(clock, 1)
    new_event()
    later(clock, 6)
    assert sorted(run_concurrently(2, lambda _: queue_saved_search_emails())) == [0, 1]
    assert Mail.objects.count() == 1


def test_nothing_new_is_no_email(person: User, clock: time_machine.Traveller) -> None:
    weeding(person)
    later(clock, 1)
    new_event("Weeding, over", days=-3)
    new_event("Weeding, canceled", state=EventState.CANCELLED)
    new_event("Weeding, a draft", state=EventState.DRAFT, created_by=person)
    later(clock, 6)
    assert queue_saved_search_emails() == 0
    assert not Mail.objects.exists()


def test_published_proposals_and_recordings_are_new(
    person: User, clock: time_machine.Traveller
) -> None:
    staff = make.person()
    new_event("Weeding, proposed", created_by=person, decided_by=staff, decided_at=SAVED_AT + WEEK)
    recorded = {"days": -30, "recording_url": "https://videos.example/1"}
    new_event("Weeding, recorded", recording_available_at=SAVED_AT + WEEK / 2, **recorded)
    new_event("Weeding, recorded before", recording_available_at=SAVED_AT - WEEK, **recorded)
    weeding(person)
    later(clock, 8)
    queue_saved_search_emails()
    body = body_of(delivered())
    assert "Weeding, proposed" in body
    assert "Recording: Weeding, recorded · " in body
    assert "before" not in body
    assert "See the events: http://127.0.0.1:8000/events/?view=list&q=weeding" in body
    assert "under Watch now: http://127.0.0.1:8000/events/?view=watch&q=weeding" in body


def test_the_button_leads_to_the_recordings_if_there_is_nothing_else(
    person: User, clock: time_machine.Traveller
) -> None:
    weeding(person)
    later(clock, 1)
    recorded = {"days": -30, "recording_url": "https://videos.example/1"}
    new_event("Weeding, recorded", recording_available_at=timezone.now(), **recorded)
    later(clock, 7)
    queue_saved_search_emails()
    body = body_of(delivered())
    assert "See the events: http://127.0.0.1:8000/events/?view=watch&q=weeding" in body
    assert "under Watch now" not in body


def test_an_event_that_is_not_committed_yet_is_new_the_next_time(
    person: User, clock: time_machine.Traveller
) -> None:
    weeding(person)
    later(clock)
    queue_saved_search_emails()
    event = new_event()
    Event.objects.filter(pk=event.pk).update(created_at=timezone.now() - dt.timedelta(minutes=1))
    later(clock)
    assert queue_saved_search_emails() == 1


def test_the_email_is_dropped_if_it_is_no_longer_needed(
    person: User, clock: time_machine.Traveller
) -> None:
    saved = weeding(person)
    for change in ("removed event", "removed search"):
        later(clock, 1)
        event = new_event()
        later(clock, 7)
        assert queue_saved_search_emails() == 1
        if change == "removed event":
            Event.objects.filter(pk=event.pk).update(state=EventState.CANCELLED)
        else:
            remove_search(search_id=saved.pk, by=person)
        assert is_dropped(), change


def test_inactive_people_get_none(person: User, clock: time_machine.Traveller) -> None:
    weeding(person)
    User.objects.update(is_active=False)
    later(clock, 1)
    new_event()
    later(clock, 6)
    assert queue_saved_search_emails() == 0


def test_long_lists_are_cut(person: User, clock: time_machine.Traveller) -> None:
    weeding(person)
    later(clock, 1)
    for number in range(12):
        new_event(f"Weeding {number}")
    later(clock, 6)
    queue_saved_search_emails()
    message = delivered()
    assert message.subject == "12 new events: “weeding”"
    assert body_of(message).count("Weeding ") == 10
    assert "And: 2 more" in body_of(message)


def test_training_that_fits_the_track(person: User, clock: time_machine.Traveller) -> None:
    weeding(person, fits_track=True)
    later(clock, 1)
    new_event(credits={make.TECHNOLOGY: "1.0"})
    later(clock, 6)
    assert queue_saved_search_emails() == 0
    select_track(track=make.track(), by=person)
    new_event(credits={make.TECHNOLOGY: "1.0"})
    later(clock)
    assert queue_saved_search_emails() == 1
    assert "Weeding" in body_of(delivered())


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_is_fixed(
    person: User, clock: time_machine.Traveller, count: int, django_assert_num_queries: Any
) -> None:
    weeding(person)
    later(clock, 1)
    for _ in range(count):
        new_event()
    later(clock, 6)
    queue_saved_search_emails()
    mail = Mail.objects.get()
    with django_assert_num_queries(4):
        assert composers[mail.kind](mail)


# ---------- Unsubscribing ----------


def test_the_link_in_the_email_stops_it_without_signing_in(
    person: User, clock: time_machine.Traveller
) -> None:
    saved = weeding(person)
    other = save_search(filters=Filters(words="boards"), name="“boards”", by=person)
    later(clock, 1)
    new_event()
    later(clock, 6)
    queue_saved_search_emails()
    message = delivered()
    address = f"{PORTAL}/events/searches/stop/{stop_token(saved)}/"
    assert address in body_of(message)
    assert message.extra_headers["List-Unsubscribe"] == f"<{address}>"
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    client, path = Client(enforce_csrf_checks=True), address.removeprefix(PORTAL)
    assert "Stop these e-mails" in text(client.get(path))
    assert SavedSearch.objects.count() == 2
    for _ in range(2):
        response = client.post(path, {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
    assert list(SavedSearch.objects.all()) == [other]
    assert "We no longer e-mail you about this search." in text(client.get(path))


def test_the_page_of_the_link_has_a_button(person: User) -> None:
    path = f"/events/searches/stop/{stop_token(weeding(person))}/"
    assert Client().post(path).url == path
    assert not SavedSearch.objects.exists()
    assert Client().get("/events/searches/stop/1:forged/").status_code == 404
