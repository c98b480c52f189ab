"""A process that ends itself at a commit: just before the n-th one, or just after.

This module knows what a commit is where SQLite is asked for one: the end of a transaction, or
a statement that is one of its own. It does not know what is committed.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from engine.stores.sqlite.opening import Connect

Side: TypeAlias = Literal["before", "after"]

SIDES: Final[tuple[Side, ...]] = ("before", "after")

_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def dying(number: int, side: Side) -> Connect:
    """Give a way to connect whose commits are counted, from 1; at one of them the process ends.

    Before a commit, all that is to be committed has been written and nothing is there; after
    it, it is there and nobody has been told.
    """
    committed = 0

    def at_commit(now: Side) -> None:
        nonlocal committed
        committed += now == side
        if now == side and committed == number:
            os.kill(os.getpid(), signal.SIGKILL)

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            word = sql.split(None, 1)[0].upper()
            alone = not self.connection.in_transaction and word in _WRITES
            if alone or word == "COMMIT":
                at_commit("before")
            cursor = super().execute(sql, *parameters)
            if alone or word == "COMMIT":
                at_commit("after")
            return cursor

    class Connection(sqlite3.Connection):
        def cursor(self, factory: type[sqlite3.Cursor] = Cursor) -> sqlite3.Cursor:  # type: ignore[override]
            return super().cursor(factory)

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            return self.cursor().execute(sql, *parameters)  # its own way asks nobody for a cursor

    def connect(
        database: str, *, timeout: float, isolation_level: None, uri: bool
    ) -> sqlite3.Connection:
        return sqlite3.connect(
            database,
            timeout=timeout,
            isolation_level=isolation_level,
            uri=uri,
            factory=Connection,
        )

    return connect
