"""Broken documents, and every problem of each: the whole, its values, state and limits.

What is reported, where, and with which hint: exactly, and nothing else.
"""

from __future__ import annotations

from typing import Final

from tests.spec.broken import CEL, Broken, broken, each, told

FIELDS_HERE: Final = (
    "the fields here are 'name', 'description', 'tags', 'metadata', 'nodes', 'edges', 'entry', "
    "'state', 'limits' and 'on_failure'"
)

CONTAINS_ITSELF: Final[dict[str, object]] = {"nodes": ["a"]}
CONTAINS_ITSELF["metadata"] = {"x": CONTAINS_ITSELF}

WHOLE: Final = [
    # The document as a whole
    broken("a document is an object", 3, ("WRONG_TYPE", "", "")),
    broken(
        "a document as text has its own ways in",
        '{"nodes": ["a"]}',
        ("WRONG_TYPE", "", "a document as text is read by Graph.from_json or Graph.from_yaml"),
    ),
    broken("nothing is no graph", None, ("WRONG_TYPE", "", "")),
    broken(
        "a list of edges goes under its field",
        [{"from": "a", "to": "b"}],
        ("WRONG_TYPE", "", 'a list of edges goes under "edges"'),
    ),
    broken(
        "an empty document has no node",
        {},
        ("EMPTY_GRAPH", "", 'the smallest graph is {"nodes": ["extract"]}'),
    ),
    broken(
        "an empty list of nodes is no graph",
        {"nodes": [], "edges": {}},
        ("EMPTY_GRAPH", "/nodes", 'the smallest graph is {"nodes": ["extract"]}'),
    ),
    broken(
        "a field nobody knows",
        {"edges": {"a": "b"}, "edgs": {}, "colour": "red"},
        ("UNKNOWN_FIELD", "/edgs", "did you mean 'edges'?"),
        (
            "UNKNOWN_FIELD",
            "/colour",
            FIELDS_HERE,
        ),
    ),
    broken(
        "words of other engines",
        {
            "nodes": ["a"],
            "start_at": "a",
            "id": "x",
            "states": {},
            "transitions": [],
            "conditional_edges": {},
            "recursion_limit": 5,
            "version": 2,
        },
        ("UNKNOWN_FIELD", "/start_at", 'here it is called "entry"'),
        ("UNKNOWN_FIELD", "/id", 'here it is called "name"'),
        ("UNKNOWN_FIELD", "/states", 'here it is called "nodes"'),
        ("UNKNOWN_FIELD", "/transitions", 'here it is called "edges"'),
        ("UNKNOWN_FIELD", "/conditional_edges", 'write them into "edges", as rules with "when"'),
        ("UNKNOWN_FIELD", "/recursion_limit", 'it is in "limits", as "max_visits"'),
        ("UNKNOWN_FIELD", "/version", "leave it out: the version is made from the content"),
    ),
    broken(
        "edges that are not under edges",
        {"a": ["b", "c"], "b": None, "c": None},
        ("UNKNOWN_FIELD", "/a", "if 'a' is a node, its edges go under \"edges\""),
    ),
    broken(
        "a body of names with a field among them is a document",
        {"entry": "a", "a": "b"},
        ("UNKNOWN_FIELD", "/a", "if 'a' is a node, its edges go under \"edges\""),
    ),
    broken(
        "fields of the wrong type",
        {
            "name": 3,
            "description": [],
            "tags": "x",
            "metadata": [],
            "nodes": 7,
            "edges": "a",
            "entry": ["a"],
            "state": [],
            "limits": "none",
            "on_failure": True,
        },
        ("WRONG_TYPE", "/name", ""),
        ("WRONG_TYPE", "/description", ""),
        ("WRONG_TYPE", "/tags", 'write ["x"]'),
        ("WRONG_TYPE", "/metadata", ""),
        ("WRONG_TYPE", "/nodes", ""),
        ("WRONG_TYPE", "/edges", ""),
        ("WRONG_TYPE", "/entry", "a graph begins at one node, which may lead to several"),
        ("WRONG_TYPE", "/state", ""),
        ("WRONG_TYPE", "/limits", ""),
        ("WRONG_TYPE", "/on_failure", ""),
    ),
    broken(
        "tags are strings",
        {"nodes": ["a"], "tags": ["x", 3, None]},
        ("WRONG_TYPE", "/tags/1", ""),
        ("WRONG_TYPE", "/tags/2", ""),
    ),
    broken(
        "a word that is none of the two",
        {"nodes": ["a"], "on_failure": "drian"},
        ("NOT_ONE_OF", "/on_failure", "did you mean 'drain'?"),
    ),
    broken(
        "an entry of another type",
        {"nodes": ["a", "b"], "edges": {"a": "b"}, "entry": 3},
        (
            "WRONG_TYPE",
            "/entry",
            "a graph begins at one node, which may lead to several",
        ),
    ),
    broken(
        "fields that could be anything",
        {"colour": "red", "a": {"to": "b"}, "size": 3},
        (
            "UNKNOWN_FIELD",
            "/colour",
            FIELDS_HERE,
        ),
        (
            "UNKNOWN_FIELD",
            "/a",
            FIELDS_HERE,
        ),
        (
            "UNKNOWN_FIELD",
            "/size",
            FIELDS_HERE,
        ),
    ),
    broken(
        "a name that can't stand in an address",
        {"nodes": ["a"], "name": "team/review"},
        ("BAD_NAME", "/name", "take it out: the name stands in addresses"),
    ),
    broken(
        "a name of spaces", {"nodes": ["a"], "name": "  "}, ("BAD_NAME", "/name", "give it a name")
    ),
]

VALUES: Final = [
    # Values that no graph can hold
    broken(
        "not a number",
        {"nodes": ["a"], "state": {"defaults": {"x": float("nan"), "y": [float("inf")]}}},
        ("BAD_VALUE", "/state/defaults/x", 'write null for "no number"'),
        ("BAD_VALUE", "/state/defaults/y/0", 'write null for "no number"'),
    ),
    broken(
        "a number beyond 64 bits",
        {"nodes": ["a"], "limits": {"max_visits": 2**64}},
        ("BAD_VALUE", "/limits/max_visits", "write it as a string or a float"),
    ),
    broken(
        "NUL and half a character",
        {"nodes": ["a"], "metadata": {"x": "a\x00b", "y": "\ud800"}},
        ("BAD_VALUE", "/metadata/x", "remove it, or write bytes as base64"),
        (
            "BAD_VALUE",
            "/metadata/y",
            'decode bytes with errors="replace" instead of "surrogateescape"',
        ),
    ),
    broken(
        "objects of Python",
        {"nodes": ["a"], "metadata": {"x": {1, 2}, 3: "three"}},
        ("BAD_VALUE", "/metadata", "write the key as a string"),
        ("BAD_VALUE", "/metadata/x", "a set has no order: write sorted(it)"),
    ),
    broken(
        "a document that contains itself",
        CONTAINS_ITSELF,
        (
            "TOO_DEEP",
            "/metadata/x" * 32,
            "flatten it; a value that contains itself never ends",
        ),
    ),
]

STATE: Final = [
    # State
    broken(
        "state in other words",
        {"nodes": ["a"], "state": {"initial": {}, "reducer": {}, "properties": {}}},
        ("UNKNOWN_FIELD", "/state/initial", 'here it is called "defaults"'),
        ("UNKNOWN_FIELD", "/state/reducer", 'here it is called "reducers"'),
        ("UNKNOWN_FIELD", "/state/properties", 'it belongs into "schema"'),
    ),
    broken(
        "parts of the state of the wrong type",
        {"nodes": ["a"], "state": {"schema": [], "defaults": 3, "reducers": {"x": 3}}},
        ("WRONG_TYPE", "/state/schema", ""),
        ("WRONG_TYPE", "/state/defaults", ""),
        ("WRONG_TYPE", "/state/reducers/x", ""),
    ),
    broken(
        "a reducer nobody knows",
        {"nodes": ["a"], "state": {"reducers": {"x": "apend", "y": "concat", "z": "median"}}},
        ("UNKNOWN_REDUCER", "/state/reducers/x", "did you mean 'append'?"),
        ("UNKNOWN_REDUCER", "/state/reducers/y", "here it is called 'extend'"),
        (
            "UNKNOWN_REDUCER",
            "/state/reducers/z",
            (
                "there are 'append', 'extend', 'merge', 'sum', 'min', 'max', 'union', 'first' and "
                "'last'"
            ),
        ),
    ),
    broken(
        "a default its reducer can't work on",
        {
            "nodes": ["a"],
            "state": {
                "defaults": {"a": 3, "b": [], "c": "x", "d": True, "e": [], "f": None, "g": 3},
                "reducers": {
                    "a": "append",
                    "b": "merge",
                    "c": "sum",
                    "d": "sum",
                    "e": "min",
                    "f": "extend",
                    "g": "max",
                },
            },
        },
        ("REDUCER_DEFAULT", "/state/defaults/a", "begin with a list, or leave the default out"),
        ("REDUCER_DEFAULT", "/state/defaults/b", "begin with an object, or leave the default out"),
        ("REDUCER_DEFAULT", "/state/defaults/c", "begin with a number, or leave the default out"),
        ("REDUCER_DEFAULT", "/state/defaults/d", "begin with a number, or leave the default out"),
        (
            "REDUCER_DEFAULT",
            "/state/defaults/e",
            "begin with a number or a string, or leave the default out",
        ),
        ("REDUCER_DEFAULT", "/state/defaults/f", "begin with a list, or leave the default out"),
    ),
    # Limits
    broken(
        "limits in other words",
        {"nodes": ["a"], "limits": {"timeout": 3, "recursion_limit": 25, "max_visit": 3}},
        ("UNKNOWN_FIELD", "/limits/timeout", 'here it is called "deadline", in seconds'),
        ("UNKNOWN_FIELD", "/limits/recursion_limit", 'here it is called "max_visits"'),
        ("UNKNOWN_FIELD", "/limits/max_visit", "did you mean 'max_visits'?"),
    ),
    broken(
        "limits of the wrong type",
        {"nodes": ["a"], "limits": {"deadline": "1h", "max_visits": 1.5, "max_state": True}},
        ("WRONG_TYPE", "/limits/deadline", ""),
        ("WRONG_TYPE", "/limits/max_visits", ""),
        ("WRONG_TYPE", "/limits/max_state", ""),
    ),
    broken(
        "limits out of their range",
        {"nodes": ["a"], "limits": {"deadline": 0, "max_visits": -1, "max_depth": 1000}},
        ("OUT_OF_RANGE", "/limits/deadline", "leave it out for no limit"),
        ("OUT_OF_RANGE", "/limits/max_visits", ""),
        ("OUT_OF_RANGE", "/limits/max_depth", ""),
    ),
]

ALL: Final = [
    # Everything at once
    broken(
        "problems of all kinds are given at once, in the order of the document",
        {
            "limits": {"deadline": -1},
            "nodes": {"a": {"tol": "x"}, "b": {"retry": {"max_attempts": 0}}},
            "state": {"reducers": {"x": "apend"}},
            "edges": {"a": [{"when": "x <", "to": "bb"}, {"to": "b"}]},
            "entry": "c",
        },
        ("OUT_OF_RANGE", "/limits/deadline", "leave it out for no limit"),
        ("UNKNOWN_FIELD", "/nodes/a/tol", "did you mean 'tool'?"),
        ("OUT_OF_RANGE", "/nodes/b/retry/max_attempts", "1 makes no second attempt"),
        ("UNKNOWN_REDUCER", "/state/reducers/x", "did you mean 'append'?"),
        ("CONDITION_SYNTAX", "/edges/a/0/when", CEL),
        ("UNKNOWN_NODE", "/edges/a/0/to", "the nodes are 'a' and 'b'"),
        ("UNKNOWN_NODE", "/entry", "the nodes are 'a' and 'b'"),
    ),
]


@each([*WHOLE, *VALUES, *STATE, *ALL])
def test_a_document_is_told_all_its_problems_at_once(row: Broken) -> None:
    told(row)
