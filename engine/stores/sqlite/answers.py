"""Documents and answers, as they are written.

This module knows their tables. It does not know threads, nor when anything is committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.stores.sqlite.queries import answer_of

if TYPE_CHECKING:
    import sqlite3

    from engine.store import Kind

AT_A_TIME: Final = 1_000
"""Answers that are removed at a time, so that batches need not wait for thousands."""


def put(cursor: sqlite3.Cursor, kind: Kind, name: str, data: bytes) -> int:
    """Write a document, unless it is there; give its number."""
    there = cursor.execute(
        "SELECT number FROM documents WHERE kind = ? AND name = ? AND data = ?", (kind, name, data)
    ).fetchall()
    if there:
        return int(there[0][0])
    ((number,),) = cursor.execute(
        "SELECT 1 + ifnull(max(number), 0) FROM documents WHERE kind = ? AND name = ?",
        (kind, name),
    ).fetchall()
    cursor.execute(
        "INSERT INTO documents (kind, name, number, data) VALUES (?, ?, ?, ?)",
        (kind, name, number, data),
    )
    return int(number)


def remember(cursor: sqlite3.Cursor, key: str, answer: bytes, at: int) -> bytes:
    """Write an answer, unless there is one; give the one that is there."""
    there = answer_of(cursor, key)
    if there is None:
        cursor.execute("INSERT INTO answers (key, answer, at) VALUES (?, ?, ?)", (key, answer, at))
    return answer if there is None else there


def forget_some(cursor: sqlite3.Cursor, before: int) -> int:
    """Remove answers that were kept before a time, some at a time; give how many."""
    return cursor.execute(
        "DELETE FROM answers WHERE no IN (SELECT no FROM answers WHERE at < ? LIMIT ?)",
        (before, AT_A_TIME),
    ).rowcount
