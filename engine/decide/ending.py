"""How a run ends.

This module knows when there is nothing left to do, and what then becomes of the branches
that have ended. Conservation is checked here: no run ends with a message unaccounted for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.ask import ended_heads
from engine.decide.batch import counts
from engine.decide.failure import as_value
from engine.decide.fire import conflicting
from engine.entry import ErrorInfo, RunCompleted
from engine.errors import NodeError
from engine.history import Conflict

if TYPE_CHECKING:
    from engine.decide.batch import Batch
    from engine.run import Run


def finish(batch: Batch) -> None:
    """End the run if it can't go on, or has nothing left to do."""
    run = batch.run
    if (run.activations and run.failing is None) or batch.over:
        return
    if run.failing is not None:
        if run.graph.on_failure == "fail_fast" or not _draining(run):
            failed = run.failing
            batch.fail_run(
                failed.error,
                node=failed.node,
                activation=failed.activation,
                attempt=failed.attempt,
            )
    elif not run.messages:
        _complete(batch)
    elif run.status == "running" and not run.activations:
        batch.fail_run(
            ErrorInfo(
                code="STALLED",
                message=f"{len(run.messages)} messages wait at "
                f"{', '.join(sorted({run.plan.names[m.node] for m in run.messages.values()}))}, "
                "and nothing is left that could free them",
                hint="look at the joins of these nodes",
                retryable=False,
            )
        )


def _draining(run: Run) -> bool:
    return any(each.status in ("running", "backing_off") for each in run.activations.values())


def _complete(batch: Batch) -> None:
    run = batch.run
    total = counts(run)
    if total.sent != total.consumed + total.withdrawn + total.open:
        batch.fail_run(
            ErrorInfo(
                code="CONSERVATION_BROKEN",
                message=f"{total.sent} messages were sent, but {total.consumed} consumed and "
                f"{total.withdrawn} withdrawn",
                hint="this is a bug of the engine: please report it with the log of the run",
                retryable=False,
            )
        )
        return
    heads = ended_heads(run)
    if len(heads) > 1:
        try:
            run.history.meet(heads)
        except Conflict as conflict:
            batch.fail_run(conflicting(conflict, None))
            return
        except NodeError as error:
            batch.fail_run(as_value(error))
            return
    batch.emit(RunCompleted, messages=total)
