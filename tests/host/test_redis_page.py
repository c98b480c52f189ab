"""The page about Redis says what the code does: its example runs, its tables are right."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from engine import RedisCache
from engine import snapshot_cache as snapshots
from engine.caches.redis import lease
from tests.pages import codes, page, rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Redis

PAGE: Final = "operate/redis.md"

UNITS: Final = {"": 1, "MiB": 1024 * 1024, "days": 86_400}


def test_the_example_runs_and_its_result_is_kept(redis_url: str, tmp_path: Path) -> None:
    (code,) = codes(PAGE, "python")
    script = tmp_path / "example.py"
    script.write_text(code.replace("redis://127.0.0.1:6379/0", redis_url))
    for _ in range(2):
        said = subprocess.check_output([sys.executable, script], text=True)
        assert said == "{'text': 'hello', 'said': 'HELLO'}\n"


def test_every_argument_is_on_the_page_with_its_default() -> None:
    told = {
        cells[0].strip("`"): cells[2]
        for cells in rows(PAGE, 3)
        if cells[0].strip("`") in inspect.signature(RedisCache).parameters
    }
    arguments = [*inspect.signature(RedisCache).parameters.values()][1:]
    assert [*told] == [each.name for each in arguments]
    for each in arguments:
        number, _, unit = told[each.name].partition(" ")
        said = number if isinstance(each.default, str) else float(number) * UNITS[unit]
        assert said == each.default


def test_the_addresses_are_addresses() -> None:
    told = [
        address for cells in rows(PAGE, 2) for address in re.findall(r"`(\w+://.*?)`", cells[0])
    ]
    assert len(told) == 5
    for address in told:
        RedisCache(address)


def test_the_numbers_are_those_of_the_code() -> None:
    text = page(PAGE)
    assert f"with {snapshots.LONG} entries or more" in text
    assert snapshots.KEPT == 86_400
    assert lease.LONGEST == 5 * 60


async def test_a_user_with_the_rights_on_the_page_can_do_all_there_is_to_do(
    redis_url: str, redis_server: Redis
) -> None:
    rights, _ = codes(PAGE, "text")
    assert redis_server.ask(rights.strip()) == ["+OK"]
    try:
        url = redis_url.replace("redis://", "redis://awe:password@")
        async with RedisCache(url, deadline=5, lease=0.3) as cache:
            await cache.set("t/1", b"1", None)
            assert await cache.get("t/1") == b"1"
            turn = await cache.turn("t/2")
            assert turn._renewal is not None
            assert await cache._link.ask("EVAL", lease._RENEW, 1, turn._key, turn._token, 100) == 1
            await turn.end()
            await cache.purge()
            assert await cache.get("t/1") is None
            assert not cache.is_gone
    finally:
        redis_server.ask("ACL DELUSER awe")


def test_the_settings_on_the_page_are_settings(redis_server: Redis) -> None:
    _, settings = codes(PAGE, "text")
    names = [line.partition(" ")[0] for line in settings.splitlines()]
    before = {"maxmemory": "0", "maxmemory-policy": "noeviction", "save": '""', "appendonly": "no"}
    assert names == [*before]
    try:
        for line in settings.splitlines():
            assert redis_server.ask(f"CONFIG SET {line}") == ["+OK"]
    finally:
        for name, value in before.items():
            redis_server.ask(f"CONFIG SET {name} {value}")
