"""Broken documents, and every problem of each: names in edges, rules, conditions, loops.

What is reported, where, and with which hint: exactly, and nothing else.
"""

from __future__ import annotations

from typing import Final

from tests.spec.broken import CEL, Broken, broken, each, own_code, told

NAMES: Final = [
    # Names in edges
    broken(
        "an edge to a node that is not there",
        {
            "nodes": ["extract", "analyze"],
            "edges": {"extract": ["analyze", "exract"], "analyze": "analyse"},
            "entry": "extract",
        },
        ("UNKNOWN_NODE", "/edges/extract/1", "did you mean 'extract'?"),
        ("UNKNOWN_NODE", "/edges/analyze", "did you mean 'analyze'?"),
    ),
    broken(
        "an edge from a node that is not there",
        {"nodes": ["extract", "analyze"], "edges": {"exract": "analyze"}},
        ("UNKNOWN_NODE", "/edges/exract", "did you mean 'extract'?"),
    ),
    broken(
        "an unknown name in each form of an edge",
        {
            "nodes": ["a"],
            "edges": {"a": [{"when": "x", "to": "one"}, {"to": ["a", "two"]}]},
            "entry": "a",
        },
        ("UNKNOWN_NODE", "/edges/a/0/to", "the nodes are 'a'"),
        ("UNKNOWN_NODE", "/edges/a/1/to/1", "the nodes are 'a'"),
    ),
    broken(
        "an unknown name in a list of edges",
        {
            "nodes": ["a", "b"],
            "edges": [{"from": "a", "to": "bb"}, {"from": "x", "to": ["b", "y"]}],
        },
        ("UNKNOWN_NODE", "/edges/0/to", "the nodes are 'a' and 'b'"),
        ("UNKNOWN_NODE", "/edges/1/from", "the nodes are 'a' and 'b'"),
        ("UNKNOWN_NODE", "/edges/1/to/1", "the nodes are 'a' and 'b'"),
    ),
    broken(
        "an unknown name so long that nobody guesses, among many",
        {"nodes": [f"n{i}" for i in range(20)], "edges": {"n0": ["x" * 100]}, "entry": "n0"},
        (
            "UNKNOWN_NODE",
            "/edges/n0/0",
            (
                "the nodes are 'n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8', 'n9', 'n10', "
                "'n11', 'n12', 'n13', 'n14' and 5 more"
            ),
        ),
    ),
    broken(
        "an unknown entry",
        {"nodes": ["extract", "analyze"], "edges": {"extract": "analyze"}, "entry": "Extract"},
        ("UNKNOWN_NODE", "/entry", "did you mean 'extract'?"),
    ),
    broken(
        "the end is called null",
        {"nodes": ["a"], "edges": {"a": "END"}},
        ("UNKNOWN_NODE", "/edges/a", "to end the branch write null"),
    ),
    broken(
        "the end is called null in rules, too",
        {"nodes": ["a"], "edges": {"a": [{"when": "x", "to": "__end__"}, {"to": ["end"]}]}},
        ("UNKNOWN_NODE", "/edges/a/0/to", "to end the branch write null"),
        ("UNKNOWN_NODE", "/edges/a/1/to/0", "to end the branch write null"),
    ),
    broken(
        "the beginning is called entry",
        {"nodes": ["a", "b"], "edges": {"START": "a", "a": "b"}},
        ("UNKNOWN_NODE", "/edges/START", 'write "entry": "<name>" to say which node is the first'),
    ),
    broken(
        "END and START are no nodes even where nodes are left out",
        {"START": "a", "a": "END"},
        ("UNKNOWN_NODE", "/START", 'write "entry": "<name>" instead'),
        ("UNKNOWN_NODE", "/a", "to end the branch write null"),
    ),
    broken(
        "names with two underscores are nobody's",
        {"__start__": "a", "a": "__end__"},
        (
            "BAD_NAME",
            "/__start__",
            'a branch ends with null, and "entry" names the first node; else choose another name',
        ),
        (
            "BAD_NAME",
            "/a",
            'a branch ends with null, and "entry" names the first node; else choose another name',
        ),
    ),
    broken(
        "no place to begin",
        {"edges": {"a": "c", "b": "c"}},
        ("NO_ENTRY", "", 'write "entry": "a", or another of them'),
    ),
    broken(
        "no place to begin in a loop",
        {"edges": {"a": [{"when": "x", "to": "b"}, {"to": None}], "b": "a"}},
        ("NO_ENTRY", "", 'write "entry": "a", or another of them'),
    ),
    broken(
        "no place to begin before a loop",
        {
            "edges": {
                "a": [{"when": "x", "to": "b"}, {"to": None}],
                "b": "a",
                "c": [{"when": "x", "to": "d"}, {"to": "a"}],
                "d": "c",
            }
        },
        ("NO_ENTRY", "", 'write "entry": "c", or another of them'),
    ),
    broken(
        "nodes nobody comes to",
        {"nodes": ["a", "b", "c", "d"], "edges": {"a": "b", "c": "d"}, "entry": "a"},
        ("UNREACHABLE_NODE", "/nodes/2", "lead an edge to it, or take it out"),
        ("UNREACHABLE_NODE", "/nodes/3", "lead an edge to it, or take it out"),
    ),
    broken(
        "an island that is a loop",
        {"edges": {"a": "b", "c": [{"when": "x", "to": "c"}, {"to": None}]}},
        ("UNREACHABLE_NODE", "/edges/c", "lead an edge to it, or take it out"),
    ),
    broken(
        "a typing error is no reason to call a node unreachable",
        {"nodes": ["extract", "analyze"], "edges": {"extract": "analyse"}, "entry": "extract"},
        ("UNKNOWN_NODE", "/edges/extract", "did you mean 'analyze'?"),
    ),
]

RULES: Final = [
    # Rules
    broken(
        "a value that is no edge",
        {"edges": {"a": 3, "b": True, "c": "d"}},
        ("WRONG_TYPE", "/edges/a", ""),
        ("WRONG_TYPE", "/edges/b", ""),
    ),
    broken(
        "a list of what are no edges",
        {"edges": {"a": ["b", None], "b": [None], "c": [["d"]], "e": [3, {"to": "b"}]}},
        ("WRONG_TYPE", "/edges/a/1", "a branch ends with null instead of the list"),
        ("WRONG_TYPE", "/edges/b/0", "a branch ends with null instead of the list"),
        ("WRONG_TYPE", "/edges/c/0", ""),
        ("WRONG_TYPE", "/edges/e/0", ""),
    ),
    broken(
        "names and rules in one list",
        {"edges": {"a": ["b", {"when": "x", "to": "c"}]}},
        ("MIXED_LIST", "/edges/a", 'write each name as a rule: {"to": "<name>"}'),
    ),
    broken(
        "a rule that leads nowhere",
        {"edges": {"a": [{"when": "x"}, {"to": "b"}]}},
        ("MISSING_FIELD", "/edges/a/0", 'to end the branch write "to": null'),
    ),
    broken(
        "a rule in words of other engines",
        {"edges": {"a": [{"condition": "x > 1", "then": "b"}, {"else": "c"}]}},
        ("UNKNOWN_FIELD", "/edges/a/0/condition", 'here it is called "when"'),
        ("UNKNOWN_FIELD", "/edges/a/0/then", 'here it is called "to"'),
        (
            "UNKNOWN_FIELD",
            "/edges/a/1/else",
            'a last rule with nothing but "to" is taken when no other holds',
        ),
    ),
    broken(
        "a rule with a slip of the pen",
        {"edges": {"a": [{"wehn": "x", "too": "b"}, {"to": "b"}]}},
        ("UNKNOWN_FIELD", "/edges/a/0/wehn", "did you mean 'when'?"),
        ("UNKNOWN_FIELD", "/edges/a/0/too", "did you mean 'to'?"),
    ),
    broken(
        "a rule of another type",
        {"edges": {"a": [{"to": 3}, {"to": {"node": "b"}}, {"to": ["b", None, 4]}]}},
        ("WRONG_TYPE", "/edges/a/0/to", ""),
        ("WRONG_TYPE", "/edges/a/1/to", ""),
        ("WRONG_TYPE", "/edges/a/2/to/1", "a branch ends with null instead of the list"),
        ("WRONG_TYPE", "/edges/a/2/to/2", ""),
    ),
    broken(
        "a condition lost on the way makes no default",
        {"edges": {"a": [{"when": None, "to": "b"}, {"on": None, "to": "b"}]}},
        ("WRONG_TYPE", "/edges/a/0/when", "leave it out for a rule that always holds"),
        ("WRONG_TYPE", "/edges/a/1/on", "leave it out for a rule that is for success"),
    ),
    broken(
        "a condition of another type",
        {
            "edges": {
                "a": [{"when": True, "to": "b"}, {"when": False, "to": "b"}, {"when": 3, "to": "b"}]
            }
        },
        ("WRONG_TYPE", "/edges/a/0/when", "leave it out for a rule that always holds"),
        ("WRONG_TYPE", "/edges/a/1/when", "take the rule out"),
        ("WRONG_TYPE", "/edges/a/2/when", ""),
    ),
    broken(
        "outcomes in other words",
        {
            "edges": {
                "a": [
                    {"on": "success", "to": "b"},
                    {"on": "failure", "to": "b"},
                    {"on": "timeout", "to": "b"},
                    {"on": "Error", "to": "b"},
                    {"on": 3, "to": "b"},
                    {"on": "so so", "to": "b"},
                    {"on": "ReadTimeout", "to": "b"},
                ]
            }
        },
        ("BAD_OUTCOME", "/edges/a/0/on", 'leave "on" out: a rule without it is for success'),
        ("BAD_OUTCOME", "/edges/a/1/on", 'write "error"'),
        ("BAD_OUTCOME", "/edges/a/2/on", "error codes are written 'TIMEOUT'"),
        ("BAD_OUTCOME", "/edges/a/3/on", 'write "error"'),
        ("WRONG_TYPE", "/edges/a/4/on", ""),
        (
            "BAD_OUTCOME",
            "/edges/a/5/on",
            own_code("SO_SO"),
        ),
        (
            "BAD_OUTCOME",
            "/edges/a/6/on",
            own_code("READ_TIMEOUT"),
        ),
    ),
    broken(
        "all is a list of rules",
        {"edges": {"a": {"all": "b"}, "b": {"all": ["c", {"when": "x", "to": "d"}], "each": 1}}},
        ("WRONG_TYPE", "/edges/a/all", ""),
        ("WRONG_TYPE", "/edges/b/all/0", 'write {"to": "c"}'),
        ("UNKNOWN_FIELD", "/edges/b/each", 'here it is called "all"'),
    ),
    broken(
        "an object without all is a rule",
        {"edges": {"a": {"conditions": [], "to": "b"}, "b": {}}},
        ("UNKNOWN_FIELD", "/edges/a/conditions", 'here it is called "when"'),
        ("MISSING_FIELD", "/edges/b", 'to end the branch write "to": null'),
    ),
    broken(
        "a list of edges",
        {
            "edges": [
                {"from": "a", "to": "b"},
                {"source": "a", "target": "b"},
                {"to": "b"},
                {"from": "a"},
                {"from": 3, "to": "b"},
                ["a", "b"],
                {"from": "b", "to": "c", "weight": 3},
            ]
        },
        ("UNKNOWN_FIELD", "/edges/1/source", 'here it is called "from"'),
        ("UNKNOWN_FIELD", "/edges/1/target", 'here it is called "to"'),
        ("MISSING_FIELD", "/edges/2", ""),
        ("MISSING_FIELD", "/edges/3", 'to end the branch write "to": null'),
        ("WRONG_TYPE", "/edges/4/from", ""),
        ("WRONG_TYPE", "/edges/5", 'write {"from": ..., "to": ...}'),
        (
            "UNKNOWN_FIELD",
            "/edges/6/weight",
            "leave it out: rules are tried in the order of the list",
        ),
    ),
]

CONDITIONS: Final = [
    # Conditions
    broken(
        "a condition that is not CEL",
        {"edges": {"a": [{"when": "score <", "to": "b"}, {"to": None}]}},
        ("CONDITION_SYNTAX", "/edges/a/0/when", CEL),
    ),
    broken(
        "a condition in Python's words",
        {"edges": {"a": [{"when": "x and y", "to": "b"}, {"when": "not x", "to": "b"}]}},
        ("CONDITION_SYNTAX", "/edges/a/0/when", CEL),
        ("CONDITION_SYNTAX", "/edges/a/1/when", CEL),
    ),
    broken(
        "an unknown function",
        {"edges": {"a": [{"when": "len(x) > 1", "to": "b"}, {"to": None}]}},
        ("CONDITION_SYNTAX", "/edges/a/0/when", CEL),
    ),
    broken(
        "a condition that is never true or false",
        {"edges": {"a": [{"when": "1 + 1", "to": "b"}, {"to": None}]}},
        ("CONDITION_NOT_BOOL", "/edges/a/0/when", CEL),
    ),
    broken(
        "a condition as long as a novel",
        {"edges": {"a": [{"when": "x == 1" + " || x == 1" * 300, "to": "b"}, {"to": None}]}},
        ("CONDITION_TOO_EXPENSIVE", "/edges/a/0/when", CEL),
    ),
    broken(
        "a function of Python in a document",
        {"edges": {"a": [{"when": {"python": "app.is_good"}, "to": "b"}, {"to": None}]}},
        (
            "NOT_PORTABLE",
            "/edges/a/0/when/python",
            "write the condition in CEL, or build the graph where the function is",
        ),
    ),
]

LOOPS: Final = [
    # Loops
    broken(
        "a node that leads to itself for ever",
        {"edges": {"a": "a"}, "entry": "a"},
        (
            "LOOP_WITHOUT_EXIT",
            "/edges/a",
            'give one of them a condition: [{"when": "...", "to": "a"}, {"to": null}]',
        ),
    ),
    broken(
        "a loop of edges that are always taken",
        {"edges": {"a": "b", "b": ["c", "d"], "c": "b"}},
        (
            "LOOP_WITHOUT_EXIT",
            "/edges/c",
            'give one of them a condition: [{"when": "...", "to": "b"}, {"to": null}]',
        ),
    ),
    broken(
        "two loops without exit",
        {
            "edges": {
                "s": ["a", "c"],
                "a": "b",
                "b": "a",
                "c": {"all": [{"to": "c"}, {"when": "x", "to": "d"}]},
            }
        },
        (
            "LOOP_WITHOUT_EXIT",
            "/edges/b",
            'give one of them a condition: [{"when": "...", "to": "a"}, {"to": null}]',
        ),
        (
            "LOOP_WITHOUT_EXIT",
            "/edges/c/all/0/to",
            'give one of them a condition: [{"when": "...", "to": "c"}, {"to": null}]',
        ),
    ),
]


@each([*NAMES, *RULES, *CONDITIONS, *LOOPS])
def test_a_document_is_told_all_its_problems_at_once(row: Broken) -> None:
    told(row)
