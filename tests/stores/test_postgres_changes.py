"""What one process writes to PostgreSQL, another one hears of at once."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from engine.ids import RunId, Seq
from engine.store import StoreClosed
from engine.stores.postgres import PostgresStore
from tests.stores.conformance import News, keep, keep_all, later, record, rest, row, words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.servers import Postgres


@pytest.fixture
async def store(postgres_url: str) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(postgres_url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def another(postgres_url: str) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(postgres_url)
    await store.open()
    yield store
    await store.close()


async def test_what_another_store_writes_is_heard_and_what_we_write_is_not(
    store: PostgresStore, another: PostgresStore
) -> None:
    async with aclosing(store.changed()) as heard:
        assert await anext(heard) is None  # from here on nothing is missed
        await keep_all(store, [row(0)], run_id="ours")
        await keep_all(another, [row(0)], run_id="theirs")
        assert await anext(heard) == {"theirs"}

        await rest(another, record("theirs", due=later(1)), at=0)
        assert await anext(heard) == {"theirs"}


async def test_a_reader_follows_a_log_that_another_process_writes(
    store: PostgresStore, another: PostgresStore
) -> None:
    await keep_all(another, [row(0)])
    seen: list[int] = []

    async def follow() -> None:
        async with aclosing(store.changed()) as changes:
            async for changed in changes:
                if changed is None or "r" in changed:
                    after = Seq(seen[-1] if seen else -1)
                    seen.extend(each.last for each in await store.read(RunId("r"), after))
                if seen and seen[-1] == 99:
                    return

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        for n in range(1, 100):
            await keep(another, row(n))

    assert seen == list(range(100))


async def test_a_commit_is_heard_within_a_moment(
    store: PostgresStore, another: PostgresStore
) -> None:
    await keep_all(another, [row(0)])
    async with aclosing(store.changed()) as heard:
        await anext(heard)
        took: list[float] = []
        for n in range(1, 30):
            await keep(another, row(n))
            kept = time.perf_counter()
            await anext(heard)
            took.append(time.perf_counter() - kept)

    assert sorted(took)[len(took) // 2] < 0.05


async def test_changes_that_nobody_asked_for_yet_come_together(
    store: PostgresStore, another: PostgresStore
) -> None:
    async with aclosing(store.changed()) as one, aclosing(store.changed()) as two:
        assert await anext(one) is None
        assert await anext(two) is None
        for name in "abc":
            await keep_all(another, [row(0)], run_id=name)

        found: set[str] = set()
        while found != {"a", "b", "c"}:
            found |= await anext(one) or set()
        assert {"a"} <= (await anext(two) or set())


async def test_if_too_many_runs_were_written_to_none_is_named(
    store: PostgresStore, another: PostgresStore
) -> None:
    async with aclosing(store.changed()) as heard:
        await anext(heard)
        news = News()
        for n in range(300):
            name = f"{n:03}-" + "long" * 20
            another.append(
                RunId(name), row(0), expected=Seq(-1), kept=news.of(name), record=record(name)
            )
        await news.all()
        while await anext(heard) is not None:
            pass


async def test_after_the_server_was_away_anything_may_have_changed(
    store: PostgresStore, another: PostgresStore, postgres: Postgres
) -> None:
    async with aclosing(store.changed()) as heard:
        assert await anext(heard) is None
        await asyncio.to_thread(postgres.restart)
        await keep(another, row(0), record=record())

        while await anext(heard) is not None:
            pass
        assert await words(store) == "x"
        await keep(another, row(1))
        while "r" not in (await anext(heard) or set()):
            pass


async def test_what_others_say_on_the_channel_is_taken_as_anything(
    store: PostgresStore, postgres: Postgres, postgres_url: str
) -> None:
    async with aclosing(store.changed()) as heard:
        await anext(heard)
        for said in ("", "notes", "{}", "[]", '["somebody"]', "[1, 2]"):
            postgres.ask(f"NOTIFY awe_runs, '{said}'", postgres_url.rpartition("/")[2])
            assert await anext(heard) is None


async def test_who_listens_comes_to_the_end_when_the_store_is_closed(
    store: PostgresStore,
) -> None:
    heard: list[object] = []
    listens = asyncio.Event()

    async def listen() -> None:
        async for each in store.changed():
            heard.append(each)
            listens.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        await listens.wait()
        await store.close()

    assert heard == [None]
    with pytest.raises(StoreClosed):
        await anext(store.changed())
    await store.open()
    async with aclosing(store.changed()) as anew:
        assert await anext(anew) is None
