"""Where a node that has ended sends its messages.

This module knows rules and the state they read. It changes nothing and writes nothing: it
names the targets, or raises the error that the node has instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ConditionFailed, NodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.graph.parts import Rule
    from engine.ids import Json
    from engine.run import Run


def after_success(
    run: Run, node: str, state: Mapping[str, Json], goto: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Name the targets of a node that succeeded; none ends the branch.

    Who knows that the plan has `always` targets for the node need not ask.

    Raises:
        NodeError: No rule holds (`NO_ROUTE`), a condition can't be evaluated, or the tool
            named a successor that its node does not declare (`ROUTE_NOT_DECLARED`).
    """
    if goto is not None:
        return _declared(run, node, goto)
    position = run.plan.index[node]
    always = run.plan.always[position]
    if always is not None:
        return always
    asked = run.plan.successes[position]
    chosen = _hold(run, node, asked, state, every=run.graph.routing[node].every)
    if len(chosen) == 1:
        return chosen[0].to
    if chosen:
        return _once(target for rule in chosen for target in rule.to)
    return _no_route(run, node, asked, state)


def after_error(
    run: Run, node: str, state: Mapping[str, Json], code: str
) -> tuple[str, ...] | None:
    """Name the targets for an error; None: no rule takes it.

    Raises:
        NodeError: A condition beside a matching `on` can't be evaluated.
    """
    routing = run.graph.routing[node]
    asked = [rule for rule in routing.rules if rule.on is not None and rule.on in (code, "error")]
    chosen = _hold(run, node, asked, state, every=routing.every)
    return _once(target for rule in chosen for target in rule.to) if chosen else None


def _hold(
    run: Run, node: str, rules: Iterable[Rule], state: Mapping[str, Json], *, every: bool
) -> list[Rule]:
    holding: list[Rule] = []
    for rule in rules:
        if rule.when is None or _holds(run, node, rule, state):
            holding.append(rule)
            if not every:
                break
    return holding


def _holds(run: Run, node: str, rule: Rule, state: Mapping[str, Json]) -> bool:
    assert rule.when is not None  # noqa: S101  # the caller looked
    try:
        return rule.when.holds(state)
    except ConditionFailed as error:
        error.details["node"] = node
        writer = run.writers.get(str(error.details.get("key")))
        if writer is not None and error.code == "CONDITION_MISSING_KEY":
            error.hint = (
                f"node {writer!r} writes it, on another branch: join that branch first, or "
                f"give it a value in state.defaults"
            )
            error.details["writer"] = writer
        raise


def _declared(run: Run, node: str, goto: tuple[str, ...]) -> tuple[str, ...]:
    routes = run.graph.nodes[node].routes
    foreign = [target for target in goto if target not in routes]
    if foreign:
        raise NodeError(
            f"the tool of node {node!r} went to {', '.join(map(repr, foreign))}, but the node "
            f"declares {', '.join(map(repr, routes)) if routes else 'no routes'}",
            code="ROUTE_NOT_DECLARED",
            hint=f"add it to the routes of node {node!r}",
            details={"goto": list(goto), "routes": list(routes)},
        )
    return _once(goto)


def _no_route(
    run: Run, node: str, rules: Sequence[Rule], state: Mapping[str, Json]
) -> tuple[str, ...]:
    plan = run.plan
    home = plan.component[plan.index[node]]
    if all(
        rule.to and all(plan.component[plan.index[target]] == home for target in rule.to)
        for rule in rules
    ):
        return ()  # every rule goes round the loop again, so the loop is left
    tried: list[Json] = []
    for rule in rules:
        names = sorted(rule.when.names) if rule.when is not None else []
        values: dict[str, Json] = {name: state[name] for name in names if name in state}
        tried.append({"when": rule.when.text if rule.when else "", "values": values})
    told = "; ".join(f"{rule.when.text!r} is false" for rule in rules if rule.when is not None)
    raise NodeError(
        f"node {node!r} succeeded, but none of its rules holds: {told}",
        code="NO_ROUTE",
        hint='add a last rule without "when": {"to": ...}, or {"to": null} to end the branch',
        details={"rules": tried},
    )


def _once(targets: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(targets))
