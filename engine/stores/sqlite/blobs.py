"""Large values of rows, each kept once.

This module knows the tables of blobs and of their uses. It does not know what is in one, nor
when anything is committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from engine.stores.sqlite.task import Batch

_NEW: Final = "INSERT OR IGNORE INTO blobs (digest, data) VALUES (?, ?)"

_USE: Final = """
    INSERT OR IGNORE INTO uses (run, last, blob) SELECT ?, ?, no FROM blobs WHERE digest = ?
"""

_OF_ROWS: Final = """
    SELECT uses.last, blobs.digest, blobs.data FROM uses JOIN blobs ON blobs.no = uses.blob
    WHERE uses.run = ? AND uses.last >= ? AND uses.last <= ?
"""

_SOME: Final = """
    SELECT uses.last, uses.blob, length(blobs.data) FROM uses
    LEFT JOIN blobs ON blobs.no = uses.blob WHERE uses.run = ? LIMIT ?
"""

_NO_USE: Final = "DELETE FROM uses WHERE run = ? AND last = ? AND blob = ?"

_UNUSED: Final = """
    DELETE FROM blobs WHERE no = ? AND NOT EXISTS (SELECT 1 FROM uses WHERE blob = blobs.no)
"""


def write_blobs(cursor: sqlite3.Cursor, run: int, batch: Batch) -> None:
    """Write what a batch has outside of its row."""
    for digest, data in batch.blobs.items():
        cursor.execute(_NEW, (digest, data))
        cursor.execute(_USE, (run, batch.last, digest))


def blobs_of(
    cursor: sqlite3.Cursor, run: int, first: int, last: int
) -> Mapping[int, Mapping[str, bytes]]:
    """Give what the rows of a run have outside, by the entry that each ends with."""
    found: dict[int, dict[str, bytes]] = {}
    for end, digest, data in cursor.execute(_OF_ROWS, (run, first, last)).fetchall():
        found.setdefault(end, {})[digest] = data
    return found


def blob_of(cursor: sqlite3.Cursor, digest: str) -> bytes | None:
    """Give one by its name."""
    found = cursor.execute("SELECT data FROM blobs WHERE digest = ?", (digest,)).fetchall()
    return bytes(found[0][0]) if found else None


def remove_some(cursor: sqlite3.Cursor, run: int, count: int, size: int) -> tuple[int, int]:
    """Remove some of what a run uses, where nobody else does.

    Returns:
        How many uses are gone, and how many bytes.
    """
    removed = taken = 0
    for last, blob, length in cursor.execute(_SOME, (run, count)).fetchall():
        if taken > size:
            break
        cursor.execute(_NO_USE, (run, last, blob))
        removed += 1
        if cursor.execute(_UNUSED, (blob,)).rowcount:
            taken += length or 0
    return removed, taken
