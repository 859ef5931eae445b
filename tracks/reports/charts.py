"""Charts drawn on the server: where everything stands, in percent of the width and in lines.

Texts keep their size on a narrow screen, because nothing is scaled (templates/tracks/reports/
chart.html). A series has a color and a pattern, so that neither is needed to tell it apart.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

Figure = int | Decimal
# In lines of text: how high columns may be, where they stand, and how much room a bar takes.
HEIGHT, TOP, ROW = 12, 1.5, 3.1
FEW_COLUMNS, LABEL_EVERY = 8, 6


class Series(NamedTuple):
    """`slug` says which color; `shape` stands before the label, where it has one."""

    label: str
    slug: str
    shape: str = ""


class ChartBar(NamedTuple):
    """A column or a bar: one figure for each series. `below` stands under a column's label."""

    label: str
    figures: Sequence[Figure]
    below: str = ""


class Chart(NamedTuple):
    """A picture of figures that stand in a table as well. `text` says in words what it shows."""

    id: str
    title: str
    text: str
    series: Sequence[Series]
    bars: Sequence[ChartBar]


def draw_columns(chart: Chart) -> dict[str, Any]:
    """Columns beside each other, for what goes on in time."""
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
    """Bars below each other with their names above, for places and people."""
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
    """The first series is plain, each other one has a pattern."""
    return {"slug": chart.series[number].slug, "pattern": f"{chart.id}-{number}" if number else ""}


def _y(figure: Figure, top: int) -> float:
    return TOP + HEIGHT * (1 - float(figure) / top)


def _em(lines: float | Decimal) -> str:
    return f"{lines:.3f}em"


def _round_up(figure: Figure) -> int:
    """The next of 1, 2, 3, 4, 5, 6, 8, 10, 20, 30 … that is not below the figure."""
    if figure <= 1:
        return 1
    power = int("1" + "0" * (len(str(math.ceil(figure))) - 1))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= figure)
