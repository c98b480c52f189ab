"""The tags of runs, as they are looked for.

This module knows the table of tags and that of runs as far as it says which tags there are. A
run has them in its record as well, and that is what is read; this is the index to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import sqlite3

    from engine.stores.sqlite.task import Columns

NONE: Final = "{}"
"""The tags of most runs, as their record has them."""

_NEW: Final = "INSERT INTO tags (key, value, began, run_id, run) VALUES (?, ?, ?, ?, ?)"

_OLD: Final = """
    DELETE FROM tags WHERE key = ? AND value = ? AND began = ? AND run_id = ? AND run = ?
"""

_OTHER: Final = "SELECT tags, began FROM runs WHERE no = ? AND tags <> ?"

_tags: Final = msgspec.json.Decoder(dict[str, str])


def write_tags(cursor: sqlite3.Cursor, run: int, record: Columns) -> None:
    """Write the tags of a run that begins."""
    if record.tags != NONE:
        cursor.executemany(_NEW, _rows(run, record.tags, record.began, record.run_id))


def change_tags(cursor: sqlite3.Cursor, run: int, record: Columns) -> None:
    """Write the tags of a record that is about to be written in place of another."""
    other = cursor.execute(_OTHER, (run, record.tags)).fetchall()
    if other:  # which is hardly ever so
        ((tags, began),) = other
        remove_tags(cursor, run, tags, began, record.run_id)
        cursor.executemany(_NEW, _rows(run, record.tags, began, record.run_id))


def remove_tags(cursor: sqlite3.Cursor, run: int, tags: str, began: int, run_id: str) -> None:
    """Remove the tags that a record has."""
    if tags != NONE:
        cursor.executemany(_OLD, _rows(run, tags, began, run_id))


def _rows(run: int, tags: str, began: int, run_id: str) -> list[tuple[str | int, ...]]:
    return [(key, value, began, run_id, run) for key, value in _tags.decode(tags).items()]
