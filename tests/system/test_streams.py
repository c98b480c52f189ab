"""Kill -9 a server while readers follow a run on it: no hole, no double, and all read the same."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

KILLS: Final = int(os.environ.get("AWE_STREAM_KILLS", "3"))

WORDS: Final = 400

GRAPH: Final = {
    "name": "chorus",
    "edges": {
        "greet": "count_words",
        "count_words": [{"when": f"words < {WORDS}", "to": "echo"}, {"to": None}],
        "echo": "count_words",
    },
    "entry": "greet",
}

RUN: Final = "r"

AWAY: Final = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, httpx2.TransportError)
"""What readers hear of a server that was killed, or is not there yet."""


class Served:
    """A server on one database, which is killed and started again somewhere else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: asyncio.subprocess.Process | None = None
        self.address: str = ""

    async def start(self) -> None:
        """Start it, and learn where it is."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api", "serve", "--port", "0", "--store", str(self._path)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if found := re.search(rb"http://127\.0\.0\.1:\d+", line):
                self.address = found[0].decode()
                return
        raise AssertionError("the server said nothing")

    async def kill(self) -> None:
        """Kill it."""
        assert self._process is not None
        self.address = ""
        self._process.send_signal(signal.SIGKILL)
        await self._process.communicate()

    async def where(self) -> str:
        """Wait until it is there, and give the address."""
        while not self.address:  # noqa: ASYNC110  # it is started by whoever kills it
            await asyncio.sleep(0.01)
        return self.address


async def frames(address: str, after: int) -> AsyncIterator[str]:
    """Yield what a WebSocket sends."""
    url = f"{address.replace('http', 'ws')}/api/v1/ws/workflow/{RUN}?after={after}"
    async with connect(url, close_timeout=0.1) as reader:
        while True:
            yield str(await reader.recv())


async def joined(address: str, after: int) -> AsyncIterator[str]:
    """Yield what a WebSocket sends, frame by frame, line by line."""
    url = f"{address.replace('http', 'ws')}/api/v1/ws/workflow/{RUN}?after={after}&batch=1"
    async with connect(url, close_timeout=0.1) as reader:
        while True:
            for line in str(await reader.recv()).split("\n"):
                yield line


async def events(address: str, after: int) -> AsyncIterator[str]:
    """Yield the data of server-sent events."""
    headers = {"Last-Event-ID": str(after)}
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{address}/api/v1/runs/{RUN}/events", headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield line.removeprefix("data: ")


async def follow(server: Served, read: Callable[[str, int], AsyncIterator[str]]) -> list[str]:
    """Give the entries of the run as a reader gets them that comes back whenever it is cut off."""
    entries: list[str] = []
    after = -1
    while True:
        address = await server.where()
        with suppress(*AWAY):
            async for line in read(address, after):
                said = json.loads(line)
                if "ephemeral" not in said:
                    entries.append(line)
                    after = said["seq"]
                if said["type"] in ("run.completed", "run.failed"):
                    return entries
        await asyncio.sleep(0.01)


async def pages(address: str) -> list[str]:
    """Give the entries of the run as the pages of its log have them."""
    entries: list[str] = []
    after: int | None = -1
    async with httpx2.AsyncClient(base_url=address) as client:
        while after is not None:
            page = (await client.get(f"/api/v1/runs/{RUN}/log?after={after}&limit=1000")).json()
            entries += (json.dumps(each, separators=(",", ":")) for each in page["entries"])
            after = page["next"]
    return entries


async def asked(server: Served, ask: Callable[[httpx2.AsyncClient], Awaitable[object]]) -> None:
    """Ask the server something."""
    async with httpx2.AsyncClient(base_url=await server.where(), timeout=30) as client:
        await ask(client)


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_readers_of_a_server_that_is_killed_again_and_again_miss_nothing(
    tmp_path: Path,
) -> None:
    server = Served(tmp_path / "runs.db")
    await server.start()
    begun = {"graph_id": "chorus", "run_id": RUN, "initial_state": {"name": "Ada"}}
    await asked(server, lambda client: client.post("/api/v1/graph/create", json=GRAPH))
    await asked(server, lambda client: client.post("/api/v1/graph/run", json=begun))
    readers = (frames, joined, events)
    cut = 0
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(follow(server, read)) for read in readers for _ in range(2)]
        for _ in range(KILLS):
            await asyncio.sleep(0.15)  # whatever it does then is as good as anything else
            cut += not following[0].done()
            await server.kill()
            await server.start()
        late = group.create_task(follow(server, events))
    whole = await pages(await server.where())
    await server.kill()

    assert cut > 0, "the run was over before the server was killed"
    assert [json.loads(line)["seq"] for line in whole] == [*range(len(whole))]
    assert len(whole) > 2 * WORDS
    for reader in (*following, late):
        assert reader.result() == whole
