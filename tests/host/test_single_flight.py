"""Calls that several runs want at once: made once, and nobody takes it away from the others."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING

import pytest

from engine import Engine, MemoryCache, RedisCache, RunFailed, ToolError
from engine.flights import Flights

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine import Cache, Json, RunHandle


class Slow:
    """A tool that begins, and returns when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cancelled = 0
        self.errors: list[BaseException] = []
        """What the next calls raise."""

    async def slow(self, a: int) -> dict[str, Json]:
        """Wait, and count."""
        self.calls += 1
        number = self.calls
        self.began.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.errors:
            raise self.errors.pop(0)
        return {"items": [a, number]}


GRAPH = {"name": "g", "nodes": {"slow": {"cache": {}}}}


def graph(name: str = "g", **cache: Json) -> dict[str, Json]:
    """Give a graph of one node that keeps its results."""
    return {"name": name, "nodes": {"slow": {"cache": cache}}}


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """Give one cache of each kind."""
    if request.param == "memory":
        yield MemoryCache()
        return
    async with RedisCache(request.getfixturevalue("redis_url"), deadline=5) as made:
        yield made


async def cached(run: RunHandle) -> bool:
    """Tell whether the log says that the tool was not called."""
    lines = [json.loads(line) async for line in run.lines()]
    return any(line.get("cached") for line in lines if line["type"] == "node.completed")


async def waiting(engine: Engine, count: int) -> None:
    """Wait until so many calls wait for others."""
    assert engine._parts is not None
    flights = engine._parts.host._calls._cache.flights  # type: ignore[attr-defined]  # a look inside
    async with asyncio.timeout(5):
        while sum(each.waiting for each in flights._under_way.values()) != count:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_of_runs_that_want_the_same_at_once_one_calls_the_tool(cache: Cache) -> None:
    tool = Slow()
    async with Engine(tools=[tool.slow], cache=cache) as engine:
        runs = [await engine.start(GRAPH, {"a": 1}) for _ in range(20)]
        other = await engine.start(GRAPH, {"a": 2})
        await waiting(engine, 21)
        tool.go_on.set()
        states = [await run.result() for run in runs]
        assert (await other.result())["items"] == [2, tool.calls]
        assert (await engine.run(GRAPH, {"a": 1}))["items"] == [1, 1]
        said = [await cached(run) for run in runs]
    assert tool.calls == 2
    assert [state["items"] for state in states] == [[1, 1]] * 20
    assert sorted(said) == [False] + [True] * 19


async def test_two_engines_on_one_redis_call_the_tool_once(redis_url: str) -> None:
    tool = Slow()
    async with (
        Engine(tools=[tool.slow], cache=RedisCache(redis_url, deadline=5)) as one,
        Engine(tools=[tool.slow], cache=RedisCache(redis_url, deadline=5)) as two,
    ):
        first = await one.start(GRAPH, {"a": 1})
        await tool.began.wait()
        second = await two.start(GRAPH, {"a": 1})
        await asyncio.sleep(0.1)
        tool.go_on.set()
        assert await first.result() == await second.result()
        assert [await cached(first), await cached(second)] == [False, True]
    assert tool.calls == 1


async def test_who_is_cancelled_does_not_cancel_what_others_wait_for(cache: Cache) -> None:
    tool = Slow()
    async with Engine(tools=[tool.slow], cache=cache) as engine:
        first = await engine.start(GRAPH, {"a": 1})
        await tool.began.wait()
        others = [await engine.start(GRAPH, {"a": 1}) for _ in range(3)]
        await waiting(engine, 4)
        await first.cancel()
        await others[0].cancel()
        await waiting(engine, 2)
        tool.go_on.set()
        assert [(await run.result())["items"] for run in others[1:]] == [[1, 1]] * 2
    assert (tool.calls, tool.cancelled) == (1, 0)


async def test_what_nobody_waits_for_any_more_is_cancelled(cache: Cache) -> None:
    tool = Slow()
    async with Engine(tools=[tool.slow], cache=cache) as engine:
        runs = [await engine.start(GRAPH, {"a": 1}) for _ in range(3)]
        await waiting(engine, 3)
        await tool.began.wait()
        for run in runs:
            assert tool.cancelled == 0
            await run.cancel()
        await waiting(engine, 0)
        async with asyncio.timeout(5):
            while not tool.cancelled:  # noqa: ASYNC110  # the task has still to take its turn
                await asyncio.sleep(0)
        tool.go_on.set()
        assert (await engine.run(GRAPH, {"a": 1}))["items"] == [1, 2]
    assert (tool.calls, tool.cancelled) == (2, 1)


async def test_an_engine_that_is_left_leaves_no_call_behind(cache: Cache) -> None:
    tool = Slow()
    async with Engine(tools=[tool.slow], cache=cache) as engine:
        for _ in range(3):
            await engine.start(GRAPH, {"a": 1})
        await waiting(engine, 3)
        await tool.began.wait()
    assert tool.cancelled == 1
    assert len(asyncio.all_tasks()) == 1


async def test_a_failure_is_not_shared_and_frees_those_who_wait(cache: Cache) -> None:
    tool = Slow()
    tool.errors = [ToolError("not yet", code="NOT_YET")]
    async with Engine(tools=[tool.slow], cache=cache) as engine:
        runs = [await engine.start(GRAPH, {"a": 1}) for _ in range(4)]
        await waiting(engine, 4)
        tool.go_on.set()
        for run in runs:
            await run.rest()
        reports = [await run.report() for run in runs]
        states = [await run.state() for run in runs]
        assert (await engine.run(GRAPH, {"a": 1}))["items"][1] > 1
    assert [each.error.code for each in reports if each is not None] == ["NOT_YET"]
    assert sorted(state["items"][1] for state in states if "items" in state) == [2, 3, 4]
    assert tool.calls == 4


async def test_a_process_that_fails_frees_those_who_wait_in_others(redis_url: str) -> None:
    tool = Slow()
    tool.errors = [ToolError("not yet")]
    async with (
        Engine(tools=[tool.slow], cache=RedisCache(redis_url, deadline=5)) as one,
        Engine(tools=[tool.slow], cache=RedisCache(redis_url, deadline=5)) as two,
    ):
        first = await one.start(GRAPH, {"a": 1})
        await tool.began.wait()
        second = await two.start(GRAPH, {"a": 1})
        await asyncio.sleep(0.1)
        tool.go_on.set()
        with pytest.raises(RunFailed):
            await first.result()
        async with asyncio.timeout(2):  # a lease is 5 s
            assert (await second.result())["items"] == [1, 2]


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_a_tool_that_raises_whatever_it_likes_fails_its_node_and_no_more(
    error: BaseException,
) -> None:
    tool = Slow()
    tool.errors = [error]
    tool.go_on.set()
    async with Engine(tools=[tool.slow]) as engine:
        with pytest.raises(RunFailed):
            await engine.run(GRAPH, {"a": 1})
        assert (await engine.run(GRAPH, {"a": 1}))["items"] == [1, 2]


async def test_who_waits_is_given_up_when_its_own_time_is_over() -> None:
    tool = Slow()
    hasty = {"name": "hasty", "nodes": {"slow": {"cache": {}, "timeout": 0.05}}}
    async with Engine(tools=[tool.slow]) as engine:
        first = await engine.start(GRAPH, {"a": 1})
        await tool.began.wait()
        with pytest.raises(RunFailed) as failed:
            await engine.run(hasty, {"a": 1})
        assert failed.value.report.error.code == "TIMEOUT"
        tool.go_on.set()
        assert (await first.result())["items"] == [1, 1]
    assert (tool.calls, tool.cancelled) == (1, 0)


async def test_who_waits_too_long_calls_the_tool_after_all() -> None:
    tool = Slow()
    async with Engine(tools=[tool.slow]) as engine:
        assert engine._parts is not None
        results = engine._parts.host._calls._cache  # type: ignore[attr-defined]  # a look inside
        results.flights = Flights(longest=0.05)
        first = await engine.start(GRAPH, {"a": 1})
        await tool.began.wait()
        second = await engine.start(GRAPH, {"a": 1})
        async with asyncio.timeout(5):
            while tool.calls < 2:  # noqa: ASYNC110  # nobody tells of it
                await asyncio.sleep(0.01)
        tool.go_on.set()
        assert (await first.result())["items"] == [1, 1]
        assert (await second.result())["items"] == [1, 2]


async def test_what_is_shared_is_nobodys_to_change() -> None:
    tool = Slow()

    def spoil(items: list[int]) -> dict[str, Json]:
        items.append(0)
        return {"items": items}

    spoiling = {"nodes": {"slow": {"cache": {}}, "spoil": None}, "edges": {"slow": "spoil"}}
    async with Engine(tools=[tool.slow, spoil]) as engine:
        runs = [await engine.start(spoiling, {"a": 1}) for _ in range(5)]
        await waiting(engine, 5)
        tool.go_on.set()
        assert [(await run.result())["items"] for run in runs] == [[1, 1, 0]] * 5


async def test_a_plain_tool_is_called_once_as_well(cache: Cache) -> None:
    go_on, calls = threading.Event(), []

    def slow(a: int) -> dict[str, Json]:
        calls.append(a)
        go_on.wait(5)
        return {"items": [a]}

    async with Engine(tools=[slow], cache=cache) as engine:
        runs = [await engine.start(GRAPH, {"a": 1}) for _ in range(5)]
        await waiting(engine, 5)
        await runs[0].cancel()
        go_on.set()
        assert [(await run.result())["items"] for run in runs[1:]] == [[1]] * 4
    assert calls == [1]


# -- who shares results -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "calls"), [({}, 1), ({"scope": "tool"}, 1), ({"scope": "graph"}, 2)]
)
async def test_results_are_shared_by_whom_the_node_says(
    cache: Cache, scope: dict[str, Json], calls: int
) -> None:
    tool = Slow()
    tool.go_on.set()
    async with Engine(tools=[tool.slow], cache=cache) as engine:
        for name in ("one", "two", "one", "two"):
            await engine.run(graph(name, **scope), {"a": 1})
    assert tool.calls == calls


async def test_a_graph_shares_results_with_its_later_versions(cache: Cache) -> None:
    tool = Slow()
    tool.go_on.set()
    async with Engine(tools=[tool.slow], cache=cache) as engine:
        await engine.run(graph(scope="graph"), {"a": 1})
        await engine.run(graph(scope="graph") | {"description": "another"}, {"a": 1})
        assert len(engine.versions("g")) == 2
    assert tool.calls == 1


@pytest.mark.parametrize("key", [None, "a"])
async def test_a_run_may_keep_its_results_to_itself(cache: Cache, key: str | None) -> None:
    tool = Slow()
    tool.go_on.set()

    def count(rounds: int = 0) -> dict[str, Json]:
        return {"rounds": rounds + 1}

    policy: dict[str, Json] = {"scope": "run"} if key is None else {"scope": "run", "key": key}
    loop: dict[str, Json] = {
        "nodes": {"slow": {"cache": policy}, "count": None},
        "edges": {"slow": "count", "count": [{"when": "rounds < 3", "to": "slow"}, {"to": None}]},
        "entry": "slow",
    }
    async with Engine(tools=[tool.slow, count], cache=cache) as engine:
        states = [await engine.run(loop, {"a": 1}) for _ in range(2)]
    assert [state["items"] for state in states] == [[1, 1], [1, 2]]
    assert tool.calls == 2


# -- flights by themselves ----------------------------------------------------------------


async def test_work_is_cancelled_again_with_who_waits_for_its_end() -> None:
    flights: Flights[int] = Flights()
    heard: list[str] = []
    began = asyncio.Event()

    async def stubborn() -> int:
        for _ in range(2):
            try:
                began.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard.append("cancelled")
        return 1

    async def join() -> None:
        await flights.join("k", stubborn)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(join())
        await began.wait()
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (heard, task.done(), len(flights)) == (["cancelled"], False, 0)
        task.cancel()
    assert (heard, task.cancelled()) == (["cancelled"] * 2, True)


@pytest.mark.parametrize("turns", range(6))
async def test_whenever_one_leaves_the_others_get_what_they_wait_for(turns: int) -> None:
    flights: Flights[int] = Flights()
    calls: list[int] = []

    async def work() -> int:
        calls.append(1)
        for _ in range(3):
            await asyncio.sleep(0)
        return len(calls)

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(flights.join("k", work)) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        asking[0].cancel()
    assert {str(each.result()) for each in asking[1:]} <= {"(1, True)", "(1, False)"}
    assert (len(calls), len(flights)) == (1, 0)
