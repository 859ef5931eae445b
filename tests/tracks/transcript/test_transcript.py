"""The transcript: list, totals, and the history of each credit."""

import datetime as dt
import re
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.enums import Role
from credits.actions import claim_custom_event, withdraw_claim
from credits.models import Claim, Credit
from events import queries as event_queries
from events.actions import decide_custom_event, register
from events.enums import Decision
from events.models import Event
from tests import factories as make
from tests.races import volume
from tests.web import signed_in
from tracks.actions import select_track
from tracks.counting import credits
from tracks.counting import queries as counting_queries
from tracks.transcript import totals

pytestmark = pytest.mark.django_db
ADDRESS = "/continuing-education/credits/"


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel("2026-11-20T18:00Z", tick=False):
        yield


@pytest.fixture
def person():
    return make.person(display_name="Pat")


@pytest.fixture
def client(person):
    return signed_in(person)


@pytest.fixture
def varied_credits(person):
    """Two credits in one track, one in two tracks, one archived, and three that do not count."""
    make.claim(person, title="Budgets", days=-30, credits={make.ADMINISTRATION: "3.0"})
    make.claim(person, title="Networks", days=-400, credits={make.TECHNOLOGY: "1.5"})
    make.claim(person, title="Too old", days=-5 * 366, credits={make.TECHNOLOGY: "2.0"})
    make.claim(person, title="Story time", days=-31, credits={make.PUBLIC: "0.5"})
    select_track(track=make.track("Library Staff"), by=person)
    participation, _ = select_track(track=make.track("Library Trustee"), by=person)
    participation.rule_set.requirements.exclude(category__slug=make.ADMINISTRATION).delete()
    lines = Credit.objects.filter(person=person).exclude(category__slug=make.ADMINISTRATION)
    participation.postings.filter(credit__in=lines).delete()
    staff = make.person(Role.CE_COORDINATOR, display_name="Dana")
    declined = claim_custom_event(facts=make.facts(title="A vendor's demo"), by=person)
    decide_custom_event(
        event_id=declined.event_id, decision=Decision.DECLINE, reason="A demo.", by=staff
    )
    withdrawn = make.claim(person, title="Not me", days=-2)
    withdraw_claim(claim_id=withdrawn.pk, by=person)
    taken_out = make.claim(person, title="Half", days=-3, credits={make.PUBLIC: "1.0"}).credits
    taken_out.update(
        withdrawn_at=timezone.now(), withdrawn_by=staff, withdrawn_reason="Never offered."
    )
    return participation


def shown(response):
    """Return the groups and their years with totals, and the titles of the rows."""
    return [
        (
            group.title,
            group.total,
            [(year.year, year.total, [row.title for row in year.rows]) for year in group.years],
        )
        for group in response.context["groups"]
    ]


EVERYTHING = [
    (
        "Library Staff",
        "2 credits",
        [("2026", "0.5", ["Story time"]), ("2025", "1.5", ["Networks"])],
    ),
    ("Library Staff and Library Trustee", "3 credits", [("2026", "3", ["Budgets"])]),
    ("Archived: not in a track", "2 credits", [("2021", "2", ["Too old"])]),
    ("Not counted", "", [("2026", "", ["Half", "A vendor's demo", "Not me"])]),
]


def test_each_credit_is_listed_once_by_period_and_year(client, varied_credits):
    response = client.get(ADDRESS)
    [*counting, (title, total, [(year, year_total, titles)])] = shown(response)
    [*expected, (_, _, [(_, _, ended)])] = EVERYTHING
    assert counting == expected
    assert (title, total, year, year_total) == ("Not counted", "", "2026", "")
    assert sorted(titles) == sorted(ended)


def test_each_year_has_its_sums_by_category(client, varied_credits):
    years = [year for group in client.get(ADDRESS).context["groups"] for year in group.years]
    assert [[(each.category.slug, each.amount) for each in year.sums] for year in years] == [
        [(make.PUBLIC, "0.5")],
        [(make.TECHNOLOGY, "1.5")],
        [(make.ADMINISTRATION, "3")],
        [(make.TECHNOLOGY, "2")],
        [],
    ]


def test_sums_add_up_by_category_year_and_period(person, varied_credits):
    transcript = totals.arrange_transcript(
        credits.transcript_lines(person),
        list(counting_queries.active_or_certified_participations(person)),
        totals.TranscriptChoice(),
    )
    rows = totals.sums_table(transcript, list(event_queries.categories()))
    assert [(row.kind, row.label, [amount for _, amount in row.texts]) for row in rows] == [
        ("group", "Library Staff", ["0", "0.5", "0", "1.5", "2"]),
        ("year", "2026", ["0", "0.5", "0", "0", "0.5"]),
        ("year", "2025", ["0", "0", "0", "1.5", "1.5"]),
        ("group", "Library Staff and Library Trustee", ["3", "0", "0", "0", "3"]),
        ("year", "2026", ["3", "0", "0", "0", "3"]),
        ("group", "Archived: not in a track", ["0", "0", "0", "2", "2"]),
        ("year", "2021", ["0", "0", "0", "2", "2"]),
        ("all", "Total", ["3", "0.5", "0", "3.5", "7"]),
    ]
    for kind in ("group", "year"):
        parts = [row.texts for row in rows if row.kind == kind]
        summed = [
            sum(Decimal(amount) for _, amount in column) for column in zip(*parts, strict=True)
        ]
        assert summed == [Decimal(amount) for _, amount in rows[-1].texts]


def test_totals_match_the_database(person, varied_credits):
    assert totals.totals_of_lines(credits.transcript_lines(person)) == credits.credit_totals(person)
    assert credits.credit_totals(person).credits == 7


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("category=technology&q=o", ["Networks", "Too old", "A vendor's demo", "Not me"]),
        ("year=2026&category=public-services&state=pending", ["Story time"]),
        ("year=2025", ["Networks"]),
        ("state=declined", ["A vendor's demo"]),
        ("state=withdrawn", ["Not me"]),
        ("state=taken_out", ["Half"]),
        ("period=archived", ["Too old"]),
        ("period=not-counted&year=2026&q=vendor+DEMO", ["A vendor's demo"]),
        ("q=time+story", ["Story time"]),
        ("q=montana+budgets", ["Budgets"]),
        ("q=%25", []),
        ("year=2025&category=library-administration", []),
    ],
)
def test_filters_combine(client, varied_credits, query, titles):
    response = client.get(f"{ADDRESS}?{query}")
    found = [row.title for row in response.context["credits"]]
    assert sorted(found) == sorted(titles)
    assert len(response.context["applied_filters"]) == query.count("=")
    if not titles:
        assert "No matching credits" in response.content.decode()


def test_period_filter_includes_credits_shared_with_another_period(client, varied_credits):
    response = client.get(ADDRESS, {"period": varied_credits.pk})
    assert shown(response) == [EVERYTHING[1]]


def test_each_filter_can_be_removed_and_applies_to_links(client, varied_credits):
    response = client.get(f"{ADDRESS}?category=technology&year=2025")
    assert response.context["applied_filters"] == [
        ("Technology", "?year=2025"),
        ("2025", "?category=technology"),
    ]
    assert response.context["query"] == "category=technology&year=2025&"
    assert "transcript.pdf?category=technology&amp;year=2025" in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "period=999999",
        "category=nonsense",
        "year=1",
        "state=x",
        "q=%00",
        "year=9999999999999",
        "page=x",
    ],
)
def test_invalid_filter_is_ignored(client, varied_credits, query):
    response = client.get(f"{ADDRESS}?{query}")
    assert len(response.context["credits"]) == 7
    assert response.context["applied_filters"] == []
    if not query.startswith("page"):
        assert "so it was ignored" in response.content.decode()


def test_another_persons_period_is_an_invalid_filter(client, varied_credits):
    other, _ = select_track(track=make.track(), by=make.person())
    assert "so it was ignored" in client.get(ADDRESS, {"period": other.pk}).content.decode()


def test_upcoming_events(client, person):
    response = client.get(ADDRESS)
    assert "You are not registered for any upcoming events." in response.content.decode()
    for _ in range(12):
        register(event_id=make.event(days=3).pk, by=person)
    response = client.get(ADDRESS)
    assert len(response.context["upcoming"]) == 10
    assert 'href="/events/mine/">All my registrations' in response.content.decode()


def test_ended_credits_show_who_when_and_why(client, varied_credits):
    rows = {row.title: row for row in client.get(ADDRESS).context["credits"]}
    by, on = "by the CE Coordinator (Dana)", "on Fri, Nov 20, 2026"
    assert rows["A vendor's demo"].reason == f"Declined {by} {on}: A demo."
    assert rows["Not me"].reason == f"Withdrawn by you {on}."
    assert rows["Half"].reason == f"Credit withdrawn {by} {on}: Never offered."
    assert rows["Half"].state.text == "Credit withdrawn"


def test_group_on_two_pages_shows_its_full_total(client, person):
    for number in range(27):
        make.claim(person, title=f"Number {number}", days=-1 - number)
    first, second = (client.get(ADDRESS, {"page": number}) for number in (1, 2))
    assert [len(year[2]) for _, _, years in shown(first) for year in years] == [25]
    [(title, total, [(year, year_total, rows)])] = shown(second)
    assert (title, total, year, year_total) == (
        "Archived: not in a track",
        "27 credits",
        "2026",
        "27",
    )
    assert len(rows) == 2
    assert f'{ADDRESS}?page=2"'.removeprefix(ADDRESS) in first.content.decode()


def test_period_shows_what_has_aged_out(client, person):
    with time_machine.travel("2024-11-20T18:00Z", tick=False):
        make.claim(person, days=-3 * 366)
        make.claim(person)
        select_track(track=make.track(), by=person)
    [group] = client.get(ADDRESS).context["groups"]
    assert group.note == (
        "Certification period: Fri, Nov 20, 2020 to Mon, Nov 20, 2028. "
        "1 credit earned before Sun, Nov 20, 2022 aged out."
    )


@pytest.mark.parametrize("number", [1, 3])
def test_the_number_of_queries_is_fixed(client, person, number, django_assert_num_queries):
    """The number of queries does not depend on how many claims ended or who ended them."""
    for _ in range(number):
        make.claim(person, credits={make.ADMINISTRATION: "1.0", make.TECHNOLOGY: "1.0"})
        staff = make.person(Role.CE_COORDINATOR)
        declined = claim_custom_event(facts=make.facts(), by=person)
        decide_custom_event(
            event_id=declined.event_id, decision=Decision.DECLINE, reason="No.", by=staff
        )
        out = make.claim(person).credits
        out.update(withdrawn_at=timezone.now(), withdrawn_by=staff, withdrawn_reason="No.")
    names = ["Library Staff", "Library Trustee", "Library Director"]
    for name in names[:number]:
        select_track(track=make.track(name), by=person)
    with django_assert_num_queries(10):
        client.get(ADDRESS)
    with django_assert_num_queries(10):
        client.get(f"{ADDRESS}transcript.csv")
    credit = Credit.objects.filter(person=person).order_by("pk").last()
    staff = signed_in(make.person(Role.CE_COORDINATOR))
    with django_assert_num_queries(9):
        staff.get(f"{ADDRESS}{credit.pk}/")


def test_many_credits_take_no_more_queries(client, person, django_assert_max_num_queries):
    many_claims(person, number=volume(1_000), lines=2)
    with django_assert_max_num_queries(12):
        response = client.get(ADDRESS, {"page": volume(40)})
    assert len(response.context["credits"]) == 25


def many_claims(person, *, number, lines):
    """Insert a number of claims with this many lines each, without actions to save time."""
    base = timezone.now() - dt.timedelta(days=1)
    events = Event.objects.bulk_create(
        Event(
            title=f"Training number {n}",
            begins_at=base - dt.timedelta(days=n),
            ends_at=base - dt.timedelta(days=n),
        )
        for n in range(number)
    )
    slugs = [make.TECHNOLOGY, make.ADMINISTRATION, make.PUBLIC, make.COLLECTION][:lines]
    categories = [make.category(slug) for slug in slugs]
    claims = Claim.objects.bulk_create(
        Claim(person=person, event=event, source="list", claimed_at=base, claimed_by=person)
        for event in events
    )
    Credit.objects.bulk_create(
        Credit(claim=claim, person=person, line=line, category=category, amount=1)
        for claim in claims
        for line, category in enumerate(categories, start=1)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the server does automatically once rows are committed
    return events


def test_old_addresses_of_a_credit_lead_to_its_opened_line(client, person):
    many_claims(person, number=30, lines=1)
    claim = make.claim(person, days=-300)
    credit = claim.credits.get()
    line = f"{ADDRESS}?open={credit.pk}#credit-{credit.pk}"
    assert client.get(f"/continuing-education/claims/{claim.pk}/").url == line
    assert client.get(f"{ADDRESS}{credit.pk}/").url == line
    answer = client.get(f"{ADDRESS}?open={credit.pk}")
    assert answer.context["page"].number == 2
    text = answer.content.decode()
    assert text.count('<details class="line" open>') == 1
    assert f'<li id="credit-{credit.pk}">\n  <details class="line" open>' in text
    for odd in ("0", "x", "9" * 40, str(make.claim(make.person()).credits.get().pk)):
        assert (
            '<details class="line" open>' not in client.get(ADDRESS, {"open": odd}).content.decode()
        )


# ---------- One credit ----------


def line_of(answer, credit):
    text = answer.content.decode().split(f'<li id="credit-{credit.pk}">')[1].split("</details>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def test_a_line_shows_the_history_of_its_credit(client, person, varied_credits):
    credit = Credit.objects.get(person=person, claim__event__title="A vendor's demo")
    history = line_of(client.get(ADDRESS), credit)
    assert "Claimed by you on Fri, Nov 20, 2026, with Create New…: Technology 1." in history
    assert "Declined by the CE Coordinator (Dana) on Fri, Nov 20, 2026: A demo." in history
    assert history.index("Claimed by you") < history.rindex("Declined by the CE")
    assert "Same again" in history


def test_a_line_shows_the_tracks_it_counts_in(client, person, varied_credits):
    credit = Credit.objects.get(person=person, claim__event__title="Networks")
    line = line_of(client.get(ADDRESS), credit)
    assert "Posted to Library Staff" in line
    assert "Not in Library Trustee: This track does not count this category." in line


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (None, 404),
        (Role.EVENT_EDITOR, 404),
        (Role.HELP_DESK, 200),
        (Role.CE_COORDINATOR, 200),
        (Role.ADMINISTRATOR, 200),
    ],
)
def test_only_the_owner_and_staff_see_a_credit(person, varied_credits, role, status):
    credit = Credit.objects.filter(person=person, claim__event__title="Not me").get()
    client = signed_in(make.person(role))
    response = client.get(f"{ADDRESS}{credit.pk}/")
    assert response.status_code == status
    text = response.content.decode()
    assert ("Not me" in text) is (status == 200)
    if status == 200:
        assert "Withdrawn by Pat" in text
        assert "Something wrong?" not in text


def test_unknown_credit_is_not_found(client):
    assert client.get(f"{ADDRESS}999999999/").status_code == 404
