"""Runs that are removed, and the room they leave.

This module knows which tables have something of a run, and how the file gives back pages. It
does not know threads, nor which runs are to go.

A run is removed in two steps. The first takes it out of the table of runs, and with that it is
gone for everybody, in one small transaction. Its rows may be many, so they are removed later,
some at a time; what is left of them when the process dies is removed next time.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from engine.ids import RunId
from engine.store import ENDED
from engine.stores.sqlite.blobs import remove_some
from engine.stores.sqlite.tags import remove_tags

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RUNS: Final = 100
"""Runs that are taken out at a time."""

ROWS: Final = 500
SIZE: Final = 1024 * 1024
"""Rows, and bytes of them, that are removed at a time."""

PAGES: Final = 256
"""Pages that are given back at a time: 1 MiB."""

REBUILT: Final = 64 * 1024 * 1024
"""Bytes of a file of an older version that is rewritten so that it can give back pages."""

_OVER: Final = ", ".join(f"'{status}'" for status in ENDED)

_MAY_GO: Final = f"""
    SELECT no, tags, began, origin FROM runs WHERE run_id = ? AND status IN ({_OVER})
    AND NOT EXISTS (SELECT 1 FROM runs AS fork WHERE fork.origin = runs.run_id)
"""  # noqa: S608  # our own names

_CLOSE: Final = """
    INSERT INTO rows (run, after, last, data)
    SELECT run, max(last), 9223372036854775807, x'' FROM rows WHERE run = ? GROUP BY run
"""
"""Ends a log for good, as the table itself sees it, until its rows are removed."""

_SOME: Final = "SELECT no, length(data) FROM rows WHERE run = ? ORDER BY last LIMIT ?"

_LEFT: Final = """
    SELECT no FROM forgotten WHERE EXISTS (SELECT 1 FROM rows WHERE run = forgotten.no)
    OR EXISTS (SELECT 1 FROM uses WHERE run = forgotten.no)
    OR no < (SELECT max(no) FROM forgotten) LIMIT 1
"""


def forget(cursor: sqlite3.Cursor, run_ids: Iterable[RunId]) -> list[RunId]:
    """Take runs that have ended out of the table of runs; give those that were."""
    asked = set(run_ids)
    left = list(asked)
    removed: list[RunId] = []
    for run_id in left:
        found = cursor.execute(_MAY_GO, (run_id,)).fetchall()
        if not found:
            continue
        ((no, tags, began, origin),) = found
        cursor.execute("DELETE FROM runs WHERE no = ?", (no,))
        cursor.execute("INSERT INTO forgotten (no) VALUES (?)", (no,))
        cursor.execute(_CLOSE, (no,))
        remove_tags(cursor, no, tags, began, run_id)
        removed.append(run_id)
        if origin in asked:
            left.append(RunId(origin))  # if this was its last fork, it goes, too
    return removed


def sweep(cursor: sqlite3.Cursor) -> bool:
    """Remove some of what runs have left that are gone; tell whether there may be more."""
    count, size = ROWS, SIZE
    while count > 0 and size > 0:
        found = cursor.execute(_LEFT).fetchall()
        if not found:
            return False
        ((run,),) = found
        rows, taken = _remove_rows(cursor, run, count, size)
        if not rows:
            rows, taken = remove_some(cursor, run, count, size)
        if not rows:  # all of it is gone; but the highest number, which is never given again
            cursor.execute("DELETE FROM forgotten WHERE no = ?", (run,))
        count -= max(rows, 1)
        size -= taken
    return True


def _remove_rows(cursor: sqlite3.Cursor, run: int, count: int, size: int) -> tuple[int, int]:
    """Remove some rows; tell how many, and their bytes."""
    numbers: list[tuple[int]] = []
    taken = 0
    for no, length in cursor.execute(_SOME, (run, count)).fetchall():
        numbers.append((no,))
        taken += length
        if taken > size:
            break
    cursor.executemany("DELETE FROM rows WHERE no = ?", numbers)
    return len(numbers), taken


def give_back(cursor: sqlite3.Cursor) -> bool:
    """Give some free pages back to the file system; tell whether there may be more."""
    before = _free(cursor)
    for _ in range(min(before, PAGES)):
        # Each page is a row without columns, and of such rows this module steps to one only.
        cursor.execute("PRAGMA incremental_vacuum(1)")
    return 0 < _free(cursor) < before


def rebuild(cursor: sqlite3.Cursor) -> None:
    """Make a file of an older version one that can give back pages, if it is not large.

    Nothing can be written meanwhile: about half a second. If it can't be done now, it is done
    next time.
    """
    ((may,),) = cursor.execute("PRAGMA auto_vacuum").fetchall()
    ((pages,),) = cursor.execute("PRAGMA page_count").fetchall()
    ((size,),) = cursor.execute("PRAGMA page_size").fetchall()
    if may or (pages - _free(cursor)) * size > REBUILT:
        return
    cursor.execute("PRAGMA query_only = OFF")
    try:
        cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        with suppress(sqlite3.OperationalError):  # somebody is at it, or the disk is full
            cursor.execute("VACUUM")
    finally:
        cursor.execute("PRAGMA query_only = ON")


def cut_off(cursor: sqlite3.Cursor) -> None:
    """Bring what was written into the file itself, which cuts its free end off.

    Readers that are at it keep it from that; then it comes with what is written next.
    """
    ((patience,),) = cursor.execute("PRAGMA busy_timeout").fetchall()
    cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    cursor.execute("PRAGMA busy_timeout = 0")  # nobody has to wait for the log to be cut off, too
    try:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {patience}")


def size(_: sqlite3.Cursor, path: Path) -> int:
    """Give the bytes of a file and of its log."""
    count = 0
    for each in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError):
            count += each.stat().st_size
    return count


def _free(cursor: sqlite3.Cursor) -> int:
    ((count,),) = cursor.execute("PRAGMA freelist_count").fetchall()
    return int(count)
