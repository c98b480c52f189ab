"""What the page about PostgreSQL shows can be done, and what it lists is all there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import pytest

from engine.stores.postgres import PostgresStore, failure, migration, readers
from tests.stores.conformance import keep, record, row, words

if TYPE_CHECKING:
    from tests.servers import Postgres

ROOT: Final = Path(__file__).parents[2]

PAGE: Final = (ROOT / "docs" / "operate" / "postgresql.md").read_text()

BLOCKS: Final[list[tuple[str, str]]] = re.findall(
    r"^```(\w+(?: \w+)?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


def of(kind: str) -> list[str]:
    """Give the blocks of a kind."""
    return [code for each, code in BLOCKS if each == kind]


def test_the_page_has_these_blocks() -> None:
    assert sorted({kind for kind, _ in BLOCKS}) == [
        "bash",
        "bash server",
        "python",
        "sql",
        "sql plain",
    ]
    install, dump, restore = of("bash")
    assert install == "pip install 'agent-workflow-engine[postgres]'\n"
    assert dump.startswith("pg_dump ")
    assert restore.startswith("pg_restore ")


@pytest.mark.timeout(60)
async def test_what_is_run_in_a_program_runs(postgres_url: str) -> None:
    for code in of("python"):
        done = subprocess.run(  # noqa: ASYNC221  # nothing else goes on
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, "AWE_STORE": postgres_url, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    store = PostgresStore(postgres_url)
    await store.open()
    (found,) = await store.runs()
    assert found.status == "completed"
    await store.close()


async def test_a_user_that_is_made_like_that_may_do_everything(postgres: Postgres) -> None:
    (code,) = of("sql")
    for statement in code.split(";\n")[:-1]:
        postgres.ask(statement)
    try:
        (server,) = of("bash server")
        address = re.search(r"AWE_STORE=\S+//(\S+):(\S+)@\S+/(\S+)", server)
        assert address is not None
        user, password, database = address.groups()
        store = PostgresStore(postgres.url(database, user=user, password=password))
        await store.open()
        await store.claim("somebody")
        await keep(store, row(0), record=record())
        await store.shrink()
        await store.close()
    finally:
        postgres.ask("DROP DATABASE awe WITH (FORCE)")
        postgres.ask("DROP ROLE awe")


async def test_a_user_who_is_granted_that_may_do_all_but_make_tables(
    postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    assert await PostgresStore(postgres_url).migrate()
    postgres.ask("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    try:
        (grants,) = of("sql plain")
        postgres.ask(grants, name)
        store = PostgresStore(postgres.url(name, user="plain", password="plain"))  # noqa: S106  # of this test
        await store.open()
        await store.claim("somebody")
        await keep(store, row(0), record=record(status="completed"))
        assert await store.put("graph", "g", b"x") == 1
        assert list(await store.forget([record().run_id])) == ["r"]
        await store.shrink()
        await store.close()
    finally:
        postgres.ask("DROP OWNED BY plain; DROP ROLE plain", name)


async def test_a_backup_brings_everything_back(
    postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    _, dump, restore = of("bash")
    store = PostgresStore(postgres_url)
    await store.open()
    await store.claim("somebody")
    await keep(store, row(0), record=record(tags={"a": "b"}))
    await store.put("graph", "g", b"x")
    await run(postgres, dump, postgres_url, tmp_path)  # while it is used
    await keep(store, row(1))
    await store.close()

    await run(postgres, restore, postgres_url, tmp_path)

    await store.open()
    await store.claim("somebody")
    assert await words(store) == "x"
    assert await store.record(record().run_id) == record(tags={"a": "b"})
    assert [each.data for each in await store.documents("graph")] == [b"x"]
    assert list(await store.orphans()) == []
    await keep(store, row(1, word="y"))
    assert await words(store) == "xy"
    await store.close()


async def run(postgres: Postgres, command: str, url: str, folder: Path) -> None:
    """Run a command line with the programs of the server."""
    subprocess.run(  # noqa: ASYNC221  # nothing else goes on
        ["sh", "-euc", command],
        cwd=folder,
        env={"PATH": f"{postgres.programs}:{os.environ['PATH']}", "AWE_STORE": url},
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize(
    "code",
    [
        *("STORE_UNAVAILABLE", failure.FULL, failure.READ_ONLY, failure.BUSY, failure.FENCED),
        *(failure.GONE, failure.CORRUPT, migration.TOO_NEW),
    ],
)
def test_the_page_has_every_code(code: str) -> None:
    assert f"| `{code}` |" in PAGE


async def test_the_page_names_the_tables_and_how_many_connections_there_are(
    postgres_url: str,
) -> None:
    assert await PostgresStore(postgres_url).migrate()
    connection = await asyncpg.connect(postgres_url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'awe'")
    await connection.close()

    for (table,) in tables:
        assert f"awe.{table}" in PAGE
    assert f"up to {readers.CONNECTIONS} read" in PAGE
    assert f"up to {readers.CONNECTIONS + 2} connections" in PAGE
    for each in failure._PASSING.values():
        if "max_connections" in each.hint:
            assert f"up to {readers.CONNECTIONS + 2}" in each.hint
