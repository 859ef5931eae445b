"""Any text in a PDF: passed as data, and set in characters that the fonts have."""

import unicodedata
from pathlib import Path

import page
import pytest
import typst

from aspen.files import pdf
from tests import tagged_pdf

TEMPLATE = '#set document(title: "T")\n#let data = json(bytes(sys.inputs.data))\n#par(data.text)'


@pytest.fixture
def rendered_text(settings, tmp_path):
    """A function that renders a string with a minimal template and returns the document's text."""
    folder = tmp_path / "templates" / "pdf"
    folder.mkdir(parents=True)
    (folder / "minimal.typ").write_text(f'#set text(font: "Libertinus Serif")\n{TEMPLATE}')
    settings.BASE_DIR = tmp_path

    def render(text: str) -> str:
        content = pdf.render("minimal.typ", {"text": text})
        assert page.validate_pdf_bytes(content).failures == []
        return tagged_pdf.read(content).full_text

    return render


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
        ("日本語 and 한국어", "□ and □"),
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
