"""A dry run does the real work and leaves nothing behind."""

import pytest
from django.db import transaction

from aspen.db.audit import dry_run
from aspen.errors import Refused
from aspen.mail import outbox
from aspen.models import Mail
from credits.models import Claim, ClaimHistory
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_the_result_is_returned_and_changes_are_rolled_back() -> None:
    person, event = make.person(), make.event()
    claim = dry_run(lambda: make.claim(person, event))
    assert (claim.person, claim.event_id) == (person, event.pk)
    assert not Claim.objects.exists()
    assert not ClaimHistory.objects.exists()
    assert make.claim(person, event).person == person


def test_no_e_mail_is_queued_and_no_worker_woken(
    django_capture_on_commit_callbacks: object,
) -> None:
    person = make.person()
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
        dry_run(lambda: outbox.enqueue(kind="credits.listed", key="one", to=person, claim=1))
    assert (callbacks, Mail.objects.count()) == ([], 0)
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
        outbox.enqueue(kind="credits.listed", key="one", to=person, claim=1)
    assert (len(callbacks), Mail.objects.count()) == (1, 1)


def test_a_refusal_is_raised() -> None:
    def action() -> None:
        make.claim(make.person())
        raise Refused("Not so.")

    with pytest.raises(Refused, match="Not so"):
        dry_run(action)
    assert not Claim.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_other_changes_in_the_same_transaction_stay() -> None:
    first, second = make.person(), make.person()
    event = make.event()
    with transaction.atomic():
        make.claim(first, event)
        dry_run(lambda: make.claim(second, event))
    assert [claim.person for claim in Claim.objects.select_related("person")] == [first]
