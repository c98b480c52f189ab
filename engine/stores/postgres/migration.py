"""The tables, and how those of each version become those of the next.

This module knows the numbered files in `migrations` and the table that says which were
executed. It does not know what is in the tables.

A file that was released is never changed: its checksum is kept where it was executed. Of
several who begin at once one executes what is missing, and the others wait for it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from engine.errors import EngineError
from engine.stores.postgres.failure import state_of
from engine.stores.refusal import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.stores.postgres.driver import Connection

TOO_NEW: Final = "STORE_TOO_NEW"

LOCK: Final = 0x41574531
"""Names our advisory locks among all of a database: AWE1."""

_TAKEN: Final = ("42P07", "42710")
"""There is such a table, or another thing, already."""

_BEGIN: Final = """
    CREATE SCHEMA IF NOT EXISTS awe;
    CREATE TABLE IF NOT EXISTS awe.migrations (
        number integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied timestamptz NOT NULL DEFAULT now()
    );
"""


class Migration(NamedTuple):
    """One file."""

    number: int
    name: str
    checksum: str
    sql: str


@cache
def known() -> Sequence[Migration]:
    """Give all there are, in order."""
    found: list[Migration] = []
    for file in files("engine.stores.postgres").joinpath("migrations").iterdir():
        name, dot, kind = file.name.partition(".")
        if dot and kind == "sql":
            sql = file.read_text(encoding="utf-8").replace("\r\n", "\n")
            checksum = hashlib.sha256(sql.encode()).hexdigest()
            found.append(Migration(int(name.partition("_")[0]), name, checksum, sql))
    found.sort()
    return found


async def migrate(connection: Connection, name: str) -> Sequence[str]:
    """Bring the tables up to date; give the names of what was executed.

    Raises:
        EngineError: They were made by a later version, or by something else.
        Exception: Whatever asyncpg says, if they can't be made.
    """
    if not await _pending(connection, name):
        return ()
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", LOCK)
        if await connection.fetchval("SELECT to_regclass('awe.migrations')") is None:
            await connection.execute(_BEGIN)
        missing = await _pending(connection, name)
        for migration in missing:
            try:
                await connection.execute(migration.sql)
            except Exception as error:
                if state_of(error) in _TAKEN:
                    raise EngineError(
                        f"another program made the schema 'awe' of the database {name}: {error}",
                        code=FAILED,
                        hint="name another database; this one was left as it is",
                    ) from error
                raise
            await connection.execute(
                "INSERT INTO awe.migrations (number, name, checksum) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
    return [each.name for each in missing]


async def pending(connection: Connection, name: str) -> Sequence[str]:
    """Give the names of what `migrate` would execute.

    Raises:
        EngineError: The tables were made by a later version, or by something else.
    """
    return [each.name for each in await _pending(connection, name)]


async def _pending(connection: Connection, name: str) -> Sequence[Migration]:
    """Give what is still to be executed."""
    if await connection.fetchval("SELECT to_regclass('awe.migrations')") is None:
        return known()
    applied = {
        number: (file, checksum)
        for number, file, checksum in cast(
            "Sequence[tuple[int, str, str]]",
            await connection.fetch("SELECT number, name, checksum FROM awe.migrations"),
        )
    }
    last = known()[-1].number
    highest = max(applied, default=0)
    if highest > last:
        raise EngineError(
            f"the database {name} was written by a later version: its schema is {highest}, and "
            f"this version knows those up to {last}",
            code=TOO_NEW,
            hint="use that version, or name another database; this one was left as it is",
            details={"database": name, "schema": highest, "known": last},
        )
    for migration in known():
        file, checksum = applied.get(migration.number, (migration.name, migration.checksum))
        if checksum != migration.checksum:
            raise EngineError(
                f"the tables of the database {name} are not those of this version: "
                f"'{file}' was another one when it was executed",
                code=FAILED,
                hint="use the version that made them, or name another database",
                details={"database": name, "migration": file},
            )
    return [each for each in known() if each.number not in applied]
