"""The data of the demonstration, loaded once for all of these tests."""

import datetime as dt
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from allauth.account.models import EmailAddress
from dateutil.relativedelta import relativedelta
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Position, User
from aspen.clock import fiscal_year
from aspen.demo.people import DEMO_LOGINS
from credits.models import Claim, Credit
from credits.queries import claimable_by
from events.enums import Delivery, EventState, EventType, Origin, RegistrationMode
from events.models import CatalogListing, Category, Event, Registration
from events.queries import on_calendar, watchable
from helpdesk.enums import TicketState
from helpdesk.models import Ticket
from tests import factories
from tracks.certification import record
from tracks.counting.queries import active_participations
from tracks.models import Certificate, Participation, Posting

LIBRARIES = Path(__file__).parents[2] / "accounts/data/montana-libraries.csv"
PASSWORD = "aspen-demo-2026"
NAMED = (
    "director",
    "librarian",
    "trustee",
    "chair",
    "editor",
    "helpdesk",
    "coordinator",
    "committee",
    "admin",
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True, scope="module")
def loaded(make_once: Callable[[Any], Any]) -> None:
    make_once(load_everything)


def load_everything() -> None:
    call_command("import_libraries", str(LIBRARIES), verbosity=0)
    load()


def load() -> str:
    out = io.StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def account(name: str) -> User:
    return User.objects.get(email=f"{name}@aspen.example")


def demonstration() -> Any:
    return Event.objects.filter(is_demonstration=True, origin=Origin.CALENDAR)


def everything() -> dict[str, list[Any]]:
    """Return all rows of the demonstration, to check that nothing changed."""
    models = [User, Position, Event, Claim, Credit, Posting, Participation, Ticket, Registration]
    models += [Certificate]
    return {model.__name__: sorted(map(str, model.objects.values_list())) for model in models}


def test_every_account_can_sign_in_with_the_published_password() -> None:
    emails = [f"{name}@aspen.example" for name in NAMED]
    emails += [f"learner{number:02}@aspen.example" for number in range(1, 41)]
    people = User.objects.filter(is_demonstration=True, is_active=True)
    assert sorted(user.email for user in people) == sorted(emails)
    assert len({user.display_name for user in people}) == 49
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == 49
    for email in ("librarian@aspen.example", "admin@aspen.example", "learner40@aspen.example"):
        assert authenticate(username=email, password=PASSWORD) is not None


def test_staff_accounts_have_only_their_roles() -> None:
    roles = {
        user.email.split("@")[0]: [group.name for group in user.groups.all()]
        for user in User.objects.filter(is_demonstration=True)
        .prefetch_related("groups")
        .order_by("pk")
        if not user.email.startswith("learner")
    }
    assert roles == {
        "librarian": [],
        "director": [],
        "trustee": [],
        "chair": [],
        "editor": [Role.EVENT_EDITOR],
        "helpdesk": [Role.HELP_DESK],
        "coordinator": [Role.CE_COORDINATOR],
        "committee": [Role.CATALOG_COMMITTEE],
        "admin": [Role.ADMINISTRATOR],
    }
    staff = User.objects.filter(is_staff=True).order_by("email")
    assert [user.email.split("@")[0] for user in staff] == [
        "admin",
        "committee",
        "coordinator",
        "helpdesk",
    ]
    assert [user.email for user in User.objects.filter(is_superuser=True)] == [
        "admin@aspen.example"
    ]


def test_the_calendar_has_past_and_upcoming_events() -> None:
    now, today = timezone.now(), timezone.localdate()
    events = demonstration()
    ce = events.filter(type=EventType.CONTINUING_EDUCATION, state=EventState.PUBLISHED)
    assert ce.count() >= 60
    assert ce.filter(over_at__lt=now).count() >= 60
    assert ce.filter(begins_at__gt=now).count() >= 20
    for category in Category.objects.order_by("position"):
        offered = ce.filter(offers__category=category)
        assert offered.filter(over_at__lt=now).exists(), category
        assert offered.filter(begins_at__gt=now).exists(), category
    for delivery in Delivery.values:
        assert delivery is None or ce.filter(delivery=delivery, over_at__lt=now).exists()
    assert ce.filter(recording_available_at__lt=now).exclude(delivery=Delivery.RECORDED).exists()
    assert events.filter(state=EventState.CANCELLED).exists()
    week = dt.timedelta(days=7)
    assert ce.filter(over_at__range=(now - week, now)).exists()
    assert ce.filter(over_at__range=(now, now + week)).exists()
    assert events.earliest("begins_at").last_day >= today - relativedelta(months=14)
    assert not ce.filter(begins_at__gt=now, ends_at__isnull=False).exclude(
        registration_mode=RegistrationMode.PORTAL
    )


def test_a_conference_has_its_credits_in_eight_sessions() -> None:
    conferences = demonstration().filter(type=EventType.CONFERENCE)
    past = conferences.filter(over_at__lt=timezone.now()).latest("begins_at")
    assert past.begins_at > timezone.now() - relativedelta(months=9)
    assert not past.offers.exists()
    sessions = past.sessions.prefetch_related("offers").order_by("begins_at")
    assert len(sessions) == 8
    assert all(len(session.offers.all()) == 1 for session in sessions)
    assert set(sessions) <= set(claimable_by(factories.person()))


def test_one_training_has_two_credit_lines() -> None:
    event = (
        demonstration()
        .filter(title="Budgets and technology plans for small libraries")
        .filter(over_at__lt=timezone.now())
        .latest("begins_at")
    )
    lines = [(str(offer.category), str(offer.amount)) for offer in event.offers.all()]
    assert lines == [("Library Administration", "3.0"), ("Technology", "1.0")]


def test_there_is_always_exactly_one_upcoming_lab() -> None:
    def ahead() -> list[Event]:
        labs = Event.objects.filter(title="Small-group cataloging lab")
        return list(labs.filter(begins_at__gt=timezone.now(), state=EventState.PUBLISHED))

    now = timezone.now()
    (lab,) = ahead()
    assert (lab.capacity, lab.registration_mode) == (5, RegistrationMode.PORTAL)
    assert not lab.registrations.exists()

    for days in (1, 20, 21, 60):
        with time_machine.travel(now + dt.timedelta(days=days)):
            load()
            assert len(ahead()) == 1
    with time_machine.travel(now + dt.timedelta(days=60)):
        (lab,) = ahead()
        lab.state = EventState.CANCELLED
        lab.save()
        load()
        (other,) = ahead()
        assert other.begins_at > lab.begins_at


def test_the_stories_of_the_people() -> None:
    librarian, director, trustee = account("librarian"), account("director"), account("trustee")
    claims = Claim.objects.filter(person=librarian)
    states = Counter((claim.source == "custom", claim.state) for claim in claims)
    assert states == {
        (False, "pending"): 6,
        (True, "pending"): 1,
        (True, "returned"): 1,
    }
    assert not librarian.participations.exists()
    assert Registration.objects.filter(person=librarian).count() == 2  # one for a workshop
    tickets = Ticket.objects.filter(person=librarian)
    assert {(ticket.state, ticket.credit is None) for ticket in tickets} == {
        (TicketState.OPEN, False),
        (TicketState.ANSWERED, True),
    }
    assert str(director.participations.get().track) == "Library Director"
    assert Claim.objects.filter(person=director).count() == 12
    assert Posting.objects.filter(person=director).count() == 13  # one has two credit lines
    assert str(trustee.participations.get().track) == "Library Trustee"
    assert Posting.objects.filter(person=trustee).count() == 4
    certificate = Certificate.objects.get()
    assert certificate.person == account("chair")
    assert certificate.person.is_demonstration
    assert certificate.supervisor_name == trustee.display_name
    assert record.counted_credits(certificate.record) >= 15
    assert [str(each.follows) for each in active_participations(account("chair"))] == [
        certificate.number
    ]
    learners = User.objects.filter(email__startswith="learner")
    assert not Claim.objects.filter(person__in=learners).exists()
    assert not Participation.objects.filter(person__in=learners).exists()


def test_recordings_lead_to_pages_of_the_portal() -> None:
    recordings = watchable(on_calendar()).filter(is_demonstration=True)
    assert recordings.count() >= 40
    assert len(set(recordings.order_by().values_list("title", flat=True))) >= 12
    visitor = Client()
    for event in recordings.order_by("pk")[::10]:
        opened = visitor.get(f"/events/{event.pk}/watch/")
        page = visitor.get(path_of(opened["Location"]))
        assert page.context["event"] == event
        assert "demonstration.webm" in page.content.decode()
        assert f'href="{event.get_absolute_url()}"' in page.content.decode()


def test_online_events_have_a_meeting() -> None:
    ahead = on_calendar().filter(
        is_demonstration=True,
        delivery__in=[Delivery.ONLINE, Delivery.HYBRID],
        over_at__gt=timezone.now(),
        state=EventState.PUBLISHED,
    )
    assert ahead.count() > 10
    assert not ahead.filter(joining_url="").exists()
    for event in ahead.order_by("pk")[::10]:
        page = Client().get(path_of(event.joining_url))
        assert page.context["event"] == event


def test_the_pages_of_meetings_and_recordings_are_not_in_a_live_portal(settings: Any) -> None:
    event = on_calendar().exclude(recording_url="").filter(is_demonstration=True).earliest("pk")
    path = path_of(event.recording_url)
    assert Client().get(path).status_code == 200
    settings.DEMO = False
    assert Client().get(path).status_code == 404


def test_addresses_follow_the_portal_to_another_port(settings: Any) -> None:
    organizers = factories.event(recording_url="https://other.example/demonstration/recordings/x/")
    settings.ADDRESS = "http://127.0.0.1:8099"
    load()
    addresses = Event.objects.filter(is_demonstration=True).order_by()
    for field in ("recording_url", "joining_url"):
        own = addresses.exclude(**{field: ""}).values_list(field, flat=True)
        assert len(own) > 40
        assert all(address.startswith("http://127.0.0.1:8099/demonstration/") for address in own)
    organizers.refresh_from_db()
    assert organizers.recording_url.startswith("https://other.example/")


def test_the_director_to_try_first_is_in_the_middle_of_a_track() -> None:
    assert DEMO_LOGINS[0].email == "director@aspen.example"
    client = Client()
    client.force_login(account("director"))
    page = client.get("/").content.decode()
    assert "Add to calendar" in page or "Add to my calendar" in page
    assert "Passkeys instead of passwords" in page  # she opened its recording


def test_rows_do_not_say_that_they_are_a_demonstration() -> None:
    fields = ("title", "sponsor", "presenter", "location")
    rows = demonstration().values_list(*fields)
    assert not any("demonstration" in text.lower() for row in rows for text in row)
    page = Client().get("/events/catalog/").content.decode()
    assert page.count("Demonstration event") == 0


def path_of(address: str) -> str:
    return urlsplit(address).path


def test_the_catalog_has_two_years_and_one_course_waiting() -> None:
    now = fiscal_year(timezone.localdate())
    listings = CatalogListing.objects.order_by("fiscal_year", "pk")
    approved = listings.filter(state="approved")
    assert set(approved.values_list("fiscal_year", flat=True)) == {now - 1, now}
    assert not approved.filter(event__is_demonstration=False).exists()
    waiting = listings.get(state="proposed")
    assert (waiting.fiscal_year, waiting.proposed_by) == (now, account("editor"))


def test_loading_again_changes_nothing() -> None:
    before = everything()

    assert load() == ("Demonstration: 0 accounts, 0 positions, 0 events and 0 stories added.\n")

    assert everything() == before


def test_changes_by_people_stay() -> None:
    learner = account("learner01")
    learner.display_name = "Someone Else"
    learner.set_password("changed-since")
    learner.save()
    event = demonstration().filter(over_at__gt=timezone.now()).earliest("begins_at")
    event.title, event.state = "Moved", EventState.CANCELLED
    event.save()

    load()

    assert account("learner01").display_name == "Someone Else"
    assert account("learner01").check_password("changed-since")
    event.refresh_from_db()
    assert (event.title, event.state) == ("Moved", EventState.CANCELLED)


def test_loading_on_a_later_day_extends_the_calendar() -> None:
    before = set(Event.objects.values_list("pk", flat=True))

    with time_machine.travel(timezone.now() + dt.timedelta(days=45)):
        output = load()
        ahead = demonstration().filter(begins_at__gt=timezone.now())
        assert ahead.latest("begins_at").last_day > timezone.localdate() + dt.timedelta(days=100)

    after = set(Event.objects.values_list("pk", flat=True))
    assert before < after
    assert f"0 accounts, 0 positions, {len(after - before)} events and 0 stories added" in output
