"""A refusal ends the block, and the person sees the reason."""

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest

from aspen.errors import Refused
from aspen.web.refusals import refusal_as_form_error, refusal_as_message


class NameForm(forms.Form):
    name = forms.CharField()
    note = forms.CharField(required=False)


def a_request() -> HttpRequest:
    request = HttpRequest()
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    return request


@pytest.mark.parametrize(
    ("about", "message"), [("", "It is full."), ("Weeding", "“Weeding”: It is full.")]
)
def test_a_refusal_as_message(about: str, message: str) -> None:
    request, reached = a_request(), False
    with refusal_as_message(request, about=about):
        if not reached:
            raise Refused("It is full.")
        reached = True
    assert [(each.level_tag, each.message) for each in get_messages(request)] == [
        ("error", message)
    ]
    assert not reached


@pytest.mark.parametrize(
    ("at", "field", "errors"),
    [
        ("name", None, {"name": ["No."]}),
        (None, None, {"__all__": ["No."]}),
        ("elsewhere", None, {"__all__": ["No."]}),
        ("name", "note", {"note": ["No."]}),
    ],
)
def test_a_refusal_as_form_error(
    at: str | None, field: str | None, errors: dict[str, list[str]]
) -> None:
    form = NameForm({"name": "Ada"})
    with refusal_as_form_error(form, field=field):
        raise Refused("No.", field=at)
    assert form.errors == errors


def test_other_exceptions_are_raised_and_return_values_kept() -> None:
    form, request = NameForm({"name": "Ada"}), a_request()

    def action() -> str:
        with refusal_as_form_error(form), refusal_as_message(request):
            return "done"
        return "refused"

    assert action() == "done"
    assert form.is_valid()
    with pytest.raises(ValueError, match="a mistake"), refusal_as_message(request):
        raise ValueError("a mistake")
    assert list(get_messages(request)) == []
