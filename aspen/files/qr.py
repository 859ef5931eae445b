"""QR codes as part of a page: paths only, no style of their own (the CSP allows none)."""

import io

import segno
from django.utils.safestring import SafeString, mark_safe


def inline_svg(text: str) -> SafeString:
    """The code of an address as inline SVG, four modules of white around it.

    Decoration for readers: the page says the address, or the code, in words as well.
    """
    drawn = make_code(text).svg_inline(
        border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    return mark_safe(drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))


def svg_file(text: str) -> str:
    """The same code as an SVG file, for paper; whoever sets it there gives it its words."""
    file = io.BytesIO()
    make_code(text).save(
        file, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, nl=False
    )
    return file.getvalue().decode()


def make_code(text: str) -> segno.QRCode:
    return segno.make(text, error="m")
