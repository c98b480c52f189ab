"""The inbox of a node: what it is to do next, in order of arrival.

This module knows a bounded queue and what happens to that which does not fit: it stays due,
in order, and moves up as soon as there is room. To put never waits, because the one who puts
may be the one who would have to take: a node that loops back to itself would wait for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

SIZE: Final = 1_024
"""How many items an inbox holds unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class InboxStatistics:
    """How full an inbox is."""

    size: int
    """How many items the queue can hold."""
    queued: int
    """How many it holds."""
    due: int
    """How many wait for room in it."""


class Inbox(Generic[Item]):
    """A queue of at most `size` items; what does not fit waits in order, and never the sender.

    Only one task takes from it. `asyncio.Queue` does the same for any number of takers, and
    costs a quarter more for each item.
    """

    __slots__ = ("_due", "_loop", "_queue", "_size", "_taker")

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._queue: deque[Item] = deque()
        self._due: deque[Item] = deque()
        self._loop = asyncio.get_running_loop()
        self._taker: asyncio.Future[None] | None = None

    def put(self, item: Item) -> None:
        """Add an item, without waiting."""
        if len(self._queue) >= self._size:  # and it is as long as something is due
            self._due.append(item)
            return
        self._queue.append(item)
        taker = self._taker
        if taker is not None:
            self._taker = None
            if not taker.done():
                taker.set_result(None)

    async def take(self) -> Item:
        """Take the first item, waiting until there is one; cancelled, nothing is taken."""
        queue = self._queue
        while not queue:
            self._taker = self._loop.create_future()
            await self._taker
        item = queue.popleft()
        if self._due:
            queue.append(self._due.popleft())
        return item

    def statistics(self) -> InboxStatistics:
        """Say how full it is."""
        return InboxStatistics(self._size, len(self._queue), len(self._due))
