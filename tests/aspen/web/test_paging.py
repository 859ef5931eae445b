"""Row keys in query parameters."""

import datetime as dt

import pytest

from aspen.web.paging import Key


@pytest.mark.parametrize("micro", [0, 1, 999_999])
def test_a_key_can_be_parsed_from_its_text(micro):
    key = Key(dt.datetime(2026, 12, 3, 16, 0, 7, micro, tzinfo=dt.UTC), 17)
    assert Key.parse(str(key)) == key


def test_a_key_is_in_utc():
    mountain = dt.timezone(dt.timedelta(hours=-7))
    assert str(Key(dt.datetime(2026, 12, 3, 9, tzinfo=mountain), 17)) == "2026-12-03T16:00:00Z~17"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~",
        "17",
        "2026-12-03T16:00:00Z",
        "2026-12-03T16:00:00Z~",
        "2026-12-03T16:00:00Z~-1",
        "2026-12-03T16:00:00Z~1.5",
        "2026-12-03T16:00:00Z~٣",
        "2026-12-03T16:00:00~17",
        "2026-13-03T16:00:00Z~17",
        "99999-12-03T16:00:00Z~17",
        f"2026-12-03T16:00:00Z~{2**63}",
        "2026-12-03T16:00:00Z~" + "9" * 5000,
        "2026-12-03T16:00:00Z~17~18",
        "'; DROP TABLE events_event;--Z~1",
    ],
)
def test_other_text_is_not_a_key(text):
    with pytest.raises(ValueError, match="This is not a key"):
        Key.parse(text)
