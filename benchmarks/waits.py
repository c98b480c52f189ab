"""How long things wait for each other: stalls of the loop, sleeping branches, fast branches.

This module knows the wall clock, which is noisy on a machine that has other work. So each
figure has beside it what the same machine took for the bare thing in the same round, or the
time that the loop itself was computing.
"""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Final

from benchmarks import bare
from benchmarks.rounds import Rounds
from benchmarks.table import Line, Section, over
from benchmarks.workloads import NAP, TOOLS, check, fan_out, long_nap, loop, nap
from engine import Engine, Graph, GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = Rounds(most=7, seconds=10)
BUSY: Final = 1_000
"""Runs that never wait for anything."""

AT_ONCE: Final = 20
"""Of them are started in one turn of the loop."""

BUSY_FOR: Final = 0.5
"""Seconds that all of them are busy."""

BRANCHES: Final = 100


class Turns:
    """Looks at the clocks in every turn of the loop.

    Attributes:
        wall: The longest turn in seconds, from one callback to the next.
        cpu: The same, counting only what this thread computed.
    """

    def __init__(self) -> None:
        self.wall = 0.0
        self.cpu = 0.0
        self._loop = asyncio.get_running_loop()
        self._last = (time.perf_counter(), time.thread_time())
        self._next = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self.wall = max(self.wall, now[0] - self._last[0])
        self.cpu = max(self.cpu, now[1] - self._last[1])
        self._last = now
        self._next = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Look no more."""
        self._next.cancel()


async def stall() -> Turns:
    """Watch the loop while many runs begin and then are busy, none of which ever waits."""
    async with Engine(tools=TOOLS) as engine:
        graph = await engine.create(loop(1_000_000, cel=False))
        gc.collect()
        turns = Turns()
        for count in range(BUSY):
            await engine.start(graph, {"n": 0})
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(BUSY_FOR)
        turns.stop()
        return turns


async def sleepers() -> float:
    """Give the seconds of a run of many branches, each of which sleeps for a moment."""
    async with Engine(tools=TOOLS) as engine:
        graph = await engine.create(fan_out(BRANCHES, "nap"))
        await engine.run(graph)
        gc.collect()
        began = time.perf_counter()
        await engine.run(graph)
        return time.perf_counter() - began


def fork() -> Graph:
    """Give a fast branch with a node after it, and a slow sibling."""
    builder = GraphBuilder("fork").node("split", check).edge("split", ["fast", "slow"])
    builder.node("fast", nap).node("slow", long_nap).node("after").edge("fast", "after")
    return builder.build()


async def fast_branch() -> float:
    """Give the seconds from the start of a run to the node after its fast branch."""
    came: list[float] = []

    async def after() -> None:
        came.append(time.perf_counter())

    async with Engine(tools=[*TOOLS, after]) as engine:
        graph = await engine.create(fork())
        await engine.run(graph)
        began = time.perf_counter()
        await engine.run(graph)
        return came[-1] - began


async def measure(rounds: Rounds) -> list[Section]:
    """Measure all of them, in turns."""
    turns: list[Turns] = []
    branches: list[tuple[float, float]] = []
    fast: list[tuple[float, float]] = []
    for _ in rounds:
        turns.append(await stall())
        branches.append((await sleepers(), await bare.pause(NAP, tasks=BRANCHES)))
        fast.append((await fast_branch(), await bare.pause(NAP)))
    return [
        Section(
            "How long things wait for each other",
            [
                Line(
                    f"longest turn of the loop, {BUSY:,} busy runs, computing",
                    [each.cpu * 1e3 for each in turns],
                    "ms",
                    goal=20,
                ),
                Line(
                    "  the same by the wall clock",
                    [each.wall * 1e3 for each in turns],
                    "ms",
                    note="with what else this machine did meanwhile",
                ),
                _beside_bare(f"{BRANCHES} branches that sleep 10 ms", branches, 1.15),
                _beside_bare("node after a 10 ms branch, sibling 200 ms", fast, 1.1),
            ],
        )
    ]


def _beside_bare(what: str, pairs: Sequence[tuple[float, float]], goal: float) -> Line:
    ours, ideal = zip(*pairs, strict=True)
    return Line(
        what,
        [seconds * 1e3 for seconds in ours],
        "ms",
        over(ours, ideal),
        goal,
        note="over bare tasks that sleep as long",
    )
