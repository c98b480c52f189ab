"""Graphs written in Python: the builder says what a document says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from engine.errors import InvalidGraph
from engine.graph import Graph, GraphBuilder, Join, Retry
from engine.reducer import Reducer

if TYPE_CHECKING:
    from engine.ids import Json

REVIEW: Final[dict[str, Json]] = {
    "name": "review",
    "nodes": {
        "extract": {"tool": "extract", "retry": {"max_attempts": 3}},
        "analyze": "analyze",
        "detect": "code.detect_issues",
        "score": None,
        "improve": None,
    },
    "edges": {
        "extract": ["analyze", "detect"],
        "analyze": "score",
        "detect": "score",
        "score": [{"when": "quality_score < threshold", "to": "improve"}, {"to": None}],
        "improve": "extract",
    },
    "entry": "extract",
    "state": {"defaults": {"threshold": 8}, "reducers": {"issues": "extend"}},
    "limits": {"deadline": 60},
    "on_failure": "drain",
}


def extract(code: str) -> dict[str, int]:
    return {"functions": code.count("def ")}


def analyze(functions: int) -> dict[str, int]:
    return {"complexity": functions}


def is_bad(state: dict[str, Json]) -> bool:
    return state["score"] == 0


def review() -> GraphBuilder:
    return (
        GraphBuilder("review")
        .node("extract", extract, retry=Retry(3))
        .node("analyze", analyze)
        .node("detect", "code.detect_issues")
        .node("score")
        .node("improve")
        .edge("extract", ["analyze", "detect"])
        .edge("analyze", "score")
        .edge("detect", "score")
        .route("score", ("quality_score < threshold", "improve"), otherwise=None)
        .edge("improve", "extract")
        .entry("extract")
        .state(defaults={"threshold": 8})
        .state(reducers={"issues": "extend"})
        .limits(deadline=60)
        .on_failure("drain")
    )


def problems_of(builder: GraphBuilder) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidGraph) as caught:
        builder.build()
    return [(p.code, p.path, p.hint) for p in caught.value.problems]


# --- what it says ----------------------------------------------------------------------------


def test_a_builder_says_what_a_document_says() -> None:
    assert review().build() == Graph.parse(REVIEW)


def test_functions_are_tools_by_their_names_and_are_remembered() -> None:
    graph = review().build()

    assert graph.nodes["extract"].tool == "extract"
    assert dict(graph.tools) == {"extract": extract, "analyze": analyze}
    assert graph.portable


def test_a_graph_of_a_builder_survives_every_round_trip() -> None:
    graph = review().build()

    assert Graph.parse(graph.document) == graph
    assert Graph.from_json(graph.to_json()) == graph
    assert Graph.from_yaml(graph.to_yaml()) == graph


def test_edges_of_one_source_add_up() -> None:
    graph = GraphBuilder().edge("a", "b").edge("a", ["c", "d"]).edge("b", None).build()

    assert graph == Graph.parse({"edges": {"a": ["b", "c", "d"], "b": None}})


def test_an_edge_beside_rules_is_the_default() -> None:
    graph = GraphBuilder().edge("a", "c").route("a", ("x > 1", ["b", "d"])).build()

    assert graph == Graph.parse(
        {"edges": {"a": [{"when": "x > 1", "to": ["b", "d"]}, {"to": "c"}]}}
    )


def test_rules_of_one_source_add_up_in_the_order_of_the_calls() -> None:
    graph = (
        GraphBuilder()
        .route("a", ("x > 1", "b"))
        .on("a", "TIMEOUT", "c", when="retries < 3")
        .on("a", "error", None)
        .route("a", {"when": "x > 0", "to": "c"}, otherwise="d")
        .build()
    )

    assert graph.document["edges"] == {
        "a": [
            {"when": "x > 1", "to": ["b"]},
            {"on": "TIMEOUT", "when": "retries < 3", "to": ["c"]},
            {"on": "error", "to": []},
            {"when": "x > 0", "to": ["c"]},
            {"to": ["d"]},
        ]
    }


def test_every_takes_all_rules_that_hold() -> None:
    graph = GraphBuilder().route("a", ("x", "b"), ("y", "c"), otherwise="d", every=True).build()

    assert graph.routing["a"].every
    assert [rule.to for rule in graph.routing["a"].rules] == [("b",), ("c",), ("d",)]


def test_without_nodes_every_name_in_the_edges_is_one() -> None:
    assert GraphBuilder().edge("a", "b").build() == Graph.from_edges({"a": "b"})


def test_policies_are_given_as_values_or_as_in_a_document() -> None:
    joined = Graph.parse({"nodes": {"a": {"join": {"when": "arrived > 1"}}}}).nodes["a"].join
    assert joined is not None
    graph = (
        GraphBuilder(description="d", tags=["t"], metadata={"x": 1})
        .node("a", args={"n": 1}, inputs={"m": "x + 1"}, output="y", join=Join(batch=2))
        .node("b", join=joined, timeout=3, retry={"delay": 0}, routes=("a", "c"))
        .node("c", join="first", on_exhausted="pause", on_limit="pause", cache={"ttl": 5})
        .edge("a", "b")
        .entry("a")
        .build()
    )

    assert graph == Graph.parse(
        {
            "description": "d",
            "tags": ["t"],
            "metadata": {"x": 1},
            "nodes": {
                "a": {
                    "args": {"n": 1},
                    "inputs": {"m": "x + 1"},
                    "output": "y",
                    "join": {"batch": 2},
                },
                "b": {
                    "join": {"when": "arrived > 1"},
                    "timeout": 3,
                    "retry": {"delay": 0},
                    "routes": ["a", "c"],
                },
                "c": {
                    "join": "first",
                    "on_exhausted": "pause",
                    "on_limit": "pause",
                    "cache": {"ttl": 5},
                },
            },
            "edges": {"a": "b"},
            "entry": "a",
        }
    )


def test_registered_reducers_may_be_named() -> None:
    builder = GraphBuilder().node("a").state(reducers={"x": "median"})
    median = Reducer.of("median", lambda value, item: value or item)

    assert builder.build(reducers={"median": median}).reducers == {"x": median}


def test_from_edges_takes_edges_alone() -> None:
    graph = Graph.from_edges({"extract": "analyze"}, name="small")

    assert graph == Graph.parse({"name": "small", "edges": {"extract": "analyze"}})
    assert Graph.from_edges({"a": [{"when": "x", "to": "a"}]}, entry="a").entry == "a"


# --- conditions in Python --------------------------------------------------------------------


def test_a_condition_may_be_a_function() -> None:
    graph = GraphBuilder().route("score", (is_bad, "repair"), otherwise=None).build()
    when = graph.routing["score"].rules[0].when

    assert when is not None
    assert when.holds({"score": 0})
    assert not graph.portable


def test_a_graph_with_a_function_can_not_be_sent_and_says_so() -> None:
    graph = GraphBuilder().route("score", (is_bad, "repair"), otherwise=None).build()

    for send in (graph.to_json, graph.to_yaml, lambda: Graph.parse(graph.document)):
        with pytest.raises(InvalidGraph, match="is the Python function") as caught:
            send()
        (problem,) = caught.value.problems
        assert (problem.code, problem.path) == ("NOT_PORTABLE", "/edges/score/0/when/python")
        assert "is_bad" in problem.message


def test_graphs_with_functions_are_equal_if_the_functions_are() -> None:
    def graph(when: object) -> Graph:
        return GraphBuilder().route("a", (when, "b"), otherwise=None).build()  # type: ignore[arg-type]

    def same(_: object) -> bool:
        return True

    one, other = (lambda state: True), (lambda state: False)  # noqa: ARG005  # a condition's
    assert graph(same) == graph(same)
    assert graph(one) != graph(other)


def test_functions_of_one_name_are_told_apart() -> None:
    rules = [(lambda state, n=n: state["n"] == n, f"n{n}") for n in range(3)]

    graph = GraphBuilder().route("a", *rules, otherwise=None).build()

    conditions = [rule.when for rule in graph.routing["a"].rules[:3]]
    assert [bool(when and when.holds({"n": 1})) for when in conditions] == [False, True, False]


def test_functions_are_kept_where_a_graph_is_given_a_name() -> None:
    graph = review().route("score", {"when": is_bad, "to": None}).build()

    named = graph.named("other")

    assert named.name == "other"
    assert named.tools == graph.tools
    assert [r.when for r in named.routing["score"].rules] == [
        r.when for r in graph.routing["score"].rules
    ]


# --- problems --------------------------------------------------------------------------------


def test_all_problems_are_told_when_the_graph_is_built() -> None:
    builder = (
        GraphBuilder("a/b")
        .node("a", timeout=-1)
        .node("a")
        .node("b", retry=Retry(0))
        .edge("a", "bb")
        .route("b", ("x <", "a"))
        .limits(max_visit=3)
    )

    assert problems_of(builder) == [
        ("BAD_NAME", "/name", "take it out: the name stands in addresses"),
        ("UNKNOWN_NODE", "/edges/a/0/to/0", "the nodes are 'a' and 'b'"),
        ("CONDITION_SYNTAX", "/edges/b/0/when", "something is missing at the end"),
        ("UNKNOWN_FIELD", "/limits/max_visit", "did you mean 'max_visits'?"),
        ("DUPLICATE_NODE", "/nodes/a", "call node() once for each name"),
        ("OUT_OF_RANGE", "/nodes/b/retry/max_attempts", "1 makes no second attempt"),
    ]


def test_building_again_tells_the_same_problems() -> None:
    builder = GraphBuilder().node("a").node("a")

    assert problems_of(builder) == problems_of(builder)


def test_two_functions_of_one_name_can_not_both_be_tools() -> None:
    def other() -> GraphBuilder:
        def extract() -> None: ...

        return GraphBuilder().node("a", extract)

    assert problems_of(other().node("b", extract).edge("a", "b")) == [
        ("TOOL_NAME_TAKEN", "/nodes/b/tool", "rename one of them"),
    ]


@pytest.mark.parametrize("tool", [lambda: None, partial(extract, "x")], ids=["lambda", "partial"])
def test_a_tool_needs_a_name(tool: object) -> None:
    assert problems_of(GraphBuilder().node("a", tool)) == [  # type: ignore[arg-type]
        ("BAD_NAME", "/nodes/a/tool", "define it with def; its name becomes that of the tool"),
    ]


def test_a_tool_that_has_a_name_of_its_own_is_known_by_it() -> None:
    class Named:
        name = "code.metrics"

        def __call__(self) -> None: ...

    tool = Named()
    graph = GraphBuilder().node("a", tool).build()

    assert graph.nodes["a"].tool == "code.metrics"
    assert graph.tools == {"code.metrics": tool}


def test_what_is_no_rule_is_told_as_such() -> None:
    builder = GraphBuilder().route("a", ("x", "b", "c"), otherwise="b")  # type: ignore[arg-type]

    assert problems_of(builder) == [("WRONG_TYPE", "/edges/a/0", "")]
