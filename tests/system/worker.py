"""A process that executes runs, says what it was told of them, and expects to be killed.

`python -m tests.system.worker`, with what it is to do as JSON on its standard input; or a
child of `nursery`. It says one thing a line: `opening`, `ready` when the engine is up,
`started RUN` when a start returned, `entry RUN LINE` when a tail yielded, `ended RUN` when a
result did, and `finished` when no run is left that goes on by itself. Whatever it has said
must be true for ever.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine import (
    AnyEntry,
    Engine,
    PostgresStore,
    Refused,
    RunCancelled,
    RunExists,
    RunFailed,
    RunHandle,
    SQLiteStore,
    StoreClosed,
    SystemClock,
)
from engine.entry import encode
from engine.hosts.local import rested
from tests.system.fixtures import GRAPHS, MOMENT, Effects, chance, fixture_of, origin_of
from tests.system.mortal import Side, dying

if TYPE_CHECKING:
    from engine import Row, RunId, RunRecord, Seq, Store
    from engine.store import Kept


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
    moment: float = MOMENT
    """Seconds that a tool waits at most, twice."""
    ahead: float = 0.0
    """Seconds that the clock is ahead of the machine's."""
    dies: tuple[int, Side] | None = None
    """The commit at which it kills itself, and on which side of it."""
    hasty: bool = False
    """Whether its store says that a batch is kept as soon as it was handed over."""
    postgres: str = ""
    """The database that runs are kept in; none: a file of SQLite."""


class Ahead:
    """A clock that is ahead of the machine's."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)
        self._clock = SystemClock()

    def now(self) -> datetime:
        """Give the time."""
        return self._clock.now() + self._ahead


class _Hasty:
    """Makes a store promise what it has not done yet."""

    def append(
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Kept,  # noqa: ARG002  # that is what is wrong with it
        record: RunRecord | None = None,
    ) -> bool:
        """Say that a batch is kept, and hand it over a little later."""
        hand_over = super().append  # type: ignore[misc]  # that of the store

        def append() -> None:
            with suppress(StoreClosed):
                hand_over(run_id, row, expected=expected, kept=lambda _: None, record=record)

        asyncio.get_running_loop().call_later(0.01, append)
        return True


class HastyStore(_Hasty, SQLiteStore):
    """A file that promises too much."""


class HastyPostgresStore(_Hasty, PostgresStore):
    """A database that promises too much."""


def say(line: str) -> None:
    """Say something, at once."""
    os.write(1, f"{line}\n".encode())


def say_entry(run: RunHandle, caused: AnyEntry) -> None:
    """Say what a command did."""
    say(f"entry {run.id} {encode(caused).decode()}")


class Worker:
    """What is done about the runs of one life.

    Args:
        orders: What is asked.
        engine: Which has begun to work.
    """

    def __init__(self, orders: Orders, engine: Engine) -> None:
        self._orders = orders
        self._engine = engine

    async def see_to(self, run_id: str) -> None:
        """Begin or find a run, and follow it to its end."""
        fixture = fixture_of(run_id)
        if run_id in self._orders.follow:
            run = await self._engine.find(run_id)
        else:
            run = await (self._mend(run_id) if fixture.patch else self._begin(run_id))
            say(f"started {run_id}")
        async with asyncio.TaskGroup() as tasks:
            if not fixture.rests:
                tasks.create_task(self._follow(run))
            if run_id in self._orders.meddle:
                tasks.create_task(self._meddle(run))
            if fixture.breakpoints:
                tasks.create_task(self._attend(run))

    async def _begin(self, run_id: str) -> RunHandle:
        """Start a run, unless it is there."""
        fixture = fixture_of(run_id)
        try:
            return await self._engine.start(
                fixture.graph.name, run_id=run_id, breakpoints=fixture.breakpoints
            )
        except RunExists:
            return await self._engine.find(run_id)

    async def _mend(self, run_id: str) -> RunHandle:
        """Fork a run that fails, unless that was done, so that it does not."""
        origin = await self._begin(origin_of(run_id))
        with suppress(RunFailed):
            await origin.result()
        try:
            return await origin.fork(run_id=run_id, patch=fixture_of(run_id).patch, keep_keys=True)
        except RunExists:
            return await self._engine.find(run_id)

    async def _follow(self, run: RunHandle) -> None:
        """Say what the log of a run has, to its end."""
        async for line in run.lines():
            say(f"entry {run.id} {line.decode()}")
        await self._hear_of_the_end(run)

    async def _hear_of_the_end(self, run: RunHandle) -> None:
        with suppress(RunFailed, RunCancelled):
            await run.result()
        say(f"ended {run.id}")

    async def _attend(self, run: RunHandle) -> None:
        """Resume a run as often as it pauses."""
        while True:
            await run.rest()
            if (await run.snapshot()).status != "paused":
                break
            with suppress(Refused):  # somebody else did
                say_entry(run, await run.resume())
        await self._hear_of_the_end(run)

    async def _meddle(self, run: RunHandle) -> None:
        """Pause a run for a moment, unless it is over before; one that is paused is resumed."""
        orders = self._orders
        seconds = 4 * orders.moment * chance(orders.seed, orders.life, run.id, "meddle")
        with suppress(Refused):
            if (await run.snapshot()).status != "paused":
                await asyncio.sleep(seconds)
                say_entry(run, await run.pause())
                await asyncio.sleep(seconds / 4)
            say_entry(run, await run.resume())


async def work(orders: Orders) -> None:
    """Do what was asked, until no run goes on by itself."""
    rested.RESTING = 0  # type: ignore[misc]  # whatever rests leaves memory at once
    folder = Path(orders.folder)
    effects = Effects(folder / "effects", orders.seed, orders.life, orders.moment)
    clock = Ahead(orders.ahead)
    kind = HastyStore if orders.hasty else SQLiteStore
    path = folder / "runs.db"
    store: Store
    if orders.postgres:
        store = (HastyPostgresStore if orders.hasty else PostgresStore)(orders.postgres)
    else:
        store = kind(path) if orders.dies is None else kind(path, connect=dying(*orders.dies))
    say("opening")
    async with Engine(
        store=store, tools=effects.tools, clock=clock, durability=orders.durability
    ) as engine:
        for name in {fixture_of(each).graph.name for each in (*orders.follow, *orders.begin)}:
            await engine.create(GRAPHS[name])
        say("ready")
        worker = Worker(orders, engine)
        async with asyncio.TaskGroup() as tasks:
            for run_id in (*orders.follow, *orders.begin):
                tasks.create_task(worker.see_to(run_id))
        while await goes_on(engine, store, clock):  # noqa: ASYNC110  # nobody tells of all runs
            await asyncio.sleep(0.001)
    say("finished")


async def goes_on(engine: Engine, store: Store, clock: Ahead) -> bool:
    """Tell whether any run goes on, or rests for no longer than somebody would wait."""
    soon = clock.now() + timedelta(seconds=5)
    for record in await store.due(limit=1_000):
        if record.due is None or record.due > soon:
            return False  # and so are all that follow
        # One that rests in memory is due in the store: if we died, it would have to be read.
        waiting = (await (await engine.find(record.run_id)).snapshot()).waiting
        if not waiting or any(each.until is None or each.until <= soon for each in waiting):
            return True
    return False


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # whoever listened is gone
        asyncio.run(work(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)))
