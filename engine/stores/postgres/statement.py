"""The statement that writes a group: one for all of its rows and records, given as arrays.

This module knows the tables from the writer's side. It does not know what is written.
"""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_RECORD: Final = {
    "run_id": "text",
    "graph": "text",
    "version": "text",
    "status": "text",
    "began": "timestamptz",
    "changed": "timestamptz",
    "error": "text",
    "origin": "text",
    "origin_seq": "bigint",
    "tags": "text",
    "tenant": "text",
    "due": "timestamptz",
}
"""The columns of a record, and how each is sent."""

_NEVER_CHANGE: Final = frozenset({"run_id", "began", "origin", "origin_seq"})

_NAMES: Final = ", ".join(_RECORD)
_VALUES: Final = _NAMES.replace("tags", "tags::jsonb")
_SETS: Final = ", ".join(
    f"{name} = given.{name}" + ("::jsonb" if name == "tags" else "")
    for name in _RECORD
    if name not in _NEVER_CHANGE
)
_KINDS: Final = ("bigint", *_RECORD.values())

ALONE: Final = """
    BEGIN ISOLATION LEVEL READ COMMITTED;
    UPDATE awe.owner SET turn = turn + 1;
"""
"""Begins a transaction whose next statements see all that was written before, and that nobody
writes beside."""

GATE: Final = """gate AS MATERIALIZED (
    SELECT FROM awe.owner WHERE $1::bigint IS NULL OR epoch = $1 FOR SHARE
)"""
"""Locks the row that everybody who writes has locked; it is empty if the claim is not ours."""

_BEGUN: Final = """began AS (
    INSERT INTO awe.runs (no, {names}) SELECT no, {values}
    FROM gate, unnest({arrays}) AS given (no, {names})
    WHERE origin IS NULL OR EXISTS (SELECT FROM awe.runs AS o WHERE o.run_id = given.origin)
    RETURNING no
)"""

_CHANGED: Final = """changed AS (
    UPDATE awe.runs AS r SET {sets}
    FROM gate, unnest({arrays}) AS given (no, {names})
    WHERE r.no = given.no
    RETURNING r.no
)"""

_ADDED: Final = """added AS (
    INSERT INTO awe.rows (run, after, last, data{more}) SELECT run, after, last, data{values}
    FROM gate, unnest({arrays}) AS given (run, after, last, data{more})
    WHERE EXISTS (SELECT FROM awe.runs AS r WHERE r.no = given.run) {or_begun}
    RETURNING 1
)"""

_STORED: Final = """stored AS (
    INSERT INTO awe.blobs (digest, data) SELECT digest, data
    FROM gate, unnest({arrays}) AS given (digest, data)
    ON CONFLICT DO NOTHING
)"""


@cache
def statement(*, begun: bool, changed: bool, rows: bool, blobs: bool) -> str:
    """Give the statement that writes what there is of these.

    Its arguments are the epoch of the claim, what is notified, and then arrays, one for each
    column: of the records of new runs, each with the run's number; of those of others; of rows
    (and the names of their blobs, with commas between them, if there are any); and of blobs.
    It gives one row: whether the claim is ours, and how many rows and records of others were
    written.
    """
    numbers = count(3)

    def arrays(kinds: Iterable[str]) -> str:
        return ", ".join(f"${next(numbers)}::{kind}[]" for kind in kinds)

    parts = [GATE]
    if begun:
        parts.append(_BEGUN.format(names=_NAMES, values=_VALUES, arrays=arrays(_KINDS)))
    if changed:
        parts.append(_CHANGED.format(names=_NAMES, sets=_SETS, arrays=arrays(_KINDS)))
    if rows:
        kinds = ("bigint", "bigint", "bigint", "bytea") + (("text",) if blobs else ())
        parts.append(
            _ADDED.format(
                arrays=arrays(kinds),
                more=", blobs" if blobs else "",
                values=", string_to_array(blobs, ',')" if blobs else "",
                or_begun="OR given.run IN (SELECT no FROM began)" if begun else "",
            )
        )
    if blobs:
        parts.append(_STORED.format(arrays=arrays(("text", "bytea"))))
    told = (
        "(SELECT count(*) FROM gate)",
        "(SELECT count(*) FROM added)" if rows else "0::bigint",
        "(SELECT count(*) FROM changed)" if changed else "0::bigint",
        "pg_notify('awe_runs', $2::text)",
    )
    return f"WITH {', '.join(parts)} SELECT {', '.join(told)}"
