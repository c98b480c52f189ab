"""A server in a process of its own, which says what CPU time it has used.

This module knows the API as it is served, and a bare Starlette route beside it. It does not
know who asks it, nor what is measured. It says where it is, and then does what it is told on
its standard input, a line each, and answers with a line of JSON:

- `run N`: start a run of N nodes behind a gate; its name;
- `go`: begin to count, and open the gate;
- `used`: the CPU seconds since `go`, once the last node has begun, with which the run then ends;
- `alone N`: the CPU seconds of N runs of three nodes, started one after the other by the
  engine, without HTTP;
- `cpu`: all CPU seconds so far;
- `over`: all CPU seconds until no run went on any more.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from api.app import create_app
from api.server import Server
from benchmarks.workloads import TOOLS, chain
from engine import Engine, GraphBuilder

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from engine import Graph, RunHandle

SHORT: Final = chain(3)
"""What `POST /graph/run` runs."""

BARE: Final = "/bare"
"""A route that reads a body, and answers as many bytes as `POST /graph/run` does."""

_ANSWER: Final = b'{"run_id":"0123456789abcdef0123","status":"running","seq":2}'
_HEADERS: Final = {"Location": "/api/v1/graph/state/0123456789abcdef0123"}


def gated(length: int) -> Graph:
    """Give a straight line of nodes between one that waits for a word and one that gives one."""
    builder = GraphBuilder(f"gated-{length}").node("gate", "gate").limits(max_visits=length + 2)
    for i in range(length):
        builder.node(f"n{i}", "note").edge(f"n{i - 1}" if i else "gate", f"n{i}")
    return builder.node("last", "rest").edge(f"n{length - 1}", "last").build()


async def bare(request: Request) -> Response:
    """Read a body, and answer."""
    await request.body()
    return Response(_ANSWER, 202, _HEADERS, media_type="application/json")


class Beside(Starlette):
    """A bare application, with ours beside it for all but one path."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(routes=[Route(BARE, bare, methods=["POST"])])
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let ours do it."""
        if scope.get("path") == BARE:
            await super().__call__(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Work:
    """What the server is told to do."""

    def __init__(self) -> None:
        self.engine = Engine(tools=[*TOOLS, self.gate, self.rest])
        self._gate = asyncio.Event()
        self._there = asyncio.Event()
        self._over = asyncio.Event()
        self._run: RunHandle | None = None
        self._began = 0.0

    async def gate(self) -> None:
        """Wait until everybody is there."""
        await self._gate.wait()

    async def rest(self) -> None:
        """Say that the run is here, and wait until what it has used is known."""
        self._there.set()
        await self._over.wait()

    async def told(self, word: str, *values: str) -> object:
        """Do what a line says."""
        match word:
            case "run":
                for event in (self._gate, self._there, self._over):
                    event.clear()
                graph = await self.engine.create(gated(int(values[0])))
                self._run = await self.engine.start(graph)
                return self._run.id
            case "go":
                gc.collect()
                self._began = time.process_time()
                self._gate.set()
                return None
            case "used":
                return await self._used()
            case "alone":
                return await self._alone(int(values[0]))
            case "over":
                return await self._over_with_all()
            case _:
                return time.process_time()

    async def _used(self) -> float:
        await self._there.wait()
        used = time.process_time() - self._began
        self._over.set()
        if self._run is not None:
            await self._run.rest()
        return used

    async def _over_with_all(self) -> float:
        while True:
            used = time.process_time()  # before the look that finds none, which is ours
            going_on = await self.engine.runs(status=("running",), limit=1)
            if not going_on:
                return used
            await (await self.engine.find(going_on[0].run_id)).rest()

    async def _alone(self, runs: int) -> float:
        graph = await self.engine.create(SHORT)
        gc.collect()
        began = time.process_time()
        for _ in range(runs):
            run = await self.engine.start(graph)
            await run.rest()
        return time.process_time() - began


async def main() -> None:
    """Serve, until there is nobody to tell us anything."""
    gc.disable()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop = asyncio.get_running_loop()
    work = Work()
    app = Beside(create_app(work.engine, graphs_to_create=[SHORT.document]))
    server = Server(app, host="127.0.0.1", port=0, listening=lambda at: print(at, flush=True))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await work.told(*line.split())), flush=True)
        server.should_exit = True


if __name__ == "__main__":
    from benchmarks.__main__ import LOOP

    with asyncio.Runner(loop_factory=LOOP) as runner:
        runner.run(main())
