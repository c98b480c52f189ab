"""A process that executes runs, says what it was told of them, and expects to be killed.

`python -m tests.system.worker`, with what it is to do as JSON on its standard input. It says
one thing a line: `opening`, `ready` when the engine is up, `started RUN` when a start
returned, `entry RUN LINE` when a tail yielded, `ended RUN` when a result did, and `finished`
when no run is left that goes on. Whatever it has said must be true for ever.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from engine import AnyEntry, Engine, Refused, RunExists, RunHandle, SQLiteStore
from engine.entry import encode
from tests.system.fixtures import GRAPHS, Effects, chance, graph_of


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to do."""

    folder: str
    seed: int
    life: int
    durability: str
    begin: list[str]
    """Runs to start, unless they are there already, and to follow to their ends."""
    follow: list[str]
    """Runs that are there, to be followed; others go on as well, and nobody watches them."""
    meddle: list[str]
    """Those of them that are paused and resumed meanwhile."""


def say(line: str) -> None:
    """Say something, at once."""
    os.write(1, f"{line}\n".encode())


async def begin(engine: Engine, run_id: str) -> RunHandle:
    """Start a run, unless it is there."""
    try:
        run = await engine.start(graph_of(run_id), run_id=run_id)
    except RunExists:
        run = await engine.find(run_id)
    say(f"started {run_id}")
    return run


async def follow(run: RunHandle) -> None:
    """Say what the log of a run has, to its end."""
    async for line in run.lines():
        say(f"entry {run.id} {line.decode()}")
    await run.result()
    say(f"ended {run.id}")


async def meddle(run: RunHandle, seconds: float) -> None:
    """Pause a run for a moment, unless it is over before; one that is paused is resumed."""
    with suppress(Refused):
        if (await run.snapshot()).status != "paused":
            await asyncio.sleep(seconds)
            say_entry(run, await run.pause())
            await asyncio.sleep(seconds / 4)
        say_entry(run, await run.resume())


def say_entry(run: RunHandle, caused: AnyEntry) -> None:
    """Say what a command did."""
    say(f"entry {run.id} {encode(caused).decode()}")


async def work(orders: Orders) -> None:
    """Do what was asked, until no run goes on."""
    folder = Path(orders.folder)
    effects = Effects(folder / "effects", orders.seed, orders.life)
    say("opening")
    async with Engine(
        store=SQLiteStore(folder / "runs.db"),
        tools=[effects.act, effects.block, effects.count, effects.insist],
        durability=orders.durability,
    ) as engine:
        for graph in GRAPHS.values():
            await engine.create(graph)
        say("ready")
        async with asyncio.TaskGroup() as tasks:

            async def see_to(run_id: str) -> None:
                known = run_id in orders.follow
                run = await (engine.find(run_id) if known else begin(engine, run_id))
                tasks.create_task(follow(run))
                if run_id in orders.meddle:
                    await meddle(run, 0.4 * chance(orders.seed, orders.life, run_id, "meddle"))

            for run_id in (*orders.follow, *orders.begin):
                tasks.create_task(see_to(run_id))
        while await engine.runs(status=["running"]):  # noqa: ASYNC110  # nobody tells of all runs
            await asyncio.sleep(0.01)
    say("finished")


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # whoever listened is gone
        asyncio.run(work(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)))
