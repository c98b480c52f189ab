"""Where the logs of runs are kept: the protocol, its implementations are in `stores`.

This module knows rows: a row is one batch, its entries' bytes one per line, as
`engine.entry.encode_batch` wrote them. A store does not know what the entries say.

Promises of every store:

- A batch is there as a whole or not at all.
- Who appends says how long the log was when it decided; if somebody else has written
  since, nothing is kept and `LogMoved` says so. There is no other lock.
- To append what is there already, byte for byte, is success: a writer may repeat itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.ids import BEGINNING, RunId, Seq

if TYPE_CHECKING:
    from collections.abc import Sequence


class LogStore(Protocol):
    """Keeps the logs of runs."""

    def append(self, run_id: RunId, row: bytes, *, expected: Seq) -> None:
        """Add one batch to the log of a run, without waiting; it is kept on return.

        Args:
            run_id: Whose log; its first batch makes the log.
            row: The batch, one entry per line.
            expected: The seq of the last entry before this batch, `BEGINNING` if none.

        Raises:
            LogMoved: The log does not end at `expected`, and what follows is not this row.
        """
        ...

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[bytes]:
        """Give the rows that hold entries after `after`, in order, at most `limit` of them.

        The first row may begin at or before `after`: rows are never cut. A run that is not
        there has no rows.
        """
        ...

    async def last(self, run_id: RunId) -> Seq | None:
        """Give the seq of the last entry of a run's log, or None if there is no such run."""
        ...
