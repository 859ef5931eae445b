"""The database constraints on events, tested without the checks in Python."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from events.enums import (
    Attendance,
    AttendanceMode,
    Delivery,
    EventState,
    KeyPurpose,
    QuestionKind,
    RegistrationState,
)
from events.models import (
    Answer,
    AttendanceList,
    AttendeeMatch,
    CalendarVersion,
    Event,
    PersonalKey,
    Presenter,
    Question,
    Registration,
    Resource,
)
from tests import factories as make

pytestmark = pytest.mark.django_db
IN_PERSON, ONLINE = AttendanceMode.IN_PERSON, AttendanceMode.ONLINE
NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)


def registration(event: Event, **fields: Any) -> Registration:
    """Insert a registration without an action's checks."""
    values = {"state": RegistrationState.CONFIRMED, "registered_at": NOW}
    row = Registration(event=event, person=make.person(), **values | fields)
    return Registration.objects.bulk_create([row])[0]


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        (
            {"recording_available_at": LATER, "recording_until_at": LATER},
            "events_recording_ends_after_it_begins",
        ),
        ({"recording_until_at": NOW}, None),
        (
            {"registration_opens_at": LATER, "registration_closes_at": NOW},
            "events_registration_closes_after_it_opens",
        ),
        ({"registration_opens_at": NOW, "registration_closes_at": LATER}, None),
        ({"check_in_code": "ABC"}, "events_check_in_code_of_six_letters"),
        ({"check_in_code": "abcdef"}, "events_check_in_code_of_six_letters"),
        ({"check_in_code": "ABCDEF"}, None),
        ({"online_capacity": 5}, "events_online_capacity_only_if_hybrid"),
        ({"online_capacity": 0, "delivery": "hybrid"}, "events_online_capacity_positive"),
        ({"online_capacity": 5, "delivery": "hybrid"}, None),
        ({"state": EventState.DRAFT}, "events_proposal_has_author"),
        ({"state": EventState.PENDING}, "events_proposal_has_author"),
    ],
)
def test_event_constraints(values: dict[str, Any], constraint: str | None) -> None:
    event = make.event(begins_at=NOW - dt.timedelta(days=1), ends_at=None)
    events = Event.objects.filter(pk=event.pk)
    if constraint is None:
        assert events.update(**values) == 1
        return
    with pytest.raises(IntegrityError, match=constraint):
        events.update(**values)


def test_a_proposal_has_a_submission_time() -> None:
    event = make.event(state=EventState.PENDING)
    with pytest.raises(IntegrityError, match="events_proposal_has_submitted_at"):
        Event.objects.filter(pk=event.pk).update(submitted_at=None)


def test_check_in_codes_are_unique() -> None:
    make.event(check_in_code="ABCDEF")
    with pytest.raises(IntegrityError, match="check_in_code"):
        make.event(check_in_code="ABCDEF")


def test_a_series_includes_each_date_once() -> None:
    key = uuid.uuid4()
    make.event(title="Story time basics", begins_at=NOW, ends_at=LATER, series_key=key)
    make.event(title="Story time basics", begins_at=LATER, ends_at=None, series_key=key)
    make.event(title="Story time basics", begins_at=NOW, ends_at=LATER)
    with pytest.raises(IntegrityError, match="events_one_occurrence_at_a_time"):
        make.event(title="Story time basics", begins_at=NOW, ends_at=LATER, series_key=key)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"state": RegistrationState.CANCELLED}, "events_registration_cancelled_at_matches_state"),
        ({"cancelled_at": NOW}, "events_registration_cancelled_at_matches_state"),
        ({"attendance": Attendance.PRESENT}, "events_attendance_marked_at_matches_state"),
        ({"marked_at": NOW}, "events_attendance_marked_at_matches_state"),
        (
            {
                "state": RegistrationState.WAITLISTED,
                "attendance": Attendance.PRESENT,
                "marked_at": NOW,
            },
            "events_waitlisted_not_marked",
        ),
        (
            {"state": RegistrationState.WAITLISTED, "settled_at": NOW},
            "events_waitlisted_not_marked",
        ),
        (
            {"state": RegistrationState.WAITLISTED, "walk_in": True},
            "events_waitlisted_not_marked",
        ),
    ],
)
def test_registration_constraints(values: dict[str, Any], constraint: str) -> None:
    place = registration(make.event())
    with pytest.raises(IntegrityError, match=constraint):
        Registration.objects.filter(pk=place.pk).update(**values)


def test_the_database_enforces_the_capacity() -> None:
    event = make.event(days=3, capacity=2)
    registration(event)
    registration(event)
    with pytest.raises(IntegrityError, match="all 2 places are taken"), transaction.atomic():
        registration(event)
    waiting = registration(event, state=RegistrationState.WAITLISTED)
    with pytest.raises(IntegrityError, match="all 2 places are taken"), transaction.atomic():
        Registration.objects.filter(pk=waiting.pk).update(state=RegistrationState.CONFIRMED)


def test_walk_ins_do_not_count_toward_the_capacity() -> None:
    event = make.event(days=3, capacity=1)
    walk_in = registration(event, walk_in=True)
    registration(event)
    with pytest.raises(IntegrityError, match="all 1 places are taken"):
        Registration.objects.filter(pk=walk_in.pk).update(walk_in=False)


def test_the_capacity_cannot_drop_below_the_places_taken() -> None:
    event = make.event(days=3, capacity=3)
    registration(event)
    registration(event)
    events = Event.objects.filter(pk=event.pk)
    assert events.update(capacity=2) == 1
    with pytest.raises(IntegrityError, match="2 people hold a place"), transaction.atomic():
        events.update(capacity=1)
    events.update(capacity=None)
    with pytest.raises(IntegrityError, match="2 people hold a place"):
        events.update(capacity=1)


def hybrid(**fields: Any) -> Event:
    return make.event(days=3, delivery=Delivery.HYBRID, **fields)


def test_the_database_enforces_both_capacities_of_a_hybrid_event() -> None:
    event = hybrid(capacity=2, online_capacity=1)
    registration(event)  # not known, so in the room
    registration(event, attendance_mode=IN_PERSON)
    for mode in ("", IN_PERSON):
        with pytest.raises(IntegrityError, match="all 2 places are taken"), transaction.atomic():
            registration(event, attendance_mode=mode)
    online = registration(event, attendance_mode=ONLINE)
    with pytest.raises(IntegrityError, match="all 1 places are taken"), transaction.atomic():
        registration(event, attendance_mode=ONLINE)
    with pytest.raises(IntegrityError, match="all 2 places are taken"), transaction.atomic():
        Registration.objects.filter(pk=online.pk).update(attendance_mode=IN_PERSON)
    waiting = registration(event, attendance_mode=ONLINE, state=RegistrationState.WAITLISTED)
    with pytest.raises(IntegrityError, match="all 1 places are taken"), transaction.atomic():
        Registration.objects.filter(pk=waiting.pk).update(state=RegistrationState.CONFIRMED)
    registration(event, attendance_mode=IN_PERSON, walk_in=True)


def test_each_capacity_of_a_hybrid_event_is_at_least_the_places_taken() -> None:
    event = hybrid(capacity=2, online_capacity=3)
    for mode in ("", IN_PERSON, ONLINE, ONLINE, ONLINE):
        registration(event, attendance_mode=mode)
    events = Event.objects.filter(pk=event.pk)
    with pytest.raises(IntegrityError, match="2 people hold a place"), transaction.atomic():
        events.update(capacity=1)
    with pytest.raises(IntegrityError, match="3 people hold an online place"), transaction.atomic():
        events.update(online_capacity=2)
    for delivery in (Delivery.IN_PERSON, Delivery.ONLINE):
        with pytest.raises(IntegrityError, match="all 2 places are taken"), transaction.atomic():
            events.update(delivery=delivery, online_capacity=None)
    assert events.update(delivery=Delivery.IN_PERSON, online_capacity=None, capacity=5) == 1


@pytest.mark.parametrize(
    ("format_before", "mode"),
    [
        (Delivery.IN_PERSON, IN_PERSON),
        (Delivery.ONLINE, ONLINE),
        (Delivery.RECORDED, ONLINE),
        ("", ""),
    ],
)
def test_people_keep_taking_part_as_before_when_an_event_becomes_hybrid(
    format_before: str, mode: str
) -> None:
    event = make.event(days=3, delivery=format_before, capacity=2)
    other = registration(make.event(days=3, delivery=format_before))
    states = [
        {},
        {"state": RegistrationState.WAITLISTED},
        {"state": RegistrationState.CANCELLED, "cancelled_at": NOW},
    ]
    rows = [registration(event, **state) for state in states]
    events = Event.objects.filter(pk=event.pk)
    events.update(delivery=Delivery.HYBRID)
    modes = Registration.objects.filter(pk__in=[each.pk for each in rows])
    assert set(modes.values_list("attendance_mode", flat=True)) == {mode}
    events.update(delivery=Delivery.ONLINE)
    assert set(modes.values_list("attendance_mode", flat=True)) == {""}
    other.refresh_from_db()
    assert other.attendance_mode == ""


def test_a_full_webinar_can_become_hybrid_with_a_small_room() -> None:
    event = make.event(days=3, delivery=Delivery.ONLINE, capacity=3)
    for _ in range(3):
        registration(event)
    events = Event.objects.filter(pk=event.pk)
    assert events.update(delivery=Delivery.HYBRID, capacity=1, online_capacity=3) == 1
    registration(event, attendance_mode=IN_PERSON)


def test_only_people_at_hybrid_events_have_an_attendance_mode() -> None:
    place = registration(make.event(days=3))
    with pytest.raises(IntegrityError, match="only hybrid events"), transaction.atomic():
        Registration.objects.filter(pk=place.pk).update(attendance_mode=IN_PERSON)
    at_hybrid = registration(hybrid(), attendance_mode=ONLINE)
    with pytest.raises(IntegrityError, match="only hybrid events"), transaction.atomic():
        Registration.objects.filter(pk=at_hybrid.pk).update(event=place.event)
    with pytest.raises(IntegrityError, match="choices_known"):
        Registration.objects.filter(pk=at_hybrid.pk).update(attendance_mode="on foot")


def test_an_answer_belongs_to_the_same_event_as_its_question_and_registration() -> None:
    event, other = make.event(days=3), make.event(days=3)
    question = Question.objects.create(
        event=event, position=1, kind=QuestionKind.TEXT, label="What would you like to learn?"
    )
    place, elsewhere = registration(event), registration(other)
    Answer.objects.create(registration=place, question=question, event=event, text="Weeding")
    with (
        pytest.raises(IntegrityError, match="events_answer_registration_same_event"),
        transaction.atomic(),
    ):
        Answer.objects.create(
            registration=elsewhere, question=question, event=event, text="Weeding"
        )
    with (
        pytest.raises(IntegrityError, match="events_answer_question_same_event"),
        transaction.atomic(),
    ):
        Answer.objects.create(
            registration=elsewhere, question=question, event=other, text="Weeding"
        )
    with pytest.raises(IntegrityError, match="events_one_answer_per_question"):
        Answer.objects.create(registration=place, question=question, event=event, text="Again")


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"kind": QuestionKind.CHOICE, "choices": ["Only one"]}, "events_choice_has_choices"),
        ({"label": ""}, "events_question_kind_and_label_known"),
        ({"kind": "riddle"}, "events_question_kind_and_label_known"),
        ({"position": 2}, "events_one_question_per_position"),
    ],
)
def test_question_constraints(values: dict[str, Any], constraint: str) -> None:
    event = make.event()
    first, _ = (
        Question.objects.create(
            event=event, position=number, kind=QuestionKind.TEXT, label="What for?"
        )
        for number in (1, 2)
    )
    with pytest.raises(IntegrityError, match=constraint):
        Question.objects.filter(pk=first.pk).update(**values)


def test_there_is_one_active_key_per_purpose_and_it_cannot_be_guessed() -> None:
    person = make.person()
    key = PersonalKey.objects.create(person=person, purpose=KeyPurpose.FEED, token="k" * 32)
    with pytest.raises(IntegrityError, match="events_one_open_key"), transaction.atomic():
        PersonalKey.objects.create(person=person, purpose=KeyPurpose.FEED, token="l" * 32)
    with pytest.raises(IntegrityError, match="events_key_unguessable"), transaction.atomic():
        PersonalKey.objects.create(
            person=person, purpose=KeyPurpose.PERSONAL_CHECK_IN, token="short"
        )
    PersonalKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    PersonalKey.objects.create(person=person, purpose=KeyPurpose.FEED, token="l" * 32)


def test_a_person_can_present_an_event_only_once() -> None:
    event, person = make.event(), make.person()
    Presenter.objects.create(event=event, person=person)
    with pytest.raises(IntegrityError, match="events_one_presenter_per_person"):
        Presenter.objects.create(event=event, person=person)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"url": "https://example.org/", "file": "resources/a", "file_name": "a.pdf", "size": 1},
        {"file": "resources/a", "file_name": "", "size": 1},
        {"file": "resources/a", "file_name": "a.pdf", "size": None},
    ],
)
def test_a_resource_is_a_link_or_a_file(values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="events_resource_is_link_or_file"):
        Resource.objects.create(event=make.event(), label="Handout", **values)


def test_an_applied_attendance_list_records_who_applied_it_and_when() -> None:
    person = make.person()
    made = AttendanceList.objects.create(
        event=make.event(), file_name="report.csv", threshold=30, uploaded_by=person
    )
    lists = AttendanceList.objects.filter(pk=made.pk)
    with (
        pytest.raises(IntegrityError, match="events_list_applied_both_or_neither"),
        transaction.atomic(),
    ):
        lists.update(applied_at=NOW)
    with pytest.raises(IntegrityError, match="events_list_threshold_positive"):
        lists.update(threshold=0)


def stored_list(**fields: Any) -> AttendanceList:
    values = {"file_name": "report.csv", "threshold": 30, "uploaded_by": make.person()}
    return AttendanceList.objects.create(**{"event": make.event()} | values | fields)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"undone_at": LATER}, "events_list_undone_both_or_neither"),
        ({"undone_at": NOW, "applied_at": LATER}, "events_list_undone_within_a_day"),
        ({"undone_at": NOW + dt.timedelta(days=2)}, "events_list_undone_within_a_day"),
        ({"undone_at": LATER, "applied_at": None}, "events_list_undone_within_a_day"),
        ({"undone_at": NOW + dt.timedelta(days=1)}, None),
        ({"registered": 4, "named": 0}, "events_list_of_many_absences_confirmed"),
        (
            {"registered": 4, "named": 4, "newly_absent": 1, "absent": 3},
            "events_list_of_many_absences_confirmed",
        ),
        ({"registered": 4, "named": 4, "newly_absent": 1, "absent": 3, "is_confirmed": True}, None),
        ({"registered": 4, "named": 0, "is_confirmed": True}, None),
        ({"registered": 4, "named": 1, "newly_absent": 2, "absent": 2}, None),
        ({"registered": 4, "named": 1, "newly_absent": 0, "absent": 3}, None),
    ],
)
def test_attendance_list_constraints(values: dict[str, Any], constraint: str | None) -> None:
    person = make.person()
    made = stored_list(applied_at=NOW, applied_by=person)
    if "undone_at" in values and constraint != "events_list_undone_both_or_neither":
        values |= {"undone_by": person}
    if "applied_at" in values and values["applied_at"] is None:
        values |= {"applied_by": None}
    lists = AttendanceList.objects.filter(pk=made.pk)
    if constraint is None:
        assert lists.update(**values) == 1
        return
    with pytest.raises(IntegrityError, match=constraint):
        lists.update(**values)


def test_an_attendance_list_is_stored_once_for_each_threshold() -> None:
    made = stored_list(fingerprint="f")
    stored_list(fingerprint="f", event=made.event, threshold=20)
    with pytest.raises(IntegrityError, match="events_list_stored_once"):
        stored_list(fingerprint="f", event=made.event)


def test_a_name_on_an_events_lists_is_one_person() -> None:
    person = make.person()
    values = {"event": make.event(), "name": "Ada", "person": person, "matched_by": person}
    AttendeeMatch.objects.create(alias="name:ada", **values)
    for alias, constraint in [
        ("name:ada", "events_attendee_matched_once"),
        ("name:", "events_attendee_match_has_alias"),
    ]:
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            AttendeeMatch.objects.create(alias=alias, **values)


@pytest.mark.parametrize(
    "values",
    [
        {"attendance": Attendance.UNKNOWN},
        {"attendance": Attendance.LATE, "marked_at": NOW},
        {
            "attendance": Attendance.PRESENT,
            "marked_at": NOW,
            "state": RegistrationState.CANCELLED,
            "cancelled_at": NOW,
        },
    ],
)
def test_marks_from_lists_are_present_or_absent(values: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="events_mark_from_lists_present_or_absent"):
        registration(make.event(), before_lists={}, **values)


# ---------- Triggers ----------


@pytest.mark.parametrize(
    "values",
    [
        {"title": "Another title"},
        {"begins_at": NOW - dt.timedelta(hours=1)},
        {"ends_at": LATER},
        {"all_day": True},
        {"location": "Yogo Inn"},
        {"city": "Lewistown"},
        {"room": "Ballroom"},
        {"delivery": "hybrid"},
        {"state": EventState.CANCELLED},
    ],
)
def test_changes_shown_in_calendars_count_as_revisions(values: dict[str, Any]) -> None:
    event = make.event(begins_at=NOW, ends_at=None)
    Event.objects.filter(pk=event.pk).update(**values)
    Event.objects.filter(pk=event.pk).update(**values)
    changed = Event.objects.get(pk=event.pk)
    assert changed.sequence == 1
    assert changed.changed_at > event.changed_at
    assert changed.uid == event.uid


def test_other_changes_and_stale_copies_do_not_count_as_revisions() -> None:
    event = make.event(title="First title")
    stale = Event.objects.get(pk=event.pk)
    Event.objects.filter(pk=event.pk).update(title="Second title")
    Event.objects.filter(pk=event.pk).update(description="More words.", uid=uuid.uuid4())
    stale.title = "Second title"
    stale.save()
    changed = Event.objects.get(pk=event.pk)
    assert (changed.sequence, changed.uid) == (1, event.uid)


def version() -> int:
    return CalendarVersion.objects.get().number


def test_the_calendar_version_is_a_single_row() -> None:
    with pytest.raises(IntegrityError, match="events_one_version"):
        CalendarVersion.objects.create(pk=2, number=1)


@pytest.mark.django_db(transaction=True)
def test_public_changes_raise_the_calendar_version() -> None:
    event = make.event(days=3, capacity=5)
    library = make.organization()
    place = registration(event)
    changes = {
        "event": lambda: Event.objects.filter(pk=event.pk).update(description="New words."),
        "credit line": lambda: event.offers.update(amount="2.0"),
        "category": lambda: type(make.category()).objects.update(description="New words."),
        "library": lambda: type(library).objects.update(county="Lewis and Clark"),
        "place": lambda: Registration.objects.filter(pk=place.pk).update(
            state=RegistrationState.CANCELLED, cancelled_at=NOW
        ),
    }
    for name, change in changes.items():
        before = version()
        change()
        assert version() > before, name


@pytest.mark.django_db(transaction=True)
def test_attendance_and_rolled_back_changes_do_not_raise_the_version() -> None:
    event = make.event()
    place = registration(event)
    before = version()
    Registration.objects.filter(pk=place.pk).update(
        attendance=Attendance.PRESENT, marked_at=NOW, settled_at=NOW
    )
    with transaction.atomic():
        Event.objects.filter(pk=event.pk).update(title="Never committed")
        transaction.set_rollback(True)
    assert version() == before


@pytest.mark.django_db(transaction=True)
def test_a_transaction_raises_the_version_once() -> None:
    for _ in range(3):
        make.event(credits={})
    before = version()
    with transaction.atomic():
        Event.objects.update(audience="Everyone")
        Event.objects.update(audience="Trustees")
    assert version() == before + 1
