"""A worker that is a whole server: `awe serve`, asked over HTTP, followed over WebSockets.

This module knows what clients ask of a server, and what its answers mean: whatever was answered
with success, or seen on a stream, must be true for ever. It does not know whether it is.

The tools of the fixtures come into the server as those of an installed package do.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx2
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.system.fixtures import EFFECTS, GRAPHS, fixture_of, origin_of
from tests.system.workers import ROOT, Heard

if TYPE_CHECKING:
    from engine import Json
    from tests.system.worker import Orders

AWAY: Final = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, httpx2.TransportError)
"""What is heard of a server that was killed."""

PACKAGE: Final = {
    "METADATA": "Metadata-Version: 2.1\nName: awe-fixtures\nVersion: 1\n",
    "entry_points.txt": "[awe.tools]\nfixtures = tests.system.installed\n",
}
"""What says that a package with tools is installed."""


def environment(folder: Path, effects: list[Json]) -> dict[str, str]:
    """Give the environment of a server that has the fixtures' tools installed."""
    package = folder / "installed" / "awe_fixtures-1.dist-info"
    package.mkdir(parents=True, exist_ok=True)
    for name, text in PACKAGE.items():
        (package / name).write_text(text)
    path = os.pathsep.join((str(package.parent), str(ROOT)))
    return {**os.environ, "PYTHONPATH": path, EFFECTS: json.dumps(effects)}


class Server:
    """`awe serve` as a process of its own, with the fixtures' tools installed.

    Args:
        folder: Where the database, the effects and its complaints are.
        seed: What chance follows from.
        life: Which of the servers of this folder it is.
        moment: Seconds that a tool waits at most, twice.
        options: More of the command line.
    """

    def __init__(
        self, folder: Path, *options: str, seed: int = 0, life: int = 0, moment: float = 0.0
    ) -> None:
        self._complaints = (folder / "complaints").open("w+b")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "api", "serve", "--port", "0"),
                *("--store", str(folder / "runs.db"), *options),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=environment(folder, [str(folder / "effects"), seed, life, moment]),
        )

    def address(self) -> str | None:
        """Wait until it listens, and say where; None if it was killed before."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(rb"http://127\.0\.0\.1:\d+", line):
                return found[0].decode()
        return None

    def kill(self) -> None:
        """Kill it, if it still lives."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill it, and let go of its pipes; nobody waits for its address any more."""
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._complaints.close()

    @property
    def complaints(self) -> str:
        """What it wrote about its errors."""
        return Path(self._complaints.name).read_text(errors="replace")[-4_000:]


class Service(Heard):
    """A server, and clients who ask it for what the orders say."""

    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self.created: dict[str, int] = {}
        """The graphs whose creation was acknowledged, and their versions."""
        self._orders = orders
        self._server = Server(
            Path(orders.folder),
            *("--durability", orders.durability),
            seed=orders.seed,
            life=orders.life,
            moment=orders.moment,
        )
        self._clients = threading.Thread(target=self._ask, daemon=True)
        self._clients.start()

    def kill(self) -> None:
        self._server.kill()
        self._clients.join()
        self._server.close()

    @property
    def complaints(self) -> str:
        return self._server.complaints

    # -- clients, in a thread of their own ------------------------------------------------

    def _ask(self) -> None:
        self.hear(b"opening")
        try:
            if address := self._server.address():
                self.hear(b"ready")
                asyncio.run(self._clients_of(address))
                self.hear(b"finished")
        except AWAY:
            pass
        except BaseException:  # noqa: BLE001  # the test is to hear of it
            self.said.append(f"complaint {traceback.format_exc()}")
        finally:
            self.hear_no_more()

    async def _clients_of(self, address: str) -> None:
        orders = self._orders
        async with httpx2.AsyncClient(base_url=address, timeout=30) as client:
            for name in {fixture_of(each).graph.name for each in orders.begin}:
                made = await self._done(client, "/api/v1/graph/create", GRAPHS[name].document)
                self.created[name] = made["version"]
            async with asyncio.TaskGroup() as tasks:
                for run_id in (*orders.begin, *orders.follow):
                    tasks.create_task(self._while_it_lives(client, address, run_id))
            while await self._unfinished(client):  # noqa: ASYNC110  # nobody tells of all runs
                await asyncio.sleep(0.02)

    async def _done(self, client: httpx2.AsyncClient, path: str, body: object) -> Any:
        answer = await client.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def _unfinished(self, client: httpx2.AsyncClient) -> bool:
        return bool((await client.get("/api/v1/runs?status=running&limit=1")).json()["runs"])

    async def _while_it_lives(self, client: httpx2.AsyncClient, address: str, run_id: str) -> None:
        """See to a run until the server is killed: nobody is cancelled, so all connections end."""
        with suppress(*AWAY):
            await self._see_to(client, address, run_id)

    async def _see_to(self, client: httpx2.AsyncClient, address: str, run_id: str) -> None:
        """Begin a run, unless it is there, follow it to its end, and resume it if it pauses."""
        fixture = fixture_of(run_id)
        if run_id in self._orders.begin:
            if fixture.patch:
                await self._mend(client, run_id)
                self._say(f"started {run_id}")
            else:
                await self._begin(client, run_id)
        url = f"{address.replace('http', 'ws')}/api/v1/ws/workflow/{run_id}"
        async with connect(url, close_timeout=0.1) as stream:
            with suppress(ConnectionClosed):  # it is closed after the last entry
                async for line in stream:
                    said = json.loads(line)
                    if "ephemeral" not in said:
                        self._say(f"entry {run_id} {line!s}")
                        if said["type"] == "run.paused":
                            await self._resume(client, run_id)
            if stream.close_code == 1000:
                self._say(f"ended {run_id}")

    def _say(self, line: str) -> None:
        self.hear(line.encode())

    async def _begin(self, client: httpx2.AsyncClient, run_id: str) -> None:
        fixture = fixture_of(run_id)
        wanted = {
            "graph_id": fixture.graph.name,
            "run_id": run_id,
            "initial_state": {},
            "breakpoints": msgspec.to_builtins(fixture.breakpoints),
        }
        answer = await client.post("/api/v1/graph/run", json=wanted)
        assert answer.status_code in (202, 409), answer.text
        self._say(f"started {run_id}")  # be it by somebody else

    async def _mend(self, client: httpx2.AsyncClient, run_id: str) -> None:
        origin = origin_of(run_id)
        await self._begin(client, origin)
        url = f"/api/v1/runs/{origin}/events"
        async with client.stream("GET", url) as events:  # it ends with the run
            await events.aread()
        wanted = {"patch": fixture_of(run_id).patch, "run_id": run_id, "keep_keys": True}
        answer = await client.post(f"/api/v1/runs/{origin}/fork", json=wanted)
        assert answer.status_code in (201, 202, 409), answer.text

    async def _resume(self, client: httpx2.AsyncClient, run_id: str) -> None:
        answer = await client.post(f"/api/v1/runs/{run_id}/resume")
        if answer.is_success:
            caused = json.dumps(answer.json()["entry"], separators=(",", ":"), ensure_ascii=False)
            self._say(f"entry {run_id} {caused}")
        else:  # the entry was an old one, and somebody has resumed it since
            assert answer.status_code == 409, answer.text
