"""What tests give a store: rows, and the records of runs, all of them made at noon.

This module knows what rows and records consist of. It knows no store.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.entry import MessageSent, NodeCompleted
from engine.ids import ActivationId, RunId, Seq
from engine.row import Row
from engine.store import Origin, RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ids import Json
    from engine.store import Status


RUN = RunId("r")
FORK = RunId("fork")
NOON = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)


def row(first: int, count: int = 1, *, word: str = "x", run_id: str = RUN) -> Row:
    """Make a batch of `count` entries from seq `first`; `word` tells it from others."""
    last = Seq(first + count - 1)
    return Row(
        tuple(
            MessageSent(seq=Seq(seq), batch=last, at=NOON, run_id=RunId(run_id), to=word)
            for seq in range(first, last + 1)
        )
    )


def completed(seq: int, patch: dict[str, Json]) -> Row:
    """Make a batch of one node's completion."""
    return Row(
        (
            NodeCompleted(
                seq=Seq(seq),
                batch=Seq(seq),
                at=NOON,
                run_id=RUN,
                node="n",
                activation=ActivationId(0),
                attempt=1,
                patch=patch,
            ),
        )
    )


def record(  # noqa: PLR0913  # a record has that many parts
    run_id: str = RUN,
    *,
    graph: str = "g",
    status: Status = "running",
    began: datetime = NOON,
    origin: Origin | None = None,
    tags: Mapping[str, str] | None = None,
    error: str | None = None,
    due: datetime | None = None,
) -> RunRecord:
    """Make the record of a run."""
    return RunRecord(
        run_id=RunId(run_id),
        graph=graph,
        version="v1",
        status=status,
        began=began,
        changed=began,
        error=error,
        origin=origin,
        tags=tags or {},
        due=due,
    )


def later(seconds: float) -> datetime:
    """Give a time after noon."""
    return NOON + timedelta(seconds=seconds)
