"""The demonstration event editor's events and proposals.

Uses the portal's actions. Does nothing if the editor has events.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Position, User
from aspen.demo.addresses import meeting_address, recording_address
from aspen.demo.catalog import COLLECTION_TECHNICAL, PUBLIC_SERVICES, TECHNOLOGY
from aspen.demo.people import demonstration_people
from events.actions import new_event_check_in_code, register
from events.editing.actions import EditedEvent, create_event, take_step
from events.editing.material import QuestionInput, add_link, ask_questions
from events.enums import (
    AttendanceMode,
    Delivery,
    EventStep,
    EventType,
    QuestionKind,
    RegistrationMode,
)
from events.models import Category, Event


def load_workshops() -> int:
    """Create the editor's events and return the number of events. Atomic."""
    people = demonstration_people()
    editor = people.get("editor")
    if editor is None or Event.objects.filter(created_by=editor).exists():
        return 0
    position = Position.objects.present().filter(person=editor).order_by("pk").first()
    if position is None:
        return 0
    with transaction.atomic():
        _add_full_event(people, position)
        _add_event_with_questions(people, position)
        _add_recorded_event(people, position)
        _add_proposals(people, position)
    return Event.objects.filter(created_by=editor).count()


def _at(days: int, hour: int) -> dt.datetime:
    """Return `hour` o'clock, Mountain time, `days` from today. A weekend day becomes Monday."""
    day = timezone.localdate() + dt.timedelta(days=days)
    day += dt.timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))
    return dt.datetime.combine(day, dt.time(hour), timezone.get_default_timezone())


def _event(
    people: dict[str, User],
    position: Position,
    *,
    title: str,
    begins_at: dt.datetime,
    hours: int,
    credits: dict[str, str],
    presenters: tuple[str, ...] = (),
    **fields: Any,
) -> Event:
    event = Event(
        title=title,
        type=EventType.CONTINUING_EDUCATION,
        organization=position.organization,
        sponsor=position.organization.name,
        begins_at=begins_at,
        ends_at=begins_at + dt.timedelta(hours=hours),
        registration_mode=RegistrationMode.PORTAL,
        **fields,
    )
    category = {each.slug: each.pk for each in Category.objects.order_by("pk")}
    edited = EditedEvent(
        event=event,
        fields=[],
        offers={category[slug]: Decimal(amount) for slug, amount in credits.items()},
        presenters=[people[name] for name in presenters],
    )
    return create_event(edited=edited, by=people["editor"])


def _publish(people: dict[str, User], event: Event) -> None:
    take_step(event_id=event.pk, step=EventStep.SUBMIT, by=people["editor"])
    take_step(event_id=event.pk, step=EventStep.PUBLISH, by=people["coordinator"])


def _add_full_event(people: dict[str, User], position: Position) -> None:
    event = _event(
        people,
        position,
        title="Book repair at your own bench",
        begins_at=_at(9, 9),
        hours=3,
        credits={COLLECTION_TECHNICAL: "3.0"},
        presenters=("editor",),
        description="Repair hinges, spines and torn pages with tools that fit on one table. There "
        "are tools for three people, so there are three places.",
        delivery=Delivery.IN_PERSON,
        location="Montana State Library",
        city="Helena",
        room="Workroom",
        capacity=3,
        allows_walk_ins=True,
    )
    _publish(people, event)
    for name in ("director", "trustee", "chair", "librarian"):
        register(event_id=event.pk, by=people[name])
    new_event_check_in_code(event_id=event.pk, by=people["editor"])


def _add_event_with_questions(people: dict[str, User], position: Position) -> None:
    event = _event(
        people,
        position,
        title="Story time for every child",
        begins_at=_at(6, 13),
        hours=2,
        credits={PUBLIC_SERVICES: "2.0"},
        description="Plan a story time that children with and without disabilities can enjoy "
        "together.",
        delivery=Delivery.HYBRID,
        location="Montana State Library",
        city="Helena",
        room="Grizzly room",
        capacity=20,
        online_capacity=100,
        joining_url=meeting_address("story-time-for-every-child"),
        contact_name=people["editor"].display_name,
        contact=people["editor"].email,
        registration_closes_at=_at(3, 17),
    )
    questions: list[tuple[str, QuestionKind, list[str], bool]] = [
        ("What would you like to try?", QuestionKind.TEXT, [], False),
        (
            "What accommodations do you need in order to take part?",
            QuestionKind.ACCOMMODATION,
            [],
            False,
        ),
    ]
    ask_questions(
        event_id=event.pk,
        questions=[
            QuestionInput(
                pk=None, label=label, kind=kind, choices=choices, is_required=required, remove=False
            )
            for label, kind, choices, required in questions
        ],
        by=people["editor"],
    )
    add_link(
        event_id=event.pk,
        label="Universal Design for Learning Guidelines",
        url="https://udlguidelines.cast.org/",
        by=people["editor"],
    )
    _publish(people, event)
    register(event_id=event.pk, by=people["trustee"], mode=AttendanceMode.IN_PERSON)
    register(event_id=event.pk, by=people["chair"], mode=AttendanceMode.ONLINE)


def _add_recorded_event(people: dict[str, User], position: Position) -> None:
    event = _event(
        people,
        position,
        title="Passkeys instead of passwords (recording)",
        begins_at=_at(-20, 10),
        hours=1,
        credits={TECHNOLOGY: "1.0"},
        description="What a passkey is, and how to help a patron create their first one.",
        delivery=Delivery.ONLINE,
        recording_url=recording_address("passkeys"),
        recording_minutes=55,
        recording_available_at=_at(-16, 9),
        recording_until_at=_at(120, 17),
    )
    _publish(people, event)


def _add_proposals(people: dict[str, User], position: Position) -> None:
    waiting = _event(
        people,
        position,
        title="Seed libraries: sow, lend, save",
        begins_at=_at(40, 10),
        hours=2,
        credits={PUBLIC_SERVICES: "2.0"},
        delivery=Delivery.ONLINE,
    )
    take_step(event_id=waiting.pk, step=EventStep.SUBMIT, by=people["editor"])
    returned = _event(
        people,
        position,
        title="Vendor fair and lunch",
        begins_at=_at(45, 11),
        hours=2,
        credits={COLLECTION_TECHNICAL: "2.0"},
        delivery=Delivery.IN_PERSON,
        city="Helena",
    )
    take_step(event_id=returned.pk, step=EventStep.SUBMIT, by=people["editor"])
    take_step(
        event_id=returned.pk,
        step=EventStep.RETURN,
        reason="Vendor demonstrations do not earn credit. Does part of it teach something?",
        by=people["coordinator"],
    )
