"""Unguessable addresses that stand for a person: the personal feed, the code to check in with."""

import secrets

from django.utils import timezone

from accounts.models import User
from accounts.queries import lock_people
from aspen.db.audit import audited
from events.enums import KeyPurpose
from events.models import PersonalKey

BYTES = 24


@audited
def key_of(*, purpose: KeyPurpose, by: User) -> PersonalKey:
    """The open key of `by` for that purpose, made when there is none. Locks the person."""
    lock_people([by.pk])
    key, _ = PersonalKey.objects.get_or_create(
        person=by,
        purpose=purpose,
        revoked_at=None,
        defaults={"token": secrets.token_urlsafe(BYTES)},
    )
    return key


@audited
def revoke_key(*, purpose: KeyPurpose, by: User) -> None:
    """Close the key of `by` for good: its address opens nothing any more. Idempotent; locks."""
    lock_people([by.pk])
    PersonalKey.objects.filter(person=by, purpose=purpose, revoked_at=None).update(
        revoked_at=timezone.now()
    )


@audited
def renew_key(*, purpose: KeyPurpose, by: User) -> PersonalKey:
    """Close the key of `by` and make another, for when the address fell into other hands."""
    revoke_key(purpose=purpose, by=by)
    return key_of(purpose=purpose, by=by)
