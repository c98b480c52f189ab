"""A store that keeps batches a while after they were handed over, as one on a disk does.

This module knows the promises of `engine.store.Store`: the order of a run's batches, and that
they are kept when the store is closed. Time and chance are those of a seeded loop. `die` lets
it lose what it has not kept, as a process does that is killed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from engine import EngineError, LogMoved, MemoryStore, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from engine import RunId, Seq
    from engine.row import Row
    from engine.store import Kept, RunRecord

SLOW: Final = 0.05
"""Seconds after which a batch is kept, at most."""


class LateStore(MemoryStore):
    """A store in memory that takes its time."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance
        self._waiting: deque[tuple[Callable[[], bool], Kept]] = deque()
        self._handle: asyncio.Handle | None = None
        self.dead = False

    def append(  # as a store does, with all that belongs to a batch
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Kept,
        record: RunRecord | None = None,
    ) -> bool:
        """Take a batch; it is kept at once, or in a while."""
        keep = partial(super().append, run_id, row, expected=expected, kept=kept, record=record)
        return self._take(keep, kept)

    def rest(self, record: RunRecord, *, at: Seq, kept: Kept) -> bool:
        """Take a record; it is kept at once, or in a while."""
        return self._take(partial(super().rest, record, at=at, kept=kept), kept)

    def _take(self, keep: Callable[[], bool], kept: Kept) -> bool:
        chance = self._chance
        if not self._waiting and not self.dead and chance.random() < 0.2:
            return keep()
        self._waiting.append((keep, kept))
        if self._handle is None and not self.dead:
            loop = asyncio.get_running_loop()
            if chance.random() < 0.5:
                self._handle = loop.call_soon(self._keep)
            else:
                self._handle = loop.call_later(chance.random() * SLOW, self._keep)
        return False

    def _keep(self) -> None:
        """Keep what was handed over so far, of all runs."""
        self._handle = None
        for _ in range(len(self._waiting)):
            keep, kept = self._waiting.popleft()
            problem: EngineError | None = None
            try:
                keep()
            except LogMoved as moved:
                problem = moved
            kept(problem)

    def die(self) -> None:
        """Keep nothing more."""
        self.dead = True
        if self._handle is not None:
            self._handle.cancel()

    async def close(self) -> None:
        """Keep what was handed over, or give it up."""
        if self._handle is not None:
            self._handle.cancel()
        while self._waiting:  # who hears of one may hand over another
            if self.dead:
                _, kept = self._waiting.popleft()
                kept(StoreClosed("the process was killed"))
            else:
                self._keep()
        self._handle = None
        await super().close()

    async def open(self) -> None:
        """Get ready; what was lost stays lost."""
        self.dead = False
        await super().open()
