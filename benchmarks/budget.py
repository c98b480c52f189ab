"""Where a hop goes: how long each part of it takes, inside a run that goes on.

This module knows through which functions a hop passes, and puts a stamp of the time before
and after each; it is the one place outside the engine that does. It does not know what the
parts do. A part that is timed alone, again and again, finds everything in the caches; here
it takes what it takes in its place.

A stamp is part of what it measures: what one takes is subtracted. Wall time is what there is
between two stamps, so that each figure is the median over all hops of a round, which nothing
that happens now and then can move: neither the garbage collector nor another process.
"""

from __future__ import annotations

import gc
import statistics
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final
from unittest import mock

import engine.decide.batch
import engine.decide.result
import engine.hosts.local.host
from benchmarks import bare
from benchmarks.rounds import QUICK, Rounds
from benchmarks.table import Line, Section, over
from benchmarks.workloads import TOOLS, chain
from engine import Engine, Json, Tool
from engine.clock import SystemClock
from engine.hosts.local.keeping import Keeping
from engine.inbox import Inbox
from engine.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import datetime

ROUNDS: Final = Rounds(most=7, seconds=6)

LENGTH: Final = 100
RUNS: Final = 10

SUM: Final = "all of that"
COLLECTOR: Final = "the garbage collector, on top of it"

PARTS: Final = {
    "the end of a task, the actor's turn, the next task": [("kept", "tool")],
    "from the tool to a result for the core": [("tool", "clock"), ("clock asked", "step")],
    "the clock": [("clock", "clock asked")],
    "step: checking the patch": [("let in", "let in done")],
    "step: applying it": [("apply", "applied")],
    "step: routing, entries, the rest": [
        ("step", "let in"),
        ("let in done", "apply"),
        ("applied", "stepped"),
    ],
    "the row into the store": [("append", "appended")],
    "the host's accounts, and the next call": [
        ("stepped", "keep"),
        ("keep", "append"),
        ("appended", "inbox"),
        ("put", "kept"),
    ],
    "the inbox, waking the actor": [("inbox", "put")],
}
"""What lies between which stamps; a hop passes each of them once."""


class Stamps:
    """Takes the time wherever a hop passes."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    def of(self, name: str) -> None:
        """Take the time."""
        self.taken.append((name, time.perf_counter()))

    def around(self, before: str, function: Callable[..., object], after: str) -> object:
        """Give the function with a stamp before and one after it."""
        of = self.of

        def stamped(*args: object, **kwargs: object) -> object:
            of(before)
            result = function(*args, **kwargs)
            of(after)
            return result

        return stamped

    def between(self) -> dict[tuple[str, str], float]:
        """Give the median of what lies between two stamps that follow each other, in seconds."""
        found: dict[tuple[str, str], list[float]] = {}
        for (name, at), (following, then) in zip(self.taken, self.taken[1:], strict=False):
            found.setdefault((name, following), []).append(then - at)
        return {pair: statistics.median(each) for pair, each in found.items()}

    def cost(self) -> float:
        """Give the seconds that a stamp takes."""
        alone = Stamps()
        for _ in range(2_000):
            alone.of("stamp")
        return alone.between()["stamp", "stamp"]


class StampedClock(SystemClock):
    """The clock of the machine, with a stamp before and after it is asked."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps

    def now(self) -> datetime:
        """Give the time."""
        self._stamps.of("clock")
        now = super().now()
        self._stamps.of("clock asked")
        return now


@contextmanager
def stamped(stamps: Stamps) -> Generator[None, None, None]:
    """Put stamps where a hop passes."""
    places: list[tuple[object, str, str, str]] = [
        (engine.hosts.local.host, "step", "step", "stepped"),
        (engine.decide.result, "let_in", "let in", "let in done"),
        (engine.decide.batch, "hop", "apply", "applied"),
        (Keeping, "keep", "keep", "kept"),
        (MemoryStore, "append", "append", "appended"),
        (Inbox, "put", "inbox", "put"),
    ]
    with ExitStack() as stack:
        for owner, name, before, after in places:
            function = stamps.around(before, getattr(owner, name), after)
            stack.enter_context(mock.patch.object(owner, name, function))
        yield


async def round_of(runs: int) -> dict[str, float]:
    """Give the seconds that each part of a hop takes."""
    stamps = Stamps()

    async def note() -> dict[str, Json]:
        stamps.of("tool")
        return {"x": 1}

    async with Engine(tools=[Tool(note)], clock=StampedClock(stamps)) as host:
        graph = await host.create(chain(LENGTH))
        await host.run(graph)
        stamps.taken.clear()
        with stamped(stamps):
            for _ in range(runs):
                await host.run(graph)
    between, cost = stamps.between(), stamps.cost()
    return {part: sum(between[pair] - cost for pair in pairs) for part, pairs in PARTS.items()}


async def collecting(runs: int) -> float:
    """Give the seconds of a hop in which the garbage collector works, runs kept in memory."""
    spent, began = 0.0, 0.0

    def told(phase: str, _: dict[str, int]) -> None:
        nonlocal spent, began
        if phase == "start":
            began = time.perf_counter()
        else:
            spent += time.perf_counter() - began

    async with Engine(tools=TOOLS) as host:
        graph = await host.create(chain(LENGTH))
        await host.run(graph)
        gc.callbacks.append(told)
        gc.enable()
        try:
            for _ in range(runs):
                await host.run(graph)
        finally:
            gc.disable()
            gc.callbacks.remove(told)
    return spent / (runs * LENGTH)


async def measure(rounds: Rounds) -> list[Section]:
    """Time the parts of a hop of a chain, each beside a bare hop."""
    runs = 1 if rounds is QUICK else RUNS
    hops: list[float] = []
    found: dict[str, list[float]] = {part: [] for part in (*PARTS, SUM, COLLECTOR)}
    for _ in rounds:
        hops.append(await bare.queue_hop())
        parts = await round_of(runs)
        for part, seconds in parts.items():
            found[part].append(seconds)
        found[SUM].append(sum(parts.values()))
        found[COLLECTOR].append(await collecting(20 * runs))
    lines = [
        Line(part, [each * 1e6 for each in seconds], "us", over(seconds, hops))
        for part, seconds in found.items()
    ]
    title = f"Where a hop of a chain of {LENGTH} goes, and its ratio to a bare hop"
    return [Section(title, lines)]
