"""What is read: logs, single records, documents and answers.

This module knows the tables from the reader's side. It does not know threads, nor who asks:
the writer looks into logs with the same words. Runs are looked for in `finding`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.ids import RunId, Seq
from engine.store import Document, Origin, RunRecord
from engine.stores.log import NO_BLOBS, rows_read
from engine.stores.sqlite.blobs import blobs_of
from engine.stores.sqlite.task import Columns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from engine.row import Row
    from engine.store import Kind

_PARTS: Final = """
    WITH RECURSIVE part(no, base, upto, origin) AS (
        SELECT no, ifnull(origin_seq, -1), 9223372036854775807, origin
        FROM runs WHERE run_id = :run_id
        UNION ALL
        SELECT runs.no, ifnull(runs.origin_seq, -1), min(part.upto, part.base), runs.origin
        FROM part JOIN runs ON runs.run_id = part.origin WHERE part.base > :after
    )
    SELECT no, base, upto FROM part
"""
"""What a log is made of after an entry, the latest first: a run, and which of its own rows."""

_ROWS: Final = """
    SELECT last, data FROM rows WHERE run = ? AND last > ? AND last <= ? ORDER BY last LIMIT ?
"""

_LAST: Final = """
    SELECT max(last) FROM rows WHERE run = (SELECT no FROM runs WHERE run_id = ?)
"""

_RECORD: Final = f"SELECT {', '.join(Columns._fields)} FROM runs WHERE run_id = ?"  # noqa: S608  # our own names

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_tags: Final = msgspec.json.Decoder(dict[str, str])


def log_of(cursor: sqlite3.Cursor, run_id: RunId, after: Seq, limit: int | None) -> list[Row]:
    """Give the rows with entries after `after`, in order.

    Raises:
        EngineError: The file is damaged: a row is torn, or missing.
    """
    found: list[tuple[Seq, bytes, Mapping[str, bytes]]] = []
    for no, rows in _parts_of(cursor, run_id, after, limit):
        if not rows:
            continue
        blobs = blobs_of(cursor, no, rows[0][0], rows[-1][0])
        found += [(last, data, blobs.get(last, NO_BLOBS)) for last, data in rows]
    return rows_read(found, run_id=run_id, after=after)


def rows_of(
    cursor: sqlite3.Cursor, run_id: RunId, after: Seq, limit: int | None = None
) -> list[tuple[Seq, bytes]]:
    """Give the bytes of rows as `log_of` does, unread, with the seq that each ends with."""
    return [row for _, rows in _parts_of(cursor, run_id, after, limit) for row in rows]


def _parts_of(
    cursor: sqlite3.Cursor, run_id: RunId, after: Seq, limit: int | None
) -> Iterator[tuple[int, list[tuple[Seq, bytes]]]]:
    """Yield what a log is made of: the number of a run, and those of its rows."""
    parts = cursor.execute(_PARTS, {"run_id": run_id, "after": after}).fetchall()
    left = -1 if limit is None else limit
    for no, base, upto in reversed(parts):
        if not left:
            return
        rows = cursor.execute(_ROWS, (no, max(base, after), upto, left)).fetchall()
        yield no, rows
        if limit is not None:
            left -= len(rows)


def last_of(cursor: sqlite3.Cursor, run_id: RunId) -> Seq | None:
    """Give the seq of the last entry of a log; every log has rows of its own."""
    ((last,),) = cursor.execute(_LAST, (run_id,)).fetchall()
    return None if last is None else Seq(last)


def record_of(cursor: sqlite3.Cursor, run_id: RunId) -> RunRecord | None:
    """Give the record of a run."""
    found = cursor.execute(_RECORD, (run_id,)).fetchall()
    return read_record(*found[0]) if found else None


def documents_of(cursor: sqlite3.Cursor, kind: Kind) -> list[Document]:
    """Give all documents of a kind, by name and number."""
    return [
        Document(*each)
        for each in cursor.execute(
            "SELECT name, number, data FROM documents WHERE kind = ? ORDER BY name, number",
            (kind,),
        ).fetchall()
    ]


def answer_of(cursor: sqlite3.Cursor, key: str) -> bytes | None:
    """Give the answer that is kept under a key."""
    found = cursor.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchall()
    return bytes(found[0][0]) if found else None


def columns_of(record: RunRecord) -> Columns:
    """Write a record down as the table has it."""
    return Columns(
        run_id=record.run_id,
        graph=record.graph,
        version=record.version,
        status=record.status,
        began=microseconds(record.began),
        changed=microseconds(record.changed),
        error=record.error,
        origin=None if record.origin is None else record.origin.run_id,
        origin_seq=None if record.origin is None else record.origin.seq,
        tags=msgspec.json.encode(record.tags).decode(),
        tenant=record.tenant,
        due=None if record.due is None else microseconds(record.due),
    )


def microseconds(at: datetime) -> int:
    """Give a time as the tables have it."""
    return (at - _EPOCH) // _MICROSECOND


def read_record(*each: Any) -> RunRecord:  # type: ignore[explicit-any]  # as SQLite gives it
    """Read a record as the table has it."""
    columns = Columns(*each)
    return RunRecord(
        run_id=RunId(columns.run_id),
        graph=columns.graph,
        version=columns.version,
        status=columns.status,  # type: ignore[arg-type]  # as it was given to us
        began=_time(columns.began),
        changed=_time(columns.changed),
        error=columns.error,
        origin=None
        if columns.origin is None or columns.origin_seq is None
        else Origin(RunId(columns.origin), Seq(columns.origin_seq)),
        tags=_tags.decode(columns.tags),
        tenant=columns.tenant,
        due=None if columns.due is None else _time(columns.due),
    )


def _time(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)
