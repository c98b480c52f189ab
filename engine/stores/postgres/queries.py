"""What is read: logs, records, documents and answers.

This module knows the tables from the reader's side. It does not know who asks, nor what is
done about errors.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import msgspec

from engine.ids import RunId, Seq
from engine.store import Document, Origin, RunRecord
from engine.stores.log import NO_BLOBS, rows_read

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from engine.row import Row
    from engine.store import Kind, RunFilter, Status
    from engine.stores.postgres.driver import Connection

_ROWS: Final = """
    WITH RECURSIVE part (no, base, upto, origin) AS (
        SELECT no, coalesce(origin_seq, -1), 9223372036854775807, origin
        FROM awe.runs WHERE run_id = $1::text
        UNION ALL
        SELECT o.no, coalesce(o.origin_seq, -1), least(part.upto, part.base), o.origin
        FROM part JOIN awe.runs AS o ON o.run_id = part.origin WHERE part.base > $2::bigint
    )
    SELECT found.last, found.data, found.blobs
    FROM part CROSS JOIN LATERAL (
        SELECT r.last, r.data, r.blobs FROM awe.rows AS r
        WHERE r.run = part.no AND r.last > greatest($2, part.base) AND r.last <= part.upto
            AND r.after >= coalesce((
                SELECT max(s.after) FROM awe.rows AS s
                WHERE s.run = part.no AND s.after <= greatest($2, part.base)
            ), -1)
        ORDER BY r.after LIMIT $3::bigint
    ) AS found
    ORDER BY found.last LIMIT $3
"""
"""The rows that hold entries after `$2`. A log is made of parts: the run's own rows, and those
of its origins up to where each fork begins. The row to begin with is found by what it follows,
which is what the rows are ordered by."""

_LAST: Final = """
    SELECT last FROM awe.rows WHERE run = (SELECT no FROM awe.runs WHERE run_id = $1::text)
    ORDER BY after DESC LIMIT 1
"""


class Columns(NamedTuple):
    """The record of a run, as its table has it."""

    run_id: str
    graph: str
    version: str
    status: str
    began: datetime
    changed: datetime
    error: str | None
    origin: str | None
    origin_seq: int | None
    tags: str
    tenant: str
    due: datetime | None


_RECORD: Final = f"SELECT {', '.join(Columns._fields)} FROM awe.runs"  # noqa: S608  # our own names

_tags: Final = msgspec.json.Decoder(dict[str, str])


async def log_of(
    connection: Connection, *, run_id: RunId, after: Seq, limit: int | None
) -> list[Row]:
    """Give the rows with entries after `after`, in order.

    Raises:
        EngineError: The database is damaged: a row is torn, or missing.
    """
    found = await rows_of(connection, run_id, after, limit)
    named = {digest for _, _, digests in found for digest in digests or ()}
    blobs = await blobs_of(connection, named) if named else NO_BLOBS
    return rows_read(
        (
            (last, data, {each: blobs[each] for each in digests if each in blobs})
            if digests
            else (last, data, NO_BLOBS)
            for last, data, digests in found
        ),
        run_id=run_id,
        after=after,
    )


async def rows_of(
    connection: Connection, run_id: RunId, after: Seq, limit: int | None = None
) -> Sequence[tuple[Seq, bytes, Sequence[str] | None]]:
    """Give the last entry, the bytes and the names of the blobs of each row, unread."""
    if limit is not None and limit <= 0:
        return ()
    return cast(
        "Sequence[tuple[Seq, bytes, Sequence[str] | None]]",
        await connection.fetch(_ROWS, run_id, after, limit),
    )


async def blobs_of(connection: Connection, digests: Collection[str]) -> Mapping[str, bytes]:
    """Give blobs by their names; one that is not there is left out."""
    found = await connection.fetch(
        "SELECT digest, data FROM awe.blobs WHERE digest = ANY ($1::text[])", list(digests)
    )
    return dict(cast("Sequence[tuple[str, bytes]]", found))


async def last_of(connection: Connection, *, run_id: RunId) -> Seq | None:
    """Give the seq of the last entry of a log; every log has rows of its own."""
    return cast("Seq | None", await connection.fetchval(_LAST, run_id))


async def record_of(connection: Connection, *, run_id: RunId) -> RunRecord | None:
    """Give the record of a run."""
    found = await connection.fetchrow(f"{_RECORD} WHERE run_id = $1::text", run_id)
    return None if found is None else _record(found)


async def records(
    connection: Connection, *, wanted: RunFilter, before: RunRecord | None, limit: int
) -> list[RunRecord]:
    """List runs, the latest first."""
    terms: list[str] = []
    values: list[object] = [max(limit, 0)]
    for term, value in (
        ("status = ANY (${}::text[])", list(wanted.status) or None),
        ("graph = ${}::text", wanted.graph),
        ("error = ${}::text", wanted.error),
        ("began >= ${}::timestamptz", wanted.since),
        ("began < ${}::timestamptz", wanted.until),
        ("tags @> ${}::text::jsonb", tags_of(wanted.tags) if wanted.tags else None),
    ):
        if value is not None:
            values.append(value)
            terms.append(term.format(len(values)))
    if before is not None:
        values += (before.began, before.run_id)
        terms.append(f"(began, run_id) < (${len(values) - 1}::timestamptz, ${len(values)}::text)")
    where = f"WHERE {' AND '.join(terms)}" if terms else ""
    found = await connection.fetch(
        f"{_RECORD} {where} ORDER BY began DESC, run_id DESC LIMIT $1::bigint", *values
    )
    return [_record(each) for each in found]


async def due(connection: Connection, *, after: RunRecord | None, limit: int) -> list[RunRecord]:
    """List the runs that have a `due`, the earliest first."""
    where, values = "due IS NOT NULL", [max(limit, 0)]
    place: tuple[object, ...] = ()
    if after is not None and after.due is not None:
        where += " AND (due, run_id) > ($2::timestamptz, $3::text)"
        place = (after.due, after.run_id)
    found = await connection.fetch(
        f"{_RECORD} WHERE {where} ORDER BY due, run_id LIMIT $1::bigint",  # our own
        *values,
        *place,
    )
    return [_record(each) for each in found]


async def documents_of(connection: Connection, *, kind: Kind) -> list[Document]:
    """Give all documents of a kind, by name and number."""
    found = await connection.fetch(
        "SELECT name, number, data FROM awe.documents WHERE kind = $1::text ORDER BY name, number",
        kind,
    )
    return [Document(*each) for each in cast("Sequence[tuple[str, int, bytes]]", found)]


async def answer_of(connection: Connection, *, key: str) -> bytes | None:
    """Give the answer that is kept under a key."""
    return cast(
        "bytes | None",
        await connection.fetchval("SELECT answer FROM awe.answers WHERE key = $1::text", key),
    )


async def blob_of(connection: Connection, *, digest: str) -> bytes | None:
    """Give a large value of a row."""
    return (await blobs_of(connection, [digest])).get(digest)


def tags_of(tags: Mapping[str, str]) -> str:
    """Write tags down as the table has them."""
    return msgspec.json.encode(tags).decode()


def columns_of(record: RunRecord) -> Columns:
    """Write a record down as the table has it."""
    origin = record.origin
    return Columns(
        run_id=record.run_id,
        graph=record.graph,
        version=record.version,
        status=record.status,
        began=record.began,
        changed=record.changed,
        error=record.error,
        origin=None if origin is None else origin.run_id,
        origin_seq=None if origin is None else origin.seq,
        tags=tags_of(record.tags),
        tenant=record.tenant,
        due=record.due,
    )


def _record(found: Sequence[object]) -> RunRecord:
    columns = Columns(*cast("tuple[str, ...]", tuple(found)))  # type: ignore[arg-type]  # as the table is made
    return RunRecord(
        run_id=RunId(columns.run_id),
        graph=columns.graph,
        version=columns.version,
        status=cast("Status", columns.status),
        began=columns.began.astimezone(UTC),
        changed=columns.changed.astimezone(UTC),
        error=columns.error,
        origin=None
        if columns.origin is None or columns.origin_seq is None
        else Origin(RunId(columns.origin), Seq(columns.origin_seq)),
        tags=_tags.decode(columns.tags),
        tenant=columns.tenant,
        due=None if columns.due is None else columns.due.astimezone(UTC),
    )
