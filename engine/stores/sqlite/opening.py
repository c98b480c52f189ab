"""How the file is opened: what must be so before anything is read from it or written to it.

This module knows the settings of a connection, and what may be found where a file is to be.
It does not know the tables (`schema`), nor what is asked or written, nor in which thread.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from engine.errors import EngineError
from engine.store import StoreUnavailable
from engine.stores.refusal import BUSY, FAILED, READ_ONLY, TOO_NEW
from engine.stores.sqlite.driver import Driver
from engine.stores.sqlite.failure import failed, passing, unavailable
from engine.stores.sqlite.schema import APPLICATION, VERSION, VERSIONS

if TYPE_CHECKING:
    from pathlib import Path

OLDEST: Final = (3, 16)
"""The first SQLite that knows all we say: row values, and pragmas as tables."""

PATIENCE: Final = 5.0
"""Seconds that a lock is waited for when the file is opened."""

BLINK: Final = 0.1
"""Seconds that SQLite itself waits for a lock before that counts as trouble."""

_LARGEST_LOG: Final = 64 * 1024 * 1024
"""Bytes of the write-ahead log that stay on disk after a burst."""


_MOST_PAGES: Final = 1_000
_FEWEST_PAGES: Final = 16
"""Pages of the write-ahead log after which it is emptied; SQLite's own figure is the most."""

_SHARE: Final = 8 * 4096
"""Bytes that must be free for each page of it."""


class Connect(Protocol):
    """How connections are made: as `sqlite3.connect` does, which is one.

    Another gives an SQLite of its own: with encryption, or another file system below it. What
    it gives has the interface of `sqlite3.Connection`, is used in the thread that asked for it,
    and its errors are those of `sqlite3`, with their `sqlite_errorcode`.
    """

    def __call__(
        self, database: str, *, timeout: float, isolation_level: None, uri: bool
    ) -> sqlite3.Connection:
        """Connect.

        Args:
            database: A URI, `file:///path?mode=...`.
            timeout: Seconds that SQLite itself waits for a lock.
            isolation_level: None: no transaction begins that was not asked for.
            uri: True.
        """
        ...


def open_for_writing(path: Path, connect: Connect) -> sqlite3.Connection:
    """Open the file, made if it is not there, and bring its tables up to date.

    Raises:
        EngineError: It is none of ours, or was written by a later version, or can't be opened.
        StoreInUse: It was written by an earlier version, and something drives its runs.
        StoreUnavailable: The disk is full or can only be read, or another program held its
            lock all the while.
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
            connection = connected(path, "rwc", BLINK, connect)
            _prepare(connection, path)
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            refusal = _refusal(path, error)
            if refusal.code != BUSY or time.monotonic() > until:
                raise refusal from error
            time.sleep(BLINK)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        else:
            return connection


def open_for_reading(path: Path, connect: Connect) -> sqlite3.Connection:
    """Open the file, which is there, so that nothing can be written."""
    connection = connected(path, "rw", PATIENCE, connect)
    connection.execute("PRAGMA query_only = ON")
    return connection


def connected(path: Path, mode: str, patience: float, connect: Connect) -> sqlite3.Connection:
    """Connect to a file, which is named in full."""
    return connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=patience,
        isolation_level=None,  # we say ourselves where transactions begin
    )


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Tell which version of our tables is there; 0: the file is empty.

    Raises:
        EngineError: Something else is there, or what a later version wrote.
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
            code=TOO_NEW,
            hint="use that version, or name another file; this one was left as it is",
            details={"path": str(path), "schema": version, "known": VERSION},
        )
    return int(version)


def _see_that_it_may_be_there(path: Path) -> None:
    """Refuse what SQLite would only call 'unable to open database file'."""
    if path.is_dir():
        raise EngineError(
            f"'{path}' is a folder, and a database is a file",
            code=FAILED,
            hint=f"name a file in it, such as {path / 'runs.db'}",
        )
    if not path.parent.is_dir():
        raise EngineError(
            f"there is no folder '{path.parent}' to keep the database '{path.name}' in",
            code=FAILED,
            hint=f"make it first: mkdir -p {path.parent}",
        )
    if path.exists() and not os.access(path, os.W_OK, effective_ids=True):
        # SQLite would open it all the same, and fail when there is something to keep.
        raise StoreUnavailable(
            f"the database '{path}' can only be read, and runs are to be kept in it",
            code=READ_ONLY,
            hint="let this user write the file and its folder, or mount the disk for writing",
            details={"path": str(path)},
        )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set the connection up, and see that the tables are there."""
    if not version_of(connection, path):  # and before anything is changed: it may be another's
        # Only a file without tables takes it. It lets `shrink` give free pages back.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchall()[0][0]
    if mode != "wal":
        raise EngineError(
            f"the database '{path}' can't have a write-ahead log (its journal is '{mode}')",
            code=FAILED,
            hint="keep it on a local disk: file systems on a network can't share memory",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_log_pages(path)}").fetchall()
    connection.execute("PRAGMA temp_store = MEMORY")  # nothing else may need room on the disk
    version = version_of(connection, path)
    if version == VERSION:
        return
    driver = Driver(path)
    if version:  # an earlier version that drives runs would no longer know its tables
        driver.take("an engine that brings it up to date")
    try:
        _bring_up_to_date(connection, path)
    finally:
        driver.let_go()


def _log_pages(path: Path) -> int:
    """Say after how many pages the write-ahead log is emptied into the database.

    On a small disk that is sooner: a log that has taken the last of it can't be emptied, as the
    database has no room to grow, and nothing but more room would help.
    """
    with suppress(OSError):
        disk = os.statvfs(path.parent)
        return max(_FEWEST_PAGES, min(_MOST_PAGES, disk.f_bavail * disk.f_frsize // _SHARE))
    return _MOST_PAGES


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Somebody may have made them before we got the lock.
        for statements in VERSIONS[version_of(connection, path) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refusal(path: Path, error: sqlite3.Error) -> EngineError:
    """Say why a file can't be opened."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return EngineError(
            f"'{path}' is no SQLite database",
            code=FAILED,
            hint="name another file, or restore a backup if this one was one of ours; it was left "
            "as it is",
        )
    trouble = passing(error, path)
    if trouble is not None and trouble.code != StoreUnavailable.code:
        return unavailable(path, trouble, "be opened")
    told = failed(path, error, "be opened for reading and writing")
    if told.code == FAILED:
        told.hint = "see that this user may write the file and its folder"
    return told
