"""Broken documents, and every problem of each: nodes, their policies and joins.

What is reported, where, and with which hint: exactly, and nothing else.
"""

from __future__ import annotations

from typing import Final

from engine.graph.words import words
from tests.spec.broken import CEL, Broken, broken, each, own_code, told

LATER: Final = words(
    "map as into collect tolerate until open wait graph set end mutex cancel complete undo emit"
)

NODES: Final = [
    # Nodes
    broken(
        "a node named twice",
        {"nodes": ["a", "b", "a"], "edges": {"a": "b"}},
        ("DUPLICATE_NODE", "/nodes/2", "name it once; two nodes with one tool need two names"),
    ),
    broken(
        "nodes with more than a name are a map",
        {"nodes": ["a", {"name": "b"}, 3]},
        (
            "WRONG_TYPE",
            "/nodes/1",
            'nodes with more than a name are a map: {"<name>": {"tool": ...}}',
        ),
        ("WRONG_TYPE", "/nodes/2", ""),
    ),
    broken(
        "a tool is a name or an object",
        {"nodes": {"a": 3, "b": ["x"], "c": {"tool": 5}, "d": ""}, "edges": {"a": ["b", "c", "d"]}},
        ("WRONG_TYPE", "/nodes/a", ""),
        ("WRONG_TYPE", "/nodes/b", ""),
        ("WRONG_TYPE", "/nodes/c/tool", ""),
        ("BAD_NAME", "/nodes/d", "give it a name"),
    ),
    broken(
        "bad names of nodes",
        {
            "nodes": ["", "a/b", "r[1]", " x", "__end__", "a\nb", "x" * 201],
            "edges": {"": ["a/b", "r[1]", " x", "__end__", "a\nb", "x" * 201]},
            "entry": "",
        },
        ("BAD_NAME", "/nodes/0", "give it a name"),
        ("BAD_NAME", "/nodes/1", "take it out: nodes within others are written 'b/reviews[3]'"),
        ("BAD_NAME", "/nodes/2", "take it out: nodes within others are written 'b/reviews[3]'"),
        ("BAD_NAME", "/nodes/3", "write 'x'"),
        (
            "BAD_NAME",
            "/nodes/4",
            'a branch ends with null, and "entry" names the first node; else choose another name',
        ),
        ("BAD_NAME", "/nodes/5", "take it out"),
        ("BAD_NAME", "/nodes/6", "shorten it"),
    ),
    broken(
        "words of other engines in a node",
        {
            "nodes": {
                "a": {
                    "function": "f",
                    "retries": 3,
                    "params": {},
                    "next": "b",
                    "timeout_seconds": 3,
                    "depends_on": [],
                    "on_error": "x",
                    "id": 1,
                    "if": "x",
                }
            }
        },
        ("UNKNOWN_FIELD", "/nodes/a/function", 'here it is called "tool"'),
        (
            "UNKNOWN_FIELD",
            "/nodes/a/retries",
            'write "retry": {"max_attempts": 3}, which counts the first attempt, too',
        ),
        ("UNKNOWN_FIELD", "/nodes/a/params", 'here it is called "args"'),
        ("UNKNOWN_FIELD", "/nodes/a/next", 'where it leads is said in "edges"'),
        ("UNKNOWN_FIELD", "/nodes/a/timeout_seconds", 'here it is called "timeout", in seconds'),
        ("UNKNOWN_FIELD", "/nodes/a/depends_on", 'which nodes lead here is said in "edges"'),
        (
            "UNKNOWN_FIELD",
            "/nodes/a/on_error",
            'errors are taken by a rule of "edges": {"on": "error", "to": ...}',
        ),
        ("UNKNOWN_FIELD", "/nodes/a/id", 'the key under "nodes" is the name of the node'),
        ("UNKNOWN_FIELD", "/nodes/a/if", 'a condition belongs into a rule of "edges", as "when"'),
    ),
    broken(
        "a field of a later version",
        {
            "nodes": {
                "a": {"wait": {"signal": "go"}},
                "b": {"tool": "t", "map": "xs", "as": "x", "into": "ys", "mutex": "m"},
            },
            "edges": {"a": "b"},
        },
        ("NOT_SUPPORTED", "/nodes/a/wait", "see docs/graphs.md for what it has"),
        ("NOT_SUPPORTED", "/nodes/b/map", "see docs/graphs.md for what it has"),
        ("NOT_SUPPORTED", "/nodes/b/as", "see docs/graphs.md for what it has"),
        ("NOT_SUPPORTED", "/nodes/b/into", "see docs/graphs.md for what it has"),
        ("NOT_SUPPORTED", "/nodes/b/mutex", "see docs/graphs.md for what it has"),
    ),
    broken(
        "every field of a later version",
        {"nodes": {"a": dict.fromkeys(LATER, 1)}},
        *[
            ("NOT_SUPPORTED", f"/nodes/a/{field}", "see docs/graphs.md for what it has")
            for field in LATER
        ],
    ),
    broken(
        "policies of the wrong type",
        {
            "nodes": {
                "a": {
                    "args": [],
                    "inputs": "x",
                    "outputs": 3,
                    "output": 4,
                    "retry": 3,
                    "timeout": "30",
                    "max_visits": True,
                    "max_parallel": 2.0,
                    "cache": 1,
                    "routes": "b",
                    "on_limit": 1,
                    "on_exhausted": "stop",
                }
            }
        },
        ("WRONG_TYPE", "/nodes/a/args", ""),
        ("WRONG_TYPE", "/nodes/a/inputs", ""),
        ("WRONG_TYPE", "/nodes/a/outputs", ""),
        ("WRONG_TYPE", "/nodes/a/output", ""),
        ("WRONG_TYPE", "/nodes/a/retry", 'write {"max_attempts": 3}'),
        ("WRONG_TYPE", "/nodes/a/timeout", ""),
        ("WRONG_TYPE", "/nodes/a/max_visits", ""),
        ("WRONG_TYPE", "/nodes/a/max_parallel", ""),
        ("WRONG_TYPE", "/nodes/a/cache", ""),
        ("WRONG_TYPE", "/nodes/a/routes", 'write ["b"]'),
        ("WRONG_TYPE", "/nodes/a/on_limit", ""),
        ("NOT_ONE_OF", "/nodes/a/on_exhausted", ""),
    ),
    broken(
        "numbers out of their range",
        {
            "nodes": {
                "a": {
                    "timeout": 0,
                    "total_timeout": -1,
                    "max_visits": 0,
                    "max_parallel": 0,
                    "retry": {
                        "max_attempts": 0,
                        "delay": -1,
                        "factor": 0.5,
                        "jitter": 2,
                        "max_delay": 1000000000000.0,
                    },
                    "cache": {"ttl": 0},
                }
            }
        },
        ("OUT_OF_RANGE", "/nodes/a/timeout", "leave it out for no limit"),
        ("OUT_OF_RANGE", "/nodes/a/total_timeout", "leave it out for no limit"),
        ("OUT_OF_RANGE", "/nodes/a/max_visits", ""),
        ("OUT_OF_RANGE", "/nodes/a/max_parallel", ""),
        ("OUT_OF_RANGE", "/nodes/a/retry/max_attempts", "1 makes no second attempt"),
        ("OUT_OF_RANGE", "/nodes/a/retry/delay", ""),
        ("OUT_OF_RANGE", "/nodes/a/retry/factor", ""),
        ("OUT_OF_RANGE", "/nodes/a/retry/jitter", ""),
        ("OUT_OF_RANGE", "/nodes/a/retry/max_delay", ""),
        ("OUT_OF_RANGE", "/nodes/a/cache/ttl", ""),
    ),
    broken(
        "retry in other words",
        {"nodes": {"a": {"retry": {"attempts": 3, "backoff": 2, "max_atempts": 1}}}},
        (
            "UNKNOWN_FIELD",
            "/nodes/a/retry/attempts",
            'here it is called "max_attempts", and counts the first attempt, too',
        ),
        ("UNKNOWN_FIELD", "/nodes/a/retry/backoff", 'here it is called "delay", in seconds'),
        ("UNKNOWN_FIELD", "/nodes/a/retry/max_atempts", "did you mean 'max_attempts'?"),
    ),
    broken(
        "retry on what is no error code",
        {"nodes": {"a": {"retry": {"on": ["TIMEOUT", "error", "timeout", 3, "ValueError"]}}}},
        ("BAD_OUTCOME", "/nodes/a/retry/on/1", 'leave "on" out to retry after any error'),
        ("BAD_OUTCOME", "/nodes/a/retry/on/2", "error codes are written 'TIMEOUT'"),
        ("WRONG_TYPE", "/nodes/a/retry/on/3", ""),
        (
            "BAD_OUTCOME",
            "/nodes/a/retry/on/4",
            own_code("VALUE_ERROR"),
        ),
    ),
    broken(
        "retry on a single code",
        {"nodes": {"a": {"retry": {"on": "TIMEOUT"}}}},
        ("WRONG_TYPE", "/nodes/a/retry/on", 'write ["TIMEOUT"]'),
    ),
    broken(
        "one result, two ways to take it",
        {"nodes": {"a": {"output": "x", "outputs": {"y": "z"}}}},
        ("CONFLICTING_FIELDS", "/nodes/a/output", "leave one of them out"),
    ),
    broken(
        "one parameter, two values",
        {"nodes": {"a": {"args": {"p": 1}, "inputs": {"p": "x", "q": "y"}}}},
        ("CONFLICTING_FIELDS", "/nodes/a/inputs/p", "leave one of them out"),
    ),
    broken(
        "outputs name keys of the result",
        {"nodes": {"a": {"outputs": {"x": 1, "y": None}}}},
        ("WRONG_TYPE", "/nodes/a/outputs/x", ""),
        ("WRONG_TYPE", "/nodes/a/outputs/y", ""),
    ),
    broken(
        "inputs that are no expressions",
        {"nodes": {"a": {"inputs": {"p": "x +", "q": 3}}}},
        ("CONDITION_SYNTAX", "/nodes/a/inputs/p", CEL),
        ("WRONG_TYPE", "/nodes/a/inputs/q", ""),
    ),
    broken(
        "a cache of fields nobody knows",
        {"nodes": {"a": {"cache": {"key": "code +", "expires": 3}}}},
        ("CONDITION_SYNTAX", "/nodes/a/cache/key", CEL),
        ("UNKNOWN_FIELD", "/nodes/a/cache/expires", 'here it is called "ttl", in seconds'),
    ),
    broken(
        "a cache that nobody can share",
        {
            "nodes": {
                "a": {"cache": {"scope": "grap"}},
                "b": {"cache": {"scope": 1, "per": "run"}},
            },
            "edges": {"a": "b"},
        },
        ("NOT_ONE_OF", "/nodes/a/cache/scope", "did you mean 'graph'?"),
        ("WRONG_TYPE", "/nodes/b/cache/scope", ""),
        (
            "UNKNOWN_FIELD",
            "/nodes/b/cache/per",
            'here it is called "scope": "run", "graph" or "tool"',
        ),
    ),
    broken(
        "nodes that a tool can't go to",
        {"nodes": {"a": {"routes": ["b", "c", 3]}, "b": "t"}},
        ("UNKNOWN_NODE", "/nodes/a/routes/1", "the nodes are 'a' and 'b'"),
        ("WRONG_TYPE", "/nodes/a/routes/2", ""),
    ),
]

JOINS: Final = [
    # Joins
    broken(
        "a join in other words",
        {
            "nodes": {
                "a": {"join": "frist"},
                "b": {"join": "all"},
                "c": {"join": "any"},
                "d": {"join": 2},
                "e": {"join": ["first"]},
            },
            "edges": {"a": ["b", "c", "d", "e"]},
        },
        ("NOT_ONE_OF", "/nodes/a/join", "did you mean 'first'?"),
        (
            "NOT_ONE_OF",
            "/nodes/b/join",
            'leave "join" out: a node waits for all that can still come',
        ),
        ("NOT_ONE_OF", "/nodes/c/join", 'write "first"'),
        ("WRONG_TYPE", "/nodes/d/join", 'write {"count": 2}'),
        ("WRONG_TYPE", "/nodes/e/join", ""),
    ),
    broken(
        "a join of nothing",
        {"nodes": {"a": {"join": {}}, "b": {"join": {"rest": "block"}}}, "edges": {"a": "b"}},
        ("MISSING_FIELD", "/nodes/a/join", 'for one firing per message write "each"'),
        ("MISSING_FIELD", "/nodes/b/join", 'for one firing per message write "each"'),
    ),
    broken(
        "a join of two kinds",
        {"nodes": {"a": {"join": {"count": 1, "batch": 2}}}},
        ("CONFLICTING_FIELDS", "/nodes/a/join", "leave one of them out"),
    ),
    broken(
        "a batch knows no rest",
        {"nodes": {"a": {"join": {"batch": 2, "rest": "cancel"}}}},
        ("CONFLICTING_FIELDS", "/nodes/a/join/rest", "leave it out"),
    ),
    broken(
        "a join of fields nobody knows",
        {"nodes": {"a": {"join": {"quorum": 2}}, "b": {"join": {"cuont": 1}}}, "edges": {"a": "b"}},
        ("UNKNOWN_FIELD", "/nodes/a/join/quorum", 'here it is called "count"'),
        ("UNKNOWN_FIELD", "/nodes/b/join/cuont", "did you mean 'count'?"),
    ),
    broken(
        "a join for more edges than there are",
        {
            "nodes": {"a": None, "b": None, "c": {"join": {"count": 3}}},
            "edges": {"a": ["b", "c"], "b": "c"},
        },
        ("JOIN_COUNT", "/nodes/c/join/count", "write at most 2"),
    ),
    broken(
        "the start is an edge to a join, too",
        {
            "nodes": {"a": {"join": {"count": 3}}, "b": "t"},
            "edges": {"a": [{"when": "x", "to": "b"}, {"to": None}], "b": "a"},
            "entry": "a",
        },
        ("JOIN_COUNT", "/nodes/a/join/count", "write at most 2"),
    ),
    broken(
        "numbers of a join",
        {
            "nodes": {"a": {"join": {"count": 0}}, "b": {"join": {"batch": True}}},
            "edges": {"a": "b"},
        },
        ("OUT_OF_RANGE", "/nodes/a/join/count", ""),
        ("WRONG_TYPE", "/nodes/b/join/batch", ""),
    ),
    broken(
        "a join knows three facts",
        {
            "nodes": {"a": {"join": {"when": "arived >= 2"}}, "b": {"join": {"when": "state.x"}}},
            "edges": {"a": "b"},
        },
        ("CONDITION_MISSING_KEY", "/nodes/a/join/when", CEL),
        ("CONDITION_MISSING_KEY", "/nodes/b/join/when", CEL),
    ),
    broken(
        "a join with a rest nobody knows",
        {"nodes": {"a": {"join": {"count": 1, "rest": "drop"}}}},
        ("NOT_ONE_OF", "/nodes/a/join/rest", ""),
    ),
]


@each([*NODES, *JOINS])
def test_a_document_is_told_all_its_problems_at_once(row: Broken) -> None:
    told(row)
