"""What is written together, and what fails of it."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from engine.errors import EngineError, LogMoved
from engine.ids import BEGINNING, RunId, Seq
from engine.stores.sqlite import SQLiteStore, ledger, writer
from tests.stores.conformance import (
    NOON,
    RUN,
    News,
    keep,
    keep_all,
    record,
    row,
    words,
)
from tests.stores.files import (
    hand_over,
    holding_up,
    in_writer,
)


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
        lost = asyncio.create_task(store.remember("\ud800", b"x", at=NOON))  # noqa: TID251  # waited for below
        found = asyncio.create_task(store.remember("k", b"x", at=NOON))  # noqa: TID251  # as well
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
    with pytest.raises(EngineError, match=r"runs\.db-wal' was deleted") as failed:
        await keep(store, row(0), record=record())  # as who closes it last takes the log away
    assert "could not be saved (Cannot operate on a closed database.)" in failed.value.hint


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
        asking = asyncio.create_task(store.remember("k", b"first", at=NOON))  # noqa: TID251  # cancelled
        await asyncio.sleep(0)
        asking.cancel()

    assert await store.remember("k", b"second", at=NOON) == b"first"
    assert asking.cancelled()
