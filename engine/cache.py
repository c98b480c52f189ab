"""Where results are kept that need not be worked out again: the protocols.

Their implementations are in `caches`. A cache may forget anything at any time, and may be
slow or broken: no run depends on it.

This module knows keys and bytes. It does not know what is kept (`memo`, `snapshot_cache`).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from engine.errors import EngineError


class CacheUnavailable(EngineError):
    """A cache can't be reached, or refuses what it was asked."""

    code: str = "CACHE_UNAVAILABLE"


class Cache(Protocol):
    """Keeps bytes under keys for some time. One is used by one event loop only."""

    async def get(self, key: str) -> bytes | None:
        """Give what is kept under a key; None if nothing is, or it is too old."""
        ...

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Keep a value under a key, in place of what was there.

        Args:
            key: What it is of, such as the name of a tool, a slash and a hash: printable
                ASCII but for the name.
            value: What is given back by `get`, byte for byte.
            ttl: Seconds after which it counts as forgotten; None: it does not age.
        """
        ...

    async def purge(self, prefix: str = "") -> None:
        """Forget what is kept under keys that begin with `prefix`: without, everything.

        `purge("text.longest/")` forgets the results of the tool `text.longest`.
        """
        ...


class Turn(Protocol):
    """The turn of one process to work out what is to be kept under a key."""

    @property
    def found(self) -> bytes | None:
        """What another process kept meanwhile; None: it is to be worked out here."""
        ...

    async def end(self) -> None:
        """Let others go on that wait for it; called once, whatever came of it."""
        ...


@runtime_checkable
class SharedCache(Cache, Protocol):
    """A cache of several processes, which leave it to one of them to work out a result."""

    async def turn(self, key: str) -> Turn:
        """Wait until it is clear who works out what is to be kept under a key.

        That is who asks, unless another process is at it: then until that one has kept it,
        has failed, has died, or takes too long. Of no process but one it is waited for.
        """
        ...

    async def close(self) -> None:
        """Let go of connections; what is asked afterwards makes new ones."""
        ...
