"""What an organizer adds to an event: questions to whoever registers, links and files."""

import dataclasses
from collections.abc import Sequence

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts.models import User
from aspen.db.audit import audited
from aspen.errors import Refused
from events import permissions, queries, uploads
from events.enums import QuestionKind
from events.models import Event, Question, Resource

MAX_RESOURCES = 20
MAX_LABEL_LENGTH = 150
MAX_QUESTIONS = 15


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuestionInput:
    """A question as the form has it; `pk` is that of one that exists, `remove` takes it out."""

    pk: int | None
    label: str
    kind: QuestionKind
    choices: Sequence[str]
    is_required: bool
    remove: bool


def _lock(event_id: int, by: User) -> Event:
    if not permissions.managed_by(by).filter(pk=event_id).exists():
        raise Event.DoesNotExist
    return queries.lock_event(event_id)


@audited
def ask_questions(*, event_id: int, asked: Sequence[QuestionInput], by: User) -> None:
    """Make the event's questions exactly these, in this order. Locks the event.

    Removing a question removes what people answered to it; the form says how many did. Raises
    Event.DoesNotExist, or Refused.
    """
    event = _lock(event_id, by)
    staying = [each for each in asked if not each.remove]
    if len(staying) > MAX_QUESTIONS:
        raise Refused(f"Ask at most {MAX_QUESTIONS} questions; nobody answers more.")
    before = {question.pk: question for question in event.questions.order_by("pk")}
    kept = {each.pk for each in staying if each.pk}
    event.questions.exclude(pk__in=kept).delete()
    # Out of the way first: two questions never share a position.
    for number, question in enumerate(event.questions.order_by("pk")):
        Question.objects.filter(pk=question.pk).update(position=1000 + number)
    for position, each in enumerate(staying, 1):
        question = before.get(each.pk or 0) or Question(event=event)
        question.position = position
        question.label, question.kind = each.label, each.kind
        question.choices = list(each.choices) if each.kind == QuestionKind.CHOICE else []
        question.is_required = each.is_required
        question.full_clean(exclude=["event"])
        question.save()


def _refuse_too_many(event: Event) -> None:
    if event.resources.count() >= MAX_RESOURCES:
        raise Refused(f"An event has at most {MAX_RESOURCES} files and links. Remove one first.")


def _refuse_long(label: str, what: str, *, field: str) -> None:
    if len(label) > MAX_LABEL_LENGTH:
        raise Refused(
            f"The name of the {what} has {len(label)} characters. Shorten it to at most "
            f"{MAX_LABEL_LENGTH}.",
            field=field,
        )


@audited
def add_link(*, event_id: int, label: str, url: str, by: User) -> Resource:
    """Add a link. The same one twice is one. Locks the event. Raises Refused."""
    _refuse_long(label, "link", field="link_label")
    event = _lock(event_id, by)
    if same := event.resources.filter(url=url, label=label).first():
        return same
    _refuse_too_many(event)
    return Resource.objects.create(event=event, label=label, url=url, added_by=by)


@audited
def add_file(*, event_id: int, label: str, file: UploadedFile, by: User) -> Resource:
    """Add a file, if its content is of a kind that may be. Locks the event. Raises Refused.

    It is stored under a random name; people download it under its own.
    """
    _refuse_long(label, "file", field="label")
    kind = uploads.kind_of(file)
    event = _lock(event_id, by)
    _refuse_too_many(event)
    name = uploads.clean_name(file.name or "")
    resource = Resource(
        event=event,
        label=label or name,
        file_name=name,
        content_type=kind.content_type,
        size=file.size,
        added_by=by,
    )
    resource.file.save(uploads.random_name(), file, save=False)
    resource.save()
    return resource


@audited
def remove_resource(*, event_id: int, resource_id: int, by: User) -> None:
    """Take a link or file out; the file is deleted once that is certain. Idempotent; locks."""
    event = _lock(event_id, by)
    resource = event.resources.filter(pk=resource_id).first()
    if resource is None:
        return
    resource.delete()
    if resource.file:
        storage, name = resource.file.storage, str(resource.file.name)
        transaction.on_commit(lambda: storage.delete(name))
