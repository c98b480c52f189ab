"""Which nodes fire now, and what happens where one can't.

This module knows the order in which what is due fires, and what stops a firing: a limit, a
breakpoint, pasts that conflict, a join that can't be satisfied. Which groups are due is
`firing.waiting`'s to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.condition import Condition
from engine.decide.failure import as_value, clean
from engine.entry import (
    BreakpointHit,
    ErrorInfo,
    MessageWithdrawn,
    NodeFailed,
    RunPaused,
)
from engine.errors import ConditionFailed, NodeError
from engine.history import Conflict
from engine.ids import ActivationId
from engine.segment import State
from engine.value import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.decide.batch import Batch
    from engine.firing.group import Group
    from engine.graph.parts import Node
    from engine.ids import Json
    from engine.message import Activation, Message
    from engine.run import Run
    from engine.segment import Segment

_LONGEST_SHOWN: Final = 200
"""Characters of a value in a message."""


def settle(batch: Batch) -> None:
    """Fire everything that is due, in the order of `docs/semantics.md` 3.8."""
    run, waiting = batch.run, batch.run.waiting
    while may_fire(run):
        if run.fresh:
            if len(run.messages) == 1:
                (message,) = run.fresh.values()
                if waiting.nodes[message.node] is None:
                    _fire_one(batch, message)  # alone in the run, it can wait for nobody
                    return
            if not _let_in(batch):
                return
        if waiting.touched and _fire_groups(batch):
            continue
        if not (waiting.stuck and _resolve_circle(batch)):
            return


def is_hop(run: Run, activation: Activation, target: str) -> bool:
    """Tell whether a message to `target` fires it at once, whoever else is in flight.

    It does where the target waits for nobody, or nobody else is there to wait for, and
    nothing stops it from firing: then that is the first thing that `settle` would do.
    """
    plan = run.plan
    node = plan.index[target]
    if plan.joins[node] is not None and (
        plan.declared[node] is not None or others(run, activation)
    ):
        return False
    return (
        run.status == "running"
        and run.failing is None
        and not run.breakpoints
        and not run.fresh
        and len(run.messages) <= run.limits.max_in_flight
        and run.visits.get(node, 0) < visit_limit(run, run.graph.nodes[target])
        and run.fired < run.limits.max_activations
    )


def others(run: Run, activation: Activation) -> bool:
    """Tell whether anything is in flight beside what an activation holds, or ever was."""
    return len(run.messages) != len(activation.held) or bool(run.branches)


def may_fire(run: Run) -> bool:
    """Tell whether the run is in a state to start anything."""
    if run.failing is not None:
        return False
    return run.status == "running" or (run.status == "paused" and run.steps > 0)


def _let_in(batch: Batch) -> bool:
    """Fire the nodes without a join, and put the other messages where they wait."""
    run = batch.run
    waiting, joins = run.waiting, run.plan.joins
    others: list[Message] = []
    for message in list(run.fresh.values()):
        if joins[message.node] is not None and not waiting.alone(message):
            others.append(message)
        elif not (may_fire(run) and _fire_one(batch, message)):
            return False
    if not may_fire(run):  # it was paused, or took the one step it had
        return False
    asked: dict[Group, None] = {}
    for message in others:
        group = waiting.arrive(message)
        if group.fired:
            _withdraw(batch, message, group, "late")
            continue
        del run.fresh[message.seq]
        if group.join is not None and group.join.when is not None:
            asked[group] = None
    return not asked or (all(_look(batch, group) for group in asked) and may_fire(run))


def _look(batch: Batch, group: Group) -> bool:
    """Ask the condition of a join about the messages that have come."""
    assert group.join is not None  # noqa: S101  # the caller looked
    condition = group.join.when
    assert condition is not None  # noqa: S101  # the caller looked
    run = batch.run
    facts: dict[str, Json] = {
        "arrived": group.arrived.bit_count(),
        "total": group.plan.full.bit_count(),
    }
    if "messages" in condition.names:
        sources = {slot: source for source, slot in run.plan.slots[group.node].items()}
        facts["messages"] = [
            {
                "node": run.plan.names[sources[message.slot]]
                if sources[message.slot] >= 0
                else None,
                "state": State(_head(message)).whole(),
            }
            for message in (group.queues[slot][0] for slot in sorted(group.queues))
        ]
    try:
        group.satisfied = condition.holds(facts)
    except ConditionFailed as error:
        _cannot(batch, group.waiting(), as_value(error))
        return False
    return True


def _fire_groups(batch: Batch) -> bool:
    """Fire all groups that can; tell whether any did, and everything may go on."""
    run = batch.run
    any_fired = False
    while ready := run.waiting.ready():
        for group in ready:
            if not may_fire(run):
                return False
            if not run.waiting.is_ready(group):
                continue  # one that fired before it has changed things
            if not _fire_group(batch, group):
                return False
            any_fired = True
    return any_fired


def _resolve_circle(batch: Batch) -> bool:
    """Let the first of a circle of waiting groups through; tell whether there was one."""
    found = batch.run.waiting.circle() if may_fire(batch.run) else None
    if found is None:
        return False
    group, can_fire = found
    if can_fire:
        return _fire_group(batch, group, forced=True)
    _unsatisfiable(batch, group)
    return False


def _fire_group(batch: Batch, group: Group, *, forced: bool = False) -> bool:
    run = batch.run
    waiting = run.waiting
    if not forced and waiting.unsatisfiable(group):
        _unsatisfiable(batch, group)
        return False
    chosen = group.in_order(group.chosen())
    if not _fire(batch, chosen):
        waiting.touched[group] = None
        return False
    if group.once:
        rest = group.join.rest if group.join is not None else "ignore"
        for message in group.waiting():
            _withdraw(batch, message, group, "late")
        if rest == "cancel":
            for message in waiting.remaining(group):
                if message.seq in run.messages:  # else it went with its activation
                    _withdraw(batch, message, group, "cancel")
    return True


def _fire_one(batch: Batch, message: Message) -> bool:
    """Let a node consume one message; False: it can't, and the batch says why."""
    run, position, seq = batch.run, message.node, message.seq
    name = run.plan.names[position]
    node = run.graph.nodes[name]
    if run.visits.get(position, 0) >= visit_limit(run, node) or (
        run.fired >= run.limits.max_activations
    ):
        _over_limit(batch, node, [message])
        return False
    stops = run.breakpoints and seq not in run.passed
    if stops and stop_at(batch, name, "before", State(_head(message)), (seq,)):
        return False
    batch.start(name, ActivationId(seq), (seq,))
    return True


def _fire(batch: Batch, held: list[Message]) -> bool:
    """Let a node consume messages, as `_fire_one`."""
    if len(held) == 1:
        return _fire_one(batch, held[0])
    run = batch.run
    first = held[0]
    name = run.plan.names[first.node]
    seqs = tuple([message.seq for message in held])
    if _over_limit(batch, run.graph.nodes[name], held):
        return False
    try:
        met = run.history.meet([_head(message) for message in held])
    except Conflict as conflict:
        _cannot(batch, held, conflicting(conflict, name))
        return False
    except NodeError as error:
        _cannot(batch, held, as_value(error))
        return False
    run.met = (seqs, met)
    stops = run.breakpoints and first.seq not in run.passed
    if stops and stop_at(batch, name, "before", State(met), seqs):
        return False
    batch.start(name, ActivationId(first.seq), seqs)
    return True


def stop_at(
    batch: Batch, node: str, where: str, state: Mapping[str, Json], messages: tuple[int, ...]
) -> bool:
    """Pause the run if it has come to a breakpoint."""
    for point in batch.run.breakpoints:
        if point.node != node or point.where != where:
            continue
        problem = ""
        if point.when is not None:
            try:
                if not Condition.compile(point.when).holds(state):
                    continue
            except ConditionFailed as error:
                problem = str(error)  # better to stop once too often
        batch.emit(BreakpointHit, node=node, where=where, messages=messages, problem=problem)
        batch.emit(RunPaused, reason="breakpoint", node=node)
        return True
    return False


def conflicting(conflict: Conflict, where: str | None) -> ErrorInfo:
    """Say which branches wrote what, and what to do about it."""
    writes = {f"{_shown(value)} by {author!r}" for author, value in conflict.writes}
    place = f"node {where!r}" if where is not None else "the end of the run"
    return clean(
        ErrorInfo(
            code="STATE_CONFLICT",
            message=f"branches that meet at {place} have different values for "
            f"{conflict.key!r}: {', '.join(sorted(writes))}",
            hint=f"say how they meet with state.reducers {{{conflict.key!r}: ...}} (last, first, "
            "max, min, sum, append, extend, union, merge), or let the branches write other keys",
            details={
                "key": conflict.key,
                "writes": [{"node": author, "value": value} for author, value in conflict.writes],
            },
            retryable=False,
        )
    )


def _shown(value: Json) -> str:
    text = canonical(value).decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def visit_limit(run: Run, node: Node) -> int:
    """Give how often a node may fire in this run."""
    limit = run.limits.max_visits
    if node.max_visits is not None:
        raised = "max_visits" in run.raised
        limit = max(limit, node.max_visits) if raised else node.max_visits
    return limit


def _over_limit(batch: Batch, node: Node, held: list[Message]) -> bool:
    run = batch.run
    visits = run.visits.get(held[0].node, 0)
    limit = visit_limit(run, node)
    if visits >= limit:
        error = _loop_limit(run, node, held[0], limit)
    elif run.fired >= run.limits.max_activations:
        error = ErrorInfo(
            code="ACTIVATION_LIMIT",
            message=f"the run has fired {run.fired} nodes, its limit",
            hint="raise the limit max_activations",
            details={"limit": "max_activations", "value": run.limits.max_activations},
            retryable=False,
        )
    else:
        return False
    if node.on_limit == "pause":
        batch.emit(RunPaused, reason="limit", node=node.name, error=error)
    else:
        _cannot(batch, held, error)
    return True


def _loop_limit(run: Run, node: Node, message: Message, limit: int) -> ErrorInfo:
    plan = run.plan
    home = plan.component[message.node]
    loop = [name for name, number in zip(plan.names, plan.component, strict=True) if number == home]
    state = State(_head(message))
    asked: dict[str, Json] = {}
    for name in loop:
        for rule in run.graph.routing[name].rules:
            if rule.when is not None:
                names = sorted(rule.when.names)
                asked[rule.when.text] = {key: state[key] for key in names if key in state}
    told = "; ".join(f"{text}: {values}" for text, values in asked.items())
    return clean(
        ErrorInfo(
            code="LOOP_LIMIT",
            message=f"node {node.name!r} has run {limit} times, its limit; the loop is "
            f"{', '.join(loop)}" + (f"; its conditions last saw {told}" if told else ""),
            hint="see that a condition of the loop becomes false, or raise the limit max_visits",
            details={
                "limit": "max_visits",
                "value": limit,
                "loop": list(loop),
                "conditions": asked,
            },
            retryable=False,
        )
    )


def _unsatisfiable(batch: Batch, group: Group) -> None:
    run = batch.run
    join = group.join
    name = run.plan.names[group.node]
    wanted = f"count {join.count}" if join and join.count is not None else "its condition"
    came = group.arrived.bit_count()
    error = ErrorInfo(
        code="JOIN_UNSATISFIABLE",
        message=f"the join of node {name!r} can't be satisfied any more: it wants {wanted}, "
        f"{came} of {group.plan.full.bit_count()} edges have delivered, and not enough others can",
        hint="lower the count, or leave the join out: then the node waits for just what comes",
        details={"arrived": came, "edges": group.plan.full.bit_count()},
        retryable=False,
    )
    _cannot(batch, group.waiting(), error)


def _cannot(batch: Batch, held: list[Message], error: ErrorInfo) -> None:
    """Write down that a node could not fire; the run fails of it."""
    batch.emit(
        NodeFailed,
        node=batch.run.plan.names[held[0].node],
        activation=held[0].seq,
        attempt=0,
        error=error,
        then="fails",
        messages=tuple(message.seq for message in held),
    )


def _withdraw(batch: Batch, message: Message, group: Group, reason: str) -> None:
    plan = batch.run.plan
    holder = message.holder
    batch.emit(
        MessageWithdrawn,
        node=plan.names[message.node],
        messages=(message.seq,) if holder is None else holder.messages,
        by=plan.names[group.node],
        reason=reason,
        activation=None if holder is None else holder.id,
    )


def _head(message: Message) -> Segment:
    assert message.head is not None  # noqa: S101  # it waits, so it has its own history
    return message.head
