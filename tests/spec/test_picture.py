"""What a picture shows of a graph, and what it must not hold."""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import pytest

from engine.diagram import DIAGRAM_STYLE, DiagramTooLarge, RunPath, drawing, svg
from engine.diagram.palette import ERROR, INK, LINE, LOOKS, MUTED, PAPER, PLAIN, TAKEN
from engine.graph import Graph
from tests.spec.hostile import CONDITION, HOSTILE, NAMES
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from engine.diagram.palette import Colour

SVG: Final = "{http://www.w3.org/2000/svg}"
TAGS: Final = {
    "svg", "title", "desc", "style", "g", "rect", "circle", "path", "text",
}  # fmt: skip
ATTRIBUTES: Final = {
    "class", "role", "x", "y", "rx", "cx", "cy", "r", "d", "width", "height", "viewBox",
    "transform", "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "opacity", "text-anchor", "font-family", "font-size", "font-weight",
    "data-node", "data-status", "data-visits", "data-from", "data-to", "data-count",
}  # fmt: skip

DIAMOND = workflow({"a": ["b", "c"], "b": "d", "c": "d"}, name="diamond")
REVIEW = workflow(
    {
        "extract": ["analyze", "detect"],
        "analyze": "suggest",
        "detect": "suggest",
        "suggest": "score",
        "score": [
            {"when": "quality_score < threshold && fixable > 0", "to": "improve"},
            {"on": "error", "to": "score"},
            {"to": None},
        ],
        "improve": "extract",
    },
    {"analyze": {"tool": "code.complexity", "retry": {"max_attempts": 3}, "timeout": 30}},
    name="review",
)


def drawn(graph: Graph, path: RunPath | None = None) -> ET.Element:
    """Draw a graph; see that the picture is XML that holds nothing but shapes and texts."""
    text = svg(graph, path)
    assert svg(graph, path) == text
    root = ET.fromstring(text)  # noqa: S314  # it is ours
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in TAGS
        assert set(element.attrib) <= ATTRIBUTES, element.attrib
    assert [each.text for each in root.iter(f"{SVG}style")] == [DIAGRAM_STYLE]
    assert "url(" not in text
    return root


def found(root: ET.Element, kind: str) -> list[ET.Element]:
    """Find the elements of a class."""
    return [each for each in root.iter() if kind in each.get("class", "").split()]


def node(root: ET.Element, name: str) -> ET.Element:
    """Find the one element of a node."""
    (one,) = [each for each in root.iter() if each.get("data-node") == name]
    return one


def edges(root: ET.Element) -> dict[tuple[str | None, str | None], ET.Element]:
    """Find the edges by their ends."""
    return {(each.get("data-from"), each.get("data-to")): each for each in found(root, "edge")}


def words(element: ET.Element) -> list[str]:
    """Give the texts that are seen of an element."""
    return [each.text or "" for each in element.iter(f"{SVG}text")]


# -- what there is ------------------------------------------------------------------------


def test_every_node_and_every_edge_is_there_once() -> None:
    root = drawn(REVIEW)

    assert [each.get("data-node") for each in found(root, "node")] == list(REVIEW.nodes)
    assert set(edges(root)) == {
        (None, "extract"), ("extract", "analyze"), ("extract", "detect"), ("analyze", "suggest"),
        ("detect", "suggest"), ("suggest", "score"), ("score", "improve"), ("score", "score"),
        ("score", None), ("improve", "extract"),
    }  # fmt: skip
    assert (len(found(root, "start")), len(found(root, "end"))) == (1, 1)


def test_a_node_shows_its_name_its_tool_and_its_policies() -> None:
    root = drawn(REVIEW)

    assert words(node(root, "analyze")) == [
        "analyze",
        "code.complexity",
        "3 attempts · at most 30 s",
    ]
    assert words(node(root, "suggest")) == ["suggest", "joins what parts at extract"]


def test_branches_that_part_and_meet_have_bars() -> None:
    root = drawn(DIAMOND)

    bars = {each.get("data-node"): len(found(each, "bar")) for each in found(root, "node")}
    assert bars == {"a": 1, "b": 0, "c": 0, "d": 1}


def test_conditions_errors_and_loops_are_told_apart() -> None:
    root = drawn(REVIEW)
    labels = [" ".join(words(each)) for each in found(root, "label")]

    assert labels == ["quality_score < threshold && fixable > 0", "on error", "otherwise"]
    kinds = {ends: each.get("class") for ends, each in edges(root).items()}
    assert kinds["score", "score"] == "edge error loop"
    assert kinds["improve", "extract"] == "edge loop"
    assert kinds["score", "improve"] == "edge"


def test_what_there_was_no_room_for_is_told_to_whoever_points_at_it() -> None:
    graph = workflow({"a": {"when": f"x == '{'y' * 300}'", "to": "b"}}, name="x")
    (edge,) = [each for ends, each in edges(drawn(graph)).items() if ends == ("a", "b")]

    assert "y" * 300 in (edge.findtext(f"{SVG}title") or "")
    assert all(len(word) <= 30 for word in words(drawn(graph)))


def test_nothing_lies_over_anything_else() -> None:
    for graph in (REVIEW, HOSTILE, DIAMOND):
        boxes = [each for each in drawn(graph).iter(f"{SVG}rect") if each.get("class") == "box"]
        sides = [
            (x, y, x + w, y + h)
            for x, y, w, h in (
                [float(each.get(side, "")) for side in ("x", "y", "width", "height")]
                for each in boxes
            )
        ]
        for one, other in combinations(sides, 2):
            beside = one[2] <= other[0] or other[2] <= one[0]
            assert beside or one[3] <= other[1] or other[3] <= one[1]


def test_names_that_mean_harm_are_names() -> None:
    root = drawn(HOSTILE)

    assert [each.get("data-node") for each in found(root, "node")] == list(NAMES)
    titles = [each.findtext(f"{SVG}title") or "" for each in found(root, "edge")]
    assert any(CONDITION.replace("\u202e", "\\u202e") in title for title in titles)


# -- the way of a run ---------------------------------------------------------------------


def test_the_way_of_a_run_is_told_by_more_than_colour() -> None:
    story = Story(DIAMOND).completes("a").completes("b")
    root = drawn(DIAMOND, RunPath.of(story.entries))

    assert [node(root, name).get("data-status") for name in "abcd"] == [
        "completed", "completed", "running", "waiting",
    ]  # fmt: skip
    signs = {name: found(node(root, name), "sign")[0].get("d") for name in "abcd"}
    assert len(set(signs.values())) == 3
    assert "waiting, 0 visits" in (node(root, "d").findtext(f"{SVG}title") or "")
    assert words(found(root, "legend")[0]) == ["completed", "running", "waiting"]
    taken = {ends for ends, each in edges(root).items() if "taken" in each.get("class", "")}
    assert taken == {(None, "a"), ("a", "b"), ("a", "c"), ("b", "d")}
    assert edges(root)["c", "d"].get("data-count") == "0"


def test_visits_and_messages_are_counted_where_there_were_several() -> None:
    loop = workflow({"a": "b", "b": [{"when": "n < 2", "to": "a"}, {"to": None}]}, entry="a")
    story = Story(loop).plays("a -> b", "b n=1 -> a", "a -> b", "b n=2 -> completed")
    root = drawn(loop, RunPath.of(story.entries))

    assert words(node(root, "a")) == ["a", "\u00d72"]
    assert node(root, "a").get("data-visits") == "2"
    assert [each.text for each in found(root, "count")] == ["\u00d72"]  # from a to b
    assert "2 messages" in (edges(root)["a", "b"].findtext(f"{SVG}title") or "")


def test_a_picture_with_a_run_has_everything_where_it_was_without() -> None:
    story = Story(DIAMOND).completes("a").fails("b", "BAD")
    with_run, without = drawn(DIAMOND, RunPath.of(story.entries)), drawn(DIAMOND)

    for name in "abcd":
        at = [found(node(root, name), "box")[0].attrib for root in (with_run, without)]
        assert {at[0][side] == at[1][side] for side in ("x", "y", "width", "height")} == {True}


# -- colours ------------------------------------------------------------------------------


def light(colour: str) -> float:
    """Work out the relative luminance of a colour, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Work out how far two colours are apart."""
    dark, bright = sorted([light(one), light(other)])
    return (bright + 0.05) / (dark + 0.05)


GROUNDS: Final = [PAPER, PLAIN, *(look.ground for look in LOOKS.values())]


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("ground", GROUNDS)
def test_texts_can_be_read_by_day_and_by_night(*, ground: Colour, night: bool) -> None:
    assert contrast(INK[night], ground[night]) >= 4.5
    assert contrast(MUTED[night], ground[night]) >= 4.5


@pytest.mark.parametrize("night", [False, True])
@pytest.mark.parametrize("line", [LINE, ERROR, TAKEN, *(look.line for look in LOOKS.values())])
def test_lines_and_badges_can_be_seen_by_day_and_by_night(*, line: Colour, night: bool) -> None:
    assert contrast(line[night], PAPER[night]) >= 3


@pytest.mark.parametrize("night", [False, True])
def test_counts_on_badges_can_be_read(*, night: bool) -> None:
    for look in LOOKS.values():
        assert contrast(look.line[night], PAPER[night]) >= 4.5


def test_the_sheet_names_only_classes_that_are_drawn() -> None:
    classes = set(re.findall(r"\.([a-z]+)", DIAGRAM_STYLE)) - {"awe"}
    story = Story(REVIEW).completes("extract")
    text = svg(REVIEW, RunPath.of(story.entries))
    used = {word for kind in re.findall(r'class="([^"]*)"', text) for word in kind.split()}

    assert classes - set(LOOKS) <= used


# -- size ---------------------------------------------------------------------------------


def test_a_graph_that_would_take_minutes_is_refused_with_what_can_be_done() -> None:
    edges = {f"n{n}": [f"n{m}" for m in range(n + 1, min(n + 40, 400))] for n in range(399)}

    with pytest.raises(DiagramTooLarge, match="the text of Mermaid has no such limit"):
        svg(Graph.parse({"edges": edges}))


def test_a_graph_that_passes_too_many_rows_is_refused_before_the_work_is_done() -> None:
    chain = {f"n{n}": [f"n{n + 1}", "last"] for n in range(200)}

    with pytest.raises(DiagramTooLarge, match="too large to be drawn"):
        svg(Graph.parse({"edges": chain | {"n200": "last"}}))


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing._kept.clear()
    monkeypatch.setattr(drawing, "MOST_KEPT", 30)
    graphs = [workflow({f"a{n}": "b"}) for n in range(12)]
    for graph in graphs:
        svg(graph)

    assert list(drawing._kept) == graphs[-7:]  # of four figures each
    svg(workflow({f"n{n}": f"n{n + 1}" for n in range(40)}))
    assert len(drawing._kept) == 1
