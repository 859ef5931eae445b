"""QR codes as part of a page: paths only, no style of their own (the CSP allows none)."""

import segno
from django.utils.safestring import SafeString, mark_safe


def svg(text: str) -> SafeString:
    """The code of an address as inline SVG, four modules of white around it.

    Decoration for readers: the page says the address, or the code, in words as well.
    """
    code = segno.make(text, error="m")
    drawn = code.svg_inline(
        border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    return mark_safe(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))
