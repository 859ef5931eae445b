"""Every page at two widths and in two color schemes, with extremely difficult titles.

Error pages and pages without scripts are tested, too.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect
from zeal import zeal_ignore

from accounts.actions import assign_position, set_shows_progress
from accounts.enums import PositionKind, Role
from accounts.models import User
from credits.actions import (
    add_evidence,
    apply_award_list,
    claim_custom_event,
    issue_attendance_certificate,
    save_draft,
    store_award_list,
)
from credits.models import Claim
from events.actions import decide_custom_event, register, save_search
from events.calendar.search import Filters
from events.enums import Decision, Delivery, EventState, EventType, ListingState, Origin
from events.models import CustomEvent, Event
from events.saved_searches.emails import stop_token
from helpdesk import actions as helpdesk
from tests import factories as make
from tests.browser.page import Visitor
from tests.browser.steps import end_event, sees_the_credit
from tests.factories import ADMINISTRATION, COLLECTION, PUBLIC, TECHNOLOGY
from tracks.actions import (
    SupervisorContact,
    ask_about_year,
    refuse_record,
    reissue_certificate,
    return_submission,
    select_track,
)
from tracks.certification.supervisors import token_of
from tracks.models import RuleSet
from tracks.reports.registry import KINDS

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "Bibliothekswissenschaft" * 13 + "!"
SCRIPT = "<script>document.title='broken'</script><img src=x onerror=alert(1)> & “so on”"
EMOJI = "📚 Stories 👩‍👩‍👧‍👦 and buffaloes 🦬 שלום"
TITLES = [LONG, SCRIPT, EMOJI]
# Width and color scheme.
Look = tuple[int, Literal["light", "dark"]]
LOOKS: list[Look] = [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")]
OWN_APPS = ("accounts", "events", "credits", "tracks", "helpdesk")


# ---------- A portal with difficult data ----------


@pytest.fixture
def portal(transactional_db: None) -> SimpleNamespace:
    with zeal_ignore():
        librarian = make.person(display_name=f"{LONG[:80]} <b>Ann</b>")
        staff = make.person(Role.CE_COORDINATOR, is_superuser=True)
        library = make.organization(name=LONG[:200])
        for kind in (PositionKind.DIRECTOR, PositionKind.BOARD_CHAIR):
            assign_position(person=librarian, organization=library, kind=kind, supervisor=None)
        set_shows_progress(agreed=True, by=librarian)
        issued = make.certificate(
            make.following(librarian, "Library Trustee"), name=LONG[:150], listed_as=EMOJI
        )
        reissued = reissue_certificate(
            certificate_id=issued.pk, name=SCRIPT, reason=SCRIPT + LONG, by=staff
        )
        events = make_events()
        claims = [make.claim(librarian, event) for event in events.past]
        attendance = issue_attendance_certificate(event_id=events.past[0].pk, by=librarian)
        register(event_id=events.upcoming[0].pk, by=librarian)
        customs = custom_events(librarian, staff)
        for name in ("Library Staff", "Library Trustee"):
            track, _ = select_track(track=make.track(name), by=librarian)
        credit = claims[0].credits.first()
        for suffix in (".pdf", " 2.pdf"):
            certificate = SimpleUploadedFile(f"{LONG[:140]}{suffix}", b"%PDF-1.7 %%EOF")
            add_evidence(claim_id=claims[0].pk, files=[certificate], by=librarian)
        saved = save_search(filters=Filters(words=LONG[:200]), name=f"“{LONG[:200]}”", by=librarian)
        save_draft(typed={"title": LONG, "description": SCRIPT}, by=librarian)
        ticket = tickets(librarian, staff, credit)
        award_credits(events.past[0], librarian, staff)
        records = submitted_records(librarian, staff)
        record = make.submission(make.following(make.person(display_name=LONG[:150])), note=LONG)
        certificate = make.certificate(make.following(make.person(display_name=LONG[:150])))
        catalog_courses(events)
    return SimpleNamespace(
        librarian=librarian,
        library=library,
        staff=staff,
        events=events,
        customs=customs,
        track=track,
        claim=claims[0],
        again=Claim.objects.get(event=customs["approve"]),
        credit=credit,
        ticket=ticket,
        saved=saved,
        **records,
        certificates=[issued, reissued],
        attendance=attendance,
        record=record,
        certificate=certificate,
    )


def submitted_records(librarian: User, staff: User) -> dict[str, Any]:
    """Submit records, and ask supervisors to verify single years.

    Return an incomplete participation, one whose returned record can be resubmitted, an unanswered
    question about a record, and a refused question about a year.
    """
    incomplete = librarian.participations.get(track__name="Library Staff")
    ready = make.following(librarian, "Library Director")
    submission = make.submission(ready, note=LONG)
    return_submission(submission_id=submission.pk, reason=f"{LONG} {SCRIPT}", by=staff)
    year = ready.postings.first().credit.claim.event.last_day.year
    supervisor = SupervisorContact(f"Dana {LONG[:120]}", f"{LONG[:50].lower()}@library.example")
    answered = ask_about_year(
        participation_id=ready.pk, year=year, supervisor=supervisor, by=librarian
    )
    refuse_record(verification_id=answered.pk, reason=f"{LONG} {SCRIPT}", by=None)
    ask_about_year(participation_id=ready.pk, year=year, supervisor=supervisor, by=librarian)
    colleague = make.person(display_name=f"Bo {LONG[:80]}")
    waiting = make.verification(
        make.submission(make.following(colleague, "Library Staff")),
        SupervisorContact(librarian.display_name, librarian.email),
    )
    return {"incomplete": incomplete, "ready": ready, "waiting": waiting, "answered": answered}


def make_events() -> SimpleNamespace:
    texts: dict[str, Any] = {
        "description": f"{SCRIPT}\n\n{LONG * 2}",
        "sponsor": LONG[:200],
        "presenter": LONG[:200],
        "audience": LONG,
        "location": LONG[:200],
        "city": "Ekalaka",
        "source_url": f"https://example.org/{LONG}",
    }
    four = {ADMINISTRATION: "3.0", TECHNOLOGY: "1.0", PUBLIC: "0.5", COLLECTION: "1.5"}
    conference = make.event(
        title=f"Conference {LONG}"[:300], type=EventType.CONFERENCE, days=20, hours=48, credits={}
    )
    for hour in (1, 30):
        make.event(title=SCRIPT, parent=conference, days=20 + hour / 24, **texts)
    return SimpleNamespace(
        past=[make.event(title=title, days=-9, credits=four, **texts) for title in TITLES],
        unclaimed=[make.event(title=title, days=-12, **texts) for title in TITLES],
        upcoming=[make.event(title=title, days=3, capacity=5, **texts) for title in TITLES],
        conference=conference,
        recorded=make.event(
            days=-5,
            delivery=Delivery.RECORDED,
            recording_available_at=timezone.now() - dt.timedelta(days=1),
            recording_url="https://videos.example/1",
        ),
        cancelled=make.event(days=5, state=EventState.CANCELLED),
    )


def custom_events(librarian: User, staff: User) -> dict[str, Event]:
    """Create a custom event for each decision, and one that is waiting. Return them by name."""
    events = {}
    for name in ("waiting", *Decision.values):
        facts = make.facts(title=f"{name} {LONG}"[:300], description=SCRIPT)
        events[name] = claim_custom_event(facts=facts, by=librarian).event
        if name != "waiting":
            decide_custom_event(
                event_id=events[name].pk, decision=Decision(name), reason=LONG, by=staff
            )
    return events


def tickets(librarian: User, staff: User, credit: Any) -> Any:
    """Open two tickets. Answer one with a correction, and return it."""
    helpdesk.open_ticket(subject=SCRIPT, body=SCRIPT, credit=None, by=librarian)
    ticket = helpdesk.open_ticket(subject=LONG, body=LONG, credit=credit, by=librarian)
    helpdesk.correct_credit(
        ticket_id=ticket.pk,
        credit_id=credit.pk,
        category=make.category(PUBLIC),
        amount=credit.amount,
        note=LONG,
        by=staff,
    )
    return ticket


def award_credits(event: Event, librarian: User, staff: User) -> None:
    """Store two award lists with every kind of line, and apply one of them."""
    lines = f"{librarian.email}\n{staff.email}\n{LONG.lower()[:60]}@library.example\n{SCRIPT}"
    for _ in range(2):
        award_list = store_award_list(event_id=event.pk, text=lines, by=staff)
        if not event.award_lists.exclude(applied_at=None).exists():
            apply_award_list(list_id=award_list.pk, by=staff)


def catalog_courses(events: SimpleNamespace) -> None:
    """Create approved listings with credit in all categories, a proposed one and a declined one."""
    for event in events.past:
        make.listing(event)
    make.listing(events.upcoming[0], state=ListingState.PROPOSED)
    make.listing(
        events.past[0], fiscal_year=2020, state=ListingState.DECLINED, reason=f"{SCRIPT} {LONG}"
    )


# ---------- Every page ----------


def public_pages(portal: SimpleNamespace) -> list[str]:
    events = portal.events
    shown = [events.past[0], *events.upcoming, events.conference, events.recorded, events.cancelled]
    return [
        "/",
        "/events/",
        "/events/?category=technology&month=nonsense",
        "/events/?view=watch",
        "/events/?view=list&city=nowhere&sponsor=nobody",
        "/events/?view=list",
        "/events/?view=list&past=1",
        "/events/?q=nothing+like+this",
        "/accessibility/",
        "/events/catalog/",
        "/events/catalog/?year=2031",
        "/events/catalog/approvals/",
        *(event.get_absolute_url() for event in shown),
        *(certificate.get_absolute_url() for certificate in portal.certificates),
        portal.attendance.get_absolute_url(),
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/confirm-email/",
        "/accounts/confirm-email/nonsense/",
        f"/verify/{token_of(portal.waiting)}/",
        "/accounts/password/reset/key/1-nonsense/",
    ]


def own_pages(portal: SimpleNamespace) -> list[str]:
    events, customs = portal.events, portal.customs
    shown = [events.past[0], events.unclaimed[0], events.upcoming[0], *customs.values()]
    return [
        "/",
        "/events/",
        "/events/?view=list&past=1",
        "/events/?view=list&fits=1&category=technology",
        f"/events/searches/stop/{stop_token(portal.saved)}/",
        *(event.get_absolute_url() for event in shown),
        "/continuing-education/",
        "/continuing-education/?find=nothing+like+this",
        "/continuing-education/credits/",
        "/continuing-education/credits/?year=1999&category=technology",
        "/continuing-education/credits/?state=declined",
        f"/continuing-education/credits/?open={portal.credit.pk}",
        *(f"/continuing-education/claim/{event.pk}/" for event in shown[:3]),
        "/continuing-education/new/",
        f"/continuing-education/new/?again={portal.again.pk}",
        "/continuing-education/new/college/",
        "/continuing-education/new/conference/",
        f"/continuing-education/credits/?open={portal.claim.credits.first().pk}",
        f"/continuing-education/credits/?open={portal.again.credits.first().pk}",
        f"/continuing-education/custom/{portal.customs['return'].pk}/",
        "/tracks/",
        "/tracks/rules/",
        *(f"/tracks/rules/{rule_set.pk}/" for rule_set in RuleSet.objects.order_by("pk")),
        portal.track.get_absolute_url(),
        "/continuing-education/library/",
        portal.ready.get_absolute_url(),
        f"/tracks/{portal.ready.pk}/submit/",
        f"/tracks/{portal.ready.pk}/years/",
        f"/tracks/{portal.incomplete.pk}/submit/",
        f"/tracks/verifications/{portal.waiting.pk}/",
        f"/verify/{token_of(portal.answered)}/",
        "/certificates/",
        *(certificate.get_absolute_url() for certificate in portal.certificates),
        *(f"/attendance/{event.pk}/" for event in events.past[:3]),
        "/help/",
        "/help/new/",
        f"/help/new/?credit={portal.credit.pk}",
        portal.ticket.get_absolute_url(),
        "/accounts/profile/",
        "/welcome/?find=library",
        "/accounts/email/",
        "/accounts/password/change/",
        "/accounts/logout/",
    ]


def staff_pages(portal: SimpleNamespace) -> list[str]:
    waiting = portal.customs["waiting"].pk
    return [
        "/",
        "/continuing-education/",
        "/continuing-education/credits/",
        f"/continuing-education/credits/?open={portal.credit.pk}",
        "/tracks/",
        "/help/",
        "/help/queue/",
        "/help/queue/?state=all",
        portal.ticket.get_absolute_url(),
        "/reports/",
        *(f"/reports/{name}/" for name in KINDS),
        f"/reports/board/?board={portal.library.pk}",
        "/reports/trustees/?year=nonsense",
        "/admin/",
        f"/events/{portal.events.past[0].pk}/catalog/",
        f"/events/{portal.events.conference.pk}/catalog/",
        f"/admin/events/customevent/{waiting}/change/",
        "/admin/credits/merge/",
        f"/admin/credits/merge/start/?source={waiting}",
        f"/admin/credits/merge/start/?source={waiting}&target={portal.events.past[0].pk}",
        f"/admin/credits/claim/correct-event/{portal.events.past[0].pk}/",
        f"/admin/credits/awardlist/start/{portal.events.past[0].pk}/",
        f"/admin/credits/awardlist/start/{portal.events.upcoming[0].pk}/",
        f"/admin/tracks/submission/{portal.record.pk}/change/",
        f"/admin/tracks/submission/certificates/{portal.certificate.pk}/revoke/",
        f"/admin/tracks/submission/certificates/{portal.certificate.pk}/reissue/",
        f"/admin/tracks/participation/extend/?ids={portal.track.pk}",
        *administration_pages(),
    ]


def administration_pages() -> Iterable[str]:
    """Yield, for each model in the admin, the addresses of its list and of its newest object."""
    for model in apps.get_models():
        if model._meta.app_label not in OWN_APPS or not admin.site.is_registered(model):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield f"{reverse(f'{name}_changelist')}?q="
        rows = model._default_manager.order_by("-pk")
        if model is CustomEvent:
            rows = rows.filter(origin=Origin.CUSTOM)
        if newest := rows.first():
            yield reverse(f"{name}_change", args=[newest.pk])


def problems_on(visitor: Visitor, path: str, looks: Sequence[Look] = LOOKS) -> list[str]:
    """Return the page's problems at each width and in each color scheme."""
    problems = []
    # Two looks are enough for the admin, which differs from Django's only in its colors.
    for width, colors in LOOKS[::3] if path.startswith("/admin/") else looks:
        visitor.page.set_viewport_size({"width": width, "height": 900})
        visitor.page.emulate_media(color_scheme=colors)
        problems += [f"{path} ({width} px, {colors}) {problem}" for problem in visitor.problems()]
    return problems


def check_pages(visitor: Visitor, paths: Iterable[str], looks: Sequence[Look] = LOOKS) -> None:
    problems = []
    for path in paths:
        visitor.open(path)
        problems += problems_on(visitor, path, looks)
    assert not problems, "\n".join(problems)


def test_public_pages(open_browser: Callable[..., Visitor], portal: SimpleNamespace) -> None:
    check_pages(open_browser(), public_pages(portal))


def test_pages_for_librarians(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace
) -> None:
    check_pages(open_browser(portal.librarian), own_pages(portal))


@pytest.mark.parametrize("administration", [True, False])
def test_pages_for_staff(
    open_browser: Callable[..., Visitor], portal: SimpleNamespace, administration: bool
) -> None:
    paths = [path for path in staff_pages(portal) if path.startswith("/admin/") == administration]
    check_pages(open_browser(portal.staff), paths)


def test_forms_with_errors(open_browser: Callable[..., Visitor], portal: SimpleNamespace) -> None:
    visitor = open_browser(portal.librarian)
    problems = []
    for path, button in [
        ("/continuing-education/new/", "Save"),
        ("/continuing-education/new/college/", "Save"),
        ("/continuing-education/new/conference/", "Save sessions"),
        ("/help/new/", "Send ticket"),
        (f"/tracks/{portal.ready.pk}/submit/", "Send my record"),
        (f"/tracks/verifications/{portal.waiting.pk}/", "Report a problem"),
        ("/accounts/password/change/", "Save new password"),
    ]:
        visitor.open(path)
        visitor.press(button)
        expect(visitor.page.get_by_role("alert")).to_contain_text("Please check this form")
        problems += problems_on(visitor, path)
    assert not problems, "\n".join(problems)


def test_elements_look_as_the_source_document_describes_them(
    open_browser: Callable[..., Visitor],
) -> None:
    """The blue box is on the right, a button is green, and another is white with red lettering."""
    with zeal_ignore():
        event = make.event()
    visitor = open_browser(make.person())
    colors = (
        "element => [getComputedStyle(element).backgroundColor, getComputedStyle(element).color]"
    )
    white, red = "rgb(255, 255, 255)", "rgb(179, 38, 30)"

    visitor.visit("/continuing-education/")
    main = visitor.page.get_by_role("main").bounding_box()
    menu = visitor.menu.bounding_box()
    assert main["x"] + main["width"] < menu["x"]
    assert visitor.menu.evaluate(colors) == ["rgb(29, 79, 124)", white]
    create_new = visitor.page.get_by_role("link", name="Create New…")
    assert create_new.evaluate(colors) == [white, red]
    visitor.visit(event.get_absolute_url())
    button = visitor.page.get_by_role("button", name="Add CE credit")
    assert button.evaluate(colors) == ["rgb(30, 122, 60)", white]


def color(visitor: Visitor, selector: str, name: str) -> str:
    element = visitor.page.locator(selector).first
    value: str = element.evaluate("(element, name) => getComputedStyle(element)[name]", name)
    return value


def test_a_chosen_theme_wins_over_the_devices(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser()
    visitor.open("/accessibility/")
    paper = {"light": "rgb(250, 248, 243)", "dark": "rgb(18, 32, 44)"}
    for device in ("light", "dark"):
        visitor.page.emulate_media(color_scheme=device)
        assert color(visitor, "body", "backgroundColor") == paper[device]
        for theme in ("light", "dark"):
            visitor.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            assert color(visitor, "body", "backgroundColor") == paper[theme]
            assert not visitor.problems()
        visitor.page.evaluate("() => delete document.documentElement.dataset.theme")


def test_progress_and_states_are_visible_in_forced_colors(
    open_browser: Callable[..., Visitor],
) -> None:
    with zeal_ignore():
        person = make.person()
        make.claim(person, credits={TECHNOLOGY: "3.0"})
        select_track(track=make.track(), by=person)
    visitor = open_browser(person)
    visitor.visit("/tracks/")
    visitor.page.emulate_media(forced_colors="active")
    assert color(visitor, ".bar__part", "fill") == "rgb(122, 62, 157)"
    assert color(visitor, ".cat--technology .cat__shape", "color") == "rgb(122, 62, 157)"
    assert color(visitor, ".btn", "borderTopStyle") == "solid"
    # The browser draws these itself, in colors that can be told from the page's.
    for kind in ("radio", "checkbox"):
        appearances = visitor.page.evaluate(
            """kind => {
                const box = document.createElement("input");
                box.type = kind;
                document.querySelector("main").append(box);
                return getComputedStyle(box).appearance;
            }""",
            kind,
        )
        assert appearances in ("auto", kind)


@pytest.mark.parametrize(
    "path", ["/continuing-education/", "/continuing-education/credits/", "/events/?view=list"]
)
def test_pages_print_without_menus_and_buttons(
    open_browser: Callable[..., Visitor], path: str
) -> None:
    with zeal_ignore():
        person = make.person()
        make.claim(person)
        make.event()
        make.event(days=2)
    visitor = open_browser(person)
    visitor.open(path)
    visitor.page.emulate_media(media="print", color_scheme="dark")
    controls = "nav, button, select, input:not([type=hidden]), .btn, .foot"
    shown = "all => all.filter(each => each.checkVisibility()).map(each => each.outerHTML)"
    assert visitor.page.locator(controls).evaluate_all(shown) == []
    assert color(visitor, "body", "backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize(
    ("width", "pages"),
    [
        (1280, {"/": 1280, "/continuing-education/": 1170, "/continuing-education/credits/": 1350}),
        (360, {"/": 2450, "/continuing-education/": 2400, "/continuing-education/credits/": 2400}),
    ],
)
def test_pages_of_a_learner_with_thirteen_credits_are_short(
    open_browser: Callable[..., Visitor], width: int, pages: dict[str, int]
) -> None:
    with zeal_ignore():
        person = make.person()
        for days in range(13):
            make.claim(person, title=f"Planning a program for winter, part {days}", days=-1 - days)
        select_track(track=make.track("Library Director"), by=person)
        make.event(days=-2)
        register(event_id=make.event(days=3).pk, by=person)
    visitor = open_browser(person, width=width)
    for path, height in pages.items():
        visitor.visit(path)
        assert page_height(visitor) <= height, path
        primary = visitor.page.locator("main .btn-primary").count()
        assert primary <= 1, path


@pytest.mark.parametrize(
    ("width", "height", "field_foot", "fold_foot"), [(1280, 1450, 400, 900), (360, 2300, 500, 800)]
)
def test_create_new_begins_on_the_first_screen(
    open_browser: Callable[..., Visitor], width: int, height: int, field_foot: int, fold_foot: int
) -> None:
    """Also for a newcomer, whose page begins with advice."""
    with zeal_ignore():
        person = make.person()
    visitor = open_browser(person, width=width)

    def foot() -> float:
        box = visitor.field("Event title").bounding_box()
        assert box
        return box["y"] + box["height"]

    visitor.visit("/continuing-education/new/")
    assert foot() <= fold_foot
    with zeal_ignore():
        claim_custom_event(facts=make.facts(), by=person)
    visitor.visit("/continuing-education/new/")
    assert foot() <= field_foot
    assert visitor.page.evaluate("document.documentElement.scrollHeight") <= height
    visitor.press("Save")
    assert visitor.page.title().startswith("Error: ")
    first = visitor.page.locator("main > :not(nav)").first
    expect(first).to_have_class("error-summary")
    first.get_by_role("link", name="Enter the event title.").click()
    expect(visitor.field("Event title")).to_be_focused()


SESSIONS = [
    "Levies, ballots and what staff may say",
    "Policies for rooms, walls and bulletin boards",
    "Homework help in a town without a bus",
    "Welcoming newcomers in three languages",
    "Large print, audio and other formats that wait",
    "Cleaning up authority records together",
    "Printing from anything",
    "Backups that somebody has tried",
]


def conference_in_october() -> Event:
    """Create a conference on October 14 and 15, 2026."""
    first = dt.datetime(2026, 10, 14, 6, tzinfo=dt.UTC)
    return make.event(
        title="Fall library conference",
        type=EventType.CONFERENCE,
        begins_at=first,
        ends_at=first + dt.timedelta(days=1),
        all_day=True,
        credits={},
        city="Great Falls",
        delivery=Delivery.IN_PERSON,
    )


@pytest.fixture
def event_states(transactional_db: None) -> SimpleNamespace:
    """A learner, and an event in each state of its page, with the texts that events have."""
    with zeal_ignore():
        person = make.person()
        library = make.organization(name="Big Sky Library School")
        fields: dict[str, Any] = {
            "organization": library,
            "sponsor": library.name,
            "contact": "school@bigsky.example",
            "description": "Newspapers, land records and cemeteries, and what is not online.",
            "audience": "All library staff",
            "presenter": "Jonah Whitebear",
        }
        place = {"delivery": Delivery.IN_PERSON, "location": "Community room", "city": "Bozeman"}
        begins_at = timezone.now() + dt.timedelta(minutes=10)
        open_door = make.event(
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=1),
            joining_url="https://meet.example/reference",
            joining_phone="406-555-0142",
            **fields,
        )
        full = make.event(days=9, capacity=1, **fields | place)
        for event, who in ((open_door, person), (full, make.person())):
            register(event_id=event.pk, by=who)
        conference = conference_in_october()
        for number, title in enumerate(SESSIONS):
            hours = 9 + number % 4 + 24 * (number // 4)
            begins_at = conference.begins_at + dt.timedelta(hours=hours)
            make.event(
                title=title,
                parent=conference,
                begins_at=begins_at,
                ends_at=begins_at + dt.timedelta(minutes=50),
                credits={(ADMINISTRATION, COLLECTION)[number % 2]: "1.0"},
                city="Great Falls",
                delivery=Delivery.IN_PERSON,
            )
        return SimpleNamespace(
            person=person,
            upcoming=make.event(title="Answering family history questions", days=1, **fields),
            registered=open_door,
            full=full,
            ended=make.event(title="Keeping the local newspaper", days=-3, **fields),
            recorded=make.event(
                title="Passkeys instead of passwords",
                days=-20,
                recording_url="https://recordings.example/passkeys",
                recording_available_at=timezone.now() - dt.timedelta(days=19),
                recording_minutes=60,
                recording_last_day=timezone.localdate() + dt.timedelta(days=120),
                **fields,
            ),
            conference=conference,
        )


@pytest.mark.parametrize(
    ("width", "upcoming", "other", "foot"), [(1280, 1000, 1200, 360), (360, 1200, 1550, 700)]
)
def test_event_pages_are_short_and_have_one_big_button(
    open_browser: Callable[..., Visitor],
    event_states: SimpleNamespace,
    width: int,
    upcoming: int,
    other: int,
    foot: int,
) -> None:
    visitor = open_browser(event_states.person, width=width)
    for state, button in {
        "upcoming": "Register",
        "registered": "Join the meeting",
        "full": "Join the waitlist",
        "ended": "Add CE credit",
        "recorded": "Watch",
        "conference": "",
    }.items():
        visitor.visit(getattr(event_states, state).get_absolute_url())
        height = page_height(visitor)
        assert height <= (upcoming if state == "upcoming" else other), (state, height)
        assert visitor.page.locator("main .btn-primary").count() <= 1, state
        if button:
            [box] = [each.bounding_box() for each in visitor.page.locator(".do .btn-big").all()]
            assert box["y"] + box["height"] <= foot, (state, box)
            expect(visitor.page.locator(".do .btn-big")).to_contain_text(button)


@pytest.mark.parametrize(("width", "height", "top"), [(1280, 900, 300), (360, 1250, 640)])
def test_a_certificate_is_one_press_away_and_its_file_in_view(
    open_browser: Callable[..., Visitor], width: int, height: int, top: int
) -> None:
    with zeal_ignore():
        person = make.person(display_name="Wilhelmina Drake")
        certificate = make.certificate(make.following(person))
        attended = make.claim(person, credits={ADMINISTRATION: "3.0"}).event
    visitor = open_browser(person, width=width)
    for path in ("/", "/continuing-education/"):
        visitor.visit(path)
        link = visitor.page.locator(f'main a[href="{certificate.get_absolute_url()}"]')
        link.click()
        visitor.sees("My certificate: Library Trustee")
        assert not visitor.problems()
    for path in ("/certificates/", f"/attendance/{attended.pk}/"):
        visitor.visit(path)
        assert page_height(visitor) <= height, path
        download = visitor.page.get_by_role("link", name="Download (PDF)").bounding_box()
        assert download
        assert download["y"] <= top, path


@pytest.mark.parametrize(("width", "height"), [(1280, 1100), (360, 1600)])
def test_pages_of_tracks_are_short(
    open_browser: Callable[..., Visitor], width: int, height: int
) -> None:
    with zeal_ignore():
        director, trustee = make.person(), make.person()
        for days in range(13):
            make.claim(director, title=f"Planning for winter, part {days}", days=-1 - days)
        library, chair = make.organization(), make.person()
        for person, kind in ((trustee, PositionKind.TRUSTEE), (chair, PositionKind.BOARD_CHAIR)):
            assign_position(person=person, organization=library, kind=kind, supervisor=None)
        for days, title in enumerate(("Budgets", "Open meetings", "Grant writing"), start=1):
            make.claim(trustee, title=title, credits={ADMINISTRATION: "6.5"}, days=-10 * days)
        for days in range(3):
            make.event(title="A two-page strategic plan", days=3 + days)
        open_track, _ = select_track(track=make.track("Library Director"), by=director)
        ready, _ = select_track(track=make.track("Library Trustee"), by=trustee)
    pages = {open_track.get_absolute_url(): director, f"/tracks/{ready.pk}/submit/": trustee}
    for path, person in pages.items():
        visitor = open_browser(person, width=width)
        visitor.visit(path)
        assert page_height(visitor) <= height, path
        assert visitor.page.locator("main .btn-primary").count() <= 1, path
    visitor.sees("19.5 credits earned, 15 credits needed")
    name = visitor.field("Name for the annual list")
    expect(name).to_be_hidden()
    visitor.page.get_by_label("Yes, under another name").check()
    expect(name).to_be_visible()
    assert not visitor.problems()
    visitor.press("Send my record")
    assert visitor.page.title().startswith("Error: ")
    expect(name).to_be_visible()


def page_height(visitor: Visitor) -> int:
    height: int = visitor.page.evaluate("document.documentElement.scrollHeight")
    return height


# ---------- Error pages ----------


def test_a_page_that_does_not_exist(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser()
    visitor.open("/nothing/", status=404)
    assert not problems_on(visitor, "404")
    visitor.follow("Go to the events calendar")


def test_a_certificate_that_does_not_exist(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser()
    visitor.open("/certificates/2026-0001/", status=404)
    assert not problems_on(visitor, "no certificate")


def test_a_form_without_its_csrf_cookie(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser(make.person())
    visitor.visit("/help/new/")
    visitor.page.context.clear_cookies(name="csrftoken")
    visitor.expect_error_status(403)
    visitor.press("Send ticket")
    assert not problems_on(visitor, "403")


@pytest.mark.parametrize("status", [400, 403, 500])
def test_the_other_error_pages(open_browser: Callable[..., Visitor], status: int) -> None:
    """Each page is served at an address of the portal, so that its stylesheets load."""
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    context = {"messages": [], "user": request.user} if status != 500 else {}
    page = render_to_string(f"{status}.html", context, request if status != 500 else None)
    visitor = open_browser()
    visitor.page.route(
        "**/wrong/", lambda route: route.fulfill(body=page, content_type="text/html")
    )
    visitor.open("/wrong/")
    assert not problems_on(visitor, str(status))


# ---------- Stylesheet, scripts, and the checks themselves ----------


def test_the_stylesheet_and_htmx_load(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser()
    visitor.visit("/")
    sheets = "() => [...document.styleSheets].map(sheet => sheet.cssRules.length > 100)"
    assert visitor.page.evaluate(sheets) == [True]
    assert visitor.page.evaluate("() => typeof htmx") == "object"
    icon = visitor.page.evaluate(
        "() => fetch(document.querySelector('link[rel=icon]').href).then(icon => icon.status)"
    )
    assert icon == 200


def test_the_checks_find_errors_and_problems(open_browser: Callable[..., Visitor]) -> None:
    visitor = open_browser()
    visitor.visit("/")
    visitor.page.evaluate("() => console.debug('a message')")
    visitor.page.evaluate("() => { setTimeout(() => { throw new Error('an exception') }) }")
    visitor.page.evaluate("() => { new Image().src = 'https://elsewhere.example/' }")
    expected = {"a message", "an exception", "to another host", "Content Security Policy"}
    for _ in range(100):
        visitor.page.wait_for_timeout(100)
        if not (missing := {each for each in expected if each not in "\n".join(visitor.errors)}):
            break
    assert not missing
    visitor.errors.clear()

    visitor.page.evaluate(
        """() => {
            document.querySelector("h1").remove();
            document.querySelector(".brand img").removeAttribute("alt");
            document.querySelector("main").prepend("wide".repeat(1000));
            document.querySelector("main").style.overflowWrap = "normal";
            document.querySelector("main p").style.color = "#bbb";
        }"""
    )
    problems = "\n".join(visitor.problems())
    for expected in ("image-alt", "color-contrast", "scrolls sideways", "0 first-level"):
        assert expected in problems


# ---------- Without scripts ----------


def test_claiming_works_without_scripts(open_browser: Callable[..., Visitor]) -> None:
    with zeal_ignore():
        person = make.person()
        upcoming = make.event(days=2)
        first, second, third = (make.event(days=-days) for days in (3, 4, 5))
    visitor = open_browser(person, scripts=False)

    visitor.visit(upcoming.get_absolute_url())
    visitor.press("Register")
    end_event(upcoming)
    visitor.visit("/continuing-education/credits/")
    sees_the_credit(visitor, upcoming.title, "Pending", "Archived")

    visitor.visit("/events/?view=list&past=1")
    visitor.choose_filter("Category", "CE category", "Library Administration")
    visitor.press("Show events")
    visitor.sees("No events found")
    visitor.choose_filter("Category", "CE category", "Technology")
    visitor.press("Show events")
    visitor.press("Add CE credit", within=visitor.item(first.title))
    sees_the_credit(visitor, first.title, "Pending", "Archived")

    visitor.visit("/continuing-education/")
    which = visitor.field("Which training did you take part in?")
    expect(which.locator("option")).to_have_count(3)  # the first one is “Choose …”
    which.select_option(index=1)
    visitor.press("Review")
    visitor.press("Save")
    sees_the_credit(visitor, second.title, "Pending", "Archived")

    creates_an_event_without_scripts(visitor, third)
    visitor.visit("/tracks/")
    visitor.press("Choose Library Staff")
    visitor.sees("4 credit lines were posted to it.")


def creates_an_event_without_scripts(visitor: Visitor, similar: Event) -> None:
    visitor.visit("/continuing-education/new/")
    visitor.field("Sponsor").fill("Puppet School")
    visitor.field("Event title").fill(f"{similar.title}s")
    visitor.press("Look for existing events")
    visitor.sees("Is it one of these?", similar.title)
    expect(visitor.field("Sponsor")).to_have_value("Puppet School")
    day = f"{timezone.localdate() - dt.timedelta(days=7):%Y-%m-%d}"
    visitor.field("Event title").fill("Puppets")
    visitor.field("Begin date and time").fill(f"{day}T09:00")
    visitor.field("End date and time").fill(f"{day}T10:00")
    visitor.field("Trainer or presenter name").fill("P. Nocchio")
    visitor.field("Credit value").fill("1")
    visitor.page.get_by_role("radio", name="Technology").check()
    visitor.press("Save")
    sees_the_credit(visitor, "Puppets", "Pending", "Archived")


# ---------- Times in other time zones ----------


@pytest.mark.parametrize(
    ("zone", "hours", "note"),
    [
        ("America/Los_Angeles", 2, "(8:00–10:00 AM your time, Pacific)"),
        ("America/Chicago", 2, "(10:00 AM–12:00 PM your time, Central)"),
        ("Asia/Tokyo", 2, "(Fri, Dec 4, 1:00–3:00 AM your time, Japan Standard)"),
        (
            "Europe/Berlin",
            8,
            "(Thu, Dec 3, 5:00 PM – Fri, Dec 4, 1:00 AM your time, Central European)",
        ),
        (
            "America/Los_Angeles",
            26,
            "(Thu, Dec 3, 8:00 AM – Fri, Dec 4, 10:00 AM your time, Pacific)",
        ),
        ("America/Denver", 2, ""),
        ("America/Boise", 2, ""),
    ],
)
def test_local_times_are_shown_next_to_mountain_time(
    open_browser: Callable[..., Visitor], zone: str, hours: int, note: str
) -> None:
    begins_at = dt.datetime(2026, 12, 3, 16, tzinfo=dt.UTC)
    with zeal_ignore():
        event = make.event(begins_at=begins_at, ends_at=begins_at + dt.timedelta(hours=hours))
    visitor = open_browser(zone=zone)
    visitor.visit(event.get_absolute_url())
    visitor.sees("9:00")
    local_note = visitor.page.locator("[data-local-note]")
    expect(local_note).to_have_text(note)
    expect(local_note).to_be_visible() if note else expect(local_note).to_be_hidden()


def test_labels_in_an_email_do_not_break(open_browser: Callable[..., Visitor]) -> None:
    """On a phone, addresses can break anywhere, but words cannot."""
    page = open_browser(width=320).page
    email = {"greeting": "Hello,", "subject": "Hello", "portal": "http://x", "contact": "a@x"}
    facts = [(label, "Lewis & Clark Library " * 5) for label in ("When", "Organizer")]
    blank: dict[str, Any] = {"paragraphs": [], "quote": None, "button": None, "closing": []}
    page.set_content(render_to_string("mail/email.html", {**email, **blank, "facts": facts}))
    lines = page.locator("th").evaluate_all(
        "labels => labels.map(label => {"
        " const range = document.createRange(); range.selectNodeContents(label);"
        " return range.getClientRects().length; })"
    )
    assert lines == [1, 1]
    assert page.evaluate("document.documentElement.scrollWidth") == 320
