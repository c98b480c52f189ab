"""The store in an SQLite file keeps the promises of every store, and those of its disk."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from engine.errors import EngineError, LogMoved
from engine.ids import BEGINNING, RunId, Seq
from engine.store import StoreClosed, StoreUnavailable
from engine.stores.sqlite import SQLiteStore, ledger, readers, schema, writer
from engine.stores.sqlite.ledger import Ledger
from engine.stores.sqlite.task import Ask
from tests.stores.conformance import (
    RUN,
    News,
    PersistentStoreConformance,
    keep,
    keep_all,
    record,
    row,
    words,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence

    from engine.store import Store
    from engine.stores.sqlite.task import Task
    from tests.stores.conformance import Overwrite

ROOT = Path(__file__).parent.parent.parent

Answer = TypeVar("Answer")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
async def store(path: Path) -> AsyncGenerator[SQLiteStore, None]:
    store = SQLiteStore(path)
    await store.open()
    yield store
    await store.close()


class TestSQLiteStore(PersistentStoreConformance):
    """On a file of its own."""

    @pytest.fixture
    def another(self, path: Path) -> Store:
        """Make a second store over the same file."""
        return SQLiteStore(path)

    @pytest.fixture
    def overwrite(self, path: Path) -> Overwrite:
        """Change a row as any program may that writes SQLite files."""

        async def change(run_id: str, last: int, data: bytes) -> None:
            with closing(sqlite3.connect(path)) as foreign, foreign:
                changed = foreign.execute(
                    "UPDATE rows SET data = ? WHERE last = ? "
                    "AND run = (SELECT no FROM runs WHERE run_id = ?)",
                    (data, last, run_id),
                )
            assert changed.rowcount == 1

        return change


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold the lock of a database as another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        yield
        foreign.execute("ROLLBACK")


async def until(holds: Callable[[], object]) -> None:
    """Let the loop turn until something holds; the test's time is the limit."""
    while not holds():  # noqa: ASYNC110  # a store says it to whoever asks, and to nobody else
        await asyncio.sleep(0.001)


def files(path: Path) -> list[str]:
    """Name what lies beside a database, itself included."""
    return sorted(each.name for each in path.parent.iterdir())


async def in_writer(store: SQLiteStore, what: Callable[[sqlite3.Cursor], Answer]) -> Answer:
    """Do something in the thread that writes, between two groups."""
    assert store._writer is not None
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    store._writer.put(Ask(what, future))
    return await future


@contextmanager
def holding_up(store: SQLiteStore) -> Generator[None, None, None]:
    """Keep the thread that writes busy, so that everything handed over meanwhile waits."""
    assert store._writer is not None
    held_up, let_go = threading.Event(), threading.Event()

    def wait(_: sqlite3.Cursor) -> bool:
        held_up.set()
        return let_go.wait()

    store._writer.put(Ask(wait, asyncio.get_running_loop().create_future()))
    held_up.wait()
    try:
        yield
    finally:
        let_go.set()


def hand_over(store: SQLiteStore, news: News, runs: int, *, first: int = 0) -> None:
    """Hand over one batch each of many runs, at once."""
    for n in range(runs):
        name = f"run-{n}"
        store.append(
            RunId(name),
            row(first, run_id=name),
            expected=Seq(first - 1),
            kept=news.of(name),
            record=None if first else record(name),
        )


# -- the file -----------------------------------------------------------------------------


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


def content(path: Path) -> bytes:
    return b"" if path.is_dir() else path.read_bytes()


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
        (garbage, "'PATH' is no SQLite database", "this one was left as it is"),
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
    assert refused.value.code == "STORE_FAILED"
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
    monkeypatch.setattr(schema, "BLINK", 0.01)
    refusal = schema._refusal
    met: list[sqlite3.Error] = []

    def noted(path: Path, error: sqlite3.Error) -> EngineError:
        met.append(error)
        return refusal(path, error)

    monkeypatch.setattr(schema, "_refusal", noted)
    store = SQLiteStore(path)
    with closing(sqlite3.connect(path)) as foreign:  # which makes the file
        foreign.execute("BEGIN EXCLUSIVE")
        async with asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(store.open())
            await until(lambda: len(met) > 1 or opening.done())
            assert not opening.done()
            assert "locked" in str(met[0])
            foreign.execute("ROLLBACK")
    await store.close()


async def test_a_database_that_stays_locked_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "PATIENCE", 0.05)
    monkeypatch.setattr(schema, "BLINK", 0.01)
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="another program holds its lock"):
            await SQLiteStore(path).open()


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
    monkeypatch.setattr(schema, "OLDEST", (99, 1))

    with pytest.raises(EngineError, match=r"but 99\.1 or later is needed"):
        await SQLiteStore(path).open()


async def test_a_store_that_is_open_is_not_opened_again(store: SQLiteStore) -> None:
    with pytest.raises(EngineError, match="is open already"):
        await store.open()
    await keep(store, row(0), record=record())


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


# -- groups -------------------------------------------------------------------------------


def statements(said: list[str], beginning: str) -> set[str]:
    """Give what was executed; SQLite names a statement again for each trigger that it fires."""
    return {each for each in said if each.startswith(beginning)}


async def test_what_waits_is_kept_in_one_commit_and_told_in_one_go(store: SQLiteStore) -> None:
    said: list[str] = []
    await in_writer(store, lambda cursor: cursor.connection.set_trace_callback(said.append))
    news = News()

    with holding_up(store):
        hand_over(store, news, 200)
        hand_over(store, news, 200, first=1)
    await news.all()
    with holding_up(store):
        hand_over(store, news, 200, first=2)
    heard = await news.all()

    assert heard == [(f"run-{n}", None) for n in range(200)] * 3
    assert len(statements(said, "INSERT INTO rows")) == 2


async def test_a_lone_batch_is_one_statement(store: SQLiteStore) -> None:
    await keep(store, row(0), record=record())
    said: list[str] = []
    await in_writer(store, lambda cursor: cursor.connection.set_trace_callback(said.append))
    said.clear()

    await keep(store, row(1))
    await keep(store, row(2))

    assert len(statements(said, "INSERT INTO rows")) == 2
    assert statements(said, "") == statements(said, "INSERT INTO rows")


@pytest.mark.parametrize("runs", [1, 2, 3, 5, 64, 65, 700])
async def test_groups_of_any_size_are_kept(store: SQLiteStore, runs: int) -> None:
    news = News()
    with holding_up(store):
        for first in range(3):
            hand_over(store, news, runs, first=first)

    heard = await news.all()

    assert heard == [(f"run-{n}", None) for n in range(runs)] * 3
    for n in (0, runs // 2, runs - 1):
        assert await store.last(RunId(f"run-{n}")) == 2


async def test_a_group_ends_with_the_bytes_it_may_have(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SIZE", 1_000)
    said: list[str] = []
    await in_writer(store, lambda cursor: cursor.connection.set_trace_callback(said.append))
    news = News()

    with holding_up(store):
        hand_over(store, news, 40)
    await news.all()

    size = len(row(0, run_id="run-39").data)
    assert len(statements(said, "INSERT INTO rows")) == -(-40 // -(-1_000 // size))


async def test_a_batch_too_large_fails_alone(store: SQLiteStore) -> None:
    def lower(cursor: sqlite3.Cursor) -> int:
        return cursor.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000)

    await in_writer(store, lower)
    news = News()
    with holding_up(store):
        for n in range(5):
            name = RunId(f"run-{n}")
            first = row(0, word="x" * (20_000 if n == 2 else 10), run_id=name)
            given = record(name)
            store.append(name, first, expected=BEGINNING, kept=news.of(name), record=given)
            second = row(1, run_id=name)
            store.append(name, second, expected=Seq(0), kept=news.of(f"{name} again"))

    heard = dict(await news.all())

    assert {name for name, error in heard.items() if error} == {"run-2", "run-2 again"}
    failed = heard["run-2"]
    assert failed is not None
    assert failed.code == "STORE_FAILED"
    assert "too big" in failed.message
    assert "make it smaller" in failed.hint
    assert isinstance(heard["run-2 again"], LogMoved)
    assert store.trouble is None
    assert await store.record(RunId("run-2")) is None
    assert await store.last(RunId("run-4")) == 1


async def test_what_sqlite_can_not_take_fails_alone(store: SQLiteStore) -> None:
    news = News()
    with holding_up(store):
        hand_over(store, news, 2)
        name = RunId("lone \ud800 surrogate")
        store.append(name, row(0), expected=BEGINNING, kept=news.of(name), record=record("x"))
        lost = asyncio.create_task(store.remember("\ud800", b"x"))  # noqa: TID251  # waited for below
        found = asyncio.create_task(store.remember("k", b"x"))  # noqa: TID251  # as well
        await asyncio.sleep(0)

    heard = dict(await news.all())

    assert {each for each, error in heard.items() if error} == {name}
    assert await found == b"x"
    with pytest.raises(EngineError, match="UnicodeEncodeError") as failed:
        await lost
    assert "mend what was given" in failed.value.hint


async def test_a_batch_that_does_not_follow_the_one_before_it_fails_alone(
    store: SQLiteStore,
) -> None:
    news = News()
    with holding_up(store):
        hand_over(store, news, 2)
        name = RunId("run-0")
        store.append(name, row(2, run_id=name), expected=Seq(1), kept=news.of("gap"))
        completed = record("run-1", status="completed")
        name = RunId("run-1")
        second = row(1, run_id=name)
        store.append(name, second, expected=Seq(0), kept=news.of("end"), record=completed)

    heard = dict(await news.all())

    assert [name for name, error in heard.items() if error] == ["gap"]
    assert isinstance(heard["gap"], LogMoved)
    assert await store.record(RunId("run-1")) == completed


async def test_what_follows_a_refused_batch_in_a_later_group_is_refused_too(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ROWS", 1)
    await keep_all(store, [row(0), row(1)])
    news = News()
    for n in (1, 2, 3):
        store.append(RUN, row(n, word="late"), expected=Seq(n - 1), kept=news.of(str(n)))

    heard = await news.all()

    assert [type(error) for _, error in heard] == [LogMoved] * 3
    assert "before this one was not kept" in str(heard[1][1])
    assert await words(store) == "xx"


async def test_more_runs_than_are_remembered_are_looked_up(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "REMEMBERED", 3)
    for first in range(3):
        for n in range(6):
            name = f"run-{n}"
            given = None if first else record(name)
            await keep(store, row(first, run_id=name), run_id=name, record=given)

    assert [await store.last(RunId(f"run-{n}")) for n in range(6)] == [2] * 6


async def test_what_goes_wrong_in_the_thread_is_told_and_the_thread_goes_on(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        await in_writer(store, lambda _: 1 // 0)

    assert "a group of 1 can't be kept" in caplog.text
    await keep(store, row(0), record=record())


async def test_a_connection_that_is_lost_keeps_nobody_waiting(store: SQLiteStore) -> None:
    with pytest.raises(EngineError, match="closed database"):
        await in_writer(store, lambda cursor: cursor.connection.close())
    with pytest.raises(EngineError, match="closed database") as failed:
        await keep(store, row(0), record=record())
    assert failed.value.code == "STORE_FAILED"
    assert "open it again" in failed.value.hint


async def test_what_can_not_be_written_down_is_refused_at_once(store: SQLiteStore) -> None:
    with pytest.raises(UnicodeEncodeError):
        store.append(
            RUN,
            row(0),
            expected=BEGINNING,
            kept=News().of("it"),
            record=record(tags={"k": "\ud800"}),
        )
    await keep(store, row(0), record=record())


async def test_news_that_can_not_be_taken_stop_no_other(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    def raises(_: EngineError | None) -> None:
        raise RuntimeError("no")

    news = News()
    with holding_up(store):
        store.append(RUN, row(0), expected=BEGINNING, kept=raises, record=record())
        hand_over(store, news, 3)

    assert all(error is None for _, error in await news.all())
    assert "the news of a batch could not be taken" in caplog.text


async def test_whoever_no_longer_waits_for_an_answer_has_given_it_all_the_same(
    store: SQLiteStore,
) -> None:
    with holding_up(store):
        asking = asyncio.create_task(store.remember("k", b"first"))  # noqa: TID251  # cancelled
        await asyncio.sleep(0)
        asking.cancel()

    assert await store.remember("k", b"second") == b"first"
    assert asking.cancelled()


# -- trouble that passes ------------------------------------------------------------------


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
        assert "another program holds its lock" in (store.trouble or "")
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
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
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
    assert store.trouble == "the disk is full (database or disk is full)"
    assert await store.last(RUN) in (0, 1)

    room.set()

    assert all(error is None for _, error in await news.all())
    assert [each.last for each in await store.read(RUN)] == [0, 1, 5_001, 5_002]
    assert store.trouble is None


@contextmanager
def no_file_larger_than(size: int) -> Generator[None, None, None]:
    """Have the kernel refuse what this process writes beyond a size."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


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


# -- damage -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE rows SET data = substr(data, 1, 150) WHERE last = 4", "it holds entries 2 to 3"),
        ("DELETE FROM rows WHERE last = 4", "it begins at 5, and not at 2"),
        ("DELETE FROM rows WHERE last = 1", "it begins at 2, and not at 0"),
    ],
    ids=["a row is torn", "a row is missing", "the first row is missing"],
)
async def test_a_log_that_was_damaged_is_not_read(
    store: SQLiteStore, path: Path, statement: str, message: str
) -> None:
    await keep_all(store, [row(0, 2), row(2, 3), row(5)])
    with closing(sqlite3.connect(path)) as foreign, foreign:
        foreign.execute(statement)

    with pytest.raises(EngineError, match="is damaged at the row") as refused:
        await store.read(RUN)
    assert message in refused.value.message
    assert refused.value.code == "STORE_FAILED"


@pytest.mark.parametrize(("after", "last"), [(None, 0), (0, 1), (1, 2), (3, 4), (9, 10)])
async def test_the_file_itself_takes_no_row_that_does_not_follow_whoever_writes_it(
    store: SQLiteStore, path: Path, after: int | None, last: int
) -> None:
    await keep_all(store, [row(0, 2), row(2)])

    with (
        closing(sqlite3.connect(path)) as foreign,
        pytest.raises(sqlite3.IntegrityError, match="does not follow the end of its log"),
    ):
        foreign.execute(
            "INSERT INTO rows (run, after, last, data) VALUES (1, ?, ?, x'')", (after, last)
        )


async def test_what_was_taken_out_of_the_file_is_missed_by_name(
    store: SQLiteStore, path: Path
) -> None:
    with closing(sqlite3.connect(path)) as foreign, foreign:
        foreign.execute("DROP TABLE answers")

    with pytest.raises(EngineError, match="no such table: answers") as refused:
        await store.answer("k")
    assert refused.value.code == "STORE_FAILED"
    assert "restore a backup" in refused.value.hint
    with pytest.raises(EngineError, match="no such table: answers"):
        await store.remember("k", b"x")
    await keep(store, row(0), record=record())


async def test_a_record_that_was_damaged_is_not_read(
    store: SQLiteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(store, row(0), record=record())
    with closing(sqlite3.connect(path)) as foreign, foreign:
        foreign.execute("UPDATE runs SET tags = 'notes'")

    with pytest.raises(EngineError, match="can't be read: DecodeError") as refused:
        await store.record(RUN)
    assert "restore a backup" in refused.value.hint
    assert "a question can't be answered" in caplog.text


def move(path: Path, where: Path) -> None:
    path.rename(where)


async def test_a_file_that_has_gone_may_come_back(store: SQLiteStore, path: Path) -> None:
    await keep(store, row(0), record=record())
    away = path.with_name("away.db")
    move(path, away)

    with pytest.raises(StoreUnavailable, match="its files can't be opened"):
        await store.read(RUN)

    move(away, path)
    assert await words(store) == "x"


# -- death --------------------------------------------------------------------------------

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
