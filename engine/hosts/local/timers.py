"""The deadlines of all runs, behind one handle of the loop.

A deadline is a time of day; how long it is away is asked of the clock once, when it is set,
and then measured by the loop, so that a clock that jumps moves no timer that is set.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from datetime import datetime

    from engine.clock import Clock
    from engine.hosts.local.turn import Turn

Owner = TypeVar("Owner")

_SWEPT_FROM: Final = 64


class Timers(Generic[Owner]):
    """Says when a deadline has come, to its owner, if it still stands.

    Args:
        loop: Measures the time.
        clock: Says what time it is.
        turn: Counts what is done at once.
        stands: Whether an owner still has this deadline; what does not stand is forgotten.
        come: Called with the owner and the deadline.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        turn: Turn,
        stands: Callable[[Owner, datetime], bool],
        come: Callable[[Owner, datetime], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._turn = turn
        self._stands = stands
        self._come = come
        self._heap: list[tuple[float, int, Owner, datetime]] = []
        self._set = 0
        self._sweep_at = _SWEPT_FROM
        self._closed = False
        self._handle: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Count the timers that are remembered, whether they still stand or not."""
        return len(self._heap)

    def set(self, owner: Owner, due: datetime) -> None:
        """Set a timer. It can't be taken back: its owner lets it not stand any more."""
        if self._closed:
            return
        when = self._loop.time() + (due - self._clock.now()).total_seconds()
        self._set += 1  # equal times keep their order, and owners are never compared
        heapq.heappush(self._heap, (when, self._set, owner, due))
        if self._heap[0][0] == when:
            self._arm(when)
        if len(self._heap) > self._sweep_at:
            self._sweep()

    def close(self) -> None:
        """Let no timer come any more."""
        self._closed = True
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()

    def _sweep(self) -> None:
        """Forget what does not stand, or each run that ends early stays until its deadline."""
        self._heap = [each for each in self._heap if self._stands(each[2], each[3])]
        heapq.heapify(self._heap)
        self._sweep_at = max(_SWEPT_FROM, 2 * len(self._heap))

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        """Tell the owners of the timers that have come, as many as the turn allows."""
        if not self._heap:  # swept since
            return
        # The loop may be early by the resolution of its clock; the first has come all the same.
        now = max(self._loop.time(), self._heap[0][0])
        spent = False
        while self._heap and self._heap[0][0] <= now and not spent:
            _, _, owner, due = heapq.heappop(self._heap)
            if self._stands(owner, due):
                self._come(owner, due)
                spent = self._turn.spend()
        if self._heap:
            self._arm(self._heap[0][0])
