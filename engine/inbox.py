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
    """A queue of at most `size` items; what does not fit waits in order, and never the sender."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._queue: asyncio.Queue[Item] = asyncio.Queue(size)
        self._due: deque[Item] = deque()

    def put(self, item: Item) -> None:
        """Add an item, without waiting."""
        if self._queue.full():  # and it is as long as something is due: `take` fills it up
            self._due.append(item)
        else:
            self._queue.put_nowait(item)

    async def take(self) -> Item:
        """Take the first item, waiting until there is one; cancelled, nothing is taken."""
        item = await self._queue.get()
        if self._due:
            self._queue.put_nowait(self._due.popleft())
        return item

    def statistics(self) -> InboxStatistics:
        """Say how full it is."""
        return InboxStatistics(self._size, self._queue.qsize(), len(self._due))
