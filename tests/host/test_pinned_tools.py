"""Which version of a declared tool a run calls: the one that was the newest when it began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import Engine, InvalidGraph, MemoryCache, MemoryStore
from engine.entry import NodeCompleted, RunStarted
from tests.host.saying import GRAPH, Saying, engine_of, first, goes_on, paused_before, tool

if TYPE_CHECKING:
    from engine import Json, RunHandle


async def started(run: RunHandle) -> RunStarted:
    async for entry in run.tail():
        assert isinstance(entry, RunStarted)
        return entry
    raise AssertionError


async def test_a_run_says_which_versions_it_calls() -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one"))
        await engine.tools.register(tool("two"))
        await engine.tools.register(tool("x", "other"))
        await engine.create(GRAPH)

        assert (await started(await engine.start("g"))).tools == {"say": 2}
        assert (await started(await engine.start({"nodes": ["first"]}))).tools == {}


@pytest.mark.parametrize("then", ["replaced", "removed", "removed and declared again"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_run_calls_the_version_that_was_the_newest_when_it_began(
    then: str, restarted: bool
) -> None:
    store = MemoryStore()
    async with engine_of(store) as engine:
        await engine.tools.register(tool("one"))
        await engine.create(GRAPH)
        old = await paused_before(engine, "old")
        if then == "replaced":
            await engine.tools.register(tool("two"))
        else:
            await engine.tools.remove("say")
        if then == "removed and declared again":
            await engine.tools.register(tool("two"))
        if not restarted:
            assert await goes_on(old) == "one"
    async with engine_of(store) as engine:
        if restarted:
            assert await goes_on(await engine.find("old")) == "one"
        if then != "removed":
            assert await engine.run("g") == {"said": "two"}


async def test_runs_of_both_versions_go_on_side_by_side() -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one"))
        await engine.create(GRAPH)
        ones = [await paused_before(engine, f"one-{n}") for n in range(3)]
        await engine.tools.register(tool("two"))
        twos = [await paused_before(engine, f"two-{n}") for n in range(3)]

        for one, two in zip(ones, twos, strict=True):
            assert await goes_on(two) == "two"
            assert await goes_on(one) == "one"


async def test_a_fork_and_a_retry_call_what_their_origin_called() -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one", does="fail"))
        await engine.create(GRAPH)
        failed = await engine.start("g", run_id="failed")
        await failed.rest()
        await engine.tools.register(tool("two"))

        for made in (await failed.retry(), await failed.fork(0)):
            await made.rest()
            report = await made.report()
            assert report is not None
            assert (report.error.code, report.error.message) == ("SAID", "one")


async def test_a_run_under_way_when_the_process_ended_calls_it_again() -> None:
    kind, store = Saying(), MemoryStore()
    async with engine_of(store, kind) as engine:
        await engine.tools.register(tool("one", does="wait"))
        await engine.create(GRAPH)
        await engine.start("g", run_id="r")
        await kind.calls.acquire()
        await engine.tools.register(tool("two"))
    async with engine_of(store, kind) as engine:
        await kind.calls.acquire()
        assert kind.called == ["one", "one"]


async def test_a_run_that_began_without_the_tool_waits_until_there_is_one() -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one"))
        await engine.create(GRAPH)
        await engine.tools.remove("say")
        run = await engine.start("g")
        await run.rest()
        snapshot = await run.snapshot()
        assert (snapshot.status, snapshot.node) == ("paused", "say")
        assert snapshot.error is not None
        assert snapshot.error.code == "TOOL_MISSING"

        await engine.tools.register(tool("two"))
        assert await goes_on(run) == "two"


async def test_a_run_whose_kind_is_gone_waits_until_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    async with engine_of(store) as engine:
        await engine.tools.register(tool("one"))
        await engine.create(GRAPH)
        await paused_before(engine, "r")
    async with Engine(tools=[first], store=store) as engine:
        assert sorted(engine.tools) == ["first"]
        assert "version 1 of tool 'say' can't be used" in caplog.text
        run = await engine.find("r")
        await run.resume()
        await run.rest()
        snapshot = await run.snapshot()
        assert snapshot.error is not None
        assert (snapshot.status, snapshot.error.code) == ("paused", "TOOL_MISSING")
    async with engine_of(store) as engine:
        await engine.tools.register(tool("two"))  # another version, which it does not call
        assert await goes_on(await engine.find("r")) == "one"


async def test_results_of_one_version_are_not_those_of_another() -> None:
    cache = MemoryCache()
    kind = Saying()
    cached: dict[str, Json] = {"nodes": {"say": {"cache": {}}}}
    async with engine_of(kind=kind, cache=cache) as engine:
        for says in ("one", "two"):
            await engine.tools.register(tool(says))
            for _ in range(2):
                assert await engine.run(cached) == {"said": says}
    assert kind.called == ["one", "two"]


async def test_a_declared_tool_is_retried_and_timed_as_any() -> None:
    kind = Saying()
    async with engine_of(kind=kind) as engine:
        await engine.tools.register(tool("one", does="wait"))
        run = await engine.start(
            {"nodes": {"say": {"timeout": 0.2, "retry": {"max_attempts": 2, "delay": 0.001}}}}
        )
        await run.rest()
        report = await run.report()
        assert report is not None
        assert report.error.code == "TIMEOUT"
    assert kind.called == ["one", "one"]


async def test_its_arguments_come_from_where_those_of_any_tool_do() -> None:
    declared = tool("one", input=["a", "b", "c"])
    nodes: dict[str, Json] = {"say": {"args": {"a": 1}, "inputs": {"b": "x + 1"}}}
    async with engine_of() as engine:
        await engine.tools.register(declared)
        with pytest.raises(InvalidGraph, match="no parameter 'd'"):
            await engine.create({"nodes": {"say": {"args": {"d": 1}}}})
        run = await engine.start({"nodes": nodes}, {"x": 1, "c": [3]})
        await run.result()
        written = [entry.patch async for entry in run.tail() if isinstance(entry, NodeCompleted)]
        assert written == [{"said": "one", "a": 1, "b": 2, "c": [3]}]

        run = await engine.start({"nodes": nodes}, {"x": 1})
        await run.rest()
        report = await run.report()
        assert report is not None
        assert report.error.code == "MISSING_INPUT"
