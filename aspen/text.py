"""Cleaning of all text that enters the portal, and of e-mail and web addresses.

Clean text is composed (Unicode NFC), has no invisible or direction-changing characters, and has no
spaces at its ends. The database checks the same (aspen/db/constraints.py). Forms, model fields and
the readers of uploaded files clean what they receive, so that other code can rely on it.
"""

import re
import unicodedata
from urllib.parse import SplitResult, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator

# Letters and marks of the scripts that need U+200C and U+200D inside words: Arabic, Syriac, N'Ko,
# Mandaic, those of India and Sri Lanka, Myanmar, Khmer and Mongolian.
_JOINING = (
    r"\u0610-\u061A\u0620-\u065F\u066E-\u06D3\u06D5-\u06DC\u06DF-\u06E8\u06EA-\u06EF\u06FA-\u06FC"
    r"\u06FF\u0710-\u07B1\u07CA-\u07F5\u07FA-\u07FD\u0800-\u082D\u0840-\u085B\u0860-\u086A"
    r"\u0870-\u0887\u0889-\u088E\u0898-\u08E1\u08E3-\u0963\u0971-\u09E3\u09F0-\u09F1\u09FC"
    r"\u09FE-\u0A5E\u0A70-\u0A75\u0A81-\u0AE3\u0AF9-\u0B63\u0B71\u0B82-\u0BD7\u0C00-\u0C63"
    r"\u0C80-\u0C83\u0C85-\u0CE3\u0CF1-\u0D4E\u0D54-\u0D57\u0D5F-\u0D63\u0D7A-\u0DDF\u0DF2-\u0DF3"
    r"\u1000-\u103F\u1050-\u108F\u109A-\u109D\u1780-\u17B3\u17B6-\u17D3\u17D7\u17DC-\u17DD"
    r"\u1820-\u18AA"
)
# In these scripts, U+200D after the sign that removes a vowel chooses a letter's form, even at the
# end of a word.
_VIRAMA = r"\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\u0DCA"
_MONGOLIAN = r"\u1820-\u18AA"
_CHINESE = r"\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFD"
_EMOJI = (
    r"\u00A9\u00AE\u203C\u2049\u2122\u2139\u2190-\u21FF\u2300-\u23FF\u2460-\u24FF\u25A0-\u27BF"
    r"\u2900-\u297F\u2B00-\u2BFF\u3030\u303D\u3297\u3299\U0001F000-\U0001FAFF"
)
# What must not be in any text, as a regular expression that Python and PostgreSQL read alike.
FORBIDDEN = "|".join(
    [
        # Control characters, except the line break, and characters that are never visible.
        r"[\u0001-\u0009\u000B-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5"
        r"\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164\uFDD0-\uFDEF\uFEFF\uFFA0"
        r"\uFFF0-\uFFFC\uFFFE\uFFFF\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A"
        r"\U000E0000-\U000E00FF\U000E01F0-\U000E0FFF]",
        # Joiners, except where they are part of a word or an emoji.
        rf"(?<![{_JOINING}])\u200C|\u200C(?![{_JOINING}])",
        rf"(?<![{_JOINING}{_EMOJI}\uFE0F])\u200D",
        rf"(?<=[{_EMOJI}\uFE0F])\u200D(?![{_EMOJI}])",
        rf"(?<![{_VIRAMA}{_EMOJI}\uFE0F])\u200D(?![{_JOINING}])",
        # Variation selectors, except after a character that has variants.
        rf"(?<![{_CHINESE}])[\uFE00-\uFE0D\U000E0100-\U000E01EF]",
        rf"(?<![{_EMOJI}])\uFE0E",
        rf"(?<![{_EMOJI}])\uFE0F(?!\u20E3)",
        rf"(?<![{_EMOJI}0-9#*])\uFE0F",
        rf"(?<![{_MONGOLIAN}])[\u180B-\u180D\u180F]",
    ]
)
# U+2800 is an empty Braille cell, which looks like a space.
OTHER_SPACES = r"\u00A0\u1680\u2000-\u200A\u202F\u205F\u2800\u3000"
_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(rf"[\t\x1f{OTHER_SPACES}]")
_FORBIDDEN = re.compile(rf"\x00|[\ud800-\udfff]|{FORBIDDEN}")

NOT_AN_EMAIL_ADDRESS = "Enter a valid e-mail address."
_check_email = EmailValidator(message=NOT_AN_EMAIL_ADDRESS)
_LINK_SCHEMES = ("http", "https")
NOT_A_WEB_ADDRESS = "Enter a web address that starts with https://"
_check_web_address = URLValidator(schemes=_LINK_SCHEMES, message=NOT_A_WEB_ADDRESS)
_HOST = re.compile(r"[\w.-]+")
# Letters without accents that cannot be taken for a letter from a to z.
_OTHER_LATIN = frozenset("ßæœøđłþð")
# Scripts that are written together. Each can be combined with Latin letters.
_SCRIPTS_TOGETHER = (
    {"CJK", "HIRAGANA", "KATAKANA"},
    {"CJK", "BOPOMOFO"},
    {"CJK", "HANGUL"},
)


def clean_line(text: str) -> str:
    """Return clean text in one line, with single spaces. It can be empty.

    U+200C, U+200D and variation selectors stay where words and emoji need them.
    """
    return " ".join(_visible(_BREAKS.sub(" ", text)).split())


def clean_text(text: str) -> str:
    """Return clean text with its line breaks as newlines. It can be empty.

    No line ends with a space. Indentation stays, except in the first line.
    """
    visible = _visible(_BREAKS.sub("\n", text))
    return "\n".join(line.rstrip(" ") for line in visible.split("\n")).strip(" \n")


def _visible(text: str) -> str:
    """Return composed text without forbidden characters, and with ordinary spaces only."""
    if text.isascii() and text.isprintable():
        return text
    text = _SPACES.sub(" ", text)
    while True:
        # A character can be forbidden because of one that was removed.
        cleaned = unicodedata.normalize("NFC", _FORBIDDEN.sub("", text))
        if cleaned == text:
            return text
        text = cleaned


# ---------- E-mail addresses ----------


def clean_email(address: str) -> str:
    """Return an e-mail address in lower case, with the ASCII letters that it can be taken for.

    Invisible characters are removed, and compatibility characters such as ſ or ａ are replaced. The
    domain is in its ASCII form (xn--…). Other characters stay, so that the address is invalid.
    """
    folded = clean_line(unicodedata.normalize("NFKC", clean_line(address)).lower())
    mailbox, at, domain = folded.rpartition("@")
    if not at or domain.isascii():
        return folded
    try:
        return f"{mailbox}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return folded


def validate_email_address(address: str) -> None:
    """Raise ValidationError unless a cleaned address is valid and has only ASCII characters.

    Django's validator also accepts ı and İ, because it ignores case.
    """
    if not address.isascii():
        raise ValidationError(NOT_AN_EMAIL_ADDRESS, code="invalid")
    _check_email(address)


# ---------- Web addresses ----------


def clean_web_address(address: str) -> str:
    """Return an address without invisible characters, and with its scheme in lower case."""
    cleaned = clean_line(address)
    scheme, colon, rest = cleaned.partition(":")
    return f"{scheme.lower()}:{rest}" if colon and scheme.lower() in _LINK_SCHEMES else cleaned


def validate_web_address(address: str) -> None:
    """Raise ValidationError unless people can safely follow the link.

    It must be an http or https address with a host that is not a lookalike, and without a user
    name, which could be taken for the host.
    """
    _check_web_address(address)
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise ValidationError("Enter a web address without a user name or password.")
    if not is_plain_host(parts.hostname or ""):
        raise ValidationError(
            "This web address mixes letters that look alike. Enter the address of the real site."
        )


def is_safe_link(parts: SplitResult) -> bool:
    """Return whether an address in a text can become a link: see `validate_web_address`."""
    try:
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return (
        parts.scheme.lower() in _LINK_SCHEMES
        and parts.netloc.lower().partition(":")[0] == host
        and bool(_HOST.fullmatch(host))
        and is_plain_host(host)
    )


def is_plain_host(host: str) -> bool:
    """Return whether a host name cannot be mistaken for another one.

    It must not mix scripts, except that Chinese, Japanese and Korean can be mixed with Latin
    letters. Latin letters must be a to z, with or without accents.
    """
    if host.isascii():
        return True
    letters = [each for each in unicodedata.normalize("NFC", host.lower()) if each.isalpha()]
    scripts = {unicodedata.name(each, "UNKNOWN").split()[0].partition("-")[0] for each in letters}
    if not all(_is_plain_latin(each) for each in letters if _is_latin(each)):
        return False
    others = scripts - {"LATIN"}
    return len(scripts) == 1 or any(others <= together for together in _SCRIPTS_TOGETHER)


def _is_latin(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("LATIN")


def _is_plain_latin(letter: str) -> bool:
    return unicodedata.normalize("NFD", letter)[0].isascii() or letter in _OTHER_LATIN
