"""The links with which supervisors answer without an account.

A link stands for one question, opens nothing else, and cannot be made up: what it holds is signed.
Whether it still works (it expires, and is answered once) is said by the question itself.
"""

import uuid

from django.core.signing import BadSignature, Signer

from tracks.models import Verification

LINKS = Signer(salt="tracks.verify")


def token_of(verification: Verification) -> str:
    """What stands for the question in the address /verify/<token>/. The same one each time."""
    return LINKS.sign(f"{verification.pk}-{verification.nonce.hex}")


def verification_of(token: str) -> Verification | None:
    """The question a token of `token_of` stands for, with all that its page shows; at most one
    query, none where the token was made up."""
    try:
        number, _, nonce = LINKS.unsign(token).partition("-")
        wanted = {"pk": int(number), "nonce": uuid.UUID(nonce)}
    except (BadSignature, ValueError):
        return None
    return (
        Verification.objects.filter(**wanted)
        .select_related("person", "participation__track", "submission__reviewed_by")
        .order_by("pk")
        .first()
    )
