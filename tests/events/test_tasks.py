"""The worker's jobs for events."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone
from procrastinate.contrib.django import app

from credits.models import Claim
from events import tasks
from events.actions import register
from tests import factories


@pytest.mark.django_db
def test_a_registration_earns_one_credit_however_often_the_job_runs() -> None:
    person, event = factories.person(), factories.event(days=1)
    register(event_id=event.pk, by=person)

    tasks.settle_due(timestamp=0)
    assert not Claim.objects.exists()

    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        tasks.settle_due(timestamp=0)
        tasks.settle_due(timestamp=0)

    assert Claim.objects.get().person == person


def test_the_periodic_jobs_are_registered() -> None:
    crons = {
        periodic.task.name: periodic.cron
        for periodic in app.periodic_registry.periodic_tasks.values()
    }

    assert crons == {
        "events.tasks.settle_due": "*/5 * * * *",
        "events.tasks.tell_in_time": "*/10 * * * *",
        "aspen.tasks.deliver_mail": "* * * * *",
        "aspen.tasks.remove_old_jobs": "17 9 * * *",
        "tracks.tasks.remind_of_certification": "17 15 * * *",
    }
    assert app.tasks["events.tasks.settle_due"].queueing_lock == "settle_due"
