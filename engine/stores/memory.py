"""A store that keeps everything in this process, and loses it with it.

This module knows lists and dictionaries. It encodes nothing: rows stay as they are handed
over until somebody asks for their bytes.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections import Counter, deque
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from engine.ids import BEGINNING, RunId, Seq
from engine.store import ALL, ENDED, Document, StoreInUse
from engine.stores import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from engine.row import Row
    from engine.store import Kept, Kind, Origin, Orphans, RunFilter, RunRecord

_last: Final[Callable[[Row], Seq]] = attrgetter("last")


class MemoryStore:
    """Keeps what it is given as long as it lives itself, opened or closed.

    Its promises are those of `engine.store.Store`, and one more: `append` keeps at once, so it
    always gives True.
    """

    trouble: str | None = None
    """There is none: what is handed over is kept."""

    def __init__(self) -> None:
        self._logs: dict[RunId, list[Row]] = {}
        """The rows of each run that are its own."""
        self._origins: dict[RunId, Origin] = {}
        """Where the logs of forks begin."""
        self._records: dict[RunId, RunRecord] = {}
        self._listed: list[RunId] = []
        """All runs, the latest last."""
        self._documents: dict[tuple[Kind, str], list[bytes]] = {}
        self._due: list[tuple[datetime, RunId]] = []
        """Those that have a due time, the earliest first."""
        self._forks: Counter[RunId] = Counter()
        """How many logs begin with that of each run."""
        self._answers: dict[str, tuple[bytes, datetime]] = {}
        self._opened = 0
        self._driver: str | None = None
        """Who drives its runs, as that one named itself."""

    async def open(self) -> None:
        """Get ready, which it always is; several may have it open; see `Store.open`."""
        self._opened += 1

    async def close(self) -> None:
        """Let go of nothing: the next one to open it finds it as it was; see `Store.close`."""
        self._opened = max(self._opened - 1, 0)
        if not self._opened:
            self._driver = None

    async def claim(self, who: str, *, take_over: bool = False) -> None:
        """Be the one engine that drives its runs; see `Store.claim`.

        Raises:
            StoreInUse: Another engine of this process has it.
        """
        if self._driver is not None and not take_over:
            raise StoreInUse(
                "this MemoryStore",
                self._driver,
                hint="leave that engine first, or give each a store of its own",
            )
        self._driver = who

    # -- logs -----------------------------------------------------------------------------

    def append(
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Kept,  # noqa: ARG002  # there is nothing to wait for
        record: RunRecord | None = None,
    ) -> bool:
        """Keep one batch of a run's log; see `Store.append`.

        Returns:
            True.

        Raises:
            LogMoved: The log does not end at `expected`, or a fork has no such origin, or its
                name is taken.
            EngineError: The first batch of a run has no record.
        """
        rows = self._logs.get(run_id)
        if rows is None:
            self._begin(run_id, row, expected, record)
        elif record is not None and (origin := record.origin) and origin.seq == expected:
            # The first batch of a fork never goes on with a log, wherever that may end.
            if self._origins.get(run_id) != origin or rows[0] != row:
                raise refusal.taken(run_id, origin)
        elif rows[-1].last == expected:
            rows.append(row)
            if record is not None:
                self._change(self._records[run_id], record)
        elif self._read(run_id, expected, 1) != [row]:
            raise refusal.moved(run_id, expected=expected, found=rows[-1].last)
        return True

    def _begin(self, run_id: RunId, row: Row, expected: Seq, record: RunRecord | None) -> None:
        """Keep the first batch of a run, and its record."""
        origin = record.origin if record is not None else None
        base = BEGINNING if origin is None else origin.seq
        if expected != base:
            raise refusal.moved(run_id, expected=expected, found=base)
        if record is None:
            raise refusal.no_record(run_id)
        if origin is not None:
            if not self._has_batch_to(origin):
                raise refusal.no_origin(run_id, origin)
            self._origins[run_id] = origin
            self._forks[origin.run_id] += 1
        self._logs[run_id] = [row]
        self._note(record)
        if self._listed and self._place(run_id) < self._place(self._listed[-1]):
            insort(self._listed, run_id, key=self._place)
        else:
            self._listed.append(run_id)

    def rest(
        self,
        record: RunRecord,
        *,
        at: Seq,
        kept: Kept,  # noqa: ARG002  # there is nothing to wait for
    ) -> bool:
        """Keep the record of a run that rests; see `Store.rest`.

        Returns:
            True.

        Raises:
            LogMoved: The log does not end at `at`.
        """
        rows = self._logs.get(record.run_id)
        found = BEGINNING if rows is None else rows[-1].last
        if found != at or rows is None:
            raise refusal.moved(record.run_id, expected=at, found=found)
        self._change(self._records[record.run_id], record)
        return True

    def _change(self, old: RunRecord, new: RunRecord) -> None:
        """Keep a record; when and from where the run began stays, as the list goes by it."""
        if (new.began, new.origin) != (old.began, old.origin):
            new = replace(new, began=old.began, origin=old.origin)
        self._note(new, old.due)

    def _note(self, record: RunRecord, due: datetime | None = None) -> None:
        """Keep a record, in place of one that had this `due`."""
        run_id = record.run_id
        self._records[run_id] = record
        if record.due != due:
            if due is not None:
                del self._due[bisect_left(self._due, (due, run_id))]
            if record.due is not None:
                insort(self._due, (record.due, run_id))

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[Row]:
        """Give the rows that hold entries after `after`; see `Store.read`."""
        return self._read(run_id, after, limit)

    def _read(self, run_id: RunId, after: Seq, limit: int | None) -> list[Row]:
        found: list[Row] = []
        for rows, upto in reversed(self._parts(run_id, after)):
            first = bisect_right(rows, after, key=_last)
            end = len(rows) if upto is None else bisect_right(rows, upto, key=_last)
            if limit is not None:
                end = min(end, first + limit - len(found))
            found += rows[first:end]
        return found

    def _parts(self, run_id: RunId, after: Seq) -> list[tuple[list[Row], Seq | None]]:
        """Give what a log is made of after `after`, the latest first, each with its end."""
        parts: list[tuple[list[Row], Seq | None]] = []
        upto: Seq | None = None
        while (rows := self._logs.get(run_id)) is not None:
            parts.append((rows, upto))
            origin = self._origins.get(run_id)
            if origin is None or origin.seq <= after:
                break
            upto = origin.seq if upto is None else min(upto, origin.seq)
            run_id = origin.run_id
        return parts

    def _has_batch_to(self, origin: Origin) -> bool:
        """Whether an entry that a fork begins after is there, and the last of its batch."""
        before = Seq(origin.seq - 1)
        return [row.last for row in self._read(origin.run_id, before, 1)] == [origin.seq]

    async def blob(self, digest: str) -> bytes | None:
        """Give a large value of a row; see `Store.blob`.

        Who names it has seen the bytes of that row. So only rows are looked at that have been
        written down, which few are here.
        """
        for run_id in list(self._logs):
            for row in self._logs.get(run_id, ()):
                if row.is_written and (found := row.blobs.get(digest)) is not None:
                    return found
            await asyncio.sleep(0)
        return None

    async def last(self, run_id: RunId) -> Seq | None:
        """Give the seq of the last entry of a run's log; see `Store.last`."""
        rows = self._logs.get(run_id)
        return None if rows is None else rows[-1].last

    # -- runs -----------------------------------------------------------------------------

    async def record(self, run_id: RunId) -> RunRecord | None:
        """Give the record of a run; see `Store.record`."""
        return self._records.get(run_id)

    async def runs(
        self,
        wanted: RunFilter = ALL,
        *,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """List runs, the latest first; see `Store.runs`."""
        end = len(self._listed)
        if before is not None:
            end = bisect_left(self._listed, (before.began, before.run_id), key=self._place)
        if wanted.until is not None:
            end = min(end, bisect_left(self._listed, (wanted.until, ""), key=self._place))
        found: list[RunRecord] = []
        for index in range(end - 1, -1, -1):
            if len(found) >= limit:
                break
            record = self._records[self._listed[index]]
            if wanted.matches(record):
                found.append(record)
        return found

    async def due(self, *, after: RunRecord | None = None, limit: int = 100) -> Sequence[RunRecord]:
        """List the runs that have a `due`, the earliest first; see `Store.due`."""
        first = 0
        if after is not None and after.due is not None:
            first = bisect_right(self._due, (after.due, after.run_id))
        return [self._records[run_id] for _, run_id in self._due[first : first + max(limit, 0)]]

    async def forget(self, run_ids: Collection[RunId]) -> Collection[RunId]:
        """Remove runs that have ended; see `Store.forget`."""
        asked = set(run_ids)
        left = deque(asked)
        removed: set[RunId] = set()
        while left:
            run_id = left.popleft()
            record = self._records.get(run_id)
            if record is None or record.status not in ENDED or self._forks[run_id]:
                continue
            self._remove(record)
            removed.add(run_id)
            if record.origin is not None and record.origin.run_id in asked:
                left.append(record.origin.run_id)  # if this was its last fork, it goes, too
        return removed

    def _remove(self, record: RunRecord) -> None:
        run_id = record.run_id
        del self._listed[bisect_left(self._listed, self._place(run_id), key=self._place)]
        if record.due is not None:
            del self._due[bisect_left(self._due, (record.due, run_id))]
        if record.origin is not None:
            del self._origins[run_id]
            self._forks[record.origin.run_id] -= 1
        del self._logs[run_id], self._records[run_id], self._forks[run_id]

    async def orphans(self) -> Sequence[Orphans]:
        """Look for what belongs to nothing: there can be none; see `Store.orphans`."""
        return ()

    def _place(self, run_id: RunId) -> tuple[datetime, RunId]:
        """Tell where a run stands among all."""
        return self._records[run_id].began, run_id

    # -- documents and answers ------------------------------------------------------------

    async def put(self, kind: Kind, name: str, data: bytes) -> int:
        """Keep a document; see `Store.put`."""
        versions = self._documents.setdefault((kind, name), [])
        if data not in versions:
            versions.append(data)
        return versions.index(data) + 1

    async def documents(self, kind: Kind) -> Sequence[Document]:
        """Give all documents of a kind; see `Store.documents`."""
        return [
            Document(name, number, data)
            for (of, name), versions in sorted(self._documents.items())
            if of == kind
            for number, data in enumerate(versions, 1)
        ]

    async def remember(self, key: str, answer: bytes, *, at: datetime) -> bytes:
        """Keep an answer unless there is one; see `Store.remember`."""
        return self._answers.setdefault(key, (answer, at))[0]

    async def answer(self, key: str) -> bytes | None:
        """Give the answer that is kept under a key; see `Store.answer`."""
        found = self._answers.get(key)
        return None if found is None else found[0]

    async def forget_answers(self, before: datetime) -> int:
        """Remove the answers that were kept before a time; see `Store.forget_answers`."""
        old = [key for key, (_, at) in self._answers.items() if at < before]
        for key in old:
            del self._answers[key]
        return len(old)

    # -- room -----------------------------------------------------------------------------

    async def size(self) -> int:
        """Give 0: it takes no room but the memory of this process; see `Store.size`."""
        return 0

    async def shrink(self) -> None:
        """Do nothing: what is forgotten is freed at once; see `Store.shrink`."""
