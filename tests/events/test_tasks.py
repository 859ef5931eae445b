"""The worker's jobs for events."""

import datetime as dt

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from procrastinate.contrib.django import app

from accounts.enums import Role
from credits.models import Claim
from events import tasks
from events.actions import register
from events.editing import material
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
        "events.tasks.tell_of_new_events": "32 14 * * *",
        "events.tasks.delete_unused_material": "47 9 * * *",
        "credits.tasks.delete_unused_evidence": "37 9 * * *",
        "credits.tasks.queue_guest_certificates": "27 * * * *",
        "helpdesk.tasks.delete_unused_attachments": "42 9 * * *",
        "aspen.tasks.remove_expired": "7 * * * *",
        "aspen.tasks.deliver_mail": "* * * * *",
        "aspen.tasks.remove_old_jobs": "17 9 * * *",
        "tracks.tasks.remind_of_certification": "17 15 * * *",
    }
    assert app.tasks["events.tasks.settle_due"].queueing_lock == "settle_due"


@pytest.mark.django_db
def test_a_nightly_job_deletes_files_that_belong_to_no_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = storages["uploads"]
    for name in storage.listdir("resources")[1] if storage.exists("resources") else []:
        storage.delete(f"resources/{name}")
    staff = factories.person(Role.CE_COORDINATOR)
    with time_machine.travel(timezone.now() - dt.timedelta(hours=25)):
        storage.save("resources/lost", ContentFile(b"notes"))
        kept = material.add_file(
            event_id=factories.event(days=3).pk,
            label="Notes",
            file=SimpleUploadedFile("notes.txt", b"notes"),
            by=staff,
        )
    storage.save("resources/being-saved", ContentFile(b"notes"))

    tasks.delete_unused_material(0)

    left = {f"resources/{name}" for name in storage.listdir("resources")[1]}
    assert left == {str(kept.file.name), "resources/being-saved"}
