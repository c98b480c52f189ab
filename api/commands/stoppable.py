"""A coroutine of a command: to its end, or until Ctrl-C, after which it ends in good order.

This module knows asyncio and `interrupt`. It does not know what the coroutine does.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from api.commands.interrupt import AGAIN, INTERRUPTS, say

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


PATIENCE: Final = 0.5
"""Seconds after which it is said that stopping goes on."""

STOPPING: Final = f"stopping; {AGAIN}"
"""What is said then."""


def run(main: Coroutine[None, None, T], *, say: Callable[[str], None] = say) -> T:
    """Run a coroutine to its end, and give what it returns.

    Ctrl-C cancels it, between two steps of the loop and never within one: what must not be
    torn apart is not. (`asyncio.run` does the same, but its second Ctrl-C is a traceback.)

    Args:
        main: What is to be done.
        say: Says a line, if stopping takes a while; called in the loop.

    Raises:
        KeyboardInterrupt: It was cancelled, and has ended.
    """
    stop = _Stop(say)
    with INTERRUPTS.stopping(stop.please):
        try:
            return asyncio.run(stop.heeding(main))
        except asyncio.CancelledError:
            if stop.is_asked:
                raise KeyboardInterrupt from None
            raise


class _Stop:
    """Cancels a task as soon as it is asked to, in whatever moment that is."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.is_asked = False
        self._say = say
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None

    def please(self) -> None:
        """Ask; by a signal, so that anything may go on just now."""
        self.is_asked = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed: all is over
                self._loop.call_soon_threadsafe(self._cancel)

    async def heeding(self, main: Coroutine[None, None, T]) -> T:
        """Do what is to be done, unless it is asked to stop."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self.is_asked:  # before there was a loop
            self._cancel()
        return await main

    def _cancel(self) -> None:
        if self._loop is not None and self._task is not None:
            self._loop.call_later(PATIENCE, self._say, STOPPING)
            self._task.cancel()
