"""One engine drives the runs of a PostgreSQL store; who is fenced never writes to it again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from engine.errors import EngineError
from engine.ids import BEGINNING, RunId, Seq
from engine.store import StoreClosed, StoreInUse
from engine.stores.postgres import PostgresStore, claim
from tests.stores.conformance import NOON, News, keep, keep_all, record, rest, row, words
from tests.stores.proxy import Proxy
from tests.stores.waiting import until, until_waiting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from tests.servers import Postgres

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def first(postgres_url: str) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(postgres_url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def second(postgres_url: str) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(postgres_url)
    await store.open()
    yield store
    await store.close()


@contextmanager
def claimant(url: str, run_id: str = "theirs") -> Iterator[subprocess.Popen[str]]:
    """Start another process that claims and writes."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.stores.claimant", url, run_id],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """Give the next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def assert_fenced(store: PostgresStore, by: PostgresStore) -> None:
    """See that nothing can be written or read, and nothing was."""
    for asked in (
        keep(store, row(0), run_id="late", record=record("late")),
        rest(store, record(), at=0),
        store.put("graph", "late", b"x"),
        store.remember("late", b"x", at=NOON),
        store.claim("again"),
        store.claim("again", take_over=True),
        store.runs(limit=1),
        store.answer("late"),
    ):
        with pytest.raises(StoreClosed) as refused:
            await asked
        assert refused.value.code == "STORE_FENCED"
        assert refused.value.hint
    assert store.trouble is None
    assert await by.last(RunId("late")) is None
    assert await by.answer("late") is None
    assert list(await by.documents("graph")) == []


async def test_who_asks_for_what_another_has_is_told_who_has_it_and_since_when(
    first: PostgresStore, second: PostgresStore
) -> None:
    await first.claim("engine 1 on host a")

    with pytest.raises(
        StoreInUse, match="driven by another engine already: engine 1 on host a"
    ) as no:
        await second.claim("engine 2")

    assert no.value.code == "STORE_IN_USE"
    assert second.name in no.value.message
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", str(no.value.details["since"]))
    assert str(no.value.details["since"]) in no.value.hint
    assert "take_over=True" in no.value.hint
    await first.claim("engine 1 once more")  # who has it may have it again
    await first.close()
    await second.claim("engine 2")


async def test_a_process_that_is_killed_lets_go_of_its_claim(
    first: PostgresStore, postgres_url: str
) -> None:
    with claimant(postgres_url) as process:
        assert said(process) == "claimed"
        with pytest.raises(StoreInUse, match=f"process {process.pid}"):
            await first.claim("we")
        process.kill()
        process.wait()
        await first.claim("we")
    await keep(first, row(0), record=record())


async def test_who_was_taken_over_writes_nothing_more(
    first: PostgresStore, second: PostgresStore, postgres_url: str
) -> None:
    await first.claim("one")
    await keep(first, row(0), record=record())
    foreign = await asyncpg.connect(postgres_url)
    await foreign.execute("BEGIN; LOCK awe.rows IN ACCESS EXCLUSIVE MODE")
    news = News()
    first.append(RunId("r"), row(1), expected=Seq(0), kept=news.of("batch"))
    await until_waiting(foreign, 1)  # on its way to be committed
    first.rest(record(), at=Seq(1), kept=news.of("rest"))
    first.append(
        RunId("new"), row(0), expected=BEGINNING, kept=news.of("new"), record=record("new")
    )

    await second.claim("two", take_over=True)
    await foreign.execute("ROLLBACK")
    await foreign.close()
    await keep(second, row(1))

    heard = dict(await news.all())
    assert {name: getattr(error, "code", None) for name, error in heard.items()} == dict.fromkeys(
        ("batch", "rest", "new"), "STORE_FENCED"
    )
    assert "driven by another engine now: two, since" in str(heard["batch"])
    await assert_fenced(first, second)
    assert await words(second) == "xx"
    await keep(second, row(2))
    await first.close()
    await first.open()  # it may begin anew, and ask
    with pytest.raises(StoreInUse, match="two"):
        await first.claim("one")


async def test_who_was_frozen_while_another_took_over_writes_nothing_when_it_thaws(
    first: PostgresStore, postgres_url: str
) -> None:
    with claimant(postgres_url) as process:
        assert said(process) == "claimed"
        for n in range(20):
            assert said(process) == f"kept {n}"
        os.kill(process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreInUse, match=f"process {process.pid}"):
                await first.claim("we")
            await first.claim("we", take_over=True)
            last = await first.last(RunId("theirs"))
            assert last is not None
            await keep(first, row(0), record=record())
        finally:
            os.kill(process.pid, signal.SIGCONT)
        told = [line async for line in lines(process)]

    kept = [line for line in told if line.startswith("kept")]
    assert told[len(kept) :] == ["STORE_FENCED", "STORE_FENCED", "STORE_FENCED"]
    assert 19 + len(kept) <= last + 1  # all that it was told of was there when it was taken over
    assert await first.last(RunId("theirs")) == last
    assert list(await first.documents("graph")) == []


async def lines(process: subprocess.Popen[str]) -> AsyncGenerator[str]:
    """Give what a process says, to its end."""
    while line := await asyncio.to_thread(said, process):
        yield line


async def test_a_claim_outlives_a_restart_of_the_server(
    first: PostgresStore, second: PostgresStore, postgres: Postgres
) -> None:
    await first.claim("one")
    await keep(first, row(0), record=record())

    for n in range(1, 4):
        await asyncio.to_thread(postgres.restart)
        await keep(first, row(n))

    with pytest.raises(StoreInUse, match="one"):
        await second.claim("two")


async def test_who_is_cut_off_is_fenced_by_the_next_one_and_hears_of_it_though_it_is_idle(
    postgres: Postgres, postgres_url: str, second: PostgresStore
) -> None:
    async with Proxy(postgres.port).running() as proxy:
        first = PostgresStore(postgres_url.replace(str(postgres.port), str(proxy.port)))
        await first.open()
        await first.claim("one")
        await keep(first, row(0), record=record())
        proxy.refuses = True
        proxy.cut_all()

        await second.claim("two")
        await until(lambda: first.trouble is not None)  # nothing was asked of it
        await keep(second, row(1))
        proxy.refuses = False

        await until(lambda: first.trouble is None)
        await assert_fenced(first, second)
        await first.close()
    await keep(second, row(2))


async def test_who_has_nothing_to_write_keeps_its_claim_when_the_server_restarts(
    first: PostgresStore, second: PostgresStore, postgres: Postgres
) -> None:
    await first.claim("one")
    assert first._writer is not None
    await asyncio.to_thread(postgres.restart)
    await until(lambda: not first._writer._is_cut_off())

    with pytest.raises(StoreInUse, match="one"):
        await second.claim("two")


async def test_of_ten_who_claim_at_once_one_has_it(postgres_url: str) -> None:
    stores = [PostgresStore(postgres_url) for _ in range(10)]
    won: list[str] = []

    async def ask(store: PostgresStore, name: str) -> None:
        await store.open()
        try:
            await store.claim(name)
        except StoreInUse:
            return
        won.append(name)

    async with asyncio.TaskGroup() as tasks:
        for n, store in enumerate(stores):
            tasks.create_task(ask(store, f"{n}"))
    for store in stores:
        await store.close()

    assert len(won) == 1


async def test_of_two_who_take_over_from_each_other_the_last_one_has_it(
    first: PostgresStore, second: PostgresStore
) -> None:
    await first.claim("one")
    await second.claim("two", take_over=True)
    await until(lambda: first._writer is not None and first._writer.closed_by is not None)
    await assert_fenced(first, second)
    await first.close()
    await first.open()
    await first.claim("one again", take_over=True)

    await keep(first, row(0), record=record())
    with pytest.raises(StoreClosed):
        await keep(second, row(1))


async def test_a_session_that_may_not_be_ended_is_not_taken_over(
    first: PostgresStore, postgres: Postgres, postgres_url: str
) -> None:
    await first.claim("the owner")
    name = postgres_url.rpartition("/")[2]
    postgres.ask(
        "CREATE ROLE other LOGIN PASSWORD 'other'; GRANT USAGE ON SCHEMA awe TO other;"
        "GRANT ALL ON ALL TABLES IN SCHEMA awe TO other",
        name,
    )
    try:
        other = PostgresStore(postgres.url(name, user="other", password="other"))  # noqa: S106  # of this test
        await other.open()
        with pytest.raises(StoreInUse, match="the owner") as refused:
            await other.claim("other", take_over=True)
        assert "may not end" in refused.value.hint
        await other.close()
        await keep(first, row(0), record=record())
    finally:
        postgres.ask("DROP OWNED BY other; DROP ROLE other", name)


async def test_a_last_session_of_ours_that_the_server_still_has_is_ended(
    first: PostgresStore,
) -> None:
    # As when the line is lost without a word: the server keeps the session for a while.
    await first.claim("one")
    assert first._writer is not None
    lost = first._writer._connection
    first._writer._connection = None

    await keep(first, row(0), record=record())

    assert lost is not None
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await lost.fetchval("SELECT 1")
    assert await words(first) == "x"


async def test_without_a_claim_all_may_write_while_another_has_one(
    first: PostgresStore, second: PostgresStore
) -> None:
    await first.claim("one")

    await keep_all(second, [row(0), row(1)])
    assert await second.put("graph", "g", b"x") == 1

    await keep(first, row(2))
    assert await words(second) == "xxx"


async def test_a_claim_while_the_server_is_down_is_refused_in_time(
    first: PostgresStore, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.stores.postgres.writer.PATIENCE", 0.3)
    postgres.stop()

    with pytest.raises(EngineError, match="can't be claimed for now") as refused:
        await first.claim("one")
    assert refused.value.code == "STORE_UNAVAILABLE"
    await asyncio.to_thread(postgres.start)
    await first.claim("one")


def test_the_numbers_of_locks_fit_the_tables() -> None:
    assert 0 < claim.LOCK < 2**31
