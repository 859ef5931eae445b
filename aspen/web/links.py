"""A template filter that turns web addresses in people's texts into links."""

import html
from typing import Any
from urllib.parse import urlsplit

from django import template
from django.utils.html import Urlizer, escape
from django.utils.safestring import SafeString, mark_safe

from aspen.text import is_safe_link

register = template.Library()


class _Linker(Urlizer):
    """Django's Urlizer, which here links safe web addresses only, and no e-mail addresses."""

    url_template = '<a href="{href}" rel="nofollow noopener">{url}</a>'

    def handle_word(self, word: str, **options: Any) -> str:
        _, trimmed, _ = self.trim_punctuation(word)
        address = html.unescape(trimmed)
        has_scheme = "://" in address
        if not _is_safe(address if has_scheme else f"https://{address}"):
            return escape(word)
        linked = super().handle_word(word, **options)
        return linked if has_scheme else mark_safe(linked.replace("http:", "https:", 1))

    @staticmethod
    def is_email_simple(value: str) -> bool:
        return False


def _is_safe(address: str) -> bool:
    try:
        return is_safe_link(urlsplit(address))
    except ValueError:
        return False


_linker = _Linker()


@register.filter(needs_autoescape=False)
def with_links(text: object) -> SafeString:
    """Return escaped text in which web addresses are links.

    Addresses with a user name, or with a host that mixes scripts, stay text: they could be taken
    for other sites. Use `linebreaks` or `linebreaksbr` after this filter.
    """
    return mark_safe(_linker(str(text), autoescape=True))
