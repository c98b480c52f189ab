"""A process that executes runs whose results are kept in a Redis that may vanish.

`python -m tests.system.redis_worker`, with what it is to do as JSON on its standard input. It
says one thing a line: `ready`, `started RUN`, `ended RUN STATE`, and `finished` when all have.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from engine import Context, Engine, Graph, RedisCache, RunExists, SQLiteStore

if TYPE_CHECKING:
    from engine import Json, RunHandle

ROUNDS: Final = 40
"""Results that each run of `rounds` needs, one after the other."""

KINDS: Final = 4
"""Runs begin at so many different numbers: those that begin at the same need the same."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to do."""

    folder: str
    """Where the tools leave their marks."""
    store: str
    redis: str
    graph: str
    runs: list[str]
    """To be started, unless they are there already, and followed to their ends."""


GRAPHS: Final = {
    "rounds": Graph.parse(
        {
            "name": "rounds",
            "nodes": {"work": {"cache": {"ttl": 60}}, "add": None},
            "edges": {"work": "add", "add": [{"when": "left > 0", "to": "work"}, {"to": None}]},
            "entry": "work",
            "state": {"defaults": {"total": 0, "left": ROUNDS}},
        }
    ),
    "once": Graph.parse({"name": "once", "nodes": {"hold": {"cache": {}}}}),
}


def begins_at(run_id: str) -> int:
    """Say which number a run begins at."""
    return 1_000 * (int(run_id.rpartition("-")[2]) % KINDS)


def total_of(run_id: str) -> int:
    """Say what a run of `rounds` comes to, whatever happens."""
    return sum(i * i for i in range(begins_at(run_id), begins_at(run_id) + ROUNDS))


class Marks:
    """Leaves marks that outlive the process: lines of a file, each written at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = os.open(folder / "marks", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def leave(self, what: str) -> None:
        """Leave one."""
        os.write(self._file, f"{os.getpid()} {what}\n".encode())

    async def work(self, i: int) -> dict[str, Json]:
        """Work out what follows from a number."""
        self.leave(str(i))
        await asyncio.sleep(0.05)
        return {"square": i * i}

    async def hold(self, context: Context) -> dict[str, Json]:
        """Wait until somebody makes the file `go`."""
        self.leave(context.node)
        while not (self._folder / "go").exists():  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0.01)
        return {"by": os.getpid()}


def add(i: int, square: int, total: int, left: int) -> dict[str, Json]:
    """Add what was worked out."""
    return {"i": i + 1, "total": total + square, "left": left - 1}


def say(line: str) -> None:
    """Say something, at once."""
    os.write(1, f"{line}\n".encode())


async def follow(run: RunHandle) -> None:
    """Say how a run ends."""
    state = await run.result()
    say(f"ended {run.id} {msgspec.json.encode(state).decode()}")


async def work(orders: Orders) -> None:
    """Do what was asked."""
    marks = Marks(Path(orders.folder))
    async with Engine(
        store=SQLiteStore(orders.store),
        tools=[marks.work, marks.hold, add],
        cache=RedisCache(orders.redis, pause=0.2, lease=1.0),
    ) as engine:
        for graph in GRAPHS.values():
            await engine.create(graph)
        say("ready")
        async with asyncio.TaskGroup() as tasks:
            for run_id in orders.runs:
                try:
                    run = await engine.start(orders.graph, {"i": begins_at(run_id)}, run_id=run_id)
                except RunExists:
                    run = await engine.find(run_id)
                say(f"started {run_id}")
                tasks.create_task(follow(run))
    say("finished")


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # whoever listened is gone
        asyncio.run(work(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)))
