"""Whether what a store has is sound: every log is read and folded, and held against its record.

This module knows what follows from a log, and must therefore be so. It does not know how stores
keep anything; what belongs to nothing in one, the store finds itself.

A log is what happened, and is never mended. A record only says what follows from the log, so it
can be made again; that is all that is ever repaired.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from engine.ask import deadline, ended
from engine.entry import TERMINAL, MessageSent, RunForked, RunStarted
from engine.errors import EngineError, LogMoved, NotFound
from engine.ids import BEGINNING, Seq
from engine.recovery import AT_ONCE
from engine.run import Run, apply
from engine.store import StoreClosed, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from engine.catalog import Catalog
    from engine.entry import AnyEntry
    from engine.store import Orphans, RunRecord, Status, Store

FlawKind: TypeAlias = Literal["log", "fold", "graph", "messages", "record", "orphans"]
"""`log`: it can't be read. `fold`: nothing follows from it. `graph`: it can't be folded, because
its graph is not here. `messages`: they do not add up. `record`: it does not say what follows
from the log. `orphans`: something belongs to nothing."""

TRIES: Final = 3
"""Times that a run is looked at which goes on meanwhile."""

_ORPHANS: Final = {
    "rows": "logs of runs that are not there",
    "forks": "forks of runs that are not there",
    "tags": "tags of runs that are not there",
    "blobs": "large values that no run has",
    "uses": "rows whose large values are not there, or the other way round",
}

_RESTORE: Final = "restore a backup; no other run is touched by this"
_REPORT: Final = "this is a bug of the engine, or the store was changed: please report it"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it must be."""

    kind: FlawKind
    says: str
    cure: str
    run_id: str | None = None
    """The run that it is about, if it is about one."""
    repaired: bool = False
    """It is as it must be now."""


class Audit:
    """Goes through a store, run by run, the latest first; `async for` gives what is wrong.

    Runs may go on meanwhile, and begin. One that changes each time it is looked at is passed
    over: whoever drives it has read its log.

    Args:
        store: What is looked at.
        catalog: The graphs that runs were started with.
        repair: Whether records are made again that do not say what follows from their logs.

    Attributes:
        runs: How many were looked at so far.
        entries: How many entries were read so far.
    """

    def __init__(self, store: Store, catalog: Catalog, *, repair: bool) -> None:
        self._store = store
        self._catalog = catalog
        self._repair = repair
        self.runs: int = 0
        self.entries: int = 0

    async def __aiter__(self) -> AsyncIterator[Flaw]:
        """Give what is wrong, as it is found.

        Raises:
            StoreClosed, StoreUnavailable: The store can't be read.
        """
        before: RunRecord | None = None
        while page := await self._store.runs(before=before):
            for record in page:
                self.runs += 1
                for flaw in await self._examine(record):
                    yield flaw
                await asyncio.sleep(0)  # a store in memory makes nobody wait
            before = page[-1]
        for orphans in await self._store.orphans():
            yield _orphaned(orphans)

    async def _examine(self, record: RunRecord) -> list[Flaw]:
        """Read one run, as it is at one moment."""
        for _ in range(TRIES):
            log = _Log(record)
            end = await self._store.last(record.run_id)
            flaws = await self._read(record, log)
            if not flaws:
                break
            now = await self._store.record(record.run_id)
            if now is None:  # it was forgotten meanwhile
                return []
            if now == record and await self._store.last(record.run_id) == end:
                return [await self._mend(record, log) if f.kind == "record" else f for f in flaws]
            record = now
        return []

    async def _read(self, record: RunRecord, log: _Log) -> list[Flaw]:
        told = f"run '{record.run_id}' of graph '{record.graph}'"
        try:
            graph = self._catalog.of_run(record.graph, record.version).graph
        except NotFound as error:
            return [Flaw("graph", f"{told} can't be read: {error.message}", error.hint, log.name)]
        log.run = Run(graph)
        try:
            while True:
                rows = await self._store.read(record.run_id, log.reached, limit=AT_ONCE)
                for row in rows:
                    log.take(row.first, row.entries)
                if len(rows) < AT_ONCE:
                    break
                await asyncio.sleep(0)
        except _Broken as broken:
            return [Flaw("fold", f"the log of {told} is broken: {broken}", _RESTORE, log.name)]
        except (StoreClosed, StoreUnavailable):
            raise
        except EngineError as error:
            words = f"{told} can't be read: {error.message}"
            return [Flaw("log", words, error.hint or _RESTORE, log.name)]
        except Exception as error:  # noqa: BLE001  # a log can be broken in any way
            words = f"the log of {told} is broken: {type(error).__name__}: {error}"
            return [Flaw("fold", words, _RESTORE, log.name)]
        finally:
            self.entries += log.count
        return [
            *(Flaw("messages", f"{told}: {each}", _REPORT, log.name) for each in log.miscounts()),
            *(Flaw("record", f"{told} {each}", "", log.name) for each in log.differences()[:1]),
        ]

    async def _mend(self, record: RunRecord, log: _Log) -> Flaw:
        """Make a record again, if that is wanted and its log does not change meanwhile."""
        says = f"run '{record.run_id}' of graph '{record.graph}' {'; '.join(log.differences())}"
        cure = "let its record be made again from its log: awe doctor --repair"
        if not self._repair:
            return Flaw("record", says, cure, log.name)
        kept: asyncio.Future[EngineError | None] = asyncio.get_running_loop().create_future()
        try:
            if not self._store.rest(log.record_again(), at=log.reached, kept=kept.set_result):
                error = await kept
                if error is not None:
                    raise error
        except LogMoved:
            return Flaw("record", says, "it goes on just now: look again", log.name)
        return Flaw("record", says, "its record was made again from its log", log.name, True)


class _Broken(ValueError):
    """A log is not what every log is."""


class _Log:
    """What has been read of a log, and what must be so of it."""

    def __init__(self, record: RunRecord) -> None:
        self._record = record
        self.name = record.run_id
        self.run: Run | None = None
        self.reached: Seq = BEGINNING
        self.count = 0
        self._sent = 0
        self._last: AnyEntry | None = None

    def take(self, first: Seq, entries: tuple[AnyEntry, ...]) -> None:
        """Fold one batch.

        Raises:
            _Broken: It does not follow what came before.
        """
        assert self.run is not None  # noqa: S101  # it is made before anything is read
        if first != self.reached + 1:
            raise _Broken(f"entry {first} comes after entry {self.reached}")
        origin = self._record.origin
        for entry in entries:
            if (entry.seq == 0) != isinstance(entry, RunStarted):
                raise _Broken(f"entry {entry.seq} is '{type(entry).__name__}'")
            if origin is not None and entry.seq == origin.seq + 1:
                _see_that_it_forks(entry, self._record)
            elif isinstance(self._last, TERMINAL) and not isinstance(entry, RunForked):
                raise _Broken(f"entry {entry.seq} comes after the last one")
            apply(self.run, entry)
            self._sent += isinstance(entry, MessageSent)
            self._last = entry
            self.count += 1
        self.reached = entries[-1].seq

    def miscounts(self) -> Iterator[str]:
        """Say where messages were lost, or came from nowhere."""
        run = self.run
        if run is None or self._last is None:
            return
        left = len(run.messages)
        if self._sent != run.consumed + run.withdrawn + left:
            yield (
                f"{self._sent} messages were sent, but {run.consumed} consumed, {run.withdrawn} "
                f"withdrawn, and {left} are in flight"
            )
        if isinstance(self._last, TERMINAL):
            said = self._last.messages
            found = (self._sent, run.consumed, run.withdrawn, left)
            if (said.sent, said.consumed, said.withdrawn, said.open) != found:
                yield f"its last entry counts {said}, its log has {found}"
            elif run.status == "completed" and left:
                yield f"it completed with {left} messages in flight"

    def differences(self) -> list[str]:
        """Say what the record says that does not follow from the log."""
        if self._last is None:
            return ["has no log"]
        told, found = self._record, self.record_again()
        said = [
            f"is {now!r} by its log, and {then!r} by its record ({what})"
            for what, now, then in (
                ("status", found.status, told.status),
                ("error", found.error, told.error),
                ("tags", dict(found.tags), dict(told.tags)),
            )
            if now != then
        ]
        if ended(self._fold) and told.due is not None:
            said.append(f"has ended, and is to go on at {told.due}")
        elif found.due is not None and (told.due is None or told.due > found.due):
            when = "never" if told.due is None else f"at {told.due}"
            said.append(f"is due at {found.due}, and is to go on {when}")
        return said

    def record_again(self) -> RunRecord:
        """Make the record that follows from the log."""
        run, told = self._fold, self._record
        status = cast("Status", run.status)
        now = run.now or told.changed
        due = None
        if not ended(run):
            quiet = not run.running and run.status in ("running", "paused")
            due = deadline(run) if quiet else now
        return replace(
            told,
            status=status,
            error=None if run.error is None else run.error.code,
            tags=dict(run.tags),
            changed=told.changed if status == told.status else now,
            due=due,
        )

    @property
    def _fold(self) -> Run:
        assert self.run is not None  # noqa: S101  # it is asked for what was read
        return self.run


def _see_that_it_forks(entry: AnyEntry, record: RunRecord) -> None:
    origin = record.origin
    if not isinstance(entry, RunForked) or (entry.origin, entry.at_seq) != (
        None if origin is None else origin.run_id,
        None if origin is None else origin.seq,
    ):
        raise _Broken(f"entry {entry.seq} does not fork {origin}")


def _orphaned(orphans: Orphans) -> Flaw:
    says = f"{_ORPHANS[orphans.what]}: {orphans.count:,}, such as '{orphans.example}'"
    return Flaw("orphans", says, _RESTORE)
