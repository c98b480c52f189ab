"""Where everything in a diagram stands: sizes in, positions out.

This module knows graphlay, and how much it can be asked. It does not know what is drawn, nor
how it looks. Lengths are in the units of the drawing, one of which is a pixel.

graphlay holds the interpreter while it works: 2 ms for 10 nodes with their labels, 50 ms for
100, 2 s for 1,000, and minutes for what is dense; so what it is asked is bounded (10 s), and
what is large is asked in a process of its own (`drawing`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import graphlay
import msgspec

from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ids import Json

Point: TypeAlias = tuple[float, float]

Route: TypeAlias = tuple[Point, ...]
"""The corners of a line, from the border of one figure to that of another."""

MOST_FIGURES: Final = 8_000
"""Nodes, labels and ends of branches."""

MOST_LINES: Final = 10_000

MOST_PASSES: Final = 10_000
"""How often a line passes a row of nodes; the work grows faster than their number."""

QUICK: Final = 400
"""Figures and lines from which the order within the rows is searched for less long."""


class DiagramTooLarge(EngineError):
    """A graph has more nodes and edges than a picture can be made of in bounded time."""

    code: str = "DIAGRAM_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be drawn between two figures, by their numbers."""

    source: int
    target: int
    back: bool
    """Whether it leads up rather than down."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where everything is: the middle of each figure, the corners of each line, the whole."""

    figures: tuple[Point, ...]
    routes: tuple[Route, ...]
    left: float
    top: float
    right: float
    bottom: float


class _Point(msgspec.Struct):
    x: float
    y: float


class _PlacedNode(msgspec.Struct):
    center: _Point


class _PlacedEdge(msgspec.Struct):
    points: list[_Point]


class _Bounds(msgspec.Struct):
    min: _Point
    max: _Point


class _Answer(msgspec.Struct):
    """What graphlay answers, as far as it is read here."""

    nodes: list[_PlacedNode]
    edges: list[_PlacedEdge]
    bounds: _Bounds


class _Refusal(msgspec.Struct):
    """What is answered where graphlay refuses."""

    error: str


def question(sizes: Sequence[tuple[float, float]], lines: Sequence[Line]) -> bytes:
    """Write down what graphlay is asked: the nodes by their sizes, the first one on top.

    Raises:
        DiagramTooLarge: It would take too long.
    """
    if len(sizes) > MOST_FIGURES or len(lines) > MOST_LINES:
        raise too_large(f"{len(sizes):,} figures and {len(lines):,} lines")
    many = len(sizes) + len(lines) > QUICK
    asked: dict[str, Json] = {
        "graph": {
            "nodes": [
                {"size": {"width": width, "height": height}, "shape": "box"}
                for width, height in sizes
            ],
            "edges": [_edge(line) for line in lines],
        },
        "options": {
            "direction": "topbottom",
            "effort": "fast" if many else "balanced",
            "spacing": {
                "layer_gap": 30,
                "node_gap": 36,
                "dummy_gap": 24,
            },
            "limits": {"max_dummies": MOST_PASSES},
        },
    }
    return msgspec.json.encode(asked)


def _edge(line: Line) -> dict[str, Json]:
    edge: dict[str, Json] = {"source": line.source, "target": line.target}
    if line.back:
        edge["reverse_for_ranking"] = True
    return edge


ASK: Final = """\
import json, sys
import graphlay
asked = json.load(sys.stdin)
try:
    answer = graphlay.layout(asked["graph"], options=asked["options"]).to_json()
except graphlay.GraphlayError as error:
    answer = json.dumps({"error": str(error)})
sys.stdout.write(answer)
"""
"""What a process does that is to ask graphlay: the question on its input, the answer out."""


def answer(asked: bytes) -> bytes:
    """Ask graphlay, here and now, and write down what it answers."""
    told = json.loads(asked)
    try:
        return graphlay.layout(told["graph"], options=told["options"]).to_json().encode()
    except graphlay.GraphlayError as error:
        return msgspec.json.encode({"error": str(error)})


def too_large(why: str) -> DiagramTooLarge:
    """Say that a graph can't be drawn."""
    return DiagramTooLarge(
        f"the graph is too large to be drawn: {why}",
        hint=f"a picture has at most {MOST_FIGURES:,} nodes, labels and ends, {MOST_LINES:,} "
        f"lines, and {MOST_PASSES:,} places where a line passes a row of nodes; the text of "
        "Mermaid has no such limit",
    )


def placement(told: bytes) -> Placement:
    """Read the answer.

    Raises:
        DiagramTooLarge: It is a refusal.
    """
    if told.startswith(b'{"error"'):
        raise too_large(msgspec.json.decode(told, type=_Refusal).error)
    found = msgspec.json.decode(told, type=_Answer)
    low, high = found.bounds.min, found.bounds.max
    return Placement(
        figures=tuple((node.center.x, node.center.y) for node in found.nodes),
        routes=tuple(tuple((p.x, p.y) for p in edge.points) for edge in found.edges),
        left=low.x,
        top=low.y,
        right=high.x,
        bottom=high.y,
    )
