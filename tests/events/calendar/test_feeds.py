"""Calendar files and feeds, read back with two third-party libraries."""

import datetime as dt
import json
import re
import xml.etree.ElementTree as ET
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import time_machine
import vobject
from django.test import Client
from django.utils import timezone

from accounts.models import User
from events.calendar import feed_views, feeds
from events.enums import Delivery, EventState, KeyPurpose, Origin, RegistrationState
from events.models import Category, CreditOffer, Event, PersonalKey, Registration
from tests import factories
from tests.races import volume

pytestmark = pytest.mark.django_db
DENVER = ZoneInfo("America/Denver")
ADDRESS = "https://aspen.example.gov"
HOSTILE = [
    "Weeding; budgets, and \\n more",
    "two\r\nlines\nand\rthree",
    "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:forged",
    "\x00\x01\x07\x0b\x1b[31m\x7f bell",
    "🐻" * 60,
    "é" * 74 + "\u2028" + "\u0085",
    '"quoted" ;CN=x:mailto:evil@example.com',
    "</script><script>alert(1)</script><!-- &amp; ]]>",
    "x" * 290,
    "\\",
    "\\\\;\\,",
    " leading and trailing ",
    "\ud83d".encode("utf-8", "surrogatepass").decode("utf-8", "replace") + "\ufffe",
]


def strictly(content: bytes) -> Any:
    """Parse the file with vobject, using the time zone rules in the file."""
    # vobject caches zones of other files by name.
    vars(vobject.icalendar)["__tzidMap"].pop("America/Denver", None)
    (calendar,) = vobject.readComponents(content.decode())
    return calendar


def parsed(content: bytes) -> icalendar.Calendar:
    """Parse the file with both libraries and check its lines against RFC 5545."""
    for line in content.split(b"\r\n"):
        assert len(line) <= 75
        assert b"\n" not in line
    assert content.endswith(b"END:VCALENDAR\r\n")
    (calendar,) = icalendar.Calendar.from_ical(content, multiple=True)
    for component in calendar.walk():
        assert not getattr(component, "errors", []), component.errors
    strict = strictly(content)
    assert len(strict.contents.get("vevent", [])) == len(calendar.events)
    for event in strict.contents.get("vevent", []):
        assert event.validate(raiseException=True)
    for zone in strict.contents.get("vtimezone", []):
        assert zone.tzid.value == "America/Denver"
    return calendar


def only(content: bytes) -> Any:
    (event,) = parsed(content).events
    return event


def at(moment: str, hours: float | None = 1, **fields: Any) -> Event:
    """Create an event that starts at this Mountain time."""
    begins_at = dt.datetime.fromisoformat(moment)
    if begins_at.tzinfo is None:
        begins_at = begins_at.replace(tzinfo=DENVER)
    ends_at = None if hours is None else begins_at.astimezone(dt.UTC) + dt.timedelta(hours=hours)
    return factories.event(**{"begins_at": begins_at, "ends_at": ends_at} | fields)


def file_of(event: Event) -> bytes:
    return feeds.build_event_calendar(event, address=ADDRESS)


def registered(
    event: Event, person: User | None = None, state: str = "confirmed", **fields: Any
) -> Registration:
    if state == RegistrationState.CANCELLED:
        fields |= {"cancelled_at": timezone.now()}
    return Registration.objects.create(
        event=event,
        person=person or factories.person(),
        state=state,
        **{"registered_at": timezone.now()} | fields,
    )


def get_key(person: User, **fields: Any) -> PersonalKey:
    values = {"purpose": KeyPurpose.FEED, "token": f"token-of-the-person-{person.pk:04}"}
    return PersonalKey.objects.create(person=person, **values | fields)


# ---------- One event ----------


def test_an_events_file_has_all_details() -> None:
    event = at(
        "2026-12-03T09:00",
        hours=2,
        title="Weeding, gently",
        description="Bring a cart; or two.",
        location="Yogo Inn",
        room="Snowies",
        city="Lewistown",
        presenter="A. Trainer",
        audience="Everyone",
        delivery=Delivery.IN_PERSON,
        credits={factories.TECHNOLOGY: "1.5", factories.PUBLIC: "0.5"},
    )
    calendar = parsed(file_of(event))
    assert calendar["METHOD"] == "PUBLISH"
    assert calendar["VERSION"] == "2.0"
    assert calendar["PRODID"] == feeds.PRODUCT
    (found,) = calendar.events
    assert found["UID"] == f"{event.uid}@aspen"
    assert found["SEQUENCE"] == 0
    assert found["STATUS"] == "CONFIRMED"
    assert found["SUMMARY"] == "Weeding, gently"
    assert found["LOCATION"] == "Snowies, Yogo Inn, Lewistown"
    assert found["URL"] == f"{ADDRESS}/events/{event.pk}/"
    assert found.start == dt.datetime(2026, 12, 3, 9, tzinfo=DENVER)
    assert found.end == dt.datetime(2026, 12, 3, 11, tzinfo=DENVER)
    assert found.DTSTAMP == found.LAST_MODIFIED == event.changed_at.replace(microsecond=0)
    assert found.categories == [
        "Continuing Education",
        "Library Services to the Public",
        "Technology",
    ]
    assert found["DESCRIPTION"] == (
        "Earns 0.5 credits in Library Services to the Public, 1.5 credits in Technology.\n\n"
        "Bring a cart; or two.\n\n"
        "For: Everyone\nTrainer or presenter: A. Trainer\nSponsor: Montana State Library\n"
        f"Delivery: In person\n\n{ADDRESS}/events/{event.pk}/"
    )
    assert found["ORGANIZER"] == "mailto:aspen@aspen.example"
    assert found["ORGANIZER"].params["CN"] == "Montana State Library"


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-15T09:00",  # winter
        "2026-07-15T09:00",  # summer
        "2026-03-08T01:30",  # half an hour before the hour skipped in spring
        "2026-03-08T03:00",  # right after it
        "2026-11-01T01:30-06:00",  # in the hour repeated in fall, the first time
        "2026-11-01T01:30-07:00",  # and the second time
        "2026-10-31T23:30",
        "2026-12-31T23:30",
        "1990-01-02T09:00",
        "1999-04-04T03:30",
        "2006-10-29T00:30",
        "2007-01-15T09:00",
        "2099-11-01T09:00",
    ],
)
def test_times_are_right_around_clock_changes(moment: str) -> None:
    event = at(moment, hours=2)
    content = file_of(event)
    found = only(content)
    assert found.start.astimezone(dt.UTC) == event.begins_at
    assert found.end.astimezone(dt.UTC) == event.ends_at
    strict = strictly(content)
    assert strict.vevent.dtstart.value.astimezone(dt.UTC) == event.begins_at
    assert strict.vevent.dtend.value.astimezone(dt.UTC) == event.ends_at


def test_an_event_across_a_clock_change_keeps_its_length() -> None:
    found = only(file_of(at("2026-11-01T00:30", hours=3)))
    assert found.end.astimezone(dt.UTC) - found.start.astimezone(dt.UTC) == dt.timedelta(hours=3)
    assert found.end == dt.datetime(2026, 11, 1, 2, 30, tzinfo=DENVER)


def test_an_event_without_an_end_has_no_dtend() -> None:
    found = only(file_of(at("2026-12-03T09:00", hours=None)))
    assert "DTEND" not in found
    found = only(file_of(at("2026-12-03T09:00", hours=0)))
    assert "DTEND" not in found


def test_all_day_events_have_dates() -> None:
    content = file_of(at("2026-08-17T00:00", hours=None, all_day=True))
    found = only(content)
    assert found.start == dt.date(2026, 8, 17)
    assert found["DTEND"].dt == dt.date(2026, 8, 18)
    assert b"VTIMEZONE" not in content
    found = only(file_of(at("2026-08-17T00:00", hours=48, all_day=True)))
    assert (found.start, found["DTEND"].dt) == (dt.date(2026, 8, 17), dt.date(2026, 8, 20))


def test_the_time_zone_has_rules_for_outlook() -> None:
    (zone,) = parsed(file_of(at("2026-12-03T09:00"))).timezones
    rules = {part.name: part["RRULE"].to_ical() for part in zone.subcomponents}
    assert rules == {
        "DAYLIGHT": b"FREQ=YEARLY;BYDAY=2SU;BYMONTH=3",
        "STANDARD": b"FREQ=YEARLY;BYDAY=1SU;BYMONTH=11",
    }


def test_relevant_changes_increase_the_sequence_even_in_sql() -> None:
    event = at("2026-12-03T09:00")
    Event.objects.filter(pk=event.pk).update(description="Longer.")
    event.refresh_from_db()
    assert only(file_of(event))["SEQUENCE"] == 0
    Event.objects.filter(pk=event.pk).update(location="Elsewhere")
    event.refresh_from_db()
    assert only(file_of(event))["SEQUENCE"] == 1
    event.title = "Another title"
    event.save()
    event.refresh_from_db()
    assert only(file_of(event))["SEQUENCE"] == 2


def test_a_canceled_event_is_marked_as_canceled() -> None:
    event = at("2026-12-03T09:00")
    Event.objects.filter(pk=event.pk).update(
        state=EventState.CANCELLED, cancellation="The road is closed."
    )
    event.refresh_from_db()
    found = only(file_of(event))
    assert found["STATUS"] == "CANCELLED"
    assert found["SEQUENCE"] == 1
    assert found["DESCRIPTION"].startswith("This event was canceled. The road is closed.\n\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_a_file(text: str) -> None:
    text = text.replace("\x00", "")  # PostgreSQL does not accept this character
    event = at(
        "2026-12-03T09:00",
        title=text,
        description=text * 3,
        location=text[:200],
        city=text[:80],
        room=text[:80],
        sponsor=text[:200],
        presenter=text[:200],
        audience=text,
    )
    registration = registered(event, factories.person(display_name=text[:150]))
    contents = [
        file_of(event),
        feeds.build_calendar([event, at("2026-12-04T09:00")], name=text, address=ADDRESS),
        feeds.build_personal_calendar([registration], name=text, address=ADDRESS),
        feeds.invitation(registration, address=ADDRESS),
        feeds.cancellation_invitation(registration, address=ADDRESS),
    ]
    for content, number in zip(contents, [1, 2, 1, 1, 1], strict=True):
        found = parsed(content).events
        assert len(found) == number
        assert found[0]["UID"] == f"{event.uid}@aspen"
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", content)


# ---------- Mail ----------


def test_an_invitation_names_the_portal_and_the_person() -> None:
    event = at("2026-12-03T09:00", sponsor="TRAILS")
    person = factories.person(display_name="Ann O'Brien", email="ann+x@library.example")
    registration = registered(event, person)
    calendar = parsed(feeds.invitation(registration, address=ADDRESS))
    assert calendar["METHOD"] == "REQUEST"
    (found,) = calendar.events
    assert found["STATUS"] == "CONFIRMED"
    assert found["ORGANIZER"] == "mailto:aspen@aspen.example"
    assert found["ORGANIZER"].params["CN"] == "TRAILS"
    assert found["ATTENDEE"] == "mailto:ann+x@library.example"
    assert found["ATTENDEE"].params["CN"] == "Ann O'Brien"
    assert found["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert found["ATTENDEE"].params["RSVP"] == "FALSE"
    latest = max(event.changed_at, registration.registered_at).replace(microsecond=0)
    assert found["DTSTAMP"].dt == latest


def test_a_waitlist_invitation_is_tentative() -> None:
    registration = registered(at("2026-12-03T09:00", title="Weeding"), state="waitlisted")
    found = only(feeds.invitation(registration, address=ADDRESS))
    assert (found["STATUS"], found["SUMMARY"]) == ("TENTATIVE", "Waitlist: Weeding")
    assert found["ATTENDEE"].params["PARTSTAT"] == "TENTATIVE"


def test_a_cancellation_has_the_same_uid() -> None:
    event = at("2026-12-03T09:00", title="Weeding")
    registration = registered(event, state="cancelled")
    calendar = parsed(feeds.cancellation_invitation(registration, address=ADDRESS))
    assert calendar["METHOD"] == "CANCEL"
    (found,) = calendar.events
    assert found["UID"] == f"{event.uid}@aspen"
    assert (found["STATUS"], found["SUMMARY"]) == ("CANCELLED", "Weeding")


def test_later_messages_have_later_stamps() -> None:
    event = at("2026-12-03T09:00")
    now = timezone.now() + dt.timedelta(hours=1)
    registration = registered(event, registered_at=now)
    stamps = [only(feeds.invitation(registration, address=ADDRESS)).DTSTAMP]
    registration.state, registration.cancelled_at = "cancelled", now + dt.timedelta(hours=1)
    stamps.append(only(feeds.cancellation_invitation(registration, address=ADDRESS)).DTSTAMP)
    registration.state, registration.cancelled_at = "confirmed", None
    registration.registered_at = now + dt.timedelta(hours=2)
    stamps.append(only(feeds.invitation(registration, address=ADDRESS)).DTSTAMP)
    assert stamps == sorted(set(stamps))


# ---------- Addresses ----------


def titles(response: Any) -> list[str]:
    assert response.status_code == 200
    return [str(event["SUMMARY"]) for event in parsed(response.content).events]


def test_an_events_file_can_be_downloaded(client: Client) -> None:
    event = factories.event(days=3)
    response = client.get(f"/events/{event.pk}/event.ics")
    assert titles(response) == [event.title]
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert response.headers["Content-Disposition"] == (
        f'attachment; filename="event-{event.pk}.ics"'
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"origin": Origin.CALENDAR, "state": EventState.DRAFT},
        {"origin": Origin.CALENDAR, "state": EventState.PENDING},
    ],
)
def test_unpublished_events_are_in_no_feed(client: Client, fields: dict[str, Any]) -> None:
    event = factories.event(days=3, **fields)
    assert client.get(f"/events/{event.pk}/event.ics").status_code == 404
    for address in ("calendar.ics", "calendar.atom", "embed/"):
        response = client.get(f"/events/{address}")
        assert response.status_code == 200
        assert event.title not in response.content.decode()


def test_the_feed_starts_ninety_days_ago_and_is_sorted(client: Client) -> None:
    for days in (400, -88, 3, -93, -400):
        factories.event(days=days, title=f"In {days} days")
    response = client.get("/events/calendar.ics")
    assert titles(response) == ["In -88 days", "In 3 days", "In 400 days"]
    calendar = parsed(response.content)
    assert str(calendar["NAME"]) == str(calendar["X-WR-CALNAME"]) == "Montana library events"
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT6H\r\n" in response.content
    assert b"\r\nX-PUBLISHED-TTL:PT6H\r\n" in response.content
    assert [event["TRANSP"] for event in calendar.events] == ["TRANSPARENT"] * 3


@pytest.mark.parametrize("page", ["calendar.ics", "calendar.atom", "embed/"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Weeding", "Budgets"]),
        ("category=technology", ["Weeding"]),
        ("type=Meeting", ["Budgets"]),
        ("delivery=online", ["Weeding"]),
        ("q=weding", ["Weeding"]),
        ("q=budgets&category=technology", []),
        ("credit=1&recording=1", []),
        ("sponsor=montana", ["Weeding", "Budgets"]),
        ("from=1999-01-01&to=1999-12-31", []),
        ("category=nonsense&month=x&day=%00&page=-1&limit=x", ["Weeding", "Budgets"]),
        ("view=month&month=2031-01&past=1&day=2031-01-01&page=7", ["Weeding", "Budgets"]),
    ],
)
def test_the_calendars_filters_apply(
    client: Client, page: str, query: str, found: list[str]
) -> None:
    factories.event(days=3, title="Weeding")
    factories.event(
        days=4,
        title="Budgets",
        type="Meeting",
        delivery=Delivery.IN_PERSON,
        credits={factories.ADMINISTRATION: "1.0"},
    )
    response = client.get(f"/events/{page}?{query}")
    assert response.status_code == 200
    text = response.content.decode()
    shown = [name for name in ("Weeding", "Budgets") if name in text.replace(f"“{name}”", "")]
    assert shown == found


def test_a_start_day_extends_the_feed(client: Client) -> None:
    factories.event(days=-400, title="Long ago")
    factories.event(days=3, title="Soon")
    first = (timezone.localdate() - dt.timedelta(days=500)).isoformat()
    assert titles(client.get(f"/events/calendar.ics?from={first}")) == ["Long ago", "Soon"]
    last = timezone.localdate().isoformat()
    assert titles(client.get(f"/events/calendar.ics?to={last}")) == ["Long ago"]


def test_a_filtered_feeds_name_lists_its_filters(client: Client) -> None:
    response = client.get("/events/calendar.ics?category=technology&delivery=online&q=web")
    calendar = parsed(response.content)
    assert str(calendar["NAME"]) == "Montana library events · “web” · Technology · Online"


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("page", "queries"),
    [("calendar.ics", 3), ("calendar.atom", 3), ("embed/", 4), ("embed/how/", 1)],
)
def test_the_number_of_queries_is_fixed(
    client: Client, django_assert_num_queries: Any, page: str, queries: int, count: int
) -> None:
    for _ in range(count):
        factories.event(days=3, credits={factories.TECHNOLOGY: "1.0", factories.PUBLIC: "1.0"})
    with django_assert_num_queries(queries):
        assert client.get(f"/events/{page}").status_code == 200


# ---------- A person's own ----------


def test_the_personal_feed_has_the_persons_registrations(client: Client) -> None:
    person = factories.person()
    key = get_key(person)
    registered(factories.event(days=3, title="Place"), person)
    registered(factories.event(days=4, title="Wait"), person, "waitlisted")
    registered(factories.event(days=5, title="Left"), person, "cancelled")
    off = factories.event(days=6, title="Off")
    registered(off, person)
    Event.objects.filter(pk=off.pk).update(state=EventState.CANCELLED)
    registered(factories.event(days=-400, title="Long ago"), person)
    registered(factories.event(days=3, title="Someone else's"))
    response = client.get(f"/events/personal/{key.token}.ics")
    found = {
        str(event["SUMMARY"]): str(event["STATUS"]) for event in parsed(response.content).events
    }
    assert found == {
        "Place": "CONFIRMED",
        "Waitlist: Wait": "TENTATIVE",
        "Canceled: Off": "CANCELLED",
    }
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert not response.cookies


def test_the_personal_feed_answers_304_until_something_changes(client: Client) -> None:
    person = factories.person()
    address = f"/events/personal/{get_key(person).token}.ics"
    event = factories.event(days=3)
    registered(event, person)
    tag = client.get(address).headers["ETag"]
    again = client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "private, no-cache"
    Event.objects.filter(pk=event.pk).update(title="Renamed")
    changed = client.get(address, headers={"If-None-Match": tag})
    assert titles(changed) == ["Renamed"]


def test_the_personal_feed_needs_a_valid_key_of_an_active_person(client: Client) -> None:
    person, gone = factories.person(), factories.person(is_active=False)
    revoked = get_key(person, token="r" * 30, revoked_at=timezone.now())
    badge = get_key(person, token="b" * 30, purpose=KeyPurpose.PERSONAL_CHECK_IN)
    theirs = get_key(gone)
    for token in (revoked.token, badge.token, theirs.token, "x" * 30, "1", "-", "a" * 500):
        assert client.get(f"/events/personal/{token}.ics").status_code == 404, token
    for word in ("%00", "ü", "a/b", ""):
        assert client.get(f"/events/personal/{word}.ics").status_code == 404, word


@pytest.mark.parametrize("count", [1, 3])
def test_the_personal_feed_takes_four_queries(
    client: Client, django_assert_num_queries: Any, count: int
) -> None:
    person = factories.person()
    key = get_key(person)
    for _ in range(count):
        registered(factories.event(days=3), person)
    with django_assert_num_queries(4):
        assert len(titles(client.get(f"/events/personal/{key.token}.ics"))) == count


# ---------- Atom ----------

ATOM = "{http://www.w3.org/2005/Atom}"


def entries(client: Client, query: str = "") -> list[ET.Element]:
    response = client.get(f"/events/calendar.atom{query}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = ET.fromstring(response.content)
    assert root.tag == f"{ATOM}feed"
    assert root.findtext(f"{ATOM}id") == f"http://testserver/events/calendar.atom{query}"
    assert root.findtext(f"{ATOM}author/{ATOM}name") == "ASPeN"
    return root.findall(f"{ATOM}entry")


def test_atom_has_the_latest_change_first(client: Client) -> None:
    first, second = factories.event(days=3), factories.event(days=4)
    factories.event(days=-3)
    Event.objects.filter(pk=first.pk).update(title="Changed")
    first.refresh_from_db()
    found = entries(client)
    assert [entry.findtext(f"{ATOM}title") for entry in found] == ["Changed", second.title]
    entry = found[0]
    assert entry.findtext(f"{ATOM}id") == f"urn:uuid:{first.uid}"
    updated = dt.datetime.fromisoformat(str(entry.findtext(f"{ATOM}updated")))
    assert updated == first.changed_at
    link = entry.find(f"{ATOM}link")
    assert link is not None
    assert link.get("href") == f"http://testserver/events/{first.pk}/"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_atom(client: Client, text: str) -> None:
    text = text.replace("\x00", "")
    factories.event(days=3, title=text, description=text, sponsor=text[:200])
    (entry,) = entries(client)
    summary = entry.find(f"{ATOM}summary")
    assert summary is not None
    assert summary.get("type") == "html"
    assert "<script" not in str(summary.text)


# ---------- schema.org ----------


def json_ld(client: Client, event: Event) -> dict[str, Any]:
    html = client.get(f"/events/{event.pk}/").content.decode()
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    (text,) = found
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_structured_data_describes_the_event(client: Client) -> None:
    event = at(
        "2026-12-03T09:00",
        location="Yogo Inn",
        city="Lewistown",
        delivery=Delivery.HYBRID,
        description="About <weeding>.",
    )
    assert json_ld(client, event) == {
        "@context": "https://schema.org",
        "@type": "EducationEvent",
        "@id": f"urn:uuid:{event.uid}",
        "name": event.title,
        "url": f"http://testserver{event.get_absolute_url()}",
        "startDate": "2026-12-03T09:00:00-07:00",
        "endDate": "2026-12-03T10:00:00-07:00",
        "eventStatus": "https://schema.org/EventScheduled",
        "eventAttendanceMode": "https://schema.org/MixedEventAttendanceMode",
        "description": "About <weeding>.",
        "organizer": {"@type": "Organization", "name": "Montana State Library"},
        "location": [
            {
                "@type": "Place",
                "name": "Yogo Inn",
                "address": {
                    "@type": "PostalAddress",
                    "addressLocality": "Lewistown",
                    "addressRegion": "MT",
                    "addressCountry": "US",
                },
            },
            {"@type": "VirtualLocation", "url": f"http://testserver{event.get_absolute_url()}"},
        ],
        "educationalCredentialAwarded": ["1 credit in Technology"],
    }


def test_structured_data_of_a_canceled_all_day_event(client: Client) -> None:
    event = at(
        "2026-08-17T00:00",
        hours=24,
        all_day=True,
        state=EventState.CANCELLED,
        type="Meeting",
        credits={},
    )
    facts = json_ld(client, event)
    assert facts["@type"] == "Event"
    assert facts["eventStatus"] == "https://schema.org/EventCancelled"
    assert (facts["startDate"], facts["endDate"]) == ("2026-08-17", "2026-08-18")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_the_script_element(client: Client, text: str) -> None:
    text = text.replace("\x00", "")
    event = factories.event(days=3, title=text, description=text, sponsor=text[:200])
    assert json_ld(client, event)["name"] == event.title


def test_a_custom_event_has_no_file_or_structured_data(client: Client) -> None:
    from credits.actions import claim_custom_event

    owner = factories.person()
    event = claim_custom_event(facts=factories.facts(), by=owner).event
    client.force_login(owner)
    html = client.get(f"/events/{event.pk}/").content.decode()
    assert "ld+json" not in html
    assert "event.ics" not in html
    assert client.get(f"/events/{event.pk}/event.ics").status_code == 404


# ---------- On other sites ----------


def test_only_the_embedded_list_can_be_framed(client: Client) -> None:
    event = factories.event(days=3)
    for address in ("/events/", "/events/embed/how/", f"/events/{event.pk}/", "/"):
        response = client.get(address)
        assert response.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    response = client.get("/events/embed/")
    assert "X-Frame-Options" not in response.headers
    policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'self'" in policy


def test_the_embedded_list_opens_new_tabs_and_sets_no_cookies(client: Client) -> None:
    client.force_login(factories.person())
    event = factories.event(days=3, state=EventState.CANCELLED)
    response = client.get("/events/embed/")
    html = response.content.decode()
    links = re.findall(r"<a [^>]+>", html)
    assert len(links) == 2
    assert all('target="_blank" rel="noopener"' in link for link in links)
    assert event.title in html
    assert "Canceled" in html
    assert not response.cookies


@pytest.mark.parametrize(("query", "number"), [("", 10), ("?limit=2", 2), ("?limit=999", 10)])
def test_the_embedded_list_respects_the_limit(client: Client, query: str, number: int) -> None:
    for days in range(1, 13):
        factories.event(days=days)
    html = client.get(f"/events/embed/{query}").content.decode()
    assert html.count("<li>") == number


def test_an_empty_embedded_list_says_so(client: Client) -> None:
    assert "No events are coming up." in client.get("/events/embed/").content.decode()


def test_the_urls_to_copy_include_the_filters(client: Client) -> None:
    category = factories.category()
    html = client.get(f"/events/embed/how/?category={category.slug}&limit=5&q=a%22b").content
    text = html.decode()
    # The text area escapes the markup, in which &amp; is an ampersand of the URL.
    snippet = unescape(re.findall(r"<textarea[^>]*>(.*?)</textarea>", text)[0])
    assert snippet == (
        '<iframe src="http://testserver/events/embed/?q=a%22b&amp;category=technology&amp;limit=5" '
        'title="Library events and training" width="100%" height="600" loading="lazy"></iframe>'
    )
    assert "webcal://testserver/events/calendar.ics?q=a%22b&amp;category=technology" in text
    assert "http://testserver/events/calendar.atom?q=a%22b&amp;category=technology" in text


def test_calendar_and_event_pages_link_to_feeds(client: Client) -> None:
    html = client.get("/events/?category=technology").content.decode()
    assert 'href="/events/embed/how/?category=technology"' in html
    assert 'type="text/calendar" href="/events/calendar.ics?category=technology"' in html
    assert 'type="application/atom+xml" href="/events/calendar.atom?category=technology"' in html
    event, ended = factories.event(days=2), factories.event()
    html = client.get(f"/events/{event.pk}/").content.decode()
    assert f'<a class="go" href="/events/{event.pk}/event.ics">Add to my calendar</a>' in html
    assert "Add to my calendar" not in client.get(f"/events/{ended.pk}/").content.decode()


# ---------- Speed ----------


def test_a_full_feed_takes_three_queries(
    client: Client, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    number_of_events = volume(3_000)
    monkeypatch.setattr(feed_views, "MAX_FEED_EVENTS", number_of_events)
    begin = timezone.now() + dt.timedelta(days=1)
    made = Event.objects.bulk_create(
        Event(
            title=f"Training {number}",
            begins_at=begin + dt.timedelta(hours=number),
            ends_at=begin + dt.timedelta(hours=number + 1),
            description="What it is about. " * 20,
        )
        for number in range(number_of_events + 5)
    )
    category = Category.objects.get(slug=factories.TECHNOLOGY)
    CreditOffer.objects.bulk_create(
        CreditOffer(event=event, category=category, amount=1) for event in made
    )
    with django_assert_num_queries(3):
        response = client.get("/events/calendar.ics")
    assert response.content.count(b"BEGIN:VEVENT") == number_of_events


@time_machine.travel("2026-07-15T12:00-06:00", tick=False)
def test_the_feed_is_identical_until_something_changes(client: Client) -> None:
    factories.event(days=3)
    assert client.get("/events/calendar.ics").content == client.get("/events/calendar.ics").content
