"""The format of help articles: paragraphs, headings, lists, bold words and links, and no HTML.

Blank lines separate blocks. A block whose lines start with `- ` is a list, and one with `1. ` a
numbered list. `## ` starts a heading. In a line, `**Save**` is bold, and `[My credits](target)` is
a link. The target is a web address or the name of one of the portal's pages, such as
`tracks:credits`, so that a link follows a page to a new address. A slash separates arguments:
`helpdesk:article/choose-a-track`.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.urls import NoReverseMatch, reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from aspen.text import is_safe_link

HEADING = re.compile(r"## +(?P<text>.+)")
BULLET = re.compile(r"- +(?P<text>.+)")
NUMBER = re.compile(r"\d{1,2}\. +(?P<text>.+)")
INLINE = re.compile(r"\*\*(?P<bold>[^*\n]+)\*\*|\[(?P<label>[^\[\]\n]+)\]\((?P<target>[^()\s]+)\)")


def to_html(text: str) -> SafeString:
    """Return the text as HTML. Everything that is not in the format is escaped.

    The label of a link that leads nowhere stays as text.
    """
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    return mark_safe("\n".join(_block(block.strip()) for block in blocks if block.strip()))


def link_targets(text: str) -> Iterator[str]:
    """Return the targets of all links, in order."""
    return (match["target"] for match in INLINE.finditer(text) if match["target"])


def address_of(target: str) -> str | None:
    """Return the address that a link's target stands for, or None if it leads nowhere."""
    if "://" in target:
        try:
            return target if is_safe_link(urlsplit(target)) else None
        except ValueError:
            return None
    name, *arguments = target.split("/")
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return None


def _block(block: str) -> str:
    lines = [line.strip() for line in block.split("\n")]
    if len(lines) == 1 and (heading := HEADING.fullmatch(lines[0])):
        return f"<h2>{_inline(heading['text'])}</h2>"
    for tag, pattern in (("ul", BULLET), ("ol", NUMBER)):
        items = [pattern.fullmatch(line) for line in lines]
        if all(items):
            listed = "".join(f"<li>{_inline(item['text'])}</li>" for item in items if item)
            return f"<{tag}>{listed}</{tag}>"
    return f"<p>{_inline(' '.join(lines))}</p>"


def _inline(text: str) -> str:
    html, end = "", 0
    for match in INLINE.finditer(text):
        html += escape(text[end : match.start()]) + _marked(match)
        end = match.end()
    return html + escape(text[end:])


def _marked(match: re.Match[str]) -> str:
    if match["bold"]:
        return format_html("<strong>{}</strong>", match["bold"])
    address = address_of(match["target"])
    if address is None:
        return escape(match["label"])
    rel = mark_safe(' rel="nofollow noopener"') if "://" in match["target"] else ""
    return format_html('<a href="{}"{}>{}</a>', address, rel, match["label"])
