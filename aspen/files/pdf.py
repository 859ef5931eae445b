"""Accessible PDF files (PDF/UA-1), made with typst (docs/adr/0009).

The templates in templates/pdf/ receive text as data, so that it is never treated as markup. They
use the fonts that come with typst and those of pdf_fonts, never those of the system.
"""

import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typst
from django.conf import settings

from aspen.files import pdf_fonts

# The characters of typst's fonts beyond ASCII, in inclusive ranges: Latin, Greek, Cyrillic, Hebrew,
# Arabic, Devanagari, punctuation and symbols. tests/aspen/files/test_pdf.py renders each one.
FONT_CHARACTERS = (
    "A0-377 37A-37F 384-38A 38C-38C 38E-3A1 3A3-482 48A-4FF 591-5C7 5D0-5EA 5EF-5F4 606-60C"
    " 615-615 61B-61B 61F-61F 621-63A 640-655 660-66D 679-67B 67E-680 683-684 686-687 691-691"
    " 698-698 6A4-6A4 6A9-6A9 6AF-6AF 6BE-6BE 6CC-6CC 6F0-6F9 900-97F 1E00-1F15 1F18-1F1D"
    " 1F20-1F45 1F48-1F4D 1F50-1F57 1F59-1F59 1F5B-1F5B 1F5D-1F5D 1F5F-1F7D 2010-2027 2030-2040"
    " 2042-2042 2044-2052 2070-2071 2074-208E 2090-209C 20A0-20C0 2100-211E 2120-2120 2122-2122"
    " 2124-2124 2126-2151 2153-2184 2190-2328 232B-23FF 2460-2606 2609-262F 2638-268B 2690-269C"
    " 2701-2704 2706-2709 270C-2714 2717-2726 272A-274B 274D-274D 274F-2752 2756-2756"
    " 2758-275E 2761-277F 2798-27AF 2B00-2B73 FB00-FB06"
)
_RANGES = "".join(
    f"\\U{int(low, 16):08x}-\\U{int(high, 16):08x}"
    for low, _, high in (each.partition("-") for each in FONT_CHARACTERS.split())
)
IN_FONTS = re.compile(f"[ -~{_RANGES}]")
NOT_IN_FONTS = re.compile(f"[^ -~{_RANGES}]")
FAMILIES = ("Libertinus Serif", *pdf_fonts.KURINTO_FAMILIES)
MISSING_CHARACTER = "□"
REPLACED_CATEGORIES = {
    "Cc": " ",
    "Zl": " ",
    "Zp": " ",
    "Zs": " ",
    "Cf": "",
    "Sk": "",
    "Mn": "",
    "Me": "",
}


def render(template: str, data: dict[str, Any]) -> bytes:
    """Render a template in templates/pdf/ with data, which can contain any character.

    Emoji are replaced with their names, and other characters missing from the fonts with □. Text is
    composed (NFC), and programs that read the file extract it as it was typed. Raises
    typst.TypstError if there is an error in the template.
    """
    try:
        return _compile(template, _each_text(data, printable_text))
    except typst.TypstError as error:
        # The fonts have these letters, but cannot combine them with their accents.
        if "could not be displayed" not in error.message:
            raise
    return _compile(template, _each_text(data, _plain))


def _compile(template: str, data: Any, **options: Any) -> bytes:
    """Compile a template with data that has only characters of the fonts."""
    texts = list(_texts(data))
    fonts = {
        "families": FAMILIES,
        "for_noto": f".*[{pdf_fonts.FOR_NOTO}].*",
        "noto_families": [pdf_fonts.NOTO_FAMILY, *FAMILIES],
    }
    with tempfile.TemporaryDirectory() as folder:
        if for_noto := [text for text in texts if pdf_fonts.IS_FOR_NOTO.search(text)]:
            pdf_fonts.write_noto_fonts(for_noto, Path(folder))
        needs_kurinto = any(NOT_IN_FONTS.search(text) for text in texts)
        content: bytes = typst.compile(
            settings.BASE_DIR / "templates" / "pdf" / template,
            ignore_system_fonts=True,
            font_paths=[folder, *([pdf_fonts.KURINTO] if needs_kurinto else [])],
            sys_inputs={"data": json.dumps(data), "fonts": json.dumps(fonts)},
            **(options or {"format": "pdf", "pdf_standards": "ua-1"}),
        )
    return content


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        yield from _texts(list(data.values()))
    elif isinstance(data, list):
        for each in data:
            yield from _texts(each)


def _each_text(data: Any, change: Callable[[str], str]) -> Any:
    """Return the data with `change` applied to every string except keys.

    The template needs the keys unchanged.
    """
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        return {key: _each_text(value, change) for key, value in data.items()}
    if isinstance(data, list):
        return [_each_text(value, change) for value in data]
    return data


def printable_text(text: str) -> str:
    """Replace emoji with their names, and runs of other characters not in the fonts with one □."""
    if text.isascii() and text.isprintable():
        return text
    printable = "".join(_printable(each) for each in unicodedata.normalize("NFC", text))
    return re.sub(f"{MISSING_CHARACTER}+", MISSING_CHARACTER, printable.replace("][", " "))


def _printable(character: str) -> str:
    if IN_FONTS.match(character) or pdf_fonts.has(character):
        return character
    kind = unicodedata.category(character)
    if kind in REPLACED_CATEGORIES:
        return REPLACED_CATEGORIES[kind]
    name = unicodedata.name(character, "")
    return f"[{name.lower()}]" if kind == "So" and name else MISSING_CHARACTER


def _plain(text: str) -> str:
    """Return the string in ASCII, without accents and with anything else replaced by □."""
    decomposed = unicodedata.normalize("NFKD", printable_text(text))
    bare = "".join(each for each in decomposed if not unicodedata.combining(each))
    return re.sub(f"[^ -~{MISSING_CHARACTER}]+", MISSING_CHARACTER, bare)
