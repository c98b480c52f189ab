"""A server in a process of its own, which says what CPU time it has used.

This module knows the API as it is served, and a bare Starlette route beside it. It does not
know who asks it, nor what is measured. It is told what to do on its standard input, a word a
line, and answers each with a line of JSON:

- `run N`: start a run of N nodes behind a gate; answers with its name;
- `go`: begin to count, and open the gate;
- `cpu`: the CPU seconds since `go`, once the run has ended;
- `used`: all CPU seconds so far.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from api.app import create_app
from api.server import Server
from benchmarks.workloads import TOOLS, chain
from engine import Engine, GraphBuilder

if TYPE_CHECKING:
    from starlette.requests import Request

    from engine import Graph, RunHandle

ANSWER: Final = b'{"run_id":"0123456789abcdef0123","status":"running","seq":2}'
"""What the bare route answers: as many bytes as `POST /graph/run` does."""


def gated(length: int) -> Graph:
    """Give a straight line of nodes that begins when a gate is opened."""
    builder = GraphBuilder(f"gated-{length}").node("gate", "gate").limits(max_visits=length + 1)
    for i in range(length):
        builder.node(f"n{i}", "note").edge(f"n{i - 1}" if i else "gate", f"n{i}")
    return builder.node("last", "rests").edge(f"n{length - 1}", "last").build()


async def bare(request: Request) -> Response:
    """Read a body, and answer."""
    await request.body()
    return Response(ANSWER, 202, media_type="application/json")


class Work:
    """What the server is told to do."""

    def __init__(self) -> None:
        self._gate = asyncio.Event()
        self.engine = Engine(tools=[*TOOLS, self.gate, self.rests])
        self._rest = asyncio.Event()
        self._there = asyncio.Event()
        self._run: RunHandle | None = None
        self._began = 0.0

    async def gate(self) -> None:
        """Wait until everybody is there."""
        await self._gate.wait()

    async def rests(self) -> None:
        """Wait until what was done before has been looked at."""
        self._there.set()
        await self._rest.wait()

    async def told(self, word: str, *values: str) -> object:
        """Do what a line says."""
        match word:
            case "run":
                self._gate.clear()
                self._rest.clear()
                self._there.clear()
                graph = await self.engine.create(gated(int(values[0])))
                self._run = await self.engine.start(graph)
                return self._run.id
            case "go":
                gc.collect()
                self._began = time.process_time()
                self._gate.set()
                return None
            case "cpu":
                assert self._run is not None
                await self._there.wait()
                used = time.process_time() - self._began
                self._rest.set()
                while (await self._run.record()).status == "running":
                    await asyncio.sleep(0.05)
                return used
            case _:
                return time.process_time()


async def main() -> None:
    """Serve, until there is nobody to tell us anything."""
    gc.disable()
    loop = asyncio.get_running_loop()
    work = Work()
    app = create_app(work.engine)
    app.router.routes.insert(0, Route("/bare", bare, methods=["POST"]))
    server = Server(app, host="127.0.0.1", port=0, listening=lambda it: print(it, flush=True))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await work.told(*line.split())), flush=True)
            if line.startswith("graphs"):
                await work.engine.create(chain(3))
        server.should_exit = True


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
