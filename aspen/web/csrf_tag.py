"""The template tag `csrf_token`, which also says for whom the form's page was made.

Every form that changes something has this tag, so every form that form_recovery keeps has an
author. Django loads the module as a built-in template library (settings.TEMPLATES).
"""

from typing import Any

from django import template
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

from aspen.web import form_recovery

register = template.Library()


class CsrfTokenAndAuthorNode(CsrfTokenNode):
    """Renders the hidden fields of a form."""

    def render(self, context: Any) -> str:
        fields = super().render(context)
        person = getattr(context.get("request"), "user", None)
        if not fields or person is None or not person.is_authenticated:
            return fields
        return fields + format_html(
            '<input type="hidden" name="{}" value="{}">',
            form_recovery.AUTHOR_FIELD,
            form_recovery.sign_author(person.pk),
        )


@register.tag
def csrf_token(_parser: Any, _token: Any) -> CsrfTokenAndAuthorNode:
    return CsrfTokenAndAuthorNode()
