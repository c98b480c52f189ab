"""What is written: a group of tasks, in one transaction.

This module knows the tables from the writer's side. It does not know threads, nor what is
done about errors that pass: it lets them through, with nothing written.

Rules:

- Nearly every group is batches that fit, so it is tried as one statement for all of them
  (5-7 us of CPU a row, against 9-10 for one statement each). If anything about it is unusual,
  each task is taken by itself, in order, so that one that can't be kept stops no other.
- The table itself (`schema`) lets no row in that does not follow the end of its log. Whoever
  else has written to it, in this process or in another, is found out there, and there is no
  other lock.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.ids import BEGINNING, RunId, Seq
from engine.store import Origin
from engine.stores import refusal
from engine.stores.sqlite.failure import failed, passing
from engine.stores.sqlite.queries import answer_of, last_of, rows_of
from engine.stores.sqlite.task import Ask, Batch, Columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.errors import EngineError
    from engine.store import Kind
    from engine.stores.sqlite.task import Task

REMEMBERED: Final = 100_000
"""Runs whose number is remembered, so that to append to them takes no look-up."""

_UNUSUAL: Final = (sqlite3.Error, ValueError, OverflowError)
"""SQLite's own errors, and what a value causes that it can't take."""

_NEW_RUN: Final = (
    f"INSERT INTO runs ({', '.join(Columns._fields)}) "  # noqa: S608  # our own names
    f"VALUES ({', '.join('?' * len(Columns._fields))})"
)

_NEW_RECORD: Final = """
    UPDATE runs SET graph = ?, version = ?, status = ?, changed = ?, error = ?, tags = ?, tenant = ?
    WHERE no = ?
"""


_NEW_ROW: Final = "INSERT INTO rows (run, after, last, data) VALUES (?, ?, ?, ?)"
"""Rolls everything back if the log does not end where it is said to: the table sees to it."""

_NO_ROW: Final = (None, 0, None, None)
"""Fills a statement for more rows than there are: a row of no run is dropped by the table."""


@cache
def _new_rows(count: int) -> str:
    """Give the statement that inserts so many rows, in their order."""
    return _NEW_ROW + ", (?, ?, ?, ?)" * (count - 1)


class _Run(NamedTuple):
    """What never changes about a run that is there."""

    no: int
    base: Seq
    """Where its own part of its log begins: the seq of its origin, or `BEGINNING`."""
    origin: Origin | None
    """Only of a fork."""

    def after(self, expected: Seq) -> Seq | None:
        """Give the end of the last of its own rows, if its log ends at `expected`."""
        return None if expected == self.base else expected


class Ledger:
    """The tables, as the one who writes them sees them.

    Args:
        connection: Open for writing.
        path: Its file, for messages.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._path = path
        self._runs: dict[RunId, _Run] = {}
        self._found: dict[RunId, _Run] = {}
        """Those to remember as soon as what was written is committed."""

    def keep(self, tasks: Sequence[Task]) -> None:
        """Write them all, and note in each why it was not written, if it was not.

        Raises:
            sqlite3.Error, MemoryError: It is `passing`: they may be written next time. Or
                nothing can be written at all.
        """
        try:
            if not self._all_at_once(tasks):
                self._one_by_one(tasks)
            if len(self._runs) > REMEMBERED:
                self._runs.clear()
            self._runs.update(self._found)
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        self._found.clear()
        if self._connection.in_transaction:
            self._cursor.execute("ROLLBACK")

    # -- all at once ----------------------------------------------------------------------

    def _all_at_once(self, tasks: Sequence[Task]) -> bool:
        """Write them if all is as usual, or give False."""
        try:
            first = tasks[0]
            if len(tasks) == 1 and isinstance(first, Batch) and first.record is None:
                return self._insert_one(first)  # whose run waits for it: the shortest way
            batches = [task for task in tasks if isinstance(task, Batch)]
            records = [batch for batch in batches if batch.record is not None]
            if not records and len(batches) == len(tasks):
                return self._insert(batches)  # one statement is a transaction of its own
            self._cursor.execute("BEGIN IMMEDIATE")
            usual = all(map(self._enter, records)) and (not batches or self._insert(batches))
            if usual:
                for task in tasks:
                    if isinstance(task, Ask):
                        task.ask(self._cursor)
                self._cursor.execute("COMMIT")
        except _UNUSUAL as error:
            if isinstance(error, sqlite3.Error) and passing(error):
                raise
            usual = False
        if not usual:
            self._roll_back()
        return usual

    def _enter(self, batch: Batch) -> bool:
        """Write the record of a batch; give False if its log can't begin, or not there."""
        run = self._find(batch.run_id)
        if run is not None:
            if _forks(batch) is not None:
                return False  # it is repeated, or its name is taken
            self._change(run, batch)
            return True
        if self._refuse_to_begin(batch) is not None:
            return False
        self._begin(batch)
        return True

    def _insert_one(self, batch: Batch) -> bool:
        """Insert the row of a batch; give False if its run is not as usual."""
        run = self._run_of(batch)
        if run is None:
            return False
        row = (run.no, run.after(batch.expected), batch.last, batch.data)
        self._cursor.execute(_NEW_ROW, row)
        return True

    def _insert(self, batches: Sequence[Batch]) -> bool:
        """Insert the rows of batches; give False if one of their runs is not as usual."""
        values: list[int | bytes | None] = []
        for batch in batches:
            run = self._run_of(batch)
            if run is None:
                return False
            values += (run.no, run.after(batch.expected), batch.last, batch.data)
        count = 1 << (len(batches) - 1).bit_length()  # so that there are few statements
        values += _NO_ROW * (count - len(batches))
        self._cursor.execute(_new_rows(count), values)
        return True

    def _run_of(self, batch: Batch) -> _Run | None:
        """Give the run of a batch, if it is there and kept all that the batch reckons with."""
        if batch.before is not None and batch.before.error is not None:
            return None
        return self._runs.get(batch.run_id) or self._find(batch.run_id)

    # -- one by one -----------------------------------------------------------------------

    def _one_by_one(self, tasks: Sequence[Task]) -> None:
        """Write what can be written of them, in their order."""
        self._cursor.execute("BEGIN IMMEDIATE")
        for task in tasks:
            self._cursor.execute("SAVEPOINT task")
            try:
                if isinstance(task, Batch):
                    task.error = self._keep(task)
                else:
                    task.ask(self._cursor)
                    task.error = None
            except _UNUSUAL as error:
                lost = not self._connection.in_transaction
                if isinstance(error, sqlite3.Error) and (lost or passing(error)):
                    raise
                self._cursor.execute("ROLLBACK TO task")
                task.error = failed(self._path, error)
                if isinstance(task, Batch):
                    self._found.pop(task.run_id, None)
            self._cursor.execute("RELEASE task")
        self._cursor.execute("COMMIT")

    def _keep(self, batch: Batch) -> EngineError | None:
        """Write a batch, or say why not."""
        if batch.before is not None and batch.before.error is not None:
            # The log may end where it is expected to, and still not be what it was decided on.
            return refusal.follows(batch.run_id, batch.before.error)
        run = self._find(batch.run_id)
        is_new = run is None
        if run is None:
            refused = self._refuse_to_begin(batch)
            if refused is not None:
                return refused
            run = self._begin(batch)
        elif (origin := _forks(batch)) is not None:
            is_there = run.origin == origin and self._is_there(batch)
            return None if is_there else refusal.taken(batch.run_id, origin)
        end, after = last_of(self._cursor, batch.run_id), run.after(batch.expected)
        if end == after:
            self._cursor.execute(_NEW_ROW, (run.no, after, batch.last, batch.data))
            if not is_new and batch.record is not None:
                self._change(run, batch)
            return None
        if self._is_there(batch):
            return None  # and its record was written with it, and may have changed since
        found = run.base if end is None else end
        return refusal.moved(batch.run_id, expected=batch.expected, found=found)

    def _is_there(self, batch: Batch) -> bool:
        """Tell whether a log has this batch, byte for byte, where it is to be."""
        rows = rows_of(self._cursor, batch.run_id, batch.expected, 1)
        return rows == [(batch.last, batch.data)]

    # -- runs -----------------------------------------------------------------------------

    def _find(self, run_id: RunId) -> _Run | None:
        """Give a run that is there."""
        run = self._runs.get(run_id) or self._found.get(run_id)
        if run is None:
            there = self._cursor.execute(
                "SELECT no, origin, origin_seq FROM runs WHERE run_id = ?", (run_id,)
            ).fetchall()
            if there:
                no, *origin = there[0]
                run = self._found[run_id] = _run(no, _origin(*origin))
        return run

    def _refuse_to_begin(self, batch: Batch) -> EngineError | None:
        """Say why a log can't begin with this batch, if it can't."""
        record, origin = batch.record, _origin_of(batch)
        base = BEGINNING if origin is None else origin.seq
        if batch.expected != base:
            return refusal.moved(batch.run_id, expected=batch.expected, found=base)
        if record is None:
            return refusal.no_record(batch.run_id)
        if origin is not None:
            rows = rows_of(self._cursor, origin.run_id, Seq(origin.seq - 1), 1)
            if [last for last, _ in rows] != [origin.seq]:
                return refusal.no_origin(batch.run_id, origin)
        return None

    def _begin(self, batch: Batch) -> _Run:
        """Write the record of a new run."""
        assert batch.record is not None  # noqa: S101  # or its log would have been refused
        no = self._cursor.execute(_NEW_RUN, batch.record).lastrowid
        assert no is not None  # noqa: S101  # it was inserted
        run = self._found[batch.run_id] = _run(no, _origin_of(batch))
        return run

    def _change(self, run: _Run, batch: Batch) -> None:
        """Write the record of a run that is there; when and where it began stays."""
        record = batch.record
        assert record is not None  # noqa: S101  # nobody asks for it without
        self._cursor.execute(
            _NEW_RECORD,
            (
                record.graph,
                record.version,
                record.status,
                record.changed,
                record.error,
                record.tags,
                record.tenant,
                run.no,
            ),
        )


def _run(no: int, origin: Origin | None) -> _Run:
    return _Run(no, BEGINNING if origin is None else origin.seq, origin)


def _origin(run_id: str | None, seq: int | None) -> Origin | None:
    """Read an origin as the table has it."""
    return None if run_id is None or seq is None else Origin(RunId(run_id), Seq(seq))


def _origin_of(batch: Batch) -> Origin | None:
    """Give the origin that the record of a batch names, if it has one that does."""
    record = batch.record
    return None if record is None else _origin(record.origin, record.origin_seq)


def _forks(batch: Batch) -> Origin | None:
    """Give what a fork comes from, if this is its first batch.

    Such a batch begins a log. It never goes on with one, not even with one that ends where the
    fork begins.
    """
    origin = _origin_of(batch)
    return origin if origin is not None and origin.seq == batch.expected else None


# -- what is asked ------------------------------------------------------------------------


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


def remember(cursor: sqlite3.Cursor, key: str, answer: bytes) -> bytes:
    """Write an answer, unless there is one; give the one that is there."""
    there = answer_of(cursor, key)
    if there is None:
        cursor.execute("INSERT INTO answers (key, answer) VALUES (?, ?)", (key, answer))
    return answer if there is None else there
