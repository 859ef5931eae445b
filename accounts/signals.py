"""Hooks to the apps above."""

from collections.abc import Callable
from typing import Any

from accounts.models import User

# Apps above append functions in AppConfig.ready(). Each returns context for a part of the profile
# (templates/accounts/profile.html).
profile_hooks: list[Callable[[User], dict[str, Any]]] = []


def profile_parts(person: User) -> dict[str, Any]:
    """Return the context of the parts of the profile that belong to the apps above."""
    context: dict[str, Any] = {}
    for hook in profile_hooks:
        context |= hook(person)
    return context
