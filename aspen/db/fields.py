"""Model fields for text and addresses. They clean what is stored (aspen/text.py).

Every model needs `clean_columns` (aspen/db/constraints.py) with the same fields, so that the
database refuses what reaches it in another way. In migrations these are Django's own fields.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db import models

from aspen import form_fields
from aspen.text import (
    clean_email,
    clean_line,
    clean_text,
    clean_web_address,
    validate_email_address,
    validate_web_address,
)


class _CleanedField(models.Field):
    cleaned: Callable[[str], str]
    form_class: type[forms.Field]

    def to_python(self, value: Any) -> Any:
        return self._clean(super().to_python(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Clean the value of an instance that is saved."""
        value = self._clean(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": self.form_class} | kwargs)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        django_class = next(
            each for each in type(self).__mro__ if each.__module__ == "django.db.models.fields"
        )
        return name, f"django.db.models.{django_class.__name__}", args, kwargs

    def _clean(self, value: Any) -> Any:
        return type(self).cleaned(value) if isinstance(value, str) else value


class LineField(_CleanedField, models.CharField):
    """A text in one line."""

    cleaned = staticmethod(clean_line)
    form_class = form_fields.LineField


class TextField(_CleanedField, models.TextField):
    """A text that can have several lines."""

    cleaned = staticmethod(clean_text)
    form_class = form_fields.TextField


class ShortTextField(_CleanedField, models.CharField):
    """A text that can have several lines, with a limit in the database."""

    cleaned = staticmethod(clean_text)
    form_class = form_fields.TextField


class EmailAddressField(_CleanedField, models.EmailField):
    """An e-mail address in lower case and ASCII."""

    cleaned = staticmethod(clean_email)
    default_validators = [validate_email_address]
    form_class = form_fields.EmailAddressField


class WebAddressField(_CleanedField, models.URLField):
    """An http or https address."""

    cleaned = staticmethod(clean_web_address)
    default_validators = [validate_web_address]
    form_class = form_fields.WebAddressField
