"""QR codes as SVG, without inline styles, which the CSP forbids."""

import io

import segno
from django.utils.safestring import SafeString, mark_safe


def inline_svg(text: str) -> SafeString:
    """Return the QR code as inline SVG, with a white border of four modules.

    It is hidden from screen readers, because the page also shows the address or code as text.
    """
    svg = make_code(text).svg_inline(
        border=4, omitsize=True, svgclass="qr", lineclass=None, dark="#000", light="#fff"
    )
    return mark_safe(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))


def svg_file(text: str) -> str:
    """Return the QR code as an SVG file to print. The caller adds alternative text."""
    file = io.BytesIO()
    make_code(text).save(
        file, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, nl=False
    )
    return file.getvalue().decode()


def make_code(text: str) -> segno.QRCode:
    return segno.make(text, error="m")
