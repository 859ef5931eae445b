"""Form fields for text and addresses. They clean what people type (aspen/text.py).

Use these for every text in a form, except passwords.
"""

from collections.abc import Callable
from typing import Any

from django import forms

from aspen.text import (
    NOT_A_WEB_ADDRESS,
    clean_email,
    clean_line,
    clean_text,
    clean_web_address,
    validate_email_address,
    validate_web_address,
)


class _CleanedField(forms.CharField):
    """A field that cleans its input before it checks that the field is filled in."""

    cleaned: Callable[[str], str]

    def to_python(self, value: Any) -> Any:
        # A validator refuses NUL.
        if isinstance(value, str) and "\x00" not in value:
            value = type(self).cleaned(value)
        return super().to_python(value)


class LineField(_CleanedField):
    """A text in one line. Line breaks become spaces."""

    cleaned = staticmethod(clean_line)


class TextField(_CleanedField):
    """A text that can have several lines."""

    cleaned = staticmethod(clean_text)
    widget = forms.Textarea


class EmailAddressField(_CleanedField, forms.EmailField):
    """An e-mail address, which is stored in lower case and ASCII."""

    cleaned = staticmethod(clean_email)
    default_validators = [validate_email_address]


class WebAddressField(_CleanedField, forms.URLField):
    """An http or https address. `https://` can be omitted."""

    cleaned = staticmethod(clean_web_address)
    default_validators = [validate_web_address]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"max_length": 500, "assume_scheme": "https"} | kwargs  # type: ignore[arg-type]
        )

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and clean_web_address(value).startswith("//"):
            raise forms.ValidationError(NOT_A_WEB_ADDRESS)
        return super().to_python(value)
