"""Charts drawn on the server, positioned in percent of the width and in lines of text.

Text keeps its size on a narrow screen, because nothing is scaled (templates/tracks/reports/
chart.html). A series has a color and a pattern, so color alone never tells series apart.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

Figure = int | Decimal
# In lines of text: the height of columns, the space above them, and the height of a bar's row.
HEIGHT, TOP, ROW = 12, 1.5, 3.1
FEW_COLUMNS, LABEL_EVERY = 8, 6


class Series(NamedTuple):
    """`slug` selects the color; `shape`, if any, precedes the label."""

    label: str
    slug: str
    shape: str = ""


class ChartBar(NamedTuple):
    """A column or a bar: one figure per series. `below` goes under a column's label."""

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


def draw_columns(chart: Chart) -> dict[str, Any]:
    """Columns side by side, for time series."""
    top = _round_up(max((sum(bar.figures) for bar in chart.bars), default=0))
    step = 100 / max(1, len(chart.bars))
    parts, labels = [], []
    for place, bar in enumerate(chart.bars):
        done = Decimal(0)
        for number, figure in enumerate(bar.figures):
            if figure:
                done += Decimal(figure)
                parts.append(
                    _part(chart, number)
                    | {"x": f"{step * (place + 0.1):.2f}%", "width": f"{step * 0.8:.2f}%"}
                    | {"y": _em(_y(done, top)), "height": _em(HEIGHT * figure / top)}
                )
        if len(chart.bars) <= FEW_COLUMNS or place % LABEL_EVERY == 0:
            x = f"{step * (place + 0.1):.2f}%"
            labels.append({"x": x, "y": _em(TOP + HEIGHT + 1.3), "text": bar.label})
            labels.append({"x": x, "y": _em(TOP + HEIGHT + 2.5), "text": bar.below})
    lines = [
        {"y": _em(_y(figure, top)), "above": _em(_y(figure, top) - 0.25), "text": f"{figure:,}"}
        for figure in ([top, top // 2] if top % 2 == 0 else [top])
    ]
    lines.append({"y": _em(TOP + HEIGHT), "above": "", "text": ""})
    return _drawn(chart, parts, labels, lines=lines, height=_em(TOP + HEIGHT + 3))


def draw_bars(chart: Chart) -> dict[str, Any]:
    """Bars below each other with their labels above, for places and people."""
    top = max((sum(bar.figures) for bar in chart.bars), default=0) or 1
    parts, labels = [], []
    for place, bar in enumerate(chart.bars):
        y, done = place * ROW, Decimal(0)
        labels.append({"x": "0", "y": _em(y + 1.1), "text": bar.label})
        for number, figure in enumerate(bar.figures):
            if figure:
                parts.append(
                    _part(chart, number)
                    | {"x": f"{100 * done / top:.2f}%", "width": f"{100 * figure / top:.2f}%"}
                    | {"y": _em(y + 1.45), "height": _em(1.2)}
                )
                done += Decimal(figure)
    return _drawn(chart, parts, labels, lines=[], height=_em(len(chart.bars) * ROW))


def _drawn(chart: Chart, parts: Any, labels: Any, **more: Any) -> dict[str, Any]:
    legend = [
        {"label": series.label, "shape": series.shape} | _part(chart, number)
        for number, series in enumerate(chart.series)
    ]
    return {
        "id": chart.id,
        "title": chart.title,
        "text": f"{chart.text} The table below has the same numbers.",
        "parts": parts,
        "labels": [label for label in labels if label["text"]],
        "legend": legend,
        **more,
    }


def _part(chart: Chart, number: int) -> dict[str, Any]:
    """The first series is plain, the others have a pattern."""
    return {"slug": chart.series[number].slug, "pattern": f"{chart.id}-{number}" if number else ""}


def _y(figure: Figure, top: int) -> float:
    return TOP + HEIGHT * (1 - float(figure) / top)


def _em(lines: float | Decimal) -> str:
    return f"{lines:.3f}em"


def _round_up(figure: Figure) -> int:
    """The least of 1, 2, 3, 4, 5, 6, 8, 10, 20, 30 … that is not below the figure."""
    if figure <= 1:
        return 1
    power = int("1" + "0" * (len(str(math.ceil(figure))) - 1))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= figure)
