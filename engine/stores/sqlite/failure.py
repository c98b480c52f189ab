"""Which errors of SQLite pass by themselves, and what each means in words and by its code.

This module knows result codes, and how a disk is asked what is wrong with it. It does not know
who tries again, nor when.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from engine.errors import EngineError
from engine.store import StoreUnavailable, Trouble
from engine.stores.refusal import BUSY, CORRUPT, FAILED, FULL, READ_ONLY

if TYPE_CHECKING:
    from pathlib import Path


class _Meaning(NamedTuple):
    code: str
    words: str
    hint: str


_NO_ROOM: Final = _Meaning(FULL, "the disk is full", "make room on it")

_NOT_WRITABLE: Final = _Meaning(
    READ_ONLY,
    "the file can only be read",
    "let this user write the file and its folder, or mount the disk for writing",
)

_LOCKED: Final = _Meaning(
    BUSY,
    "another program holds its lock",
    "end what that program does with the file",
)

_NO_ANSWER: Final = _Meaning(
    StoreUnavailable.code,
    "the disk can't be read or written",
    "look at the disk, and at what the system says of it",
)

_PASSING: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_IOERR_SHMSIZE: _NO_ROOM,  # what it asks for is a few more pages
    sqlite3.SQLITE_IOERR: _NO_ANSWER,
    sqlite3.SQLITE_CANTOPEN: _NO_ANSWER._replace(words="the file can't be opened"),
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
}
"""What can pass while nobody touches the store, by extended or primary result code."""

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of a file that can't be what it wrote."""

_CHANGED: Final = (*_DAMAGE, sqlite3.SQLITE_ERROR)
"""What it says when the file, or its tables, are not as we made them."""

_RESTORE: Final = (
    "the file was changed by another program, or the disk has failed: stop what uses it, keep a "
    "copy, and restore a backup"
)

_PRIMARY: Final = 0xFF
"""The bits of an extended result code that are the primary one."""


def passing(error: BaseException, path: Path | None = None) -> Trouble | None:
    """Say what is wrong, if it can pass by itself; None if it can't.

    Args:
        error: What SQLite said.
        path: Of the file, if the disk is to be asked what is wrong: SQLite knows only some of
            its errors by name, and the file is to be named.
    """
    if isinstance(error, MemoryError):
        return Trouble("there is no memory left", hint="free some")
    code = _code(error)
    meaning = _PASSING.get(code) or _PASSING.get(code & _PRIMARY)
    if meaning is None or is_damage(error):
        return None
    seen = str(error)
    if path is not None:
        seen = f"'{path}': {error}"
        if meaning not in (_LOCKED, _NO_ROOM):
            meaning = _found_on_disk(path) or meaning
    return Trouble(f"{meaning.words} ({seen})", code=meaning.code, hint=meaning.hint)


def is_damage(error: BaseException) -> bool:
    """Tell whether SQLite found the file to be damaged."""
    return _code(error) & _PRIMARY in _DAMAGE or _code(error) == sqlite3.SQLITE_IOERR_CORRUPTFS


def concerns_all(error: BaseException) -> bool:
    """Tell whether an error is one of the file, not of what was to be written to it."""
    return is_damage(error) or passing(error) is not None


def failed(path: Path, error: BaseException, doing: str = "keep this") -> EngineError:
    """Make an error of ours of one that does not pass."""
    told = EngineError(
        f"the database '{path}' can't {doing}: {type(error).__name__}: {error}",
        code=CORRUPT if is_damage(error) else FAILED,
        hint=_next_step(error),
        details={"path": str(path)},
    )
    told.__cause__ = error
    return told


def unavailable(path: Path, trouble: Trouble, doing: str) -> StoreUnavailable:
    """Make an error of ours of one that passes."""
    return StoreUnavailable(
        f"the database '{path}' can't {doing} for now: {trouble}",
        code=trouble.code,
        hint=trouble.hint,
        details={"path": str(path)},
    )


def _code(error: BaseException) -> int:
    """Give the extended result code; errors of the module itself have none."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code


def _found_on_disk(path: Path) -> _Meaning | None:
    """Ask the disk whether it can be written and has room."""
    with suppress(OSError):
        disk = os.statvfs(path.parent)
        if disk.f_flag & os.ST_RDONLY or not _may_write(path):
            return _NOT_WRITABLE
        if disk.f_blocks and not disk.f_bavail:
            return _NO_ROOM
    return None


def _may_write(path: Path) -> bool:
    return all(
        os.access(each, os.W_OK, effective_ids=True)
        for each in (path.parent, path)
        if each.exists()
    )


def _next_step(error: BaseException) -> str:
    """Say what to do about an error that does not pass."""
    code = _code(error) & _PRIMARY
    if code == sqlite3.SQLITE_TOOBIG:
        return "make it smaller: keep large values elsewhere, and their names in the state"
    if is_damage(error) or code in _CHANGED or isinstance(error, msgspec.DecodeError):
        return _RESTORE
    if isinstance(error, ValueError | OverflowError):
        return "mend what was given: SQLite has no place for such a value"
    return "close the store and open it again; if that does not help, report it with this message"
