"""What somebody has typed into Create New… and not saved yet."""

from collections.abc import Mapping

from django.utils import timezone

from accounts.models import User
from aspen.db.audit import act
from credits.models import Draft

LONGEST = 5000


@act
def keep_draft(*, typed: Mapping[str, str], by: User) -> Draft | None:
    """Keep the texts by name of their field, in place of what was kept before.

    Nothing typed is no draft, and leaves an older one alone.
    """
    texts = {name: text[:LONGEST].replace("\0", "") for name, text in typed.items() if text}
    if not texts:
        return None
    kept = {"typed": texts, "kept_at": timezone.now()}
    draft, _ = Draft.objects.update_or_create(person=by, defaults=kept)
    return draft


@act
def drop_draft(*, by: User) -> None:
    """Throw the person's draft away. Idempotent."""
    Draft.objects.filter(person=by).delete()
