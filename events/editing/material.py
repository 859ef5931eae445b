"""Store an event's registration questions, links and files."""

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
    """A question from the form. `pk` is None if it is new. `remove` is True to delete it."""

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
def ask_questions(*, event_id: int, questions: Sequence[QuestionInput], by: User) -> None:
    """Set the event's questions in this order. Locks the event.

    Removing a question deletes its answers. Raises Event.DoesNotExist, or Refused if there are too
    many questions.
    """
    event = _lock(event_id, by)
    remaining = [each for each in questions if not each.remove]
    if len(remaining) > MAX_QUESTIONS:
        raise Refused(f"You can ask at most {MAX_QUESTIONS} questions. Remove some first.")
    before = {question.pk: question for question in event.questions.order_by("pk")}
    ids = {each.pk for each in remaining if each.pk}
    event.questions.exclude(pk__in=ids).delete()
    # Move the positions out of the way first, because they are unique within an event.
    for number, question in enumerate(event.questions.order_by("pk")):
        Question.objects.filter(pk=question.pk).update(position=1000 + number)
    for position, each in enumerate(remaining, 1):
        question = before.get(each.pk or 0) or Question(event=event)
        question.position = position
        question.label, question.kind = each.label, each.kind
        question.choices = list(each.choices) if each.kind == QuestionKind.CHOICE else []
        question.is_required = each.is_required
        question.full_clean(exclude=["event"])
        question.save()


def _refuse_too_many_resources(event: Event) -> None:
    if event.resources.count() >= MAX_RESOURCES:
        raise Refused(
            f"An event can have at most {MAX_RESOURCES} files and links. Remove one first."
        )


def _refuse_long_label(label: str, *, field: str) -> None:
    if len(label) > MAX_LABEL_LENGTH:
        raise Refused(
            f"This name has {len(label)} characters. Shorten it to {MAX_LABEL_LENGTH} or fewer.",
            field=field,
        )


@audited
def add_link(*, event_id: int, label: str, url: str, by: User) -> Resource:
    """Add a link. Idempotent. Locks the event.

    Raises Refused if the name is too long or the event has too many files and links.
    """
    _refuse_long_label(label, field="link_label")
    event = _lock(event_id, by)
    if existing := event.resources.filter(url=url, label=label).first():
        return existing
    _refuse_too_many_resources(event)
    return Resource.objects.create(event=event, label=label, url=url, added_by=by)


@audited
def add_file(*, event_id: int, label: str, file: UploadedFile, by: User) -> Resource:
    """Add a file, stored under a random name. Locks the event.

    Raises Refused if the file type is not allowed, the name is too long, or the event has too many
    files and links.
    """
    _refuse_long_label(label, field="label")
    kind = uploads.kind_of(file)
    event = _lock(event_id, by)
    _refuse_too_many_resources(event)
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
    """Remove a link or file. A file is deleted on commit. Idempotent. Locks the event."""
    event = _lock(event_id, by)
    resource = event.resources.filter(pk=resource_id).first()
    if resource is None:
        return
    resource.delete()
    if resource.file:
        storage, name = resource.file.storage, str(resource.file.name)
        transaction.on_commit(lambda: storage.delete(name))
