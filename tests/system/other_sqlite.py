"""Connections of apsw with the interface of `sqlite3`, over a file system that tells what it does.

This module knows apsw, which brings an SQLite of its own, and the part of `sqlite3` that the
store uses. It does not know what becomes of what it tells (`power`).
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import apsw

from tests.system.power import Event, Named, Sync, Write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_KINDS: Final = (
    (apsw.ConstraintError, sqlite3.IntegrityError),
    (apsw.CorruptError, sqlite3.DatabaseError),
    (apsw.NotADBError, sqlite3.DatabaseError),
    (apsw.TooBigError, sqlite3.DataError),
    (apsw.ThreadingViolationError, sqlite3.ProgrammingError),
    (apsw.ConnectionClosedError, sqlite3.ProgrammingError),
    (apsw.CursorClosedError, sqlite3.ProgrammingError),
)
"""Which errors of `sqlite3` those of apsw are; the others are `OperationalError`."""

_SYNCS_ITS_FOLDER: Final = (
    apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
)
"""Files whose first sync SQLite lets follow by one of their folder."""


class Recorder(apsw.VFS):
    """SQLite's own file system for Unix, whose writes and syncs are written down.

    Attributes:
        events: What happened so far, in order.
    """

    def __init__(self, name: str) -> None:
        self.events: list[Event] = []
        self.name: str = name
        self._synced: set[str] = set()
        super().__init__(name, "unix")

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # apsw calls it so
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        assert path is not None, "a file without a name is on the disk"
        known = Path(path).name
        if flags[0] & apsw.SQLITE_OPEN_CREATE and not Path(path).exists():
            self.events.append(Named(known, is_there=True))
            self._synced.discard(known)
        return _File(self, known, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802  # as above
        super().xDelete(name, sync_folder)
        self.events.append(Named(Path(name).name, is_there=False))
        if sync_folder:
            self.events.append(Sync(""))

    def synced(self, name: str, flags: int) -> None:
        """Write a sync down."""
        self.events.append(Sync(name))
        if flags & _SYNCS_ITS_FOLDER and name not in self._synced:
            self._synced.add(name)
            self.events.append(Sync(""))


class _File(apsw.VFSFile):
    def __init__(
        self, recorder: Recorder, known: str, name: apsw.URIFilename | str | None, flags: list[int]
    ) -> None:
        self._recorder = recorder
        self._known = known
        self._kind = flags[0]
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # as above
        self._recorder.events.append(Write(self._known, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802  # as above
        self._recorder.events.append(Write(self._known, size, None))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802  # as above
        super().xSync(flags)
        self._recorder.synced(self._known, self._kind)


class Connection:
    """A connection of apsw that looks like one of `sqlite3`."""

    def __init__(self, database: str, vfs: str, timeout: float, synchronous: str) -> None:
        self._lock = threading.Lock()
        self._synchronous = synchronous
        with _Errors():
            self._connection = apsw.Connection(
                database,
                flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI,
                vfs=vfs,
            )
        self._connection.set_busy_timeout(int(timeout * 1_000))

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open."""
        return self._connection.in_transaction

    def cursor(self) -> Cursor:
        """Make a cursor."""
        return Cursor(self._connection, self)

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        """Execute a statement with a cursor of its own."""
        if sql == "PRAGMA synchronous = FULL":
            sql = f"PRAGMA synchronous = {self._synchronous}"
        if sql.startswith("PRAGMA wal_autocheckpoint = "):
            sql = "PRAGMA wal_autocheckpoint = 40"  # so that there are many
        return self.cursor().execute(sql, parameters)

    def close(self) -> None:
        """Close it."""
        with _Errors():
            self._connection.close()


class Cursor:
    """A cursor of apsw that looks like one of `sqlite3`."""

    def __init__(self, connection: apsw.Connection, mine: Connection) -> None:
        self._connection = connection
        self.connection = mine
        self._found: list[tuple[Any, ...]] = []

    @property
    def lastrowid(self) -> int:
        """Give the number of the row that was inserted last."""
        return self._connection.last_insert_rowid()

    @property
    def rowcount(self) -> int:
        """Give how many rows the last statement changed."""
        return self._connection.changes()

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        """Execute a statement, and fetch all that it gives."""
        given = parameters if isinstance(parameters, dict) else tuple(parameters)
        with _Errors():
            self._found = self._connection.execute(sql, given).fetchall()
        return self

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> Cursor:
        """Execute a statement for each row."""
        with _Errors():
            self._connection.executemany(sql, [tuple(row) for row in rows]).fetchall()
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give what was found."""
        found, self._found = self._found, []
        return found


class _Errors:
    """Makes errors of `sqlite3` of those of apsw."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Raise the other error."""
        if isinstance(error, apsw.Error):
            kind = next((theirs for ours, theirs in _KINDS if isinstance(error, ours)), None)
            told = (kind or sqlite3.OperationalError)(str(error))
            told.sqlite_errorcode = getattr(error, "extendedresult", 1)
            raise told from error


def recorded(recorder: Recorder, *, synchronous: str = "FULL") -> Any:
    """Give a way to connect through a recorder.

    Args:
        recorder: What writes everything down.
        synchronous: What the store's own word for it is replaced by.
    """

    def connect(database: str, *, timeout: float, isolation_level: None, uri: bool) -> Connection:
        assert uri
        assert isolation_level is None
        return Connection(database, recorder.name, timeout, synchronous)

    return connect
