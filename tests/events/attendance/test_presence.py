"""Time present, compared with a model that counts seconds one by one."""

import random

from events.attendance.presence import ReportRow, Span, fingerprint, seconds_present

EVENT = Span(36_000, 39_600)  # one hour
MINUTE = 60


def visit(joined: int, left: int | None, line: int = 2) -> ReportRow:
    """A visit, in minutes after the beginning of the event."""
    end = None if left is None else EVENT.begin + left * MINUTE
    return ReportRow(line, "ada@x.example", "Ada", EVENT.begin + joined * MINUTE, end, None)


def total(minutes: int, joined: int | None = None, left: int | None = None) -> ReportRow:
    bounds = [None if each is None else EVENT.begin + each * MINUTE for each in (joined, left)]
    return ReportRow(2, "ada@x.example", "Ada", *bounds, minutes * MINUTE)


def minutes(*lists: list[ReportRow]) -> float:
    return seconds_present(lists, EVENT) / MINUTE


def test_two_devices_at_the_same_time_count_once() -> None:
    assert minutes([visit(0, 40), visit(5, 40)]) == 40


def test_visits_on_several_lists_are_united() -> None:
    assert minutes([visit(0, 20)], [visit(10, 30), visit(50, 60)]) == 40


def test_visits_are_cut_to_the_event() -> None:
    assert minutes([visit(-10, 5), visit(55, 80), visit(-20, -10), visit(70, 90)]) == 10


def test_a_visit_without_an_end_lasts_to_the_end_of_the_event() -> None:
    assert minutes([visit(45, None)]) == 15


def test_a_visit_that_ends_before_it_begins_is_nothing() -> None:
    assert minutes([visit(30, 20)]) == 0


def test_totals_of_several_lists_are_added() -> None:
    assert minutes([total(20)], [total(25)]) == 45
    assert minutes([visit(0, 10)], [total(25)]) == 35


def test_time_present_is_at_most_the_length_of_the_event() -> None:
    assert minutes([total(1_250)]) == 60
    assert minutes([visit(0, 50)], [total(30)]) == 60


def test_a_total_is_cut_to_the_part_of_the_event_between_first_join_and_last_leave() -> None:
    assert minutes([total(67, -5, 62)]) == 60
    assert minutes([total(30, -25, 10)]) == 10
    assert minutes([total(30, 40, None)]) == 20


def counted_second_by_second(lists: list[list[ReportRow]]) -> int:
    """The same rule in the plainest form."""
    present, added = set(), 0
    for rows in lists:
        for row in rows:
            begin = EVENT.begin if row.joined is None else row.joined
            end = EVENT.end if row.left is None else row.left
            seconds = {second for second in range(EVENT.begin, EVENT.end) if begin <= second < end}
            if row.seconds is None:
                present |= seconds
            else:
                added += min(row.seconds, len(seconds))
    return min(len(present) + added, EVENT.end - EVENT.begin)


def test_random_rows_give_what_counting_seconds_gives() -> None:
    dice = random.Random(1)

    def row() -> ReportRow:
        joined, left = dice.randint(-20, 70), dice.choice([None, dice.randint(-20, 90)])
        if dice.random() < 0.3:
            return total(dice.randint(0, 80), dice.choice([None, joined]), left)
        return visit(joined, left)

    for _ in range(60):
        lists = [[row() for _ in range(dice.randint(0, 4))] for _ in range(dice.randint(1, 4))]
        expected = counted_second_by_second(lists)
        assert seconds_present(lists, EVENT) == expected
        dice.shuffle(lists)
        assert seconds_present(lists, EVENT) == expected
        assert seconds_present([*lists, [row()]], EVENT) >= expected


def test_the_same_contents_have_the_same_fingerprint() -> None:
    one, other = visit(0, 20, line=2), visit(30, 50, line=3)
    assert fingerprint([one, other]) == fingerprint([other._replace(line=9), one])
    assert fingerprint([one]) != fingerprint([one, other])
    assert fingerprint([total(0)]) != fingerprint([visit(0, None)])
