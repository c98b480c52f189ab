"""A run as people see it: its status, its state, and what it waits for.

This module knows which facts of a run are shown, and that what it gives away is a copy. It
does not know where the run came from, live or folded from a log, nor who looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.ask import Branch, view
from engine.ids import Seq
from engine.value import copy_of

if TYPE_CHECKING:
    from datetime import datetime

    from engine.catalog import GraphVersion
    from engine.entry import ErrorInfo
    from engine.ids import Json, RunId
    from engine.run import Run, Status


@dataclass(frozen=True, slots=True)
class Waiting:
    """A node that waits, for what, since when, and until when."""

    node: str
    reason: str
    """`retry`: another attempt is made; `exhausted`: a person decides what becomes of it."""
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run after one of its entries."""

    run_id: RunId
    graph_id: str
    version: int
    status: Status
    seq: Seq
    """The entry after which this is so."""
    state: dict[str, Json]
    branches: tuple[Branch, ...]
    """What is in flight, where that is more than one thing."""
    conflicts: tuple[str, ...]
    """Keys of which branches have different values; the later write is shown."""
    waiting: tuple[Waiting, ...]
    error: ErrorInfo | None
    """Why the run failed, or what it is paused for."""
    node: str | None
    """The node whose error it is; None if it is that of the run as a whole."""
    attempt: int | None
    """Of that node; 0: it could not even fire."""

    @classmethod
    def of(cls, run: Run, graph: GraphVersion) -> Snapshot:
        """Take a picture of a run, which goes on without changing it."""
        seen = view(run)
        node, attempt = _place_of_error(run)
        return cls(
            run_id=run.id,
            graph_id=graph.graph_id,
            version=graph.version,
            status=run.status,
            seq=Seq(run.next_seq - 1),
            state=_copy(seen.state),
            branches=tuple(Branch(b.node, b.seq, _copy(b.state)) for b in seen.branches),
            conflicts=seen.conflicts,
            waiting=_waiting(run),
            error=run.error,
            node=node,
            attempt=attempt,
        )


def _copy(state: dict[str, Json]) -> dict[str, Json]:
    return {key: copy_of(value) for key, value in state.items()}


def _place_of_error(run: Run) -> tuple[str | None, int | None]:
    """Tell which node, in which attempt, had the error that is shown, if it was one node's."""
    if run.error is None:
        return None, None
    if run.failing is not None and run.failing.error == run.error:
        return run.failing.node, run.failing.attempt
    exhausted = [each for each in run.activations.values() if each.status == "exhausted"]
    if run.status == "paused" and len(exhausted) == 1:
        return exhausted[0].node, exhausted[0].attempt
    return None, None


def _waiting(run: Run) -> tuple[Waiting, ...]:
    """List the activations whose tool is not running, though they have not ended."""
    found = [
        Waiting(
            each.node,
            "retry" if each.status == "backing_off" else "exhausted",
            each.since,
            each.due if each.status == "backing_off" else None,
        )
        for each in run.activations.values()
        if each.status in ("backing_off", "exhausted")
    ]
    return tuple(found)
