"""The turn of one process to work out a result: a key in Redis that dies with its holder.

This module knows how a lease is taken, kept and given back, and how long others wait for it.
It does not know what is worked out.

A lease prevents work, never harm: where it fails, two processes do the same work. So it needs
no clock that all agree on, and no more of Redis than that it answers now.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from engine.cache import CacheUnavailable

if TYPE_CHECKING:
    from engine.caches.redis.link import Link

LEASE: Final = 5.0
"""Seconds after which a process that has died, or stands still, is waited for no more."""

LONGEST: Final = 300.0
"""Seconds for which a lease is renewed. Work that takes longer may be stuck, and is waited for
no more either."""

_SOONEST: Final = 0.02
_LATEST: Final = 0.25
"""Seconds between two looks at what somebody else works out: more, the longer it takes."""

# Value and lease are looked at together: a holder keeps the value before it gives back the
# lease, so whoever finds neither knows that there was no result. It answers with the value,
# else with whose the lease is now: that of who asks, if it was free.
_TAKE: Final = """
local found = redis.call('GET', KEYS[1])
if found then return {1, found} end
redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
return {0, redis.call('GET', KEYS[2])}
"""

_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

_GIVE_BACK: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Lease:
    """The turn that a process has, or what another one found in its place.

    Attributes:
        found: What was kept meanwhile; None: it is to be worked out here.
    """

    def __init__(self, link: Link, key: str, *, seconds: float) -> None:
        self._link = link
        self._key = key
        self._seconds = seconds
        self._token = secrets.token_hex(16).encode()
        self._renewal: asyncio.Task[None] | None = None
        self.found: bytes | None = None

    async def take(self, kept: str) -> None:
        """Wait until it is clear who works out what is to be kept under the key `kept`.

        One holder is waited for, and no other after it: so who waits does it never longer
        than a call may take, however many others fail. Cancelled, nothing is held.
        """
        loop = asyncio.get_running_loop()
        pause, holder = _SOONEST, None
        ends = loop.time() + LONGEST + self._seconds
        try:
            while loop.time() < ends:
                found, said = cast("tuple[int, bytes]", await self._ask_for_it(kept))
                if found:
                    self.found = said
                    return
                if said == self._token:
                    self._renewal = loop.create_task(self._renew(), name=f"lease:{self._key}")
                    return
                if holder not in (None, said):
                    return
                holder = said
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _LATEST)
        except CacheUnavailable:
            return
        except asyncio.CancelledError:
            await self._give_back()  # it may have been ours, and nobody heard of it
            raise

    async def end(self) -> None:
        """Give it back, so that those who wait for it go on at once."""
        renewal, self._renewal = self._renewal, None
        if renewal is None:
            return
        renewal.cancel()
        await asyncio.wait((renewal,))
        await self._give_back()

    async def _ask_for_it(self, kept: str) -> object:
        return await self._link.ask("EVAL", _TAKE, 2, kept, self._key, self._token, self._ms)

    async def _give_back(self) -> None:
        with suppress(CacheUnavailable):  # it ends by itself
            await self._link.ask("EVAL", _GIVE_BACK, 1, self._key, self._token)

    async def _renew(self) -> None:
        """Keep it as long as that makes sense, or until it is lost."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + LONGEST
        while loop.time() < ends:
            await asyncio.sleep(self._seconds / 3)
            with suppress(CacheUnavailable):
                if not await self._link.ask("EVAL", _RENEW, 1, self._key, self._token, self._ms):
                    return  # forgotten, and perhaps somebody else's by now

    @property
    def _ms(self) -> int:
        return int(self._seconds * 1_000)
