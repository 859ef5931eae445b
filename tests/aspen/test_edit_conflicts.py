"""Two people who change the same record from two old forms do not undo each other's changes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from zeal import zeal_ignore

from accounts.enums import PositionKind, Role
from accounts.models import Federation, Organization, Position, User
from aspen.admin import EditableAdmin
from events.models import Category, Event, Synonym
from helpdesk.models import Article
from tests import factories
from tests.factories import ADMINISTRATION, PUBLIC, TECHNOLOGY, category
from tests.web import flash_messages, form_values, signed_in, text
from tracks.actions import select_track
from tracks.models import RuleSet, Track

pytestmark = pytest.mark.django_db


class Editing(NamedTuple):
    """A record, and two fields with new values. With one field, both people change it."""

    record: Callable[[], Model]
    first: tuple[str, str]
    second: tuple[str, str] | None = None


def a_position() -> Position:
    return Position.objects.create(
        person=factories.person(), organization=factories.organization(), kind=PositionKind.STAFF
    )


def an_address() -> EmailAddress:
    return EmailAddress.objects.create(user=factories.person(), email="one@library.example")


def a_rule_set() -> RuleSet:
    old = RuleSet.objects.order_by("pk")[0]
    rule_set = RuleSet.objects.create(
        track=old.track, name="Draft rules", kind=old.kind, valid_from="2031-01-01",
        total=20, years=4, audience="Everyone", source="A meeting",
    )  # fmt: skip
    rule_set.requirements.create(category=category(TECHNOLOGY), minimum=5)
    return rule_set


EDITING: dict[type[Model], Editing] = {
    User: Editing(factories.person, ("display_name", "Ada"), ("email", "ada@library.example")),
    Organization: Editing(factories.organization, ("name", "New name"), ("city", "Butte")),
    Federation: Editing(lambda: Federation.objects.create(name="Old"), ("name", "New")),
    Position: Editing(a_position, ("since_on", "2020-01-02"), ("is_confirmed", "on")),
    Group: Editing(lambda: Group.objects.create(name="Old"), ("name", "New")),
    EmailAddress: Editing(an_address, ("email", "two@library.example"), ("verified", "on")),
    Event: Editing(factories.event, ("title", "New title"), ("city", "Butte")),
    Category: Editing(category, ("description", "New words")),
    Synonym: Editing(
        lambda: Synonym.objects.order_by("pk")[0], ("word", "new word"), ("also", "another word")
    ),
    Track: Editing(factories.track, ("description", "New words")),
    Article: Editing(
        lambda: Article.objects.order_by("position")[0],
        ("title", "New title"),
        ("text", "New words"),
    ),
    RuleSet: Editing(a_rule_set, ("name", "New rules"), ("source", "Another meeting")),
}
EDITABLE = [model for model in admin.site._registry if model in EDITING]


def superuser() -> Client:
    return signed_in(factories.person(Role.ADMINISTRATOR, is_superuser=True))


def address_of(record: Model) -> str:
    return reverse(f"admin:{record._meta.label_lower.replace('.', '_')}_change", args=[record.pk])


def opened(client: Client, record: Model) -> dict[str, list[str]]:
    with zeal_ignore():
        return form_values(client.get(address_of(record)))


def submit(client: Client, record: Model, values: dict[str, Any], **changes: Any) -> Any:
    with zeal_ignore():
        return client.post(address_of(record), values | changes)


def stored(record: Model, field: str) -> Any:
    return form_value(type(record)._base_manager.get(pk=record.pk), field)


def form_value(record: Model, field: str) -> str:
    value = getattr(record, field)
    return {True: "on", False: ""}[value] if isinstance(value, bool) else str(value)


def test_every_change_form_in_the_admin_is_covered() -> None:
    request = RequestFactory().get("/")
    request.user = factories.person(Role.ADMINISTRATOR, is_superuser=True)
    editable = {
        model
        for model, model_admin in admin.site._registry.items()
        if model_admin.has_change_permission(request)
    }
    assert editable == set(EDITING)
    assert all(isinstance(admin.site._registry[model], EditableAdmin) for model in editable)


@pytest.mark.parametrize("model", EDITABLE, ids=lambda model: model.__name__)
def test_two_old_forms_lose_nothing(model: type[Model]) -> None:
    record, (name, value), second = (
        EDITING[model].record(),
        EDITING[model].first,
        EDITING[model].second,
    )
    ada, bo = superuser(), superuser()
    hers, his = opened(ada, record), opened(bo, record)

    assert submit(ada, record, hers, **{name: value}).status_code == 302
    changes = dict([second]) if second else {}
    answer = submit(bo, record, his, **changes)

    assert answer.status_code == 302
    assert stored(record, name) == value
    for other, new in changes.items():
        assert stored(record, other) == new
    [kept] = [each for each in flash_messages(answer) if each.startswith("While this page")]
    assert "someone else changed" in kept


@pytest.mark.parametrize("model", EDITABLE, ids=lambda model: model.__name__)
def test_a_field_that_both_changed_is_refused_with_both_values(model: type[Model]) -> None:
    record, (name, value) = EDITING[model].record(), EDITING[model].first
    mine = "2020-03-04" if name == "since_on" else "mine@library.example"
    ada, bo = superuser(), superuser()
    hers, his = opened(ada, record), opened(bo, record)
    submit(ada, record, hers, **{name: value})

    answer = submit(bo, record, his, **{name: mine})

    assert answer.status_code == 200
    page = text(answer)
    assert (
        f"Someone changed this to “{value}” after you opened this page. You entered “{mine}”."
        in page
    )
    assert stored(record, name) == value
    # What was typed is still in the form, and submitting it again stores it.
    again = form_values(answer)
    assert again[name] == [mine]
    assert submit(bo, record, again).status_code == 302
    assert stored(record, name) == mine


def test_a_form_without_a_version_overwrites_nothing() -> None:
    library = factories.organization(name="Old name")
    client = superuser()
    values = opened(client, library) | {"name": "New name"}
    del values["seen"]
    answer = submit(client, library, values)
    assert "You entered “New name”" in text(answer)
    assert stored(library, "name") == "Old name"
    for seen in ("{", "[]", '{"name": 1}', "[" * 100_000):
        assert submit(client, library, values, seen=seen).status_code == 200


# ---------- Lines ----------


def lines(event: Event) -> dict[str, Decimal]:
    return dict(event.offers.order_by("pk").values_list("category__slug", "amount"))


def test_lines_that_only_someone_else_changed_are_kept() -> None:
    event = factories.event(credits={PUBLIC: "1.0", TECHNOLOGY: "1.0"})
    ada, bo = superuser(), superuser()
    hers, his = opened(ada, event), opened(bo, event)
    more = {"offers-2-category": str(category(ADMINISTRATION).pk), "offers-2-amount": "2.0"}
    submit(ada, event, hers, **{"offers-0-amount": "3.0", "offers-1-DELETE": "on"}, **more)

    assert submit(bo, event, his, title="New title").status_code == 302

    event.refresh_from_db()
    assert event.title == "New title"
    assert lines(event) == {PUBLIC: Decimal(3), ADMINISTRATION: Decimal(2)}


def test_lines_that_both_changed_are_refused_with_both_values() -> None:
    event = factories.event(credits={PUBLIC: "1.0", TECHNOLOGY: "1.0"})
    ada, bo = superuser(), superuser()
    hers, his = opened(ada, event), opened(bo, event)
    submit(ada, event, hers, **{"offers-0-amount": "3.0", "offers-1-DELETE": "on"})

    answer = submit(bo, event, his, **{"offers-0-amount": "2.0", "offers-1-amount": "4.0"})

    page = text(answer)
    assert (
        "Library Services to the Public 3.0, Amount: someone changed this to “3.0” after you "
        "opened this page. You entered “2.0”." in page
    )
    assert "Someone removed a line after you opened this page." in page
    assert lines(event) == {PUBLIC: Decimal(3)}
    assert submit(bo, event, form_values(answer)).status_code == 302
    assert lines(event) == {PUBLIC: Decimal(2), TECHNOLOGY: Decimal(4)}


def test_a_line_removed_while_someone_changed_it_is_refused() -> None:
    event = factories.event()
    ada, bo = superuser(), superuser()
    hers, his = opened(ada, event), opened(bo, event)
    submit(ada, event, hers, **{"offers-0-amount": "3.0"})
    answer = submit(bo, event, his, **{"offers-0-DELETE": "on"})
    assert "You removed it. Submitting the form again will remove it." in text(answer)
    assert lines(event) == {TECHNOLOGY: Decimal(3)}
    submit(bo, event, form_values(answer))
    assert lines(event) == {}


def test_the_same_line_added_by_both_is_one_line() -> None:
    event = factories.event(credits={})
    ada, bo = superuser(), superuser()
    hers, his = opened(ada, event), opened(bo, event)
    line = {"offers-0-category": str(category().pk), "offers-0-amount": "1.0"}
    for client, values in ((ada, hers), (bo, his)):
        assert submit(client, event, values, **line).status_code == 302
    assert lines(event) == {TECHNOLOGY: Decimal(1)}


def test_requirements_of_a_rule_set_are_kept() -> None:
    rule_set = a_rule_set()
    ada, bo = superuser(), superuser()
    hers, his = opened(ada, rule_set), opened(bo, rule_set)
    submit(ada, rule_set, hers, **{"requirements-0-minimum": "7.0"})
    assert submit(bo, rule_set, his, total="30").status_code == 302
    rule_set.refresh_from_db()
    assert (rule_set.total, rule_set.requirements.get().minimum) == (30, 7)


def test_a_change_to_rules_that_someone_now_follows_is_not_lost_without_a_word() -> None:
    track = factories.track()
    rule_set = RuleSet.objects.filter(track=track, valid_until=None, kind="initial").first()
    rule_set = rule_set or RuleSet.objects.filter(track=track, valid_until=None)[0]
    client = superuser()
    values = opened(client, rule_set)
    participation, _ = select_track(track=track, by=factories.person())
    assert participation.rule_set == rule_set
    lines = {"requirements-0-minimum": "0.5"}
    answer = submit(client, rule_set, values, name="New name", **lines)
    assert "The requirements can no longer be changed." in text(answer)
    assert "can no longer be changed. You entered “New name”." in text(answer)
