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
- What is remembered of a run may be of one that was forgotten since. Its number is never given
  again, so the table finds that out, too, and then it is looked up anew.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.ids import BEGINNING, RunId, Seq
from engine.store import Origin
from engine.stores import refusal
from engine.stores.sqlite.blobs import write_blobs
from engine.stores.sqlite.failure import concerns_all, failed
from engine.stores.sqlite.queries import last_of, rows_of
from engine.stores.sqlite.tags import change_tags, write_tags
from engine.stores.sqlite.task import Ask, Batch, Columns, Rest, Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.errors import EngineError
    from engine.stores.sqlite.task import Task

REMEMBERED: Final = 100_000
"""Runs whose number is remembered, so that to append to them takes no look-up."""

_UNUSUAL: Final = (sqlite3.Error, ValueError, OverflowError)
"""SQLite's own errors, and what a value causes that it can't take."""

_NEW_RUN: Final = f"""
    INSERT INTO runs (no, {", ".join(Columns._fields)}) VALUES (
        1 + max(
            ifnull((SELECT max(no) FROM runs), 0), ifnull((SELECT max(no) FROM forgotten), 0)
        ), {", ".join("?" * len(Columns._fields))}
    )
"""  # noqa: S608  # our own names

_NEW_RECORD: Final = """
    UPDATE runs SET graph = ?, version = ?, status = ?, changed = ?, error = ?, tags = ?,
    tenant = ?, due = ? WHERE no = ?
"""

_ENDS_AT: Final = "SELECT 1 WHERE (SELECT max(last) FROM rows WHERE run = ?) = ?"


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
            if len(tasks) == 1 and isinstance(first, Batch) and first.is_plain:
                return self._insert_one(first)  # whose run waits for it: the shortest way
            batches = [task for task in tasks if isinstance(task, Batch)]
            records = [batch for batch in batches if batch.record is not None]
            is_plain = not records and len(batches) == len(tasks)
            if is_plain and not any(batch.blobs for batch in batches):
                return self._insert(batches)  # one statement is a transaction of its own
            self._cursor.execute("BEGIN IMMEDIATE")
            steps = [task for task in tasks if not isinstance(task, Ask)]
            if len(steps) == len(batches):
                usual = all(map(self._enter, records)) and (not batches or self._insert(batches))
            else:
                usual = self._in_order(steps)
            if usual:
                for task in tasks:
                    if isinstance(task, Ask):
                        task.ask(self._cursor)
                self._cursor.execute("COMMIT")
        except _UNUSUAL as error:
            if isinstance(error, sqlite3.Error) and concerns_all(error):
                raise
            usual = False
        if not usual:
            self._roll_back()
        return usual

    def _in_order(self, steps: Sequence[Batch | Rest]) -> bool:
        """Write batches, and records that stand for themselves; give False if it is unusual."""
        batches: list[Batch] = []
        for step in steps:
            if isinstance(step, Batch):
                if step.record is not None and not self._enter(step):
                    return False
                batches.append(step)
                continue
            if any(batch.run_id == step.run_id for batch in batches):
                if not self._insert(batches):  # it looks at the end of the log
                    return False
                batches.clear()
            if not self._rest(step):
                return False
        return not batches or self._insert(batches)

    def _rest(self, rest: Rest) -> bool:
        """Write a record if the log ends where it is to end; give False if it does not."""
        run = self._run_of(rest)
        if run is None or not self._cursor.execute(_ENDS_AT, (run.no, rest.expected)).fetchall():
            return False
        self._change(run, rest.record)
        return True

    def _enter(self, batch: Batch) -> bool:
        """Write the record of a batch; give False if its log can't begin, or not there."""
        assert batch.record is not None  # noqa: S101  # nobody asks for it without
        run = self._find(batch.run_id)
        if run is not None:
            if _forks(batch) is not None:
                return False  # it is repeated, or its name is taken
            self._change(run, batch.record)
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
        for batch in batches:
            if batch.blobs and (run := self._run_of(batch)) is not None:
                write_blobs(self._cursor, run.no, batch)
        return True

    def _run_of(self, step: Step) -> _Run | None:
        """Give the run of a step, if it is there and kept all that the step reckons with."""
        if step.before is not None and step.before.error is not None:
            return None
        return self._runs.get(step.run_id) or self._find(step.run_id)

    # -- one by one -----------------------------------------------------------------------

    def _one_by_one(self, tasks: Sequence[Task]) -> None:
        """Write what can be written of them, in their order."""
        for task in tasks:  # what is remembered may be the very thing that was unusual
            if isinstance(task, Step):
                self._runs.pop(task.run_id, None)
        self._cursor.execute("BEGIN IMMEDIATE")
        for task in tasks:
            self._cursor.execute("SAVEPOINT task")
            try:
                if isinstance(task, Step):
                    task.error = self._keep(task)
                else:
                    task.ask(self._cursor)
                    task.error = None
            except _UNUSUAL as error:
                lost = not self._connection.in_transaction
                if isinstance(error, sqlite3.Error) and (lost or concerns_all(error)):
                    raise
                self._cursor.execute("ROLLBACK TO task")
                task.error = failed(self._path, error)
                if isinstance(task, Step):
                    self._found.pop(task.run_id, None)
            self._cursor.execute("RELEASE task")
        self._cursor.execute("COMMIT")

    def _keep(self, step: Batch | Rest) -> EngineError | None:
        """Write a batch or a record, or say why not."""
        if step.before is not None and step.before.error is not None:
            # The log may end where it is expected to, and still not be what it was decided on.
            return refusal.follows(step.run_id, step.before.error)
        if isinstance(step, Batch):
            return self._keep_batch(step)
        if self._rest(step):
            return None
        return self._moved(step)

    def _keep_batch(self, batch: Batch) -> EngineError | None:
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
            write_blobs(self._cursor, run.no, batch)
            if not is_new and batch.record is not None:
                self._change(run, batch.record)
            return None
        if self._is_there(batch):
            return None  # and its record was written with it, and may have changed since
        return self._moved(batch)

    def _moved(self, step: Step) -> EngineError:
        """Say where the log of a run ends, which is not where it was expected to."""
        found = last_of(self._cursor, step.run_id)
        end = BEGINNING if found is None else found
        return refusal.moved(step.run_id, expected=step.expected, found=end)

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
        write_tags(self._cursor, no, batch.record)
        run = self._found[batch.run_id] = _run(no, _origin_of(batch))
        return run

    def _change(self, run: _Run, record: Columns) -> None:
        """Write the record of a run that is there; when and where it began stays."""
        change_tags(self._cursor, run.no, record)
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
                record.due,
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
