"""A run is the fold of its log.

This module knows what each entry does to a run. It does not know why an entry was written
(`decide`), what time it is, who executes nodes, or where the log is kept.

Rule: `apply` (and `flow.hop`, which is three of it in one) is the only function that changes
a `Run`. It never refuses, never fires, and reads every entry ever written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from engine import entry as log
from engine.ids import Seq
from engine.message import Message
from engine.run.flow import (
    end,
    message_sent,
    message_withdrawn,
    node_completed,
    node_started,
    write,
)
from engine.run.run import Run
from engine.run.timers import arm_attempt, arm_run, arm_series, only_retries, set_timer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.entry import AnyEntry
    from engine.graph import Graph
    from engine.message import Activation
    from engine.run.run import Status


def fold(graph: Graph, entries: Iterable[AnyEntry]) -> Run:
    """Make a run from its log, or from a prefix that ends with a batch."""
    run = Run(graph)
    for each in entries:
        apply(run, each)
    return run


def apply(run: Run, entry: AnyEntry) -> None:
    """Change a run by what has happened. The only function that does."""
    run.now = entry.at
    run.next_seq = Seq(entry.seq + 1)
    APPLY[type(entry)](run, entry)


def _run_started(run: Run, entry: log.RunStarted) -> None:
    run.id = run.root = entry.run_id
    run.status = "running"
    run.tags = entry.tags
    run.tools = entry.tools
    run.breakpoints = entry.breakpoints
    run.given = entry.state
    run.initial = run.history.begin(entry.state)
    run.began = entry.at
    arm_run(run)


def _run_forked(run: Run, entry: log.RunForked) -> None:
    run.id = entry.run_id
    if not entry.keep_keys:
        run.root = entry.run_id
    run.status = "running"
    run.error = run.failing = None
    run.commands.clear()
    run.passed = frozenset()
    run.steps = 0
    only_retries(run)
    for activation in run.activations.values():
        activation.since = entry.at
        if activation.status in ("running", "backing_off"):
            arm_series(run, activation, entry.at)
        if activation.status == "running":
            arm_attempt(run, activation, entry.at)
    run.began = entry.at
    arm_run(run)
    _caused(run, entry)


def _node_failed(run: Run, entry: log.NodeFailed) -> None:
    if entry.then == "fails" and run.failing is None:
        run.failing = entry
    if entry.attempt == 0:
        return
    activation = run.activations[entry.activation]
    if entry.then == "routed":
        end(run, activation)
        return
    activation.status = "exhausted" if entry.then == "paused" else "failed"
    run.running.pop(entry.activation, None)


def _node_retrying(run: Run, entry: log.NodeRetrying) -> None:
    activation = run.activations[entry.activation]
    activation.status = "backing_off"
    activation.due = entry.due
    run.running.pop(entry.activation, None)
    set_timer(run, entry.due, "retry", activation)


def _node_skipped(run: Run, entry: log.NodeSkipped) -> None:
    activation = run.activations[entry.activation]
    write(run, activation, entry.patch, ())
    end(run, activation)
    _caused(run, entry)


def _caused(run: Run, entry: log.Caused) -> None:
    if entry.command is not None:
        run.commands.setdefault(entry.command, entry.seq)


def _breakpoint_hit(run: Run, entry: log.BreakpointHit) -> None:
    run.passed |= frozenset(entry.messages)


def _breakpoints_set(run: Run, entry: log.BreakpointsSet) -> None:
    run.breakpoints = entry.breakpoints
    _caused(run, entry)


def _state_patched(run: Run, entry: log.StatePatched) -> None:
    holders: dict[Message | Activation, None] = {}
    for seq in entry.messages:
        message = run.messages[seq]
        holders[message.holder or message] = None
    owners = list(holders)
    heads = [owner.head for owner in owners if owner.head is not None]
    everyone: list[Message | Activation] = [
        *run.messages.values(),
        *run.activations.values(),
        *run.branches.values(),
    ]
    alive = [each.head for each in everyone if each.head is not None]
    patched = run.history.patch_all(heads, entry.patch, entry.actor, alive=alive)
    for owner, head in zip(owners, patched, strict=True):
        owner.head = head
        if isinstance(owner, Message) and run.waiting.conditional(owner):
            run.waiting.held(owner)  # its join looks at it anew, as if it came now
            run.fresh[owner.seq] = owner
    run.met = None
    _caused(run, entry)


def _limit_raised(run: Run, entry: log.LimitRaised) -> None:
    run.raised |= {entry.limit}
    run.limits = replace(run.limits, **{entry.limit: entry.value})  # type: ignore[arg-type]  # `decide` saw to the types
    if entry.limit == "deadline":
        arm_run(run)
    _caused(run, entry)


def _run_paused(run: Run, entry: log.RunPaused) -> None:
    run.status = "paused"
    run.steps = 0
    run.error = entry.error
    _caused(run, entry)


def _run_stepped(run: Run, entry: log.RunStepped) -> None:
    run.steps += 1
    _caused(run, entry)


def _run_resumed(run: Run, entry: log.RunResumed) -> None:
    run.status = "running"
    run.steps = 0
    run.error = None
    _caused(run, entry)


def _run_completed(run: Run, _: log.RunCompleted) -> None:
    _over(run, "completed")


def _run_failed(run: Run, entry: log.RunFailed) -> None:
    _over(run, "failed")
    run.error = entry.error


def _run_cancelled(run: Run, entry: log.RunCancelled) -> None:
    _over(run, "cancelled")
    _caused(run, entry)


def _over(run: Run, status: Status) -> None:
    run.status = status
    run.error = None


APPLY: Final[dict[type, Callable[[Run, Any], None]]] = {  # type: ignore[explicit-any]  # each takes its own type
    log.RunStarted: _run_started,
    log.RunForked: _run_forked,
    log.MessageSent: message_sent,
    log.MessageWithdrawn: message_withdrawn,
    log.NodeStarted: node_started,
    log.NodeCompleted: node_completed,
    log.NodeFailed: _node_failed,
    log.NodeRetrying: _node_retrying,
    log.NodeSkipped: _node_skipped,
    log.BreakpointHit: _breakpoint_hit,
    log.BreakpointsSet: _breakpoints_set,
    log.StatePatched: _state_patched,
    log.LimitRaised: _limit_raised,
    log.RunPaused: _run_paused,
    log.RunStepped: _run_stepped,
    log.RunResumed: _run_resumed,
    log.RunCompleted: _run_completed,
    log.RunFailed: _run_failed,
    log.RunCancelled: _run_cancelled,
}
"""One line per type of entry; a test holds it against `ENTRY_TYPES`."""
