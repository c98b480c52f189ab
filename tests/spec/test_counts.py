"""Counts of messages beside the edges of a picture: where they stand, and where never."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

import pytest

from engine.diagram import NodePath, RunPath
from engine.diagram.counts import Area, Count, Room
from engine.diagram.text import width
from engine.graph import Graph
from engine.ids import Seq
from tests.spec.test_picture import DIAMOND, REVIEW, drawn, found

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

    from engine.diagram.layout import Route

WHOLE: Final = Area(-200, -200, 200, 200)

DOWN: Final = ((0.0, 0.0), (0.0, 60.0))
"""A line straight down."""


def room(*taken: Area, lines: tuple[Route, ...] = (DOWN,)) -> Room:
    """Give a picture with these areas, and these lines, of which the first is the edge's own."""
    made = Room(WHOLE)
    for area in taken:
        made.take(area)
    for edge, line in enumerate(lines):
        made.take_lines(edge, [line])
    return made


COUNT: Final = Count(0, [DOWN], 16, 10)


# -- one ------------------------------------------------------------------------------------


def test_it_stands_to_the_right_of_where_its_line_begins() -> None:
    spot = room().place(COUNT)

    assert spot.clear
    assert spot.middle == (14, 9)


def test_what_is_there_drives_it_to_the_other_side_and_then_on_along_the_line() -> None:
    right = Area(4, -20, 60, 80)

    assert room(right).place(COUNT).middle == (-14, 9)
    assert room(right, Area(-60, -20, -4, 20)).place(COUNT).middle == (-14, 30)


def test_it_never_stands_nearer_to_another_line_than_to_its_own() -> None:
    beside = ((24.0, 0.0), (24.0, 60.0))

    assert room(lines=(DOWN, beside)).place(COUNT).middle[0] == -14


def test_where_nothing_beside_its_line_is_free_it_stands_in_it() -> None:
    spot = room(Area(8, -20, 60, 80), Area(-60, -20, -8, 80)).place(Count(0, [DOWN], 4, 10))

    assert (spot.middle, spot.clear) == ((0, 30), False)


def test_rather_than_on_a_node_it_stands_on_lines_of_others() -> None:
    beside = ((14.0, 0.0), (14.0, 60.0))
    spot = room(Area(-60, -20, -4, 80), lines=(DOWN, beside)).place(COUNT)

    assert (spot.middle, spot.clear) == ((14, 9), False)


def test_where_nothing_is_free_at_all_it_stands_where_its_line_begins_on_a_ground() -> None:
    spot = room(Area(-60, -20, 60, 80)).place(COUNT)

    assert (spot.middle, spot.clear) == ((14, 9), False)


def test_two_of_them_do_not_meet() -> None:
    made = room(lines=(DOWN, DOWN))
    first, second = made.place(COUNT), made.place(Count(1, [DOWN], 16, 10))

    assert not Area.around(first.middle, 16, 10).meets(Area.around(second.middle, 16, 10))


def test_none_sticks_out_of_the_picture() -> None:
    edge = ((199.0, 0.0), (199.0, 60.0))

    assert room(lines=(edge,)).place(Count(0, [edge], 16, 10)).middle[0] == 185


def test_a_slanted_line_is_in_the_way_only_where_it_runs() -> None:
    slanted = ((-190.0, -190.0), (190.0, 190.0))
    spot = room(lines=(DOWN, slanted)).place(COUNT)

    assert (spot.middle[0], spot.clear) == (-14, True)


# -- pictures -------------------------------------------------------------------------------

FAN = Graph.parse(
    {
        "edges": {
            "greet": "count",
            "count": [{"when": "words < 1400", "to": ["a", "b", "c", "d"]}, {"to": None}],
            **dict.fromkeys("abcd", "echo"),
            "echo": "count",
        },
        "entry": "greet",
    }
)

LOOP = Graph.parse(
    {
        "edges": {
            "greet": "count_words",
            "count_words": [{"when": "words < max_words", "to": "echo"}, {"to": None}],
            "echo": "count_words",
        },
        "entry": "greet",
    }
)


def crowded(graph: Graph, count: int) -> RunPath:
    """Give the path of a run that took each edge of a graph so many times."""
    nodes = {name: NodePath("completed", count) for name in graph.nodes}
    ends = [
        (name, target)
        for name, routing in graph.routing.items()
        for rule in routing.rules
        for target in rule.to or (None,)
    ]
    return RunPath("r", "completed", Seq(99), nodes, dict.fromkeys(ends, count))


def area(element: ET.Element) -> Area:
    """Give where a rectangle is."""
    x, y, wide, high = (float(element.get(side, 0)) for side in ("x", "y", "width", "height"))
    return Area(x, y, x + wide, y + high)


def area_of_text(element: ET.Element) -> Area:
    """Give where a count is."""
    x, y = (float(element.get(side, 0)) for side in ("x", "y"))
    return Area.around((x, y - 4), width(element.text or "", 11, bold=True), 10)


def lines(root: ET.Element) -> list[Area]:
    """Give where the lines of a picture run."""
    runs: list[Area] = []
    for line in found(root, "line"):
        for part in line.get("d", "").split("M")[1:]:
            corners = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", part)]
            for (x0, y0), (x1, y1) in pairwise(corners):
                left, right, top, bottom = *sorted((x0, x1)), *sorted((y0, y1))
                runs.append(Area(left - 1.3, top - 1.3, right + 1.3, bottom + 1.3))
    return runs


@pytest.mark.parametrize("count", [5, 699, 1_234_567])
@pytest.mark.parametrize("graph", [REVIEW, FAN, LOOP, DIAMOND])
def test_counts_touch_no_node_no_badge_no_other_count_and_no_line_without_a_ground(
    graph: Graph, count: int
) -> None:
    path = crowded(graph, count)
    root = drawn(graph, path)
    counts = [area_of_text(each) for each in found(root, "count")]
    grounds = [area(each) for each in found(root, "paper") if each.tag.endswith("rect")][1:]
    solid = [
        area(each) for kind in ("box", "badge") for each in found(root, kind) if "x" in each.attrib
    ]

    assert len(counts) == len(path.edges)
    for one, other in combinations(counts, 2):
        assert not one.meets(other)
    for each in counts:
        assert not any(each.meets(other) for other in solid)
        grounded = any(each.is_within(ground) for ground in grounds)
        assert grounded or not any(each.meets(line) for line in lines(root))


@pytest.mark.parametrize("graph", [REVIEW, FAN, LOOP])
def test_counts_move_nothing(graph: Graph) -> None:
    few, many = (drawn(graph, crowded(graph, count)) for count in (1, 1_234_567))

    assert few.get("viewBox") == many.get("viewBox")
    for kind in ("box", "line", "label"):
        for one, other in zip(found(few, kind), found(many, kind), strict=True):
            assert one.attrib == other.attrib
    assert (len(found(few, "count")), len(found(many, "count"))) == (
        0,
        len(found(many, "edge")) - 1,
    )
