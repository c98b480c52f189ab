"""What was worked out before, as the engine asks for it: never for long, and never in earnest.

This module knows that a cache may do anything. It does not know what is kept in it (`memo`,
`snapshot_cache`).

Rule: a cache never fails a run. What goes wrong with it is logged, and nothing was found.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from engine.cache import SharedCache
from engine.flights import Flights

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeVar

    from engine.cache import Cache, Turn
    from engine.outcome import Outcome

    T = TypeVar("T")

log: Final = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that a cache may take; one that takes longer saves nothing, or is stuck."""


class Results:
    """A cache, and what is just being worked out for it here.

    Args:
        cache: Where results are kept.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._shared = cache if isinstance(cache, SharedCache) else None
        self.flights: Flights[tuple[Outcome, bytes | None]] = Flights()
        """The calls that are made for it: what came of each, and as what that is kept."""

    async def get(self, key: str) -> bytes | None:
        """Give what is kept under a key; None if nothing is, or the cache is out of order."""
        return await self._asked(self._cache.get(key), "read", key, PATIENCE)

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Keep a value under a key, if the cache can."""
        await self._asked(self._cache.set(key, value, ttl), "written", key, PATIENCE)

    async def turn(self, key: str) -> Turn | None:
        """Wait for the turn of this process; None if nobody takes turns. See `SharedCache`."""
        if self._shared is None:
            return None
        return await self._asked(self._shared.turn(key), "asked for a turn", key, None)

    async def end(self, turn: Turn, key: str) -> None:
        """End a turn."""
        await self._asked(turn.end(), "given a turn back", key, PATIENCE)

    async def close(self) -> None:
        """Let go of the connections of a cache that has some."""
        if self._shared is not None:
            await self._asked(self._shared.close(), "closed", "", PATIENCE)

    async def _asked(
        self, asked: Awaitable[T], what: str, key: str, patience: float | None
    ) -> T | None:
        """Wait for the cache, but not for long, and put up with whatever it does."""
        try:
            async with asyncio.timeout(patience):
                return await asked
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            _complain(error, what, key)
        except Exception as error:  # noqa: BLE001  # caches are written by others
            _complain(error, what, key)
        return None


def _complain(error: BaseException, what: str, key: str) -> None:
    log.warning(
        "the cache can't be %s, results of '%s' are worked out again: %s: %s",
        what,
        key.rpartition("/")[0],
        type(error).__name__,
        error,
    )
