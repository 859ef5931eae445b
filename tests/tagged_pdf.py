"""The text of a PDF as screen readers read it: the text of its tags, in their order."""

import dataclasses
import io
import re
from collections.abc import Iterator
from typing import Any

import pikepdf


@dataclasses.dataclass
class Tag:
    """An element of the document's structure, such as P, H1, Table or TH."""

    kind: str
    text: str = ""
    children: list["Tag"] = dataclasses.field(default_factory=list)

    @property
    def full_text(self) -> str:
        """The text of the tag and its children, with the line breaks of the page."""
        return self.text + "".join(tag.full_text for tag in self.children)

    def find(self, *kinds: str) -> Iterator["Tag"]:
        if self.kind in kinds:
            yield self
        for tag in self.children:
            yield from tag.find(*kinds)


def read(content: bytes) -> Tag:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        texts = {page.objgen: _texts(page) for page in pdf.pages}
        return _tag(pdf.Root.StructTreeRoot, texts, None)


def _tag(element: Any, texts: dict[Any, dict[int, str]], page: Any) -> Tag:
    page = element.Pg.objgen if "/Pg" in element else page
    tag = Tag(str(element.get("/S", "/Root"))[1:])
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, int):
            tag.children.append(Tag("", texts[page].get(kid, "")))
        elif "/MCID" in kid:
            where = kid.Pg.objgen if "/Pg" in kid else page
            tag.children.append(Tag("", texts[where].get(int(kid.MCID), "")))
        elif "/S" in kid:
            tag.children.append(_tag(kid, texts, page))
    return tag


def _texts(page: Any) -> dict[int, str]:
    """Return the text of each marked piece of a page's content. Pictures have none."""
    fonts = {
        name: _glyph_texts(font) for name, font in page.get("/Resources").get("/Font", {}).items()
    }
    texts: dict[int, str] = {}
    glyphs: dict[int, str] = {}
    marks: list[tuple[int | None, str | None]] = []
    for operands, operator in pikepdf.parse_content_stream(page):
        match str(operator):
            case "BDC" | "BMC":
                facts = operands[1] if len(operands) > 1 else {}
                facts = facts if isinstance(facts, pikepdf.Dictionary) else {}
                marks.append((facts.get("/MCID"), facts.get("/ActualText")))
                if "/ActualText" in facts and (piece := _piece(marks)) is not None:
                    texts[piece] = texts.get(piece, "") + str(facts["/ActualText"])
            case "EMC":
                marks.pop()
            case "Tf":
                glyphs = fonts[str(operands[0])]
            case "Tj" | "TJ":
                piece = _piece(marks)
                if piece is None or any(actual is not None for _, actual in marks):
                    continue
                strings = operands[0] if str(operator) == "TJ" else operands
                codes = b"".join(
                    bytes(each) for each in strings if isinstance(each, pikepdf.String)
                )
                pairs = (codes[at : at + 2] for at in range(0, len(codes), 2))
                text = "".join(glyphs[int.from_bytes(pair)] for pair in pairs)
                texts[piece] = texts.get(piece, "") + text
    return texts


def _piece(marks: list[tuple[int | None, str | None]]) -> int | None:
    """Return the marked piece that contains the content, or None if the content is decoration."""
    return next((int(mark) for mark, _ in reversed(marks) if mark is not None), None)


def _glyph_texts(font: Any) -> dict[int, str]:
    """Return the text of each glyph, from the font's ToUnicode table."""
    table = font.ToUnicode.read_bytes().decode("latin-1")
    texts = {}
    for part in re.findall(r"beginbfchar(.*?)endbfchar", table, re.S):
        for code, text in re.findall(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]*)>", part):
            texts[int(code, 16)] = bytes.fromhex(text).decode("utf-16-be")
    for part in re.findall(r"beginbfrange(.*?)endbfrange", table, re.S):
        for low, high, text in re.findall(r"<(\w+)>\s*<(\w+)>\s*<(\w+)>", part):
            first = bytes.fromhex(text).decode("utf-16-be")
            for step in range(int(high, 16) - int(low, 16) + 1):
                texts[int(low, 16) + step] = first[:-1] + chr(ord(first[-1]) + step)
    return texts
