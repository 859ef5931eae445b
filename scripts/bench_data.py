"""Create many rows, with their history, directly in SQL for benchmarks."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model

from accounts.models import User
from aspen.db import audit
from credits.actions import claim_custom_event
from credits.models import Claim, Credit
from events.models import CreditOffer, Event, Registration
from tests import factories as make
from tracks.counting.queries import eligible_pairs
from tracks.models import Certificate, Participation, Submission

TRAININGS, LIBRARIES = 30_000, 500
RULES = "2023 Library Staff"

WORDS = (
    ["Weeding", "Grants", "Privacy", "Budgets", "Outreach"],
    ["for", "without", "with"],
    ["trustees", "toddlers", "tears", "volunteers", "teens", "Koha", "seniors"],
)


def run(*statements: tuple[str, list[Any]] | str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(*([statement] if isinstance(statement, str) else statement))


@contextmanager
def in_bulk(*models: type[Model]) -> Iterator[None]:
    """Disable the slow triggers of these models inside the block, then write the history."""
    switch = "ALTER TABLE {} {} TRIGGER USER"
    run(*(switch.format(model._meta.db_table, "DISABLE") for model in models))
    yield
    run(*(switch.format(model._meta.db_table, "ENABLE") for model in models))
    for model in models:
        if model is not Registration:
            run(_first_history(model))


def _first_history(model: type[Model]) -> str:
    """Return the statement that writes the first history entry for rows without one."""
    history = audit.history_model(model)
    model_columns = {field.column for field in model._meta.concrete_fields}
    history_columns = [field.column for field in history._meta.concrete_fields]
    columns = ", ".join(f'"{column}"' for column in history_columns if column in model_columns)
    table, history_table = model._meta.db_table, history._meta.db_table
    return (
        f'INSERT INTO "{history_table}" ({columns}, pgh_obj_id, pgh_label, pgh_created_at,'
        " pgh_context)"
        f" SELECT {columns}, id, 'insert', clock_timestamp(),"
        " jsonb_build_object('act', 'bench')"
        f' FROM "{table}" WHERE NOT EXISTS'
        f' (SELECT 1 FROM "{history_table}" WHERE pgh_obj_id = "{table}".id) ORDER BY id'
    )


def people(count: int, *, name: str) -> range:
    """Create this many people, who cannot sign in. Return their ids."""
    for start in range(0, count, 5000):
        numbers = range(start, min(start + 5000, count))
        User.objects.bulk_create(
            User(email=f"{name}{n}@library.example", password="!") for n in numbers
        )
    last = User.objects.latest("pk").pk
    return range(last - count + 1, last + 1)


def copies(event: Event, count: int, **columns: str) -> tuple[str, list[Any]]:
    """Return the statement that copies an event.

    `columns` is the SQL for columns that differ in copy n.
    """
    not_copied = {"id", "uid", "check_in_code", "import_key", *columns}
    copied = [
        field.column
        for field in Event._meta.concrete_fields
        if not field.generated and field.column not in not_copied
    ]
    return (
        f"INSERT INTO events_event ({', '.join([*columns, *copied])})"
        f" SELECT {', '.join([*columns.values(), *copied])}"
        " FROM events_event, generate_series(1, %s) AS n WHERE id = %s ORDER BY n",
        [count, event.pk],
    )


def waiting_events(count: int) -> Event:
    """Create this many custom events waiting for approval, about twenty per person. Return one."""
    authors = people(max(1, count // 20), name="author")
    claim = claim_custom_event(facts=make.facts(), by=make.person())
    event = claim.event
    title = ", ".join(
        f"('{{{','.join(each)}}}'::text[])[1 + mod(n, {len(each)})]" for each in WORDS
    )
    with in_bulk(Event, CreditOffer, Claim, Credit):
        run(
            copies(
                event,
                count,
                title=f"concat_ws(' ', {title}, mod(n, 97))",
                created_by_id=f"{authors.start} + mod(n, {len(authors)})",
                begins_at="begins_at - n * interval '37 minutes'",
                ends_at="ends_at - n * interval '37 minutes'",
                recording_url="'https://www.example.org/recordings/' || n",
            ),
            (
                "INSERT INTO events_creditoffer (event_id, category_id, amount)"
                " SELECT event.id, offer.category_id, 1 FROM events_event AS event,"
                " events_creditoffer AS offer WHERE offer.event_id = %s AND event.origin = 'custom'"
                " AND event.id <> %s",
                [event.pk] * 2,
            ),
            (
                "INSERT INTO credits_claim (person_id, event_id, role, source, state, claimed_at,"
                " claimed_by_id, reason, note) SELECT created_by_id, id, 'attendee', 'custom',"
                " 'pending', created_at, created_by_id, '', '' FROM events_event"
                " WHERE origin = 'custom' AND id <> %s",
                [event.pk],
            ),
            (
                "INSERT INTO credits_credit (claim_id, person_id, line, category_id, amount,"
                " withdrawn_reason) SELECT claim.id, claim.person_id, 1, offer.category_id,"
                " offer.amount, '' FROM credits_claim AS claim"
                " JOIN events_creditoffer AS offer USING (event_id)"
                " WHERE source = 'custom' AND claim.id <> %s",
                [claim.pk],
            ),
        )
    run("VACUUM ANALYZE")
    return event


@cache
def credits(count: int) -> range:
    """Create this many credits for calendar events, only once. Return the ids of their owners.

    There are ten credits for every nine claims, and twenty per person. Every second person follows
    a track, and their eligible credits are posted. A third of the claims come from registrations,
    and one in twenty was withdrawn.
    """
    with in_bulk(Event, CreditOffer, Participation, Claim, Credit, Registration):
        holders = people(max(1, count // 20), name="holder")
        _claims(holders, _trainings())
    run("ANALYZE")
    pairs, params = eligible_pairs().order_by().query.sql_with_params()
    insert = "INSERT INTO tracks_posting (credit_id, participation_id, person_id)"
    run((f"{insert} {pairs} ON CONFLICT DO NOTHING", list(params)), "VACUUM ANALYZE")
    return holders


def certified(holders: range) -> None:
    """Give everyone one or two libraries, and three in four people a certificate.

    The certificates are from the past six years. One person in twelve is a trustee.
    """
    between = [holders.start, holders.stop - 1]
    with in_bulk(Participation, Submission, Certificate):
        run(
            (
                "INSERT INTO accounts_organization (name, kind, city, county, federation_id,"
                " source, import_digest) SELECT 'Benchmark library ' || n, 'public', '', '',"
                " (SELECT id FROM accounts_federation ORDER BY id OFFSET mod(n, 7) LIMIT 1), '', ''"
                " FROM generate_series(1, %s) AS n",
                [LIBRARIES],
            ),
            (
                "INSERT INTO accounts_position (person_id, organization_id, kind, is_confirmed)"
                " SELECT person, library.id, CASE WHEN mod(person, 12) = 0 THEN 'trustee' ELSE"
                "  'staff' END, false FROM generate_series(%s::bigint, %s) AS person,"
                "  generate_series(0, 1) AS second, accounts_organization AS library"
                " WHERE library.name = 'Benchmark library ' || 1 + mod(person + second * 77, %s)"
                " AND (second = 0 OR mod(person, 10) = 0)",
                [*between, LIBRARIES],
            ),
            (
                "INSERT INTO tracks_participation (person_id, track_id, rule_set_id, state,"
                " selected_on, counts_from, closes_on, selected_by_id) SELECT person,"
                "  rules.track_id, rules.id, 'certified', day - 900, day - 2361, day + 561, person"
                " FROM generate_series(%s::bigint, %s) AS person, tracks_ruleset AS rules,"
                " LATERAL (SELECT current_date - mod(person * 7, 2190)::integer) AS issued (day)"
                " WHERE rules.name = %s AND mod(person, 4) <> 0",
                [*between, RULES],
            ),
            (
                "INSERT INTO tracks_submission (participation_id, person_id, submitted_at, record,"
                " remarks, note, name, listed_as, supervisor_name, supervisor_email, reviewed_at,"
                " reviewed_by_id, verified_at, verified_name, ended_at, ending, reason)"
                " SELECT id, person_id, at, '{}', '[]', '', 'Someone', 'Someone', '', '', at,"
                "  (SELECT id FROM accounts_user WHERE email = 'staff0@library.example'), at,"
                "  'Someone else', at, 'certified', ''"
                " FROM tracks_participation, LATERAL (SELECT (selected_on + 900)::timestamptz) AS"
                "  issued (at) WHERE state = 'certified' AND person_id BETWEEN %s AND %s",
                between,
            ),
            (
                "INSERT INTO tracks_certificate (uuid, number, participation_id, person_id,"
                " submission_id, reviewed_at, verified_at, name, listed_as, record,"
                " coordinator_name, supervisor_name, issued_on, expires_on, revoked_reason)"
                " SELECT gen_random_uuid(), 'bench-' || id, participation_id, person_id, id,"
                "  reviewed_at, verified_at, name, CASE WHEN mod(id, 10) = 0 THEN '' ELSE name END,"
                "  record, 'Coordinator', verified_name, ended_at::date, ended_at::date + 1461, ''"
                " FROM tracks_submission WHERE person_id BETWEEN %s AND %s",
                between,
            ),
        )
    run("VACUUM ANALYZE")


def _trainings() -> range:
    """Create many trainings in past years. Return their ids."""
    event = make.event()
    run(
        copies(
            event,
            TRAININGS,
            title="'Benchmark training ' || n",
            begins_at="begins_at - n * interval '2 hours'",
            ends_at="ends_at - n * interval '2 hours'",
        ),
        (
            "INSERT INTO events_creditoffer (event_id, category_id, amount)"
            " SELECT event.id, category.id, 1 FROM events_event AS event, events_category AS"
            " category WHERE event.id > %s AND category.position = 1 + mod(event.id, 4)",
            [event.pk],
        ),
    )
    first = Event.objects.filter(pk__gt=event.pk).earliest("pk").pk
    return range(first, first + TRAININGS)


def _claims(holders: range, trainings: range) -> None:
    """Create eighteen claims for each person and everything that goes with them (`credits`)."""
    staff = people(1, name="staff").start
    between = [holders.start, holders.stop - 1]
    run(
        (
            "INSERT INTO tracks_participation (person_id, track_id, rule_set_id, state,"
            " selected_on, counts_from, closes_on, selected_by_id)"
            " SELECT person, rules.track_id, rules.id, 'open', day, day - 1461, day + 1461, person"
            " FROM generate_series(%s::bigint, %s, 2) AS person, tracks_ruleset AS rules,"
            " (SELECT current_date - 365) AS chosen (day) WHERE rules.name = %s",
            [*between, RULES],
        ),
        (
            "INSERT INTO credits_claim (person_id, event_id, role, source, state, claimed_at,"
            " claimed_by_id, decided_at, decided_by_id, reason, note)"
            " SELECT person, event, 'attendee', CASE WHEN mod(n, 3) = 0 THEN 'registration' ELSE"
            "  'list' END, CASE WHEN gone THEN 'withdrawn' ELSE 'pending' END, now(), person,"
            "  CASE WHEN gone THEN now() END, CASE WHEN gone THEN %s END,"
            "  CASE WHEN gone THEN 'Withdrawn.' ELSE '' END, ''"
            " FROM (SELECT n, mod(n, 20) = 1 AS gone, %s + n / 18 AS person,"
            "  %s + mod(n / 18 * 7 + mod(n, 18) * %s, %s) AS event"
            "  FROM generate_series(0, %s::bigint - 1) AS n) AS made",
            [
                *(staff, holders.start, trainings.start),
                *(TRAININGS // 18, TRAININGS, len(holders) * 18),
            ],
        ),
        (
            "INSERT INTO credits_credit (claim_id, person_id, line, category_id, amount,"
            " withdrawn_reason) SELECT claim.id, person_id, line, category.id, 1, ''"
            " FROM credits_claim AS claim,"
            " generate_series(1, CASE WHEN mod(claim.id, 9) = 0 THEN 2 ELSE 1 END) AS line,"
            " events_category AS category WHERE person_id BETWEEN %s AND %s"
            " AND category.position = 1 + mod(event_id + line - 1, 4) ORDER BY claim.id, line",
            between,
        ),
        (
            "INSERT INTO events_registration (event_id, person_id, state, attendance_mode,"
            " attendance, walk_in, registered_at, settled_at) SELECT event_id, person_id,"
            " 'confirmed', '', 'unknown', false, now(), now() FROM credits_claim"
            " WHERE source = 'registration' AND person_id BETWEEN %s AND %s",
            between,
        ),
    )
