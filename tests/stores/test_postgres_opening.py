"""A PostgreSQL database that can't be opened is refused with what to do, and left as it is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from engine.errors import EngineError
from engine.store import StoreUnavailable
from engine.stores.postgres import PostgresStore, migration, server
from engine.stores.postgres.address import Address
from engine.stores.postgres.server import Server
from tests.servers import PASSWORD, free_port
from tests.stores.conformance import keep, record, row, words

if TYPE_CHECKING:
    from tests.servers import Postgres

ROOT = Path(__file__).parents[2]

SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


async def refused(url: str) -> EngineError:
    """Give the error that opening ends with; the password is nowhere in it."""
    store = PostgresStore(url)
    with pytest.raises(EngineError) as found:
        await store.open()
    said: list[str] = [str(found.value), repr(found.value.details)]
    error: BaseException | None = found.value
    while (error := error.__cause__ or error.__context__) is not None:
        said.append(str(error))
    for each in said:
        assert PASSWORD not in each
        assert "wrong" not in each
        assert "pass/word" not in each
    assert found.value.hint
    await store.close()
    return found.value


# -- addresses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h:5432/db", "postgresql://u@h:5432/db"),
        ("postgres://u:secret@h/db?sslmode=require", "postgresql://u@h/db"),
        ("postgresql://u:secret@h1:1,h2:2/db", "postgresql://u@h1:1,h2:2/db"),
        ("postgresql://u:sec%2Fret%40@h/db", "postgresql://u@h/db"),
        ("postgresql://h/db?password=secret", "postgresql://h/db"),
        ("postgresql:///db?host=/run/postgresql", "postgresql:///run/postgresql/db"),
        ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"),
        ("postgresql:///", "postgresql:///"),
    ],
)
def test_a_store_is_named_by_its_address_without_the_password(url: str, shown: str) -> None:
    store = PostgresStore(url)

    assert store.name == shown
    assert repr(store) == f"PostgresStore({shown!r})"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "runs.db",
        "mysql://u:secret@h/db",
        "postgresql:/u:secret@h/db",
        "postgresql://u:sec/ret@h/db",
        "postgresql://u:sec?ret@h/db",
        "postgresql://u:sec#ret@h/db",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(EngineError) as refused:
        PostgresStore(url)

    assert "sec" not in str(refused.value)
    assert refused.value.hint


async def test_an_address_that_asyncpg_can_not_read_is_refused_and_not_repeated() -> None:
    for url in (
        "postgresql://u:wrong@h:port/db",
        "postgresql://u:wrong@h/db?sslmode=nonsense",
        "postgresql://u:wrong@h,h2:1:2/db",
    ):
        error = await refused(url)
        assert error.code in ("STORE_FAILED", "STORE_UNAVAILABLE")


# -- servers --------------------------------------------------------------------------------


async def test_a_wrong_password_is_refused_at_once(postgres: Postgres, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]

    error = await refused(postgres.url(name, password="wrong"))  # noqa: S106  # it is wrong

    assert error.code == "STORE_FAILED"
    assert f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}" in error.message
    assert "refuses the login" in error.message
    assert "PGPASSWORD" in error.hint


async def test_a_database_that_is_not_there_is_named(postgres: Postgres) -> None:
    error = await refused(postgres.url("nowhere"))

    assert error.code == "STORE_FAILED"
    assert "there is no such database" in error.message
    assert f"127.0.0.1:{postgres.port}/nowhere" in error.message
    assert error.hint == "make it first: createdb nowhere"


async def test_a_server_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.2)
    port = free_port()

    error = await refused(f"postgresql://u:wrong@127.0.0.1:{port}/db")

    assert isinstance(error, StoreUnavailable)
    assert f"postgresql://u@127.0.0.1:{port}/db can't be opened" in error.message
    assert "the server does not answer" in error.message


async def test_a_server_that_takes_the_call_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.2)
    monkeypatch.setattr(server, "CONNECT", 0.2)
    calls: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: calls.append(writer), "127.0.0.1", 0)
    try:
        port = silent.sockets[0].getsockname()[1]
        error = await refused(f"postgresql://u:wrong@127.0.0.1:{port}/db")
        assert isinstance(error, StoreUnavailable)
    finally:
        for call in calls:
            call.close()
        silent.close()


async def test_a_host_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.2)

    error = await refused("postgresql://u:wrong@no-such-host.invalid/db")

    assert isinstance(error, StoreUnavailable)
    assert "no-such-host.invalid" in error.message


async def test_a_user_who_may_not_make_the_tables_is_told_so_and_may_use_them_later(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.ask("CREATE ROLE plain LOGIN PASSWORD 'wrong'")
    url = postgres.url(name, user="plain", password="wrong")  # noqa: S106  # of this test
    try:
        error = await refused(url)
        assert "may not do this" in error.message
        assert "awe migrate" in error.hint

        assert await PostgresStore(postgres_url).migrate() == ["0001_store"]
        postgres.ask(
            "GRANT USAGE ON SCHEMA awe TO plain;"
            "GRANT SELECT ON awe.migrations TO plain;"
            "GRANT SELECT, UPDATE ON awe.owner TO plain;"
            "GRANT SELECT, INSERT, UPDATE, DELETE ON awe.runs, awe.rows, awe.blobs,"
            " awe.forgotten, awe.documents, awe.answers TO plain;"
            "GRANT USAGE ON SEQUENCE awe.run_no TO plain",
            name,
        )
        store = PostgresStore(url)
        await store.open()
        await store.claim("plain")
        await keep(store, row(0), record=record(status="completed"))
        assert await words(store) == "x"
        assert await store.put("graph", "g", b"x") == 1
        assert list(await store.forget([record().run_id])) == ["r"]
        assert list(await store.orphans()) == []
        assert await store.size() > 0
        await store.shrink()
        await store.close()
    finally:
        postgres.ask("DROP OWNED BY plain; DROP ROLE plain", name)


async def test_what_the_database_is_set_to_does_not_weaken_a_commit(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    settings = {
        "synchronous_commit": "off",
        "statement_timeout": "1s",
        "default_transaction_isolation": "serializable",
        "idle_session_timeout": "1s",
    }
    for each, value in settings.items():
        postgres.ask(f"ALTER DATABASE {name} SET {each} = '{value}'")
    server = Server(Address(postgres_url))
    connections = [
        await server.connect(writes=True),
        await server.connect(),
        await asyncpg.connect(postgres_url),
    ]
    try:
        shown = "SELECT name, setting FROM pg_settings WHERE name = ANY ($1)"
        found = [dict(await connection.fetch(shown, list(settings))) for connection in connections]
    finally:
        for connection in connections:
            await connection.close()
        postgres.ask(f"ALTER DATABASE {name} RESET ALL")

    assert found[0] == {
        "synchronous_commit": "on",
        "statement_timeout": "0",
        "default_transaction_isolation": "repeatable read",
        "idle_session_timeout": "0",
    }
    assert found[1] == {**found[0], "default_transaction_isolation": "read committed"}
    assert found[2]["synchronous_commit"] == "off"  # what everybody else gets


# -- tables ---------------------------------------------------------------------------------


async def test_a_schema_of_another_program_is_left_as_it_is(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.ask("CREATE SCHEMA awe; CREATE TABLE awe.runs (theirs int)", name)

    error = await refused(postgres_url)

    assert "another program made the schema 'awe'" in error.message
    assert postgres.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'awe'", name) == "1"


async def test_tables_of_a_later_version_are_left_as_they_are(
    postgres: Postgres, postgres_url: str
) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    await store.close()
    name = postgres_url.rpartition("/")[2]
    postgres.ask("INSERT INTO awe.migrations VALUES (9999, '9999_later', 'x')", name)

    error = await refused(postgres_url)

    assert error.code == "STORE_TOO_NEW"
    assert "its schema is 9999" in error.message
    assert error.details["schema"] == 9999


async def test_tables_that_another_file_made_are_left_as_they_are(
    postgres: Postgres, postgres_url: str
) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    await store.close()
    name = postgres_url.rpartition("/")[2]
    postgres.ask("UPDATE awe.migrations SET checksum = 'x'", name)

    error = await refused(postgres_url)

    assert "'0001_store' was another one" in error.message


async def test_of_ten_who_make_the_tables_at_once_one_does(postgres_url: str) -> None:
    stores = [PostgresStore(postgres_url) for _ in range(10)]
    async with asyncio.TaskGroup() as tasks:
        made = [tasks.create_task(store.migrate()) for store in stores]

    assert sorted(map(len, (each.result() for each in made))) == [0] * 9 + [1]
    assert await stores[0].migrate() == ()


async def test_tables_that_were_half_made_when_the_server_died_are_made_anew(
    postgres: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = migration.known()
    quick = migration.Migration(2, "0002_more", "x", "CREATE TABLE awe.more ()")
    slow = quick._replace(sql=f"{quick.sql}; SELECT pg_sleep(60)")
    monkeypatch.setattr(migration, "known", lambda: [first, slow])
    store = PostgresStore(postgres_url)
    name = postgres_url.rpartition("/")[2]
    async with asyncio.TaskGroup() as tasks:
        making = tasks.create_task(store.migrate())
        while await asyncio.to_thread(postgres.ask, SLEEPERS) == "0":
            pass
        monkeypatch.setattr(migration, "known", lambda: [first, quick])
        await asyncio.to_thread(postgres.restart)

    assert making.result() == ["0001_store", "0002_more"]
    assert postgres.ask("SELECT count(*) FROM pg_tables WHERE tablename = 'more'", name) == "1"


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [each.number for each in migration.known()] == list(range(1, len(migration.known()) + 1))


def test_what_was_released_is_never_changed() -> None:
    assert [(each.name, each.checksum[:16]) for each in migration.known()] == [
        ("0001_store", "660075cd04a98160")
    ]


# -- asyncpg --------------------------------------------------------------------------------

WITHOUT = """
import asyncio, sys
sys.modules["asyncpg"] = None
import engine
from engine.stores.postgres import PostgresStore
try:
    asyncio.run(PostgresStore("postgresql://h/db").open())
except engine.EngineError as error:
    print(error.code, error.hint)
"""


def test_without_asyncpg_everything_can_be_imported_and_opening_says_how_to_get_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout == ("STORE_NEEDS_ASYNCPG pip install 'agent-workflow-engine[postgres]'\n")


def test_to_import_the_engine_does_not_import_asyncpg() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, engine, engine.stores.postgres; print('asyncpg' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )

    assert done.stdout == "False\n"
