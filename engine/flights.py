"""Work that is done once for all who want what comes of it at the same time.

This module knows keys, tasks and how many wait for each. It does not know what the work is.

Rule: who is cancelled takes nothing away from the others. Work goes on as long as anybody
waits for it, whoever that is; the last one to leave cancels it, and waits for its end. So no
task outlives those who wait for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LONGEST: Final = 300.0
"""Seconds that work of somebody else is waited for at most. What takes longer may be stuck,
and who waits for it would not be."""

_T = TypeVar("_T")


class _Flight(Generic[_T]):
    """Work under way, and how many wait for it."""

    def __init__(self, task: asyncio.Task[_T]) -> None:
        self.task = task
        self.waiting = 0


class Flights(Generic[_T]):
    """The work that is under way, by key.

    Args:
        longest: Seconds that work of somebody else is waited for.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._under_way: dict[str, _Flight[_T]] = {}

    def __len__(self) -> int:
        """Count what is under way."""
        return len(self._under_way)

    async def join(
        self, key: str, work: Callable[[], Coroutine[object, object, _T]]
    ) -> tuple[_T, bool] | None:
        """Give what comes of the work under a key, and whether it was done for this caller.

        Where such work is under way, that is waited for, and `work` is not called. None: it
        was waited for in vain, since it took too long or came to nothing.

        Raises:
            Exception: What `work` raised, to whom it was done for.
        """
        flight = self._under_way.get(key)
        own = flight is None
        if flight is None:
            flight = self._begin(key, work)
        flight.waiting += 1
        try:
            await asyncio.wait((flight.task,), timeout=None if own else self._longest)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                await self._stop(key, flight)
        task = flight.task
        if own:
            return task.result(), True
        if not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result(), False

    def _begin(self, key: str, work: Callable[[], Coroutine[object, object, _T]]) -> _Flight[_T]:
        caller = asyncio.current_task()
        name = None if caller is None else caller.get_name()
        flight = _Flight(asyncio.get_running_loop().create_task(work(), name=name))
        self._under_way[key] = flight

        def landed(task: asyncio.Task[_T]) -> None:
            self._forget(key, flight)
            if not task.cancelled():
                task.exception()  # it was told to whoever was there

        flight.task.add_done_callback(landed)
        return flight

    async def _stop(self, key: str, flight: _Flight[_T]) -> None:
        """Cancel work that nobody waits for, and wait for its end, as its caller would.

        Cancelled once more meanwhile, so is the work.
        """
        self._forget(key, flight)  # who comes now begins anew
        cancelled: asyncio.CancelledError | None = None
        flight.task.cancel()
        while not flight.task.done():
            try:
                await asyncio.wait((flight.task,))
            except asyncio.CancelledError as error:
                cancelled = error
                flight.task.cancel()
        if cancelled is not None:
            raise cancelled

    def _forget(self, key: str, flight: _Flight[_T]) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
