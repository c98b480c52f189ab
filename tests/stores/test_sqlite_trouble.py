"""What passes by itself is waited out, and nothing is lost meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from engine.ids import Seq
from engine.store import StoreUnavailable
from engine.stores.sqlite import store as sqlite_store
from engine.stores.sqlite.ledger import Ledger
from tests.stores.conformance import (
    RUN,
    News,
    keep,
    record,
    row,
    words,
)
from tests.stores.files import (
    hand_over,
    holding_up,
    in_writer,
    locked,
    no_file_larger_than,
    until,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from engine.stores.sqlite import SQLiteStore
    from engine.stores.sqlite.task import Task


async def test_while_another_program_holds_the_lock_everything_waits_and_then_is_kept(
    store: SQLiteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "engine.stores")
    await keep(store, row(0), record=record())
    news = News()
    with locked(path):
        hand_over(store, news, 20)
        store.append(RUN, row(1), expected=Seq(0), kept=news.of("it"))
        await until(lambda: store.trouble)
        assert store.trouble is not None
        assert "another program holds its lock" in store.trouble
        assert store.trouble.code == "STORE_BUSY"
        hand_over(store, news, 20, first=1)
        for _ in range(20):
            await asyncio.sleep(0.01)  # several attempts
        assert news.heard == []
        assert await words(store) == "x"  # what was kept can be read meanwhile

    heard = await news.all()

    assert len(heard) == 41
    assert all(error is None for _, error in heard)
    assert await words(store) == "xx"
    assert store.trouble is None
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 2
    assert "can't be written, which is tried again" in told[0]
    assert "can be written again" in told[1]


async def test_a_full_disk_loses_nothing_and_is_over_when_there_is_room(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(store, row(0), record=record())
    room = threading.Event()
    keep_group = Ledger.keep

    def keep_where_there_is_room(self: Ledger, tasks: Sequence[Task]) -> None:
        pages = 1_000_000 if room.is_set() else 20
        self._cursor.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        keep_group(self, tasks)

    monkeypatch.setattr(Ledger, "keep", keep_where_there_is_room)
    news = News()
    store.append(RUN, row(1), expected=Seq(0), kept=news.of("1"))
    store.append(RUN, row(2, 5_000), expected=Seq(1), kept=news.of("2"))
    store.append(RUN, row(5_002), expected=Seq(5_001), kept=news.of("3"))
    hand_over(store, news, 3)
    await until(lambda: store.trouble)
    assert store.trouble is not None
    assert store.trouble == f"the disk is full ('{path}': database or disk is full)"
    assert (store.trouble.code, store.trouble.hint) == ("STORE_FULL", "make room on it")
    assert await store.last(RUN) in (0, 1)

    room.set()

    assert all(error is None for _, error in await news.all())
    assert [each.last for each in await store.read(RUN)] == [0, 1, 5_001, 5_002]
    assert store.trouble is None


async def test_memory_that_runs_out_for_a_moment_costs_nothing(store: SQLiteStore) -> None:
    attempts: list[str | None] = []

    def greedy(_: sqlite3.Cursor) -> int:
        attempts.append(store.trouble)
        if len(attempts) < 3:
            raise MemoryError
        return len(attempts)

    assert await in_writer(store, greedy) == 3
    assert attempts == [None, "there is no memory left", "there is no memory left"]
    assert store.trouble is None


async def test_a_disk_that_refuses_to_write_is_tried_again(store: SQLiteStore, path: Path) -> None:
    await keep(store, row(0), record=record())
    news = News()
    with no_file_larger_than(path.with_name("runs.db-wal").stat().st_size + 10_000):
        store.append(RUN, row(1, 5_000), expected=Seq(0), kept=news.of("1"))
        await until(lambda: store.trouble)
        assert "the disk can't be read or written" in (store.trouble or "")
        assert await words(store) == "x"

    assert await news.all() == [("1", None)]
    assert await store.last(RUN) == 5_000


async def test_a_file_that_can_only_be_read_is_written_when_it_can_be_again(
    store: SQLiteStore, path: Path
) -> None:
    def writable(cursor: sqlite3.Cursor, *, is_so: bool) -> None:
        cursor.execute(f"PRAGMA query_only = {not is_so}")

    may_write = threading.Event()
    keep_group = Ledger.keep

    def keep_where_it_may(self: Ledger, tasks: Sequence[Task]) -> None:
        writable(self._cursor, is_so=may_write.is_set())
        keep_group(self, tasks)

    await keep(store, row(0), record=record())
    news = News()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "keep", keep_where_it_may)
        store.append(RUN, row(1), expected=Seq(0), kept=news.of("1"))
        await until(lambda: store.trouble)
        assert store.trouble is not None
        assert store.trouble.code == "STORE_READ_ONLY"
        assert f"the file can only be read ('{path}': attempt to write" in store.trouble
        assert await words(store) == "x"
        may_write.set()

        assert await news.all() == [("1", None)]
    assert store.trouble is None


async def test_whoever_waits_too_long_is_put_off_and_what_he_gave_is_kept_later(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "PATIENCE", 0.05)
    with locked(path):
        with pytest.raises(StoreUnavailable, match="has not kept this") as put_off:
            await store.put("graph", "g", b"x")
        assert put_off.value.code == "STORE_BUSY"
        assert "this may still be kept" in put_off.value.hint
        assert await store.documents("graph") == []

    assert await store.put("graph", "g", b"y") == 2
    assert [each.data for each in await store.documents("graph")] == [b"x", b"y"]


async def test_whoever_waits_long_without_trouble_is_not_put_off(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "PATIENCE", 0.01)
    with holding_up(store):
        asking = asyncio.create_task(store.put("graph", "g", b"x"))  # noqa: TID251  # waited for
        await asyncio.sleep(0.1)
        assert not asking.done()

    assert await asking == 1
