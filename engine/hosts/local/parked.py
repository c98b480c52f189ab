"""Runs that rest in the store until their time comes.

This module knows when the next of them is due, and has those that are due driven, one after
the other. It does not know how a run is read or driven, nor how it came to rest: a run that
rests takes no memory here, however many there are.

A run that was cut short is one of them: it has been due ever since.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from engine.store import StoreClosed, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from engine.clock import Clock
    from engine.store import RunRecord, Store

log: Final = logging.getLogger(__name__)

AT_ONCE: Final = 256
"""Records that are read at a time."""

PATIENCE: Final = 10.0
"""Seconds that a run gets to be read while the host closes."""

AGAIN: Final = 1.0
"""Seconds until a store that could not be read is asked again."""

LONGEST: Final = 60.0
"""Seconds after which the clock is asked again, as it may have been set."""


class Parked:
    """Wakes the runs of a store when they are due.

    Args:
        store: Where they rest.
        clock: Says what time it is.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._wake: Callable[[RunRecord], Awaitable[bool]] | None = None
        self._seen: RunRecord | None = None
        """The last one in the list that was looked at: all before it are seen to."""
        self._begun_anew = 0
        """How often the list was to be looked at from its beginning."""
        self._next: datetime | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def watched(self) -> bool:
        """Whether somebody wakes those that come to rest."""
        return self._wake is not None

    async def watch(self, wake: Callable[[RunRecord], Awaitable[bool]]) -> int:
        """Wake those that are due, count them, and see to the others from now on.

        Args:
            wake: Has a run driven, if that can be done; says why not itself.

        Raises:
            EngineError: The store can't be read.
        """
        self._wake = wake
        count = await self._wake_those_due(wake)
        self._arm()
        return count

    def expect(self, due: datetime) -> None:
        """Hear that one more rests in the store, until then."""
        if self._seen is not None and self._seen.due is not None and due <= self._seen.due:
            self._seen = None  # the clock was set back
            self._begun_anew += 1
        if self._is_next(due):
            self._arm()

    async def close(self) -> None:
        """Wake nobody any more."""
        self._wake = None
        if self._handle is not None:
            self._handle.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=PATIENCE)

    def _is_next(self, due: datetime) -> bool:
        """Take note of a time; tell whether it is sooner than all others known."""
        sooner = self._next is None or due < self._next
        if sooner:
            self._next = due
        return sooner

    def _arm(self, at_least: float = 0.0) -> None:
        """Look again when the next one is due, or the clock may have been set."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._next is not None:
            away = (self._next - self._clock.now()).total_seconds()
            self._handle = self._loop.call_later(max(at_least, min(LONGEST, away)), self._ring)

    def _ring(self) -> None:
        if self._wake is not None and (self._task is None or self._task.done()):
            self._task = self._loop.create_task(self._look(self._wake), name="parked runs")

    async def _look(self, wake: Callable[[RunRecord], Awaitable[bool]]) -> None:
        pause = 0.0
        try:
            await self._wake_those_due(wake)
        except StoreUnavailable as error:
            log.warning("runs that are due have to wait: %s", error)
            pause = AGAIN
        except StoreClosed:
            return
        except Exception:  # one bad answer must not let all others sleep for ever
            log.exception("runs that are due can't be found")
            pause = AGAIN
        if pause:
            self._is_next(self._clock.now())
        self._arm(pause)

    async def _wake_those_due(self, wake: Callable[[RunRecord], Awaitable[bool]]) -> int:
        """Wake them in the order in which they are due; take note of when the next is."""
        count = 0
        self._next = None  # `expect` may say another while the store is read
        while True:
            begun_anew = self._begun_anew
            records = await self._store.due(after=self._seen, limit=AT_ONCE)
            now = self._clock.now()
            for record in records:
                if begun_anew != self._begun_anew:
                    break
                assert record.due is not None  # noqa: S101  # or it would not be listed
                if record.due > now:
                    self._is_next(record.due)
                    return count
                count += await wake(record)
                if begun_anew == self._begun_anew:
                    self._seen = record
            if len(records) < AT_ONCE and begun_anew == self._begun_anew:
                return count
