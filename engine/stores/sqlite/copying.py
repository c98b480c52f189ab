"""A copy of the whole database, taken while it is written, and a database made of a copy.

This module knows how a copy comes to be whole, and to be on the disk. It does not know who
wants one, nor in which thread.

A copy of the file alone is none: what was kept last is in the write-ahead log beside it, and a
log that is left beside another file ruins that. So a copy is read through SQLite, in one
transaction, which holds up nobody who writes; and it is one file, with no log of its own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final, TypeVar

from engine.errors import EngineError
from engine.store import StoreUnavailable
from engine.stores.refusal import BUSY, CORRUPT, FAILED
from engine.stores.sqlite.driver import Driver
from engine.stores.sqlite.failure import failed, is_damage, passing, unavailable
from engine.stores.sqlite.opening import PATIENCE, connected, open_for_reading, version_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.stores.sqlite.opening import Connect

Answer = TypeVar("Answer")

_PAGES: Final = 1_000
"""Pages that are copied in one go."""

_BESIDE: Final = ("", "-wal", "-shm")
"""What belongs to a database: the file, and what may lie beside it."""


class Broken(Exception):
    """Nobody wants the copy any more."""


async def in_thread(do: Callable[[Callable[[], bool]], Answer]) -> Answer:
    """Do something in a thread; whoever is cancelled has it broken off.

    Args:
        do: Given what tells whether it is to be broken off.
    """
    unwanted = threading.Event()
    try:
        return await asyncio.to_thread(do, unwanted.is_set)
    except asyncio.CancelledError:
        unwanted.set()
        raise


def back_up(unwanted: Callable[[], bool], *, path: Path, target: Path, connect: Connect) -> int:
    """Copy a database, whoever writes to it meanwhile; give the size of the copy in bytes.

    The copy has all that was kept when it was begun, and is looked through before it gets its
    name: if there is a file `target`, it is whole.

    Args:
        unwanted: Tells whether it is to be broken off; then it leaves nothing.
        path: The database.
        target: The copy.
        connect: How connections to both are made.

    Raises:
        EngineError: There is no database of ours, or there is a `target` already, or the
            database is damaged (`STORE_CORRUPT`).
        StoreUnavailable: The disk is full, or can't be written.
    """
    _see_that_there_is_one(path)
    _see_that_there_is_none(target)
    try:
        with closing(open_for_reading(path, connect)) as connection:
            if not version_of(connection, path):
                raise EngineError(
                    f"the database '{path}' is empty", code=FAILED, hint="name another file"
                )
            _copy(connection, target, connect, unwanted)
    except sqlite3.Error as error:
        raise _told(path, error, f"be copied to '{target}'") from error
    return target.stat().st_size


def restore(
    unwanted: Callable[[], bool], *, path: Path, backup: Path, connect: Connect, replace: bool
) -> Path | None:
    """Make a database of a copy of one; give what became of the one that was there.

    Args:
        unwanted: Tells whether it is to be broken off; then nothing is changed.
        path: The database that is made.
        backup: The copy, which stays.
        connect: How connections to both are made.
        replace: Whether a database that is there may be put aside.

    Raises:
        EngineError: The copy is none of ours or damaged, or there is a database already and
            `replace` is false.
        StoreInUse, StoreUnavailable: Somebody has that open.
    """
    partial = path.with_name(f"{path.name}.restored")
    if not replace:
        _see_that_there_is_none(path)
    driver = Driver(path)
    driver.take("a backup that is restored")
    try:
        partial.unlink(missing_ok=True)  # of an attempt that was cut off
        back_up(unwanted, path=backup, target=partial, connect=connect)
        replaced = _put_aside(path, connect)
        _move(partial, path)
    finally:
        driver.let_go()
        partial.unlink(missing_ok=True)
    return replaced


def saved(connection: sqlite3.Connection, path: Path, connect: Connect, seen: str) -> EngineError:
    """Save what is in a database whose files have gone; say what was seen, and what was done.

    Whoever has a deleted file open can still read it: this is the last moment to do so.
    """
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        target = _free(path.with_name(f"{path.name}.saved"))
        _copy(connection, target, connect, lambda: False)
    except (sqlite3.Error, OSError, EngineError) as error:
        return EngineError(
            seen,
            hint=f"what was kept could not be saved ({error}): put the file back, or restore a "
            "backup, and begin again",
            details={"path": str(path)},
        )
    return EngineError(
        seen,
        hint=f"everything that was kept is saved in '{target}': end what uses the database, put "
        "that in its place, with no file beside it, and begin again",
        details={"path": str(path), "saved": str(target)},
    )


def _copy(
    connection: sqlite3.Connection, target: Path, connect: Connect, unwanted: Callable[[], bool]
) -> None:
    """Copy what a connection sees now, look it through, and give it its name."""

    def copied(*_: int) -> None:
        if unwanted():
            raise Broken

    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()  # from here it stands
        with closing(connected(partial, "rwc", PATIENCE, connect)) as copy:
            connection.backup(copy, pages=_PAGES, progress=copied)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file is all of it
            found = copy.execute("PRAGMA quick_check(1)").fetchall()[0][0]
        if found != "ok":
            raise EngineError(
                f"the database is damaged: {found}",
                code=CORRUPT,
                hint="restore a backup; what can be read of this one, `sqlite3 ... .recover` reads",
            )
        _move(partial, target)
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        partial.unlink(missing_ok=True)


def _move(file: Path, to: Path) -> None:
    """Give a file its name, so that it has it after a power cut, too."""
    _sync(file)
    file.rename(to)
    _sync(to.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_aside(path: Path, connect: Connect) -> Path | None:
    """Move a database away that nobody has open, with all that lies beside it."""
    there = [each for each in _BESIDE if path.with_name(path.name + each).exists()]
    if not there:
        return None
    try:
        with closing(connected(path, "rw", 0.0, connect)) as old:
            # This needs the file for itself alone, and leaves nothing beside it.
            old.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.Error as error:
        trouble = passing(error, path)
        if trouble is not None and trouble.code == BUSY:
            raise StoreUnavailable(
                f"another program has the database '{path}' open",
                code=BUSY,
                hint="end it first: what it still wrote would be lost",
                details={"path": str(path)},
            ) from error
        if not is_damage(error):  # which may be why it is replaced
            raise _told(path, error, "be put aside") from error
    aside = _free(path.with_name(f"{path.name}.replaced"))
    for each in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + each).rename(aside.with_name(aside.name + each))
    return aside


def _free(path: Path) -> Path:
    """Give a name like this one that no file has."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _see_that_there_is_one(path: Path) -> None:
    if not path.is_file():
        raise EngineError(
            f"there is no database '{path}'",
            code=FAILED,
            hint="name the file that runs are kept in",
        )


def _see_that_there_is_none(target: Path) -> None:
    if target.exists():
        raise EngineError(
            f"there is a file '{target}' already",
            code=FAILED,
            hint="name another, or move that one away",
            details={"path": str(target)},
        )


def _told(path: Path, error: sqlite3.Error, doing: str) -> EngineError:
    trouble = passing(error, path)
    return failed(path, error, doing) if trouble is None else unavailable(path, trouble, doing)
