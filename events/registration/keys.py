"""The secret keys in the URLs of a person's calendar feed and check-in code."""

import secrets

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited, audited_as
from events.enums import KeyPurpose
from events.models import PersonalKey

TOKEN_BYTES = 24


@audited_as("events.key_of")
def get_key(*, purpose: KeyPurpose, by: User) -> PersonalKey:
    """Find or create the active key of `by` for this purpose. Locks the person."""
    lock_people([by.pk])
    key, _ = PersonalKey.objects.get_or_create(
        person=by,
        purpose=purpose,
        revoked_at=None,
        defaults={"token": secrets.token_urlsafe(TOKEN_BYTES)},
    )
    return key


@audited
def revoke_key(*, purpose: KeyPurpose, by: User) -> None:
    """Revoke the key of `by` permanently. Idempotent. Locks the person."""
    lock_people([by.pk])
    PersonalKey.objects.filter(person=by, purpose=purpose, revoked_at=None).update(
        revoked_at=timezone.now()
    )


@audited
def renew_key(*, purpose: KeyPurpose, by: User) -> PersonalKey:
    """Replace the key of `by`, for example, when others have seen its URL."""
    revoke_key(purpose=purpose, by=by)
    return get_key(purpose=purpose, by=by)
