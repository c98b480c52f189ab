"""A store that keeps logs in this process, and loses them with it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import LogMoved
from engine.ids import BEGINNING, RunId, Seq

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class _Log:
    """The rows of one run, and for each the seq of its last entry."""

    rows: list[bytes] = field(default_factory=list[bytes])
    ends: list[Seq] = field(default_factory=list[Seq])


class MemoryStore:
    """Keeps logs as long as the process lives. Its promises are those of `LogStore`."""

    def __init__(self) -> None:
        self._logs: dict[RunId, _Log] = {}

    def append(self, run_id: RunId, row: bytes, *, expected: Seq) -> None:
        """Add one batch to the log of a run; see `LogStore.append`."""
        log = self._logs.get(run_id)
        last = log.ends[-1] if log else BEGINNING
        if last != expected:
            if log and self._follows(log, row, expected):
                return
            raise LogMoved(
                f"the log of run '{run_id}' ends at seq {last}, not at {expected}",
                hint="somebody else has written to it: read it again and decide anew",
                details={"run_id": run_id, "expected": expected, "found": last},
            )
        if log is None:
            log = self._logs[run_id] = _Log()
        log.rows.append(row)
        log.ends.append(Seq(expected + 1 + row.count(b"\n")))

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[bytes]:
        """Give the rows that hold entries after `after`; see `LogStore.read`."""
        log = self._logs.get(run_id)
        if log is None:
            return ()
        first = bisect_right(log.ends, after)
        return log.rows[first : None if limit is None else first + limit]

    async def last(self, run_id: RunId) -> Seq | None:
        """Give the seq of the last entry of a run's log; see `LogStore.last`."""
        log = self._logs.get(run_id)
        return log.ends[-1] if log else None

    @staticmethod
    def _follows(log: _Log, row: bytes, expected: Seq) -> bool:
        """Whether this very row is what follows `expected` in the log."""
        index = bisect_right(log.ends, expected)
        return index < len(log.rows) and log.rows[index] == row
