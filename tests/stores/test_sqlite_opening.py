"""How the file of a store is opened, and what is refused in its place."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError
from engine.store import StoreClosed, StoreUnavailable
from engine.stores.sqlite import SQLiteStore, opening, schema
from tests.stores.conformance import (
    RUN,
    keep,
    record,
    row,
    words,
)
from tests.stores.files import (
    content,
    files,
    in_writer,
    no_file_larger_than,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def test_every_commit_is_on_the_disk_before_it_is_told(store: SQLiteStore) -> None:
    def settings(cursor: sqlite3.Cursor) -> list[object]:
        return [
            cursor.execute(f"PRAGMA {name}").fetchall()[0][0]
            for name in ("journal_mode", "synchronous")
        ]

    assert await in_writer(store, settings) == ["wal", 2]


async def test_a_store_that_was_closed_leaves_one_file(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0), record=record())
    await store.read(RUN)
    assert files(path) == ["runs.db", "runs.db-shm", "runs.db-wal"]

    await store.close()

    assert files(path) == ["runs.db"]


async def test_stores_that_make_one_file_at_once_share_it(path: Path) -> None:
    stores = [SQLiteStore(path) for _ in range(6)]
    async with asyncio.TaskGroup() as tasks:
        for each in stores:
            tasks.create_task(each.open())

    await keep(stores[0], row(0), record=record())
    assert [await words(each) for each in stores] == ["x"] * 6
    for each in stores:
        await each.close()


def empty(path: Path) -> None:
    path.touch()


async def test_an_empty_file_becomes_a_database(path: Path) -> None:
    empty(path)
    store = SQLiteStore(str(path))
    await store.open()
    await keep(store, row(0), record=record())
    await store.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"these are notes of mine, and no database\n" * 100)


def folder(path: Path) -> None:
    path.mkdir()


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE runs (x)")


def named_by_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA application_id = 7")


def of_a_later_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        other.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (garbage, "'PATH' is no SQLite database", "it was left as it is"),
        (folder, "'PATH' is a folder, and a database is a file", "PATH/runs.db"),
        (of_another_program, "'PATH' is the database of another program", "left as it is"),
        (named_by_another_program, "'PATH' is the database of another program", "left as it is"),
        (
            of_a_later_version,
            f"its schema is {schema.VERSION + 1}, and this version knows those up to",
            "use that version",
        ),
    ],
)
async def test_what_is_no_database_of_ours_is_refused_and_left_as_it_is(
    path: Path, make: Callable[[Path], None], message: str, hint: str
) -> None:
    make(path)
    before = content(path)
    store = SQLiteStore(path)

    with pytest.raises(EngineError) as refused:
        await store.open()

    assert message.replace("PATH", str(path)) in refused.value.message
    assert hint.replace("PATH", str(path)) in refused.value.hint
    code = "STORE_TOO_NEW" if make is of_a_later_version else "STORE_FAILED"
    assert refused.value.code == code
    assert content(path) == before
    assert files(path) == ["runs.db"]
    with pytest.raises(StoreClosed):
        await store.last(RUN)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "data" / "engine" / "runs.db")

    with pytest.raises(EngineError, match="there is no folder") as refused:
        await store.open()
    assert refused.value.hint == f"make it first: mkdir -p {tmp_path / 'data' / 'engine'}"


async def test_a_place_where_nothing_can_be_written_is_refused() -> None:
    store = SQLiteStore("/proc/runs.db")

    with pytest.raises(EngineError, match="can't be opened for reading and writing") as refused:
        await store.open()
    assert "may write the file and its folder" in refused.value.hint


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_what_is_no_path_is_refused_with_the_store_that_was_meant(path: str) -> None:
    with pytest.raises(EngineError, match="MemoryStore"):
        SQLiteStore(path)


async def test_a_database_that_is_locked_when_it_is_opened_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BLINK", 0.01)
    refusal = opening._refusal
    met: list[sqlite3.Error] = []

    def noted(path: Path, error: sqlite3.Error) -> EngineError:
        met.append(error)
        return refusal(path, error)

    monkeypatch.setattr(opening, "_refusal", noted)
    store = SQLiteStore(path)
    with closing(sqlite3.connect(path)) as foreign:  # which makes the file
        foreign.execute("BEGIN EXCLUSIVE")
        async with asyncio.TaskGroup() as tasks:
            at_it = tasks.create_task(store.open())
            await until(lambda: len(met) > 1 or at_it.done())
            assert not at_it.done()
            assert "locked" in str(met[0])
            foreign.execute("ROLLBACK")
    await store.close()


async def test_a_database_that_stays_locked_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PATIENCE", 0.05)
    monkeypatch.setattr(opening, "BLINK", 0.01)
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="another program holds its lock") as refused:
            await SQLiteStore(path).open()
    assert refused.value.code == "STORE_BUSY"
    assert str(path) in refused.value.message


async def test_a_disk_without_room_for_a_new_database_is_said_when_it_is_opened(
    path: Path,
) -> None:
    store = SQLiteStore(path)
    with (
        no_file_larger_than(33_000),
        pytest.raises(EngineError, match="can't be opened for reading and writing"),
    ):
        await store.open()

    await store.open()
    await keep(store, row(0), record=record())
    await store.close()


async def test_an_sqlite_that_is_too_old_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OLDEST", (99, 1))

    with pytest.raises(EngineError, match=r"but 99\.1 or later is needed"):
        await SQLiteStore(path).open()


async def test_a_store_that_is_open_is_not_opened_again(store: SQLiteStore) -> None:
    with pytest.raises(EngineError, match="is open already"):
        await store.open()
    await keep(store, row(0), record=record())
