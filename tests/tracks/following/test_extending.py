"""Extending periods in the admin, and filtering for periods that may need it."""

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client

from accounts.enums import PositionKind, Role
from accounts.models import Position, User
from aspen.clock import today, years_after, years_before
from aspen.formats import format_day
from tests import factories as make
from tests.emails import delivered
from tests.web import coordinator, signed_in, text
from tracks import actions
from tracks.following.admin import quarter_starts
from tracks.models import Extension, Participation

pytestmark = pytest.mark.django_db
LIST = "/admin/tracks/participation/"
EXTEND = f"{LIST}extend/"
WHY = "A year of illness."


def make_period(by: User | None = None) -> Participation:
    participation, _ = actions.select_track(track=make.track(), by=by or make.person())
    return participation


def later(participation: Participation) -> dt.date:
    return years_after(participation.closes_on, 1)


def form_data(*participations: Participation, **values: Any) -> dict[str, Any]:
    ids = ",".join(str(each.pk) for each in participations)
    return {"ids": ids, "closes_on": str(later(participations[0])), "reason": WHY} | values


def listed(client: Client, query: str) -> list[int]:
    return [each.pk for each in client.get(f"{LIST}?{query}").context["cl"].result_list]


def test_selected_periods_are_previewed_before_anything_changes() -> None:
    one, other = make_period(), make_period()
    client = coordinator()
    chosen = {"action": "extend_selected", "_selected_action": [one.pk, other.pk]}
    answer = client.post(LIST, chosen)
    assert answer.context["ids"] == f"{one.pk},{other.pk}"
    assert [row.person for row in answer.context["rows"]] == [str(one.person), str(other.person)]
    answer = client.post(EXTEND, form_data(one, other))
    old, new = format_day(one.closes_on), format_day(later(one))
    assert [(row.last_day, row.new_day) for row in answer.context["rows"]] == [(old, new)] * 2
    assert answer.context["button"] == "Extend 2 periods"
    assert not Extension.objects.exists()
    answer = client.post(EXTEND, form_data(one, other, shown=str(later(one)), save="1"))
    assert answer.headers["Location"] == LIST
    assert [str(each) for each in get_messages(answer.wsgi_request)] == [
        f"2 periods now end on {new}."
    ]
    assert set(Participation.objects.values_list("closes_on", flat=True)) == {later(one)}


def test_one_period_is_extended_from_its_page() -> None:
    participation = make_period()
    client = coordinator()
    page = f"{LIST}{participation.pk}/change/"
    assert f'href="{EXTEND}?ids={participation.pk}"' in text(client.get(page))
    assert client.get(EXTEND, {"ids": participation.pk}).context["rows"][0].person == str(
        participation.person
    )
    day = str(later(participation))
    answer = client.post(EXTEND, form_data(participation, shown=day, save="1"))
    assert answer.headers["Location"] == page
    assert WHY in text(client.get(page))


def test_changed_day_is_previewed_first() -> None:
    participation = make_period()
    day = str(participation.closes_on)
    answer = coordinator().post(EXTEND, form_data(participation, shown=day, save="1"))
    assert answer.context["shown"] == str(later(participation))
    assert not Extension.objects.exists()


def test_period_that_already_ends_that_late_does_not_change() -> None:
    participation = make_period()
    day = str(participation.closes_on)
    answer = coordinator().post(EXTEND, form_data(participation, closes_on=day))
    assert answer.context["rows"][0].new_day == "No change"
    assert answer.context["button"] == "Extend 0 periods"


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"reason": " "}, {"reason": ["Give a reason. The person will read it."]}),
        ({"closes_on": ""}, {"closes_on": ["Choose the new last day."]}),
        ({"closes_on": "soon"}, {"closes_on": ["Enter a valid date."]}),
        (
            {"closes_on": "1999-01-01"},
            {"closes_on": ["The new last day must be within the next 10 years."]},
        ),
        (
            {"closes_on": "9999-12-31"},
            {"closes_on": ["The new last day must be within the next 10 years."]},
        ),
        ({"reason": "x" * 1001}, None),
    ],
)
def test_invalid_input_is_refused_and_kept_in_the_form(
    values: dict[str, str], errors: dict[str, list[str]] | None
) -> None:
    participation = make_period()
    answer = coordinator().post(EXTEND, form_data(participation, **values, save="1"))
    form = answer.context["form"]
    assert form.errors == errors if errors else list(form.errors) == ["reason"]
    assert form["reason"].value() == values.get("reason", WHY)
    assert answer.context["ids"] == str(participation.pk)
    assert not Extension.objects.exists()


@pytest.mark.parametrize("ids", ["", "x", ",,", "-1", "%00", "9" * 30])
def test_without_periods_redirects_to_the_list(ids: str) -> None:
    client = coordinator()
    for answer in (client.get(EXTEND, {"ids": ids}), client.post(EXTEND, {"ids": ids})):
        assert answer.headers["Location"] == LIST


def test_one_own_or_not_open_period_refuses_all() -> None:
    me = make.person(Role.CE_COORDINATOR)
    mine, other = make_period(me), make_period()
    client = signed_in(me)
    answer = client.post(EXTEND, form_data(other, mine))
    [error] = answer.context["form"].non_field_errors()
    assert error == f"{me}, Library Staff: you cannot extend your own period."
    submitted = make.submission().participation
    answer = client.post(EXTEND, form_data(other, submitted))
    [error] = answer.context["form"].non_field_errors()
    assert "only an open period can be extended" in error
    assert not Extension.objects.exists()


@pytest.mark.parametrize("role", [Role.HELP_DESK, Role.ADMINISTRATOR, Role.EVENT_EDITOR])
def test_other_roles_cannot_extend(role: Role) -> None:
    participation = make_period(make.person(display_name="June Librarian"))
    client = signed_in(make.person(role))
    day = str(later(participation))
    for answer in (
        client.get(EXTEND, {"ids": participation.pk}),
        client.post(EXTEND, form_data(participation, shown=day, save="1")),
    ):
        assert answer.status_code == 403
        assert "June Librarian" not in text(answer)
    client.post(LIST, {"action": "extend_selected", "_selected_action": [participation.pk]})
    assert EXTEND not in text(client.get(f"{LIST}{participation.pk}/change/"))
    assert not Extension.objects.exists()


# ---------- Filters ----------


def test_filter_by_the_quarter_of_the_last_day() -> None:
    with time_machine.travel(dt.datetime(2026, 11, 2, 18, tzinfo=dt.UTC)):
        ends = [dt.date(2026, 11, 1), dt.date(2026, 11, 2), dt.date(2026, 12, 31)]
        ends += [dt.date(2027, 1, 1), dt.date(2028, 9, 30), dt.date(2028, 10, 1)]
        made = {}
        for day in ends:
            made[day] = make_period().pk
            Participation.objects.filter(pk=made[day]).update(
                selected_on=dt.date(2025, 1, 1), counts_from=dt.date(2021, 1, 1), closes_on=day
            )
        client = coordinator()
        for query, days in {
            "past": ends[:1],
            "2026-10-01": ends[:3],
            "2027-01-01": ends[3:4],
            "2028-07-01": ends[4:5],
            "later": ends[5:],
            "nonsense": ends,
        }.items():
            assert sorted(listed(client, f"closes={query}")) == [made[day] for day in days]
        assert "Q4 2026" in text(client.get(LIST))


def test_quarters_continue_into_the_next_year() -> None:
    assert quarter_starts(dt.date(2026, 11, 2), 3) == [
        dt.date(2026, 10, 1),
        dt.date(2027, 1, 1),
        dt.date(2027, 4, 1),
    ]


def test_filter_directors_by_the_start_of_their_position() -> None:
    first = years_before(today(), 4)
    days = {
        "new": first + dt.timedelta(days=400),
        "due": first + dt.timedelta(days=1),
        "longer": first,
    }
    made = {}
    for name, day in days.items():
        person = make.person()
        made[name] = make_period(person).pk
        Position.objects.create(
            person=person,
            organization=make.organization(),
            kind=PositionKind.DIRECTOR,
            since_on=day,
        )
    make_period()
    client = coordinator()
    assert listed(client, "director=new") == [made["due"], made["new"]]
    assert listed(client, "director=due") == [made["due"]]
    assert listed(client, "director=longer") == [made["longer"]]
    assert len(listed(client, "director=nonsense")) == 4
    page = text(client.get(f"{LIST}{made['longer']}/change/"))
    assert f"{format_day(first)}; four years end on {format_day(today())}" in page


def test_only_the_latest_of_two_extensions_is_emailed() -> None:
    participation = make_period()
    first, last = (years_after(participation.closes_on, years) for years in (1, 2))
    for closes_on in (first, last):
        actions.extend_participations(
            participation_ids=[participation.pk],
            closes_on=closes_on,
            reason=f"Illness until {closes_on}.",
            by=make.person(Role.CE_COORDINATOR),
        )
    message = delivered()
    assert message.subject == f"Your period for Library Staff was extended to {format_day(last)}"
    assert f"instead of {format_day(first)}" in " ".join(message.body.split())
    assert f"The CE Coordinator wrote:\n\n> Illness until {last}." in message.body
