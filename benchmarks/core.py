"""What the core costs: CPU time per entry, for deciding, folding and writing down.

This module knows graphs of a few shapes and how to drive `step` through them without a host.
It does not know what is good enough: it prints figures, and always ends with 0. Machines are
shared and noisy, so every figure is CPU time, the median of interleaved rounds, and the ratio
between two of them is worth more than either.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from engine import inputs
from engine.ask import active, ended
from engine.decide import step
from engine.entry import encode
from engine.graph import Graph, GraphBuilder
from engine.ids import RunId
from engine.run import Run, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.entry import AnyEntry
    from engine.ids import Json

AT = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 7


@dataclass
class Workload:
    """A graph, and what its nodes write."""

    name: str
    graph: Graph
    writes: Callable[[int], dict[str, Json]]
    """Given how many activations came before, the patch of this one."""
    state: dict[str, Json] = field(default_factory=dict)
    repeat: int = 1
    decide: list[float] = field(default_factory=list)
    fold: list[float] = field(default_factory=list)
    encode: list[float] = field(default_factory=list)
    entries: int = 0
    hops: int = 0


def drive(workload: Workload) -> tuple[list[AnyEntry], int]:
    """Take one run to its end, answering the first thing that is active."""
    run = Run(workload.graph)
    log = list(step(run, inputs.Start(run_id=RunId("r"), state=workload.state, at=AT)))
    hops = 0
    while not ended(run):
        activation = next(iter(active(run).values()))
        result = inputs.Result(
            activation=activation.id,
            attempt=activation.attempt,
            patch=workload.writes(hops),
            at=AT,
        )
        log += step(run, result)
        hops += 1
    return log, hops


def measure(workload: Workload) -> None:
    """Add one round to the figures of a workload."""
    began = time.process_time()
    for _ in range(workload.repeat):
        log, workload.hops = drive(workload)
    decided = time.process_time()
    for _ in range(workload.repeat):
        fold(workload.graph, log)
    folded = time.process_time()
    for _ in range(workload.repeat):
        for entry in log:
            encode(entry)
    encoded = time.process_time()
    workload.entries = len(log)
    each = 1e6 / (workload.repeat * len(log))
    workload.decide.append((decided - began) * each)
    workload.fold.append((folded - decided) * each)
    workload.encode.append((encoded - folded) * each)


async def _echo(hops: int) -> float:
    """Pass a message to and fro between two tasks; give the CPU seconds of a hop."""
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def answer() -> None:
        for _ in range(hops):
            back.put_nowait(await there.get())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answer())
        began = time.process_time()
        for i in range(hops):
            there.put_nowait(i)
            await back.get()
        return (time.process_time() - began) / (2 * hops)


def chain(length: int) -> Graph:
    """Give a straight line."""
    names = [f"n{i}" for i in range(length)]
    return Graph.from_edges(dict(pairwise(names)), name="chain")


def loop(times: int, *, cel: bool) -> Graph:
    """Give a loop of two nodes, left by a condition."""
    builder = GraphBuilder("loop").entry("work").node("work", "work").node("check", "check")
    builder = builder.edge("work", "check")
    if cel:
        builder = builder.route("check", (f"n < {times}", "work"), otherwise=None)
    else:
        builder = builder.route("check", (_fewer_than(times), "work"), otherwise=None)
    return builder.build()


def _fewer_than(times: int) -> Callable[[dict[str, Json]], bool]:
    def fewer(state: dict[str, Json]) -> bool:
        n = state["n"]
        return isinstance(n, int) and n < times

    return fewer


def fan_out(width: int) -> Graph:
    """Give a split into branches of one node each, and the join of all."""
    branches = [f"b{i}" for i in range(width)]
    edges: dict[str, Json] = {"split": list(branches), **dict.fromkeys(branches, "join")}
    return Graph.from_edges(edges, name="fan-out", entry="split")


def workloads() -> list[Workload]:
    """List what is measured."""
    one: Callable[[int], dict[str, Json]] = lambda i: {"x": i}  # noqa: E731  # a table of small functions
    own: Callable[[int], dict[str, Json]] = lambda i: {f"k{i}": i}  # noqa: E731
    count: Callable[[int], dict[str, Json]] = lambda i: {"n": i // 2 + 1}  # noqa: E731
    return [
        Workload("chain of 100", chain(100), one, repeat=30),
        Workload("loop of 1,000, condition in Python", loop(1000, cel=False), count, {"n": 0}, 3),
        Workload("loop of 1,000, condition in CEL", loop(1000, cel=True), count, {"n": 0}, 3),
        Workload("fan-out 100 and join", fan_out(100), own, repeat=30),
        Workload("fan-out 1,000 and join", fan_out(1000), own, repeat=3),
        Workload("fan-out 4,000 and join", fan_out(4000), own, repeat=1),
    ]


def middle(figures: Iterable[float]) -> float:
    """Give the median."""
    return statistics.median(figures)


def main() -> int:
    """Measure, and print the table."""
    measured = workloads()
    hops: list[float] = []
    gc.disable()
    for _ in range(ROUNDS):
        hops.append(asyncio.run(_echo(5_000)) * 1e6)
        for workload in measured:
            gc.collect()
            measure(workload)
    print(f"CPython {sys.version.split()[0]}, CPU microseconds, median of {ROUNDS} rounds")
    bare = middle(hops)
    print(f"a bare asyncio.Queue hop between two tasks: {bare:.2f}")
    print(f"{'':38}{'per entry:':>12}{'':>16}{'per hop:':>10}{'over bare':>11}")
    print(
        f"{'workload':38}{'decide':>10}{'fold':>9}{'encode':>9}{'decide':>10}{'hop':>11}"
        f"{'entries':>9}"
    )
    for w in measured:
        hop = middle(w.decide) * w.entries / w.hops
        print(
            f"{w.name:38}{middle(w.decide):10.2f}{middle(w.fold):9.2f}{middle(w.encode):9.2f}"
            f"{hop:10.2f}{hop / bare:11.2f}{w.entries:9}"
        )
    by_name = {w.name: w for w in measured}
    hundred, thousand = by_name["fan-out 100 and join"], by_name["fan-out 1,000 and join"]
    for what in ("decide", "fold"):
        rounds = zip(getattr(thousand, what), getattr(hundred, what), strict=True)
        ratio = middle(wide / narrow for wide, narrow in rounds)
        print(f"{what} per entry, fan-out 1,000 over 100: {ratio:.2f} (linear: at most 1.2)")
    python, cel = (by_name[f"loop of 1,000, condition in {x}"] for x in ("Python", "CEL"))
    extra = (middle(cel.decide) - middle(python.decide)) * cel.entries * 2 / cel.hops
    print(f"one CEL condition costs {extra:.2f} more than one in Python")
    return 0


if __name__ == "__main__":
    sys.exit(main())
