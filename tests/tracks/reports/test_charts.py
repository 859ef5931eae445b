"""Charts are drawn to scale."""

from decimal import Decimal

import pytest

from tracks.reports import charts
from tracks.reports.charts import Chart, ChartBar, Series

TWO = [Series("Credits", "certified"), Series("Others", "sent", "◆")]


def chart(*bars: ChartBar) -> Chart:
    return Chart("figures", "Figures", "As text.", TWO, bars)


def test_bars_are_drawn_to_scale_one_part_after_another() -> None:
    drawn = charts.draw_bars(
        chart(ChartBar("Baker", [3, 1]), ChartBar("Ekalaka", [Decimal("0.5"), 0]))
    )
    assert [(part.slug, part.x, part.width) for part in drawn.parts] == [
        ("certified", "0.00%", "75.00%"),
        ("sent", "75.00%", "25.00%"),
        ("certified", "0.00%", "12.50%"),
    ]
    assert [label.text for label in drawn.labels] == ["Baker", "Ekalaka"]
    assert drawn.height == "6.200em"


def test_columns_are_stacked_below_a_round_figure() -> None:
    drawn = charts.draw_columns(chart(ChartBar("Q1", [5, 3], "2027"), ChartBar("Q2", [0, 0])))
    lower, upper = drawn.parts
    assert (lower.y, lower.height) == ("6.000em", "7.500em")
    assert (upper.y, upper.height) == ("1.500em", "4.500em")
    assert (lower.x, lower.width) == ("5.00%", "40.00%")
    assert [line.text for line in drawn.grid] == ["8", "4", ""]
    assert [label.text for label in drawn.labels] == ["Q1", "2027", "Q2"]


@pytest.mark.parametrize(
    ("figure", "top"), [(0, 1), (1, 1), (3, 3), (7, 8), (9, 10), (11, 20), (Decimal("99.5"), 100)]
)
def test_the_top_line_is_a_round_figure_not_below_the_columns(figure: Decimal, top: int) -> None:
    drawn = charts.draw_columns(chart(ChartBar("Q1", [figure, 0])))
    assert drawn.grid[0].text == str(top)


def test_series_differ_in_more_than_color() -> None:
    legend = charts.draw_bars(chart(ChartBar("Baker", [1, 1]))).legend
    assert [(entry.label, entry.pattern) for entry in legend] == [
        ("Credits", ""),
        ("Others", "figures-1"),
    ]
