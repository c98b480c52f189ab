"""Where results are kept that need not be worked out again: the protocol.

Its implementations are in `caches`. A cache may forget anything at any time, and may be
slow or broken: no run depends on it.

This module knows keys and bytes. It does not know what is kept (`memo`).
"""

from __future__ import annotations

from typing import Protocol


class Cache(Protocol):
    """Keeps bytes under keys for some time. One is used by one event loop only."""

    async def get(self, key: str) -> bytes | None:
        """Give what is kept under a key; None if nothing is, or it is too old."""
        ...

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Keep a value under a key, in place of what was there.

        Args:
            key: The name of a tool, a slash and a hash: printable ASCII but for the name.
            value: What is given back by `get`, byte for byte.
            ttl: Seconds after which it counts as forgotten; None: it does not age.
        """
        ...

    async def purge(self, prefix: str = "") -> None:
        """Forget what is kept under keys that begin with `prefix`: without, everything.

        `purge("text.longest/")` forgets the results of the tool `text.longest`.
        """
        ...
