"""Results kept in the memory of this process, the least recently used forgotten first.

This module knows bytes and their age. It does not know what they mean.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# What Python takes for an entry beside the characters of its key and its bytes: the headers of
# both (49 and 33), the tuple (56), the float (24) and the dict's own, by sys.getsizeof.
_OVERHEAD: Final = 300


class MemoryCache:
    """Keeps results in memory.

    Args:
        max_bytes: What is kept takes at most so much memory; a value that alone takes more
            is not kept.
        monotonic: Gives the seconds by which values age. It never goes back.
    """

    def __init__(
        self,
        max_bytes: int = 64 * 1024 * 1024,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes: int = max_bytes
        self.bytes: int = 0
        """What is kept takes so much memory."""
        self._monotonic = monotonic
        self._kept: OrderedDict[str, tuple[bytes, float | None]] = OrderedDict()
        """Key to value and time of expiry, the least recently used first."""

    def __len__(self) -> int:
        """Count the values; some of them may have become too old."""
        return len(self._kept)

    async def get(self, key: str) -> bytes | None:
        """Give what is kept under a key; see `Cache.get`."""
        found = self._kept.get(key)
        if found is None:
            return None
        value, expiry = found
        if expiry is not None and expiry <= self._monotonic():
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return value

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Keep a value under a key; see `Cache.set`."""
        if key in self._kept:
            self._forget(key)
        size = _size(key, value)
        if size > self.max_bytes:
            return
        self._kept[key] = (value, None if ttl is None else self._monotonic() + ttl)
        self.bytes += size
        while self.bytes > self.max_bytes:
            self._forget(next(iter(self._kept)))

    async def purge(self, prefix: str = "") -> None:
        """Forget what is kept under keys that begin with `prefix`; see `Cache.purge`."""
        for key in [key for key in self._kept if key.startswith(prefix)]:
            self._forget(key)

    def _forget(self, key: str) -> None:
        value, _ = self._kept.pop(key)
        self.bytes -= _size(key, value)


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + _OVERHEAD
