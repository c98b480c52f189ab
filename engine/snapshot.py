"""A run as people see it: its status, its state, and what it waits for.

This module knows which facts of a run are shown, and that what it gives away is a copy. It
does not know where the run came from, live or folded from a log, nor who looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.ask import Branch, view
from engine.ids import Seq
from engine.value import admit

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

    @classmethod
    def of(cls, run: Run, graph: GraphVersion) -> Snapshot:
        """Take a picture of a run, which goes on without changing it."""
        seen = view(run)
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
        )


def _copy(state: dict[str, Json]) -> dict[str, Json]:
    return {key: admit(value, what=key) for key, value in state.items()}


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
