"""What a hop from node to node costs the CPU, and how that grows.

This module knows which workloads are compared with what. It does not know what a hop is made
of: `benchmarks.core` measures the decisions alone.

The goals are ratios to a bare asyncio.Queue hop of the same round. Where the goal is to be so
many times as fast as another engine (fan-out, many runs), the figure of that engine stands
in hops, too: its microseconds over those of the bare hop beside it. They were taken on CPython
3.12 with uvloop: langgraph 1.2, per branch 160 us, per node of many runs 402; the best peers
63 (haystack) and 9.4 (classic pydantic-graph); a bare hop 1.84.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import TYPE_CHECKING, Final

from benchmarks import bare
from benchmarks.rounds import QUICK, Rounds
from benchmarks.table import Line, Section, over
from benchmarks.workloads import TOOLS, Workload, chain, fan_out, loop
from engine import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROUNDS: Final = Rounds(most=9, seconds=35)

# Before 3.12 a task can't begin at once, and a task alone costs more than a bare hop.
EAGER: Final = sys.version_info >= (3, 12)
CHAIN: Final = 2.7 if EAGER else 4.5
LOOP: Final = 3.0 if EAGER else 4.5

BARE: Final = 1.84
FAN_OUT: Final = min(160 / 20, 63 / 8) / BARE
MANY_RUNS: Final = min(402 / 80, 37 / 8, 9.4 / 2) / BARE


def workloads() -> list[tuple[Workload, float | None]]:
    """List what is measured, each with its goal in bare hops."""
    zero, late = {"n": 0}, {"n": 9_900}
    return [
        (Workload("chain of 10, per node", chain(10), 10, runs=40), None),
        (Workload("chain of 100, per node", chain(100), 100, runs=6), CHAIN),
        (Workload("chain of 400, per node", chain(400), 400, runs=2), None),
        (Workload("loop of 100, Python, per node", loop(100, cel=False), 200, zero, runs=3), None),
        (Workload("loop of 1,000, Python, per node", loop(1_000, cel=False), 2_000, zero), LOOP),
        (
            Workload(
                "loop of 10,000, Python, per node", loop(10_000, cel=False), 20_000, zero, late, 200
            ),
            None,
        ),
        (Workload("loop of 100, CEL, per node", loop(100, cel=True), 200, zero, runs=3), None),
        (Workload("loop of 1,000, CEL, per node", loop(1_000, cel=True), 2_000, zero), LOOP),
        (
            Workload(
                "loop of 10,000, CEL, per node", loop(10_000, cel=True), 20_000, zero, late, 200
            ),
            None,
        ),
        (Workload("fan-out 10 and join, per branch", fan_out(10), 10, runs=40), None),
        (Workload("fan-out 100 and join, per branch", fan_out(100), 100, runs=6), FAN_OUT),
        (Workload("fan-out 400 and join, per branch", fan_out(400), 400, runs=2), None),
        (Workload("fan-out 4,000 and join, per branch", fan_out(4_000), 4_000), None),
        (
            Workload(
                "1,000 runs at once of 10 nodes, per node", chain(10), 10, runs=1_000, at_once=True
            ),
            MANY_RUNS,
        ),
    ]


GROWTH: Final = (
    ("chain, per node, 400 over 10", "chain of 400", "chain of 10", 1.1),
    ("loop in Python, per node, 10,000 over 100", "loop of 10,000, P", "loop of 100, P", 1.1),
    ("loop in CEL, per node, 10,000 over 100", "loop of 10,000, C", "loop of 100, C", 1.1),
    ("fan-out and join, per branch, 400 over 100", "fan-out 400", "fan-out 100", 1.1),
    ("fan-out and join, per branch, 4,000 over 10", "fan-out 4,000", "fan-out 10", 1.5),
)


async def cost(workload: Workload) -> float:
    """Give the CPU seconds of a hop."""
    async with Engine(tools=TOOLS) as engine:
        graph = await engine.create(workload.graph)
        await engine.run(graph, workload.state if workload.late is None else workload.late)
        gc.collect()
        began = time.process_time()
        if workload.at_once:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(workload.runs):
                    tasks.create_task(engine.run(graph, workload.state))
        else:
            for _ in range(workload.runs):
                await engine.run(graph, workload.state)
        return (time.process_time() - began) / (workload.runs * workload.hops)


async def measure(rounds: Rounds) -> list[Section]:
    """Measure all of them, in turns, each beside a bare hop."""
    listed = [
        (workload.short() if rounds is QUICK else workload, goal) for workload, goal in workloads()
    ]
    figures: dict[str, list[float]] = {workload.name: [] for workload, _ in listed}
    ratios: dict[str, list[float]] = {workload.name: [] for workload, _ in listed}
    hops: list[float] = []
    tasks: list[float] = []
    beside: list[float] = []
    for _ in rounds:
        task = await bare.task_hop()
        tasks.append(task * 1e6)
        beside.append(task / await bare.queue_hop())
        for workload, _ in listed:
            before = await bare.queue_hop()
            taken = await cost(workload)
            hop = (before + await bare.queue_hop()) / 2
            hops.append(hop * 1e6)
            figures[workload.name].append(taken * 1e6)
            ratios[workload.name].append(taken / hop)
    lines = [
        Line("a bare asyncio.Queue hop", hops, "us"),
        Line("the same, with a task for each message", tasks, "us", beside),
    ]
    lines += [
        Line(each.name, figures[each.name], "us", ratios[each.name], goal and round(goal, 1))
        for each, goal in listed
    ]
    return [
        Section("CPU of a hop, and its ratio to a bare asyncio.Queue hop", lines),
        Section("Growth: the same figures, large over small", growth(ratios)),
    ]


def growth(ratios: Mapping[str, Sequence[float]]) -> list[Line]:
    """Compare large with small, both in bare hops: a machine that slowed down cancels out."""

    def named(begin: str) -> Sequence[float]:
        return next(found for name, found in ratios.items() if name.startswith(begin))

    return [
        Line(what, ratios=over(named(large), named(small)), goal=most)
        for what, large, small, most in GROWTH
    ]
