"""Readers that listen to a run together: joined frames, slow ones, and other servers."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api import events, following
from api.app import create_app
from api.hub import FULL
from engine import Context, Engine, Json, installed_tools

from .conftest import HELLO, RUNS, client_of, served, serving, until, waits
from .test_events import following_of, heard, heard_until
from .test_stream import LARGE, LOOP, LosingStore, at, count, large, read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api.hub import Hub
    from api.server import Server
    from engine import RunHandle


def hub_of(server: Server) -> Hub:
    """Give what the readers of a server share."""
    hub: Hub = server.lifespan.state["hub"]
    return hub


async def lines_of(run: RunHandle) -> list[dict[str, Json]]:
    """Give the log of a run."""
    return [json.loads(line) async for line in run.lines()]


async def frames_of(url: str) -> list[str]:
    """Give the frames of a stream."""
    frames: list[str] = []
    async with connect(url, max_size=None) as reader:
        with suppress(ConnectionClosed):
            while True:
                frames.append(str(await reader.recv()))
    return frames


async def test_what_waits_is_joined_into_one_frame_a_line_for_each(engine: Engine) -> None:
    engine.tools.add(count)
    async with serving(engine) as address:
        run = await engine.start(await engine.create(LOOP), {"n": 0})
        live = await frames_of(at(address, run.id, "?batch=1"))
        late = await frames_of(at(address, run.id, "?batch=1"))

    log = await lines_of(run)
    assert len(log) > 300
    for opened, *frames in (live, late):
        assert json.loads(opened)["type"] == "stream.opened"
        assert [json.loads(line) for frame in frames for line in frame.split("\n")] == log
        assert len(frames) < len(log) / 10
    assert all(len(frame) < FULL + 1_000 for frame in late)


async def test_large_entries_are_joined_only_until_a_frame_is_full(engine: Engine) -> None:
    engine.tools.add(large)
    async with serving(engine) as address:
        run = await engine.start(await engine.create(LARGE), {"n": 0})
        await run.result()
        _, *frames = await frames_of(at(address, run.id, "?batch=1"))

    assert [json.loads(line) for frame in frames for line in frame.split("\n")] == await lines_of(
        run
    )
    assert len(frames) >= 10


@pytest.mark.parametrize("batch", ["2", "yes", "-1"])
async def test_joined_or_not_is_one_or_nought(address: str, batch: str) -> None:
    frames, code, reason = await read(at(address, "r", f"?batch={batch}"))

    assert (frames, code) == ([], 4400)
    assert reason.startswith("batch: expected a whole number from 0 to 1")


async def test_readers_that_come_and_go_read_the_same_and_leave_nothing_behind(
    engine: Engine,
) -> None:
    engine.tools.add(count)
    async with served(engine) as (address, server):
        run = await engine.start(await engine.create(LOOP), {"n": 0})
        async with asyncio.TaskGroup() as group:
            queries = ["", "?batch=1", "?after=50", "?after=101&batch=1"] * 4
            readers = {
                group.create_task(read(at(address, run.id, query))): query for query in queries
            }
            for _ in range(4):
                async with connect(at(address, run.id), max_queue=None) as brief:
                    await brief.recv()
        await until(lambda: hub_of(server).listeners == 0)
        await until(lambda: not engine._tails.readers)

    log = await lines_of(run)
    for reader, query in readers.items():
        frames, code, _ = reader.result()
        after = 101 if "101" in query else 50 if "50" in query else -1
        assert frames[1:] == log[after + 1 :]
        assert code == 1000


@pytest.mark.parametrize("query", ["", "?batch=1"])
async def test_a_reader_that_is_slow_for_a_while_takes_from_the_log_what_it_could_not_hear(
    engine: Engine, query: str
) -> None:
    engine.tools.add(large)
    async with served(engine) as (address, server):
        graph = await engine.create(LARGE)
        run = await engine.start(graph, {"n": 0})
        async with connect(at(address, run.id, query), max_queue=1, max_size=None) as reader:
            seen = [json.loads(await reader.recv())["seq"]]
            await run.result()  # meanwhile it reads nothing
            await until(lambda: hub_of(server).listeners == 0)  # there is no room for it
            with suppress(ConnectionClosed):
                while True:
                    lines = str(await reader.recv()).split("\n")
                    seen += [json.loads(line)["seq"] for line in lines]

    assert reader.close_code == 1000
    assert seen[1:] == [*range(await run.last() + 1)]


async def test_a_position_that_is_not_there_yet_is_waited_for_and_holds_up_nobody(
    engine: Engine,
) -> None:
    engine.tools.add(count)
    async with serving(engine) as address, asyncio.TaskGroup() as group:
        run = await engine.start(await engine.create(LOOP), {"n": 0})
        ahead = group.create_task(read(at(address, run.id, "?after=250")))
        whole = group.create_task(read(at(address, run.id)))

    log = await lines_of(run)
    assert ahead.result()[0][1:] == log[251:]
    assert whole.result()[0][1:] == log


async def test_a_log_that_can_not_be_read_any_more_is_told_to_those_who_listen() -> None:
    store = LosingStore()
    engine = Engine(tools=[*installed_tools(), waits], store=store)
    async with served(engine) as (address, server):
        run = await engine.start(await engine.create({"nodes": ["waits"]}))
        store.lost = True
        frames, code, reason = await read(at(address, run.id, "?after=2"))
        listeners = hub_of(server).listeners

    assert [frame["type"] for frame in frames] == ["stream.opened"]
    assert (code, reason) == (1011, "the server failed, and its log says why")
    assert listeners == 0


# -- on a server that is not ours ---------------------------------------------------------


@asynccontextmanager
async def plainly_serving(engine: Engine) -> AsyncGenerator[str, None]:
    """Serve by uvicorn as it comes, which has nothing beside ASGI."""
    app = create_app(engine, graphs_to_create=[HELLO])
    config = uvicorn.Config(
        app, port=0, log_level="warning", lifespan="on", ws="websockets-sansio", http="h11"
    )
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.serve())
        await until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


@pytest.mark.parametrize("query", ["", "?batch=1"])
async def test_on_another_server_a_stream_says_the_same(engine: Engine, query: str) -> None:
    async def writes(n: int, context: Context) -> dict[str, Json]:
        """Say something, and count."""
        context.emit(n)
        return await count.function(n)

    engine.tools.add(writes)
    async with plainly_serving(engine) as address:
        graph = await engine.create({**LOOP, "nodes": {"n": "writes"}})
        run = await engine.start(graph, {"n": 0})
        frames, code, _ = await read(at(address, run.id, query))
        told = await heard(address, run.id)

    log = await lines_of(run)
    assert [frame for frame in frames if "seq" in frame and "ephemeral" not in frame] == log
    assert code == 1000
    assert [each.said for each in told if each.id is not None] == log
    assert told[-1].name == "end"


async def test_on_another_server_a_quiet_run_is_not_taken_for_a_dead_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SILENCE", 0.05)
    async with plainly_serving(engine) as address:
        run = await engine.start(await engine.create({"nodes": ["waits"]}))
        async with following_of(address, run.id) as parts:
            await heard_until(parts, ": nothing new\n\n")


async def test_on_another_server_a_reader_that_takes_nothing_is_told_exactly_where_it_is(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.1)
    engine.tools.add(large)
    async with plainly_serving(engine) as address:
        run = await engine.start(await engine.create(LARGE), {"n": 0})
        async with connect(at(address, run.id), max_queue=1, max_size=None) as reader:
            await reader.recv()
            await run.result()
            await until(lambda: not engine._tails.readers)
            seen: list[int] = []
            with suppress(ConnectionClosed):
                while True:
                    seen.append(json.loads(await reader.recv())["seq"])

    assert seen == [*range(len(seen))]
    if reader.close_code == 4408:  # its buffer may have had no room for the close frame
        assert json.loads(reader.close_reason or "")["after"] in (seen[-1], seen[-1] - 1)


async def test_a_page_of_the_log_is_read_while_others_listen(engine: Engine) -> None:
    async with serving(engine) as address, client_of(address) as client:
        run = await engine.start(await engine.create({"nodes": ["waits"]}))
        async with connect(at(address, run.id)) as reader:
            await reader.recv()
            page = (await client.get(f"{RUNS}/{run.id}/log")).json()

    assert [each["seq"] for each in page["entries"]] == [0, 1, 2]
