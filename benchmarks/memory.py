"""What a run occupies while it does not go on.

This module knows `tracemalloc`, which counts what Python allocated, exactly and whoever else
is busy. SQLite's own cache is not in it, nor does it grow with the number of runs.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.rounds import Rounds
from benchmarks.starting import PATIENT, busy, forever
from benchmarks.table import Line, Section
from benchmarks.workloads import TOOLS, chain
from engine import Breakpoint, Engine, GraphBuilder, MemoryStore, SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine import Graph, GraphVersion, Store

ROUNDS: Final = Rounds(most=3, seconds=6, least=1)
"""Few: the count is exact."""

FIRST: Final = 50
"""Runs before those that are counted: what there is once for all is there then."""

MANY: Final = 300
"""So many that those counted after them push the first out of memory, where a host keeps some."""

RUNS: Final = 200

AT_REST: Final = 1_500
"""Bytes: the goal for a run that waits for somebody."""

PARKED: Final = 0
"""Bytes: what is in the store alone is nowhere else."""


def waiting() -> Graph:
    """Give a graph whose first node waits, in as many runs as there are."""
    builder = GraphBuilder("waiting").node("forever", max_parallel=MANY + RUNS)
    return (
        builder.node("n1", "note").edge("forever", "n1").node("n2", "note").edge("n1", "n2").build()
    )


async def paused(engine: Engine, graph: GraphVersion, runs: int) -> None:
    """Make runs that wait at a breakpoint for a person."""
    begun = [await engine.start(graph, breakpoints=[Breakpoint(node="n1")]) for _ in range(runs)]
    for run in begun:
        await run.rest()


async def patient(engine: Engine, _graph: GraphVersion, runs: int) -> None:
    """Make runs whose tool is called again in an hour."""
    begun = [await engine.start(PATIENT) for _ in range(runs)]
    for run in begun:
        while not (await run.snapshot()).waiting:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)


async def asleep(engine: Engine, graph: GraphVersion, runs: int) -> None:
    """Make runs whose tool waits."""
    for _ in range(runs):
        await engine.start(graph)
        await asyncio.sleep(0)


async def over(engine: Engine, graph: GraphVersion, runs: int) -> None:
    """Make runs that have ended, and that nobody holds."""
    begun = [await engine.start(graph) for _ in range(runs)]
    for run in begun:
        await run.result()


async def occupied(
    make: Callable[[Engine, GraphVersion, int], Awaitable[None]], store: Store, first: int
) -> float:
    """Give the bytes of one run of many."""
    shape = waiting() if make is asleep else chain(3)
    async with Engine(tools=[*TOOLS, busy, forever], store=store) as engine:
        graph = await engine.create(shape)
        tracemalloc.start()  # before the first: what leaves for those that come must be counted
        try:
            await make(engine, graph, first)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            await make(engine, graph, RUNS)
            await asyncio.sleep(0.02)  # whatever still tidies up
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        return (after - before) / RUNS


async def measure(rounds: Rounds) -> list[Section]:
    """Measure runs at rest, asleep and over, in both stores."""
    cases = (
        ("paused and in memory, its log in SQLite", paused, SQLiteStore, FIRST, AT_REST),
        ("paused and in memory, its log, too", paused, MemoryStore, FIRST, None),
        ("parked: paused, and in SQLite alone", paused, SQLiteStore, MANY, PARKED),
        ("parked: tried again in an hour, in SQLite alone", patient, SQLiteStore, MANY, PARKED),
        ("in a tool that waits, its log in SQLite", asleep, SQLiteStore, FIRST, None),
        ("over, its log in SQLite", over, SQLiteStore, MANY, None),
        ("over, its log in memory", over, MemoryStore, MANY, None),
    )
    found: dict[str, list[float]] = {what: [] for what, *_ in cases}
    for _ in rounds:
        for what, make, kind, first, _goal in cases:
            with TemporaryDirectory(prefix="awe-bench-") as folder:
                path = Path(folder) / "runs.db"
                store = SQLiteStore(path) if kind is SQLiteStore else MemoryStore()
                found[what].append(await occupied(make, store, first))
    return [
        Section(
            "Memory of a run of 3 nodes that does not go on",
            [Line(what, found[what], "bytes", goal=goal) for what, _, _, _, goal in cases],
        )
    ]
