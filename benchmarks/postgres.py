"""What it costs to have every step in PostgreSQL before the next one begins.

This module knows how a server tells what it has written: its transactions and its write-ahead
log. It does not know how the store writes them.

The server is one of its own, below the folder for temporary files (`TMPDIR`); where that is no
disk, the ratios of wall time mean nothing. `AWE_BENCH_POSTGRES=postgresql://...` names another:
an empty database, in which everything that the store had there before is removed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from benchmarks.durable import AT_ONCE, LARGE, PIECES, SHORT, SMALL, STEPS, Gate, behind_a_gate
from benchmarks.rounds import Rounds
from benchmarks.table import Line, Section, over
from benchmarks.workloads import TOOLS, chain
from engine import Engine, PostgresStore

try:
    import asyncpg

    from tests.servers import Postgres, ServerMissing
except ImportError:  # it comes with what tests need
    asyncpg = None

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine import GraphVersion, Json

ROUNDS: Final = Rounds(most=9, seconds=20)

NAMED: Final = os.environ.get("AWE_BENCH_POSTGRES")

_EMPTY: Final = """
    DROP SCHEMA IF EXISTS awe CASCADE;
    CREATE TABLE IF NOT EXISTS bare (no bigint GENERATED ALWAYS AS IDENTITY, data bytea)
"""


@asynccontextmanager
async def database() -> AsyncGenerator[str]:
    """Give the address of a database.

    Raises:
        ServerMissing: There is no server.
    """
    if NAMED is not None:
        yield NAMED
        return
    server = await asyncio.to_thread(Postgres, shared_buffers="128MB", max_wal_size="1GB")
    try:
        yield server.url()
    finally:
        await asyncio.to_thread(server.close)


class Bare:
    """Commits rows without anything around them, and asks the server what it has written."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def commit(self, size: int, times: int) -> float:
        """Give the seconds that a commit of one row takes."""
        data = os.urandom(size // 2).hex().encode()
        began = time.perf_counter()
        for _ in range(times):
            await self._connection.execute("INSERT INTO bare (data) VALUES ($1)", data)
        return (time.perf_counter() - began) / times

    async def written(self) -> int:
        """Give the number of the next transaction that writes."""
        return int(await self._connection.fetchval("SELECT txid_current()"))

    async def log(self) -> int:
        """Give where the write-ahead log ends, in bytes."""
        return int(
            await self._connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        )


async def alone(url: str, bare: Bare) -> list[tuple[float, float]]:
    """Give the seconds of a step of one run, and of a bare commit of as many bytes.

    They take turns in short pieces, so that both meet the same disk.
    """
    store = PostgresStore(url)
    found: list[tuple[float, float]] = []
    async with Engine(tools=TOOLS, store=store) as engine:
        graph = await engine.create(chain(SHORT))
        run = await engine.start(graph)
        await run.result()
        rows = await store.read(run.id)
        size = len(rows[len(rows) // 2].data)
        gc.collect()
        for _ in range(PIECES):
            floor = await bare.commit(size, len(rows))
            began = time.perf_counter()
            await engine.run(graph)
            found.append(((time.perf_counter() - began) / len(rows), floor))
    return found


async def together(url: str, bare: Bare) -> tuple[float, float, float]:
    """Give the seconds, the CPU seconds here and the commits of a step, of many runs at once."""
    async with Engine(tools=TOOLS, store=PostgresStore(url)) as engine:
        graph = await engine.create(chain(SHORT))
        await _run_all(engine, graph)
        gc.collect()
        before = await bare.written()
        wall, cpu = time.perf_counter(), time.process_time()
        await _run_all(engine, graph)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        made = await bare.written() - before - 1
    steps = AT_ONCE * (SHORT + 1)  # the start is one, too
    return wall / steps, cpu / steps, made / steps


async def _run_all(engine: Engine, graph: GraphVersion) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(engine.run(graph))


async def with_state(url: str, bare: Bare, size: int) -> tuple[float, float, float, float]:
    """Give wall and CPU seconds and bytes of a step of a run with so large a state.

    Bytes are those that the tables grow by, and those of the write-ahead log.
    """
    gate = Gate()
    state: dict[str, Json] = {"blob": os.urandom(size // 2).hex(), "n": 0}
    store = PostgresStore(url)
    async with Engine(tools=[*TOOLS, gate.gate], store=store) as engine:
        graph = await engine.create(behind_a_gate(STEPS))
        run = await engine.start(graph, state)
        await gate.reached.wait()
        gc.collect()
        size, log = await store.size(), await bare.log()
        wall, cpu = time.perf_counter(), time.process_time()
        gate.opened.set()
        await run.rest()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size, log = await store.size() - size, await bare.log() - log
        return wall / STEPS, cpu / STEPS, size / STEPS, log / STEPS


async def measure(rounds: Rounds) -> list[Section]:
    """Measure all of them, in turns."""
    title = "A step that is in PostgreSQL before its successor begins (synchronous_commit on)"
    if asyncpg is None:
        return [Section(f"{title}: not measured, there is no asyncpg", [])]
    one: list[tuple[float, float]] = []
    many: list[tuple[float, float, float]] = []
    small: list[tuple[float, float, float, float]] = []
    large: list[tuple[float, float, float, float]] = []
    try:
        async with database() as url:
            connection = await asyncpg.connect(url)
            try:
                await connection.execute(_EMPTY)
                bare = Bare(connection)
                for _ in rounds:
                    one += await alone(url, bare)
                    many.append(await together(url, bare))
                    small.append(await with_state(url, bare, SMALL))
                    large.append(await with_state(url, bare, LARGE))
            finally:
                await connection.close()
    except ServerMissing as error:
        return [Section(f"{title}: not measured, {error}", [])]
    return [Section(title, _lines(one, many, small, large))]


def _lines(
    one: list[tuple[float, float]],
    many: list[tuple[float, float, float]],
    small: list[tuple[float, float, float, float]],
    large: list[tuple[float, float, float, float]],
) -> list[Line]:
    step, floor = zip(*one, strict=True)
    wall, cpu, made = zip(*many, strict=True)
    small_wall, small_cpu, small_bytes, small_log = zip(*small, strict=True)
    large_wall, large_cpu, large_bytes, large_log = zip(*large, strict=True)
    return [
        Line("a bare commit of one row, wall", [each * 1e6 for each in floor], "us"),
        Line("one run, per step, wall", [s * 1e6 for s in step], "us", over(step, floor), 1.35),
        Line(f"{AT_ONCE} runs at once, per step, CPU", [each * 1e6 for each in cpu], "us"),
        Line(
            f"{AT_ONCE} runs at once, per step, wall",
            [each * 1e6 for each in wall],
            "us",
            over(wall, [sum(floor) / len(floor)] * len(wall)),
            note="over a bare commit",
        ),
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
            "state of 1 MB over 1 KB, per step, in tables",
            large_bytes,
            "bytes",
            over(large_bytes, small_bytes),
            1.2,
        ),
        Line(
            "  the same in the write-ahead log",
            large_log,
            "bytes",
            over(large_log, small_log),
            note="whole pages after a checkpoint included",
        ),
    ]
