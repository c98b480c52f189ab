"""Makes a graph that breaks a law smaller while it still breaks it.

This module knows how a case is written. What it means that a case fails is up to whoever
calls.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.laws.furnish import Case, Script

    Change = Callable[[dict[str, Any], dict[str, Script]], object]


def shrink(case: Case, broken: Callable[[Case], Case | None]) -> Case:
    """Give a case that fails and of which nothing can be left out.

    Args:
        case: One that fails.
        broken: Gives the case, perhaps under another schedule, if it fails.
    """
    smaller = broken(replace(case, document=plain(case.document)))
    while smaller is not None:
        case = smaller
        smaller = next((found for tried in candidates(case) if (found := broken(tried))), None)
    return case


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """Write every routing as rules."""
    edges: dict[str, Any] = {}
    for node, routing in document["edges"].items():
        match routing:
            case {"all": rules}:
                edges[node] = {"all": list(map(listed, rules))}
            case [{}, *_]:
                edges[node] = list(map(listed, routing))
            case None:
                edges[node] = []
            case _:
                edges[node] = [listed({"to": routing})]
    return {**document, "edges": edges}


def listed(rule: dict[str, Any]) -> dict[str, Any]:
    """Write the targets of a rule as a list."""
    to = rule["to"]
    return {**rule, "to": [] if to is None else [to] if isinstance(to, str) else list(to)}


def rules_of(document: dict[str, Any], node: str) -> list[dict[str, Any]]:
    """Give the rules of a node in a plain document."""
    routing = document["edges"][node]
    rules: list[dict[str, Any]] = routing["all"] if isinstance(routing, dict) else routing
    return rules


def candidates(case: Case) -> Iterator[Case]:
    """Give everything that is a little smaller."""
    for change in changes(case):
        document = copy.deepcopy(case.document)
        scripts = dict(case.scripts)
        change(document, scripts)
        document = reached(document)
        if document != case.document or scripts != case.scripts:
            yield replace(case, document=document, scripts=scripts)


def reached(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out the nodes that nothing leads to any more."""
    found = [document["entry"]]
    for node in found:
        named = [t for rule in rules_of(document, node) for t in rule["to"]]
        named += document["nodes"][node].get("routes", [])
        found += [t for t in dict.fromkeys(named) if t not in found]
    nodes = {n: node for n, node in document["nodes"].items() if n in found}
    return {**document, "nodes": nodes, "edges": {n: document["edges"][n] for n in nodes}}


def changes(case: Case) -> Iterator[Change]:
    """Give functions that leave something out of a document or of the scripts."""
    nodes = case.document["nodes"]
    for node in nodes:
        yield cast("Change", lambda d, _s, n=node: bypass(d, n))
    for node in nodes:
        yield from changes_of_rules(case, node)
        for part in nodes[node].keys() - {"tool"}:
            yield cast("Change", lambda d, _s, n=node, p=part: d["nodes"][n].pop(p))
        for script in smaller_scripts(case.scripts[node]):
            yield cast("Change", lambda _d, s, n=node, script=script: s.update({n: script}))
    yield cast("Change", lambda d, _s: d.pop("on_failure", None))
    for key in case.document["state"]["reducers"]:
        if not key.startswith("n_"):
            yield cast("Change", lambda d, _s, k=key: d["state"]["reducers"].pop(k))


def changes_of_rules(case: Case, node: str) -> Iterator[Change]:
    """Give functions that leave something out of the rules of a node."""
    for i, rule in enumerate(rules_of(case.document, node)):
        yield cast("Change", lambda d, _s, i=i: rules_of(d, node).pop(i))
        for t in rule["to"]:
            yield cast("Change", lambda d, _s, i=i, t=t: rules_of(d, node)[i]["to"].remove(t))
        for part in {"on", "when"} & rule.keys():
            yield cast("Change", lambda d, _s, i=i, p=part: rules_of(d, node)[i].pop(p))


def smaller_scripts(script: Script) -> Iterator[Script]:
    """Give scripts that do less."""
    if script.trouble != "none":
        yield replace(script, trouble="none", times=0)
    for key in script.writes:
        yield replace(script, writes=tuple(k for k in script.writes if k != key))
    if script.overwrites:
        yield replace(script, overwrites=0.0)


def bypass(document: dict[str, Any], node: str) -> None:
    """Let whoever sends to a node send to where it sends first."""
    after = next((t for rule in rules_of(document, node) for t in rule["to"] if t != node), None)
    for other in document["nodes"]:
        for rule in rules_of(document, other):
            if node in rule["to"]:
                named = [after if t == node else t for t in rule["to"]]
                rule["to"] = [t for t in dict.fromkeys(named) if t is not None]
    if document["entry"] == node and after is not None:
        document["entry"] = after
