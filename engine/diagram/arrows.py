"""The edges of a picture: lines with round corners, heads, labels.

This module knows how an edge looks. It does not know why it runs where it does (`layout`).
"""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING, Final

from engine.diagram.counts import Count
from engine.diagram.figure import LABEL, STEP
from engine.diagram.markup import element, number, text
from engine.diagram.palette import ERROR, INK, LINE, MUTED, PAPER, TAKEN
from engine.diagram.text import TIMES, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.diagram.counts import Spot
    from engine.diagram.figure import ArrowFigure
    from engine.diagram.layout import Point, Route

MONO: Final = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

_DASHES: Final = {"way": "", "error": "6 4", "choice": "2 3"}
_ROUND: Final = 9.0
"""The radius of a corner."""
_HEAD: Final = 8.0
_FAINT: Final = 0.5
_HIGH: Final = 10.0
"""The height of a count."""


def way(drawn: ArrowFigure, routes: Sequence[Route], count: int | None) -> str:
    """Draw an edge.

    Args:
        drawn: Which.
        routes: The corners of its lines.
        count: How many messages took it; None: it is not about a run.
    """
    arrow = drawn.arrow
    taken = bool(count)
    colour = ERROR if arrow.kind == "error" else TAKEN if taken else LINE
    marks = {"error": arrow.kind == "error", "loop": arrow.loop, "taken": taken}
    head = _HEAD + 2 * taken
    last = routes[-1]
    end = _towards(last[-1], last[-2], head * 0.7)
    lines = [*map(_line, routes[:-1]), _line((*last[:-1], end))]
    return element(
        "g",
        element("title", text(_told(drawn, count or 0))),
        element(
            "path",
            kind="line",
            d="".join(lines),
            fill="none",
            stroke=colour[0],
            stroke_width=2.6 if taken else 1.4,
            stroke_dasharray=_DASHES[arrow.kind],
        ),
        element("path", kind="head", d=_head(last, head), fill=colour[0]),
        kind=" ".join(["edge", *(mark for mark, has in marks.items() if has)]),
        data_from=arrow.source,
        data_to=arrow.target,
        data_count=count,
        opacity=None if count is None or taken else _FAINT,
    )


def label(drawn: ArrowFigure, middle: Point, count: int | None) -> str:
    """Draw the label of an edge."""
    x, top = middle[0], middle[1] - drawn.height / 2
    rows = [
        element("text", text(line), x=x, y=top + STEP * (row + 1) - 2.5)
        for row, line in enumerate(drawn.label)
    ]
    return element(
        "g",
        *rows,
        kind="ink label",
        font_family=MONO,
        font_size=float(LABEL),
        text_anchor="middle",
        fill=INK[0],
        opacity=None if count is None or count else _FAINT + 0.2,
    )


def tally_of(edge: int, routes: Sequence[Route], count: int) -> Count:
    """Say how large the count of an edge is that several messages took."""
    return Count(edge, routes, width(_times(count), LABEL, bold=True), _HIGH)


def tally(wanted: Count, spot: Spot, count: int) -> Iterator[str]:
    """Draw how many messages took an edge."""
    x, y = spot.middle
    if not spot.clear:
        yield element(
            "rect",
            kind="paper",
            x=x - wanted.width / 2 - 2,
            y=y - _HIGH / 2 - 2,
            width=wanted.width + 4,
            height=_HIGH + 4,
            fill=PAPER[0],
        )
    yield element(
        "text",
        _times(count),
        kind="muted count",
        x=x,
        y=y + 4,
        font_size=float(LABEL),
        font_weight="600",
        text_anchor="middle",
        fill=MUTED[0],
    )


def _times(count: int) -> str:
    return f"{TIMES}{count:,}"


def _told(drawn: ArrowFigure, count: int) -> str:
    """Tell of an edge what there was no room for."""
    arrow = drawn.arrow
    words = [f"{arrow.source or 'start'} → {arrow.target or 'end'}", *arrow.labels]
    if count:
        words.append(f"{count:,} message{'' if count == 1 else 's'}")
    return "; ".join(words)


def _line(points: Route) -> str:
    """Draw a line with round corners."""
    parts = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        room = min(_ROUND, _distance(before, corner) / 2, _distance(corner, after) / 2)
        into, out = _towards(corner, before, room), _towards(corner, after, room)
        parts.append(f"L{_at(into)}Q{_at(corner)} {_at(out)}")
    return "".join([*parts, f"L{_at(points[-1])}"])


def _head(points: Route, head: float) -> str:
    """Draw the head of an arrow at the end of its line."""
    tip = points[-1]
    back = _towards(tip, points[-2], head)
    dx, dy = (tip[0] - back[0]) * 0.45, (tip[1] - back[1]) * 0.45
    left, right = (back[0] - dy, back[1] + dx), (back[0] + dy, back[1] - dx)
    return f"M{_at(tip)}L{_at(left)}L{_at(right)}Z"


def _towards(a: Point, b: Point, length: float) -> Point:
    """Go so far from one point towards another, and not beyond it."""
    whole = _distance(a, b)
    share = min(1.0, length / whole) if whole else 0.0
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def _distance(a: Point, b: Point) -> float:
    return hypot(b[0] - a[0], b[1] - a[1])


def _at(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"
