"""What every cache does, whoever wrote it: one suite for all of them.

A class of tests for a cache of your own has a fixture `cache`, which keeps values of up to
`LARGEST` bytes and none that is larger.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from engine import Cache

LARGEST: Final = 64 * 1024

VALUES: Final = (b"", b"\0", b"\r\n$-1\r\n", bytes(range(256)), "ü€".encode(), b"x" * LARGEST)

KEYS: Final = ("a", "t/0f", "text.longest/0f", "ü/0f", "a b/0f", "a*b?[c]\\/0f", "@state/0f")


class CacheConformance:
    """The cases. Subclasses give a fixture `cache`."""

    async def test_what_was_never_kept_is_not_there(self, cache: Cache) -> None:
        assert await cache.get("t/1") is None

    @pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value[:10]))
    async def test_a_value_is_given_back_byte_for_byte(self, cache: Cache, value: bytes) -> None:
        await cache.set("t/1", value, None)
        assert await cache.get("t/1") == value
        assert await cache.get("t/1") == value

    async def test_each_key_has_its_own_value(self, cache: Cache) -> None:
        for key in KEYS:
            await cache.set(key, key.encode(), 60)
        assert [await cache.get(key) for key in KEYS] == [key.encode() for key in KEYS]

    async def test_a_value_replaces_what_was_there_and_its_age(self, cache: Cache) -> None:
        await cache.set("t/1", b"1", 0.05)
        await cache.set("t/1", b"2", None)
        await cache.set("t/2", b"1", 0.001)
        await until_forgotten(cache, "t/2")
        await asyncio.sleep(0.06)
        assert await cache.get("t/1") == b"2"

    @pytest.mark.parametrize("ttl", [0.001, 0.05])
    async def test_a_value_is_forgotten_when_it_is_too_old(self, cache: Cache, ttl: float) -> None:
        await cache.set("t/1", b"1", ttl)
        await cache.set("t/2", b"2", 315_360_000)
        await until_forgotten(cache, "t/1")
        assert await cache.get("t/2") == b"2"

    async def test_a_value_that_is_too_large_is_not_kept_nor_what_was_there(
        self, cache: Cache
    ) -> None:
        await cache.set("t/1", b"1", None)
        await cache.set("t/1", b"x" * (2 * LARGEST), None)
        assert await cache.get("t/1") is None

    @pytest.mark.parametrize("key", KEYS)
    async def test_what_begins_with_a_prefix_is_forgotten_and_nothing_else(
        self, cache: Cache, key: str
    ) -> None:
        prefix = key.removesuffix("0f")
        others = ("b/1", "aXbYc/1", "a*bZ[c]\\/1", "text/longest", "T/1")
        for each in (*KEYS, *others):
            await cache.set(each, b"1", None)
        await cache.purge(prefix)
        for each in (*KEYS, *others):
            assert (await cache.get(each) is None) == each.startswith(prefix), each

    async def test_everything_is_forgotten(self, cache: Cache) -> None:
        keys = [f"t/{number}" for number in range(300)]
        for key in keys:
            await cache.set(key, b"1", None)
        await cache.purge()
        await cache.purge()
        assert {await cache.get(key) for key in keys} == {None}

    async def test_many_may_ask_at_once(self, cache: Cache) -> None:
        async def ask(number: int) -> None:
            await cache.set(f"t/{number}", b"%d" % number, None)
            assert await cache.get(f"t/{number}") == b"%d" % number

        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(ask(number))

    async def test_who_is_cancelled_takes_nothing_from_others(self, cache: Cache) -> None:
        keys = [f"t/{number}" for number in range(16)]
        for key in keys:
            await cache.set(key, key.encode(), None)
        for turns in range(16):
            async with asyncio.TaskGroup() as group:
                asking = {key: group.create_task(cache.get(key)) for key in keys}
                for _ in range(turns):
                    await asyncio.sleep(0)
                for key in keys[::2]:
                    asking[key].cancel()
            assert [asking[key].result() for key in keys[1::2]] == [k.encode() for k in keys[1::2]]
        assert [await cache.get(key) for key in keys] == [key.encode() for key in keys]


async def until_forgotten(cache: Cache, key: str) -> None:
    """Wait until a value is gone, as it has to be sooner or later."""
    async with asyncio.timeout(5):
        while await cache.get(key) is not None:  # noqa: ASYNC110  # nobody tells of that
            await asyncio.sleep(0.005)
