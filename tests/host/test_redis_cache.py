"""Redis as a cache: what is kept there, whose turn it is, and what happens when it is not there."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager, closing
from typing import TYPE_CHECKING, Final

import pytest

from engine import CacheUnavailable, EngineError, InvalidValue, MemoryCache, RedisCache
from engine.cache import SharedCache
from engine.caches.redis import lease, link
from tests.host.cache_conformance import LARGEST, CacheConformance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine import Cache
    from tests.servers import Redis

QUICK: Final = 0.1
"""Seconds in which an answer is no answer that was waited for."""


class TestMemory(CacheConformance):
    """The cache in memory."""

    @pytest.fixture
    def cache(self) -> Cache:
        return MemoryCache(max_bytes=2 * LARGEST)


class TestRedis(CacheConformance):
    """The cache in Redis."""

    @pytest.fixture
    async def cache(self, redis_url: str) -> AsyncIterator[Cache]:
        async with RedisCache(redis_url, max_bytes=LARGEST, deadline=5) as cache:
            yield cache


@asynccontextmanager
async def caches(
    *urls: str, deadline: float = 2.0, pause: float = 5.0, lease: float = 5.0
) -> AsyncIterator[list[RedisCache]]:
    """Give caches, as two processes have them."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                RedisCache(url, deadline=deadline, pause=pause, lease=lease)
            )
            for url in urls
        ]


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[RedisCache]:
    """Give a cache that soon finds out that Redis is back, and is patient with slow tests."""
    async with RedisCache(redis_url, deadline=2, pause=0.05) as cache:
        yield cache


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was said of Redis, up to what follows from it."""
    ours = [each for each in caplog.records if each.name.startswith("engine.")]
    return [each.getMessage().partition(";")[0] for each in ours]


# -- what is kept where -------------------------------------------------------------------


async def test_two_processes_share_what_they_keep_and_other_namespaces_do_not(
    redis_url: str,
) -> None:
    async with caches(redis_url, redis_url) as (one, two):
        other = RedisCache(redis_url, namespace="other")
        await one.set("t/1", b"1", None)
        assert (await two.get("t/1"), await other.get("t/1")) == (b"1", None)
        await other.set("t/1", b"2", None)
        await two.purge()
        assert (await one.get("t/1"), await other.get("t/1")) == (None, b"2")
        await other.close()


async def test_everything_in_redis_has_an_end_and_a_name_that_says_whose_it_is(
    redis_url: str, redis_server: Redis
) -> None:
    async with RedisCache(redis_url, max_age=100) as cache:
        await cache.set("t/1", b"1", None)
        await cache.set("t/2", b"1", 1_000)
        await cache.set("t/3", b"1", 10)
        turn = await cache.turn("t/4")
        names = [f"awe:1:default:kept:t/{n}" for n in (1, 2, 3)] + ["awe:1:default:turn:t/4"]
        select = f"SELECT {redis_url.rpartition('/')[2]}"
        *ages, size = redis_server.ask(select, *(f"TTL {name}" for name in names), "DBSIZE")[1:]
        assert size == ":4"
        assert [int(age[1:]) in range(least - 2, least + 1) for age, least in
                zip(ages, (100, 100, 10, 5), strict=True)] == [True] * 4  # fmt: skip
        await turn.end()


async def test_only_purging_says_that_redis_is_not_there(
    cache: RedisCache, redis_server: Redis
) -> None:
    redis_server.kill()
    await cache.set("t/1", b"1", None)
    assert await cache.get("t/1") is None
    turn = await cache.turn("t/1")
    assert turn.found is None
    await turn.end()
    with pytest.raises(CacheUnavailable, match=r"Redis at 127\.0\.0\.1:\d+/\d+ can't be asked"):
        await cache.purge()


async def test_a_cache_may_be_used_again_when_it_was_closed(cache: RedisCache) -> None:
    await cache.set("t/1", b"1", None)
    await cache.close()
    await cache.close()
    assert await cache.get("t/1") == b"1"


# -- addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:6379",
        "http://h:1",
        "redis://:hush/hush@h",
        "redis://h:hush",
        "redis://[::1",
        "redis://h/hush",
        "redis://h/0?decode_responses=hush",
        "redis://h/0?hush=1",
    ],
)
def test_what_is_no_address_is_refused_and_never_shown(url: str) -> None:
    with pytest.raises(InvalidValue, match="no address of a Redis") as raised:
        RedisCache(url)
    assert "hush" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://h", "h:6379"),
        ("redis://user:hush@h:1/2", "h:1/2"),
        ("redis://:hush@[::1]/2", "[::1]:6379/2"),
        ("rediss://:hush%2F@h/0?ssl_cert_reqs=none", "h:6379/0"),
        ("unix://:hush@/run/redis%20x.sock?db=1", "/run/redis x.sock"),
    ],
)
def test_a_cache_is_named_without_its_password(url: str, place: str) -> None:
    assert repr(RedisCache(url)) == f"<RedisCache at {place}>"


def test_names_and_numbers_that_can_not_be_used_are_refused() -> None:
    with pytest.raises(InvalidValue, match="a namespace of 1 to 64"):
        RedisCache("redis://h", namespace="a:b")
    with pytest.raises(InvalidValue, match="more than 0 seconds, got 0"):
        RedisCache("redis://h", deadline=0)


def test_without_its_client_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(EngineError, match=r"pip install 'agent-workflow-engine\[redis\]'") as error:
        RedisCache("redis://h")
    assert error.value.code == "REDIS_MISSING"


async def test_a_password_is_used_and_in_no_message(
    redis_url: str, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    place = redis_url.removeprefix("redis://")
    redis_server.ask("CONFIG SET requirepass hush/hush")
    try:
        async with (
            RedisCache(f"redis://:hush%2Fhush@{place}") as cache,
            RedisCache(f"redis://:hush%2Fwrong@{place}") as wrong,
            RedisCache(redis_url) as without,
        ):
            await cache.set("t/1", b"1", None)
            assert await cache.get("t/1") == b"1"
            for each in (wrong, without):
                assert await each.get("t/1") is None
                assert each.is_gone
                with pytest.raises(CacheUnavailable) as raised:
                    await each.purge()
                assert "hush" not in str(raised.value)
    finally:
        redis_server.ask("AUTH hush/hush", "CONFIG SET requirepass ''")
    assert len(said(caplog)) == 2
    assert "hush" not in caplog.text


# -- a Redis that is not there ------------------------------------------------------------


async def test_a_redis_that_goes_and_comes_is_said_once_each_time(
    cache: RedisCache, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await cache.set("t/1", b"1", None)
    redis_server.kill()
    for _ in range(50):
        assert await cache.get("t/1") is None
        await asyncio.sleep(0.005)
    assert cache.is_gone
    redis_server.start()
    await asyncio.sleep(0.06)
    assert await cache.get("t/1") is None  # it was forgotten, and is asked again
    assert not cache.is_gone
    await cache.set("t/1", b"1", None)
    assert await cache.get("t/1") == b"1"

    gone, back = said(caplog)
    assert "can't be asked: ConnectionError" in gone
    assert back.endswith("answers again")


async def test_a_restart_between_two_calls_costs_nothing(
    cache: RedisCache, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(cache.set(f"t/{number}", b"1", None))
    redis_server.kill()
    redis_server.start()
    for number in range(40):
        await cache.set(f"t/{number}", b"1", None)
        assert await cache.get(f"t/{number}") == b"1"
    assert not said(caplog)


async def test_a_redis_that_hangs_costs_its_deadline_once_in_a_while(
    redis_url: str, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisCache(redis_url, deadline=0.2, pause=60) as cache:
        await cache.set("t/1", b"1", None)
        redis_server.freeze()
        began = time.monotonic()
        assert await cache.get("t/1") is None
        first = time.monotonic() - began
        for _ in range(1_000):
            assert await cache.get("t/1") is None
        later = time.monotonic() - began - first
        redis_server.thaw()
    assert 0.19 <= first < 1
    assert later < QUICK
    assert said(caplog) == [f"Redis at {cache._link.place} gave no answer in 0.2 s"]


async def test_of_many_that_ask_after_the_pause_one_tries(
    redis_url: str, redis_server: Redis
) -> None:
    async with RedisCache(redis_url, deadline=0.3, pause=0.01) as cache:
        redis_server.freeze()
        assert await cache.get("t/1") is None
        await asyncio.sleep(0.02)
        took: list[float] = []

        async def ask() -> None:
            began = time.monotonic()
            await cache.get("t/1")
            took.append(time.monotonic() - began)

        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(ask())
        redis_server.thaw()
        assert [seconds > 0.29 for seconds in sorted(took)] == [False] * 99 + [True]
        await asyncio.sleep(0.02)
        await cache.get("t/1")
        assert not cache.is_gone


async def test_a_trial_that_is_cancelled_leaves_the_next_one_free(
    redis_url: str, redis_server: Redis
) -> None:
    async with RedisCache(redis_url, deadline=0.2, pause=0.01) as cache:
        redis_server.freeze()
        await cache.get("t/1")
        await asyncio.sleep(0.02)
        async with asyncio.TaskGroup() as group:
            trial = group.create_task(cache.get("t/1"))
            await asyncio.sleep(0.01)
            trial.cancel()
        redis_server.thaw()
        await cache.get("t/1")
        assert not cache.is_gone


async def test_redis_is_not_blamed_for_a_loop_that_was_held_up(redis_url: str) -> None:
    async with RedisCache(redis_url, deadline=0.2, pause=60) as cache:
        while await cache.get("t/1") is None:
            await cache.set("t/1", b"1", None)
        for turns in range(8):
            async with asyncio.TaskGroup() as group:
                group.create_task(cache.get("t/1"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                time.sleep(0.4)  # noqa: ASYNC251  # a tool that does not care
        assert not cache.is_gone
        assert await cache.get("t/1") == b"1"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 100, b"+", b""])
async def test_what_listens_there_may_be_something_else(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(answer)
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, RedisCache(f"redis://127.0.0.1:{port}") as cache:
        assert await cache.get("t/1") is None
        assert cache.is_gone
    assert len(said(caplog)) == 1


async def test_what_others_wrote_under_a_key_is_not_found_and_is_replaced(
    cache: RedisCache, redis_url: str, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    select = f"SELECT {redis_url.rpartition('/')[2]}"
    redis_server.ask(select, "LPUSH awe:1:default:kept:t/1 x", "LPUSH awe:1:default:turn:t/1 x")
    assert await cache.get("t/1") is None
    turn = await cache.turn("t/1")
    assert turn.found is None
    await turn.end()
    await cache.set("t/1", b"1", None)
    assert await cache.get("t/1") == b"1"
    assert not cache.is_gone
    assert "refuses GET: WRONGTYPE" in said(caplog)[0]


async def test_a_redis_that_is_full_keeps_nothing_more_and_says_so_once(
    cache: RedisCache, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await cache.set("t/0", b"1", None)
    redis_server.ask("CONFIG SET maxmemory 1")
    try:
        for number in range(20):
            await cache.set(f"t/{number}", b"2", None)
        assert await cache.get("t/0") == b"1"
        assert not cache.is_gone
    finally:
        redis_server.ask("CONFIG SET maxmemory 0")
    refusal = "command not allowed when used memory > 'maxmemory'."
    assert said(caplog) == [f"Redis at {cache._link.place} refuses SET: {refusal}"]


async def test_a_redis_that_makes_room_forgets_and_nobody_minds(
    cache: RedisCache, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.ask("CONFIG SET maxmemory-policy allkeys-lru", "CONFIG SET maxmemory 3mb")
    try:
        for number in range(60):
            await cache.set(f"t/{number}", b"x" * 100_000, None)
        found = [await cache.get(f"t/{number}") for number in range(60)]
    finally:
        redis_server.ask("CONFIG SET maxmemory 0", "CONFIG SET maxmemory-policy noeviction")
    assert None in found
    assert set(found) <= {None, b"x" * 100_000}
    assert not said(caplog)


# -- whose turn it is ---------------------------------------------------------------------


def test_only_a_cache_of_several_processes_gives_turns() -> None:
    assert isinstance(RedisCache("redis://h"), SharedCache)
    assert not isinstance(MemoryCache(), SharedCache)


async def test_who_waits_for_a_turn_finds_what_was_kept_meanwhile(redis_url: str) -> None:
    async with caches(redis_url, redis_url) as (one, two), asyncio.TaskGroup() as group:
        turn = await one.turn("t/1")
        waiting = group.create_task(two.turn("t/1"))
        other = await two.turn("t/2")
        assert (turn.found, other.found) == (None, None)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await one.set("t/1", b"1", None)
        await turn.end()
        await other.end()
        assert (await waiting).found == b"1"
        assert (await one.turn("t/1")).found == b"1"


async def test_who_waits_goes_on_at_once_when_there_was_no_result(redis_url: str) -> None:
    async with caches(redis_url, redis_url, redis_url) as (one, *others):
        turn = await one.turn("t/1")
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(each.turn("t/1")) for each in others]
            await asyncio.sleep(0.05)
            await turn.end()
            began = time.monotonic()
        # One of them has the turn now, and the other does not wait a second time.
        assert time.monotonic() - began < 1
        assert [each.result().found for each in waiting] == [None, None]
        for each in waiting:
            await each.result().end()
        last = await one.turn("t/1")
        assert last._renewal is not None
        await last.end()


async def test_a_turn_is_kept_as_long_as_its_process_lives(redis_url: str) -> None:
    async with caches(redis_url, redis_url, lease=0.3) as (one, two), asyncio.TaskGroup() as group:
        turn = await one.turn("t/1")
        waiting = group.create_task(two.turn("t/1"))
        await asyncio.sleep(1)
        assert not waiting.done()
        assert turn._renewal is not None
        turn._renewal.cancel()  # as if the process had died
        began = time.monotonic()
        assert (await waiting).found is None
        assert time.monotonic() - began < 1
        await waiting.result().end()
        await turn.end()


async def test_a_turn_is_not_waited_for_for_ever(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LONGEST", 0.2)
    async with caches(redis_url, redis_url, lease=0.2) as (one, two):
        turn = await one.turn("t/1")
        async with asyncio.timeout(2):
            waited = await two.turn("t/1")
        assert waited.found is None
        await turn.end()
        await waited.end()


async def test_nobody_gives_back_the_turn_of_another(redis_url: str, redis_server: Redis) -> None:
    async with caches(redis_url, redis_url) as (one, two):
        lost = await one.turn("t/1")
        redis_server.ask("FLUSHALL")
        turn = await two.turn("t/1")
        await lost.end()
        name = "awe:1:default:turn:t/1"
        assert await one._link.ask("GET", name) == turn._token
        await turn.end()
        assert await one._link.ask("GET", name) is None


async def test_who_is_cancelled_holds_no_turn(redis_url: str) -> None:
    async with caches(redis_url) as (cache,):
        for turns in range(12):
            async with asyncio.TaskGroup() as group:
                taking = group.create_task(cache.turn(f"t/{turns}"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                taking.cancel()
            if not taking.cancelled():
                await taking.result().end()
        # What was sent by one that was cancelled may be on its way on a connection of its own.
        async with asyncio.timeout(2):
            while await cache._link.ask("DBSIZE"):  # noqa: ASYNC110  # Redis does not tell
                await asyncio.sleep(0.01)


async def test_who_waits_for_a_turn_goes_on_when_redis_is_gone(
    redis_url: str, redis_server: Redis
) -> None:
    async with caches(redis_url, redis_url) as (one, two), asyncio.TaskGroup() as group:
        turn = await one.turn("t/1")
        waiting = group.create_task(two.turn("t/1"))
        await asyncio.sleep(0.05)
        redis_server.kill()
        began = time.monotonic()
        assert (await waiting).found is None
        await turn.end()
        await waiting.result().end()
        assert time.monotonic() - began < 1


# -- what is settled ----------------------------------------------------------------------


def test_what_is_refused_is_said_again_after_a_minute_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = link.Link("redis://h", deadline=1, pause=1)
    with caplog.at_level(logging.WARNING):
        for now in (1.0, 2.0, 60.9, 61.1, 62.0):
            made._complain("SET", now, "no")
        made._complain("GET", 63.0, "no")
    assert len(said(caplog)) == 3
