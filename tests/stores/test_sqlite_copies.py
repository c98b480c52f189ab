"""A copy of a file that is in use is whole, and becomes a store again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError
from engine.ids import RunId, Seq
from engine.store import StoreInUse, StoreUnavailable
from engine.stores.sqlite import SQLiteStore, copying, schema
from engine.stores.sqlite.driver import Driver
from tests.stores.conformance import RUN, News, keep, keep_all, record, row, words
from tests.stores.files import content, files, no_file_larger_than, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies" / "copy.db"


def spoil(path: Path, what: bytes) -> None:
    path.write_bytes(what)


async def read(path: Path, run_id: str = RUN) -> str:
    """Read a run of a file."""
    store = SQLiteStore(path)
    await store.open()
    try:
        return await words(store, run_id)
    finally:
        await store.close()


async def test_a_copy_has_what_was_kept_and_is_one_file(store: SQLiteStore, copy: Path) -> None:
    await keep_all(store, [row(0), row(1)])

    size = await store.backup(copy)

    await keep(store, row(2))
    assert files(copy) == ["copy.db"]
    assert len(content(copy)) == size
    assert await read(copy) == "xx"


async def test_a_copy_that_is_made_while_the_file_is_written_is_of_one_moment(
    store: SQLiteStore, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_PAGES", 1)  # so that much is written between two pages
    names = [f"run-{n}" for n in range(20)]
    news = News()
    ends: dict[str, int] = dict.fromkeys(names, -1)
    stopped = asyncio.Event()

    async def write() -> None:
        while not stopped.is_set():
            for name in names:
                ends[name] += 1
                run = RunId(name)
                store.append(
                    run,
                    row(ends[name], run_id=name, word="x" * 500),
                    expected=Seq(ends[name] - 1),
                    kept=news.of(name),
                    record=None if ends[name] else record(name),
                )
            await news.all()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        while ends["run-0"] < 5:  # noqa: ASYNC110  # whoever writes tells nobody
            await asyncio.sleep(0.001)
        before = {name: await store.last(RunId(name)) for name in names}
        await store.backup(copy)
        after = {name: await store.last(RunId(name)) for name in names}
        stopped.set()

    copied = SQLiteStore(copy)
    await copied.open()
    lasts = {name: await copied.last(RunId(name)) for name in names}
    for name, last in lasts.items():
        assert last is not None
        assert before[name] <= last <= after[name]
        assert len(await copied.read(RunId(name))) == last + 1
    assert max(lasts.values()) - min(lasts.values()) <= 1
    assert sum(after.values()) > sum(before.values()), "nothing was written meanwhile"
    await copied.close()


async def test_a_store_need_not_be_open_to_be_copied_and_is_left_as_it_is(
    path: Path, copy: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        for statement in schema.VERSIONS[0]:
            earlier.execute(statement)
        earlier.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        earlier.execute("PRAGMA user_version = 1")

    await SQLiteStore(path).backup(str(copy))

    for each in (path, copy):
        with closing(sqlite3.connect(each)) as database:
            assert database.execute("PRAGMA user_version").fetchall() == [(1,)]


async def test_nothing_is_written_over(store: SQLiteStore, copy: Path) -> None:
    spoil(copy, b"mine")

    with pytest.raises(EngineError, match="there is a file") as refused:
        await store.backup(copy)

    assert str(copy) in refused.value.message
    assert files(copy) == ["copy.db"]


async def test_what_is_no_database_of_ours_is_not_copied(path: Path, copy: Path) -> None:
    store = SQLiteStore(path)
    with pytest.raises(EngineError, match="there is no database"):
        await store.backup(copy)
    spoil(path, b"")
    with pytest.raises(EngineError, match="is empty"):
        await store.backup(copy)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(EngineError, match="of another program"):
        await store.backup(copy)
    assert files(copy) == []


async def test_a_copy_that_there_is_no_room_for_leaves_nothing(
    store: SQLiteStore, copy: Path
) -> None:
    await keep(store, row(0, 5_000), record=record())

    with no_file_larger_than(100_000), pytest.raises(StoreUnavailable, match="can't be copied to"):
        await store.backup(copy)

    assert files(copy) == []


async def test_what_an_earlier_attempt_left_is_written_over(store: SQLiteStore, copy: Path) -> None:
    copy.with_name("copy.db.partial").write_bytes(b"half a database")
    await keep(store, row(0), record=record())

    await store.backup(copy)

    assert files(copy) == ["copy.db"]


async def test_a_damaged_database_is_not_taken_for_a_copy(path: Path, copy: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0, 2_000), record=record())
    await store.close()
    with closing(sqlite3.connect(path)) as foreign:
        ((page,),) = foreign.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'rows_by_run'"
        ).fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)

    with pytest.raises(EngineError) as refused:
        await store.backup(copy)

    assert refused.value.code == "STORE_CORRUPT"
    assert files(copy) == []


async def test_a_copy_that_is_no_longer_wanted_is_broken_off_and_leaves_nothing(
    store: SQLiteStore, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_PAGES", 1)
    await keep(store, row(0, 20_000), record=record())  # some hundred pages
    asking = asyncio.create_task(store.backup(copy))  # noqa: TID251  # cancelled, and waited for
    await until(lambda: files(copy))

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: not files(copy))


# -- restoring ----------------------------------------------------------------------------


async def test_a_copy_becomes_a_store_again_and_stays_a_copy(
    store: SQLiteStore, path: Path, copy: Path
) -> None:
    await keep_all(store, [row(0), row(1)])
    await store.backup(copy)
    fresh = path.with_name("fresh.db")

    assert await SQLiteStore(fresh).restore(copy) is None

    assert await read(fresh) == "xx"
    assert await read(copy) == "xx"


async def test_a_store_that_is_there_is_put_aside_only_if_that_is_asked_for(
    path: Path, copy: Path
) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0), record=record())
    await store.backup(copy)
    await keep(store, row(1))
    await store.close()

    with pytest.raises(EngineError, match="there is a file"):
        await store.restore(copy)
    assert await read(path) == "xx"

    for number in ("", "-2"):
        aside = await store.restore(copy, replace=True)
        assert aside == path.with_name(f"runs.db.replaced{number}")
    assert await read(path) == "x"
    assert await read(path.with_name("runs.db.replaced")) == "xx"


async def test_what_a_killed_process_left_beside_the_file_does_not_spoil_what_is_restored(
    path: Path, copy: Path
) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0), record=record())
    await store.backup(copy)
    await keep(store, row(1))
    left = path.with_name("left.db")
    for each in ("", "-wal"):
        shutil.copy(f"{path}{each}", f"{left}{each}")  # as they are on the disk
    await store.close()

    aside = await SQLiteStore(left).restore(copy, replace=True)

    assert aside is not None
    assert await read(left) == "x"
    assert await read(aside) == "xx"


async def test_a_damaged_store_is_put_aside_with_all_that_belongs_to_it(
    path: Path, copy: Path
) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0), record=record())
    await store.backup(copy)
    await store.close()
    spoil(path, b"what the disk made of it" * 1_000)
    spoil(path.with_name("runs.db-wal"), b"of it")

    aside = await store.restore(copy, replace=True)

    assert aside == path.with_name("runs.db.replaced")
    assert files(path) == ["copies", "runs.db", "runs.db.replaced"]
    assert await read(path) == "x"


async def test_a_store_that_somebody_has_open_is_not_replaced(
    store: SQLiteStore, path: Path, copy: Path
) -> None:
    await keep(store, row(0), record=record())
    await store.backup(copy)
    other = SQLiteStore(path)

    with pytest.raises(EngineError, match="close it first"):
        await store.restore(copy, replace=True)
    with pytest.raises(StoreUnavailable, match="another program has the database") as refused:
        await other.restore(copy, replace=True)
    assert refused.value.code == "STORE_BUSY"
    await store.claim("this one")
    with pytest.raises(StoreInUse, match="this one"):
        await other.restore(copy, replace=True)

    await keep(store, row(1))
    assert await words(store) == "xx"
    assert not path.with_name("runs.db.restored").exists()


async def test_what_is_no_copy_replaces_nothing(path: Path, copy: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep(store, row(0), record=record())
    await store.close()
    spoil(copy, b"notes of mine\n" * 1_000)

    with pytest.raises(EngineError, match="file is not a database"):
        await store.restore(copy, replace=True)

    assert await read(path) == "x"
    assert files(path) == ["copies", "runs.db"]
    assert not Driver(path).path.exists()
