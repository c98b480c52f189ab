"""GET /api/v1/runs/{run_id}/events: the log of a run as server-sent events."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import httpx2
import pytest

from api import events, following
from engine import Context, Engine, Json, installed_tools

from .conftest import RUNS, client_of, served, serving, until
from .test_stream import LARGE, LOOP, LosingStore, at, count, large, read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from engine import RunHandle


class Event(NamedTuple):
    """An event, as a browser would take it in."""

    name: str
    data: str
    id: str | None

    @property
    def said(self) -> dict[str, Json]:
        """What it says."""
        found: dict[str, Json] = json.loads(self.data)
        return found


def taken_in(text: str) -> list[Event]:
    """Read a stream of events, as the standard says; comments are none."""
    found: list[Event] = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\n") if line[:1] not in ("", ":")
        )
        if "data" in fields:
            found.append(Event(fields.get("event", ""), fields["data"], fields.get("id")))
    return found


async def heard(address: str, run_id: str, **asked: str) -> list[Event]:
    """Read the events of a run to their end."""
    headers = {"Last-Event-ID": asked.pop("last")} if "last" in asked else {}
    async with client_of(address) as client:
        answer = await client.get(f"{RUNS}/{run_id}/events", params=asked, headers=headers)
        assert answer.status_code == 200
        return taken_in(answer.text)


@pytest.fixture
async def looped(engine: Engine) -> AsyncGenerator[tuple[str, RunHandle], None]:
    """Give an address, and a run of 300 entries that has begun there."""
    engine.tools.add(count)
    async with serving(engine) as address:
        yield address, await engine.start(await engine.create(LOOP), {"n": 0})


async def test_every_entry_is_an_event_and_so_are_how_it_begins_and_ends(
    looped: tuple[str, RunHandle],
) -> None:
    address, run = looped
    opened, *entries, ended = await heard(address, run.id)

    lines = [line.decode() async for line in run.lines()]
    assert len(lines) > 300
    assert [each.data for each in entries] == lines
    assert [each.id for each in entries] == [str(seq) for seq in range(len(lines))]
    assert {each.name for each in entries} == {""}
    assert (opened.said["type"], opened.said["run_id"], opened.id) == (
        "stream.opened",
        run.id,
        None,
    )
    assert (ended.name, ended.id) == ("end", None)
    assert ended.said == {
        "type": "stream.ended", "ephemeral": True, "run_id": run.id, "seq": len(lines) - 1,
    }  # fmt: skip


async def test_events_frames_joined_frames_and_pages_of_the_log_are_the_same(
    looped: tuple[str, RunHandle],
) -> None:
    address, run = looped
    async with asyncio.TaskGroup() as group:
        live = group.create_task(heard(address, run.id))
        frames = group.create_task(read(at(address, run.id)))
        joined = group.create_task(read(at(address, run.id, "?batch=1")))
    paged: list[Json] = []
    after = -1
    async with client_of(address) as client:
        while after is not None:
            page = (await client.get(f"{RUNS}/{run.id}/log?after={after}&limit=37")).json()
            paged += page["entries"]
            after = page["next"]

    assert [each.said for each in live.result()[1:-1]] == paged
    assert frames.result()[0][1:] == paged
    assert joined.result()[0][1:] == paged


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"after": "-1"}, 0),
        ({"after": "3"}, 4),
        ({"last": "3"}, 4),
        ({"after": "1", "last": "5"}, 6),
        ({"after": "5", "last": ""}, 6),
    ],
)
async def test_it_begins_behind_any_entry_and_a_browser_that_comes_back_says_where(
    address: str, client: httpx2.AsyncClient, asked: dict[str, str], first: int
) -> None:
    wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}, "wait": 30}
    await client.post("/api/v1/graph/run", json=wanted)

    found = await heard(address, "r", **asked)

    assert [each.id for each in found[1:-1]] == [str(seq) for seq in range(first, 8)]


async def test_after_the_last_entry_of_a_run_that_has_ended_a_browser_is_told_not_to_come_back(
    client: httpx2.AsyncClient,
) -> None:
    wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}, "wait": 30}
    await client.post("/api/v1/graph/run", json=wanted)

    answer = await client.get(f"{RUNS}/r/events", headers={"Last-Event-ID": "7"})

    assert (answer.status_code, answer.content) == (204, b"")


async def test_what_is_wrong_is_told_before_it_begins(client: httpx2.AsyncClient) -> None:
    unknown = await client.get(f"{RUNS}/nobody/events")
    wrong = await client.get(f"{RUNS}/r/events?after=x&x=1", headers={"Last-Event-ID": "last"})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "RUN_NOT_FOUND")
    assert wrong.status_code == 422
    assert [each["path"] for each in wrong.json()["problems"]] == ["?after", "Last-Event-ID", "?x"]


async def test_asked_for_its_head_it_does_not_begin(client: httpx2.AsyncClient) -> None:
    await client.post("/api/v1/graph/create", json={"name": "g", "nodes": ["waits"]})
    begun = {"graph_id": "g", "run_id": "r", "initial_state": {}}
    await client.post("/api/v1/graph/run", json=begun)

    answer = await client.head(f"{RUNS}/r/events")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


@asynccontextmanager
async def following_of(address: str, run_id: str) -> AsyncGenerator[AsyncIterator[str], None]:
    """Ask for events, and give what comes while it goes on."""
    async with (
        client_of(address) as client,
        client.stream("GET", f"{RUNS}/{run_id}/events") as answer,
    ):
        yield answer.aiter_text()


async def heard_until(parts: AsyncIterator[str], word: str) -> str:
    """Read until a word comes."""
    text = ""
    async for part in parts:
        text += part
        if word in text:
            return text
    raise AssertionError(text)


async def test_a_quiet_run_is_not_taken_for_a_dead_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SILENCE", 0.05)
    async with serving(engine) as address:
        run = await engine.start(await engine.create({"nodes": ["waits"]}))
        async with following_of(address, run.id) as parts:
            text = await heard_until(parts, ": nothing new\n\n: nothing new\n\n")

    assert [each.id for each in taken_in(text)] == [None, "0", "1", "2"]


async def test_what_a_tool_says_comes_in_between_and_is_no_place_to_come_back_to(
    engine: Engine,
) -> None:
    listens = asyncio.Event()

    async def writes(context: Context) -> dict[str, Json]:
        """Write two words, as soon as somebody listens."""
        await listens.wait()
        context.emit("once")
        context.progress(1, 2, "upon")
        return {"words": 2}

    engine.tools.add(writes)
    async with serving(engine) as address:
        run = await engine.start(await engine.create({"nodes": ["writes"]}))
        async with following_of(address, run.id) as parts:
            begun = await heard_until(parts, '"node.started"')
            listens.set()
            rest = await heard_until(parts, "event: end")

    told = taken_in(begun + rest)
    assert [(each.said["type"], each.id) for each in told[4:6]] == [
        ("node.streamed", None),
        ("node.progressed", None),
    ]
    assert [each.id for each in told if each.id is not None] == ["0", "1", "2", "3", "4"]


async def test_when_the_server_stops_events_end_at_once_and_without_a_farewell(
    engine: Engine,
) -> None:
    async with asyncio.TaskGroup() as group:
        async with serving(engine) as address:
            run = await engine.start(await engine.create({"nodes": ["waits"]}))
            opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            async def follow() -> str:
                async with following_of(address, run.id) as parts:
                    text = ""
                    async for part in parts:
                        text += part
                        if '"node.started"' in text and not opened.done():
                            opened.set_result(None)
                    return text

            reading = group.create_task(follow())
            await opened
            began = asyncio.get_running_loop().time()
        stopped = asyncio.get_running_loop().time() - began

    assert "event: end" not in reading.result()
    assert stopped < 5


async def test_a_client_that_takes_nothing_is_cut_off_and_the_run_has_not_noticed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 0.1)
    engine.tools.add(large)
    async with served(engine) as (address, server):
        run = await engine.start(await engine.create(LARGE), {"n": 0})
        _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(f"GET {RUNS}/{run.id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await run.result()
        await until(lambda: not server.server_state.connections)
        writer.close()

    assert not engine._tails.readers


async def test_a_stream_that_breaks_is_broken_off_so_that_nobody_takes_it_for_whole() -> None:
    store = LosingStore()
    async with serving(Engine(tools=installed_tools(), store=store)) as address:
        async with client_of(address) as client:
            wanted = {"graph_id": "hello", "run_id": "r", "initial_state": {}, "wait": 30}
            await client.post("/api/v1/graph/run", json=wanted)
        store.lost = True
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            await heard(address, "r")
