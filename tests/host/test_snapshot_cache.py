"""Snapshots that are kept: the same as folded ones, never stale, and only of long logs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine import Engine, MemoryCache, MemoryStore, RedisCache, Seq, SQLiteStore, ToolError, tool
from engine import snapshot_cache as module
from engine.recovery import fold_log
from engine.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine import Cache, Json, RunHandle, RunId, Store

STATE: dict[str, Json] = {
    "z": [1, 1.0, -0.5, 1e300, 2**63 - 1, -(2**63), True, None, "ü\u2028\0"[:2], {"b": 1, "a": []}],
    "a": {"": "empty"},
}


def count(n: int = 0) -> dict[str, Json]:
    """Count one more."""
    return {"n": n + 1}


def fail() -> dict[str, Json]:
    """Fail."""
    raise ToolError("no", code="NO", retry_after=1.5)


LOOP: dict[str, Json] = {
    "edges": {"count": [{"when": "n < 5", "to": "count"}, {"to": None}]},
    "entry": "count",
}

GRAPHS: dict[str, dict[str, Json]] = {
    "completed": {"name": "completed", "nodes": {"count": None}, **LOOP},
    "failed": {"name": "failed", "nodes": {"fail": None}},
    "paused": {"name": "paused", "nodes": {"fail": {"on_exhausted": "pause"}}},
    "waiting": {
        "name": "waiting",
        "nodes": {
            "count": None,
            "fail": {"retry": {"max_attempts": 2, "delay": 3600}, "on_exhausted": "pause"},
            "other": {"tool": "fail", "on_exhausted": "pause"},
        },
        "edges": {"count": ["fail", "other"]},
    },
}

TOOLS = [tool(execution="inline")(count), tool(execution="inline")(fail)]


class Watched(MemoryCache):
    """A cache that says what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.hits = 0
        self.sets = 0

    async def get(self, key: str) -> bytes | None:
        """Give, and count what was found."""
        found = await super().get(key)
        self.hits += found is not None
        return found

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Keep, and count."""
        self.sets += 1
        await super().set(key, value, ttl)


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every log for a long one."""
    monkeypatch.setattr(module, "LONG", 0)


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """Give one cache of each kind."""
    if request.param == "memory":
        yield MemoryCache()
        return
    async with RedisCache(request.getfixturevalue("redis_url"), deadline=5) as made:
        yield made


def reading(store: Store, cache: Cache) -> Engine:
    """Give an engine that only reads what is in a store."""
    return Engine(tools=TOOLS, store=store, cache=cache, recover=False)


async def folded(run: RunHandle) -> Snapshot:
    """Give the snapshot of a run as its log says."""
    return Snapshot.of(await fold_log(run._parts.store, run.graph.graph, run.id), run.graph)


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("name", GRAPHS)
async def test_a_snapshot_that_was_kept_is_that_of_the_log(
    cache: Cache, tmp_path: Path, name: str
) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    async with Engine(tools=TOOLS, store=store) as engine:
        run = await engine.start(GRAPHS[name], STATE, run_id="r")
        async with asyncio.timeout(5):
            while (await run.snapshot()).status == "running" and name != "waiting":  # noqa: ASYNC110
                await asyncio.sleep(0)
            while name == "waiting" and len((await run.snapshot()).waiting) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0)
    async with reading(store, cache) as engine:
        run = await engine.find("r")
        wanted = await folded(run)
        first, second = await run.snapshot(), await run.snapshot()
    assert first == second == wanted
    assert list(second.state) == list(wanted.state)
    assert repr(second.state) == repr(wanted.state)  # 1 is not 1.0
    assert wanted.status == ("paused" if name == "waiting" else name)


@pytest.mark.usefixtures("long")
async def test_a_log_is_folded_once_however_often_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds: list[object] = []
    fold = module.fold_log

    async def counted(*given: object) -> object:
        folds.append(given)
        return await fold(*given)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(module, "fold_log", counted)
    store, cache = SQLiteStore(tmp_path / "runs.db"), Watched()
    async with Engine(tools=TOOLS, store=store) as engine:
        await engine.run(GRAPHS["completed"], STATE, run_id="r")
    for _ in range(2):
        async with reading(store, cache) as engine:
            run = await engine.find("r")
            for _ in range(3):
                assert (await run.state())["n"] == 5
    assert (len(folds), cache.sets, cache.hits) == (1, 1, 5)


async def test_a_short_log_is_folded_each_time(tmp_path: Path) -> None:
    store, cache = SQLiteStore(tmp_path / "runs.db"), Watched()
    async with Engine(tools=TOOLS, store=store) as engine:
        await engine.run(GRAPHS["completed"], STATE, run_id="r")
    async with reading(store, cache) as engine:
        run = await engine.find("r")
        assert (await run.state())["n"] == 5
        assert await run.last() < module.LONG
    assert (cache.sets, cache.hits) == (0, 0)


@pytest.mark.usefixtures("long")
async def test_a_run_that_goes_on_is_seen_as_it_is_now(cache: Cache, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    async with Engine(tools=TOOLS, store=store) as engine:
        run = await engine.start(GRAPHS["paused"], STATE, run_id="r")
        await run.rest()
    async with reading(store, cache) as engine:
        run = await engine.find("r")
        before = [await run.snapshot() for _ in range(2)]
    async with Engine(tools=TOOLS, store=store) as engine:
        run = await engine.find("r")
        await run.skip({"n": 7})
        assert (await run.result())["n"] == 7
    async with reading(store, cache) as engine:
        run = await engine.find("r")
        after = [await run.snapshot() for _ in range(2)]
    assert [each.status for each in before] == ["paused"] * 2
    assert [(each.status, each.state["n"]) for each in after] == [("completed", 7)] * 2


class Fixed:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Give always the same."""
        return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("differs", ["at its beginning", "at its end"])
async def test_another_log_of_a_run_of_that_name_is_another_run_even_at_the_same_time(
    cache: Cache, differs: str
) -> None:
    seen: list[Snapshot] = []
    for number in (1, 2):

        @tool(execution="inline")
        def end(number: int = number if differs == "at its end" else 0) -> dict[str, Json]:
            return {"end": number}

        # How a run ends has its state in it, how it pauses has not.
        graph = GRAPHS["paused"]
        if differs == "at its end":
            graph = {"name": "g", "nodes": {"count": None, "end": None}, "edges": {"count": "end"}}
        state = {"begin": number if differs == "at its beginning" else 0}
        store = MemoryStore()
        async with Engine(tools=[*TOOLS, end], store=store, cache=cache, clock=Fixed()) as engine:
            run = await engine.start(graph, state, run_id="r")
            await run.rest()
            seen += [await of(run), await of(run)]
    key = "begin" if differs == "at its beginning" else "end"
    assert [(each.state[key], each.seq) for each in seen] == [
        (number, seen[0].seq) for number in (1, 1, 2, 2)
    ]


async def of(run: RunHandle) -> Snapshot:
    """Give the snapshot of a run as if it was not in memory."""
    return await run._parts.snapshots.of(run.id, run.graph)


@pytest.mark.usefixtures("long")
async def test_what_a_run_is_now_is_not_kept_as_what_it_was_just_now(tmp_path: Path) -> None:
    class Behind(SQLiteStore):
        async def last(self, run_id: RunId) -> Seq | None:
            last = await super().last(run_id)
            return None if last is None else Seq(last - 1)

    store, watched = SQLiteStore(tmp_path / "runs.db"), Watched()
    async with Engine(tools=TOOLS, store=store) as engine:
        await engine.run(GRAPHS["completed"], STATE, run_id="r")
    async with reading(Behind(tmp_path / "runs.db"), watched) as engine:
        assert (await (await engine.find("r")).snapshot()).status == "completed"
    assert watched.sets == 0


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("garbage", [b"", b"\xff", b"{}", b'["completed"]', b"[1,2,3,4,5,6,7,8]"])
async def test_what_others_wrote_into_the_cache_is_not_shown(
    tmp_path: Path, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    class Spoilt(MemoryCache):
        async def get(self, key: str) -> bytes | None:
            found = await super().get(key)
            return None if found is None else garbage

    store = SQLiteStore(tmp_path / "runs.db")
    async with Engine(tools=TOOLS, store=store) as engine:
        await engine.run(GRAPHS["completed"], STATE, run_id="r")
    async with reading(store, Spoilt()) as engine:
        run = await engine.find("r")
        assert [(await run.state())["n"] for _ in range(2)] == [5, 5]
    assert "what was never kept there" in caplog.text


@pytest.mark.usefixtures("long")
async def test_a_cache_that_fails_keeps_nobody_from_looking(tmp_path: Path) -> None:
    class Broken(MemoryCache):
        async def get(self, key: str) -> bytes | None:
            raise OSError(key)

        async def set(self, key: str, value: bytes, ttl: float | None) -> None:
            raise OSError(key, value, ttl)

    store = SQLiteStore(tmp_path / "runs.db")
    async with Engine(tools=TOOLS, store=store) as engine:
        await engine.run(GRAPHS["completed"], STATE, run_id="r")
    async with reading(store, Broken()) as engine:
        assert (await (await engine.find("r")).state())["n"] == 5
