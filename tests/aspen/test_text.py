"""Cleaning text, e-mail addresses and web addresses, in Python and in the database."""

import unicodedata
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from aspen.text import (
    clean_email,
    clean_line,
    clean_text,
    clean_web_address,
    is_plain_host,
    validate_email_address,
    validate_web_address,
)

# Names and words that must stay as their owners write them.
AS_WRITTEN = {
    "Salish": "Séliš-Ql̓ispé",
    "Kutenai": "Ktunaxa ʔamakʔis",
    "Vietnamese": "Nguyễn Thị Ánh",
    "Irish": "O’Brien",
    "Japanese": "山田 太郎",
    "Japanese variant": "葛\U000e0100城",
    "Persian": "می\u200cخواهم",
    "Sinhala": "ශ්\u200dරී ලංකා",
    "Hindi": "क्\u200dष",
    "Malayalam": "അവന്\u200d",
    "Bengali": "র\u200d্যাব",
    "Mongolian": "ᠠ\u180bᠨ",
    "family": "👨\u200d👩\u200d👧 reads",
    "profession": "👩🏽\u200d💻",
    "heart on fire": "❤\ufe0f\u200d🔥",
    "key": "1\ufe0f\u20e3 and #\ufe0f\u20e3",
    "flag": "🇺🇸 🏳\ufe0f\u200d🌈",
    "text style": "✔\ufe0e done",
}
INVISIBLE = {
    "zero width space": "Hel\u200bena",
    "joiner": "Hel\u200dena",
    "non-joiner": "Hel\u200cena",
    "word joiner": "Hel\u2060ena",
    "byte order mark": "\ufeffHelena",
    "soft hyphen": "Hel\u00adena",
    "override": "\u202eHelena\u202c",
    "isolate": "\u2067Helena\u2069",
    "marks": "Helena\u200e\u200f\u061c",
    "filler": "Helena\u3164\u115f\uffa0",
    "variation selector": "Hel\ufe0fena\ufe00\U000e0101",
    "tags": "Helena\U000e0041\U000e007f",
    "control": "Hel\x1b\x7fena\x9b",
    "grapheme joiner": "Hel\u034fena",
    "joiner behind a selector": "Hel\ufe0f\u200dena",
    "no-break space": "\u00a0Helena\u3000",
    "Braille blank": "\u2800Helena\u2800",
    "line separator": "Helena\u2028\u2029",
    "NUL": "Hel\x00ena",
    "half a character": "Hel\ud83dena",
}


@pytest.mark.parametrize("text", AS_WRITTEN.values(), ids=AS_WRITTEN)
@pytest.mark.parametrize("clean", [clean_line, clean_text])
def test_names_stay_as_they_are_written(clean: Callable[[str], str], text: str) -> None:
    assert clean(text) == unicodedata.normalize("NFC", text)
    assert clean(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("text", INVISIBLE.values(), ids=INVISIBLE)
@pytest.mark.parametrize("clean", [clean_line, clean_text])
def test_invisible_characters_are_removed(clean: Callable[[str], str], text: str) -> None:
    assert clean(text) == "Helena"


@pytest.mark.parametrize(
    ("text", "line", "lines"),
    [
        (" a  b ", "a b", "a  b"),
        ("a\r\nb\rc\nd", "a b c d", "a\nb\nc\nd"),
        ("a\u2028b\u0085c\x0bd", "a b c d", "a\nb\nc\nd"),
        ("a \n\n  b\t\n", "a b", "a\n\n  b"),
        ("a\tb\u00a0c", "a b c", "a b c"),
        ("\u200b\n\u2800\u3164", "", ""),
    ],
)
def test_spaces_and_line_breaks(text: str, line: str, lines: str) -> None:
    assert clean_line(text) == line
    assert clean_text(text) == lines


# Characters whose neighbors decide whether they stay, and their neighbors.
TRICKY = (
    "a1é#\u0301 \n\r\t\u00a0\u200b\u200c\u200d\u202e\ufe00\ufe0e\ufe0f\u20e3\u2329👩💻🏽❤"
    "山\U000e0100مخक\u094d\u1820\u180b\u3164\ufeff\U000e0041"
)
TEXTS = st.text(alphabet=TRICKY, max_size=12) | st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cn"]), max_size=20
)


@settings(max_examples=500)
@given(TEXTS)
def test_clean_text_stays_as_it_is(text: str) -> None:
    for clean in (clean_line, clean_text, clean_email, clean_web_address):
        assert clean(clean(text)) == clean(text)
    assert clean_line(clean_text(text)) == clean_line(text)


@pytest.mark.django_db
def test_the_database_accepts_exactly_clean_text() -> None:
    """Check with thousands of texts, in one query for each kind."""
    texts: list[str] = [*AS_WRITTEN.values(), *INVISIBLE.values()]

    @settings(max_examples=2_000, database=None)
    @given(TEXTS)
    def collect(text: str) -> None:
        texts.append(text)

    collect()
    assert len(texts) > 1_000
    texts = [text.replace("\x00", "").replace("\ud83d", "") for text in texts]
    for kind, clean in (("line", clean_line), ("text", clean_text)):
        candidates = sorted({*texts, *map(clean, texts)})
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT text, aspen_is_clean_{kind}(text) FROM unnest(%s::text[]) AS text",
                [candidates],
            )
            found = cursor.fetchall()
        assert {text for text, is_clean in found if is_clean} == {
            text for text in candidates if clean(text) == text
        }


@pytest.mark.django_db
def test_the_checks_work_while_a_backup_is_restored() -> None:
    """Restoring sets an empty search path."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = ''")
        cursor.execute(
            "SELECT public.aspen_is_clean_web_address('https://a.example/'),"
            " public.aspen_is_clean_lines(ARRAY['a'])"
        )
        assert cursor.fetchone() == (True, True)


# ---------- E-mail addresses ----------


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (" Smith@Library.Example\n", "smith@library.example"),
        ("\u017fmith@library.example", "smith@library.example"),
        ("smith@\u200blibrary.example", "smith@library.example"),
        ("s\u00admith@library.example\ufeff", "smith@library.example"),
        ("\uff53mith\uff20library.example", "smith@library.example"),
        ("\u212aim@library.example", "kim@library.example"),
        ("kim@b\u00fccher.example", "kim@xn--bcher-kva.example"),
        ("kim@bu\u0308cher.example", "kim@xn--bcher-kva.example"),
        ("", ""),
    ],
)
def test_look_alike_addresses_are_the_same(typed: str, address: str) -> None:
    assert clean_email(typed) == address
    if address:
        validate_email_address(address)


@pytest.mark.parametrize(
    "typed",
    [
        "kım@library.example",
        "KİM@library.example",
        "k\u0456m@library.example",
        "kim",
        "kim@library",
        "k im@library.example",
        f"kim@{'ü' * 70}.example",
    ],
)
def test_other_letters_are_refused_in_addresses(typed: str) -> None:
    with pytest.raises(ValidationError, match="Enter a valid e-mail address"):
        validate_email_address(clean_email(typed))


# ---------- Web addresses ----------


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (" HTTPS://msl.mt.gov/a?b=c ", "https://msl.mt.gov/a?b=c"),
        ("http://msl.mt.gov:8080/\u200b", "http://msl.mt.gov:8080/"),
        ("https://bücher.example/é", "https://bücher.example/é"),
        ("https://msl.mt.gov/@someone", "https://msl.mt.gov/@someone"),
    ],
)
def test_web_addresses_are_cleaned(typed: str, address: str) -> None:
    assert clean_web_address(typed) == address
    validate_web_address(address)


@pytest.mark.parametrize(
    "typed",
    [
        "//library.example/",
        "ftp://library.example/",
        "javascript:alert(1)",
        "https://msl.mt.gov@library.example/",
        "https://msl.mt.gov:80@library.example/",
        "https://p\u0430ypal.example/",
        "https:///library.example",
        "https://library.example/a b",
        "library.example",
    ],
)
def test_other_web_addresses_are_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        validate_web_address(clean_web_address(typed))


@pytest.mark.parametrize(
    ("host", "is_plain"),
    [
        ("msl.mt.gov", True),
        ("xn--bcher-kva.example", True),
        ("bücher.example", True),
        ("séliš.example", True),
        ("łódź.pl", True),
        ("例え.jp", True),
        ("мон.рф", True),
        ("p\u0430ypal.example", False),
        ("аррӏе.com", False),
        ("\u0261oogle.com", False),
        ("ıkea.com", False),
        ("αβγ.com", False),
    ],
)
def test_lookalike_hosts(host: str, is_plain: bool) -> None:
    assert is_plain_host(host) is is_plain
