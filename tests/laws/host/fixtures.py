"""Small graphs by hand, each with one thing in it that a cut may tear apart.

They are cases as the random ones are, so that the model knows them too; every node writes to
the list `log`, and what it writes depends on what it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine import Graph
from tests.laws.furnish import Case, Script

if TYPE_CHECKING:
    from tests.laws.draft import Flavour

TESTS: Final = {"n_b < 2": lambda s: s["n_b"] < 2, "n_b < 4": lambda s: s["n_b"] < 4}

PLAIN: Final = Script(writes=("log",), counter=None)


def failing(times: int) -> Script:
    """Fail so many times, and then do as all others do."""
    return Script(("log",), None, "error", times, share=1.0)


def fixture(
    edges: dict[str, Any],
    nodes: dict[str, dict[str, Any]] | None = None,
    scripts: dict[str, Script] | None = None,
    flavour: Flavour = "lawful",
    **more: Any,
) -> Case:
    """Make a case of edges; every node of them is there, and calls the one tool."""
    names = list(edges)
    for rules in edges.values():
        for rule in [rules] if isinstance(rules, str | None) else rules:
            to = rule["to"] if isinstance(rule, dict) else rule
            names += [to] if to else []
    policies = nodes or {}
    state = {"defaults": {"n_b": 0}, "reducers": {"log": "append"}}
    return Case(
        seed=0,
        flavour=flavour,
        document={
            "name": "fixture",
            "nodes": {name: {"tool": "work", **policies.get(name, {})} for name in names},
            "edges": edges,
            "entry": "a",
            "state": state,
            **more,
        },
        state={"k0": 1},
        tests=TESTS,
        scripts=dict.fromkeys(names, PLAIN) | (scripts or {}),
        kinds={"k0": "int", "log": "append", "n_b": "counter plain"},
        features=frozenset(),
    )


FAN: Final = {"a": ["b", "c", "d"], "b": "e", "c": "e", "d": "e"}
AGAIN: Final = {"max_attempts": 3, "delay": 0.5, "jitter": 0.1}

FIXTURES: Final = {
    "a chain": fixture({"a": "b", "b": "c", "c": "d"}),
    "a diamond": fixture({"a": ["b", "c"], "b": "d", "c": "d"}),
    "a loop": fixture(
        {"a": "b", "b": [{"when": "n_b < 4", "to": "a"}, {"to": "c"}]},
        scripts={"b": Script(("log",), "n_b")},
    ),
    "a retry with back-off": fixture(
        {"a": "b", "b": "c"}, {"b": {"retry": AGAIN}}, {"b": failing(2)}
    ),
    "a call that hangs once": fixture(
        {"a": "b", "b": "c"},
        {"b": {"retry": {**AGAIN, "delay": 0}, "timeout": 1}},
        {"b": Script(("log",), None, "hang", 1, share=1.0)},
    ),
    "a count that cancels the rest": fixture(
        FAN, {"e": {"join": {"count": 2, "rest": "cancel"}}}, flavour="anything"
    ),
    "a count that blocks": fixture(
        {**FAN, "e": [{"when": "n_b < 2", "to": "a"}, {"to": "f"}]},
        {"e": {"join": {"count": 2, "rest": "block"}}},
        {"e": Script(("log",), "n_b")},
        flavour="anything",
    ),
    "a failure": fixture({"a": ["b", "c"], "c": "d"}, scripts={"c": failing(9)}),
    "a failure that drains": fixture(
        {"a": ["b", "c"], "c": "d"}, scripts={"b": failing(9)}, on_failure="drain"
    ),
    "a failure that a rule takes": fixture(
        {"a": ["b", "c"], "b": [{"on": "error", "to": "d"}, {"to": "e"}], "c": "e", "d": "e"},
        {"b": {"retry": AGAIN}},
        {"b": failing(9)},
    ),
    "two calls at a time": fixture(FAN, limits={"max_parallel": 2}),
    "a node that is called once at a time": fixture(
        FAN, {"e": {"join": "each", "max_parallel": 1}}
    ),
}

GRAPHS: Final = {name: Graph.parse(case.document) for name, case in FIXTURES.items()}
