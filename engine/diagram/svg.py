"""A diagram written down as SVG: no script, no address, no style but one fixed sheet.

This module knows how nodes look, and the picture as a whole. It does not know where anything
stands (`layout`), nor what edges look like (`arrows`).

Everything has its colours as presentation attributes, which hold wherever the picture goes,
also into a page whose policy forbids inline style; the sheet only turns them for those who
read in the dark. What a run did is told by shapes and words, too: a badge and a count at each
node, lines that are dashed, thick or faint, a legend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.diagram import arrows
from engine.diagram.arrows import MONO, way
from engine.diagram.counts import Area, Room
from engine.diagram.figure import DOT, NAME, NOTE, ROW
from engine.diagram.markup import element, text
from engine.diagram.palette import INK, LINE, LOOKS, MUTED, PAPER, PLAIN, STYLE
from engine.diagram.text import TIMES, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.diagram.figure import ArrowFigure, BoxFigure, Figure
    from engine.diagram.layout import Placement, Route
    from engine.diagram.run_path import NodePath, NodeStatus, RunPath

SANS: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"

_MARGIN: Final = 22.0
_LEGEND: Final = 30.0
"""The height of the legend."""
_BADGE: Final = 9.0
"""The radius of a badge."""
_RIM: Final = 7.0
"""Between the count in a badge and its round end."""


def written(drawn: Figure, placed: Placement, title: str, path: RunPath | None) -> str:
    """Write a diagram down, with what a run did if that is given."""
    left, top = placed.left - _MARGIN, placed.top - _MARGIN
    across = placed.right - placed.left + 2 * _MARGIN
    down = placed.bottom - placed.top + 2 * _MARGIN
    legend: list[str] = []
    if path is not None:
        found = {each.status for each in path.nodes.values()}
        seen: list[NodeStatus] = [status for status in LOOKS if status in found]
        legend, wide = _legend(seen, left + _MARGIN, top + down)
        across, down = max(across, wide + 2 * _MARGIN), down + _LEGEND
    return (
        element(
            "svg",
            element("title", text(title)),
            element("desc", text(_told(drawn, path))),
            element("style", STYLE),
            element(
                "rect",
                kind="paper",
                x=left,
                y=top,
                width=across,
                height=down,
                rx=10.0,
                fill=PAPER[0],
            ),
            *_edges_and_nodes(drawn, placed, path),
            *legend,
            xmlns="http://www.w3.org/2000/svg",
            kind="awe",
            role="img",
            width=across,
            height=down,
            viewBox=f"{left:g} {top:g} {across:g} {down:g}",
            font_family=SANS,
        )
        + "\n"
    )


def _edges_and_nodes(drawn: Figure, placed: Placement, path: RunPath | None) -> Iterator[str]:
    routes = iter(placed.routes)
    ways: list[tuple[ArrowFigure, list[Route], int | None]] = []
    for arrow in drawn.arrows:
        ends = (arrow.arrow.source, arrow.arrow.target)
        own = [next(routes) for _ in arrow.lines]
        ways.append((arrow, own, None if path is None else path.edges.get(ends, 0)))
    for arrow, own, count in sorted(ways, key=lambda each: bool(each[2])):
        yield way(arrow, own, count)  # what was taken lies over what was not
    (x, y), *boxes = placed.figures[: len(drawn.boxes) + 1]
    yield element("circle", kind="ink start", cx=x, cy=y, r=DOT / 2, fill=INK[0])
    for box, middle in zip(drawn.boxes, boxes, strict=True):
        yield _node(box, middle, None if path is None else path.nodes.get(box.box.name))
    for place in drawn.ends:
        yield _end(*placed.figures[place])
    for arrow, _, count in ways:
        if arrow.label:
            yield arrows.label(arrow, placed.figures[arrow.place], count)
    if path is not None:
        yield from _counts(drawn, placed, path, [(own, count or 0) for _, own, count in ways])


def _counts(
    drawn: Figure, placed: Placement, path: RunPath, ways: Sequence[tuple[list[Route], int]]
) -> Iterator[str]:
    """Write at each edge how many messages took it, if several did."""
    several = [
        (arrows.tally_of(edge, own, count), count)
        for edge, (own, count) in enumerate(ways)
        if count > 1
    ]
    if not several:
        return
    edge = _MARGIN - 4
    room = Room(
        Area(placed.left - edge, placed.top - edge, placed.right + edge, placed.bottom + edge)
    )
    for middle, size in zip(placed.figures, drawn.sizes, strict=True):
        room.take(Area.around(middle, *size))
    for box, (x, y) in zip(drawn.boxes, placed.figures[1:], strict=False):
        seen = path.nodes.get(box.box.name)
        if seen is not None:
            room.take(_badge_area(seen, x + box.width / 2, y - box.height / 2))
    for number, (own, _) in enumerate(ways):
        room.take_lines(number, own)
    for wanted, count in several:
        yield from arrows.tally(wanted, room.place(wanted), count)


def _told(drawn: Figure, path: RunPath | None) -> str:
    """Describe the picture to whoever can't see it."""
    nodes = f"A workflow of {len(drawn.boxes):,} node{'' if len(drawn.boxes) == 1 else 's'}"
    if path is None:
        return f"{nodes}."
    return f"{nodes}; run {path.run_id}, {path.status}, as it was after entry {path.seq}."


# -- nodes --------------------------------------------------------------------------------


def _node(drawn: BoxFigure, middle: tuple[float, float], seen: NodePath | None) -> str:
    look = None if seen is None else LOOKS[seen.status]
    x, y = middle[0] - drawn.width / 2, middle[1] - drawn.height / 2
    box = element(
        "rect",
        kind="box",
        x=x,
        y=y,
        width=drawn.width,
        height=drawn.height,
        rx=8.0,
        fill=PLAIN[0] if look is None else look.ground[0],
        stroke=LINE[0] if look is None else look.line[0],
        stroke_width=1.2 if look is None else 2.0,
        stroke_dasharray=None if look is None else look.dash,
    )
    bars = {y + 3: drawn.box.split is not None, y + drawn.height - 3: drawn.box.splits}
    return element(
        "g",
        element("title", text(_hint(drawn, seen))),
        box,
        *(_bar(x + 12, at, drawn.width - 24) for at, has in bars.items() if has),
        *_texts(drawn, middle[0], y + 12 + NAME * 0.86),
        *(() if seen is None else _badge(seen, x + drawn.width, y)),
        kind="node" if seen is None else f"node {seen.status}",
        data_node=drawn.box.name,
        data_status=None if seen is None else seen.status,
        data_visits=None if seen is None else seen.visits,
    )


def _bar(x: float, y: float, long: float) -> str:
    """Draw the bar of a node at which branches meet, or part."""
    return element(
        "path",
        kind="bar",
        d=f"M{x:g},{y:g}h{long:g}",
        stroke=MUTED[0],
        stroke_width=2.5,
        stroke_linecap="round",
    )


def _texts(drawn: BoxFigure, x: float, y: float) -> Iterator[str]:
    yield _text(drawn.name, x, y, kind="ink", size=NAME, weight="600")
    if drawn.tool:
        y += ROW
        yield _text(drawn.tool, x, y, kind="muted", size=NOTE, family=MONO)
    for line in drawn.notes:
        y += ROW
        yield _text(line, x, y, kind="muted", size=NOTE)


def _text(  # noqa: PLR0913  # what a line of text has, each by name
    content: str,
    x: float,
    y: float,
    *,
    kind: str,
    size: float,
    anchor: str | None = "middle",
    weight: str | None = None,
    family: str | None = None,
) -> str:
    return element(
        "text",
        text(content),
        kind=kind,
        x=x,
        y=y,
        text_anchor=anchor,
        font_family=family,
        font_size=float(size),
        font_weight=weight,
        fill={"ink": INK, "muted": MUTED, "paper": PAPER}[kind][0],
    )


def _hint(drawn: BoxFigure, seen: NodePath | None) -> str:
    """Tell of a node what there was no room for."""
    box = drawn.box
    words = [f"{box.name}: tool {box.tool or box.name}", *box.notes]
    if seen is not None:
        words.append(f"{seen.status}, {seen.visits:,} visit{'' if seen.visits == 1 else 's'}")
    return "; ".join(words)


def _badge(seen: NodePath, x: float, y: float) -> Iterator[str]:
    """Draw the status of a node on its corner, and how often it fired if that was often."""
    look = LOOKS[seen.status]
    area = _badge_area(seen, x, y)
    yield element(
        "rect",
        kind="badge",
        x=area.left,
        y=area.top,
        width=area.right - area.left,
        height=area.bottom - area.top,
        rx=_BADGE,
        fill=look.line[0],
    )
    yield _sign(seen.status, area.left + _BADGE, y)
    if count := _visits(seen):
        yield _text(
            count, area.right - _RIM, y + 4, kind="paper", size=NOTE, anchor="end", weight="600"
        )


def _badge_area(seen: NodePath, x: float, y: float) -> Area:
    """Say where the badge of a node is, on a corner."""
    count = _visits(seen)
    beside = width(count, NOTE, bold=True) + _RIM if count else 0.0
    return Area(x - _BADGE - beside, y - _BADGE, x + _BADGE, y + _BADGE)


def _visits(seen: NodePath) -> str:
    return f"{TIMES}{seen.visits:,}" if seen.visits > 1 else ""


def _sign(status: NodeStatus, x: float, y: float) -> str:
    return element(
        "path",
        kind="sign",
        transform=f"translate({x:g},{y:g})",
        d=LOOKS[status].sign,
        fill="none",
        stroke=PAPER[0],
        stroke_width=2.0,
        stroke_linecap="round",
        stroke_linejoin="round",
    )


def _end(x: float, y: float) -> str:
    """Draw the end of a branch."""
    return element(
        "g",
        element("title", "the branch ends"),
        element("circle", kind="paper", cx=x, cy=y, r=DOT / 2 - 1, fill=PAPER[0]),
        element(
            "circle",
            kind="ring",
            cx=x,
            cy=y,
            r=DOT / 2 - 1,
            fill="none",
            stroke=INK[0],
            stroke_width=1.5,
        ),
        element("circle", kind="ink", cx=x, cy=y, r=DOT / 2 - 4, fill=INK[0]),
        kind="end",
    )


# -- the legend ---------------------------------------------------------------------------


def _legend(seen: Sequence[NodeStatus], x: float, y: float) -> tuple[list[str], float]:
    """Say what the badges mean; give that, and how wide it is."""
    items: list[str] = []
    at = x
    for status in seen:
        badge = element(
            "circle", kind="badge", cx=at + _BADGE, cy=y, r=_BADGE, fill=LOOKS[status].line[0]
        )
        name = _text(status, at + 24, y + 4, kind="muted", size=NOTE, anchor="start")
        items.append(element("g", badge, _sign(status, at + _BADGE, y), name, kind=status))
        at += 24 + width(status, NOTE) + 18
    return ([element("g", *items, kind="legend")] if items else []), at - x
