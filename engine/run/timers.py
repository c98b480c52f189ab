"""The timers of a run: what is due when.

This module knows how timers are set, and which of them somebody still waits for. It does not
know what follows when one rings (`decide`). A timer that is no longer awaited is passed over
when its time comes, and swept out once there are more of these than of the others.
"""

from __future__ import annotations

import heapq
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from engine.message import Activation
    from engine.run.run import Purpose, Run, Timer

_SWEPT_FROM: Final = 32


def only_retries(run: Run) -> None:
    """Forget all timers but those of retries, which keep their time in a fork."""
    run.timers = [timer for timer in run.timers if timer[2] == "retry"]
    heapq.heapify(run.timers)


def set_timer(
    run: Run, due: datetime, purpose: Purpose, activation: Activation | None, attempt: int = 0
) -> None:
    """Remember when something is due; `ask.deadline` names the earliest."""
    run.armed += 1
    if len(run.timers) > _SWEPT_FROM + 4 * len(run.activations):  # two each are awaited at most
        run.timers = [timer for timer in run.timers if awaited(run, timer)]
        heapq.heapify(run.timers)
    heapq.heappush(run.timers, (due, run.armed, purpose, activation, attempt))


def awaited(run: Run, timer: Timer) -> bool:
    """Tell whether what a timer was set for is still waiting for it."""
    due, _, purpose, activation, attempt = timer
    if activation is None:
        return due == run.due
    if run.activations.get(activation.id) is not activation or activation.status == "failed":
        return False
    match purpose:
        case "attempt":
            return activation.status == "running" and activation.attempt == attempt
        case "retry":
            return activation.status == "backing_off" and activation.due == due
        case _:
            return activation.status != "exhausted" and activation.series == attempt


def arm_run(run: Run) -> None:
    """Set the timer of the run's own deadline."""
    run.due = None
    if run.limits.deadline is not None and run.began is not None:
        run.due = run.began + timedelta(seconds=run.limits.deadline)
        set_timer(run, run.due, "run", None)


def arm_series(run: Run, activation: Activation, at: datetime) -> None:
    """Set the timer of all attempts of a series together."""
    limit = run.graph.nodes[activation.node].total_timeout
    if limit is not None:
        due = at + timedelta(seconds=limit)
        set_timer(run, due, "total", activation, activation.series)


def arm_attempt(run: Run, activation: Activation, at: datetime) -> None:
    """Set the timer of an attempt that begins."""
    limit = run.graph.nodes[activation.node].timeout
    if limit is not None:
        due = at + timedelta(seconds=limit)
        set_timer(run, due, "attempt", activation, activation.attempt)
