"""The server of a store is killed, stands still, or can't be reached: nothing is lost.

What was told as kept is there once; what was not is tried again until it is; and who asks
meanwhile is told what is wrong, never with the password.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest

from engine.ids import RunId, Seq
from engine.store import RunFilter, StoreClosed, StoreUnavailable
from engine.stores.postgres import PostgresStore, readers, writer
from tests.stores.conformance import News, keep, keep_all, later, record, row, words
from tests.stores.proxy import Proxy
from tests.stores.waiting import END, until, until_waiting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.servers import Postgres


@pytest.fixture
async def proxy(postgres: Postgres) -> AsyncGenerator[Proxy]:
    async with Proxy(postgres.port).running() as proxy:
        yield proxy


@pytest.fixture
async def store(
    postgres: Postgres, postgres_url: str, proxy: Proxy
) -> AsyncGenerator[PostgresStore]:
    """A store whose line to its server can be cut."""
    store = PostgresStore(postgres_url.replace(str(postgres.port), str(proxy.port)))
    await store.open()
    yield store
    await store.close()


async def rows_in(url: str) -> list[tuple[str, int]]:
    """Give the rows that are really there: whose, and the last entry."""
    connection = await asyncpg.connect(url)
    try:
        return [
            (run_id, last)
            for run_id, last in await connection.fetch(
                "SELECT run_id, last FROM awe.rows JOIN awe.runs ON no = run ORDER BY run_id, last"
            )
        ]
    finally:
        await connection.close()


# -- the outcome of a commit is unknown -----------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_line_that_is_cut_when_a_commit_is_sent_loses_and_doubles_nothing(
    store: PostgresStore, proxy: Proxy, postgres_url: str, after: bool
) -> None:
    await keep_all(store, [row(0), row(1)])

    proxy.cut(b"the words", after=after)
    await keep(store, row(2, word="the words"))

    assert proxy.cuts == 1
    assert await rows_in(postgres_url) == [("r", 0), ("r", 1), ("r", 2)]
    assert await words(store) == "xxthe words"
    await keep(store, row(3))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_group_whose_commit_is_cut_is_kept_once_and_told_in_order(
    store: PostgresStore, proxy: Proxy, postgres_url: str, after: bool
) -> None:
    await keep_all(store, [row(0)], run_id="old")
    news = News()
    proxy.cut(b"the words", after=after)
    for run_id, first in (("new", 0), ("old", 1), ("new", 1), ("old", 2), ("other", 0)):
        given = record(run_id, status="paused") if run_id == "old" else record(run_id)
        word = "the words" if first == 2 else "x"
        expected = Seq(first - 1)
        of = news.of(f"{run_id} {first}")
        store.append(RunId(run_id), row(first, word=word), expected=expected, kept=of, record=given)

    heard = await news.all()

    assert heard == [(f"{r}", None) for r in ("new 0", "old 1", "new 1", "old 2", "other 0")]
    assert proxy.cuts == 1
    assert await rows_in(postgres_url) == [
        *(("new", 0), ("new", 1)),
        *(("old", 0), ("old", 1), ("old", 2)),
        ("other", 0),
    ]
    assert await store.record(RunId("old")) == record("old", status="paused")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_rest_and_what_follows_it_are_kept_though_their_commit_was_cut(
    store: PostgresStore, proxy: Proxy, after: bool
) -> None:
    await keep_all(store, [row(0)])
    news = News()
    proxy.cut(b"COMMIT", after=after)
    store.rest(record(due=later(5)), at=Seq(0), kept=news.of("rest"))
    store.append(RunId("r"), row(1), expected=Seq(0), kept=news.of("batch"))

    assert await news.all() == [("rest", None), ("batch", None)]
    assert proxy.cuts == 1
    assert await store.record(RunId("r")) == record(due=later(5))
    assert await words(store) == "xx"


async def test_a_commit_that_was_done_and_gone_on_with_by_others_is_success(
    store: PostgresStore, proxy: Proxy, postgres_url: str
) -> None:
    await keep_all(store, [row(0)])
    another = PostgresStore(postgres_url)
    await another.open()
    try:
        proxy.cut(b"the words", after=True)
        kept = asyncio.ensure_future(keep(store, row(1, word="the words")))  # noqa: TID251  # awaited
        while len(await rows_in(postgres_url)) < 2:
            pass
        await keep(another, row(2))

        await kept
        assert await words(store) == "xthe wordsx"
    finally:
        await another.close()


async def test_a_document_is_numbered_once_though_the_answer_was_lost(
    store: PostgresStore, proxy: Proxy
) -> None:
    await store.put("graph", "g", b"first")
    proxy.cut(b"the second", after=True)

    assert await store.put("graph", "g", b"the second") == 2
    assert proxy.cuts == 1
    assert len(await store.documents("graph")) == 2


async def test_runs_that_were_forgotten_when_the_line_was_cut_are_told_as_removed(
    store: PostgresStore, proxy: Proxy
) -> None:
    for name in "abc":
        await keep(store, row(0), run_id=name, record=record(name, status="completed"))
    proxy.cut(b"COMMIT", after=True)

    assert set(await store.forget([RunId(name) for name in "abc"])) == set("abc")
    assert proxy.cuts == 1
    assert list(await store.runs()) == []
    assert list(await store.orphans()) == []


# -- restarts -------------------------------------------------------------------------------


@pytest.mark.timeout(60)
async def test_a_server_that_is_killed_while_it_is_written_to_loses_nothing_it_was_told(
    postgres: Postgres, postgres_url: str
) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    try:
        kept = 0

        async def write(run_id: str) -> None:
            nonlocal kept
            for n in range(40):
                await keep(store, row(n), run_id=run_id, record=None if n else record(run_id))
                kept += 1
                await asyncio.sleep(0.005)

        async with asyncio.TaskGroup() as tasks:
            for n in range(10):
                tasks.create_task(write(f"run-{n}"))
            for limit in (40, 150, 300):
                await until(lambda: kept >= limit)  # noqa: B023  # awaited at once
                await asyncio.to_thread(postgres.restart)

        expected = [(f"run-{n}", last) for n in range(10) for last in range(40)]
        assert await rows_in(postgres_url) == expected
        assert store.trouble is None
    finally:
        await store.close()


async def test_while_the_server_is_down_what_is_handed_over_waits_and_who_asks_is_told(
    store: PostgresStore, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "PATIENCE", 0.3)
    await keep(store, row(0), record=record())
    postgres.stop()
    news = News()
    store.append(RunId("r"), row(1), expected=Seq(0), kept=news.of("it"))

    with pytest.raises(StoreUnavailable, match="the server does not answer") as refused:
        await store.runs()
    assert store.name in str(refused.value)
    assert refused.value.hint
    await until(lambda: store.trouble is not None)
    assert store.trouble is not None
    assert "the server does not answer" in store.trouble
    assert store.trouble.code == "STORE_UNAVAILABLE"
    assert news.heard == []

    await asyncio.to_thread(postgres.start)
    assert await news.all() == [("it", None)]
    assert store.trouble is None
    assert await words(store) == "xx"


async def test_a_question_that_is_under_way_when_the_server_dies_is_answered_when_it_is_back(
    store: PostgresStore, postgres: Postgres, postgres_url: str
) -> None:
    await keep_all(store, [row(0), row(1)])
    foreign = await asyncpg.connect(postgres_url)
    await foreign.execute("BEGIN; LOCK awe.runs IN ACCESS EXCLUSIVE MODE")
    async with asyncio.TaskGroup() as tasks:
        reads = [tasks.create_task(words(store)), tasks.create_task(store.runs(RunFilter()))]
        await until_waiting(foreign, 2)
        foreign.terminate()
        await asyncio.to_thread(postgres.restart)

    assert reads[0].result() == "xx"
    assert len(reads[1].result()) == 1


async def test_a_store_that_is_closed_while_the_server_is_down_gives_up_with_words(
    store: PostgresStore, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.3)
    await keep(store, row(0), record=record())
    postgres.stop()
    news = News()
    for n in range(1, 4):
        store.append(RunId("r"), row(n), expected=Seq(n - 1), kept=news.of(f"{n}"))

    began = time.monotonic()
    await store.close()

    assert time.monotonic() - began < 3
    heard = await news.all()
    assert [(name, type(error)) for name, error in heard] == [(n, StoreClosed) for n in "123"]
    assert "the server does not answer" in str(heard[0][1])
    await asyncio.to_thread(postgres.start)
    await store.open()
    await keep(store, row(1, word="y"))
    assert await words(store) == "xy"


async def test_a_server_that_comes_up_while_a_store_is_opened_is_waited_for(
    postgres: Postgres, postgres_url: str
) -> None:
    postgres.stop()
    store = PostgresStore(postgres_url)
    async with asyncio.TaskGroup() as tasks:
        opening = tasks.create_task(store.open())
        await asyncio.sleep(0.1)
        assert not opening.done()
        await asyncio.to_thread(postgres.start)
    await store.close()


@pytest.mark.parametrize("who", ["writer", "reader"])
async def test_a_session_that_somebody_ended_is_made_anew(
    store: PostgresStore, postgres: Postgres, who: str
) -> None:
    await keep_all(store, [row(0)])
    await words(store)

    postgres.ask(END.replace("awe .*", f"awe {who}"))

    await keep(store, row(1))
    assert await words(store) == "xx"
