"""Where the counts of edges stand: beside their lines, where nothing else is.

This module knows rectangles and lines. It does not know what a count says, nor how it looks
(`arrows`). What stands where without counts is not moved by them: a picture that is drawn
again and again, as a run goes on, keeps still.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, pairwise
from math import ceil, floor, hypot
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.diagram.layout import Point, Route

BESIDE: Final = 6.0
"""Between a count and its own line."""

_AIR: Final = 4.0
"""Between a count and what is no line."""

_APART: Final = 5.0
"""Between a count and any other line: it is nearer to its own."""

_CELL: Final = 48.0
"""Across a cell of the grid in which it is looked up what is there."""

_LEFT: Final = 12.0
"""Of a line, on each side of a count that stands in it."""

_HEAD: Final = 12.0
"""At the end of a line, where its head is."""


class Area(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, middle: Point, width: float, height: float) -> Area:
        """Give the rectangle of a size with this middle."""
        x, y = middle
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def is_within(self, other: Area) -> bool:
        """Tell whether another rectangle holds all of this one."""
        return (
            other.left <= self.left
            and other.top <= self.top
            and self.right <= other.right
            and self.bottom <= other.bottom
        )

    def meets(self, other: Area) -> bool:
        """Tell whether two rectangles have something in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Count:
    """A count that wants a place: the lines of its edge, and its size."""

    edge: int
    routes: Sequence[Route]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a count stands."""

    middle: Point
    clear: bool
    """Whether there is nothing below it; else it needs a ground of its own."""


class Room:
    """What is where.

    Args:
        whole: The picture, out of which no count may stick.
    """

    def __init__(self, whole: Area) -> None:
        self._whole = whole
        self._figures = _Grid()
        self._lines = _Grid()

    def take(self, area: Area) -> None:
        """Take note that something is there which is no line."""
        left, top, right, bottom = area
        self._figures.note(Area(left - _AIR, top - _AIR, right + _AIR, bottom + _AIR))

    def take_lines(self, edge: int, routes: Iterable[Route]) -> None:
        """Take note of the lines of an edge."""
        for route in routes:
            for a, b in pairwise(route):
                for piece in _pieces(a, b):
                    self._lines.note(piece, edge)
            self._lines.note(Area.around(route[-1], _HEAD, _HEAD), edge)

    def place(self, count: Count) -> Spot:
        """Give a count its place, and take that.

        The first place beside its line where nothing else is; else one in its line, as labels
        stand in theirs; else one where nothing but lines is; else the first, whatever is there.
        """
        beside, inside = [*_beside(count)], [*_inside(count)]

        def free(at: Point) -> bool:
            area = Area.around(at, count.width, count.height)
            return area.is_within(self._whole) and not self._figures.has(area)

        def lines(at: Point, own: int | None = None) -> bool:
            return self._lines.has(Area.around(at, count.width, count.height), own)

        spots = chain(
            (Spot(at, clear=True) for at in beside if free(at) and not lines(at)),
            (Spot(at, clear=False) for at in inside if free(at) and not lines(at, count.edge)),
            (Spot(at, clear=False) for at in (*inside, *beside) if free(at)),
            (Spot(at, clear=False) for at in beside),
        )
        spot = next(spots)
        self.take(Area.around(spot.middle, count.width, count.height))
        return spot


class _Grid:
    """Rectangles by the cells they are in, so that it takes no longer to ask in a large picture."""

    def __init__(self) -> None:
        self._cells: defaultdict[tuple[int, int], list[tuple[Area, int | None]]] = defaultdict(list)

    def note(self, area: Area, edge: int | None = None) -> None:
        """Take note of one; with an edge, of a line of that."""
        for cell in _cells(area):
            self._cells[cell].append((area, edge))

    def has(self, area: Area, own: int | None = None) -> bool:
        """Tell whether there is one in a place, but for those of an edge."""
        return any(
            area.meets(each)
            for cell in _cells(area)
            for each, edge in self._cells.get(cell, ())
            if own is None or edge != own
        )


def _cells(area: Area) -> Iterator[tuple[int, int]]:
    for column in range(floor(area.left / _CELL), floor(area.right / _CELL) + 1):
        for row in range(floor(area.top / _CELL), floor(area.bottom / _CELL) + 1):
            yield column, row


def _pieces(a: Point, b: Point) -> Iterator[Area]:
    """Cover a line with rectangles: one, if it runs along an axis; else many small ones."""
    (x0, y0), (x1, y1) = a, b
    slanted = abs(x1 - x0) > 1 and abs(y1 - y0) > 1
    parts = ceil(hypot(x1 - x0, y1 - y0) / _CELL) or 1 if slanted else 1
    for part in range(parts):
        p, q = part / parts, (part + 1) / parts
        left, right = sorted((x0 + (x1 - x0) * p, x0 + (x1 - x0) * q))
        top, bottom = sorted((y0 + (y1 - y0) * p, y0 + (y1 - y0) * q))
        yield Area(left - _APART, top - _APART, right + _APART, bottom + _APART)


def _beside(count: Count) -> Iterator[Point]:
    """Give places beside the lines of an edge, those near where it begins first."""
    across, down = BESIDE + count.width / 2, BESIDE + count.height / 2
    for (x0, y0), (x1, y1) in _segments(count.routes):
        upright = abs(y1 - y0) >= abs(x1 - x0)
        for x, y in _along(
            (x0, y0), (x1, y1), (count.height if upright else count.width) + 2 * _AIR
        ):
            for side in (1, -1):
                yield (x + side * across, y) if upright else (x, y - side * down)


def _inside(count: Count) -> Iterator[Point]:
    """Give places in the lines of an edge, where enough is left of them."""
    for (x0, y0), (x1, y1) in _segments(count.routes):
        upright = abs(y1 - y0) >= abs(x1 - x0)
        if hypot(x1 - x0, y1 - y0) >= (count.height if upright else count.width) + 2 * _LEFT:
            yield (x0 + x1) / 2, (y0 + y1) / 2


def _segments(routes: Sequence[Route]) -> Iterator[tuple[Point, Point]]:
    for route in routes:
        yield from pairwise(route)


def _along(a: Point, b: Point, length: float) -> Iterator[Point]:
    """Give places of something so long along a line: near its begin, then on towards its end."""
    whole = hypot(b[0] - a[0], b[1] - a[1])
    room = whole - length
    if room <= 0:
        yield (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        return
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = (length / 2 + room * share) / whole
        yield a[0] + (b[0] - a[0]) * at, a[1] + (b[1] - a[1]) * at
