"""How long an engine takes to begin on a store that has runs which have not ended.

This module knows stores with runs that rest until a time, and with runs that were cut short.
The former are to cost nothing however many they are; each of the latter is read and driven.
"""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.rounds import Rounds
from benchmarks.table import Line, Section, over
from benchmarks.workloads import TOOLS
from engine import BEGINNING, Engine, GraphBuilder, Retry, RunId, SQLiteStore, ToolError
from engine.row import Row

if TYPE_CHECKING:
    from engine import EngineError

ROUNDS: Final = Rounds(most=3, seconds=30, least=1)

PARKED: Final = 100_000
"""Runs that are tried again in an hour."""

QUICK: Final = 1_000
"""So many where one round is enough."""

CUT_SHORT: Final = 1_000

AT_ONCE: Final = 1_000
"""Runs that are begun before the last is waited for."""

HOUR: Final = 3_600.0

TEMPLATE: Final = "the-one-that-came-to-rest-itself"
"""Its name stands nowhere else in its log."""


async def busy() -> None:
    """Fail."""
    raise ToolError("come again", code="BUSY")


async def forever() -> None:
    """Wait for what never comes."""
    await asyncio.Event().wait()


PATIENT: Final = (
    GraphBuilder("patient")
    .node("n0", "note")
    .node("busy", retry=Retry(max_attempts=2, delay=HOUR, max_delay=HOUR, jitter=0))
    .edge("n0", "busy")
    .build()
)

ENDLESS: Final = (
    GraphBuilder("endless")
    .node("n0", "note")
    .node("forever", max_parallel=CUT_SHORT)
    .edge("n0", "forever")
    .build()
)


def engine_on(path: Path) -> Engine:
    """Make an engine on a file."""
    return Engine(tools=[*TOOLS, busy, forever], store=SQLiteStore(path))


async def begin(path: Path) -> float:
    """Give the seconds until an engine is there, and everything that is due is driven."""
    gc.collect()
    began = time.perf_counter()
    async with engine_on(path):
        return time.perf_counter() - began


async def cut_short(path: Path, runs: int) -> None:
    """Leave runs whose tool is being called."""
    async with engine_on(path) as engine:
        graph = await engine.create(ENDLESS)
        for number in range(runs):
            await engine.start(graph, run_id=f"cut-{number}")


async def park(path: Path, runs: int) -> None:
    """Leave runs that rest until a time: one that came to it, and others with the same log."""
    async with engine_on(path) as engine:
        run = await engine.start(PATIENT, run_id=TEMPLATE)
        while not (waiting := (await run.snapshot()).waiting):  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
    store = SQLiteStore(path)
    await store.open()
    rows, (record,) = await store.read(run.id), await store.runs()
    record = replace(record, due=waiting[0].until)
    left = asyncio.Semaphore(AT_ONCE)

    def kept(error: EngineError | None) -> None:
        if error is not None:
            raise error
        left.release()

    for number in range(runs):
        name = RunId(f"parked-{number}")
        expected = BEGINNING
        for row in rows:
            await left.acquire()
            same = Row.read(row.data.replace(TEMPLATE.encode(), name.encode()))
            first = replace(record, run_id=name) if expected == BEGINNING else None
            store.append(name, same, expected=expected, kept=kept, record=first)
            expected = row.last
    await store.close()


async def measure(rounds: Rounds) -> list[Section]:
    """Measure the start on an empty store, beside runs that rest, and with runs cut short."""
    parked = PARKED if rounds.most > 1 else QUICK
    interrupted = min(parked, CUT_SHORT)
    empty: list[float] = []
    beside: list[float] = []
    driven: list[float] = []
    with TemporaryDirectory(prefix="awe-bench-") as folder:
        nothing, many = Path(folder) / "nothing.db", Path(folder) / "many.db"
        await park(nothing, 0)
        await park(many, parked)
        for _ in rounds:
            empty.append(await begin(nothing))
            beside.append(await begin(many))
        await cut_short(many, interrupted)
        driven += [await begin(many) for _ in rounds]
    each = [(some - none) / interrupted * 1e6 for some, none in zip(driven, beside, strict=True)]
    return [
        Section(
            f"Start of an engine on SQLite, {parked:,} runs resting, {interrupted:,} cut short",
            [
                Line("nothing in the store", [second * 1e3 for second in empty], "ms"),
                Line(
                    "runs that rest, over nothing",
                    [second * 1e3 for second in beside],
                    "ms",
                    over(beside, empty),
                ),
                Line("runs that were cut short, too", [second * 1e3 for second in driven], "ms"),
                Line("for each of these", each, "us"),
            ],
        )
    ]
