"""Charts drawn on the server. Positions are percentages of the width and lines of text.

Nothing is scaled, so text keeps its size on a narrow screen (templates/tracks/reports/chart.html).
Each series has a color and a pattern, so charts can be read without color.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

Figure = int | Decimal
# In lines of text: the height of columns, the space above them, and the height of a bar's row.
COLUMN_HEIGHT, TOP_SPACE, BAR_HEIGHT = 12, 1.5, 3.1
# Up to FEW_COLUMNS columns are all labeled. If there are more, every sixth column is.
FEW_COLUMNS, LABEL_EVERY = 8, 6


class Series(NamedTuple):
    """A series of figures. `slug` selects its color; `shape`, if any, precedes its label."""

    label: str
    slug: str
    shape: str = ""


class ChartBar(NamedTuple):
    """A column or a bar, with one figure per series. `below` goes under a column's label."""

    label: str
    figures: Sequence[Figure]
    below: str = ""


class Chart(NamedTuple):
    """A chart of figures that are also in a table. `text` is its text alternative."""

    id: str
    title: str
    text: str
    series: Sequence[Series]
    bars: Sequence[ChartBar]


class Part(NamedTuple):
    """A rectangle in the color and pattern of its series."""

    slug: str
    pattern: str
    x: str
    y: str
    width: str
    height: str


class ChartLabel(NamedTuple):
    text: str
    x: str
    y: str


class GridLine(NamedTuple):
    """A horizontal line. `text_y` is the position of `text`, the figure above the line."""

    y: str
    text: str = ""
    text_y: str = ""


class LegendEntry(NamedTuple):
    label: str
    shape: str
    slug: str
    pattern: str


class DrawnChart(NamedTuple):
    """A chart as chart.html shows it."""

    id: str
    title: str
    text: str
    legend: list[LegendEntry]
    parts: list[Part]
    labels: list[ChartLabel]
    grid: list[GridLine]
    height: str


def draw_columns(chart: Chart) -> DrawnChart:
    """Draw columns side by side, for time series."""
    top = _round_up(max((sum(bar.figures) for bar in chart.bars), default=0))
    step = 100 / max(1, len(chart.bars))
    parts, labels = [], []
    for place, bar in enumerate(chart.bars):
        x, stacked = _percent(step * (place + 0.1)), Decimal(0)
        for number, figure in enumerate(bar.figures):
            if figure:
                stacked += Decimal(figure)
                y, height = _em(_y(stacked, top)), _em(COLUMN_HEIGHT * figure / top)
                parts.append(Part(*_style(chart, number), x, y, _percent(step * 0.8), height))
        if len(chart.bars) <= FEW_COLUMNS or place % LABEL_EVERY == 0:
            labels.append(ChartLabel(bar.label, x, _em(TOP_SPACE + COLUMN_HEIGHT + 1.3)))
            labels.append(ChartLabel(bar.below, x, _em(TOP_SPACE + COLUMN_HEIGHT + 2.5)))
    grid = [
        GridLine(_em(_y(figure, top)), f"{figure:,}", _em(_y(figure, top) - 0.25))
        for figure in ([top, top // 2] if top % 2 == 0 else [top])
    ]
    grid.append(GridLine(_em(TOP_SPACE + COLUMN_HEIGHT)))
    return _drawn(chart, parts, labels, grid, TOP_SPACE + COLUMN_HEIGHT + 3)


def draw_bars(chart: Chart) -> DrawnChart:
    """Draw horizontal bars, each with its label above it. Used for places and people."""
    longest = max((sum(bar.figures) for bar in chart.bars), default=0) or 1
    parts, labels = [], []
    for place, bar in enumerate(chart.bars):
        y, sum_before = place * BAR_HEIGHT, Decimal(0)
        labels.append(ChartLabel(bar.label, "0", _em(y + 1.1)))
        for number, figure in enumerate(bar.figures):
            if figure:
                x, width = _percent(100 * sum_before / longest), _percent(100 * figure / longest)
                parts.append(Part(*_style(chart, number), x, _em(y + 1.45), width, _em(1.2)))
                sum_before += Decimal(figure)
    return _drawn(chart, parts, labels, [], len(chart.bars) * BAR_HEIGHT)


def _drawn(
    chart: Chart, parts: list[Part], labels: list[ChartLabel], grid: list[GridLine], height: float
) -> DrawnChart:
    return DrawnChart(
        id=chart.id,
        title=chart.title,
        text=f"{chart.text} The table below has the same numbers.",
        legend=[
            LegendEntry(series.label, series.shape, *_style(chart, number))
            for number, series in enumerate(chart.series)
        ],
        parts=parts,
        labels=[label for label in labels if label.text],
        grid=grid,
        height=_em(height),
    )


def _style(chart: Chart, number: int) -> tuple[str, str]:
    """Return a series' color and pattern. The first series has no pattern."""
    return chart.series[number].slug, f"{chart.id}-{number}" if number else ""


def _y(figure: Figure, top: int) -> float:
    return TOP_SPACE + COLUMN_HEIGHT * (1 - float(figure) / top)


def _em(lines: float | Decimal) -> str:
    return f"{lines:.3f}em"


def _percent(number: float | Decimal) -> str:
    return f"{number:.2f}%"


def _round_up(figure: Figure) -> int:
    """Return the lowest of 1, 2, 3, 4, 5, 6, 8, 10, 20, 30 … that is at least the figure."""
    if figure <= 1:
        return 1
    power = int("1" + "0" * (len(str(math.ceil(figure))) - 1))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= figure)
