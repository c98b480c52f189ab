"""Readers of a log: no gap, no double, and no effect on the run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine import (
    BEGINNING,
    Engine,
    MemoryStore,
    Row,
    RunHandle,
    RunId,
    RunRecord,
    Seq,
    entry,
)
from engine.tail import Tails

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def count(n: int) -> dict[str, object]:
    """Count."""
    await asyncio.sleep(0)
    return {"n": n + 1}


LOOP = {
    "nodes": ["count"],
    "edges": {"count": [{"when": "n < 100", "to": "count"}, {"to": None}]},
    "entry": "count",
}


@pytest.fixture
async def run() -> AsyncGenerator[RunHandle, None]:
    """Start a run that goes round a hundred times."""
    async with Engine(tools=[count]) as engine:
        yield await engine.start(await engine.create(LOOP), {"n": 0})


async def read(run: RunHandle, after: int = -1) -> list[int]:
    """Read the numbers of the entries after `after`, to the end."""
    return [each.seq async for each in run.tail(Seq(after))]


async def test_readers_that_come_at_any_time_read_the_same(run: RunHandle) -> None:
    async with asyncio.TaskGroup() as group:
        readers = []
        while len(readers) < 20:
            readers.append(group.create_task(read(run)))
            await asyncio.sleep(0)

    whole = [*range(await run.last() + 1)]
    assert len(whole) > 300
    assert all(reader.result() == whole for reader in readers)
    assert await read(run) == whole


@pytest.mark.parametrize("after", [-1, 0, 1, 2, 3, 4, 5, 100])
async def test_a_reader_begins_behind_any_entry_even_within_a_batch(
    run: RunHandle, after: int
) -> None:
    live = await read(run, after)

    assert live == [*range(after + 1, await run.last() + 1)]
    assert await read(run, after) == live


async def test_a_reader_that_has_seen_the_end_is_told_so(run: RunHandle) -> None:
    await run.result()

    assert await read(run, await run.last()) == []
    assert await read(run, 100_000) == []


async def test_a_reader_may_leave_at_any_time(run: RunHandle) -> None:
    tail = run.tail()
    async for each in tail:
        if each.seq == 10:
            break
    await tail.aclose()

    assert (await run.result())["n"] == 100


async def test_a_reader_that_waits_may_be_cancelled(run: RunHandle) -> None:
    async with asyncio.TaskGroup() as group:
        reader = group.create_task(read(run))
        await asyncio.sleep(0)
        reader.cancel()

    assert reader.cancelled()
    assert (await run.result())["n"] == 100
    assert run._parts.tails.readers == 0


async def test_a_reader_that_stops_reading_does_not_slow_the_run(run: RunHandle) -> None:
    tail = run.tail()
    await anext(tail)

    assert (await run.result())["n"] == 100

    assert len([each async for each in tail]) == await run.last()


async def test_the_lines_of_a_log_are_its_entries_as_they_are_kept(run: RunHandle) -> None:
    lines = [line async for line in run.lines()]

    assert lines[0].startswith(b'{"type":"run.started","seq":0,')
    assert lines[-1].startswith(b'{"type":"run.completed"')
    assert not any(b"\n" in line for line in lines)


async def test_a_reader_misses_nothing_that_somebody_else_wrote_in_between() -> None:
    def row(seq: int) -> Row:
        return Row((entry.RunResumed(seq=Seq(seq), batch=Seq(seq), at=NOW, run_id=RunId("r")),))

    store, live = MemoryStore(), True
    tails = Tails(store, live=lambda _: live)
    record = RunRecord(
        run_id=RunId("r"), graph="g", version="v", status="running", began=NOW, changed=NOW
    )
    store.append(RunId("r"), row(0), expected=BEGINNING, kept=lambda _: None, record=record)
    reader = tails.read(RunId("r"))
    seen = [(await anext(reader))[0].last]  # type: ignore[index]  # a row

    for seq in range(1, 5):  # of 1 and 4 we are told; 2 and 3 another engine has written
        store.append(RunId("r"), row(seq), expected=Seq(seq - 1), kept=lambda _: None)
        if seq in {1, 4}:
            tails.grown(RunId("r"), row(seq))
    live = False
    seen += [item[0].last async for item in reader if isinstance(item, tuple)]

    assert seen == [0, 1, 2, 3, 4]
