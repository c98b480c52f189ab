"""A cache in Redis: what several processes keep for each other.

This module knows how keys are named there and what is too large for it. It does not know
whether Redis answers (`link`), nor who works out what (`lease`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Self, cast

from engine.cache import CacheUnavailable
from engine.caches.redis.lease import LEASE, Lease
from engine.caches.redis.link import Link
from engine.errors import InvalidValue

if TYPE_CHECKING:
    from types import TracebackType

_FORM: Final = 1
"""How things are laid out in Redis; another way has other keys."""

_NAMESPACE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_AT_ONCE: Final = 1_000
"""Keys that are looked at between two turns of Redis, which does nothing else meanwhile."""

_SPECIAL: Final = re.compile(r"([*?\[\]\\])")
"""What means something else in a pattern."""


class RedisCache:
    """Keeps results in Redis, and sees to it that of several processes one works them out.

    Whatever becomes of Redis, no call raises (but for `purge`) or takes much longer than
    `deadline`: without it, nothing is found and nothing kept. It belongs to one engine, which
    closes it; where there is none, `async with` does.

    Args:
        url: `redis://[[name]:password@]host[:port][/number]`, `rediss://` for TLS, or
            `unix:///path/of/its.sock`.
        namespace: Engines of the same one share their results: at most 64 of
            `A-Z a-z 0-9 _ . -`.
        deadline: Seconds that one call may take, connecting included.
        pause: Seconds for which Redis is left alone when it did not answer.
        lease: Seconds after which a process that works out a result, and has died or stands
            still, is waited for no more.
        max_bytes: A larger value is not kept.
        max_age: Seconds after which a value is forgotten in any case, so that Redis does not
            fill up with what nobody asks for.

    Raises:
        EngineError: The client is not installed (`REDIS_MISSING`).
        InvalidValue: The address is none, or a name or a number can't be used.
    """

    def __init__(  # noqa: PLR0913  # each by name, each but the address with a default
        self,
        url: str,
        *,
        namespace: str = "default",
        deadline: float = 0.25,
        pause: float = 5.0,
        lease: float = LEASE,
        max_bytes: int = 1024 * 1024,
        max_age: float = 30 * 86_400.0,
    ) -> None:
        if not _NAMESPACE.fullmatch(namespace):
            raise InvalidValue(
                f"a namespace of 1 to 64 of A-Z a-z 0-9 _ . - was expected, got {namespace!r}",
                path="namespace",
            )
        seconds = {"deadline": deadline, "pause": pause, "lease": lease, "max_age": max_age}
        for name, value in seconds.items():
            if not value > 0:
                raise InvalidValue(f"expected more than 0 seconds, got {value!r}", path=name)
        self._link = Link(url, deadline=deadline, pause=pause)
        self._kept = f"awe:{_FORM}:{namespace}:kept:"
        self._turns = f"awe:{_FORM}:{namespace}:turn:"
        self._lease = lease
        self._max_bytes = max_bytes
        self._max_age = max_age

    def __repr__(self) -> str:
        """Name its place, without the password."""
        return f"<RedisCache at {self.place}>"

    async def __aenter__(self) -> Self:
        """Do nothing: connections are made when they are needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of connections."""
        await self.close()

    @property
    def place(self) -> str:
        """Where Redis is: its address without name, password and options."""
        return self._link.place

    @property
    def is_gone(self) -> bool:
        """Whether Redis did not answer when it was last asked."""
        return self._link.is_gone

    async def get(self, key: str) -> bytes | None:
        """Give what is kept under a key; see `Cache.get`."""
        try:
            found = await self._link.ask("GET", self._kept + key)
        except CacheUnavailable:  # which was logged, where it is news
            return None
        return found if isinstance(found, bytes) else None

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Keep a value under a key; see `Cache.set`."""
        seconds = self._max_age if ttl is None else min(ttl, self._max_age)
        where = self._kept + key
        try:
            if len(value) > self._max_bytes:
                await self._link.ask("UNLINK", where)
            else:
                await self._link.ask("SET", where, value, "PX", max(1, int(seconds * 1_000)))
        except CacheUnavailable:
            return

    async def turn(self, key: str) -> Lease:
        """Wait until it is clear who works out a result; see `SharedCache.turn`."""
        lease = Lease(self._link, self._turns + key, seconds=self._lease)
        await lease.take(self._kept + key)
        return lease

    async def purge(self, prefix: str = "") -> None:
        """Forget what is kept under keys that begin with `prefix`; see `Cache.purge`.

        Takes as long as it takes to look at all keys of this Redis, a thousand at a time.

        Raises:
            CacheUnavailable: Redis does not answer, or refuses; some may have been forgotten.
        """
        pattern = _SPECIAL.sub(r"\\\1", self._kept + prefix) + "*"
        cursor = -1
        while cursor:
            answer = await self._link.insist(
                "SCAN", max(cursor, 0), "MATCH", pattern, "COUNT", _AT_ONCE
            )
            cursor, keys = cast("tuple[int, list[bytes]]", answer)
            if keys:
                await self._link.insist("UNLINK", *keys)

    async def close(self) -> None:
        """Let go of connections; what is asked afterwards makes new ones."""
        await self._link.close()
