"""What is read: logs, records, documents and answers.

This module knows the tables from the reader's side. It does not know threads, nor who asks:
the writer looks into logs with the same words.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from engine.errors import EngineError
from engine.ids import RunId, Seq
from engine.row import Row
from engine.store import Document, Origin, RunRecord
from engine.stores.refusal import FAILED
from engine.stores.sqlite.task import Columns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from engine.store import Kind, Status

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

_RECORD: Final = f"SELECT {', '.join(Columns._fields)} FROM runs"  # noqa: S608  # our own names

_NOT_OVER: Final = frozenset({"running", "paused"})
"""Those in the index of runs that are not over."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_tags: Final = msgspec.json.Decoder(dict[str, str])


def log_of(cursor: sqlite3.Cursor, run_id: RunId, after: Seq, limit: int | None) -> list[Row]:
    """Give the rows with entries after `after`, in order.

    Raises:
        EngineError: The file is damaged: a row is torn, or missing.
    """
    rows: list[Row] = []
    begins = after + 1
    for last, data in rows_of(cursor, run_id, after, limit):
        try:
            row = Row.read(data)
        except msgspec.DecodeError as error:
            raise _damaged(run_id, last, str(error)) from error
        if row.last != last:
            raise _damaged(run_id, last, f"it holds entries {row.first} to {row.last}")
        if row.first != begins and (rows or row.first > begins):
            raise _damaged(run_id, last, f"it begins at {row.first}, and not at {begins}")
        rows.append(row)
        begins = last + 1
    return rows


def _damaged(run_id: RunId, last: Seq, what: str) -> EngineError:
    return EngineError(
        f"the log of run '{run_id}' is damaged at the row that ends at seq {last}: {what}",
        code=FAILED,
        hint="the file was changed by another program, or the disk has failed: restore a backup",
        details={"run_id": run_id, "last": last},
    )


def rows_of(
    cursor: sqlite3.Cursor, run_id: RunId, after: Seq, limit: int | None = None
) -> list[tuple[Seq, bytes]]:
    """Give the bytes of rows as `log_of` does, unread, with the seq that each ends with."""
    parts = cursor.execute(_PARTS, {"run_id": run_id, "after": after}).fetchall()
    found: list[tuple[Seq, bytes]] = []
    for no, base, upto in reversed(parts):
        left = -1 if limit is None else limit - len(found)
        if left:
            found += cursor.execute(_ROWS, (no, max(base, after), upto, left)).fetchall()
    return found


def last_of(cursor: sqlite3.Cursor, run_id: RunId) -> Seq | None:
    """Give the seq of the last entry of a log; every log has rows of its own."""
    ((last,),) = cursor.execute(_LAST, (run_id,)).fetchall()
    return None if last is None else Seq(last)


def record_of(cursor: sqlite3.Cursor, run_id: RunId) -> RunRecord | None:
    """Give the record of a run."""
    found = cursor.execute(f"{_RECORD} WHERE run_id = ?", (run_id,)).fetchall()
    return _record(Columns(*found[0])) if found else None


def records(
    cursor: sqlite3.Cursor,
    *,
    status: Collection[Status],
    graph: str | None,
    before: RunRecord | None,
    limit: int,
) -> list[RunRecord]:
    """List runs, the latest first."""
    terms: list[str] = []
    values: list[str | int] = []
    if status:
        terms.append(f"status IN ({', '.join('?' * len(status))})")
        values += status
        if _NOT_OVER.issuperset(status):  # or SQLite does not see that the small index will do
            terms.append("status IN ('running', 'paused')")
    if graph is not None:
        terms.append("graph = ?")
        values.append(graph)
    if before is not None:
        terms.append("(began, run_id) < (?, ?)")
        values += (microseconds(before.began), before.run_id)
    where = f"WHERE {' AND '.join(terms)}" if terms else ""
    found = cursor.execute(
        f"{_RECORD} {where} ORDER BY began DESC, run_id DESC LIMIT ?", (*values, max(limit, 0))
    ).fetchall()
    return [_record(Columns(*each)) for each in found]


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
    )


def microseconds(at: datetime) -> int:
    """Give a time as the tables have it."""
    return (at - _EPOCH) // _MICROSECOND


def _record(columns: Columns) -> RunRecord:
    return RunRecord(
        run_id=RunId(columns.run_id),
        graph=columns.graph,
        version=columns.version,
        status=columns.status,  # type: ignore[arg-type]  # as it was given to us
        began=_EPOCH + timedelta(microseconds=columns.began),
        changed=_EPOCH + timedelta(microseconds=columns.changed),
        error=columns.error,
        origin=None
        if columns.origin is None or columns.origin_seq is None
        else Origin(RunId(columns.origin), Seq(columns.origin_seq)),
        tags=_tags.decode(columns.tags),
        tenant=columns.tenant,
    )
