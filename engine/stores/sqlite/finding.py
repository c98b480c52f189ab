"""Runs that are looked for: by what is wanted of them, by when they are due.

This module knows which index finds what. It does not know threads, nor who asks.

Every list is in the order of an index, so that a page costs what it gives, however many runs
there are: a run that is wanted by its tags is found in the order of their table, and one that
may be in several statuses in a list for each of them. What no index has is looked at in the
runs that the others find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from engine.store import Orphans, Status
from engine.stores.sqlite.queries import microseconds, read_record
from engine.stores.sqlite.task import Columns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from engine.store import RunFilter, RunRecord

_COLUMNS: Final = ", ".join(f"runs.{name}" for name in Columns._fields)

_STATUSES: Final = frozenset(get_args(Status))

_FIRST: Final = "tags CROSS JOIN runs ON runs.no = tags.run"
"""The table of tags first, because its order is that of the list."""

_TAG: Final = """
    EXISTS (
        SELECT 1 FROM tags AS other WHERE other.key = ? AND other.value = ?
        AND other.began = tags.began AND other.run_id = tags.run_id
    )
"""

_DUE: Final = f"""
    SELECT {_COLUMNS} FROM runs WHERE due IS NOT NULL AND (due, run_id) > (?, ?)
    ORDER BY due, run_id LIMIT ?
"""  # noqa: S608  # our own names

_ORPHANS: Final = {
    "rows": """
        SELECT count(*), min(run) FROM (
            SELECT DISTINCT run FROM rows
            WHERE run NOT IN (SELECT no FROM runs) AND run NOT IN (SELECT no FROM forgotten)
        )
    """,
    "forks": """
        SELECT count(*), min(run_id) FROM runs
        WHERE origin IS NOT NULL AND origin NOT IN (SELECT run_id FROM runs)
    """,
    "tags": """
        SELECT count(*), min(key) FROM tags
        WHERE NOT EXISTS (SELECT 1 FROM runs WHERE no = tags.run AND runs.run_id = tags.run_id)
    """,
    "blobs": """
        SELECT count(*), min(digest) FROM blobs WHERE no NOT IN (SELECT blob FROM uses)
    """,
    "uses": """
        SELECT count(*), min(run) FROM uses WHERE blob NOT IN (SELECT no FROM blobs)
        OR run NOT IN (SELECT no FROM forgotten) AND
        NOT EXISTS (SELECT 1 FROM rows WHERE rows.run = uses.run AND rows.last = uses.last)
    """,
}


def records(
    cursor: sqlite3.Cursor, *, wanted: RunFilter, before: RunRecord | None, limit: int
) -> list[RunRecord]:
    """List runs, the latest first."""
    statement, values = listing(wanted, before, max(limit, 0))
    return [read_record(*each) for each in cursor.execute(statement, values).fetchall()]


def listing(wanted: RunFilter, before: RunRecord | None, limit: int) -> tuple[str, list[str | int]]:
    """Give the statement that lists runs, and its values."""
    tags = list(wanted.tags.items())
    table, source = ("tags", _FIRST) if tags else ("runs", "runs")
    terms: list[str] = []
    values: list[str | int] = []
    for place, (key, value) in enumerate(tags):
        terms.append(_TAG if place else "tags.key = ? AND tags.value = ?")
        values += (key, value)
    for term, given in (
        ("runs.graph = ?", wanted.graph),
        ("runs.error = ?", wanted.error),
        (f"{table}.began >= ?", None if wanted.since is None else microseconds(wanted.since)),
    ):
        if given is not None:
            terms.append(term)
            values.append(given)
    # Two upper bounds would be one too many: the index is searched by the first that comes.
    if before is not None and (wanted.until is None or before.began < wanted.until):
        terms.append(f"({table}.began, {table}.run_id) < (?, ?)")
        values += (microseconds(before.began), before.run_id)
    elif wanted.until is not None:
        terms.append(f"{table}.began < ?")
        values.append(microseconds(wanted.until))
    statuses = sorted(set(wanted.status)) if _STATUSES - set(wanted.status) else []
    if statuses and (tags or wanted.error is not None):
        terms.append(f"runs.status IN ({', '.join('?' * len(statuses))})")
        values += statuses
        statuses = []
    elif wanted.graph is not None and not statuses and not tags and wanted.error is None:
        statuses = sorted(_STATUSES)  # as its index has them
    order = f"ORDER BY {table}.began DESC, {table}.run_id DESC LIMIT ?"
    values.append(limit)
    if not statuses:
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        return f"SELECT {_COLUMNS} FROM {source} {where} {order}", values  # noqa: S608
    where = " AND ".join(["runs.status = ?", *terms])
    each = f"SELECT * FROM (SELECT {_COLUMNS} FROM {source} WHERE {where} {order})"  # noqa: S608
    whole = " UNION ALL ".join([each] * len(statuses))
    if len(statuses) > 1:
        whole = f"SELECT * FROM ({whole}) ORDER BY began DESC, run_id DESC LIMIT {limit}"  # noqa: S608
    return whole, [value for status in statuses for value in (status, *values)]


def due(cursor: sqlite3.Cursor, *, after: RunRecord | None, limit: int) -> list[RunRecord]:
    """List the runs that have a due time, the earliest first."""
    last: tuple[int, str] = (-(2**63), "")
    if after is not None and after.due is not None:
        last = microseconds(after.due), after.run_id
    found = cursor.execute(_DUE, (*last, max(limit, 0))).fetchall()
    return [read_record(*each) for each in found]


def orphans(cursor: sqlite3.Cursor) -> Sequence[Orphans]:
    """Look through all tables for what belongs to nothing."""
    found: list[Orphans] = []
    for what, statement in _ORPHANS.items():
        ((count, example),) = cursor.execute(statement).fetchall()
        if count:
            found.append(Orphans(what, count, str(example)))  # type: ignore[arg-type]  # its keys
    return found
