"""Runs whose batches are watched on their way into a store, and what must be true of them later.

`python -m tests.system.workload FILE SEED` does the work in a process of its own, and says each
thing that was told on its standard output, in one write.

This module knows what was told, and how a store that is found is held against it. It does not
know what happened to the store in between.
"""

from __future__ import annotations

import asyncio
import os
import random  # noqa: TID251  # seeded, for a replay
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine import Engine, Graph, Row, SQLiteStore
from engine.ids import RunId
from engine.run import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine import EngineError, RunRecord, Seq
    from engine.store import Kept

GRAPHS: Final = {
    name: Graph.parse(document)
    for name, document in {
        "chain": {"name": "chain", "edges": {"mark": "fill", "fill": "count"}},
        "diamond": {
            "name": "diamond",
            "nodes": {"a": "count", "b": "mark", "c": "fill", "d": "count"},
            "edges": {"a": ["b", "c"], "b": "d", "c": "d"},
        },
        "loop": {
            "name": "loop",
            "nodes": {"count": "count", "fill": "fill"},
            "edges": {"count": "fill", "fill": [{"when": "n < 6", "to": "count"}, {"to": None}]},
            "entry": "count",
        },
    }.items()
}

RUNS: Final = 12


class WatchedStore(SQLiteStore):
    """Says of each batch when it is told as kept.

    Args:
        path: The file.
        tell: Told `kept RUN SEQ`.
        more: As for the store.

    Attributes:
        handed: Of each run, where each of its rows ends, and its bytes.
    """

    def __init__(self, path: Path, tell: Callable[[str], None], **more: Any) -> None:
        super().__init__(path, **more)
        self._say = tell
        self.handed: dict[str, list[tuple[int, bytes]]] = {}

    def append(
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Kept,
        record: RunRecord | None = None,
    ) -> bool:
        """Hand over a batch."""

        def told(error: EngineError | None) -> None:
            if error is None:
                self._say(f"kept {run_id} {row.last}")
            kept(error)

        self.handed.setdefault(run_id, []).append((row.last, row.data))
        return super().append(run_id, row, expected=expected, kept=told, record=record)


async def work(store: SQLiteStore, tell: Callable[[str], None], seed: int) -> None:
    """Execute runs of every graph, forget one, and go on after a restart."""
    chance = random.Random(seed)  # noqa: S311  # for a replay, and not for secrets

    async def mark(n: int) -> dict[str, int]:
        return {"marked": n}

    async def count(n: int) -> dict[str, int]:
        await asyncio.sleep(0)
        return {"n": n + 1}

    def fill() -> dict[str, str]:
        return {"filling": chance.randbytes(chance.choice((10, 700, 9_000))).hex()}

    for life in range(3):
        async with Engine(store=store, tools=[mark, count, fill]) as engine:
            for graph in GRAPHS.values():
                await engine.create(graph)
            runs = [
                await engine.start(list(GRAPHS)[n % len(GRAPHS)], {"n": 0}, run_id=f"{life}-{n}")
                for n in range(RUNS // 3)
            ]
            for run in runs:
                await run.result()
            if life:
                oldest = RunId(f"{life - 1}-0")
                tell(f"forgetting {oldest}")
                assert list(await store.forget([oldest])) == [oldest]
                tell(f"forgotten {oldest}")
                await store.shrink()


class Expectation:
    """What a store must have at whatever moment it was stopped.

    Args:
        logs: Of each run, the bytes of all its rows, and where each of them ends.
    """

    def __init__(self, logs: Mapping[str, Sequence[tuple[int, bytes]]]) -> None:
        self._logs = logs
        self._folded: set[tuple[str, int]] = set()

    async def compare(self, path: Path, told: Sequence[str]) -> list[str]:
        """Open what was found, as anybody would; say what is wrong with it."""
        problems: list[str] = []
        store = SQLiteStore(path)
        try:
            await store.open()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            return [f"it can't be opened: {error!r}"]
        try:
            ends, forgetting, forgotten = _read(told)
            for run_id, rows in self._logs.items():
                found = [(row.last, row.data) for row in await store.read(RunId(run_id))]
                record = await store.record(RunId(run_id))
                if run_id in forgotten:
                    if found or record:
                        problems.append(f"run {run_id} was forgotten, and is there again")
                    continue
                last = found[-1][0] if found else -1
                if last < ends.get(run_id, -1) and (found or run_id not in forgetting):
                    problems.append(f"lost: run {run_id} ends at {last}, told {ends[run_id]}")
                if found != list(rows[: len(found)]):
                    problems.append(f"run {run_id} has another log than it was given")
                problems += self._fold(run_id, found, record)
        except Exception as error:  # noqa: BLE001  # as above
            problems.append(f"it can't be read: {error!r}")
        finally:
            await store.close()
        return problems + _damage(path)

    def _fold(
        self, run_id: str, found: Sequence[tuple[int, bytes]], record: RunRecord | None
    ) -> list[str]:
        if (record is None) != (not found):
            return [f"run {run_id} has {len(found)} rows, and its record is {record}"]
        if record is None or (run_id, len(found)) in self._folded:
            return []
        try:
            entries = [entry for _, data in found for entry in Row.read(data).entries]
            run = fold(GRAPHS[record.graph], entries)
        except Exception as error:  # noqa: BLE001  # as above
            return [f"the log of run {run_id} does not fold: {error!r}"]
        if run.status != record.status:
            return [f"run {run_id} is {run.status} by its log, and {record.status} by its record"]
        self._folded.add((run_id, len(found)))
        return []


def _damage(path: Path) -> list[str]:
    """Have SQLite look through a file; say what it finds, if that is not in order."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            ((found,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.DatabaseError as error:
        found = str(error)
    return [] if found == "ok" else [f"it is corrupt: {found}"]


def _read(told: Sequence[str]) -> tuple[dict[str, int], set[str], set[str]]:
    """Read how far each run was kept, which were to be forgotten, and which of them were."""
    ends: dict[str, int] = {}
    asked: dict[str, set[str]] = {"forgetting": set(), "forgotten": set()}
    for each in told:
        what, run_id, *rest = each.split()
        if what == "kept":
            ends[run_id] = int(rest[0])
        else:
            asked[what].add(run_id)
    return ends, asked["forgetting"], asked["forgotten"]


def main(path: str, seed: str) -> None:
    """Do the work in this process, and leave what was handed over beside the file."""

    def tell(what: str) -> None:
        os.write(1, f"{what}\n".encode())

    store = WatchedStore(Path(path), tell)
    asyncio.run(work(store, tell, int(seed)))
    Path(f"{path}.handed").write_bytes(msgspec.msgpack.encode(store.handed))


if __name__ == "__main__":
    main(*sys.argv[1:])
