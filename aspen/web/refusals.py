"""Shows people why an action was refused.

with refusal_as_message(request):
    actions.end_position(position_id=position_id, by=request.user)
    messages.success(request, "Today is the last day of this position.")
return redirect("accounts:profile")
"""

from collections.abc import Callable

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest

from aspen.errors import Refused


class _Refusal:
    """Skips the rest of its block if an action is refused, and shows the reason."""

    def __init__(self, show: Callable[[Refused], None]) -> None:
        self.show = show

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: object, _traceback: object) -> bool:
        if isinstance(error, Refused):
            self.show(error)
        return isinstance(error, Refused)


def refusal_as_message(request: HttpRequest, *, about: str = "") -> _Refusal:
    """Show the reason as a message, which starts with the title `about` if given."""
    start = f"“{about}”: " if about else ""
    return _Refusal(lambda refusal: messages.error(request, f"{start}{refusal}"))


def refusal_as_form_error(form: BaseForm, *, field: str | None = None) -> _Refusal:
    """Show the reason in the form: at `field`, or at the refusal's field if the form has it."""

    def show(refusal: Refused) -> None:
        name = field or refusal.field
        form.add_error(name if name in form.fields else None, str(refusal))

    return _Refusal(show)
