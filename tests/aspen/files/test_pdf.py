"""Any text in a PDF: passed as data, and set in characters that the fonts have."""

import shutil
import unicodedata
from pathlib import Path

import page
import pytest
import typst
from django.conf import settings

from aspen.files import pdf
from tests import pdf_readers, tagged_pdf

FONTS = settings.BASE_DIR / "templates" / "pdf" / "fonts.typ"
TEMPLATE = """
#import "fonts.typ": with-fonts
#show: with-fonts
#set document(title: "T")
#let data = json(bytes(sys.inputs.data))
#for text in data.texts { par(text) }
"""


@pytest.fixture
def rendered(settings, tmp_path):
    """A function that renders a PDF with a paragraph for each string."""
    folder = tmp_path / "templates" / "pdf"
    folder.mkdir(parents=True)
    shutil.copy(FONTS, folder)
    (folder / "minimal.typ").write_text(TEMPLATE)
    settings.BASE_DIR = tmp_path

    def render(*texts: str) -> bytes:
        content = pdf.render("minimal.typ", {"texts": list(texts)})
        assert page.validate_pdf_bytes(content).failures == []
        assert pdf_readers.missing_glyphs(content) == 0
        return content

    return render


@pytest.fixture
def rendered_text(rendered):
    """A function that renders a string and returns the document's text."""
    return lambda text: tagged_pdf.read(rendered(text)).full_text


@pytest.mark.parametrize(
    "text",
    [
        '#import "x": * [b] *bold* _it_ \\ $x^2$ <l> @l // /* */ `raw` "quote"',
        '#sys.inputs #read("/etc/passwd") #{ panic() }',
        "}] #[ ~ -- --- ... ' = heading",
        "Año, Žluťoučký kůň, Ελλάδα, Россия, “quotes” – 50 € ½ ✓ ■●▲◆",
    ],
)
def test_markup_of_the_template_language_is_text(rendered_text, text):
    assert rendered_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Stories 🎉", "Stories [party popper]"),
        ("👩‍👩‍👧‍👦!", "[woman woman girl boy]!"),
        ("Thumbs 👍🏽 up", "Thumbs [thumbs up sign] up"),
        ("ភាសាខ្មែរ and བོད", "□ and □"),
        ("a\x00b\x1b[31mc\nd\u2028e", "a b [31mc d e"),
        ("turn\u202earound", "turnaround"),
        ("private \ue000 unassigned \U0003fffe", "private □ unassigned □"),
        ("e\u0301\ufe0f", "é"),
        ("", ""),
    ],
)
def test_characters_missing_from_the_fonts_are_named_or_marked(rendered_text, text, shown):
    assert pdf.printable_text(text) == shown
    assert rendered_text(text) == shown


def test_letters_the_fonts_cannot_combine_lose_their_accents(rendered_text):
    """The fonts have the letter and the accent, but no font can combine them."""
    assert rendered_text("\u0628\u0361 Weeding é") in ("\u0628\u0361 Weeding é", "□ Weeding e")


@pytest.mark.parametrize("name", pdf_readers.NAMES)
def test_names_read_back_as_typed(rendered, name):
    found = pdf_readers.read_all(rendered(name))
    assert found == dict.fromkeys(found, unicodedata.normalize("NFC", name))
    assert len(found) == 3


def test_decomposed_letters_read_back_composed(rendered):
    found = pdf_readers.read_all(rendered(unicodedata.normalize("NFD", "Séliš-Ql̓ispé Nguyễn")))
    assert set(found.values()) == {"Séliš-Ql̓ispé Nguyễn"}


def test_every_letter_with_a_mark_reads_back_as_typed(rendered):
    """The fonts may not draw any letter as several glyphs, because programs would read it twice."""
    letters = [
        chr(code)
        for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00), *range(0x2C60, 0x2C80))
        if chr(code).isalpha() and unicodedata.is_normalized("NFC", chr(code))
    ]
    marked = [
        unicodedata.normalize("NFC", base + mark)
        for base in "AaCcGgIiKkLlMmNnPpQqRrSsTtWwXxYyZzłƛɬʔʕəɣαδωабя"
        for mark in ("\u0300", "\u0301", "\u0313", "\u0315", "\u0323", "\u030c", "\u0331\u0301")
    ]
    for each in (letters, marked):
        expected = " ".join(f"x{letter}x" for letter in each)
        found = pdf_readers.read_all(rendered(expected))
        assert {name: text for name, text in found.items() if text != expected} == {}


def test_chinese_japanese_korean_and_hebrew_are_shown(rendered, rendered_text):
    for text in ("日本語 and 한국어", "山田 太郎", "שלום", "שָׁלוֹם"):
        assert pdf.printable_text(text) == text
    assert pdf_readers.read_all(rendered(pdf_readers.HEBREW))["pdfium"] == pdf_readers.HEBREW
    assert sorted(rendered_text(pdf_readers.HEBREW)) == sorted(pdf_readers.HEBREW)


def test_right_to_left_is_kept(rendered_text):
    for text in ("שלום", "مرحبا"):
        letters = unicodedata.normalize("NFKC", rendered_text(text))
        assert sorted(letters) == sorted(text)


def test_the_fonts_have_every_character_listed(rendered_text):
    """All are rendered in one document, because typst rejects the first one that is missing."""
    characters = [chr(code) for code in range(0xA0, 0xFB07) if pdf.IN_FONTS.match(chr(code))]
    text = " ".join(each for each in characters if unicodedata.category(each)[0] not in "MC")
    assert len(characters) == 3488
    assert rendered_text(text).count(pdf.MISSING_CHARACTER) == 1


def test_an_error_in_a_template_is_raised(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    (tmp_path / "templates" / "pdf").mkdir(parents=True)
    Path(tmp_path / "templates" / "pdf" / "wrong.typ").write_text("#nothing-like-this")
    with pytest.raises(typst.TypstError, match="unknown variable"):
        pdf.render("wrong.typ", {})
