"""The store in PostgreSQL keeps the promises of every store, and of those that last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg
import pytest

from engine.stores.postgres import PostgresStore
from tests.stores.conformance import PersistentStoreConformance

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine.store import Store
    from tests.servers import Postgres
    from tests.stores.conformance import Overwrite


EMPTY: Final = """
    DELETE FROM awe.runs; DELETE FROM awe.rows; DELETE FROM awe.blobs; DELETE FROM awe.forgotten;
    DELETE FROM awe.documents; DELETE FROM awe.answers; UPDATE awe.owner SET who = NULL;
"""
"""To make the tables anew takes five times as long, and there are hundreds of cases."""


@pytest.fixture(scope="module")
def url(_postgres: Postgres) -> str:
    """The address of a database that the cases share, one after the other."""
    _postgres.start()
    _postgres.ask("DROP DATABASE IF EXISTS conformance WITH (FORCE)")
    _postgres.ask("CREATE DATABASE conformance")
    return _postgres.url("conformance")


@pytest.fixture
async def store(url: str, postgres: Postgres) -> AsyncGenerator[PostgresStore]:  # noqa: ARG001  # it runs
    """Make an empty store."""
    store = PostgresStore(url)
    await store.open()
    connection = await asyncpg.connect(url)
    await connection.execute(EMPTY)
    await connection.close()
    yield store
    await store.close()


class TestPostgresStore(PersistentStoreConformance):
    """In a database that is emptied before each case."""

    @pytest.fixture
    def another(self, url: str) -> Store:
        """Make a second store over the same database."""
        return PostgresStore(url)

    @pytest.fixture
    def overwrite(self, url: str) -> Overwrite:
        """Change a row as any program may that reaches the server."""

        async def change(run_id: str, last: int, data: bytes) -> None:
            foreign = await asyncpg.connect(url)
            changed = await foreign.execute(
                "UPDATE awe.rows SET data = $1 WHERE last = $2 "
                "AND run = (SELECT no FROM awe.runs WHERE run_id = $3)",
                data,
                last,
                run_id,
            )
            await foreign.close()
            assert changed == "UPDATE 1"

        return change
