"""Several sessions at an outside conference in one form. Saving is all or nothing."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from aspen.errors import Refused
from credits import actions
from credits.models import Claim
from events.models import Event
from tests import factories as make
from tests.web import flash_messages, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/continuing-education/new/conference/"


@pytest.fixture
def client(person):
    return signed_in(person)


def row(title="Weeding", begin="09:00", end="10:15", **changes):
    values = {
        "title": title,
        "day": f"{timezone.localdate() - dt.timedelta(days=20)}",
        "begin": begin,
        "end": end,
        "presenter": "A. Trainer",
        "category": str(make.category().pk),
        "amount": "",
    }
    return values | changes


def posted(*rows, blank=1, **changes):
    values = {
        "conference": "PNLA 2026",
        "sponsor": "Pacific Northwest Library Association",
        "s-TOTAL_FORMS": str(len(rows) + blank),
        "s-INITIAL_FORMS": "0",
    }
    for number, each in enumerate(rows):
        values |= {f"s-{number}-{name}": value for name, value in each.items()}
    return values | changes


def three_rows():
    return [
        row(),
        row("Reading outdoors", "10:30", "12:00", amount="1"),
        row("Ghosts", "13:00", "13:20"),
    ]


def test_each_row_creates_an_event_and_a_claim(client, person):
    response = client.post(PAGE, posted(*three_rows()), follow=True)
    assert flash_messages(response) == [
        "3 sessions were saved and listed. Each will stay Pending until staff approve it."
    ]
    claims = Claim.objects.filter(person=person).order_by("event__begins_at")
    assert [
        (each.event.title, each.event.sponsor, each.state, each.source, each.credits.get().amount)
        for each in claims.select_related("event")
    ] == [
        (f"PNLA 2026: {title}", "Pacific Northwest Library Association", "pending", "custom", worth)
        for title, worth in [
            ("Weeding", Decimal("1.0")),
            ("Reading outdoors", Decimal("1.0")),
            ("Ghosts", Decimal("0.5")),
        ]
    ]


def test_submitting_twice_lists_each_session_once(client):
    client.post(PAGE, posted(*three_rows()))
    again = client.post(PAGE, posted(*three_rows()), follow=True)
    assert (
        flash_messages(again)[-1] == "You already saved these sessions. They were not added again."
    )
    more = row("Late show", "20:00", "21:00")
    client.post(PAGE, posted(*three_rows(), more))
    assert (Claim.objects.count(), Event.objects.count()) == (4, 4)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"title": ""}, "title", "required"),
        ({"title": "x" * 171}, "title", "at most 170"),
        ({"day": ""}, "day", "required"),
        ({"day": "2190-01-01"}, "day", "between 1990 and 2099"),
        ({"begin": "25:00"}, "begin", "valid time"),
        ({"end": "08:00"}, "end", "must be after the start"),
        ({"day": f"{timezone.localdate() + dt.timedelta(days=2)}"}, "end", "not over yet"),
        (
            {"day": "2026-03-08", "begin": "02:30", "end": "04:00"},
            "begin",
            "Enter a valid date and time in Mountain time",
        ),
        ({"presenter": ""}, "presenter", "required"),
        ({"category": ""}, "category", "required"),
        ({"category": "9999"}, "category", "valid choice"),
        ({"amount": "2"}, "amount", "at most 1.5 credits"),
        ({"amount": "0.3"}, "amount", "halves"),
    ],
)
def test_an_invalid_row_saves_nothing_and_keeps_the_input(client, changes, field, words):
    response = client.post(PAGE, posted(three_rows()[1], row(**changes)))
    assert [list(each.errors) for each in response.context["formset"].forms] == [[], [field], []]
    [(number, _, error, _)] = response.context["errors"]
    assert (number, words in error) == (2, True)
    page = response.content.decode()
    assert 'value="Reading outdoors"' in page
    assert 'value="PNLA 2026"' in page
    assert not Event.objects.exists()


def test_the_same_session_cannot_be_entered_twice(client):
    response = client.post(PAGE, posted(three_rows()[0], three_rows()[0]))
    assert [error for _, _, error, _ in response.context["errors"]] == [
        "This session is listed twice."
    ]


def test_sessions_and_the_conference_name_are_required(client):
    response = client.post(PAGE, posted())
    assert response.context["form"].non_field_errors() == ["Enter at least one session."]
    response = client.post(PAGE, posted(*three_rows(), conference=""))
    assert list(response.context["form"].errors) == ["conference"]
    assert not Event.objects.exists()


@pytest.mark.parametrize("total", ["61", "100000", "-1", "x", ""])
def test_invalid_row_counts_are_handled(client, total):
    response = client.post(PAGE, posted(*three_rows(), **{"s-TOTAL_FORMS": total}))
    assert response.status_code == 200
    assert not Event.objects.exists()


def test_more_rows_keeps_the_input(client):
    response = client.post(PAGE, posted(three_rows()[0], more="1"))
    assert len(response.context["formset"].forms) == 6
    page = response.content.decode()
    assert 'value="Weeding"' in page
    assert 'value="PNLA 2026"' in page
    assert "This field is required" not in page


def test_overlaps_must_be_confirmed_before_saving(client):
    rows = [three_rows()[0], row("In another room", "09:30", "10:30")]
    first = client.post(PAGE, posted(*rows))
    assert [each.label for each in first.context["warnings"]] == ["Overlapping times"] * 2
    assert not Event.objects.exists()
    client.post(PAGE, posted(*rows, confirmed=first.context["confirmed"]))
    assert Claim.objects.count() == 2


def test_a_refusal_identifies_the_session_and_saves_nothing(person):
    later = timezone.now() + dt.timedelta(hours=1)
    facts = [make.facts(), make.facts(title="Tomorrow", ends_at=later)]
    with pytest.raises(Refused, match="“Tomorrow”: This training is not over yet"):
        actions.claim_outside_conference(sessions=facts, by=person)
    assert (Event.objects.count(), Claim.objects.count()) == (0, 0)


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(client, number, django_assert_num_queries):
    with django_assert_num_queries(3):
        client.get(PAGE)
    overlapping = [row(f"Room {n}", "09:00", "11:00") for n in range(number + 1)]
    with django_assert_num_queries(5):
        response = client.post(PAGE, posted(*overlapping))
    assert len(response.context["warnings"]) == (number + 1) * number
