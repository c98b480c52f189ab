"""Which errors of SQLite pass by themselves, and what each means in words.

This module knows result codes. It does not know who tries again, nor when.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from engine.errors import EngineError
from engine.stores.refusal import FAILED

if TYPE_CHECKING:
    from pathlib import Path

_PASSING: Final = {
    sqlite3.SQLITE_BUSY: "another program holds its lock",
    sqlite3.SQLITE_LOCKED: "another program holds its lock",
    sqlite3.SQLITE_PROTOCOL: "another program holds its lock",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk can't be read or written",
    sqlite3.SQLITE_CANTOPEN: "its files can't be opened",
    sqlite3.SQLITE_READONLY: "its files can't be written",
}
"""What can pass while nobody touches the store, by primary result code."""

_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""What SQLite says when the file, or its tables, are not as we made them."""

_PRIMARY: Final = 0xFF
"""The bits of an extended result code that are the primary one."""


def passing(error: sqlite3.Error | MemoryError) -> str | None:
    """Say what is wrong, if it can pass by itself; None if it can't."""
    if isinstance(error, MemoryError):
        return "there is no memory left"
    code = getattr(error, "sqlite_errorcode", None)  # errors of the module itself have none
    words = None if code is None else _PASSING.get(code & _PRIMARY)
    return words and f"{words} ({error})"


def failed(path: Path, error: BaseException, doing: str = "keep this") -> EngineError:
    """Make an error of ours of one that does not pass."""
    told = EngineError(
        f"the database '{path}' can't {doing}: {type(error).__name__}: {error}",
        code=FAILED,
        hint=_next_step(error),
        details={"path": str(path)},
    )
    told.__cause__ = error
    return told


def _next_step(error: BaseException) -> str:
    """Say what to do about an error that does not pass."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code == sqlite3.SQLITE_TOOBIG:
        return "make it smaller: keep large values elsewhere, and their names in the state"
    if code in _DAMAGED or isinstance(error, msgspec.DecodeError):
        return "the file was changed by another program, or the disk has failed: restore a backup"
    if isinstance(error, ValueError | OverflowError):
        return "mend what was given: SQLite has no place for such a value"
    return "close the store and open it again; if that does not help, report it with this message"
