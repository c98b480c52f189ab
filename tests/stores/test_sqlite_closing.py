"""How a store in a file ends: closed, forgotten, in trouble, or with its process."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from engine.ids import BEGINNING, RunId, Seq
from engine.store import StoreClosed
from engine.stores.sqlite import SQLiteStore, readers, writer
from tests.stores.conformance import (
    RUN,
    News,
    keep,
    record,
    row,
    words,
)
from tests.stores.files import (
    holding_up,
    locked,
    until,
)

ROOT = Path(__file__).parent.parent.parent


async def test_a_store_that_nobody_closes_complains(path: Path) -> None:
    before = set(threading.enumerate())
    forgotten = [SQLiteStore(path)]
    await forgotten[0].open()
    threads = set(threading.enumerate()) - before
    assert len(threads) == 1 + readers.THREADS

    with pytest.warns(ResourceWarning, match="was never closed"):
        forgotten.clear()
    for each in threads:
        each.join()


async def test_a_store_that_is_closed_leaves_no_thread(path: Path) -> None:
    before = set(threading.enumerate())
    for _ in range(50):  # a thread that had only said that it ends would be seen in some
        store = SQLiteStore(path)
        await store.open()
        await store.runs()
        assert set(threading.enumerate()) - before
        await store.close()
        assert not set(threading.enumerate()) - before


def test_a_store_whose_loop_has_gone_ends_by_itself_and_has_kept_what_it_was_given(
    path: Path,
) -> None:
    before = set(threading.enumerate())
    until_the_loop_has_gone = ExitStack()

    async def begin() -> SQLiteStore:
        store = SQLiteStore(path)
        await store.open()
        until_the_loop_has_gone.enter_context(holding_up(store))
        store.append(RUN, row(0), expected=BEGINNING, kept=News().of("it"), record=record())
        return store

    forgotten = [asyncio.run(begin())]
    until_the_loop_has_gone.close()
    threads = set(threading.enumerate()) - before
    with pytest.warns(ResourceWarning, match="was never closed"):
        forgotten.clear()
    for each in threads:
        each.join()

    with closing(sqlite3.connect(path)) as foreign:
        assert foreign.execute("SELECT last FROM rows").fetchall() == [(0,)]


async def test_a_file_system_that_does_not_return_holds_up_nobody_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.01)
    monkeypatch.setattr(writer, "GRACE", 0.01)
    before = set(threading.enumerate())
    store = SQLiteStore(path)
    await store.open()
    threads = set(threading.enumerate()) - before

    with holding_up(store):
        await store.close()

    assert "a call of the file system does not return" in caplog.text
    for each in threads:
        each.join()


async def test_a_store_that_is_closed_in_trouble_gives_up_what_it_could_not_keep(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.1)
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0), record=record())
    news = News()
    with locked(path):
        store.append(RUN, row(1), expected=Seq(0), kept=news.of("1"))
        await until(lambda: store.trouble)
        store.append(RUN, row(2), expected=Seq(1), kept=news.of("2"))
        asking = asyncio.create_task(store.put("graph", "g", b"x"))  # noqa: TID251  # waited for
        await asyncio.sleep(0)
        await store.close()

    heard = await news.all()
    assert [name for name, _ in heard] == ["1", "2"]
    for _, error in heard:
        assert isinstance(error, StoreClosed)
        assert "another program holds its lock" in error.message
        assert "open the store again" in error.hint
    with pytest.raises(StoreClosed):
        await asking

    await store.open()
    assert await words(store) == "x"
    assert store.trouble is None
    await store.close()


async def test_trouble_that_passes_while_the_store_closes_costs_nothing(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0), record=record())
    assert store._writer is not None
    queue = store._writer._queue
    news = News()
    with locked(path):
        store.append(RUN, row(1), expected=Seq(0), kept=news.of("1"))
        await until(lambda: store.trouble)
        assert queue.empty()  # the batch is in the thread, which does nothing but try to keep it
        closing_it = asyncio.create_task(store.close())  # noqa: TID251  # waited for below
        await until(lambda: not queue.empty() or closing_it.done())
        assert not closing_it.done()  # the thread has been told to end, and has not ended
    await closing_it

    assert await news.all() == [("1", None)]


DIES = """
import asyncio, sys
from engine.ids import RunId, Seq
from engine.stores.sqlite import SQLiteStore
from tests.stores.conformance import record, row

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    loop = asyncio.get_running_loop()
    def kept(run_id, n):
        def tell(error):
            assert error is None, error
            print(run_id, n, flush=True)
            append(run_id, n + 1)
        return tell
    def append(run_id, n):
        store.append(RunId(run_id), row(n, run_id=run_id), expected=Seq(n - 1),
                     kept=kept(run_id, n), record=None if n else record(run_id))
    for i in range(8):
        append(f"run-{i}", 0)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 10, 200])
async def test_a_process_that_is_killed_has_kept_whatever_it_was_told(
    path: Path, after: int
) -> None:
    told = killed(path, after)

    store = SQLiteStore(path)
    await store.open()
    last: dict[str, int] = {}
    for line in told:
        if line.endswith("\n"):
            run_id, n = line.split()
            last[run_id] = int(n)
    for run_id, n in last.items():
        rows = await store.read(RunId(run_id))
        assert [each.first for each in rows] == list(range(len(rows)))
        assert len(rows) > n
        assert await store.record(RunId(run_id)) == record(run_id)
        await keep(store, row(len(rows), run_id=run_id), run_id=run_id)
    await store.close()


def killed(path: Path, after: int) -> list[str]:
    """Run a process that keeps batches, kill it, and give the lines in which it told of them."""
    with subprocess.Popen(
        [sys.executable, "-c", DIES, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        return told + process.stdout.readlines()
