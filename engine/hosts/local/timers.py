"""The deadlines of all runs, behind one handle of the loop.

A deadline is a time of day; how long it is away is asked of the clock once, when it is set,
and then measured by the loop, so that a clock that jumps moves no timer that is set.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from datetime import datetime

    from engine.clock import Clock
    from engine.hosts.local.turn import Turn

Owner = TypeVar("Owner")


class Timers(Generic[Owner]):
    """Says when a deadline has come, to its owner, who knows whether it still stands.

    Args:
        loop: Measures the time.
        clock: Says what time it is.
        turn: Counts what is done at once.
        come: Called with the owner and the deadline.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        turn: Turn,
        come: Callable[[Owner, datetime], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._turn = turn
        self._come = come
        self._heap: list[tuple[float, int, Owner, datetime]] = []
        self._set = 0
        self._handle: asyncio.TimerHandle | None = None

    def set(self, owner: Owner, due: datetime) -> None:
        """Set a timer. It can't be taken back: its owner lets it pass."""
        when = self._loop.time() + (due - self._clock.now()).total_seconds()
        self._set += 1  # equal times keep their order, and owners are never compared
        heapq.heappush(self._heap, (when, self._set, owner, due))
        if self._heap[0][0] == when:
            self._arm(when)

    def close(self) -> None:
        """Let no timer come any more."""
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        """Tell the owners of the timers that have come, as many as the turn allows."""
        heap = self._heap
        # The loop may be early by the resolution of its clock; the first has come all the same.
        now = max(self._loop.time(), heap[0][0])
        spent = False
        while heap and heap[0][0] <= now and not spent:
            _, _, owner, due = heapq.heappop(heap)
            self._come(owner, due)
            spent = self._turn.spend()
        if heap:
            self._arm(heap[0][0])
