"""The file: its tables, and what must be so before anything is read from it or written to it.

This module knows the tables and the settings of a connection. It does not know what is
asked or written, nor in which thread.

Rows are kept in the order in which they arrive, with an index on (run, last). Measured with
200 runs at once, 700 bytes a row: 6-9 us of CPU a row, against 14-26 us for rows ordered by
run, where each commit has to write one page for each run. The index makes a lone commit 4 %
longer, and takes 12 bytes a row.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError
from engine.store import StoreUnavailable
from engine.stores.refusal import FAILED
from engine.stores.sqlite.failure import failed, passing

if TYPE_CHECKING:
    from pathlib import Path

OLDEST: Final = (3, 16)
"""The first SQLite that knows all we say: row values, and pragmas as tables."""

APPLICATION: Final = 0x41574531
"""Names our files among all SQLite files: AWE1."""

_VERSIONS: Final = (
    (
        """
        CREATE TABLE runs (
            no INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL UNIQUE,
            graph TEXT NOT NULL,
            version TEXT NOT NULL,
            status TEXT NOT NULL,
            began INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            error TEXT,
            origin TEXT,
            origin_seq INTEGER,
            tags TEXT NOT NULL,
            tenant TEXT NOT NULL
        )
        """,
        "CREATE INDEX runs_by_began ON runs (began, run_id)",
        """
        CREATE INDEX runs_not_over ON runs (began, run_id)
        WHERE status IN ('running', 'paused')
        """,
        """
        CREATE TABLE rows (
            no INTEGER PRIMARY KEY,
            run INTEGER NOT NULL,
            after INTEGER,
            last INTEGER NOT NULL,
            data BLOB NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX rows_by_run ON rows (run, last)",
        """
        CREATE TRIGGER rows_follow BEFORE INSERT ON rows
        WHEN (SELECT max(last) FROM rows WHERE run = NEW.run) IS NOT NEW.after
        BEGIN
            SELECT CASE
                WHEN NEW.run IS NULL THEN RAISE(IGNORE)
                ELSE RAISE(ROLLBACK, 'the row does not follow the end of its log')
            END;
        END
        """,
        """
        CREATE TABLE documents (
            no INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            number INTEGER NOT NULL,
            data BLOB NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX documents_by_name ON documents (kind, name, number)",
        """
        CREATE TABLE answers (
            no INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            answer BLOB NOT NULL
        )
        """,
    ),
)
"""What makes each version of the schema of the one before.

Times are microseconds, UTC. `after` is the end of the run's row before, NULL for its first one.
The trigger lets no row in that does not follow: the rule of the log is the table's own.
"""

VERSION: Final = len(_VERSIONS)

PATIENCE: Final = 5.0
"""Seconds that a lock is waited for when the file is opened."""

BLINK: Final = 0.1
"""Seconds that SQLite itself waits for a lock before that counts as trouble."""

_LARGEST_LOG: Final = 64 * 1024 * 1024
"""Bytes of the write-ahead log that stay on disk after a burst."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the file, made if it is not there, and bring its tables up to date.

    Raises:
        EngineError: It is none of ours, or was written by a later version, or can't be opened.
        StoreUnavailable: Another program held its lock all the while.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise EngineError(
            f"this Python has SQLite {sqlite3.sqlite_version}, "
            f"but {'.'.join(map(str, OLDEST))} or later is needed",
            code=FAILED,
            hint="install a newer Python, or a newer libsqlite3",
        )
    _see_that_it_may_be_there(path)
    until = time.monotonic() + PATIENCE
    while True:
        connection: sqlite3.Connection | None = None
        try:
            connection = _connect(path, "rwc", BLINK)
            _prepare(connection, path)
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            refusal = _refusal(path, error)
            if not isinstance(refusal, StoreUnavailable) or time.monotonic() > until:
                raise refusal from error
            time.sleep(BLINK)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        else:
            return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the file, which is there, so that nothing can be written."""
    connection = _connect(path, "rw", PATIENCE)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=patience,
        isolation_level=None,  # we say ourselves where transactions begin
    )


def _see_that_it_may_be_there(path: Path) -> None:
    """Refuse what SQLite would only call 'unable to open database file'."""
    if path.is_dir():
        raise EngineError(
            f"'{path}' is a folder, and a database is a file",
            code=FAILED,
            hint=f"name a file in it, such as {path / 'runs.db'}",
        )
    if not path.absolute().parent.is_dir():
        raise EngineError(
            f"there is no folder '{path.parent}' to keep the database '{path.name}' in",
            code=FAILED,
            hint=f"make it first: mkdir -p {path.parent}",
        )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set the connection up, and see that the tables are there."""
    _version(connection, path)  # before anything is changed: it may be somebody else's
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchall()[0][0]
    if mode != "wal":
        raise EngineError(
            f"the database '{path}' can't have a write-ahead log (its journal is '{mode}')",
            code=FAILED,
            hint="keep it on a local disk: file systems on a network can't share memory",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG}")
    connection.execute("PRAGMA temp_store = MEMORY")  # nothing else may need room on the disk
    if _version(connection, path) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Somebody may have made them before we got the lock.
        for statements in _VERSIONS[_version(connection, path) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Tell which version of our tables is there; 0: the file is empty.

    Raises:
        EngineError: Something else is there.
    """
    ((application, version, tables),) = connection.execute(
        "SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_master)"
        " FROM pragma_application_id AS a, pragma_user_version AS v"
    ).fetchall()
    if application != APPLICATION and (application or version or tables):
        raise EngineError(
            f"'{path}' is the database of another program",
            code=FAILED,
            hint="name another file; this one was left as it is",
        )
    if version > VERSION:
        raise EngineError(
            f"the database '{path}' was written by a later version: "
            f"its schema is {version}, and this version knows those up to {VERSION}",
            code=FAILED,
            hint="use that version, or name another file; this one was left as it is",
            details={"path": str(path), "schema": version, "known": VERSION},
        )
    return int(version)


def _refusal(path: Path, error: sqlite3.Error) -> EngineError:
    """Say why a file can't be opened."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return EngineError(
            f"'{path}' is no SQLite database",
            code=FAILED,
            hint="name another file; this one was left as it is",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(
            f"the database '{path}' can't be opened: {passing(error)}",
            hint="end the program that holds it, or try again later",
        )
    told = failed(path, error, "be opened for reading and writing")
    told.hint = "see that this user may write the file and its folder"
    return told
