"""Text on its way into a spreadsheet."""

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")

# What a spreadsheet program takes for the beginning of a formula (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """The text, so that no spreadsheet program runs it as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def one_line(text: str) -> str:
    """The text without line breaks and other control characters; a blank in their place."""
    return CONTROL.sub(" ", text).strip()
