"""What PostgreSQL refuses, and has too little of: what passes is waited out, and named by its code.

What does not pass is told to whoever handed it over, and stops no other.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

import asyncpg
import pytest

from engine.ids import BEGINNING, RunId, Seq
from engine.store import StoreClosed, StoreUnavailable
from engine.stores.postgres import PostgresStore, failure, readers, server, writer
from tests.servers import PASSWORD
from tests.stores.conformance import News, keep, keep_all, record, row, words
from tests.stores.waiting import END, until, until_waiting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tests.servers import Postgres

FEW: Final = """
    CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 1;
    GRANT USAGE ON SCHEMA awe TO few;
    GRANT ALL ON ALL TABLES IN SCHEMA awe TO few;
    GRANT ALL ON ALL SEQUENCES IN SCHEMA awe TO few;
"""


@pytest.fixture
async def store(postgres_url: str) -> AsyncGenerator[PostgresStore]:
    store = PostgresStore(postgres_url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def ask(postgres: Postgres, postgres_url: str) -> Callable[[str], str]:
    """Give what executes SQL in the database of the store."""
    return partial(postgres.ask, database=postgres_url.rpartition("/")[2])


# -- what passes ----------------------------------------------------------------------------


RAISES: Final = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'as asked' USING ERRCODE = '%s'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON awe.rows EXECUTE FUNCTION refuse();
"""


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("53100", "STORE_FULL", "the disk of the server is full"),
        ("53200", "STORE_BUSY", "no memory left"),
        ("55P03", "STORE_BUSY", "holds a lock"),
        ("57014", "STORE_BUSY", "was cancelled"),
        ("40P01", "STORE_BUSY", "too much to do"),
        ("58030", "STORE_UNAVAILABLE", "can't be read or written"),
        ("08006", "STORE_UNAVAILABLE", "does not answer"),
    ],
)
async def test_an_error_that_passes_is_trouble_until_it_has(
    store: PostgresStore, ask: Callable[[str], str], state: str, code: str, said: str
) -> None:
    await keep_all(store, [row(0)])
    ask(RAISES % state)
    news = News()
    store.append(RunId("r"), row(1), expected=Seq(0), kept=news.of("it"))

    await until(lambda: store.trouble is not None)
    assert store.trouble is not None
    assert store.trouble.code == code
    assert said in store.trouble
    assert "as asked" in store.trouble
    assert store.trouble.hint
    assert news.heard == []

    ask("DROP FUNCTION refuse CASCADE")
    assert await news.all() == [("it", None)]
    assert store.trouble is None


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ("XX001", failure.CORRUPT, "its files are damaged"),
        ("XX002", failure.CORRUPT, "an index is damaged"),
        ("54000", "STORE_FAILED", "it is too large"),
        ("42501", "STORE_FAILED", "its user may not do this"),
        ("P0001", "STORE_FAILED", "RaiseError: as asked"),
    ],
)
async def test_an_error_that_lasts_is_told_to_who_handed_over(
    store: PostgresStore, ask: Callable[[str], str], state: str, code: str, said: str
) -> None:
    await keep_all(store, [row(0)])
    ask(RAISES % state)

    with pytest.raises(failure.EngineError, match=said) as refused:
        await keep(store, row(1))
    assert refused.value.code == code
    assert refused.value.hint
    assert store.trouble is None

    ask("DROP FUNCTION refuse CASCADE")
    await keep(store, row(1))
    assert await words(store) == "xx"


@pytest.mark.parametrize("how", ["DROP SCHEMA awe CASCADE", "DROP TABLE awe.rows"])
async def test_a_store_whose_tables_are_gone_says_so(
    store: PostgresStore, ask: Callable[[str], str], how: str
) -> None:
    await keep_all(store, [row(0)])
    ask(how)

    for asked in (keep(store, row(1)), words(store)):
        with pytest.raises(failure.EngineError, match="gone") as refused:
            await asked
        assert refused.value.code == failure.GONE
        assert "backup" in refused.value.hint


async def test_a_server_that_takes_no_changes_is_trouble_until_it_does(
    store: PostgresStore, postgres: Postgres, postgres_url: str
) -> None:
    await keep_all(store, [row(0)])
    database = postgres_url.rpartition("/")[2]
    postgres.ask(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    postgres.ask(END)
    try:
        news = News()
        store.append(RunId("r"), row(1), expected=Seq(0), kept=news.of("it"))
        await until(lambda: getattr(store.trouble, "code", "") == "STORE_READ_ONLY")
        assert store.trouble is not None
        assert "name the primary" in store.trouble.hint
        assert await words(store) == "x"
    finally:
        postgres.ask(f"ALTER DATABASE {database} RESET default_transaction_read_only")

    assert await news.all() == [("it", None)]


async def test_a_server_without_room_for_more_connections_is_trouble_that_passes(
    postgres: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    monkeypatch.setattr(readers, "PATIENCE", 0.3)
    store = PostgresStore(postgres_url)
    await store.open()
    await keep(store, row(0), record=record())
    await store.close()
    database = postgres_url.rpartition("/")[2]
    postgres.ask(FEW, database)
    try:
        few = PostgresStore(postgres.url(database, user="few", password="few"))  # noqa: S106  # of this test
        await few.open()
        await keep(few, row(1))  # its writer has the one connection
        with pytest.raises(StoreUnavailable, match="takes no more connections") as refused:
            await few.runs()
        assert refused.value.code == "STORE_BUSY"
        assert "max_connections" in refused.value.hint
        second = PostgresStore(postgres.url(database, user="few", password="few"))  # noqa: S106  # of this test
        with pytest.raises(StoreUnavailable, match="takes no more connections"):
            await second.open()
        await few.close()
    finally:
        postgres.ask("DROP OWNED BY few; DROP ROLE few", database)


async def test_when_all_connections_are_busy_who_asks_is_told_and_the_writer_goes_on(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "PATIENCE", 0.3)
    store = PostgresStore(postgres_url, connections=1)
    await store.open()
    await keep_all(store, [row(0)])
    await store.put("graph", "g", b"x")
    foreign = await asyncpg.connect(postgres_url)
    await foreign.execute("BEGIN; LOCK awe.documents IN ACCESS EXCLUSIVE MODE")
    try:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(store.documents("graph"))
            await until_waiting(foreign, 1)
            with pytest.raises(StoreUnavailable, match="all 1 connections are busy") as refused:
                await store.last(RunId("r"))
            assert "connections=" in refused.value.hint
            await keep(store, row(1))
            await foreign.execute("COMMIT")
        assert len(first.result()) == 1
        assert await words(store) == "xx"
    finally:
        await foreign.close()
        await store.close()


async def test_who_asks_when_the_store_is_closed_is_told_so(
    store: PostgresStore, postgres_url: str
) -> None:
    await keep_all(store, [row(0)])
    foreign = await asyncpg.connect(postgres_url)
    await foreign.execute("BEGIN; LOCK awe.runs IN ACCESS EXCLUSIVE MODE")
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(told_that_it_is_closed(store))
        await until_waiting(foreign, 1)
        await store.close()
    await asked
    await foreign.close()


async def told_that_it_is_closed(store: PostgresStore) -> None:
    with pytest.raises(StoreClosed, match="closed before it could answer"):
        await words(store)


async def test_whoever_is_cancelled_while_he_closes_a_store_leaves_nothing_open(
    store: PostgresStore, postgres: Postgres, postgres_url: str
) -> None:
    await keep_all(store, [row(0)])
    foreign = await asyncpg.connect(postgres_url)
    await foreign.execute("BEGIN; LOCK awe.rows IN ACCESS EXCLUSIVE MODE")
    news = News()
    store.append(RunId("r"), row(1), expected=Seq(0), kept=news.of("it"))
    await until_waiting(foreign, 1)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await store.close()

    ((_, error),) = await news.all()
    assert error is not None
    await foreign.execute("COMMIT")
    await foreign.close()
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^awe '"
    while postgres.ask(left) != "0":
        pass


# -- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800"], ids=["NUL", "lone surrogate"])
@pytest.mark.parametrize("where", ["run", "graph", "tag"])
async def test_what_text_can_not_have_is_refused_and_stops_no_other(
    store: PostgresStore, bad: str, where: str
) -> None:
    run_id = bad if where == "run" else "bad"
    given = {
        "run": record(run_id),
        "graph": record(run_id, graph=bad),
        "tag": record(run_id, tags={"t": bad}),
    }[where]
    news = News()
    for name in ("a", "b", run_id, "c"):
        of = news.of(name)
        its = given if name == run_id else record(name)
        store.append(RunId(name), row(0), expected=BEGINNING, kept=of, record=its)

    heard = dict(await news.all())

    error = heard.pop(run_id)
    assert error is not None
    assert error.code == "STORE_FAILED"
    assert "NUL" in error.hint
    assert heard == dict.fromkeys("abc")
    assert [await store.last(RunId(name)) for name in "abc"] == [0, 0, 0]


@pytest.mark.timeout(60)
async def test_twenty_megabytes_are_kept_whole_and_hold_up_nobody_who_reads(
    postgres_url: str,
) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    try:
        await keep_all(store, [row(0)])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep(store, row(1, word="0123456789" * 2_000_000)))
            for _ in range(20):
                assert (await words(store, limit=1)) == "x"

        assert await words(store, after=0) == "0123456789" * 2_000_000
    finally:
        await store.close()


# -- what is said ---------------------------------------------------------------------------


async def test_the_password_is_in_nothing_that_is_said(
    store: PostgresStore,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(readers, "PATIENCE", 0.1)
    monkeypatch.setattr(writer, "PATIENCE", 0.1)
    await keep(store, row(0), record=record())
    postgres.stop()
    news = News()
    store.append(RunId("r"), row(1), expected=Seq(0), kept=news.of("it"))
    with pytest.raises(StoreUnavailable) as refused:
        await store.runs()
    await until(lambda: store.trouble is not None)
    trouble = store.trouble
    await store.close()

    ((_, error),) = await news.all()
    said = [repr(store), store.name, str(refused.value), str(trouble), str(error), caplog.text]
    assert "can't be written" in caplog.text
    for each in said:
        assert PASSWORD not in each
        assert "pass" not in each
