"""What it costs to have every step on disk before the next one begins.

This module knows SQLite's files from outside: their pages and their write-ahead log. It does
not know how the store writes them.

Everything is written below the folder for temporary files (`TMPDIR`), in a folder of its own;
where that is no disk, the ratios of wall time mean nothing.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import struct
import time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks import bare
from benchmarks.rounds import Rounds
from benchmarks.table import Line, Section, over
from benchmarks.workloads import TOOLS, chain
from engine import Engine, GraphBuilder, SQLiteStore

if TYPE_CHECKING:
    from engine import Graph, GraphVersion, Json

ROUNDS: Final = Rounds(most=9, seconds=20)
STEPS: Final = 100
AT_ONCE: Final = 200
SHORT: Final = 20
"""Nodes of a short run."""

PIECES: Final = 5
"""Turns that a run and bare commits take in a round."""

KIB: Final = 1024
SMALL: Final = KIB
LARGE: Final = KIB * KIB

_FRAME: Final = struct.Struct(">II")
"""What a frame of the write-ahead log begins with: its page, and not 0 if it ends a commit."""


class Gate:
    """A tool that waits until it is opened, so that what came before is not measured."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def gate(self) -> None:
        """Wait."""
        self.reached.set()
        await self.opened.wait()


def behind_a_gate(length: int) -> Graph:
    """Give a straight line that changes one small key, with a gate before it."""
    builder = GraphBuilder("behind-a-gate").node("gate").edge("gate", "n0")
    for i in range(length):
        builder.node(f"n{i}", "work")
    for i in range(1, length):
        builder.edge(f"n{i - 1}", f"n{i}")
    return builder.build()


async def alone(folder: Path, number: int) -> list[tuple[float, float]]:
    """Give the seconds of a step of one run, and of a bare commit of as many bytes.

    They take turns in short pieces, so that both meet the same disk.
    """
    store = SQLiteStore(folder / f"alone-{number}.db")
    found: list[tuple[float, float]] = []
    async with Engine(tools=TOOLS, store=store) as engine:
        graph = await engine.create(chain(SHORT))
        run = await engine.start(graph)
        await run.result()
        rows = await store.read(run.id)
        size = len(rows[len(rows) // 2].data)
        gc.collect()
        for _ in range(PIECES):
            floor = bare.commit(folder / "bare.db", size, len(rows))
            began = time.perf_counter()
            await engine.run(graph)
            found.append(((time.perf_counter() - began) / len(rows), floor))
    return found


async def together(folder: Path, number: int) -> tuple[float, float]:
    """Give the CPU seconds and the commits of a step, of many runs at once."""
    path = folder / f"together-{number}.db"
    async with Engine(tools=TOOLS, store=SQLiteStore(path)) as engine:
        graph = await engine.create(chain(SHORT))
        await _run_all(engine, graph)
        gc.collect()
        began = time.process_time()
        await _run_all(engine, graph)
        taken = time.process_time() - began
        # Whoever reads keeps the write-ahead log from being begun anew, so all is still in it.
        reader = sqlite3.connect(path, isolation_level=None)
        try:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            before = commits(path)
            await _run_all(engine, graph)
            made = commits(path) - before
        finally:
            reader.close()
    steps = AT_ONCE * (SHORT + 1)  # the start is one, too
    return taken / steps, made / steps


async def _run_all(engine: Engine, graph: GraphVersion) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(engine.run(graph))


def commits(path: Path) -> int:
    """Count the commits in the write-ahead log of a database."""
    log = path.with_name(f"{path.name}-wal").read_bytes()
    if not log:
        return 0
    page_size = int.from_bytes(log[8:12], "big")
    salt = log[16:24]
    found = 0
    for at in range(32, len(log) - page_size, 24 + page_size):
        _, ends = _FRAME.unpack_from(log, at)
        found += bool(ends) and log[at + 8 : at + 16] == salt
    return found


async def with_state(folder: Path, name: str, size: int) -> tuple[float, float, float]:
    """Give wall and CPU seconds and bytes on disk of a step of a run with so large a state."""
    gate = Gate()
    path = folder / f"{name}.db"
    state: dict[str, Json] = {"blob": "x" * size, "n": 0}
    async with Engine(tools=[*TOOLS, gate.gate], store=SQLiteStore(path)) as engine:
        graph = await engine.create(behind_a_gate(STEPS))
        run = await engine.start(graph, state)
        await gate.reached.wait()
        gc.collect()
        pages = _bytes(path)
        wall, cpu = time.perf_counter(), time.process_time()
        gate.opened.set()
        await run.rest()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return wall / STEPS, cpu / STEPS, (_bytes(path) - pages) / STEPS


def _bytes(path: Path) -> int:
    """Give the size of a database, the part of it in the write-ahead log included."""
    connection = sqlite3.connect(path)
    try:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    finally:
        connection.close()
    return int(pages) * int(size)


async def measure(rounds: Rounds) -> list[Section]:
    """Measure all of them, in turns."""
    one: list[tuple[float, float]] = []
    many: list[tuple[float, float]] = []
    small: list[tuple[float, float, float]] = []
    large: list[tuple[float, float, float]] = []
    with TemporaryDirectory(prefix="awe-bench-") as name:
        folder = Path(name)
        for number, _ in zip(count(), rounds, strict=False):
            one += await alone(folder, number)
            many.append(await together(folder, number))
            small.append(await with_state(folder, f"small-{number}", SMALL))
            large.append(await with_state(folder, f"large-{number}", LARGE))
    step, floor = zip(*one, strict=True)
    cpu, made = zip(*many, strict=True)
    small_wall, small_cpu, small_bytes = zip(*small, strict=True)
    large_wall, large_cpu, large_bytes = zip(*large, strict=True)
    return [
        Section(
            "A step that is on disk before its successor begins (SQLite, WAL, FULL)",
            [
                Line("a bare commit of one row, wall", [each * 1e6 for each in floor], "us"),
                Line(
                    "one run, per step, wall",
                    [s * 1e6 for s in step],
                    "us",
                    over(step, floor),
                    1.35,
                ),
                Line(f"{AT_ONCE} runs at once, per step, CPU", [each * 1e6 for each in cpu], "us"),
                Line(f"{AT_ONCE} runs at once, commits per step", made),
                Line(
                    "state of 1 MB over 1 KB, per step, CPU",
                    [each * 1e6 for each in large_cpu],
                    "us",
                    over(large_cpu, small_cpu),
                    1.2,
                ),
                Line(
                    "  the same by the wall clock",
                    [each * 1e6 for each in large_wall],
                    "us",
                    over(large_wall, small_wall),
                    note="with what else the disk did meanwhile",
                ),
                Line(
                    "state of 1 MB over 1 KB, per step, on disk",
                    large_bytes,
                    "bytes",
                    over(large_bytes, small_bytes),
                    1.2,
                ),
            ],
        )
    ]
