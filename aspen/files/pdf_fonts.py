"""Fonts for text that typst's own fonts cannot show, or cannot show so that it reads back as typed.

Kurinto Sans (weblate-fonts) has Chinese, Japanese, Korean and many other scripts. Its files are
large, so they are loaded only for text that needs them.

Noto Serif (fontpkg-noto-serif) has the letters of Séliš, Ktunaxa and other languages. Many have
marks and no single Unicode character, such as the l̓ in Ql̓ispé. If a mark is drawn separately from
its letter, programs that read PDF files copy the letter twice or break the line. So a small font is
made for the text, in which a letter and its marks are one glyph.
"""

import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import fontpkg_noto_serif
import uharfbuzz
import weblate_fonts
from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

KURINTO = Path(weblate_fonts.__file__).parent / "static" / "weblate_fonts" / "kurinto" / "ttf"
KURINTO_REGULAR = tuple(KURINTO.glob("*-Rg.ttf"))
NOTO_REGULAR = fontpkg_noto_serif.ROOT / "files" / "NotoSerif[wdth,wght].ttf"
NOTO_ITALIC = fontpkg_noto_serif.ROOT / "files" / "NotoSerif-Italic[wdth,wght].ttf"

# The scripts' order decides the shapes of characters that Chinese, Japanese and Korean share.
KURINTO_FAMILIES = ("Kurinto Sans", *(f"Kurinto Sans {each}" for each in ("JP", "SC", "TC", "KR")))
NOTO_FAMILY = "ASPeN Noto Serif"

MARKS = "\u0300-\u036f"
LETTER_WITH_MARKS = re.compile(f".[{MARKS}]*")
# Strings with one of these are set in Noto Serif: marks, and the Latin letters that typst's fonts
# do not have. NFC has already replaced letters with marks by single characters where it could.
FOR_NOTO = f"{MARKS}\u1d00-\u1dff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f"
IS_FOR_NOTO = re.compile(f"[{FOR_NOTO}]")
VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# How a font file says whether it is italic.
REGULAR_SELECTION, ITALIC_SELECTION = 0x40, 0x01
ITALIC_MAC_STYLE = 0x02


class Style(NamedTuple):
    """A font of NOTO_FAMILY, and the file of Noto Serif that it is made from."""

    name: str
    weight: int
    source: Path


STYLES = (
    Style("Regular", 400, NOTO_REGULAR),
    Style("SemiBold", 600, NOTO_REGULAR),
    Style("Bold", 700, NOTO_REGULAR),
    Style("Italic", 400, NOTO_ITALIC),
)


def has(character: str) -> bool:
    """Return True if one of these fonts has the letter, mark, digit or punctuation."""
    if IS_FOR_NOTO.match(character) and ord(character) in _characters(NOTO_REGULAR):
        return True
    return (
        unicodedata.category(character)[0] in "LMNP"
        and not VARIATION_SELECTORS.match(character)
        and any(ord(character) in _characters(path) for path in KURINTO_REGULAR)
    )


@cache
def _characters(path: Path) -> frozenset[int]:
    return frozenset(_face(path).unicodes)


@cache
def _face(path: Path) -> uharfbuzz.Face:
    return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path)))


def write_noto_fonts(texts: Iterable[str], folder: Path) -> None:
    """Write the fonts of NOTO_FAMILY, with the characters of these texts, to a folder.

    The texts are in NFC. Characters missing from Noto Serif are left out.
    """
    clusters = sorted({each for text in texts for each in LETTER_WITH_MARKS.findall(text)})
    for style in STYLES:
        (folder / f"{style.name}.ttf").write_bytes(_noto_font(style, clusters))


def _noto_font(style: Style, clusters: list[str]) -> bytes:
    face = _face(style.source)
    font = uharfbuzz.Font(face)
    font.set_variations({"wght": style.weight})
    has_points = _characters(style.source).issuperset
    known = [each for each in clusters if has_points(map(ord, each))]
    letters = sorted({letter for each in known for letter in each})
    pieces = [*letters, *(each for each in known if len(each) > 1)]

    builder = FontBuilder(face.upem, isTTF=True)
    builder.setupGlyphOrder([".notdef", *(_glyph_name(each) for each in pieces)])
    builder.setupCharacterMap({ord(letter): _glyph_name(letter) for letter in letters})
    drawn = {_glyph_name(each): _draw(font, each) for each in pieces}
    drawn[".notdef"] = (TTGlyphPen(None).glyph(), 0)
    builder.setupGlyf({name: glyph for name, (glyph, _) in drawn.items()})
    sides = builder.font["glyf"]
    builder.setupHorizontalMetrics(
        {name: (width, getattr(sides[name], "xMin", 0)) for name, (_, width) in drawn.items()}
    )
    is_italic = style.source == NOTO_ITALIC
    extents = font.get_font_extents("ltr")
    builder.setupHorizontalHeader(ascent=extents.ascender, descent=extents.descender)
    full_name = f"{NOTO_FAMILY} {style.name}"
    builder.setupNameTable(
        {
            "familyName": NOTO_FAMILY,
            "styleName": style.name,
            "fullName": full_name,
            "psName": full_name.replace(" ", ""),
        }
    )
    builder.setupOS2(
        sTypoAscender=extents.ascender,
        sTypoDescender=extents.descender,
        sxHeight=_height(font, "x"),
        sCapHeight=_height(font, "H"),
        usWeightClass=style.weight,
        fsSelection=ITALIC_SELECTION if is_italic else REGULAR_SELECTION,
    )
    builder.updateHead(macStyle=ITALIC_MAC_STYLE if is_italic else 0)
    builder.setupPost()
    addOpenTypeFeaturesFromString(builder.font, "".join(_features(pieces)))
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()


def _glyph_name(letter: str) -> str:
    return "_".join(f"u{ord(each):05X}" for each in letter)


def _features(pieces: list[str]) -> Iterator[str]:
    """Replace each sequence of a letter and its marks by its one glyph."""
    yield "languagesystem DFLT dflt; feature ccmp {"
    for each in pieces:
        if len(each) > 1:
            sequence = " ".join(_glyph_name(letter) for letter in each)
            yield f" sub {sequence} by {_glyph_name(each)};"
    yield "} ccmp;"


def _height(font: uharfbuzz.Font, letter: str) -> int:
    glyph = font.get_nominal_glyph(ord(letter))
    return int(font.get_glyph_extents(glyph).y_bearing)


def _draw(font: uharfbuzz.Font, letter: str) -> tuple[object, int]:
    """Return the outline and the width of a letter with its marks, placed by HarfBuzz."""
    buffer = uharfbuzz.Buffer()
    buffer.add_str(letter)
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer)
    pen = TTGlyphPen(None)
    across = 0
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        at = (1, 0, 0, 1, across + position.x_offset, position.y_offset)
        font.draw_glyph_with_pen(info.codepoint, TransformPen(pen, at))
        across += position.x_advance
    return pen.glyph(), across
