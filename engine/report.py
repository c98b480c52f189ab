"""How a run ended without a result, as those who waited for it hear of it.

This module knows runs that have failed or were cancelled. It does not know who waited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.ask import state_of, view
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.entry import ErrorInfo
    from engine.ids import ActivationId, Json, RunId, Seq
    from engine.run import Run


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of a failure."""

    run_id: RunId
    graph_id: str
    error: ErrorInfo
    node: str | None = None
    """The node that failed; None if the run as a whole did, as at its deadline."""
    activation: ActivationId | None = None
    attempt: int | None = None
    """0: the node could not even fire."""
    messages: tuple[Seq, ...] = ()
    """What the node ran on."""
    state: dict[str, Json] = field(default_factory=dict[str, "Json"])
    """The state the node ran on, or that of the run."""

    @classmethod
    def of(cls, run: Run) -> Report:
        """Report on a run that has failed."""
        error, failed = run.error, run.failing
        assert error is not None  # noqa: S101  # `run.failed` always says why
        if failed is None or failed.error != error:
            return cls(run.id, run.graph.name, error, state=view(run).state)
        held = run.activations.get(failed.activation)
        return cls(
            run.id,
            run.graph.name,
            error,
            node=failed.node,
            activation=failed.activation,
            attempt=failed.attempt,
            messages=failed.messages if held is None else held.messages,
            state=view(run).state if held is None else state_of(run, held.id),
        )


class RunFailed(EngineError):
    """A run failed; `report` says where, and on what. The code is that of the error."""

    def __init__(self, report: Report) -> None:
        self.report: Report = report
        error = report.error
        where = f" at node '{report.node}'" if report.node is not None else ""
        super().__init__(
            f"run '{report.run_id}' of graph '{report.graph_id}' failed{where}: {error.message}",
            code=error.code,
            hint=error.hint,
            details=error.details,
        )


class RunCancelled(EngineError):
    """Somebody ended the run, so that it has no result."""

    code: str = "RUN_CANCELLED"

    def __init__(self, run_id: RunId) -> None:
        self.run_id: RunId = run_id
        super().__init__(f"run '{run_id}' was cancelled", details={"run_id": run_id})
