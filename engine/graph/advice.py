"""What a valid graph is warned of: what its author probably did not mean.

This module knows what tends to surprise. It refuses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph.edges import ANY_ERROR
from engine.graph.leaves import warn_of_leaves
from engine.graph.problems import listed, shown
from engine.graph.reach import components, intervals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.graph.document import Draft
    from engine.graph.edges import RoutingDraft, RuleDraft
    from engine.graph.plan import Plan
    from engine.graph.problems import Pointer, Problems


def advise(draft: Draft, plan: Plan, problems: Problems) -> None:
    """Report the warnings that follow from the graph as a whole."""
    for routing in draft.routing.values():
        if not routing.every:
            _warn_of_rules_behind(routing.rules, problems)
        _warn_of_no_default(routing, plan, problems)
    out = edges_of(draft, plan)
    _warn_of_two_entries(out, plan, problems)
    warn_of_leaves(draft, plan, [list(targets) for targets in out], problems)


def edges_of(draft: Draft, plan: Plan) -> list[Mapping[int, Pointer]]:
    """Give for each node its targets, and where the document names them."""
    out: list[dict[int, Pointer]] = [{} for _ in plan.names]
    for name, routing in draft.routing.items():
        for rule in routing.rules:
            for mention in rule.to:
                out[plan.index[name]].setdefault(plan.index[mention.name], mention.path)
    for name, node in draft.nodes.items():
        for mention in node.routes:
            out[plan.index[name]].setdefault(plan.index[mention.name], mention.path)
    return list(out)


def _warn_of_rules_behind(rules: Sequence[RuleDraft], problems: Problems) -> None:
    """Warn of rules that are never tried, since one before them always holds."""
    taken: set[str | None] = set()
    for rule in rules:
        if rule.on in taken or (rule.on is not None and ANY_ERROR in taken):
            problems.warn(
                "UNREACHABLE_RULE",
                rule.path,
                "this rule is never tried: one before it always holds",
                'put it first, or write {"all": [...]} to take every rule that holds',
            )
        elif not rule.conditional:
            taken.add(rule.on)


def _warn_of_no_default(routing: RoutingDraft, plan: Plan, problems: Problems) -> None:
    successes = routing.successes
    if not successes or not all(rule.conditional for rule in successes):
        return
    source = plan.index[routing.source.name]
    leaving = [
        mention.name
        for rule in successes
        for mention in rule.to
        if plan.component[plan.index[mention.name]] != plan.component[source]
    ]
    if leaving:
        problems.warn(
            "NO_DEFAULT_ROUTE",
            routing.path,
            f"if none of its conditions holds, {shown(routing.source.name)} fails with NO_ROUTE",
            'add a last rule: {"to": null} ends the branch, {"to": "<name>"} goes on',
        )


def _warn_of_two_entries(
    out: Sequence[Mapping[int, Pointer]], plan: Plan, problems: Problems
) -> None:
    """Warn of loops that are entered at two places.

    A loop with one entry is closed by edges back to a node that dominates their source. What
    still goes round without those has no node that every path into it passes.
    """
    first, last = intervals(plan.split)
    forward = [
        [t for t in targets if not first[t] <= first[s] <= last[t]] for s, targets in enumerate(out)
    ]
    component = components(forward)
    members: dict[int, list[int]] = {}
    entered: dict[int, list[tuple[int, Pointer]]] = {}
    for node, number in enumerate(component):
        members.setdefault(number, []).append(node)
        for target in forward[node]:
            if component[target] != number:
                edge = (target, out[node][target])
                entered.setdefault(component[target], []).append(edge)
    for loop in sorted(members.values()):
        if len(loop) == 1:
            continue
        ways = entered[component[loop[0]]]
        places = sorted({target for target, _ in ways})
        names = [plan.names[node] for node in places]
        problems.warn(
            "LOOP_TWO_ENTRIES",
            next(path for target, path in ways if target == places[-1]),
            f"the loop through {listed([plan.names[node] for node in loop])} is entered at "
            f"{listed(names)}, so its nodes may wait for each other",
            f"lead all edges into it to one node, such as {shown(names[0])}",
        )
