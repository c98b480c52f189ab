"""Graphs that are valid, and probably not what their author meant."""

from __future__ import annotations

from typing import Final

from engine.graph import Graph
from tests.spec.broken import Broken, broken, each

NO_DEFAULT: Final = 'add a last rule: {"to": null} ends the branch, {"to": "<name>"} goes on'
BEHIND: Final = 'put it first, or write {"all": [...]} to take every rule that holds'
REDUCER: Final = (
    'say how they meet: "state": {"reducers": {"%s": "append"}}, or lead both to one node'
)

RULES: Final = [
    broken("nothing to say about a chain", {"a": "b", "b": "c"}),
    broken(
        "a rule behind the default",
        {"edges": {"a": [{"to": "b"}, {"when": "x", "to": "c"}, {"to": None}]}},
        ("UNREACHABLE_RULE", "/edges/a/1", BEHIND),
        ("UNREACHABLE_RULE", "/edges/a/2", BEHIND),
    ),
    broken(
        "an outcome behind one that covers it",
        {
            "edges": {
                "a": [
                    {"to": "b"},
                    {"on": "TIMEOUT", "when": "x", "to": "b"},
                    {"on": "TIMEOUT", "to": "b"},
                    {"on": "TIMEOUT", "to": "c"},
                    {"on": "HTTP_503", "to": "c"},
                    {"on": "error", "to": "c"},
                    {"on": "HTTP_503", "to": "d"},
                ]
            }
        },
        ("UNREACHABLE_RULE", "/edges/a/3", BEHIND),
        ("UNREACHABLE_RULE", "/edges/a/6", BEHIND),
    ),
    broken(
        "where every rule is taken, none is behind another",
        {"edges": {"a": {"all": [{"to": "b"}, {"when": "x", "to": "c"}]}}},
    ),
    broken(
        "a condition that reads nothing",
        {"edges": {"a": [{"when": "1 < 2", "to": "b"}, {"to": None}]}},
        ("CONSTANT_CONDITION", "/edges/a/0/when", "name a key of the state"),
    ),
    broken(
        "a condition of a join that reads nothing",
        {"nodes": {"a": {"join": {"when": "true"}}}},
        ("CONSTANT_CONDITION", "/nodes/a/join/when", "name one of the facts"),
    ),
    broken(
        "a condition on the whole state reads something",
        {"edges": {"a": [{"when": "size(state) > 3", "to": "b"}, {"to": None}]}},
    ),
    broken(
        "no rule for the case that none holds",
        {"edges": {"a": [{"when": "x", "to": "b"}, {"on": "error", "to": "b"}]}},
        ("NO_DEFAULT_ROUTE", "/edges/a", NO_DEFAULT),
    ),
    broken(
        "no rule for the case that none holds, of all",
        {"edges": {"a": {"all": [{"when": "x", "to": "b"}, {"when": "y", "to": "c"}]}}},
        ("NO_DEFAULT_ROUTE", "/edges/a", NO_DEFAULT),
    ),
    broken(
        "a loop is left where no rule leads on",
        {"edges": {"a": "b", "b": [{"when": "x", "to": "a"}]}, "entry": "a"},
    ),
    broken(
        "a loop with a way out needs a default",
        {
            "edges": [
                {"from": "a", "to": "b"},
                {"from": "b", "when": "x", "to": "a"},
                {"from": "b", "when": "y", "to": "c"},
            ],
            "entry": "a",
        },
        ("NO_DEFAULT_ROUTE", "/edges/1", NO_DEFAULT),
    ),
    broken(
        "a rule that ends the branch may stand alone",
        {"edges": {"a": [{"when": "x", "to": None}]}},
    ),
    broken("errors need no default", {"edges": {"a": [{"on": "error", "to": "b"}]}}),
]

NAMES: Final = [
    broken(
        "a node twice in one list",
        {"edges": {"a": ["b", "c", "b"]}},
        ("DUPLICATE_TARGET", "/edges/a/2", "take one out"),
    ),
    broken(
        "an edge twice in a list of edges",
        {"edges": [{"from": "a", "to": "b"}, {"from": "a", "to": "b"}]},
        ("DUPLICATE_TARGET", "/edges/1/to", "take one out"),
    ),
    broken(
        "two rules to one node are fine",
        {"edges": {"a": [{"when": "x", "to": "b"}, {"to": "b"}]}},
    ),
    broken(
        "words that begin and end a graph elsewhere",
        {"start": "work", "work": "end"},
        ("FOREIGN_NAME", "/start", 'write "entry": "<name>" instead'),
        ("FOREIGN_NAME", "/work", "to end the branch write null"),
    ),
    broken(
        "who declares a node called end means it",
        {"nodes": ["start", "end"], "edges": {"start": "end"}},
    ),
]

LOOPS: Final = [
    broken(
        "a loop entered at two places",
        {
            "edges": {
                "s": [{"when": "x", "to": "a"}, {"to": "b"}],
                "a": "b",
                "b": [{"when": "y", "to": "a"}],
            }
        },
        ("LOOP_TWO_ENTRIES", "/edges/s/1/to", 'lead all edges into it to one node, such as "a"'),
    ),
    broken(
        "a loop within a loop",
        {
            "edges": {
                "a": "b",
                "b": "c",
                "c": [{"when": "x", "to": "b"}, {"when": "y", "to": "a"}, {"to": "d"}],
            },
            "entry": "a",
        },
    ),
    broken(
        "a loop that an error leaves",
        {"edges": {"a": [{"to": "b"}, {"on": "EMPTY", "to": None}], "b": "a"}, "entry": "a"},
    ),
    broken(
        "a loop that a join behind it cancels",
        {
            "nodes": {
                "s": None,
                "poll": None,
                "work": None,
                "done": {"join": {"count": 1, "rest": "cancel"}},
            },
            "edges": {"s": ["poll", "work"], "poll": ["poll", "done"], "work": "done"},
        },
    ),
    broken(
        "a loop that a tool leaves",
        {"nodes": {"a": {"routes": ["b"]}, "b": None}, "edges": {"a": "a"}, "entry": "a"},
    ),
]

LEAVES: Final = [
    broken(
        "two branches that end with the same key",
        {
            "nodes": {"s": None, "a": {"output": "x"}, "b": {"outputs": {"x": "value"}}},
            "edges": {"s": ["a", "b"]},
        },
        ("LEAF_CONFLICT", "/nodes/b/outputs/x", REDUCER % "x"),
    ),
    broken(
        "two branches of a key that has a reducer",
        {
            "nodes": {"s": None, "a": {"output": "x"}, "b": {"output": "x"}},
            "edges": {"s": ["a", "b"]},
            "state": {"reducers": {"x": "append"}},
        },
    ),
    broken(
        "two branches that meet before they end",
        {
            "nodes": {"s": None, "a": {"output": "x"}, "b": {"output": "x"}, "c": None},
            "edges": {"s": ["a", "b"], "a": "c", "b": "c"},
        },
    ),
    broken(
        "two branches of which one is taken",
        {
            "nodes": {"s": None, "a": {"output": "x"}, "b": {"output": "x"}},
            "edges": {"s": [{"when": "k", "to": "a"}, {"to": "b"}]},
        },
    ),
    broken(
        "branches that meet before one of two ends is chosen",
        {
            "nodes": {
                "s": None,
                "p": None,
                "q": None,
                "m": None,
                "a": {"output": "x"},
                "b": {"output": "x"},
            },
            "edges": {
                "s": ["p", "q"],
                "p": "m",
                "q": "m",
                "m": [{"when": "k", "to": "a"}, {"to": "b"}],
            },
        },
    ),
    broken(
        "branches that may all be taken",
        {
            "nodes": {"s": None, "a": {"output": "x"}, "b": {"output": "x"}},
            "edges": {"s": {"all": [{"when": "k", "to": "a"}, {"to": "b"}]}},
        },
        ("LEAF_CONFLICT", "/nodes/b/output", REDUCER % "x"),
    ),
    broken(
        "branches that a tool may choose",
        {
            "nodes": {"s": {"routes": ["a", "b"]}, "a": {"output": "x"}, "b": {"output": "x"}},
        },
        ("LEAF_CONFLICT", "/nodes/b/output", REDUCER % "x"),
    ),
    broken(
        "a branch that ends in a loop beside one that does not",
        {
            "nodes": {"s": None, "a": {"output": "x"}, "b": {"output": "x"}},
            "edges": {"s": ["a", "b"], "a": [{"when": "again", "to": "a"}]},
        },
        ("LEAF_CONFLICT", "/nodes/b/output", REDUCER % "x"),
    ),
]


@each([*RULES, *NAMES, *LOOPS, *LEAVES])
def test_a_valid_graph_is_warned_of(row: Broken) -> None:
    graph = Graph.parse(row.document)

    assert tuple((p.code, p.path, p.hint) for p in graph.warnings) == row.problems
    assert all(warning.message for warning in graph.warnings)


def test_warnings_change_nothing() -> None:
    warned = {"edges": {"a": [{"to": "b"}, {"when": "x", "to": "b"}]}}

    graph = Graph.parse(warned)

    assert graph.warnings
    assert Graph.parse(graph.document) == graph
