"""Declared tools: their versions, how they are removed, and how they are tried."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from engine import (
    Engine,
    EngineClosed,
    InvalidGraph,
    InvalidTool,
    InvalidValue,
    MemoryStore,
    NotApplicable,
    NotFound,
    SQLiteStore,
    StoreUnavailable,
)
from tests.host.saying import GRAPH, Saying, engine_of, first, goes_on, paused_before, tool

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from engine import Json, Store
    from engine.store import Kind


# -- versions -----------------------------------------------------------------------------


async def test_a_declaration_has_a_version_which_it_keeps() -> None:
    async with engine_of() as engine:
        one = await engine.tools.register(tool("one"))
        same = await engine.tools.register(dict(reversed(tool("one").items())))
        two = await engine.tools.register(tool("two"))

        assert (one.tool.version, one.new) == (1, True)
        assert (same.tool, same.new) == (one.tool, False)
        assert (two.tool.version, two.new) == (2, True)
        assert engine.tools["say"] is two.tool
        assert engine.tools.declared("say", 1) is one.tool
        assert engine.tools.versions("say") == [1, 2]


async def test_what_was_there_before_may_be_declared_again() -> None:
    async with engine_of() as engine:
        versions = [
            (await engine.tools.register(tool(says))).tool.version
            for says in ("one", "two", "one", "one", "two")
        ]

        assert versions == [1, 2, 3, 3, 4]
        assert await engine.run({"nodes": ["say"]}) == {"said": "two"}


async def test_the_same_request_once_more_takes_nothing_back() -> None:
    async with engine_of() as engine:
        one = await engine.tools.register(tool("one"))
        two = await engine.tools.register(tool("two"))
        again = await engine.tools.register(tool("one"), again=True)

        assert (again.tool, again.new) == (one.tool, False)
        assert engine.tools["say"] is two.tool
        assert (await engine.tools.register(tool("three"), again=True)).tool.version == 3


async def test_names_have_versions_of_their_own() -> None:
    async with engine_of() as engine:
        for name in ("a", "b"):
            assert (await engine.tools.register(tool("x", name))).tool.version == 1


async def test_declaring_at_once_ends_in_one_order() -> None:
    async with engine_of() as engine, asyncio.TaskGroup() as group:
        tasks = [group.create_task(engine.tools.register(tool(f"{n % 5}"))) for n in range(20)]
        await asyncio.wait(tasks)
        found = [task.result() for task in tasks]

        numbers = sorted(each.tool.version for each in found if each.new)
        assert numbers == list(range(1, len(numbers) + 1))
        assert engine.tools["say"].version == numbers[-1]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_tools_are_there_again_when_the_store_is(kind: str, tmp_path: Path) -> None:
    memory = MemoryStore()

    def store() -> Store:
        return memory if kind == "memory" else SQLiteStore(tmp_path / "runs.db")

    async with engine_of(store()) as engine:
        for says in ("one", "two", "one"):
            await engine.tools.register(tool(says))
        await engine.tools.register(tool("x", "gone"))
        await engine.tools.remove("gone")
    async with engine_of(store()) as engine:
        assert sorted(engine.tools) == ["first", "say"]
        assert engine.tools.versions("say") == [1, 2, 3]
        assert await engine.run({"nodes": ["say"]}) == {"said": "one"}
        assert not (await engine.tools.register(tool("one"))).new
        assert (await engine.tools.register(tool("x", "gone"))).tool.version == 3


async def test_declaring_and_reading_again_calls_nothing() -> None:
    kind, store = Saying(), MemoryStore()
    async with engine_of(store, kind) as engine:
        await engine.tools.register(tool("one"))
    async with engine_of(store, kind) as engine:
        await engine.create({"nodes": ["say"]})
    assert kind.called == []


async def test_before_and_after_its_time_an_engine_takes_no_declarations() -> None:
    engine = engine_of()
    with pytest.raises(EngineClosed):
        await engine.tools.register(tool("one"))
    with pytest.raises(EngineClosed):
        await engine.tools.remove("say")


# -- whoever asked is cancelled -----------------------------------------------------------


class SlowStore(MemoryStore):
    """Keeps documents only when it is let, and says when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Semaphore(0)
        self.let = asyncio.Semaphore(0)

    async def put(self, kind: Kind, name: str, data: bytes) -> int:
        self.asked.release()
        await self.let.acquire()
        return await super().put(kind, name, data)


async def cancelled_while_it_is_kept(
    store: SlowStore, asked: Coroutine[None, None, object]
) -> None:
    """Ask for something, and be cancelled when the store has it in hand."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asked)
        await store.asked.acquire()
        task.cancel()
    assert task.cancelled()


async def test_what_the_store_keeps_is_known_though_who_asked_was_cancelled() -> None:
    store = SlowStore()
    async with engine_of(store) as engine, asyncio.timeout(5):
        await cancelled_while_it_is_kept(store, engine.tools.register(tool("one")))
        store.let.release()
        again = await engine.tools.register(tool("one"))  # waits for what is under way
        assert (again.tool.version, again.new) == (1, False)

        await cancelled_while_it_is_kept(store, engine.tools.register(tool("two")))
        for _ in range(2):
            store.let.release()
        three = await engine.tools.register(tool("three"))
        assert (three.tool.version, engine.tools.versions("say")) == (3, [1, 2, 3])
        assert engine.tools.declared("say", 2).declaration.document["says"] == "two"
        assert [d.number for d in await store.documents("tool")] == [1, 2, 3]


async def test_what_is_removed_in_the_store_is_gone_though_who_asked_was_cancelled() -> None:
    store = SlowStore()
    async with engine_of(store) as engine, asyncio.timeout(5):
        store.let.release()
        await engine.tools.register(tool("one"))
        await store.asked.acquire()
        await cancelled_while_it_is_kept(store, engine.tools.remove("say"))
        assert "say" in engine.tools
        store.let.release()
        with pytest.raises(NotFound):
            await engine.tools.remove("say")
        assert "say" not in engine.tools


async def test_a_graph_the_store_keeps_is_known_though_who_created_it_was_cancelled() -> None:
    store = SlowStore()
    graph: dict[str, Json] = {"name": "g", "nodes": ["first"]}
    async with engine_of(store) as engine, asyncio.timeout(5):
        await cancelled_while_it_is_kept(store, engine.create(graph))
        store.let.release()
        again = await engine.create(graph)
        assert (again.version, again.new) == (1, False)
        assert engine.versions("g") == (1,)


async def test_what_the_store_does_not_keep_is_not_known_either() -> None:
    class Broken(SlowStore):
        async def put(self, kind: Kind, name: str, data: bytes) -> int:
            await super().put(kind, f"other-{name}", data)
            raise StoreUnavailable("the disk is full")

    store = Broken()
    async with engine_of(store) as engine, asyncio.timeout(5):
        await cancelled_while_it_is_kept(store, engine.tools.register(tool("one")))
        for _ in range(2):
            store.let.release()
        with pytest.raises(StoreUnavailable):
            await engine.tools.register(tool("one"))
        assert "say" not in engine.tools


# -- removing -----------------------------------------------------------------------------


async def test_what_is_removed_is_a_tool_no_more() -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one"))
        assert (await engine.tools.remove("say")).version == 1

        assert sorted(engine.tools) == ["first"]
        with pytest.raises(NotFound):
            await engine.tools.remove("say")
        with pytest.raises(InvalidGraph, match="names the tool 'say', which does not exist"):
            await engine.create(GRAPH)
        assert (await engine.tools.register(tool("one"))).tool.version == 3
        assert engine.tools.versions("say") == [1, 3]


@pytest.mark.parametrize("version", [0, 2, 4])
async def test_a_version_that_is_none_is_not_found(version: int) -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one"))
        await engine.tools.remove("say")
        await engine.tools.register(tool("two"))

        with pytest.raises(NotFound, match=f"no version {version}") as caught:
            engine.tools.declared("say", version)
        assert caught.value.hint == "it has 1, 3"


async def test_what_is_written_in_python_can_be_neither_removed_nor_tried() -> None:
    async with engine_of() as engine:
        for asked in (engine.tools.remove("first"), engine.tools.attempt("first", {}, timeout=1)):
            with pytest.raises(NotApplicable, match="Python function") as caught:
                await asked
            assert '"nodes": ["first"]' in caught.value.hint
        with pytest.raises(NotFound, match="there is no tool 'sya'"):
            await engine.tools.attempt("sya", {}, timeout=1)


async def test_a_function_does_not_take_the_name_of_a_declared_tool() -> None:
    def say() -> None:
        """Say nothing."""

    async with engine_of() as engine:
        await engine.tools.register(tool("one"))
        with pytest.raises(InvalidTool, match=r"two tools are named 'say': declared\.say and"):
            engine.tools.add(say)


async def test_what_a_program_brings_along_comes_before_what_is_stored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def say() -> dict[str, Json]:
        return {"said": "python"}

    store = MemoryStore()
    async with engine_of(store) as engine:
        await engine.tools.register(tool("declared"))
        await engine.create(GRAPH)
        await paused_before(engine, "r")
    with caplog.at_level(logging.WARNING):
        engine = Engine(tools=[first, say], tool_kinds=[Saying()], store=store)
        async with engine:
            assert await engine.run("g") == {"said": "python"}
            assert await goes_on(await engine.find("r")) == "declared"  # it began with that
    assert "a Python tool has its name" in caplog.text


# -- trying -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "given", "code"),
    [
        (tool("x", does="fail"), {}, "SAID"),
        (tool("x", does="wait"), {}, "TIMEOUT"),
        (tool("x", does="raise"), {}, "TOOL_FAILED"),
        (tool("x", does="nonsense"), {}, "BAD_OUTPUT"),
        (tool("x", input=["a", "b"]), {"a": 1}, "MISSING_INPUT"),
        (tool("x", input={"properties": {"a": {"type": "string"}}}), {"a": 1}, "BAD_INPUT"),
    ],
)
async def test_what_would_go_wrong_in_a_run_goes_wrong_when_it_is_tried(
    declared: dict[str, Json], given: dict[str, Json], code: str
) -> None:
    async with engine_of() as engine:
        await engine.tools.register(declared)
        trial = await engine.tools.attempt("say", given, timeout=0.05)

        assert trial.patch is None
        assert trial.error is not None
        assert trial.error.code == code
        assert await engine.runs() == []


async def test_what_is_tried_writes_what_it_would_in_a_run() -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one", input=["a"]))
        given: dict[str, Json] = {"a": [1]}
        trial = await engine.tools.attempt("say", given, timeout=1)
        assert (trial.patch, trial.error) == ({"said": "one", "a": [1]}, None)
        assert trial.patch is not None
        assert trial.patch["a"] is not given["a"]

        await engine.tools.register(tool("one", does="key"))
        keys = set()
        for _ in range(2):
            trial = await engine.tools.attempt("say", {}, timeout=1)
            assert trial.patch is not None
            assert trial.patch["attempt"] == 1
            keys.add(str(trial.patch["key"]))
        assert len(keys) == 2  # each is a call of its own


async def test_an_argument_that_there_is_none_of_is_refused() -> None:
    async with engine_of() as engine:
        await engine.tools.register(tool("one", input=["a"]))

        with pytest.raises(InvalidValue, match="no parameter 'b', 'c'") as caught:
            await engine.tools.attempt("say", {"a": 1, "b": 2, "c": 3}, timeout=1)
        assert caught.value.hint == "it takes a"


async def test_who_is_cancelled_while_trying_is_cancelled() -> None:
    kind = Saying()
    async with engine_of(kind=kind) as engine:
        await engine.tools.register(tool("one", does="wait"))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(engine.tools.attempt("say", {}, timeout=10))
            await kind.calls.acquire()
            task.cancel()
        assert task.cancelled()
