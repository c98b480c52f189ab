"""Documents: every shorthand, the one canonical form, and the hash of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from engine.errors import InvalidGraph
from engine.graph import Graph, Join

if TYPE_CHECKING:
    from engine.ids import Json

A_TO_B: Final[dict[str, Json]] = {
    "nodes": {"a": {"tool": "a"}, "b": {"tool": "b"}},
    "edges": {"a": [{"to": ["b"]}]},
    "entry": "a",
}

REVIEW: Final[dict[str, Json]] = {
    "name": "code-review",
    "description": "reviews code until it is good",
    "tags": ["code", "demo"],
    "metadata": {"positions": {"extract": [0, 10]}},
    "nodes": {
        "extract": "code.extract_functions",
        "analyze": {"tool": "code.complexity", "retry": {"max_attempts": 3}, "timeout": 30},
        "detect": "code.detect_issues",
        "suggest": "code.suggest_improvements",
        "score": "code.quality_score",
        "improve": "code.apply_fixes",
    },
    "edges": {
        "extract": ["analyze", "detect"],
        "analyze": "suggest",
        "detect": "suggest",
        "suggest": "score",
        "score": [
            {"when": "quality_score < threshold && fixable > 0", "to": "improve"},
            {"to": None},
        ],
        "improve": "extract",
    },
    "entry": "extract",
    "state": {
        "schema": {"type": "object"},
        "defaults": {"threshold": 8, "issues": []},
        "reducers": {"issues": "extend"},
    },
    "limits": {"deadline": 3600},
    "on_failure": "drain",
}


def canonical(document: object) -> dict[str, Json]:
    return Graph.parse(document).document


def reordered(value: object) -> object:
    """Turn the order of the keys of all objects around."""
    match value:
        case dict():
            return {key: reordered(value[key]) for key in reversed(value)}
        case list():
            return [reordered(item) for item in value]
        case _:
            return value


# --- shorthands ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shorthand",
    [
        {"a": "b"},
        {"edges": {"a": "b"}},
        {"edges": {"a": ["b"]}},
        {"edges": {"a": {"to": "b"}}},
        {"edges": {"a": [{"to": "b"}]}},
        {"edges": {"a": "b", "b": None}},
        {"edges": {"a": "b", "b": []}},
        {"edges": {"a": "b", "b": {"all": []}}},
        {"edges": [{"from": "a", "to": "b"}]},
        {"edges": [{"from": "a", "to": ["b"]}, {"from": "b", "to": None}]},
        {"nodes": ["a", "b"], "edges": {"a": "b"}},
        {"nodes": ["b", "a"], "edges": {"a": "b"}},
        {"nodes": {"a": "a", "b": "b"}, "edges": {"a": "b"}},
        {"nodes": {"a": None, "b": {}}, "edges": {"a": "b"}},
        {"nodes": {"b": {"tool": "b", "retry": {}, "args": {}}, "a": "a"}, "edges": {"a": "b"}},
        {"edges": {"a": "b"}, "entry": "a", "name": "", "state": {}, "limits": {}, "tags": []},
        {"edges": {"a": "b"}, "entry": None, "name": None, "state": None, "nodes": None},
        {"edges": {"a": ("b",)}},
    ],
    ids=json.dumps,
)
def test_all_ways_to_lead_from_one_node_to_another_are_one_document(shorthand: object) -> None:
    assert canonical(shorthand) == A_TO_B


def test_a_body_of_nothing_but_names_to_names_is_its_edges() -> None:
    graph = Graph.parse({"extract": "analyze", "analyze": "quality"})

    assert list(graph.nodes) == ["extract", "analyze", "quality"]
    assert graph.nodes["quality"].tool == "quality"
    assert graph.entry == "extract"


def test_one_node_is_a_graph() -> None:
    assert canonical({"nodes": ["a"]}) == {
        "nodes": {"a": {"tool": "a"}},
        "edges": {},
        "entry": "a",
    }


def test_edges_without_a_condition_become_one_last_rule_of_their_source() -> None:
    edges = [
        {"from": "a", "to": "b"},
        {"from": "a", "when": "x > 1", "to": "c"},
        {"from": "a", "to": ["c", "d"]},
        {"from": "a", "on": "error", "to": "d"},
    ]

    assert canonical({"edges": edges})["edges"] == {
        "a": [
            {"when": "x > 1", "to": ["c"]},
            {"on": "error", "to": ["d"]},
            {"to": ["b", "c", "d"]},
        ]
    }


def test_an_edge_to_null_beside_rules_ends_the_branch_by_default() -> None:
    edges = [{"from": "a", "when": "x", "to": "b"}, {"from": "a", "to": None}]

    assert canonical({"edges": edges})["edges"] == {"a": [{"when": "x", "to": ["b"]}, {"to": []}]}


def test_all_takes_every_rule_that_holds() -> None:
    graph = Graph.parse({"edges": {"a": {"all": [{"when": "x", "to": "b"}, {"to": "c"}]}}})

    assert graph.routing["a"].every
    assert graph.document["edges"] == {"a": {"all": [{"when": "x", "to": ["b"]}, {"to": ["c"]}]}}


@pytest.mark.parametrize(
    ("shorthand", "full"),
    [
        ("first", {"count": 1}),
        ("each", {"batch": 1}),
        ({"count": 1, "rest": "ignore"}, {"count": 1}),
    ],
)
def test_a_join_has_shorthands(shorthand: object, full: object) -> None:
    document = {"nodes": {"a": {"join": shorthand}}}

    assert canonical(document)["nodes"] == {"a": {"tool": "a", "join": full}}


def test_the_entry_may_be_left_out_where_one_node_has_no_incoming_edge() -> None:
    assert Graph.parse({"edges": {"b": "c", "a": "b", "c": None}}).entry == "a"


def test_the_entry_may_have_incoming_edges_if_it_is_named() -> None:
    loop = {"edges": {"a": [{"when": "x", "to": "a"}, {"to": None}]}, "entry": "a"}

    assert Graph.parse(loop).entry == "a"


def test_a_tool_that_names_its_successors_declares_them_as_routes() -> None:
    graph = Graph.parse({"nodes": {"a": {"routes": ["c", "b"]}, "b": None, "c": None}})

    assert graph.entry == "a"
    assert list(graph.nodes) == ["a", "c", "b"]


# --- the canonical form ----------------------------------------------------------------------


@pytest.mark.parametrize("document", [{"a": "b"}, REVIEW], ids=["small", "review"])
def test_the_canonical_form_is_a_fixed_point(document: dict[str, object]) -> None:
    graph = Graph.parse(document)
    again = Graph.parse(graph.document)

    assert again.document == graph.document
    assert again.to_json() == graph.to_json()
    assert again == graph
    assert hash(again) == hash(graph)


def test_the_canonical_form_says_nothing_that_is_the_default() -> None:
    document = canonical(REVIEW)

    assert document["nodes"] == {
        "extract": {"tool": "code.extract_functions"},
        "analyze": {"tool": "code.complexity", "retry": {"max_attempts": 3}, "timeout": 30},
        "detect": {"tool": "code.detect_issues"},
        "suggest": {"tool": "code.suggest_improvements"},
        "score": {"tool": "code.quality_score"},
        "improve": {"tool": "code.apply_fixes"},
    }
    assert document["limits"] == {"deadline": 3600}
    assert list(document) == [
        "name",
        "description",
        "tags",
        "metadata",
        "nodes",
        "edges",
        "entry",
        "state",
        "limits",
        "on_failure",
    ]


@pytest.mark.parametrize("document", [{"a": "b"}, REVIEW], ids=["small", "review"])
def test_json_and_yaml_say_the_same_thing(document: dict[str, object]) -> None:
    graph = Graph.parse(document)

    assert Graph.from_json(graph.to_json()) == graph
    assert Graph.from_json(graph.to_json().encode()) == graph
    assert Graph.from_yaml(graph.to_yaml()) == graph
    assert Graph.from_yaml(graph.to_json()) == graph  # YAML is a superset of JSON


def test_a_document_that_is_given_out_is_a_copy() -> None:
    graph = Graph.parse({"a": "b"})

    graph.document["edges"] = {}

    assert graph.document == A_TO_B


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_it() -> None:
    assert Graph.from_json('\ufeff{"a": "b"}') == Graph.parse({"a": "b"})
    assert Graph.from_yaml(b"\xef\xbb\xbfa: b") == Graph.parse({"a": "b"})


# --- the version -----------------------------------------------------------------------------


def test_the_order_of_keys_never_matters() -> None:
    one, other = Graph.parse(REVIEW), Graph.parse(reordered(REVIEW))

    assert one.version == other.version
    assert one.to_json() == other.to_json()
    assert list(one.state.defaults) == list(other.state.defaults)


def test_nodes_are_ordered_as_they_are_discovered_from_the_entry() -> None:
    document = {
        "nodes": {"z": None, "y": {"routes": ["a"]}, "m": None, "b": None, "a": None},
        "edges": {"m": [{"when": "x", "to": "z"}, {"to": ["y", "b"]}], "b": "y", "z": None},
    }

    assert list(Graph.parse(document).nodes) == ["m", "z", "y", "b", "a"]
    assert list(Graph.parse(reordered(document)).nodes) == ["m", "z", "y", "b", "a"]


def test_shorthands_have_the_version_of_what_they_mean() -> None:
    assert Graph.parse({"a": "b"}).version == Graph.parse(A_TO_B).version


def test_seconds_that_are_equal_are_one_version_but_values_of_the_state_are_not() -> None:
    def version(timeout: float, threshold: float) -> str:
        document = {
            "nodes": {"a": {"timeout": timeout}},
            "state": {"defaults": {"threshold": threshold}},
        }
        return Graph.parse(document).version

    assert version(30, 8) == version(30.0, 8)
    assert version(30, 8) != version(30, 8.0)


@pytest.mark.parametrize(
    "change", [{"description": "other"}, {"tags": []}, {"metadata": {"x": 1}}], ids=str
)
def test_what_changes_nothing_in_a_run_is_outside_of_the_hash(change: dict[str, object]) -> None:
    one, other = Graph.parse(REVIEW), Graph.parse({**REVIEW, **change})

    assert one.version == other.version
    assert one != other


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"on_failure": "fail_fast"},
        {"limits": {}},
        {"state": {"defaults": {"threshold": 9}}},
        {"edges": {**REVIEW["edges"], "extract": ["detect", "analyze"]}},  # type: ignore[dict-item]
    ],
    ids=str,
)
def test_everything_else_is_inside_of_the_hash(change: dict[str, object]) -> None:
    assert Graph.parse(REVIEW).version != Graph.parse({**REVIEW, **change}).version


def test_a_version_is_the_same_in_every_release() -> None:
    # A run is pinned to this hash, and logs name it: it can't change without migrating them.
    version = "4a7ee349b22cf1e421e0b0b065f77730d07e42665d3f292318c99410ef6f3845"

    assert Graph.parse(REVIEW).version == version


def test_a_graph_can_be_given_a_name() -> None:
    graph = Graph.parse({"a": "b"})

    named = graph.named("review")

    assert (graph.name, named.name) == ("", "review")
    assert named == Graph.parse({**A_TO_B, "name": "review"})
    assert named.version != graph.version
    with pytest.raises(InvalidGraph, match="names can't have"):
        graph.named("a/b")


# --- frozen ----------------------------------------------------------------------------------


def test_a_graph_does_not_change() -> None:
    graph = Graph.parse(REVIEW)

    with pytest.raises(AttributeError):
        graph.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        graph.nodes["x"] = graph.nodes["score"]  # type: ignore[index]


def test_a_graph_says_what_it_is() -> None:
    assert repr(Graph.parse(REVIEW)).startswith("<Graph code-review ")
    assert Graph.parse(REVIEW) != "code-review"


def test_a_join_is_exported() -> None:
    assert Graph.parse({"nodes": {"a": {"join": "each"}}}).nodes["a"].join == Join(batch=1)
