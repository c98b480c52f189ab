"""An event loop whose every choice follows from a seed.

This module knows asyncio's own queue of callbacks and its timers. It does not know what is
run on it.

Time is virtual: it stands still while anything is ready, and then jumps to the next timer.
What became ready in one turn is run in an order of the seed's. asyncio promises nothing about
that order, so whatever depends on it is found sooner or later, and the same seed finds it
again. There are no sockets and no threads: what is meant for one runs inline.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
MOST_STEPS: Final = 1_000_000


class Stuck(AssertionError):
    """Nothing will ever happen again on a loop that somebody still waits for, or no end is near."""


class SeededLoop(asyncio.BaseEventLoop):
    """Runs what is ready in a random order that follows from `seed`.

    Attributes:
        steps: How many callbacks have been run.
    """

    def __init__(self, seed: object, *, began: float = 0.0) -> None:
        super().__init__()
        self.steps: int = 0
        self._chance = Random(f"{seed}")
        self._now = began
        self._plans: dict[int, Callable[[], object]] = {}

    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self._now

    def at_step(self, step: int, act: Callable[[], object]) -> None:
        """Do something just before the callback of that number is run, counting from 0."""
        self._plans[step] = act

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """Do as `call_soon`; refused in any other thread."""
        if threading.get_ident() != self._thread_id and self.is_running():
            message = "threads and virtual time do not mix"
            raise RuntimeError(message)
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self, executor: object, func: Callable[..., object], *args: object
    ) -> asyncio.Future[Any]:
        """Call a function inline; only the executor of the loop itself may be asked for."""
        if executor is not None:
            message = f"threads and virtual time do not mix: {executor!r}"
            raise RuntimeError(message)
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # it is told to whoever waits
            done.set_exception(error)
        return done

    def waiting(self) -> list[asyncio.Handle]:
        """Give what is ready and what is set to come, in no order."""
        return [handle for handle in (*self._ready, *self._scheduled) if not handle.cancelled()]

    # What the base class calls turn after turn, in every version of Python there is.
    def _run_once(self) -> None:
        self._wake()
        ready = self._ready
        if len(ready) > 1:
            self._chance.shuffle(ready)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if act := self._plans.pop(self.steps, None):
                act()
            self.steps += 1
            if not handle.cancelled():
                handle._run()
        if self.steps > MOST_STEPS:
            message = f"{self.steps} steps, and no end: {tasks_of(self)}"
            raise Stuck(message)

    def _wake(self) -> None:
        """Make ready what is due; if nothing is ready, let time pass until something is due."""
        timers = self._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False
        if not self._ready and not self._stopping:
            if not timers:
                message = f"nothing will ever happen again; those who wait: {tasks_of(self)}"
                raise Stuck(message)
            self._now = max(self._now, timers[0].when())
        while timers and timers[0].when() <= self._now:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            self._ready.append(handle)


def tasks_of(loop: asyncio.AbstractEventLoop, *, but: asyncio.Task[Any] | None = None) -> list[str]:
    """Name the tasks that have not ended, and what they are doing."""
    tasks = asyncio.all_tasks(loop) - {but}
    return sorted(f"{task.get_name()} in {task.get_coro()!r}" for task in tasks)


class LoopClock:
    """Tells an engine the virtual time of a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """Give the time: that of a day, and as many seconds as the loop has counted."""
        return BEGAN + timedelta(seconds=self._loop.time())
