"""`awe cache purge`, and `awe serve` with a Redis."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from engine import RedisCache

from .conftest import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tests.servers import Redis

    from .conftest import Done, Server

    Awe = Callable[..., Done]

NUMBERS = count()

GRAPH = {
    "name": "kept",
    "nodes": {"greet": {"tool": "greet", "cache": {}}},
    "state": {"defaults": {"name": "Ada"}},
}


async def kept(url: str, *keys: str, put: bool = False) -> list[str]:
    """Give those of some keys under which something is kept; with `put`, keep it first."""
    async with RedisCache(url) as cache:
        for key in keys if put else ():
            await cache.set(key, b"1", None)
        return [key for key in keys if await cache.get(key) is not None]


def test_results_are_forgotten_by_tool_or_all_of_them(redis_url: str, awe: Awe) -> None:
    place, keys = redis_url.removeprefix("redis://"), ("a.b/1", "a.b/2", "c/1", "@state/1")
    assert asyncio.run(kept(redis_url, *keys, put=True)) == [*keys]

    done = awe("cache", "purge", "a.b/", "--redis", redis_url)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"what begins with a.b/ is forgotten by Redis at {place}\n"
    assert asyncio.run(kept(redis_url, *keys)) == ["c/1", "@state/1"]

    done = awe("cache", "purge", "--redis", redis_url)
    assert done.out == f"everything is forgotten by Redis at {place}\n"
    assert asyncio.run(kept(redis_url, *keys)) == []


def test_a_redis_that_is_not_there_is_said(redis_server: Redis, awe: Awe) -> None:
    redis_server.kill()
    done = awe("cache", "purge", "--redis", redis_server.url())

    assert (done.status, done.out) == (1, "")
    assert "can't be asked: ConnectionError" in done.err


def test_without_an_address_or_with_a_wrong_one_it_says_how_one_is_written(
    awe: Awe, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in ((), ("--redis", "redis://:hu/sh@h"), ("--redis", "http://hush@h")):
        done = awe("cache", "purge", *words)
        assert done.status == 2
        assert "redis://127.0.0.1:6379" in done.err
        assert "sh" not in done.err
    monkeypatch.setenv("AWE_REDIS", "hush")
    done = awe("serve", "--port", "0")
    assert (done.status, "hush" in done.err) == (2, False)
    assert "no address of a Redis" in done.err


@contextmanager
def with_redis(url: str) -> Iterator[Server]:
    """Start a server that has the graph."""
    with serving("--redis", url) as server:
        server.ask("/api/v1/graph/create", GRAPH)
        yield server


def cached(server: Server) -> bool:
    """Run the graph, and tell whether the tool was not called."""
    shown = server.start(f"r-{next(NUMBERS)}", "kept")
    assert shown["state"] == {"name": "Ada", "greeting": "Hello, Ada!"}
    log = server.ask(f"/api/v1/runs/{shown['run_id']}/log")
    return any(json.dumps(entry).find('"cached": true') > 0 for entry in log["entries"])


def test_servers_share_their_results_by_redis_and_work_without_it(
    redis_url: str, redis_server: Redis
) -> None:
    with with_redis(redis_url) as one, with_redis(redis_url) as two:
        assert (cached(one), cached(two)) == (False, True)
        redis_server.kill()
        for server in (one, two):
            assert not cached(server)
            assert server.ask("/readyz")["status"] == "ready"
