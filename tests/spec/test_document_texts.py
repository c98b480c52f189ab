"""Documents as text: what YAML means here, and how large a document may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidGraph
from engine.graph import Graph, Retry

if TYPE_CHECKING:
    from engine.ids import Json

# --- YAML ------------------------------------------------------------------------------------


def test_the_key_on_is_no_boolean_in_yaml() -> None:
    text = """
    edges:
      fetch:
        - on: TIMEOUT
          to: slow
        - when: size > 3
          to: slow
        - to: store
      slow: store
    """

    assert [rule.on for rule in Graph.from_yaml(text).routing["fetch"].rules] == [
        "TIMEOUT",
        None,
        None,
    ]


def test_what_yaml_leaves_empty_is_null() -> None:
    assert Graph.from_yaml("nodes:\n  a:\n") == Graph.parse({"nodes": ["a"]})


def test_scalars_of_yaml_are_read_as_they_look() -> None:
    text = """
    nodes: [a]
    state:
      defaults:
        date: 2026-11-22
        time: 2026-11-22T10:00:00Z
        integer: -12
        float: 1e3
        half: .5
        yes: "no"
        y: y
        null_: ~
        truth: [true, False, TRUE]
        version: 1.2.3
        block: |
          two
          lines
    """

    assert Graph.from_yaml(text).state.defaults == {
        "date": "2026-11-22",
        "time": "2026-11-22T10:00:00Z",
        "integer": -12,
        "float": 1000.0,
        "half": 0.5,
        "yes": "no",
        "y": "y",
        "null_": None,
        "truth": [True, False, True],
        "version": "1.2.3",
        "block": "two\nlines\n",
    }


def test_anchors_stand_for_what_they_name() -> None:
    text = """
    nodes:
      a: &patient {tool: fetch, retry: {max_attempts: 3}}
      b: *patient
    edges: {a: b}
    """

    graph = Graph.from_yaml(text)

    assert graph.nodes["b"].retry == graph.nodes["a"].retry == Retry(max_attempts=3)


def test_a_document_whose_yaml_would_be_too_large_is_written_in_one_line() -> None:
    deep: Json = list(range(10_000))  # each in a line of its own, behind 100 spaces
    for _ in range(50):
        deep = {"x": deep}
    graph = Graph.parse({"nodes": ["a"], "metadata": {"deep": deep}})

    assert graph.to_yaml().count("\n") < 5
    assert Graph.from_yaml(graph.to_yaml()) == graph


# --- limits ----------------------------------------------------------------------------------


def test_a_graph_may_have_ten_thousand_nodes_and_no_more() -> None:
    chain = {f"n{i}": f"n{i + 1}" for i in range(9_999)}

    assert len(Graph.parse(chain).nodes) == 10_000
    with pytest.raises(InvalidGraph) as caught:
        Graph.parse({**chain, "n9999": "n10000"})
    assert [problem.code for problem in caught.value.problems] == ["TOO_MANY_NODES"]


def test_a_graph_may_have_a_thousand_different_expressions_and_no_more() -> None:
    rules = [{"when": f"x == {i % 1_001}", "to": "b"} for i in range(1_100)]

    with pytest.raises(InvalidGraph) as caught:
        Graph.parse({"edges": {"a": [*rules, {"to": None}]}})

    assert [(p.code, p.path) for p in caught.value.problems] == [
        ("TOO_MANY_EXPRESSIONS", "/edges/a/1000/when")
    ]


def test_of_very_many_problems_the_first_thousand_are_told() -> None:
    with pytest.raises(InvalidGraph) as caught:
        Graph.parse({"nodes": ["a"], "edges": {"a": [f"x{i}" for i in range(1_500)]}})

    problems = caught.value.problems
    assert len(problems) == 1_001
    assert problems[999].path == "/edges/a/999"
    assert (problems[1_000].code, problems[1_000].message) == (
        "TOO_MANY_PROBLEMS",
        "there are 500 more problems",
    )


def test_a_document_that_is_too_large_only_in_canonical_form_is_refused() -> None:
    long = "x" * 190
    chain = {f"{i}{long}": f"{i + 1}{long}" for i in range(2_600)}

    with pytest.raises(InvalidGraph) as caught:
        Graph.parse(chain)

    assert [problem.code for problem in caught.value.problems] == ["DOCUMENT_TOO_LARGE"]


def test_where_next_to_everything_is_wrong_nobody_looks_any_further() -> None:
    with pytest.raises(InvalidGraph) as caught:
        Graph.parse({"nodes": ["a"], "edges": {"a": [{"zz": 1} for _ in range(20_000)]}})

    assert caught.value.problems[-1].message == "there are at least 2,000 more problems"


def test_guesses_at_what_was_meant_are_not_made_without_end() -> None:
    names = [f"{i}{'x' * 40}" for i in range(1_000)]
    typos = [f"{i}{'y' * 20}{'x' * 20}" for i in range(500)]

    with pytest.raises(InvalidGraph) as caught:
        Graph.parse({"nodes": names, "edges": {names[0]: typos}, "entry": names[0]})

    hints = [problem.hint for problem in caught.value.problems]
    assert len(hints) == 500
    assert sum(hint.startswith("did you mean") for hint in hints) <= 2


def test_in_a_very_large_graph_nobody_looks_for_branches_that_clash() -> None:
    chain = {f"s{i}": [f"s{i + 1}", f"e{i}"] for i in range(1_000)}
    writers: dict[str, object] = {f"e{i}": {"output": f"k{i % 500}"} for i in range(1_000)}
    nodes = {f"s{i}": None for i in range(1_001)} | writers

    graph = Graph.parse({"nodes": nodes, "edges": chain})

    assert 0 < len(graph.warnings) < 500
