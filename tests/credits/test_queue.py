"""The staff queue of custom events: the list, an event's page and decisions."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from zeal import zeal_ignore

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.formats import format_day
from credits.actions import claim_custom_event
from credits.admin.queue import CustomEventAdmin
from credits.admin.queue_presentation import QueueRow, SimilarEventRow
from credits.enums import ClaimRole, ClaimState
from credits.models import Claim, Evidence
from events.actions import decide_custom_event, revise_custom_event
from events.admin_presentation import event_time
from events.enums import Decision, EventState, Origin
from events.models import CollegeWork, Event
from events.queries import custom_event_version
from tests import factories
from tests.factories import ADMINISTRATION, category
from tests.web import coordinator, flash_messages, signed_in, text
from tracks.actions import select_track
from tracks.models import Posting

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"
QUEUE = "/admin/events/customevent/"


def custom_event(by: User | None = None, **facts: Any) -> Event:
    return claim_custom_event(facts=factories.facts(**facts), by=by or factories.person()).event


def decide(client: Client, event: Event, decision: str, reason: str = "") -> Any:
    return client.post(f"{QUEUE}{event.pk}/decide/", {"decision": decision, "reason": reason})


def box(event: Event, *, has_warning: bool = False) -> str:
    return f"{event.pk}|{'1' if has_warning else ''}|{custom_event_version(event)}"


def approve(client: Client, *events: Event, has_warning: bool = False) -> Any:
    """Select the events and press Approve selected, which runs an action for each event."""
    with zeal_ignore():
        return client.post(
            QUEUE, {"chosen": [box(event, has_warning=has_warning) for event in events]}
        )


def rows(client: Client, query: str = "") -> list[QueueRow]:
    return list(client.get(QUEUE + query).context["cl"].rows)


def test_the_queue_lists_waiting_events_oldest_first() -> None:
    first, second, approved = custom_event(), custom_event(), custom_event()
    factories.event()
    client = coordinator()
    decide(client, approved, "approve")

    def shown(query: str) -> list[int]:
        return [row.pk for row in rows(client, query)]

    assert shown("") == [first.pk, second.pk]
    assert shown("?state=nonsense") == [first.pk, second.pk]
    assert shown("?state=published") == [approved.pk]
    assert shown("?state=all") == [first.pk, second.pk, approved.pk]
    assert shown(f"?q={first.title.replace(' ', '+')}") == [first.pk]


def test_pages_of_the_queue_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CustomEventAdmin, "list_per_page", 2)
    waiting = [custom_event().pk for _ in range(5)]
    client = coordinator()
    pages = [[row.pk for row in rows(client, f"?p={number}")] for number in (1, 2, 3)]
    assert pages == [waiting[:2], waiting[2:4], waiting[4:]]


def test_the_queue_can_be_filtered_by_category() -> None:
    event = custom_event(category=category(ADMINISTRATION))
    custom_event()
    client = coordinator()
    wanted = f"?offers__category__id__exact={category(ADMINISTRATION).pk}"
    assert [row.pk for row in rows(client, wanted)] == [event.pk]


def test_the_page_shows_all_details_of_the_event() -> None:
    person = factories.person(display_name="Ada Reader")
    Position.objects.create(
        person=person,
        organization=factories.organization(name="Sidney Library", city="Sidney"),
        kind=PositionKind.DIRECTOR,
    )
    on_calendar = factories.event(title="Privacy for everybody")
    begins_at = dt.datetime(2026, 3, 5, 16, tzinfo=dt.UTC)
    event = custom_event(
        person,
        title="Privacy for everyone",
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(minutes=90),
        sponsor="Some School",
        presenter="Grace Trainer",
        description="First line\nSecond line",
        amount=Decimal("1.5"),
    )
    page = text(coordinator().get(f"{QUEUE}{event.pk}/change/"))
    for part in (
        "Privacy for everyone",
        "Thu, Mar 5, 2026, 9:00–10:30 AM",
        "1.5 credits for 1:30 hours",
        "Technology 1.5",
        "Some School",
        "Grace Trainer",
        "First line<br>Second line",
        "Waiting for approval",
        "Ada Reader",
        person.email,
        "Director, Sidney Library, Sidney",
        f"/admin/events/event/{on_calendar.pk}/change/",
        'value="approve"',
        'value="return"',
        'value="decline"',
    ):
        assert part in page


@pytest.mark.parametrize(
    ("decision", "reason", "state", "claim_state"),
    [
        ("approve", "", EventState.PUBLISHED, ClaimState.APPROVED),
        ("return", "Which day?", EventState.DRAFT, ClaimState.RETURNED),
        ("decline", "An author talk.", EventState.DECLINED, ClaimState.DECLINED),
    ],
)
def test_a_decision_also_decides_the_claim(
    decision: str, reason: str, state: str, claim_state: str
) -> None:
    event = custom_event()
    staff = factories.person(Role.CE_COORDINATOR)
    client = signed_in(staff)
    answer = decide(client, event, decision, reason)
    assert answer.headers["Location"] == QUEUE
    event.refresh_from_db()
    assert (event.state, event.decision_reason, event.decided_by) == (state, reason, staff)
    assert [(c.state, c.reason) for c in Claim.objects.all()] == [(claim_state, reason)]
    assert flash_messages(answer)[0].startswith(f"“{event.title}” is ")
    assert flash_messages(answer)[0].endswith(
        f". {event.created_by} will be notified by e-mail and on the Continuing Education page."
    )
    assert event.title in text(client.get(f"{QUEUE}{event.pk}/history/"))


def test_declining_removes_the_credits_from_all_tracks() -> None:
    event = custom_event()
    assert event.created_by is not None
    select_track(track=factories.track(), by=event.created_by)
    assert Posting.objects.count() == 1
    decide(coordinator(), event, "decline", "An author talk.")
    assert list(Posting.objects.all()) == []


@pytest.mark.parametrize("decision", ["return", "decline"])
def test_returning_or_declining_requires_a_reason(decision: str) -> None:
    event = custom_event()
    answer = decide(coordinator(), event, decision, "  ")
    assert answer.context_data["form"].errors == {
        "reason": ["Give a reason. The person will read it."]
    }
    assert "Your decision was not saved." in text(answer)
    event.refresh_from_db()
    assert event.state == EventState.PENDING


@pytest.mark.parametrize(
    ("decision", "reason", "field"),
    [
        ("Publish", "typed", "decision"),
        ("", "typed", "decision"),
        ("return", "x" * 2001, "reason"),
        ("return", "a\x00b", "reason"),
    ],
)
def test_invalid_decisions_are_refused_and_the_reason_kept(
    decision: str, reason: str, field: str
) -> None:
    event = custom_event()
    answer = decide(coordinator(), event, decision, reason)
    form = answer.context_data["form"]
    assert list(form.errors) == [field]
    assert form["reason"].value() == reason
    assert answer.status_code == 200
    event.refresh_from_db()
    assert event.state == EventState.PENDING


def test_an_approved_event_cannot_be_returned() -> None:
    event = custom_event()
    client = coordinator()
    decide(client, event, "approve")
    answer = decide(client, event, "return", "Kept words")
    assert "is approved, so you can no longer return it." in text(answer)
    event.refresh_from_db()
    assert event.state == EventState.PUBLISHED


def test_only_possible_decisions_have_buttons() -> None:
    event = custom_event()
    client = coordinator()
    decide(client, event, "approve")
    page = text(client.get(f"{QUEUE}{event.pk}/change/"))
    buttons = [each for each in Decision.values if f'value="{each}"' in page]
    assert buttons == ["decline"]
    decide(client, event, "decline", "A mistake.")
    assert "There is nothing for you to decide here." in text(
        client.get(f"{QUEUE}{event.pk}/change/")
    )


def test_staff_cannot_decide_on_their_own_event() -> None:
    staff = factories.person(Role.CE_COORDINATOR)
    event = custom_event(staff)
    client = signed_in(staff)
    assert "You cannot review your own event." in text(client.get(f"{QUEUE}{event.pk}/change/"))
    answer = decide(client, event, "approve")
    assert answer.context_data["form"].non_field_errors() == [
        f"You cannot review your own event, “{event.title}”. Ask a colleague to do it."
    ]
    event.refresh_from_db()
    assert event.state == EventState.PENDING


def test_bulk_approval_skips_staffs_own_events() -> None:
    staff = factories.person(Role.CE_COORDINATOR)
    events = [custom_event(), custom_event(), custom_event(staff)]
    answer = approve(signed_in(staff), *events)
    assert flash_messages(answer) == [
        f"You cannot review your own event, “{events[2].title}”. Ask a colleague to do it.",
        "Approved: 2 of 3.",
    ]
    assert Event.objects.filter(state=EventState.PENDING).get() == events[2]


def test_scripts_in_custom_events_are_escaped() -> None:
    person = factories.person(display_name=f"{SCRIPT} Person")
    event = custom_event(
        person, title=f"{SCRIPT} title", sponsor=SCRIPT, presenter=SCRIPT, description=SCRIPT
    )
    client = coordinator()
    pages = [
        client.get(QUEUE),
        client.get(f"{QUEUE}{event.pk}/change/"),
        decide(client, event, "return", ""),
        client.get(f"{QUEUE}{event.pk}/history/"),
    ]
    decide(client, event, "return", SCRIPT)
    pages += [client.get(QUEUE), client.get(f"{QUEUE}{event.pk}/change/")]
    assert [SCRIPT in text(page) for page in pages] == [False] * 6


@pytest.mark.parametrize(
    ("role", "listing", "page", "decision"),
    [
        (None, 302, 302, 302),
        (Role.EVENT_EDITOR, 403, 403, 403),
        (Role.ADMINISTRATOR, 200, 200, 403),
        (Role.HELP_DESK, 200, 200, 403),
        (Role.CE_COORDINATOR, 200, 200, 302),
    ],
)
def test_access_by_role(role: Role | None, listing: int, page: int, decision: int) -> None:
    event = custom_event()
    client = signed_in(factories.person(role))
    answers = [
        client.get(QUEUE),
        client.get(f"{QUEUE}{event.pk}/change/"),
        decide(client, event, "approve"),
    ]
    assert [answer.status_code for answer in answers] == [listing, page, decision]
    event.refresh_from_db()
    allowed = role == Role.CE_COORDINATOR
    assert event.state == (EventState.PUBLISHED if allowed else EventState.PENDING)
    if not allowed:
        assert not any('value="approve"' in text(answer) for answer in answers)
        assert approve(client, event).status_code == (302 if role is None else 403)
        event.refresh_from_db()
        assert event.state == EventState.PENDING


def test_a_calendar_event_is_not_in_the_queue() -> None:
    event = factories.event()
    client = coordinator()
    assert client.get(f"{QUEUE}{event.pk}/change/").status_code == 404
    decide(client, event, "decline", "No")
    event.refresh_from_db()
    assert event.state == EventState.PUBLISHED


# ---------- The rows ----------


def decided(event: Event, decision: Decision = Decision.APPROVE, reason: str = "") -> Event:
    return decide_custom_event(
        event_id=event.pk, decision=decision, reason=reason, by=factories.person()
    )


def test_a_row_shows_the_information_needed_to_decide() -> None:
    person = factories.person(display_name="Ada Reader")
    for number in range(3):
        decided(custom_event(person, sponsor="WebJunction", title=f"Storage {number}"))
    decided(
        custom_event(person, sponsor="webjunction", title="Vendors"), Decision.DECLINE, "A demo."
    )
    decided(custom_event(person, sponsor="Somebody else", title="Boats"))
    begins_at = dt.datetime(2026, 3, 5, 16, tzinfo=dt.UTC)
    event = custom_event(
        person,
        title="Weeding for beginners",
        sponsor="WebJunction",
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=2),
        amount=Decimal("1.5"),
    )
    other = factories.event(title="Beginners: weeding", days=-300)
    claim = Claim.objects.get(event=event)
    claim.note, claim.role = "I gave it at the fall workshop.", ClaimRole.PRESENTER
    claim.save()
    CollegeWork.objects.create(event=event, system="semester", course_credits=2)
    Evidence.objects.create(
        claim=claim, person=person, file="evidence/x", file_name="badge.pdf", size=1
    )
    Event.objects.filter(pk=event.pk).update(created_at=timezone.localtime() - dt.timedelta(days=3))
    [row] = rows(coordinator())
    shown = {
        key: getattr(row, key) for key in ("person", "when", "sponsor", "credit", "length", "age")
    }
    assert shown == {
        "person": "Ada Reader",
        "when": "Thu, Mar 5, 2026, 9:00–11:00 AM",
        "sponsor": "WebJunction",
        "credit": "Technology 1.5",
        "length": "1.5 credits for 2:00 hours",
        "age": "waiting 3 days",
    }
    assert row.warnings == []
    assert row.earlier == "Earlier from WebJunction: 3 approved, 1 declined"
    assert row.marks == ["Presenter: earns double credit", "College course: 2 semester credits"]
    assert (row.note, row.evidence[0][0]) == (claim.note, "badge.pdf")
    assert row.similar == SimilarEventRow(
        title="Beginners: weeding",  # the same words on another day
        url=f"/admin/events/event/{other.pk}/change/",
        percent=82,
        place="on the calendar",
        when=event_time(other),
    )


def test_similar_events_by_other_authors_are_shown() -> None:
    approved = decided(custom_event(title="Privacy for everybody"))
    custom_event(title="Privacy for everyone")
    custom_event(title="Privacy for everyones")  # not approved, so not shown as similar
    similar = [
        (row.title, row.similar.title, row.similar.place)
        for row in rows(coordinator())
        if row.similar
    ]
    assert similar == [
        ("Privacy for everyone", approved.title, "approved custom event"),
        ("Privacy for everyones", approved.title, "approved custom event"),
    ]


def test_waiting_time_restarts_when_an_event_is_resubmitted() -> None:
    first, second = custom_event(), custom_event()
    ago = timezone.localtime() - dt.timedelta(days=40)  # calendar days in Montana
    Event.objects.update(created_at=ago)
    decided(first, Decision.RETURN, "Which day?")
    assert first.created_by is not None
    revise_custom_event(event_id=first.pk, facts=factories.facts(), by=first.created_by)
    ages = [(row.pk, row.age) for row in rows(coordinator())]
    assert ages == [(second.pk, "waiting 40 days"), (first.pk, "received today, resubmitted")]


# ---------- Approving several ----------


def overlapping_event(person: User, event: Event) -> Event:
    """Create another event for the person at the same time, which causes a warning."""
    assert event.ends_at is not None
    return custom_event(
        person, title="Quite another thing", begins_at=event.begins_at, ends_at=event.ends_at
    )


def test_a_link_selects_all_events_without_warnings() -> None:
    person = factories.person()
    clear = custom_event()
    overlapping = overlapping_event(person, custom_event(person, title="First thing"))
    staff = factories.person(Role.CE_COORDINATOR)
    own = custom_event(staff)
    client = signed_in(staff)
    page = client.get(QUEUE)
    assert "No warnings" in text(page)
    assert "took place at the same time" in text(page)
    assert [row.is_selected for row in page.context["cl"].rows] == [False] * 4
    assert page.context["cl"].select_link == "?tick=clear"
    selected = {row.pk: row.is_selected for row in rows(client, "?tick=clear")}
    assert (selected[clear.pk], selected[overlapping.pk], selected[own.pk]) == (True, False, False)
    assert sum(selected.values()) == 1


def test_selected_events_with_warnings_are_approved_and_listed() -> None:
    person = factories.person()
    event = overlapping_event(person, custom_event(person))
    answer = approve(coordinator(), event, has_warning=True)
    assert flash_messages(answer) == [
        "Approved: 1 of 1. Approved despite a warning: “Quite another thing”."
    ]
    event.refresh_from_db()
    assert event.state == EventState.PUBLISHED


def test_events_with_new_warnings_are_skipped() -> None:
    person = factories.person()
    event = custom_event(person, title="First thing")
    clear = custom_event()
    overlapping_event(person, event)
    answer = approve(coordinator(), event, clear)
    refused, done = flash_messages(answer)
    assert refused.startswith("“First thing” was skipped because it has a new warning")
    assert done == "Approved: 1 of 2."
    event.refresh_from_db()
    assert event.state == EventState.PENDING


def test_events_decided_since_the_list_was_opened_are_skipped() -> None:
    event, other = custom_event(), custom_event()
    boxes = [box(event), box(other)]
    decided(event, Decision.RETURN, "Which day?")
    with zeal_ignore():
        answer = coordinator().post(QUEUE, {"chosen": boxes})
    assert flash_messages(answer) == [
        f"“{event.title}” has changed since you opened this page and is now returned for "
        "changes. Review it again before you decide.",
        "Approved: 1 of 2.",
    ]
    event.refresh_from_db()
    assert event.state == EventState.DRAFT


@pytest.mark.parametrize(
    "chosen", [[], ["nonsense"], ["x||"], ["9" * 30 + "||pending"], ["1|\x00|"]]
)
def test_an_invalid_selection_changes_nothing(chosen: list[str]) -> None:
    event = custom_event()
    answer = coordinator().post(QUEUE, {"chosen": chosen})
    assert flash_messages(answer) == ["Select at least one custom event to approve."]
    event.refresh_from_db()
    assert event.state == EventState.PENDING


def test_staff_who_cannot_decide_see_no_checkboxes() -> None:
    custom_event()
    page = text(signed_in(factories.person(Role.HELP_DESK)).get(QUEUE))
    assert 'name="chosen"' not in page
    assert "Approve selected" not in page
    assert "No warnings" in page


# ---------- An event's page ----------


def context_of(event: Event, client: Client | None = None) -> Any:
    return (client or coordinator()).get(f"{QUEUE}{event.pk}/change/").context


def test_similar_events_are_compared_side_by_side() -> None:
    event = custom_event(title="Privacy for everyone", sponsor="Some School")
    other = factories.event(
        title="Privacy for everybody", days=-200, sponsor="TRAILS", credits={ADMINISTRATION: "2.0"}
    )
    for _ in range(2):
        factories.claim(factories.person(), other)
    page = context_of(event)
    [head] = page["similar_events"]
    assert (head.title, head.claims) == ("Privacy for everybody", "2 people claimed this")
    assert head.similarity.endswith("% similar, on the calendar")
    lines = dict(page["comparison"])
    assert lines["CE credit"] == ["Technology 1", "Library Administration 2"]
    assert lines["Sponsor"] == ["Some School", "TRAILS"]
    assert lines["Credit and length"] == ["1 credit for 1:00 hours", "2 credits for 1:00 hours"]


def test_the_persons_overlapping_claims_and_earlier_events_are_shown() -> None:
    person = factories.person()
    event = custom_event(person, title="First thing", sponsor="Some School")
    same_time = overlapping_event(person, event)
    earlier = decided(
        custom_event(
            person,
            sponsor="some school",
            title="Long ago",
            begins_at=event.begins_at - dt.timedelta(days=90),
            ends_at=event.begins_at - dt.timedelta(days=90, hours=-1),
        ),
        Decision.DECLINE,
        "A demo.",
    )
    factories.claim(factories.person(), factories.event(title="Somebody else's"))
    page = context_of(event)
    assert [each.url for each in page["overlapping"]] == [
        f"/admin/events/customevent/{same_time.pk}/change/"
    ]
    assert [each.url for each in page["recent_decisions"]] == [
        f"/admin/events/customevent/{earlier.pk}/change/"
    ]
    assert page["recent_decisions"][0].details.endswith("; declined: A demo.")
    assert page["earlier_decisions"] == "Earlier from Some School: 0 approved, 1 declined"
    assert len(page["remarks"]) == 1


def test_the_page_shows_the_history_in_plain_english() -> None:
    person = factories.person(display_name="Ada Reader")
    staff = factories.person(display_name="Cora Coordinator")
    event = custom_event(person, title="Old title")
    decide_custom_event(
        event_id=event.pk, decision=Decision.RETURN, reason="Which hours?", by=staff
    )
    begins_at = event.begins_at
    revise_custom_event(
        event_id=event.pk,
        facts=factories.facts(
            title="New title",
            begins_at=begins_at,
            ends_at=begins_at + dt.timedelta(hours=1),
            amount=Decimal("0.5"),
        ),
        by=person,
    )
    day = format_day(timezone.localdate())
    cora = f"by Cora Coordinator on {day}"
    assert [str(each) for each in context_of(event)["happenings"]] == [
        f"Claimed by Ada Reader on {day}, with Create New…: Technology 1.",
        f"Returned for changes {cora}: Which hours?",
        f"The event was renamed from “Old title” to “New title” by Ada Reader on {day}.",
        f"Technology changed from 1 to 0.5 by Ada Reader on {day}.",
        f"Resubmitted by Ada Reader on {day}.",
    ]


def test_a_decision_opens_the_next_waiting_event() -> None:
    first, second, third = custom_event(), custom_event(), custom_event()
    staff = factories.person(Role.CE_COORDINATOR)
    custom_event(staff)  # Staff skip their own events.
    client = signed_in(staff)

    def next_url_after(event: Event, decision: str, reason: str = "") -> Any:
        return decide(client, event, decision, reason).headers["Location"]

    assert "Approve and next" in text(client.get(f"{QUEUE}{second.pk}/change/"))
    assert next_url_after(second, "approve") == f"{QUEUE}{third.pk}/change/"
    assert next_url_after(third, "decline", "A demo.") == f"{QUEUE}{first.pk}/change/"
    assert "Approve and next" not in text(client.get(f"{QUEUE}{first.pk}/change/"))
    assert next_url_after(first, "approve") == QUEUE


# ---------- Publishing to the calendar ----------


def publish(client: Client, event: Event, **data: str) -> Any:
    return client.post(f"{QUEUE}{event.pk}/publish/", data)


def test_publishing_a_waiting_event_approves_its_claim() -> None:
    event = custom_event(title="Good for everybody")
    staff = factories.person(Role.CE_COORDINATOR)
    client = signed_in(staff)
    answer = publish(client, event, seen=custom_event_version(event))
    assert answer.headers["Location"] == QUEUE
    author = event.created_by
    event.refresh_from_db()
    assert (event.origin, event.state) == (Origin.CALENDAR, EventState.PUBLISHED)
    assert (event.created_by, event.decided_by) == (author, staff)
    assert [(c.state, c.decided_by) for c in Claim.objects.all()] == [(ClaimState.APPROVED, staff)]
    assert "Good for everybody" in text(Client().get(event.get_absolute_url()))


def test_publishing_an_approved_event_does_not_change_its_claim() -> None:
    event = decided(custom_event())
    before = Claim.objects.values("state", "decided_at", "decided_by").get()
    publish(coordinator(), event)
    event.refresh_from_db()
    assert (event.origin, event.state) == (Origin.CALENDAR, EventState.PUBLISHED)
    assert Claim.objects.values("state", "decided_at", "decided_by").get() == before


def test_refusals_to_publish_give_the_reason() -> None:
    staff = factories.person(Role.CE_COORDINATOR)
    returned = decided(custom_event(), Decision.RETURN, "Which day?")
    own, course, changed = custom_event(staff), custom_event(), custom_event()
    CollegeWork.objects.create(event=course, system="semester", course_credits=2)
    client = signed_in(staff)
    answers = [
        publish(client, returned),
        publish(client, own),
        publish(client, course),
        publish(client, changed, seen="published"),
    ]
    assert [flash_messages(answer)[-1] for answer in answers] == [
        f"“{returned.title}” is returned for changes, so it cannot be put on the calendar.",
        f"You cannot review your own event, “{own.title}”. Ask a colleague to do it.",
        f"“{course.title}” is one person's college course, not a public event.",
        f"“{changed.title}” has changed since you opened this page and is now waiting for "
        "approval. Review it again before you decide.",
    ]
    assert set(Event.objects.values_list("origin", flat=True)) == {Origin.CUSTOM}
    assert "Publish to the calendar" not in text(client.get(f"{QUEUE}{course.pk}/change/"))


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR, Role.EVENT_EDITOR])
def test_other_staff_cannot_publish(role: Role) -> None:
    event = custom_event()
    client = signed_in(factories.person(role))
    assert publish(client, event).status_code == 403
    assert "Publish to the calendar" not in text(client.get(f"{QUEUE}{event.pk}/change/"))
    event.refresh_from_db()
    assert event.origin == Origin.CUSTOM


# ---------- Queries ----------


@pytest.mark.parametrize("items", [1, 3])
def test_the_number_of_queries_is_fixed(items: int, django_assert_num_queries: Any) -> None:
    person = factories.person()
    library = factories.organization()
    for kind in list(PositionKind)[:items]:
        Position.objects.create(person=person, organization=library, kind=kind)
    for number in range(items):
        similar = factories.event(title="Privacy for everybody")
        factories.claim(person, similar)
        custom_event(title="Privacy for everybody")
        decided(custom_event(person, title=f"Earlier {number}"))
    custom = custom_event(person, title="Privacy for everyone")
    claim = Claim.objects.get(event=custom)
    for number in range(items):
        Evidence.objects.create(
            claim=claim, person=person, file=f"{number}", file_name=f"{number}.pdf", size=1
        )
    client = coordinator()
    client.get(QUEUE)
    with django_assert_num_queries(15):
        client.get(QUEUE)
    with django_assert_num_queries(20):
        client.get(f"{QUEUE}{custom.pk}/change/")
    assert reverse("admin:events_customevent_decide", args=[1]) == f"{QUEUE}1/decide/"
