"""The text of a PDF as three programs extract it, and the glyphs that are missing from it."""

import io
import unicodedata
from collections.abc import Callable

import pdfminer.high_level
import pikepdf
import pypdf
import pypdfium2

# Text that each program has to read back as it was typed.
NAMES = (
    "Séliš-Ql̓ispé",
    "ʔa·knuqⱡiʔit",
    "Ksanka k̓ʷ ƛ̓ x̣ʷ ł̓ X̌ q̓ t̓ᶿ č̓",
    "Nguyễn Thị Ánh",
    "O’Brien",
    "山田 太郎",
    "김철수 汉字 漢字",
    "Łukasz Ñuñez",
    "office fjord affluent",
    "ᏣᎳᎩ ᓀᐦᐃᔭᐍᐏᐣ",
)
HEBREW = "יעל כהן"


def _pdfium(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def _pypdf(content: bytes) -> str:
    reader = pypdf.PdfReader(io.BytesIO(content))
    return "\n".join(page.extract_text() for page in reader.pages)


def _pdfminer(content: bytes) -> str:
    return pdfminer.high_level.extract_text(io.BytesIO(content))


_READERS: dict[str, Callable[[bytes], str]] = {
    "pdfium": _pdfium,
    "pypdf": _pypdf,
    "pdfminer": _pdfminer,
}


def read_all(content: bytes) -> dict[str, str]:
    """Return the text that each program extracts, in NFC and with one space between words."""
    return {
        name: " ".join(unicodedata.normalize("NFC", reader(content)).split())
        for name, reader in _READERS.items()
    }


def missing_glyphs(content: bytes) -> int:
    """Return the number of glyphs that are shown as an empty box (.notdef)."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return sum(
            codes[at : at + 2] == b"\0\0"
            for page in pdf.pages
            for operands, operator in pikepdf.parse_content_stream(page)
            if str(operator) in {"Tj", "TJ"}
            for codes in _codes(operands[0])
            for at in range(0, len(codes), 2)
        )


def _codes(shown: object) -> list[bytes]:
    parts = shown if isinstance(shown, pikepdf.Array) else [shown]
    return [bytes(part) for part in parts if isinstance(part, pikepdf.String)]
