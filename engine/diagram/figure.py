"""The sizes of what is drawn, and the lines of text inside: before anything has its place.

The label of an edge is placed like a node that the edge passes through: so it has room of its
own, and nobody has to guess which line it belongs to.

This module knows fonts and paddings. It does not know where anything stands (`layout`), nor
how it is written down (`svg`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.diagram.layout import Line
from engine.diagram.text import fixed_width, pieces, shortened, visible, width, wrapped

if TYPE_CHECKING:
    from engine.diagram.sketch import Arrow, Box, Sketch

NAME: Final = 14
NOTE: Final = 11
LABEL: Final = 11
"""Sizes of fonts."""

ROW: Final = 16
"""From one line of text in a node to the next."""

STEP: Final = 14
"""From one line of a label to the next."""

DOT: Final = 14.0
"""Across the start, and each end."""

_LONGEST_NAME: Final = 34
_LONGEST_NOTE: Final = 42
_LONGEST_LINE: Final = 30
_MOST_LINES: Final = 3
_MOST_LABELS: Final = 4
_PADDING: Final = 16
_NARROWEST: Final = 96.0


@dataclass(frozen=True, slots=True)
class BoxFigure:
    """A node: its lines of text, and its size."""

    box: Box
    name: str
    tool: str
    notes: tuple[str, ...]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ArrowFigure:
    """An edge: what it ties together, its label, and the size of that."""

    arrow: Arrow
    label: tuple[str, ...]
    lines: tuple[Line, ...]
    """One; or two, to the label and from it."""
    place: int
    """The figure that its label is, if it has one."""
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Figure:
    """All figures of a diagram."""

    boxes: tuple[BoxFigure, ...]
    arrows: tuple[ArrowFigure, ...]
    ends: tuple[int, ...]
    """Which figures are ends of branches."""
    sizes: tuple[tuple[float, float], ...]
    """The start, the nodes, then labels and ends."""

    @property
    def lines(self) -> list[Line]:
        """Give all lines, in the order of the arrows."""
        return [line for arrow in self.arrows for line in arrow.lines]


def figure(drawn: Sketch) -> Figure:
    """Give everything its size."""
    boxes = tuple(map(_box, drawn.boxes))
    number = {box.box.name: place for place, box in enumerate(boxes, 1)}
    sizes = [(DOT, DOT), *((box.width, box.height) for box in boxes)]
    ends: list[int] = []
    arrows: list[ArrowFigure] = []
    for arrow in drawn.arrows:
        source = 0 if arrow.source is None else number[arrow.source]
        label = _label(arrow)
        wide = round(max((fixed_width(line, LABEL) for line in label), default=0.0) + 10)
        high = float(STEP * len(label) + 4)
        place = len(sizes)
        if label:
            sizes.append((wide, high))
        if arrow.target is None:
            ends.append(len(sizes))
            sizes.append((DOT, DOT))
        target = ends[-1] if arrow.target is None else number[arrow.target]
        lines = [Line(source, target, arrow.loop)]
        if label:  # that of an edge to the same node hangs below it, and only the way back is up
            down = Line(source, place, arrow.loop and source != target)
            lines = [down, Line(place, target, arrow.loop)]
        arrows.append(ArrowFigure(arrow, label, tuple(lines), place, wide, high))
    return Figure(boxes, tuple(arrows), tuple(ends), tuple(sizes))


def _label(arrow: Arrow) -> tuple[str, ...]:
    """Write the labels of an edge in short lines."""
    labels = list(arrow.labels)
    if len(labels) > _MOST_LABELS:
        labels[_MOST_LABELS - 1 :] = [f"and {len(labels) - _MOST_LABELS + 1:,} more"]
    return tuple(line for label in labels for line in _short(label))


def _short(label: str) -> list[str]:
    words = [piece for word in visible(label).split(" ") for piece in pieces(word, _LONGEST_LINE)]
    lines = wrapped(words, _LONGEST_LINE, " ")
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [shortened(f"{lines[_MOST_LINES - 1]} {'…'}", _LONGEST_LINE)]
    return lines


def _box(box: Box) -> BoxFigure:
    name = shortened(visible(box.name), _LONGEST_NAME)
    tool = shortened(visible(box.tool), _LONGEST_NOTE)
    short = [shortened(visible(note), _LONGEST_NOTE) for note in box.notes]
    lines = tuple(wrapped(short, _LONGEST_NOTE, " · "))
    widest = max(
        width(name, NAME, bold=True),
        fixed_width(tool, NOTE),
        *(width(line, NOTE) for line in lines),
        0.0,
    )
    return BoxFigure(
        box=box,
        name=name,
        tool=tool,
        notes=lines,
        width=round(max(_NARROWEST, widest + 2 * _PADDING)),
        height=24.0 + NAME + ROW * (len(lines) + bool(tool)),
    )
