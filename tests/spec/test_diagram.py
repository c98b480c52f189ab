"""What a diagram shows of a graph, in the text of Mermaid."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import TYPE_CHECKING, Final

import pytest

from engine import inputs
from engine.diagram import RunPath, mermaid
from engine.diagram.sketch import Box, duration, sketch
from engine.graph import Graph
from tests.spec.hostile import HOSTILE, NAMES
from tests.spec.story import Story, workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

DIAMOND = workflow({"a": ["b", "c"], "b": "d", "c": "d"})
CHORUS = workflow(
    {"sing": [{"when": "words < 5", "to": "echo"}, {"to": None}], "echo": "sing"}, entry="sing"
)

TEXT: Final = r"(?:[^\"#<>]|#\d+;|<b>|</b>|<br/>)*"
LINES: Final = [
    r"flowchart TD",
    r"  s\(\( \)\)",
    rf'  n\d+\["{TEXT}"\]',
    rf'  (?:s|n\d+) (?:-->|==>|-\.->)(?:\|"{TEXT}"\|)? (?:n\d+|e\d+\(\(\( \)\)\))',
    r"  linkStyle \d+(?:,\d+)* stroke:#[0-9a-f]{6}",
    r"  classDef [a-z]+ (?:fill|stroke):.*,color:#[0-9a-f]{6},stroke-width:2px(?:,[a-z-]+:\d \d)?",
    r"  class n\d+(?:,n\d+)* [a-z]+",
]


def shown(graph: Graph, path: RunPath | None = None) -> list[str]:
    """Give the lines of a diagram, each of a form that the grammar of Mermaid has."""
    lines = mermaid(graph, path).splitlines()
    for line in lines:
        assert any(re.fullmatch(form, line) for form in LINES), line
    return [line.strip() for line in lines]


def texts(lines: list[str]) -> Iterator[str]:
    """Give the texts of a diagram as Mermaid shows them."""
    for line in lines:
        for text in re.findall(r'"([^"]*)"', line):
            for row in re.sub(r"</?b>", "", text).split("<br/>"):
                yield unescape(re.sub(r"#(\d+);", r"&#\1;", row))


def box(graph: Graph, name: str) -> Box:
    """Find what is drawn of a node."""
    return next(each for each in sketch(graph).boxes if each.name == name)


# -- what there is ------------------------------------------------------------------------


def test_a_diamond_is_two_branches_and_where_they_meet() -> None:
    assert shown(DIAMOND) == [
        "flowchart TD",
        "s(( ))",
        'n0["<b>a</b>"]',
        'n1["<b>b</b>"]',
        'n2["<b>c</b>"]',
        'n3["<b>d</b><br/>joins what parts at a"]',
        "s --> n0",
        "n0 --> n1",
        "n0 --> n2",
        "n1 --> n3",
        "n2 --> n3",
        "n3 --> e3((( )))",
    ]


def test_conditions_stand_on_the_edges_and_the_loop_has_its_exit() -> None:
    lines = shown(CHORUS)

    assert 'n0 -->|"words #60; 5"| n1' in lines
    assert 'n0 -->|"otherwise"| e0((( )))' in lines
    assert "n1 --> n0" in lines


def test_a_loop_that_is_left_without_a_rule_for_it_is_drawn_with_its_exit() -> None:
    graph = workflow({"a": {"when": "x < 3", "to": "b"}, "b": "a"}, entry="a")

    assert [(each.target, *each.labels) for each in sketch(graph).arrows] == [
        ("a",), ("b", "x < 3"), (None, "otherwise"), ("a",),
    ]  # fmt: skip


def test_rules_are_numbered_where_their_order_decides() -> None:
    rules = [{"when": "x > 9", "to": "b"}, {"when": "x > 5", "to": "c"}, {"to": "d"}]
    ordered, every = workflow({"a": rules}), workflow({"a": {"all": rules}})

    assert [[*each.labels] for each in sketch(ordered).arrows[1:4]] == [
        ["1. x > 9"], ["2. x > 5"], ["otherwise"],
    ]  # fmt: skip
    assert [[*each.labels] for each in sketch(every).arrows[1:4]] == [["x > 9"], ["x > 5"], []]


def test_rules_to_one_target_are_one_arrow_as_they_are_one_edge() -> None:
    rules = [{"when": "x", "to": ["b", "c"]}, {"on": "TIMEOUT", "to": "b"}, {"to": "c"}]
    arrows = {
        each.target: each for each in sketch(workflow({"a": rules})).arrows if each.source == "a"
    }

    assert [*arrows["b"].labels] == ["x", "on TIMEOUT"]
    assert [*arrows["c"].labels] == ["x", "otherwise"]
    assert arrows["b"].kind == "way"


def test_errors_have_dotted_edges_of_their_own() -> None:
    rules = [{"on": "BAD", "when": "x > 1", "to": "b"}, {"on": "error", "to": None}, {"to": "c"}]
    lines = shown(workflow({"a": rules}))

    assert 'n0 -.->|"on BAD when x #62; 1"| n1' in lines
    assert 'n0 -.->|"on error"| e0((( )))' in lines
    assert "linkStyle 1,2 stroke:#b42318" in lines


def test_what_a_tool_may_choose_is_drawn_as_its_choice() -> None:
    lines = shown(workflow({"a": None}, {"a": {"routes": ["b", "c"]}, "b": {}, "c": {}}))

    assert 'n0 -.->|"the tool\'s choice"| n1' in lines
    assert 'n0 -->|"otherwise"| e0((( )))' in lines


def test_policies_are_told_in_a_few_words() -> None:
    policies = {
        "tool": "http.get",
        "retry": {"max_attempts": 3, "on": ["TIMEOUT"]},
        "timeout": 0.5,
        "total_timeout": 90,
        "cache": {"ttl": 7200},
        "max_parallel": 4,
        "max_visits": 1,
        "on_exhausted": "pause",
        "on_limit": "pause",
    }
    found = box(workflow({"a": None}, {"a": policies}), "a")

    assert found.tool == "http.get"
    assert found.notes == (
        "3 attempts on TIMEOUT", "at most 500 ms", "90 s in all", "cached for 2 h", "4 at a time",
        "at most 1 visit", "pauses when it fails", "pauses at a limit",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("join", "notes"),
    [
        ("first", "joins the first of what parts at a"),
        (
            {"count": 2, "rest": "cancel"},
            "joins the first 2 of what parts at a; cancels the rest",
        ),
        (
            {"when": "arrived > 1", "rest": "block"},
            "joins what parts at a; when arrived > 1; round by round",
        ),
        ("each", "runs for each message"),
        ({"batch": 3}, "runs for 3 messages"),
    ],
)
def test_a_join_of_its_own_says_what_it_waits_for(join: object, notes: str) -> None:
    graph = workflow({"a": ["b", "c"], "b": "d", "c": "d"}, {"d": {"join": join}})

    assert "; ".join(box(graph, "d").notes) == notes


# -- splits -------------------------------------------------------------------------------


def test_a_split_is_the_last_node_that_all_branches_have_passed() -> None:
    graph = workflow({"a": ["b", "c"], "b": ["d", "e"], "d": "f", "e": "f", "c": "g", "f": "g"})

    assert (box(graph, "f").split, box(graph, "g").split) == ("b", "a")
    assert [each.name for each in sketch(graph).boxes if each.splits] == ["a", "b"]


def test_a_loop_that_comes_back_is_no_branch() -> None:
    assert box(CHORUS, "sing").split is None


def test_ways_of_which_only_one_is_taken_meet_without_a_word() -> None:
    rules = [{"on": "error", "to": "c"}, {"to": "b"}]
    graph = workflow({"a": rules, "b": rules[:1]}, {"c": {}})

    assert [each.split for each in sketch(graph).boxes] == [None, None, None]


# -- the way of a run ---------------------------------------------------------------------


def test_a_run_is_told_by_words_signs_and_thick_lines() -> None:
    story = Story(DIAMOND).completes("a").completes("b")
    lines = shown(story.graph, RunPath.of(story.entries))

    assert 'n0["<b>a</b><br/>✓ completed"]' in lines
    assert 'n2["<b>c</b><br/>▶ running"]' in lines
    assert 'n3["<b>d</b><br/>joins what parts at a<br/>⏸ waiting"]' in lines
    assert "n1 ==> n3" in lines
    assert "n2 --> n3" in lines
    assert "class n0,n1 completed" in lines
    assert "linkStyle 0,1,2,3 stroke:#1d4ed8" in lines


def test_visits_and_messages_are_counted() -> None:
    story = Story(CHORUS).plays(
        "sing words=1 -> echo", "echo -> sing", "sing words=2 -> echo", "echo -> sing",
        "sing words=5 -> completed",
    )  # fmt: skip
    lines = shown(story.graph, RunPath.of(story.entries))

    assert 'n0["<b>sing</b><br/>✓ completed \u00d73"]' in lines
    assert 'n0 ==>|"words #60; 5<br/>\u00d72"| n1' in lines


def test_a_run_of_another_version_colours_what_it_finds() -> None:
    story = Story(workflow({"a": "gone"})).completes("a").does(inputs.Cancel)

    assert "class n0 completed" in shown(DIAMOND, RunPath.of(story.entries))


# -- names that mean harm -----------------------------------------------------------------


def test_any_name_is_shown_as_it_is_and_means_nothing() -> None:
    lines = shown(HOSTILE)
    found = list(texts(lines))

    for name in NAMES:
        assert name in found
    assert not any("click" in re.sub(r"#\d+;", "", line) for line in lines)


def test_long_texts_are_cut_and_many_are_counted() -> None:
    condition = " || ".join(f"key_{n} == {n}" for n in range(60))
    rules = [{"when": condition, "to": "b"}, *({"when": f"x > {n}", "to": "b"} for n in range(9))]
    (label,) = [line for line in shown(workflow({"a": rules})) if "key_0" in line]

    assert len(label) < 400
    assert "…" in label
    assert "and 7 more" in label


def test_3_000_nodes_are_written_in_good_time() -> None:
    edges = {f"n{n}": [{"when": "x", "to": "n0"}, {"to": f"n{n + 1}"}] for n in range(2_999)}
    graph = Graph.parse({"edges": edges, "entry": "n0"})
    began = time.process_time()

    assert mermaid(graph).count("\n") == 2 + 3_000 + 1 + 2 * 2_999 + 1
    assert time.process_time() - began < 2  # it takes 0.1 s; were it quadratic, 10


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "250 ms"), (1, "1 s"), (90, "90 s"), (60, "1 min"), (5400, "90 min"), (172_800, "2 d")],
)
def test_durations_are_written_as_a_person_would(seconds: float, words: str) -> None:
    assert duration(seconds) == words
