"""Readers of a log: from any seq, then live, to its end.

This module knows who waits for a run's log to grow. It does not know what the entries say,
nor who writes them.

A reader keeps nothing but its position: it takes the next rows from the store whenever it is
ready for them, so a slow one costs a run nothing and holds no more than `AT_ONCE` rows.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from engine.ids import BEGINNING, RunId, Seq

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from engine.store import LogStore

AT_ONCE: Final = 64
"""Rows that a reader takes from the store at a time."""


class _Numbered(msgspec.Struct):
    """The only thing in an entry that a reader looks at."""

    seq: Seq


_number: Final = msgspec.json.Decoder(_Numbered)


class Tails:
    """The readers of all logs of a store.

    Args:
        store: What they read.
        live: Tells whether a run may still go on.
    """

    def __init__(self, store: LogStore, *, live: Callable[[RunId], bool]) -> None:
        self._store = store
        self._live = live
        self._readers: dict[RunId, set[asyncio.Event]] = {}

    def wake(self, run_id: RunId) -> None:
        """Tell the readers of a run that its log has grown, or won't any more."""
        for grown in self._readers.get(run_id, ()):
            grown.set()

    async def read(self, run_id: RunId, after: Seq = BEGINNING) -> AsyncGenerator[bytes, None]:
        """Yield the entries after `after`, one line of JSON each, then new ones as they come.

        Each is yielded once and in order, and the iteration ends with the log. Leaving it
        at any time costs the run nothing.
        """
        grown = asyncio.Event()
        readers = self._readers.setdefault(run_id, set())
        readers.add(grown)
        try:
            while True:
                # In this order, nothing is missed: what is written from here on sets the
                # event, and a run that is over before we read has written all it ever will.
                grown.clear()
                live = self._live(run_id)
                rows = await self._store.read(run_id, after, limit=AT_ONCE)
                for row in rows:
                    lines = row.split(b"\n")
                    first = _number.decode(lines[0]).seq
                    for line in lines[max(0, after + 1 - first) :]:
                        yield line
                    after = Seq(first + len(lines) - 1)
                if not rows:
                    if not live:
                        return
                    await grown.wait()
        finally:
            readers.discard(grown)
            if not readers and self._readers.get(run_id) is readers:
                del self._readers[run_id]
