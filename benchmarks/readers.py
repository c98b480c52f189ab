"""What a subscriber and a thread add to a hop.

This module knows readers of a log in this process, and plain functions as tools. Sockets are
measured elsewhere.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Final, Literal

from benchmarks import bare
from benchmarks.rounds import Rounds
from benchmarks.table import Line, Section, over
from benchmarks.workloads import TOOLS, chain
from engine import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROUNDS: Final = Rounds(most=9, seconds=8)
NODES: Final = 400
THREADED: Final = 100
"""Nodes whose tool runs in a thread."""

Kind = Literal["tail", "lines"]


async def _count(entries: AsyncIterator[object]) -> int:
    count = 0
    async for _ in entries:
        count += 1
    return count


async def streamed(kind: Kind | None) -> tuple[float, int]:
    """Give the CPU seconds of a run with one reader of its log, or none; and its entries."""
    async with Engine(tools=TOOLS) as engine:
        graph = await engine.create(chain(NODES))
        await engine.run(graph)
        gc.collect()
        began = time.process_time()
        run = await engine.start(graph)
        async with asyncio.TaskGroup() as tasks:
            if kind is not None:
                tasks.create_task(_count(run.tail() if kind == "tail" else run.lines()))
            await run.result()
        taken = time.process_time() - began
        return taken, await run.last() + 1


async def threaded() -> float:
    """Give the CPU seconds of a hop to a node whose tool runs in a thread."""
    async with Engine(tools=TOOLS) as engine:
        graph = await engine.create(chain(THREADED, "plain"))
        await engine.run(graph)
        gc.collect()
        began = time.process_time()
        await engine.run(graph)
        return (time.process_time() - began) / THREADED


async def measure(rounds: Rounds) -> list[Section]:
    """Measure all of them, in turns."""
    kinds: tuple[Kind, ...] = ("tail", "lines")
    added: dict[str, list[float]] = {kind: [] for kind in kinds}
    threads: list[tuple[float, float]] = []
    for _ in rounds:
        for kind in kinds:
            alone, entries = await streamed(None)
            watched, _ = await streamed(kind)
            again, _ = await streamed(None)
            added[kind].append((watched - (alone + again) / 2) / entries * 1e6)
        threads.append((await threaded(), await bare.thread_hop()))
    hops, floor = zip(*threads, strict=True)
    return [
        Section(
            "CPU that readers and threads add",
            [
                Line("one subscriber, as entries, added per entry", added["tail"], "us", goal=1),
                Line("one subscriber, as lines of JSON, added per entry", added["lines"], "us"),
                Line("a bare run_in_executor, there and back", [h * 1e6 for h in floor], "us"),
                Line(
                    "hop to a plain function in a thread",
                    [hop * 1e6 for hop in hops],
                    "us",
                    over(hops, floor),
                    note="over the bare one",
                ),
            ],
        )
    ]
