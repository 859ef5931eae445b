"""A conference's sessions in one sheet. Saving is all or nothing."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Organization, User
from events.enums import EventState
from events.models import Event
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def conference(library: Organization) -> Event:
    return make.event(
        days=30,
        hours=30,
        credits={},
        title="Fall conference",
        organization=library,
        state=EventState.DRAFT,
        location="Yogo Inn",
        city="Lewistown",
        type="Conference",
    )


def row(conference: Event, title: str, **fields: Any) -> dict[str, str]:
    day = timezone.localdate(conference.begins_at)
    return {
        "title": title,
        "day": f"{day}",
        "begin": "09:00",
        "end": "10:00",
        "room": "Ballroom",
        "category": str(make.category().pk),
        "amount": "1.0",
    } | fields


def send(client: Client, conference: Event, *rows: dict[str, str], **buttons: str) -> Any:
    """Open the sheet, and submit it with these rows."""
    buttons.setdefault("seen", client.get(f"/events/{conference.pk}/sessions/").context["seen"])
    data = {"s-TOTAL_FORMS": str(len(rows)), "s-INITIAL_FORMS": "0", **buttons}
    for number, fields in enumerate(rows):
        data |= {f"s-{number}-{name}": value for name, value in fields.items()}
    return client.post(f"/events/{conference.pk}/sessions/", data)


def sessions(conference: Event) -> list[Event]:
    return list(Event.objects.filter(parent=conference).order_by("begins_at", "title"))


def test_new_sessions_copy_the_conferences_details(
    client: Client, editor: User, conference: Event
) -> None:
    rows = [
        row(conference, "Opening"),
        {"title": ""},
        row(conference, "Grants", begin="11:00", end=""),
    ]
    assert send(client, conference, *rows).status_code == 302
    opening, grants = sessions(conference)
    assert (opening.state, opening.room, opening.city) == (
        EventState.DRAFT,
        "Ballroom",
        "Lewistown",
    )
    assert (opening.organization, opening.created_by) == (conference.organization, editor)
    assert timezone.localtime(opening.begins_at).hour == 9
    assert opening.offers.get().amount == 1
    assert grants.ends_at is None
    send(client, conference, *rows)
    assert len(sessions(conference)) == 2


def test_existing_sessions_can_be_changed(client: Client, editor: User, conference: Event) -> None:
    send(client, conference, row(conference, "Opening"))
    [session] = sessions(conference)
    changed = row(conference, "Grand opening", id=str(session.pk), amount="1.5", room="Attic")
    page = client.get(f"/events/{conference.pk}/sessions/")
    assert page.context["sheet"][0]["title"].value() == "Opening"
    send(client, conference, changed)
    [session] = sessions(conference)
    assert (session.title, session.room, session.offers.get().amount) == (
        "Grand opening",
        "Attic",
        1.5,
    )


def test_errors_show_the_row_and_nothing_is_saved(
    client: Client, editor: User, conference: Event
) -> None:
    page = send(
        client,
        conference,
        row(conference, "Opening"),
        row(conference, "", room="Attic"),
        row(conference, "Backwards", begin="11:00", end="10:00"),
        row(conference, "Strange credit", amount="0.7"),
        row(conference, "No category", category=""),
        row(conference, "<b>Hostile</b>", day="2026-02-30"),
    )
    assert [(number, label) for number, label, _, _ in page.context["errors"]] == [
        (2, "Title"),
        (3, "Ends"),
        (4, "Credits"),
        (5, "CE category"),
        (6, "Day"),
    ]
    assert "&lt;b&gt;Hostile&lt;/b&gt;" in page.content.decode()
    assert sessions(conference) == []


def test_more_rows_keeps_entered_text(client: Client, editor: User, conference: Event) -> None:
    page = send(client, conference, row(conference, "Half typed", day=""), more="1")
    assert len(page.context["sheet"].forms) == 11
    assert 'value="Half typed"' in page.content.decode()
    assert sessions(conference) == []


def test_only_staff_change_a_published_program(
    client: Client, editor: User, conference: Event
) -> None:
    Event.objects.filter(pk=conference.pk).update(state=EventState.PUBLISHED)
    page = send(client, conference, row(conference, "Opening"))
    assert "only State Library staff can change its program" in page.content.decode()
    assert sessions(conference) == []
    client.force_login(make.person(Role.CE_COORDINATOR))
    send(client, conference, row(conference, "Opening"))
    assert [each.state for each in sessions(conference)] == [EventState.PUBLISHED]


def test_a_session_cannot_have_sessions(client: Client, editor: User, conference: Event) -> None:
    send(client, conference, row(conference, "Opening"))
    [session] = sessions(conference)
    send(client, session, row(conference, "Inside"))
    assert sessions(session) == []
    page = client.get(f"/events/{session.pk}/sessions/")
    assert "This event is a session" in page.content.decode()


def test_rows_cannot_change_events_outside_the_conference(
    client: Client, editor: User, conference: Event
) -> None:
    other = make.event(days=3, title="Elsewhere")
    send(client, conference, row(conference, "Taken over", id=str(other.pk)))
    other.refresh_from_db()
    assert (other.title, other.parent) == ("Elsewhere", None)


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(
    client: Client, editor: User, conference: Event, number: int, django_assert_num_queries
) -> None:
    send(client, conference, *(row(conference, f"Session {each}") for each in range(number)))
    with django_assert_num_queries(9):
        client.get(f"/events/{conference.pk}/sessions/")
