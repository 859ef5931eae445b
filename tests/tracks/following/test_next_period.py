"""What a period that follows a certificate counts.

It counts credits earned on or after the day on which the certified record was sent, unless the
record has them, counted or surplus.
"""

import datetime as dt
from importlib import import_module

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from accounts.enums import Role
from accounts.models import User
from credits.models import Credit
from tests import factories as make
from tests.web import signed_in
from tracks import actions, integrity
from tracks.models import Certificate, Participation, Posting

pytestmark = pytest.mark.django_db
SENT = dt.datetime(2026, 11, 2, 16, tzinfo=timezone.get_default_timezone())
ISSUED = SENT + dt.timedelta(weeks=3)


def earn(person: User, title: str, *, ended: dt.datetime) -> Credit:
    event = make.event(title=title, begins_at=ended - dt.timedelta(hours=1), ends_at=ended)
    return make.claim(person, event).credits.get()


def posted_to(participation: Participation) -> set[int]:
    return set(participation.postings.values_list("credit", flat=True))


@pytest.fixture
def june() -> User:
    return make.person(display_name="June Librarian")


@pytest.fixture
def credits(june: User) -> dict[str, Credit]:
    """Credits earned before, on and after the day on which June sent a record, and its number."""
    with time_machine.travel(SENT, tick=False):
        participation = make.following(june)
        surplus = earn(june, "Surplus", ended=SENT - dt.timedelta(hours=1))
        submission = make.submission(participation)
    with time_machine.travel(SENT + dt.timedelta(hours=3), tick=False):
        late = earn(june, "Late", ended=SENT - dt.timedelta(days=1))
        evening = earn(june, "Evening", ended=SENT + dt.timedelta(hours=2))
    with time_machine.travel(ISSUED, tick=False):
        between = earn(june, "Between", ended=ISSUED - dt.timedelta(days=2))
        question = make.verification(submission)
    return {
        "Surplus": surplus,
        "Late": late,
        "Evening": evening,
        "Between": between,
        "question": question,
    }


@pytest.fixture
def certificate(credits) -> Certificate:
    with time_machine.travel(ISSUED, tick=False):
        return actions.verify_record(verification_id=credits["question"].pk, by=None)


def test_a_credit_earned_while_the_record_waits_counts_in_the_next_period(
    credits, certificate
) -> None:
    following = Participation.objects.get(follows=certificate)
    assert (following.selected_on, following.counts_from) == (ISSUED.date(), SENT.date())
    assert posted_to(following) == {credits["Evening"].pk, credits["Between"].pk}
    assert integrity.find_violations() == []


@pytest.mark.parametrize(
    ("title", "before", "after"),
    [
        (
            "Surplus",
            "Posted to Library Trustee. Surplus in the record you sent on November 2, 2026.",
            "Already in the record for certificate 2026-0001, so it does not count again.",
        ),
        (
            "Late",
            "Posted to Library Trustee. Not in the record you sent on November 2, 2026.",
            "Earned before November 2, 2026, when the record for certificate 2026-0001 was sent.",
        ),
        (
            "Evening",
            "Not in the record you sent on November 2, 2026. It will count in the next period, "
            "which starts with your certificate.",
            "Posted to Library Trustee",
        ),
    ],
)
def test_the_page_of_a_credit_says_where_it_counts(june, credits, title, before, after) -> None:
    client = signed_in(june)
    url = f"/continuing-education/credits/{credits[title].pk}/"
    with time_machine.travel(ISSUED, tick=False):
        assertContains(client.get(url, follow=True), before)
        actions.verify_record(verification_id=credits["question"].pk, by=None)
        page = client.get(url, follow=True)
    assertContains(page, after)
    assertNotContains(page, "It will count in the next period")


def test_a_credit_of_a_revoked_record_counts_if_it_was_earned_on_the_day_it_was_sent(
    credits, certificate
) -> None:
    with time_machine.travel(ISSUED, tick=False):
        actions.revoke_certificate(
            certificate_id=certificate.pk, reason="Invented.", by=make.person(Role.CE_COORDINATOR)
        )
    following = Participation.objects.get(follows=certificate)
    posted = {credits[title].pk for title in ("Surplus", "Evening", "Between")}
    assert posted_to(following) == posted
    assert integrity.find_violations() == []


def test_a_reopened_period_counts_the_revoked_record_again(credits, certificate) -> None:
    with time_machine.travel(ISSUED, tick=False):
        actions.revoke_certificate(
            certificate_id=certificate.pk,
            reason="Invented.",
            reopen=True,
            by=make.person(Role.CE_COORDINATOR),
        )
    assert certificate.participation.postings.count() == 5
    assert integrity.find_violations() == []


def test_periods_of_the_old_rule_are_migrated(credits, certificate) -> None:
    migration = import_module("tracks.migrations.0007_count_from_the_day_sent")
    following = Participation.objects.filter(follows=certificate)
    Posting.objects.filter(participation__in=following).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE tracks_participation DROP CONSTRAINT"
            " tracks_counts_from_not_after_selection"
        )
        following.update(counts_from=ISSUED.date() + dt.timedelta(days=1))
        cursor.execute(migration.COUNT_FROM_THE_DAY_SENT)
        cursor.execute(migration.POST)
    assert following.get().counts_from == SENT.date()
    assert following.get().postings.count() == 2
    assert integrity.find_violations() == []
