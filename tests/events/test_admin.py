"""The calendar, registrations and categories in the admin."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from credits.actions import claim_custom_event
from events import actions
from events.enums import Attendance, EventState, Origin
from events.models import Category, CreditOffer, Event, Registration
from tests import factories
from tests.factories import ADMINISTRATION, TECHNOLOGY, category
from tests.web import coordinator, flash_messages, signed_in, submit_in_admin, text
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"
QUEUE = "/admin/events/customevent/"


def a_custom_event(by: User | None = None, **facts: Any) -> Event:
    return claim_custom_event(facts=factories.facts(**facts), by=by or factories.person()).event


@pytest.mark.parametrize("address", ["", "?state=%00", "?q=%00", "?e=1&o=%00"])
def test_a_nul_in_the_address_is_not_an_error(address: str) -> None:
    client = coordinator()
    for page in (QUEUE, "/admin/events/event/"):
        answer = client.get(page + address, follow=True)
        assert answer.status_code == 200


def test_a_nul_in_a_list_filter_is_reported() -> None:
    answer = coordinator().get("/admin/events/event/?type__exact=%00", follow=True)
    assert "The address contained an invalid character." in text(answer)


# ---------- The calendar ----------


def a_form(event: Event | None = None, **changes: Any) -> dict[str, Any]:
    """Return the form data for an event with one credit line."""
    begins = dt.datetime(2026, 12, 3, 9)
    ends = begins + dt.timedelta(hours=2)
    values = {
        "title": "Weeding without tears",
        "type": "Continuing Education",
        "description": "",
        "begins_at_0": f"{begins:%Y-%m-%d}",
        "begins_at_1": f"{begins:%H:%M:%S}",
        "ends_at_0": f"{ends:%Y-%m-%d}",
        "ends_at_1": f"{ends:%H:%M:%S}",
        "delivery": "online",
        "registration_mode": "portal",
        "capacity": "",
        "parent": "",
        "offers-TOTAL_FORMS": "2",
        "offers-INITIAL_FORMS": "0",
        "offers-MIN_NUM_FORMS": "0",
        "offers-MAX_NUM_FORMS": "4",
        "offers-0-category": category(TECHNOLOGY).pk,
        "offers-0-amount": "2.0",
    }
    if event is not None:
        offer = event.offers.get()
        values |= {
            "title": event.title,
            "offers-INITIAL_FORMS": "1",
            "offers-0-id": offer.pk,
            "offers-0-event": event.pk,
        }
    return values | changes


def _offers(event: Event) -> list[CreditOffer]:
    return list(event.offers.select_related("category").order_by("category__position"))


def test_a_coordinator_adds_an_event_with_its_credit_lines() -> None:
    staff = factories.person(Role.CE_COORDINATOR)
    answer = submit_in_admin(
        signed_in(staff),
        "/admin/events/event/add/",
        a_form(**{"offers-1-category": category(ADMINISTRATION).pk, "offers-1-amount": "0.5"}),
    )
    event = Event.objects.get()
    assert answer.headers["Location"] == f"/events/{event.pk}/review/"
    assert (event.origin, event.created_by) == (Origin.CALENDAR, staff)
    assert event.state == EventState.DRAFT
    assert timezone.localtime(event.begins_at).hour == 9
    assert {
        offer.category.slug: offer.amount for offer in event.offers.select_related("category")
    } == {
        TECHNOLOGY: Decimal("2.0"),
        ADMINISTRATION: Decimal("0.5"),
    }


def test_canceling_and_publishing_have_their_own_pages() -> None:
    event, client = factories.event(days=2), coordinator()
    address = f"/admin/events/event/{event.pk}/change/"
    pages = {
        "published": f"/events/{event.pk}/call-off/",
        "cancelled": f"/events/{event.pk}/restore/",
    }
    for state, page in pages.items():
        Event.objects.filter(pk=event.pk).update(state=state)
        shown = text(client.get(address))
        assert 'name="state"' not in shown
        assert [each for each in pages.values() if f'href="{each}"' in shown] == [page]
        other = {"published": "cancelled", "cancelled": "published"}[state]
        submit_in_admin(client, address, a_form(event, state=other))
        event.refresh_from_db()
        assert event.state == state


def test_changing_credit_lines_does_not_change_claimed_credits() -> None:
    person = factories.person()
    event = factories.event()
    claim = factories.claim(person, event)
    client = coordinator()
    changes = {"offers-0-category": category(ADMINISTRATION).pk, "offers-0-amount": "3.0"}
    submit_in_admin(client, f"/admin/events/event/{event.pk}/change/", a_form(event, **changes))
    assert [(o.category.slug, o.amount) for o in event.offers.all()] == [
        (ADMINISTRATION, Decimal("3.0"))
    ]
    assert [(c.category.slug, c.amount) for c in claim.credits.all()] == [
        (TECHNOLOGY, Decimal("1.0"))
    ]


def test_a_credit_line_is_deleted() -> None:
    event = factories.event()
    changes = {"offers-0-DELETE": "on"}
    submit_in_admin(
        coordinator(), f"/admin/events/event/{event.pk}/change/", a_form(event, **changes)
    )
    assert list(event.offers.all()) == []


def test_changing_the_days_of_an_event_updates_tracks() -> None:
    person = factories.person()
    event = factories.event()
    factories.claim(person, event)
    select_track(track=factories.track(), by=person)
    assert Posting.objects.count() == 1
    day = {"begins_at_0": "2015-05-05", "ends_at_0": "2015-05-05"}
    submit_in_admin(coordinator(), f"/admin/events/event/{event.pk}/change/", a_form(event, **day))
    event.refresh_from_db()
    assert event.last_day == dt.date(2015, 5, 5)
    assert list(Posting.objects.all()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": ""}, "This field is required."),
        ({"ends_at_0": "2026-12-02"}, "The end must not be before the start."),
        ({"begins_at_0": "20226-12-03"}, "Enter a valid date."),
        ({"begins_at_0": "1815-12-03"}, "The year must be between 1990 and 2099."),
        ({"capacity": "0"}, "Enter at least 1 place, or leave this blank for no limit."),
        (
            {"recording_available_at_0": "2026-12-02", "recording_available_at_1": "09:00"},
            "A recording cannot be available before the event starts.",
        ),
        (
            {"recording_available_at_0": "9999-12-31", "recording_available_at_1": "23:59"},
            "A recording cannot be available before the event starts.",
        ),
        ({"offers-0-amount": "0.3"}, "Enter credits in halves"),
        ({"offers-0-amount": "1e400"}, "Ensure that there are no more than"),
        ({"title": "a\x00"}, "Null characters are not allowed."),
        ({"description": "w" * 2_000_000}, "Ensure this value has at most 10000 characters"),
        (
            {"offers-1-category": "same", "offers-1-amount": "1.0"},
            "Please correct the duplicate",
        ),
    ],
)
def test_an_invalid_event_is_rejected_with_a_message(changes: dict[str, Any], message: str) -> None:
    if changes.get("offers-1-category"):
        changes = changes | {"offers-1-category": category(TECHNOLOGY).pk}
    answer = submit_in_admin(coordinator(), "/admin/events/event/add/", a_form(**changes))
    assert message in text(answer)
    assert list(Event.objects.all()) == []


def test_an_event_cannot_be_its_own_session() -> None:
    event = factories.event()
    answer = submit_in_admin(
        coordinator(), f"/admin/events/event/{event.pk}/change/", a_form(event, parent=event.pk)
    )
    assert "An event cannot be a session of itself." in text(answer)


def test_a_session_belongs_to_a_conference_on_the_calendar() -> None:
    conference = factories.event()
    event, session = factories.event(), factories.event(parent=conference)
    own = a_custom_event()
    client = coordinator()
    address = f"/admin/events/event/{event.pk}/change/"
    refused = {
        own.pk: "The conference must be an event on the calendar.",
        session.pk: "A session cannot have sessions of its own.",
        "9" * 30: "Select a valid choice.",
        "²": "Select a valid choice.",
    }
    for parent, message in refused.items():
        assert message in text(submit_in_admin(client, address, a_form(event, parent=parent)))
    assert Event.objects.get(pk=event.pk).parent is None
    submit_in_admin(client, address, a_form(event, parent=conference.pk))
    assert Event.objects.get(pk=event.pk).parent == conference


def test_events_cannot_be_deleted() -> None:
    event = factories.event()
    boss = factories.person(Role.ADMINISTRATOR, is_superuser=True)
    client = signed_in(boss)
    assert client.post(f"/admin/events/event/{event.pk}/delete/").status_code == 403
    assert "delete_selected" not in text(client.get("/admin/events/event/"))


def test_custom_events_are_not_edited_as_calendar_events() -> None:
    event = a_custom_event()
    answer = coordinator().get(f"/admin/events/event/{event.pk}/change/")
    assert answer.headers["Location"] == "/admin/"


@pytest.mark.parametrize("role", [Role.EVENT_EDITOR, Role.HELP_DESK, Role.ADMINISTRATOR])
def test_other_staff_can_view_but_not_change_events(role: Role) -> None:
    event = factories.event(title="As it was")
    client = signed_in(factories.person(role))
    assert client.get(f"/admin/events/event/{event.pk}/change/").status_code == 200
    answer = client.post(f"/admin/events/event/{event.pk}/change/", a_form(event, title="Changed"))
    assert answer.status_code == 403
    assert client.get("/admin/events/event/add/").status_code == 403
    event.refresh_from_db()
    assert event.title == "As it was"


# ---------- Registrations, categories ----------


def a_registration(event: Event) -> Registration:
    return actions.register(event_id=event.pk, by=factories.person())


def mark(client: Client, action: str, *registrations: Registration) -> Any:
    chosen = [row.pk for row in registrations]
    return submit_in_admin(
        client, "/admin/events/registration/", {"action": action, "_selected_action": chosen}
    )


def test_attendance_can_be_marked_for_several_people_at_once() -> None:
    event = factories.event(days=1)
    registrations = [a_registration(event), a_registration(event)]
    client = coordinator()
    answer = mark(client, "mark_absent", *registrations)
    assert flash_messages(answer) == ["Marked as absent: 2 of 2."]
    assert [r.attendance for r in Registration.objects.all()] == [Attendance.ABSENT] * 2
    mark(client, "mark_present", registrations[0])
    registrations[0].refresh_from_db()
    assert registrations[0].attendance == Attendance.PRESENT


def test_marking_requires_permission_to_change_events() -> None:
    registration = a_registration(factories.event(days=1))
    mark(signed_in(factories.person(Role.HELP_DESK)), "mark_absent", registration)
    registration.refresh_from_db()
    assert registration.attendance == Attendance.UNKNOWN


def test_only_the_words_of_a_category_can_change() -> None:
    boss = factories.person(Role.ADMINISTRATOR, is_superuser=True)
    chosen = category(TECHNOLOGY)
    client = signed_in(boss)
    submit_in_admin(
        client,
        f"/admin/events/category/{chosen.pk}/change/",
        {
            "description": "Everything with a plug.",
            "short_name": "Tech",
            "name": "Renamed",
            "slug": "renamed",
        },
    )
    changed = Category.objects.get(pk=chosen.pk)
    words = (changed.name, changed.short_name, changed.description)
    assert words == ("Technology", "Tech", "Everything with a plug.")
    assert client.get("/admin/events/category/add/").status_code == 403
    assert client.post(f"/admin/events/category/{chosen.pk}/delete/").status_code == 403


# ---------- The number of queries ----------


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_lists(items: int, django_assert_num_queries: Any) -> None:
    event = factories.event(days=1)
    for _ in range(items):
        factories.event()
        a_registration(event)
    client = coordinator()
    with django_assert_num_queries(8):
        client.get("/admin/events/event/")
    with django_assert_num_queries(8):
        client.get("/admin/events/registration/")


@pytest.mark.parametrize("items", [1, 3])
def test_queries_of_the_pages(items: int, django_assert_num_queries: Any) -> None:
    slugs = list(Category.objects.order_by("position").values_list("slug", flat=True))
    event = factories.event(credits=dict.fromkeys(slugs[:items], "1.0"))
    client = coordinator()
    client.get(f"/admin/events/event/{event.pk}/change/")  # Django caches content types
    with django_assert_num_queries(8):
        client.get(f"/admin/events/event/{event.pk}/change/")


def test_a_capacity_below_the_places_taken_is_rejected_in_the_form(client: Client) -> None:
    event = factories.event(days=3, capacity=3, title="Full house")
    for _ in range(2):
        actions.register(event_id=event.pk, by=factories.person())
    client.force_login(factories.person(Role.CE_COORDINATOR))
    address = reverse("admin:events_event_change", args=[event.pk])
    page = client.get(address)
    data = {
        name: value
        for name, value in page.context["adminform"].form.initial.items()
        if value not in (None, False)
    }
    begin, end = timezone.localtime(event.begins_at), timezone.localtime(event.ends_at)
    data |= {
        "begins_at_0": f"{begin:%Y-%m-%d}",
        "begins_at_1": f"{begin:%H:%M:%S}",
        "ends_at_0": f"{end:%Y-%m-%d}",
        "ends_at_1": f"{end:%H:%M:%S}",
        "capacity": "1",
        "offers-TOTAL_FORMS": "0",
        "offers-INITIAL_FORMS": "0",
    }
    answer = client.post(address, data)
    assert (
        answer.context["adminform"]
        .form.errors["capacity"][0]
        .startswith("2 people already have a place")
    )


def test_drafts_and_proposals_are_not_in_the_list_of_events(client: Client) -> None:
    for state in (EventState.DRAFT, EventState.PENDING):
        factories.event(state=state, title=f"Still {state}")
    client.force_login(factories.person(Role.CE_COORDINATOR))
    page = client.get(reverse("admin:events_event_changelist"))
    assert "Still" not in page.content.decode()
    waiting = client.get(reverse("admin:index")).context["waiting"]
    assert waiting == [
        ("1 proposed event to publish, received today", "/events/manage/?show=waiting")
    ]
