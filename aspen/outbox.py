"""Mail that speaks only of what was committed, and is sent once.

An action calls `post` inside its transaction; the row is the promise to send. The job worker
composes and sends it after the commit (see `deliver`).
"""

from typing import TYPE_CHECKING

from aspen.models import Mail

if TYPE_CHECKING:
    from accounts.models import User


def post(*, kind: str, key: str, to: "User", **facts: object) -> None:
    """Promise a message to somebody, in the caller's transaction. Idempotent by `key`.

    `kind` names the composer; `facts` are the ids and words it needs (JSON).
    """
    Mail.objects.bulk_create([Mail(kind=kind, key=key, to=to, facts=facts)], ignore_conflicts=True)
