"""What stores answer to batches that they do not keep.

This module knows the words, so that every store says the same. It does not know how a store
finds out that it has to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.errors import EngineError, LogMoved

if TYPE_CHECKING:
    from engine.ids import RunId, Seq
    from engine.store import Origin

FAILED: Final = "STORE_FAILED"
"""The code of what is no trouble that passes: to try again is of no use."""

FULL: Final = "STORE_FULL"
READ_ONLY: Final = "STORE_READ_ONLY"
BUSY: Final = "STORE_BUSY"
GONE: Final = "STORE_GONE"
TOO_NEW: Final = "STORE_TOO_NEW"
CORRUPT: Final = "STORE_CORRUPT"
"""The codes of what may be wrong with what a store keeps things in."""


def moved(run_id: RunId, *, expected: Seq, found: Seq) -> LogMoved:
    """Say that a log does not end where its writer thought."""
    return LogMoved(
        f"the log of run '{run_id}' ends at seq {found}, not at {expected}",
        hint="somebody else has written to it: read it again and decide anew",
        details={"run_id": run_id, "expected": expected, "found": found},
    )


def follows(run_id: RunId, refused: EngineError) -> LogMoved:
    """Say that a batch was decided on another that was not kept."""
    return LogMoved(
        f"the batch of run '{run_id}' before this one was not kept: {refused.message}",
        hint="read the log again and decide anew",
        details={"run_id": run_id},
    )


def no_origin(run_id: RunId, origin: Origin) -> LogMoved:
    """Say that a fork can't begin where it wants to."""
    return LogMoved(
        f"run '{run_id}' can't begin with the log of run '{origin.run_id}' up to seq "
        f"{origin.seq}: there is no batch that ends there",
        hint="fork at the last entry of a batch that is kept: `batch` in each entry names it",
        details={"run_id": run_id, "origin": origin.run_id, "seq": origin.seq},
    )


def taken(run_id: RunId, origin: Origin) -> LogMoved:
    """Say that a fork can't begin under a name that another run has."""
    return LogMoved(
        f"there is a run '{run_id}' already, and it did not begin with this batch as a fork of "
        f"run '{origin.run_id}' at seq {origin.seq}",
        hint="give the fork another name",
        details={"run_id": run_id, "origin": origin.run_id, "seq": origin.seq},
    )


def no_record(run_id: RunId) -> EngineError:
    """Say that the first batch of a run came without the run's record."""
    return EngineError(
        f"the first batch of run '{run_id}' came without a record",
        code=FAILED,
        hint="append(..., record=RunRecord(...)) with the first batch of each run",
        details={"run_id": run_id},
    )
