"""WS /api/v1/ws/workflow/{run_id}."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from api import connection, following
from engine import BEGINNING, Context, Engine, Json, MemoryStore, installed_tools, tool

from .conftest import served, serving, until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from websockets.asyncio.client import ClientConnection

    from engine import Row, RunId, Seq

LOOP = {
    "name": "loop",
    "nodes": {"n": "count"},
    "edges": {"n": [{"when": "n < 100", "to": "n"}, {"to": None}]},
    "entry": "n",
}


@tool
async def count(n: int) -> dict[str, Json]:
    """Count."""
    await asyncio.sleep(0)
    return {"n": n + 1}


def at(address: str, run_id: str, query: str = "") -> str:
    """Write the address of a stream."""
    return f"{address.replace('http', 'ws', 1)}/api/v1/ws/workflow/{run_id}{query}"


async def read(url: str) -> tuple[list[dict[str, Json]], int, str]:
    """Read a stream to its end: what its frames say, the code and the reason it ended with."""
    frames: list[dict[str, Json]] = []
    async with connect(url) as reader:
        try:
            while True:
                frame = await reader.recv()
                assert isinstance(frame, str)
                frames += map(json.loads, frame.split("\n"))
        except ConnectionClosed:
            pass
        assert reader.close_code is not None
        return frames, reader.close_code, reader.close_reason or ""


async def test_a_stream_is_opened_then_gives_every_entry_and_is_closed(
    address: str, client: httpx2.AsyncClient
) -> None:
    wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}, "wait": 30}
    await client.post("/api/v1/graph/run", json=wanted)

    (opened, *entries), code, _ = await read(at(address, "r"))

    assert opened == {
        "type": "stream.opened", "ephemeral": True, "run_id": "r", "epoch": 0, "seq": 7,
    }  # fmt: skip
    assert [each["seq"] for each in entries] == [*range(8)]
    assert [each["type"] for each in entries] == [
        "run.started",
        "message.sent",
        "node.started",
        "node.completed",
        "message.sent",
        "node.started",
        "node.completed",
        "run.completed",
    ]
    assert code == 1000


async def test_readers_that_come_while_a_run_goes_on_read_the_same(engine: Engine) -> None:
    engine.tools.add(count)
    async with serving(engine) as address:
        run = await engine.start(await engine.create(LOOP), {"n": 0})
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(read(at(address, run.id))) for _ in range(10)]
        late = await read(at(address, run.id))

    whole = [json.loads(line) async for line in run.lines()]
    assert len(whole) > 300
    for frames, code, _ in (*(reader.result() for reader in readers), late):
        assert frames[1:] == whole
        assert code == 1000


@pytest.mark.parametrize("after", [-1, 0, 3, 4, 6, 7, 99])
async def test_a_stream_is_resumed_behind_any_entry(
    address: str, client: httpx2.AsyncClient, after: int
) -> None:
    wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}, "wait": 30}
    await client.post("/api/v1/graph/run", json=wanted)

    frames, code, _ = await read(at(address, "r", f"?after={after}"))

    assert [each["seq"] for each in frames[1:]] == [*range(after + 1, 8)]
    assert code == 1000


async def test_a_run_that_is_not_there_is_told_by_code_after_the_handshake(address: str) -> None:
    frames, code, reason = await read(at(address, "nobody"))

    assert (frames, code, reason) == ([], 4404, "there is no run 'nobody'")


async def test_asked_for_as_a_page_it_says_what_it_is(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/v1/ws/workflow/r")

    assert (answer.status_code, answer.json()["code"]) == (426, "UPGRADE_REQUIRED")
    assert answer.json()["detail"].startswith("this is a WebSocket")
    assert answer.headers["upgrade"] == "websocket"


@pytest.mark.parametrize("after", ["x", "-2"])
async def test_a_position_that_is_no_number_is_told_by_code(address: str, after: str) -> None:
    frames, code, reason = await read(at(address, "r", f"?after={after}"))

    assert (frames, code) == ([], 4400)
    assert "after: expected a whole number from -1" in reason


async def test_a_reader_may_say_something_or_leave_and_the_run_goes_on(
    address: str, client: httpx2.AsyncClient
) -> None:
    await client.post("/api/v1/graph/create", json={"name": "g", "nodes": ["waits"]})
    await client.post(
        "/api/v1/graph/run", json={"graph_id": "g", "run_id": "r", "initial_state": {}}
    )
    async with connect(at(address, "r")) as reader:
        await reader.send("hello?")
        await reader.recv()

    assert (await client.get("/api/v1/graph/state/r")).json()["status"] == "running"


async def test_when_the_server_stops_open_streams_are_closed_so_that_clients_come_back(
    engine: Engine,
) -> None:
    opened = asyncio.Event()
    async with asyncio.TaskGroup() as group, serving(engine) as address:
        run = await engine.start(await engine.create({"nodes": ["waits"]}))
        reading = group.create_task(_close_code(at(address, run.id), opened))
        await opened.wait()

    assert reading.result() == 1012


async def _close_code(url: str, opened: asyncio.Event) -> int | None:
    async with connect(url) as reader:
        with suppress(ConnectionClosed):
            while await reader.recv():
                opened.set()
        return reader.close_code


class LosingStore(MemoryStore):
    """A store that can't be read any more, once it was told so."""

    lost = False

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[Row]:
        """Read, or fail."""
        if self.lost and limit != 1:
            message = "input/output error at /var/lib/secret"
            raise OSError(message)
        return await super().read(run_id, after, limit=limit)


async def test_a_stream_that_breaks_is_closed_with_1011_and_tells_nothing_of_the_server() -> None:
    store = LosingStore()
    async with serving(Engine(tools=installed_tools(), store=store)) as address:
        async with httpx2.AsyncClient(base_url=address) as client:
            wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}, "wait": 30}
            await client.post("/api/v1/graph/run", json=wanted)
            store.lost = True
            answer = await client.get("/api/v1/graph/state/r?at=0")
        frames, code, reason = await read(at(address, "r"))

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert [each["type"] for each in frames] == ["stream.opened"]
    assert (code, reason) == (1011, "the server failed, and its log says why")


# -- what tools say while they run --------------------------------------------------------


async def test_what_a_tool_says_while_it_runs_comes_in_between_and_has_no_seq(
    engine: Engine,
) -> None:
    listens, has_heard = asyncio.Event(), asyncio.Event()

    async def writes(context: Context) -> dict[str, Json]:
        """Write a word after the other, as soon as somebody listens."""
        await listens.wait()
        for n, word in enumerate(("once", "upon"), 1):
            context.emit(word)
            context.progress(n, 2, "writing")
        await has_heard.wait()
        return {"words": 2}

    engine.tools.add(writes)
    async with serving(engine) as address:
        run = await engine.start(await engine.create({"nodes": ["writes"]}))
        async with connect(at(address, run.id)) as reader:
            before = [json.loads(await reader.recv())["type"] for _ in range(4)]
            listens.set()
            said = [json.loads(await reader.recv()) for _ in range(4)]
            has_heard.set()
            entries = [json.loads(frame) async for frame in _rest(reader)]
        late, _, _ = await read(at(address, run.id))

    assert before == ["stream.opened", "run.started", "message.sent", "node.started"]
    assert [each["type"] for each in said] == ["node.streamed", "node.progressed"] * 2
    assert all(each["ephemeral"] and "seq" not in each for each in said)
    assert [each["data"] for each in said[::2]] == ["once", "upon"]
    assert (said[3]["done"], said[3]["total"], said[3]["message"]) == (2, 2, "writing")
    assert {(each["run_id"], each["node"], each["attempt"]) for each in said} == {
        (run.id, "writes", 1)
    }
    assert [each["seq"] for each in entries] == [3, 4]
    assert reader.close_code == 1000
    assert not any(each.get("ephemeral") for each in late[1:])


@pytest.mark.parametrize("query", ["?afer=1", "?after=1&after=2"])
async def test_a_query_that_is_wrong_is_told_by_code(address: str, query: str) -> None:
    frames, code, reason = await read(at(address, "r", query))

    assert (frames, code) == ([], 4400)
    assert "after" in reason or "afer" in reason


# -- readers that do not read -------------------------------------------------------------

LARGE = {**LOOP, "nodes": {"n": "large"}}


@tool
async def large(n: int) -> dict[str, Json]:
    """Write so much that no buffer of the system holds a few of its entries.

    No value is so large that it would stand outside of them.
    """
    await asyncio.sleep(0)
    return {"n": n + 10, **{f"large{i}": "x" * 50_000 for i in range(20)}}


async def test_a_reader_that_takes_nothing_is_let_go_and_told_where_to_resume(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.1)
    engine.tools.add(large)
    async with serving(engine) as address:
        run = await engine.start(await engine.create(LARGE), {"n": 0})
        async with connect(at(address, run.id), max_queue=1, max_size=None) as reader:
            await reader.recv()
            await run.result()  # the run has not noticed
            await until(lambda: not engine._tails.readers)
            seen = [json.loads(frame)["seq"] async for frame in _rest(reader)]

    assert reader.close_code == 4408
    assert json.loads(reader.close_reason or "") == {"after": seen[-1]}
    assert seen[-1] < await run.last()
    assert seen == [*range(seen[-1] + 1)]


async def _rest(reader: ClientConnection) -> AsyncGenerator[str | bytes, None]:
    with suppress(ConnectionClosed):
        while True:
            yield await reader.recv()


async def test_a_reader_that_never_reads_again_is_cut_off(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.1)
    monkeypatch.setattr(connection, "LINGER", 0.1)
    engine.tools.add(large)
    async with served(engine) as (address, serves):
        run = await engine.start(await engine.create(LARGE), {"n": 0})
        async with connect(at(address, run.id), max_queue=1, max_size=None, close_timeout=0.1):
            assert serves.server_state.connections
            await until(lambda: not serves.server_state.connections)
