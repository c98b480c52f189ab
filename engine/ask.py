"""What can be asked of a run.

This module knows how to read a `Run`. It changes nothing that an entry could have changed,
and it does not know who asks. After each step a host asks `active`, `deadline` and `ended`,
and makes the world agree; people ask `view`.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import NotApplicable
from engine.ids import Seq
from engine.place import path
from engine.run import OVER, awaited
from engine.segment import State
from engine.value import copy_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.ids import ActivationId, Json
    from engine.message import Activation
    from engine.run import Run
    from engine.segment import Segment


def active(run: Run) -> Mapping[ActivationId, Activation]:
    """Give the activations whose tool must be executing now: start what is missing, stop the rest.

    The mapping is the run's own: read it before the next step, and do not change it.
    """
    return {} if run.status in OVER else run.running


def deadline(run: Run) -> datetime | None:
    """Give the time of the earliest timer; a host feeds `Timer(at=...)` when it has come."""
    if run.status in OVER:
        return None
    timers = run.timers
    while timers and not awaited(run, timers[0]):
        heapq.heappop(timers)
    if not timers:
        return None
    if run.status != "paused":
        return timers[0][0]
    standing = [t[0] for t in timers if t[2] != "retry" and awaited(run, t)]
    return min(standing, default=None)


def ended(run: Run) -> bool:
    """Tell whether the log has its terminal entry, after which nothing can come."""
    return run.status in OVER


def state_of(run: Run, activation: ActivationId) -> dict[str, Json]:
    """Give the state that an activation reads, as a copy of its own.

    Raises:
        KeyError: There is no such activation.
    """
    state = State(run.activations[activation].head).whole()
    return {key: copy_of(value) for key, value in state.items()}


def attempt_deadline(run: Run, activation: ActivationId) -> datetime | None:
    """Give the time at which the present attempt of an activation is stopped, if at any."""
    due = [
        timer[0]
        for timer in run.timers
        if timer[2] != "retry"
        and (timer[3] is None or timer[3].id == activation)
        and awaited(run, timer)
    ]
    return min(due, default=None)


def skippable(run: Run) -> ActivationId:
    """Name the activation that is meant by whoever skips one and does not say which.

    Raises:
        NotApplicable: It could be more than one, or there is none.
    """
    everywhere = list(run.activations.values())
    meant = [each for each in everywhere if each.status == "exhausted"] or everywhere
    if len(meant) == 1:
        return meant[0].id
    there = ", ".join(f"{each.id} ({each.node})" for each in meant)
    raise NotApplicable(
        f"run '{run.id}' has {len(meant)} activations that could be skipped",
        hint=f"name one: {there}" if there else "no node has begun; wait until one has",
    )


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several things in flight: where it is, since which message, on which state."""

    node: str
    seq: Seq
    state: dict[str, Json]


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as people see it."""

    state: dict[str, Json]
    conflicts: tuple[str, ...]
    """Keys of which branches have different values; the later write is shown."""
    branches: tuple[Branch, ...]
    """Where more than one message is in flight."""


def view(run: Run) -> RunView:
    """Give the state of a run: its branches merged, the ended ones first.

    The values are the log's own: write them down or copy them, do not change them.
    """
    flying = _in_flight(run)
    heads = [*ended_heads(run), *(head for _, _, head in flying)]
    conflicts: set[str] = set()
    # Where all branches were withdrawn, nothing is left of what was written.
    state = State(run.history.meet(heads, conflicts)).whole() if heads else dict(run.given)
    branches: tuple[Branch, ...] = ()
    if len(flying) > 1:
        branches = tuple(Branch(node, seq, State(head).whole()) for node, seq, head in flying)
    return RunView(state, tuple(sorted(conflicts)), branches)


def ended_heads(run: Run) -> list[Segment]:
    """List the histories of the branches that have ended, in the order in which they merge."""
    if len(run.branches) == 1:
        return [branch.head for branch in run.branches.values()]
    ordered = sorted(run.branches.values(), key=lambda b: (b.position, path(b.place), b.number))
    return [branch.head for branch in ordered]


def _in_flight(run: Run) -> list[tuple[str, Seq, Segment]]:
    found = [
        ((each.position, path(each.place), Seq(each.id)), each.node, Seq(each.id), each.head)
        for each in run.activations.values()
    ]
    found += [
        ((each.node, path(each.place), each.seq), run.plan.names[each.node], each.seq, each.head)
        for each in run.messages.values()
        if each.head is not None
    ]
    found.sort(key=lambda each: each[0])
    return [(node, seq, head) for _, node, seq, head in found]
