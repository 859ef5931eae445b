"""A series: occurrences of an event on several dates, at the same local time."""

import datetime as dt
import uuid

import pytest
from django.test import Client

from accounts.enums import Role
from accounts.models import Organization, User
from aspen.errors import Refused
from events.editing import actions as editing_actions
from events.editing.series import MAX_OCCURRENCES, existing_local_time, repeat_event
from events.editing.series_forms import RepeatForm
from events.enums import EventState, EventStep
from events.models import Event, Question
from tests import factories as make
from tests.factories import TECHNOLOGY
from tests.web import text

pytestmark = pytest.mark.django_db


def at(year: int, month: int, day: int, hour: int, minute: int = 0) -> dt.datetime:
    return existing_local_time(dt.datetime(year, month, day, hour, minute))


def source(library: Organization, begins_at: dt.datetime, **fields: object) -> Event:
    return make.event(
        organization=library,
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=2),
        title="Book club leaders",
        **fields,
    )


def moments(event: Event, **typed: object) -> list[str]:
    """Return the dates and times in a rule's series, in UTC."""
    data = {"key": str(uuid.uuid4()), "times": "4", **typed}
    form = RepeatForm(data, source=event)
    assert form.is_valid(), form.errors
    return [f"{each.astimezone(dt.UTC):%Y-%m-%d %H:%M}" for each in form.moments()]


def test_the_local_time_stays_when_clocks_change(library: Organization) -> None:
    spring = source(library, at(2027, 3, 2, 9))
    assert moments(spring, how="weekly") == [
        "2027-03-09 16:00",
        "2027-03-16 15:00",
        "2027-03-23 15:00",
        "2027-03-30 15:00",
    ]
    fall = source(library, at(2027, 10, 26, 9))
    assert moments(fall, how="biweekly") == [
        "2027-11-09 16:00",
        "2027-11-23 16:00",
        "2027-12-07 16:00",
        "2027-12-21 16:00",
    ]


def test_a_time_skipped_in_spring_moves_forward(library: Organization) -> None:
    early = source(library, at(2027, 3, 7, 2, 30))
    assert moments(early, how="weekly", times="1") == ["2027-03-14 09:30"]  # 3:30 AM


@pytest.mark.parametrize(
    ("begin", "how", "days"),
    [
        ((2027, 1, 5), "month-weekday", ["02-02", "03-02", "04-06", "05-04"]),  # first Tuesday
        ((2027, 1, 29), "month-weekday", ["04-30", "07-30", "10-29", "12-31"]),  # fifth Friday
        ((2027, 1, 26), "month-last", ["02-23", "03-30", "04-27", "05-25"]),  # last Tuesday
        ((2027, 1, 31), "month-day", ["03-31", "05-31", "07-31", "08-31"]),
        ((2027, 1, 31), "month-last-day", ["02-28", "03-31", "04-30", "05-31"]),
    ],
)
def test_monthly_rules(
    library: Organization, begin: tuple[int, int, int], how: str, days: list[str]
) -> None:
    event = source(library, at(*begin, 12))
    assert [each[5:10] for each in moments(event, how=how)] == days


def test_a_series_on_the_31st_names_the_months_it_leaves_out(
    client: Client, editor: User, library: Organization
) -> None:
    event = source(library, at(2027, 1, 31, 12))
    address = f"/events/{event.pk}/repeat/"
    typed = {"times": "3", "key": str(uuid.uuid4())}
    page = text(client.post(address, typed | {"how": "month-day"}))
    assert "so they have no date: February 2027, April 2027, June 2027." in page
    assert "Every month on the last day" in page
    page = text(client.post(address, typed | {"how": "month-last-day"}))
    assert "so they have no date" not in page

    another = source(library, at(2027, 1, 30, 12))
    assert "Every month on the last day" not in text(client.get(f"/events/{another.pk}/repeat/"))


def test_rules_end_on_a_day_or_after_sixty_dates(library: Organization) -> None:
    event = source(library, at(2027, 1, 5, 12))
    assert len(moments(event, how="weekly", times="", until="2027-01-26")) == 3
    assert len(moments(event, how="weekly", times="60", until="2030-01-01")) == MAX_OCCURRENCES
    for typed in ({"times": ""}, {"times": "61"}, {"until": "2027-01-05"}, {"how": "daily"}):
        form = RepeatForm(
            {"key": uuid.uuid4(), "how": "weekly", "times": "2"} | typed, source=event
        )
        assert not form.is_valid()


def test_only_selected_dates_are_created_and_only_once(
    client: Client, editor: User, library: Organization
) -> None:
    event = source(library, at(2027, 3, 2, 9), registration_closes_at=at(2027, 3, 1, 17))
    Event.objects.filter(pk=event.pk).update(delivery="hybrid", capacity=20, online_capacity=50)
    Question.objects.create(event=event, position=1, kind="text", label="Which book?")
    address = f"/events/{event.pk}/repeat/"
    typed = {"how": "weekly", "times": "3", "key": str(uuid.uuid4())}
    page = client.post(address, typed)
    assert Event.objects.count() == 1
    dates = [value for value, _ in page.context["dates"].fields["dates"].choices]
    assert len(dates) == 3
    for _ in range(2):
        client.post(address, typed | {"make": "1", "dates": [dates[0], dates[2]]})
    created = list(Event.objects.exclude(pk=event.pk).order_by("begins_at"))
    assert [each.begins_at for each in created] == [at(2027, 3, 9, 9), at(2027, 3, 23, 9)]
    event.refresh_from_db()
    assert {each.series_key for each in created} == {event.series_key}
    second = created[1]
    assert (second.ends_at, second.registration_closes_at) == (
        at(2027, 3, 23, 11),
        at(2027, 3, 22, 17),
    )
    assert (second.state, second.created_by) == (EventState.DRAFT, editor)
    assert second.uid != event.uid
    assert (second.delivery, second.capacity, second.online_capacity) == ("hybrid", 20, 50)
    assert [(line.category.slug, line.amount) for line in second.offers.all()] == [(TECHNOLOGY, 1)]
    assert [each.label for each in second.questions.all()] == ["Which book?"]
    nothing = client.post(address, typed | {"make": "1"})
    assert "Choose at least one date." in nothing.content.decode()


def test_only_offered_dates_are_created(
    client: Client, editor: User, library: Organization
) -> None:
    event = source(library, at(2027, 3, 2, 9))
    typed = {"how": "weekly", "times": "1", "key": str(uuid.uuid4()), "make": "1"}
    for date in ("2027-05-05T09:00:00-06:00", "nonsense"):
        client.post(f"/events/{event.pk}/repeat/", typed | {"dates": [date]})
    assert Event.objects.count() == 1


def test_a_step_can_apply_to_the_whole_series(editor: User, library: Organization) -> None:
    event = source(library, at(2027, 3, 2, 9))
    begins = [at(2027, 3, day, 9) for day in (9, 16, 23)]
    created = repeat_event(source_id=event.pk, begins=begins, series_key=uuid.uuid4(), by=editor)
    staff = make.person(Role.CE_COORDINATOR)
    for step, person in ((EventStep.SUBMIT, editor), (EventStep.PUBLISH, staff)):
        taken = editing_actions.take_step(
            event_id=created[1].pk, step=step, by=person, whole_series=True
        )
        assert len(taken) == 3
    states = Event.objects.order_by("pk").values_list("state", flat=True)
    assert set(states) == {EventState.PUBLISHED}


def test_other_people_cannot_repeat_the_event(library: Organization) -> None:
    event = source(library, at(2027, 3, 2, 9))
    with pytest.raises(Event.DoesNotExist):
        repeat_event(
            source_id=event.pk,
            begins=[at(2027, 3, 9, 9)],
            series_key=uuid.uuid4(),
            by=make.person(Role.EVENT_EDITOR),
        )


def test_a_series_has_between_one_and_sixty_dates(editor: User, library: Organization) -> None:
    event = source(library, at(2027, 3, 2, 9))
    begins = [event.begins_at + dt.timedelta(days=day) for day in range(1, MAX_OCCURRENCES + 2)]
    for dates, words in ((begins, "at most 60 dates"), ([], "Choose at least one date")):
        with pytest.raises(Refused, match=words):
            repeat_event(source_id=event.pk, begins=dates, series_key=uuid.uuid4(), by=editor)
