"""The SQLite store forgets runs bit by bit, and gives the room they took back to the disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.entry import encode_batch
from engine.errors import LogMoved
from engine.ids import RunId, Seq
from engine.store import Origin, Orphans, RunFilter
from engine.stores.sqlite import SQLiteStore, forgetting, schema
from tests.stores.conformance import (
    NOON,
    RUN,
    News,
    completed,
    due,
    is_gone,
    keep,
    names,
    record,
    row,
    run_of,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.row import Row

MIB = 1024 * 1024


def sql(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Do something to a database as any program may that writes SQLite files."""
    with closing(sqlite3.connect(path)) as foreign, foreign:
        return foreign.execute(statement, values).fetchall()  # type: ignore[arg-type]  # ours


def bytes_of(path: Path) -> int:
    return path.stat().st_size


async def fill(store: SQLiteStore, runs: int, size: int) -> list[RunId]:
    """Keep runs that have ended, each with a row of so many bytes."""
    for n in range(runs):
        over = record(f"old-{n}", status="completed", tags={"n": f"{n}"})
        await run_of(store, over, completed(0, {"large": f"{n}" + "x" * size}))
    return [RunId(f"old-{n}") for n in range(runs)]


# -- room ---------------------------------------------------------------------------------


async def test_the_file_is_smaller_when_runs_were_forgotten(path: Path, store: SQLiteStore) -> None:
    old = await fill(store, 16, MIB)
    await run_of(store, record("new"))
    full = await store.size()
    assert full > 16 * MIB

    assert set(await store.forget(old)) == set(old)
    await store.shrink()

    assert await store.size() < full / 10
    assert bytes_of(path) < MIB
    assert sql(path, "PRAGMA freelist_count") == [(0,)]
    assert sql(path, "PRAGMA integrity_check") == [("ok",)]
    await keep(store, row(1), run_id="new")
    assert await words(store, "new") == "xx"


async def test_the_file_is_cut_off_when_whoever_reads_it_is_done(
    path: Path, store: SQLiteStore
) -> None:
    await store.forget(await fill(store, 4, MIB))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        await store.shrink()  # nobody waits for that reader
        reader.execute("COMMIT")

    await store.shrink()

    assert bytes_of(path) < MIB


# -- bit by bit ---------------------------------------------------------------------------


async def test_a_long_log_is_removed_in_parts_between_which_others_write(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    sweep = forgetting.sweep

    def counting(cursor: sqlite3.Cursor) -> bool:
        before = cursor.connection.total_changes
        swept = sweep(cursor)
        sizes.append(cursor.connection.total_changes - before)
        return swept

    monkeypatch.setattr(forgetting, "sweep", counting)
    monkeypatch.setattr(forgetting, "ROWS", 10)
    over = record("long", status="completed")
    await run_of(store, over, *[row(n) for n in range(95)])
    for n in range(3):
        await run_of(store, record(f"large-{n}", status="completed"), *large(3))

    await store.forget([RunId("long"), *(RunId(f"large-{n}") for n in range(3))])

    assert max(sizes) == 10
    assert len(sizes) > 10
    assert await names(store) == ""
    assert list(await store.orphans()) == []


def large(rows: int) -> list[Row]:
    return [completed(n, {f"{k}": "x" * 60_000 for k in range(9)}) for n in range(rows)]


async def test_what_a_process_left_that_died_meanwhile_is_removed_next_time(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_of(store, record("a", status="completed"), *[row(n) for n in range(20)])
    await run_of(store, record("b", status="completed"))
    with monkeypatch.context() as dying:
        dying.setattr(forgetting, "sweep", lambda _: False)
        assert list(await store.forget([RunId("a")])) == ["a"]
    assert sql(path, "SELECT count(*) FROM rows") == [(22,)]  # 21 of them, and one that ends it
    assert await is_gone(store, "a")
    assert list(await store.orphans()) == []  # they are on their way

    await store.forget([])

    assert sql(path, "SELECT count(*) FROM rows") == [(1,)]
    assert await names(store) == "b"


async def test_nothing_follows_a_log_that_is_being_removed(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "sweep", lambda _: False)
    late = SQLiteStore(path)
    await late.open()
    try:
        for name in "abcd":
            await run_of(late, record(name, status="completed"), row(0), row(1))
        await store.forget([RunId(name) for name in "abcd"])

        for n in range(3):  # it remembers where the run was, and its rows are still there
            with pytest.raises(LogMoved):
                await keep(late, row(2), run_id="a", expected=n)
        await run_of(late, record("b"), row(0, word="n"))
        with pytest.raises(LogMoved):
            await keep(late, row(2), run_id="b")
        news = News()
        for name in "cd":
            given = record(name)
            late.append(
                RunId(name), row(0, word="n"), expected=Seq(-1), kept=news.of(name), record=given
            )
        assert all(error is None for _, error in await news.all())

        assert await is_gone(store, "a")
        assert [await words(store, name) for name in "bcd"] == ["n", "n", "n"]
    finally:
        await late.close()


async def test_a_number_is_never_given_again(path: Path, store: SQLiteStore) -> None:
    for name in "abc":
        await run_of(store, record(name, status="completed"))
    ((highest,),) = sql(path, "SELECT max(no) FROM runs")

    await store.forget([RunId(name) for name in "abc"])
    await store.close()
    await store.open()
    await run_of(store, record("d"))

    assert sql(path, "SELECT no FROM runs") == [(highest + 1,)]  # type: ignore[operator]  # int
    await store.forget([])
    assert sql(path, "SELECT no FROM forgotten") == [(highest,)]


async def test_large_values_are_removed_in_parts_and_those_that_others_have_stay(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "SIZE", 250_000)
    rows = [completed(n, {"large": f"{n}" + "x" * 100_000}) for n in range(10)]
    await run_of(store, record("a", status="completed"), *rows)
    await run_of(store, record("b", status="completed"), *rows[:4])
    assert sql(path, "SELECT count(*) FROM blobs") == [(10,)]

    await store.forget([RunId("a")])

    assert sql(path, "SELECT count(*) FROM blobs") == [(4,)]
    assert [each.entries for each in await store.read(RunId("b"))] == [
        each.entries for each in rows[:4]
    ]
    await store.forget([RunId("b")])
    assert sql(path, "SELECT (SELECT count(*) FROM blobs), (SELECT count(*) FROM uses)") == [(0, 0)]


@pytest.mark.parametrize(
    "change", ["DELETE FROM blobs", "DELETE FROM uses", "UPDATE blobs SET data = x'2230'"]
)
async def test_a_row_that_has_lost_a_large_value_can_not_be_read(
    path: Path, store: SQLiteStore, change: str
) -> None:
    await run_of(store, record("a"), completed(0, {"large": "x" * 100_000}))
    sql(path, change)

    (read,) = await store.read(RunId("a"))
    with pytest.raises(ValueError, match="the value of 'large' in entry 0 is"):
        assert read.entries


# -- orphans ------------------------------------------------------------------------------


async def test_what_belongs_to_nothing_is_found(path: Path, store: SQLiteStore) -> None:
    for name in "ab":
        await run_of(store, record(name, tags={"team": name}))
    await run_of(store, record("f", origin=Origin(RunId("a"), Seq(0))), row(1))
    sql(path, "DELETE FROM runs WHERE run_id = 'a'")
    sql(path, "INSERT INTO blobs (digest, data) VALUES ('abc', x'00')")
    sql(path, "INSERT INTO uses (run, last, blob) VALUES (2, 0, 77)")

    assert list(await store.orphans()) == [
        Orphans("rows", 1, "1"),
        Orphans("forks", 1, "f"),
        Orphans("tags", 1, "team"),
        Orphans("blobs", 1, "abc"),
        Orphans("uses", 1, "2"),
    ]


# -- files of the first version -----------------------------------------------------------


def of_the_first_version(path: Path, *, size: int = 10) -> None:
    """Make a file as the first version of our tables had it, with runs in it."""
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("PRAGMA journal_mode = WAL")
        for statement in schema.VERSIONS[0]:
            old.execute(statement)
        for no, (name, status) in enumerate(
            [("a", "running"), ("b", "paused"), ("c", "completed"), ("d", "failed")], 1
        ):
            old.execute(
                "INSERT INTO runs VALUES (?, ?, 'g', 'v', ?, ?, ?, NULL, NULL, NULL, ?, 'default')",
                (no, name, status, 60_000_000 * no, 60_000_000 * no, f'{{"team":"{name}"}}'),
            )
            data = encode_batch(completed(0, {"x": "y" * size}).entries)  # whole, as it was then
            old.execute("INSERT INTO rows VALUES (?, ?, NULL, 0, ?)", (no, no, data))
        old.execute("INSERT INTO answers VALUES (1, 'k', x'61')")
        old.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        old.execute("PRAGMA user_version = 1")


async def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    of_the_first_version(path)
    store = SQLiteStore(path)
    await store.open()
    try:
        assert await names(store) == "dcba"
        assert await names(store, RunFilter(status=["running", "paused"])) == "ba"
        assert await names(store, RunFilter(tags={"team": "c"})) == "c"
        assert await due(store) == "ab"  # whoever drives them finds out when it really is
        assert await store.answer("k") == b"a"
        assert await store.forget_answers(NOON.replace(year=2000)) == 0  # it was kept just now
        assert await store.forget([RunId("a"), RunId("c")]) == {"c"}
        await keep(store, row(1), run_id="a", record=replace(record("a"), status="completed"))
        assert await due(store) == "b"
        assert list(await store.orphans()) == []
    finally:
        await store.close()


@pytest.mark.parametrize("is_large", [False, True])
async def test_a_file_of_the_first_version_gives_room_back_unless_it_is_large(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, is_large: bool
) -> None:
    of_the_first_version(path, size=2 * MIB)
    if is_large:
        monkeypatch.setattr(forgetting, "REBUILT", MIB)
    store = SQLiteStore(path)
    await store.open()
    try:
        await store.forget([RunId("c"), RunId("d")])

        await store.shrink()

        assert bytes_of(path) // MIB == (8 if is_large else 4)
        assert sql(path, "PRAGMA auto_vacuum") == [(0 if is_large else 2,)]
        assert sql(path, "PRAGMA integrity_check") == [("ok",)]
        await keep(store, row(1), run_id="a")
    finally:
        await store.close()


async def test_a_new_file_gives_room_back(path: Path, store: SQLiteStore) -> None:
    await run_of(store, record(RUN))

    assert sql(path, "PRAGMA auto_vacuum") == [(2,)]
