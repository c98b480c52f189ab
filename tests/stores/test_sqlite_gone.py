"""A file that is deleted, moved, replaced or damaged while it is open closes its store for good."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError
from engine.ids import RunId, Seq
from engine.store import StoreClosed
from engine.stores.sqlite import SQLiteStore
from engine.stores.sqlite.presence import Presence
from tests.stores.conformance import RUN, News, keep, keep_all, record, row, words
from tests.stores.files import content, hand_over

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def deleted(path: Path) -> None:
    path.unlink()


def without_its_log(path: Path) -> None:
    path.with_name("runs.db-wal").unlink()


def without_what_is_shared(path: Path) -> None:
    path.with_name("runs.db-shm").unlink()


def all_deleted(path: Path) -> None:
    for name in ("runs.db", "runs.db-wal", "runs.db-shm"):
        path.with_name(name).unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("away.db"))


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("copy.db"))
    path.with_name("copy.db").rename(path)


def in_a_folder_that_was_moved(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.mkdir()


TAKEN = (
    deleted,
    without_its_log,
    without_what_is_shared,
    all_deleted,
    moved,
    replaced,
    in_a_folder_that_was_moved,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "runs.db"


async def what_was_saved(error: EngineError) -> str:
    """Read the run from the copy that an error names."""
    saved = str(error.details["saved"])
    assert saved in error.hint
    store = SQLiteStore(saved)
    await store.open()
    try:
        return await words(store)
    finally:
        await store.close()


@pytest.mark.parametrize("take", TAKEN)
async def test_a_file_that_is_taken_away_is_noticed_at_the_next_batch_and_all_is_saved(
    store: SQLiteStore, path: Path, take: Callable[[Path], None]
) -> None:
    await keep_all(store, [row(0), row(1)])
    take(path)

    with pytest.raises(StoreClosed) as gone:
        await keep(store, row(2))

    assert gone.value.code == "STORE_GONE"
    assert f"'{path}" in gone.value.message
    assert "while it was open" in gone.value.message
    assert (await what_was_saved(gone.value)).startswith("xx")
    with pytest.raises(StoreClosed) as again:
        store.append(RUN, row(3), expected=Seq(2), kept=News().of("3"))
    with pytest.raises(StoreClosed) as unread:
        await store.read(RUN)
    with pytest.raises(StoreClosed) as unwritten:
        await store.put("graph", "g", b"x")
    for each in (again, unread, unwritten):
        assert (each.value.code, each.value.hint) == ("STORE_GONE", gone.value.hint)
    assert store.trouble is None  # it does not pass


@pytest.mark.parametrize("take", TAKEN)
async def test_a_file_that_is_taken_away_is_noticed_by_whoever_reads(
    store: SQLiteStore, path: Path, take: Callable[[Path], None]
) -> None:
    await keep_all(store, [row(0), row(1)])
    assert await words(store) == "xx"
    take(path)

    with pytest.raises(StoreClosed) as gone:
        await store.read(RUN)

    assert gone.value.code == "STORE_GONE"
    assert await what_was_saved(gone.value) == "xx"


async def test_a_file_that_was_taken_away_is_saved_when_its_store_is_closed(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SQLiteStore(path)
    await store.open()
    await keep_all(store, [row(0), row(1)])
    path.with_name("runs.db.saved").write_bytes(b"of an earlier time")
    deleted(path)

    await store.close()

    assert "is closed for good" in caplog.text
    saved = SQLiteStore(path.with_name("runs.db.saved-2"))
    await saved.open()
    assert await words(saved) == "xx"
    await saved.close()


async def test_whoever_was_waiting_when_the_file_was_taken_away_is_told(
    store: SQLiteStore, path: Path
) -> None:
    await keep(store, row(0), record=record())
    deleted(path)
    news = News()
    hand_over(store, news, 20)

    heard = await news.all()

    assert {type(error) for _, error in heard} == {StoreClosed}


async def test_a_store_whose_file_was_taken_away_can_be_opened_anew(
    store: SQLiteStore, path: Path
) -> None:
    await keep_all(store, [row(0), row(1)])
    all_deleted(path)
    with pytest.raises(StoreClosed) as gone:
        await keep(store, row(2))
    await store.close()
    path.with_name("runs.db.saved").rename(path)

    await store.open()

    assert gone.value.details["saved"] == f"{path}.saved"
    assert await words(store) == "xxx"  # and what was in the file and not told, is told now
    await keep(store, row(3))


def test_files_that_come_and_go_beside_the_database_are_no_matter(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("CREATE TABLE t (x)")
        presence = Presence(path)
        for n in range(5):
            path.with_name(f"{n}").touch()
            assert presence.missing() is None
            path.with_name(f"{n}").unlink()
            assert presence.missing() is None


def test_a_file_that_is_taken_away_is_noticed_however_long_all_was_quiet(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("CREATE TABLE t (x)")
        presence = Presence(path)
        while presence._quiet is None:  # a second
            assert presence.missing() is None
        assert presence.missing() is None
        deleted(path)
        assert presence.missing() == f"'{path}' was deleted or moved while it was open"


def test_a_file_that_can_not_be_reached_for_now_has_not_gone(path: Path) -> None:
    loop = path.with_name("loop")
    loop.symlink_to(loop)
    presence = Presence(path)
    presence._files = {loop: (0, 0)}

    assert presence.missing() is None


# -- damage -------------------------------------------------------------------------------


def spoil(path: Path, root: str) -> None:
    """Write over the first page of a table or an index, as a disk may that fails."""
    with closing(sqlite3.connect(path)) as foreign:
        ((size,),) = foreign.execute("PRAGMA page_size").fetchall()
        ((page,),) = foreign.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (root,)
        ).fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


async def of_runs(path: Path, count: int) -> SQLiteStore:
    """Keep so many runs in a file."""
    store = SQLiteStore(path)
    await store.open()
    for n in range(count):
        await keep(store, row(0, run_id=f"run-{n}"), run_id=f"run-{n}", record=record(f"run-{n}"))
    return store


async def test_a_damaged_page_closes_the_store_when_it_would_be_written(path: Path) -> None:
    store = await of_runs(path, 20)
    await store.close()
    spoil(path, "runs_by_began")
    await store.open()

    with pytest.raises(StoreClosed) as corrupt:
        await keep(store, row(0), record=record())

    assert corrupt.value.code == "STORE_CORRUPT"
    assert str(path) in corrupt.value.message
    assert "malformed" in corrupt.value.message
    assert "restore a backup" in corrupt.value.hint
    with pytest.raises(StoreClosed, match="malformed"):
        await keep(store, row(1, run_id="run-3"), run_id="run-3")
    await store.close()

    await store.open()  # and what is on other pages is there
    for n in range(20):
        assert await words(store, f"run-{n}") == "x"
    assert await store.last(RunId("r")) is None
    await store.close()


async def test_a_damaged_page_fails_whoever_reads_it_and_nobody_else(path: Path) -> None:
    store = await of_runs(path, 20)
    await store.close()
    spoil(path, "runs_by_began")
    await store.open()

    with pytest.raises(EngineError) as corrupt:
        await store.runs()

    assert corrupt.value.code == "STORE_CORRUPT"
    assert str(path) in corrupt.value.message
    assert "restore a backup" in corrupt.value.hint
    assert await words(store, "run-3") == "x"
    await keep(store, row(1, run_id="run-3"), run_id="run-3")
    await store.close()


async def test_a_database_whose_first_page_is_damaged_is_not_opened(path: Path) -> None:
    store = await of_runs(path, 1)
    await store.close()
    spoil(path, "rows")
    with path.open("r+b") as file:  # its list of tables, and not the words at its beginning
        file.seek(100)
        file.write(b"\xa5" * 300)
    before = content(path)

    with pytest.raises(EngineError) as corrupt:
        await store.open()

    assert corrupt.value.code == "STORE_CORRUPT"
    assert "restore a backup" in corrupt.value.hint
    assert content(path) == before
