"""Charts are drawn to scale."""

from decimal import Decimal

import pytest

from tracks.reports import charts
from tracks.reports.charts import Chart, ChartBar, Series

TWO = [Series("Credits", "certified"), Series("Others", "sent", "◆")]


def chart(*bars: ChartBar) -> Chart:
    return Chart("figures", "Figures", "In words.", TWO, bars)


def test_bars_fill_the_width_and_follow_each_other() -> None:
    drawn = charts.draw_bars(
        chart(ChartBar("Baker", [3, 1]), ChartBar("Ekalaka", [Decimal("0.5"), 0]))
    )
    assert [(part["slug"], part["x"], part["width"]) for part in drawn["parts"]] == [
        ("certified", "0.00%", "75.00%"),
        ("sent", "75.00%", "25.00%"),
        ("certified", "0.00%", "12.50%"),
    ]
    assert [label["text"] for label in drawn["labels"]] == ["Baker", "Ekalaka"]
    assert drawn["height"] == "6.200em"


def test_columns_stand_on_each_other_below_a_round_figure() -> None:
    drawn = charts.draw_columns(chart(ChartBar("Q1", [5, 3], "2027"), ChartBar("Q2", [0, 0])))
    lower, upper = drawn["parts"]
    assert (lower["y"], lower["height"]) == ("6.000em", "7.500em")
    assert (upper["y"], upper["height"]) == ("1.500em", "4.500em")
    assert (lower["x"], lower["width"]) == ("5.00%", "40.00%")
    assert [line["text"] for line in drawn["lines"]] == ["8", "4", ""]
    assert [label["text"] for label in drawn["labels"]] == ["Q1", "2027", "Q2"]


@pytest.mark.parametrize(
    ("figure", "top"), [(0, 1), (1, 1), (3, 3), (7, 8), (9, 10), (11, 20), (Decimal("99.5"), 100)]
)
def test_the_highest_line_is_round_and_above_every_column(figure: Decimal, top: int) -> None:
    drawn = charts.draw_columns(chart(ChartBar("Q1", [figure, 0])))
    assert drawn["lines"][0]["text"] == str(top)


def test_no_series_is_distinguished_by_color_alone() -> None:
    legend = charts.draw_bars(chart(ChartBar("Baker", [1, 1])))["legend"]
    assert [(each["label"], each["pattern"]) for each in legend] == [
        ("Credits", ""),
        ("Others", "figures-1"),
    ]
