"""The graphs that are run, and the tools of their nodes, which do next to nothing.

This module knows graphs. It does not know how they are run, nor what is measured meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from engine import Graph, GraphBuilder, Json

if TYPE_CHECKING:
    from collections.abc import Callable

NAP: Final = 0.01
"""Seconds that `nap` sleeps."""

LONG_NAP: Final = 0.2
"""Seconds that `long_nap` sleeps."""


async def note() -> dict[str, Json]:
    """Write one small key."""
    return {"x": 1}


async def one() -> int:
    """Give one small value."""
    return 1


async def work(n: int) -> dict[str, Json]:
    """Count one more."""
    return {"n": n + 1}


async def check() -> None:
    """Write nothing."""


async def nap() -> None:
    """Sleep for a moment."""
    await asyncio.sleep(NAP)


async def long_nap() -> None:
    """Sleep for longer."""
    await asyncio.sleep(LONG_NAP)


def plain() -> dict[str, Json]:
    """Write one small key, in a thread."""
    return {"x": 1}


TOOLS: Final = (note, one, work, check, nap, long_nap, plain)


@dataclass(frozen=True)
class Workload:
    """A graph, and how it is run.

    Attributes:
        name: What the table calls it.
        graph: What is run.
        hops: How many hops a run is counted as: its nodes, or its branches.
        state: What a run begins with.
        late: What a run begins with that has little left to do, where `state` takes long.
        late_hops: How many hops such a run is counted as.
        runs: How many runs are measured together.
        at_once: Whether they run at the same time.
    """

    name: str
    graph: Graph
    hops: int
    state: dict[str, Json] = field(default_factory=dict)
    late: dict[str, Json] | None = None
    late_hops: int = 0
    runs: int = 1
    at_once: bool = False

    def short(self) -> Workload:
        """Give the same with little left to do."""
        if self.late is None:
            return self
        return replace(self, state=self.late, hops=self.late_hops)


def chain(length: int, tool: str = "note") -> Graph:
    """Give a straight line."""
    builder = GraphBuilder(f"chain-{length}-{tool}")
    for i in range(length):
        builder.node(f"n{i}", tool)
    for i in range(1, length):
        builder.edge(f"n{i - 1}", f"n{i}")
    return builder.build()


def loop(times: int, *, cel: bool) -> Graph:
    """Give a loop of two nodes, left by a condition."""
    builder = GraphBuilder(f"loop-{times}-{cel}").entry("work").node("work").node("check")
    builder.edge("work", "check").limits(max_visits=2 * times)
    when = f"n < {times}" if cel else _fewer_than(times)
    return builder.route("check", (when, "work"), otherwise=None).build()


def fan_out(width: int, tool: str = "one") -> Graph:
    """Give a split into branches of one node each, and the join of all."""
    builder = GraphBuilder(f"fan-out-{width}-{tool}").node("split", "check").node("join", "check")
    builder.limits(max_parallel=max(64, width))
    for i in range(width):
        builder.node(f"b{i}", tool, output=f"k{i}").edge("split", f"b{i}").edge(f"b{i}", "join")
    return builder.build()


def _fewer_than(times: int) -> Callable[[dict[str, Json]], bool]:
    def fewer(state: dict[str, Json]) -> bool:
        n = state["n"]
        return isinstance(n, int) and n < times

    return fewer
