"""The store that users hold.

This module knows who does what: one thread writes, a few read. It does not know how.
"""

from __future__ import annotations

import asyncio
import sqlite3
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError
from engine.ids import BEGINNING, RunId, Seq
from engine.store import ALL, StoreClosed, unavailable
from engine.stores.refusal import FAILED
from engine.stores.sqlite import copying, finding, forgetting, queries
from engine.stores.sqlite.answers import forget_some, put, remember
from engine.stores.sqlite.blobs import blob_of
from engine.stores.sqlite.driver import Driver
from engine.stores.sqlite.readers import Readers
from engine.stores.sqlite.task import Ask, Batch, Rest
from engine.stores.sqlite.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime
    from typing import TypeVar

    from engine.row import Row
    from engine.store import Document, Kept, Kind, Orphans, RunFilter, RunRecord, Trouble
    from engine.stores.sqlite.opening import Connect
    from engine.stores.sqlite.task import Step

    Answer = TypeVar("Answer")


PATIENCE: Final = 10.0
"""Seconds that somebody waits for what can't be kept for now, other than batches."""


class SQLiteStore:
    """Keeps everything in one file, and in two more beside it while it is open.

    Its promises are those of `engine.store.Store`. What is kept is on the disk: it outlives
    the process, the machine's power, and a full disk. Several processes may open one file; of
    two that write one log, one is told `LogMoved`, and of two that want to drive its runs, one
    is told `StoreInUse`.

    What passes is waited out: a full disk (`STORE_FULL`), a file that can only be read
    (`STORE_READ_ONLY`), another program's lock (`STORE_BUSY`); `trouble` says so meanwhile. What
    doesn't pass closes the store for good, and everything raises `StoreClosed` with its code:
    the file was deleted or replaced (`STORE_GONE`), or is damaged (`STORE_CORRUPT`).

    Args:
        path: The file; made when the store is opened, in a folder that is there, on a disk of
            this machine (not on a network).
        connect: How connections to it are made: for an SQLite with encryption, or on a file
            system of its own.

    Raises:
        EngineError: It is no path of a file.
    """

    def __init__(self, path: str | Path, *, connect: Connect = sqlite3.connect) -> None:
        if str(path) in ("", ":memory:"):
            raise EngineError(
                f"expected the path of a file, got {str(path)!r}",
                code=FAILED,
                hint="MemoryStore() keeps runs in memory",
            )
        self.path: Path = Path(path)
        self._connect: Connect = connect
        self._driver: Driver | None = None
        self._writer: Writer | None = None
        self._readers: Readers | None = None
        self._line: dict[RunId, Step] = {}
        """The last step of each run of which nothing has been told yet."""

    def __repr__(self) -> str:
        """Name the file."""
        return f"SQLiteStore({str(self.path)!r})"

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be kept for now; see `Store.trouble`."""
        return None if self._writer is None else self._writer.trouble

    async def open(self) -> None:
        """Open the file, or make it; see `Store.open`.

        Raises:
            EngineError: It is no database of ours, or was written by a later version
                (`STORE_TOO_NEW`), or can't be opened.
            StoreInUse: It was written by an earlier version, and is to be brought up to date
                while an engine drives its runs.
            StoreUnavailable: Another program held its lock for 5 s, or the disk is full, or it
                can only be read.
        """
        if self._writer is not None:
            raise EngineError(f"{self!r} is open already", hint="make another for another engine")
        path = _whole(self.path)
        writer = Writer(path, self._connect)
        await writer.open()
        self._writer = writer
        self._readers = Readers(path, self._connect, writer.presence)
        self._driver = Driver(path)

    async def close(self) -> None:
        """Write what was handed over, and close the file; see `Store.close`.

        What can't be written within 5 s is given up with `StoreClosed`. The claim on its runs
        is let go of last.
        """
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        driver, self._driver = self._driver, None
        try:
            if readers is not None:
                await readers.close()
        finally:
            try:
                if writer is not None:
                    await writer.close()
            finally:
                if driver is not None:
                    driver.let_go()

    def __del__(self) -> None:
        """Complain if nobody closed what was opened."""
        writer, readers = getattr(self, "_writer", None), getattr(self, "_readers", None)
        driver = getattr(self, "_driver", None)
        if writer is not None:
            writer.stop()
            warnings.warn(f"{self!r} was never closed", ResourceWarning, source=self, stacklevel=1)
        if readers is not None:
            readers.stop()
        if driver is not None:
            driver.let_go()

    async def claim(self, who: str, *, take_over: bool = False) -> None:
        """Be the one engine that drives the runs of this file, until it is closed.

        The kernel frees the claim when the process ends, however it does, and holds it while
        the process is stopped. So there is nothing to take over: end the process that has it.

        Args:
            who: What others are told who are refused, with the process and its machine.
            take_over: Changes nothing but what is said to whoever is refused.

        Raises:
            StoreInUse: Another store has it, in this process or in another one.
            StoreClosed: The store is not open.
            StoreUnavailable: The lock can't be made: the disk is full, or can't be written.
        """
        writer, driver = self._writer, self._driver
        if writer is None or driver is None:
            raise self._closed()
        driver.take(who, take_over=take_over)
        writer.presence.watch(driver.path)

    # -- copies ---------------------------------------------------------------------------

    async def backup(self, target: str | Path) -> int:
        """Copy everything that is kept now into one file; give its size in bytes.

        The store need not be open; whoever has the file open, here or in another process, goes
        on reading and writing. There is no file `target` before the copy is whole, looked
        through and on the disk. Whoever is cancelled has it broken off.

        Raises:
            EngineError: There is no database, or a file `target` already, or the database is
                damaged (`STORE_CORRUPT`).
            StoreUnavailable: The disk is full, or can't be read or written.
        """
        return await copying.in_thread(
            partial(
                copying.back_up,
                path=_whole(self.path),
                target=_whole(target),
                connect=self._connect,
            )
        )

    async def restore(self, backup: str | Path, *, replace: bool = False) -> Path | None:
        """Make this file of a copy that `backup` made; the store is not open.

        Args:
            backup: The copy, which stays.
            replace: Whether a database that is there may be put aside, under another name.

        Returns:
            Where the one is that was there, if any.

        Raises:
            EngineError: The copy is none or damaged, or there is a database already.
            StoreInUse, StoreUnavailable: Another process has that one open, or the disk is full.
        """
        if self._writer is not None:
            raise EngineError(
                f"{self!r} is open, and can't be replaced", hint="close it first, then restore"
            )
        return await copying.in_thread(
            partial(
                copying.restore,
                path=_whole(self.path),
                backup=_whole(backup),
                connect=self._connect,
                replace=replace,
            )
        )

    # -- logs -----------------------------------------------------------------------------

    def append(
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Kept,
        record: RunRecord | None = None,
    ) -> bool:
        """Hand one batch of a run's log to the writer; see `Store.append`.

        Returns:
            False: `kept` will be called.

        Raises:
            StoreClosed: The store is not open.
        """
        if self._writer is None or self._writer.ended is not None:
            raise self._closed()
        columns = None if record is None else queries.columns_of(record)
        batch = Batch(run_id, row, expected=expected, kept=kept, record=columns)
        batch.line_up(self._line)
        self._writer.put(batch)
        return False

    def rest(self, record: RunRecord, *, at: Seq, kept: Kept) -> bool:
        """Hand the record of a run that rests to the writer; see `Store.rest`.

        Returns:
            False: `kept` will be called.

        Raises:
            StoreClosed: The store is not open.
        """
        if self._writer is None:
            raise self._closed()
        rest = Rest(queries.columns_of(record), at=at, kept=kept)
        rest.line_up(self._line)
        self._writer.put(rest)
        return False

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[Row]:
        """Give the rows that hold entries after `after`; see `Store.read`."""
        return await self._ask(partial(queries.log_of, run_id=run_id, after=after, limit=limit))

    async def blob(self, digest: str) -> bytes | None:
        """Give a large value of a row; see `Store.blob`."""
        return await self._ask(partial(blob_of, digest=digest))

    async def last(self, run_id: RunId) -> Seq | None:
        """Give the seq of the last entry of a run's log; see `Store.last`."""
        return await self._ask(partial(queries.last_of, run_id=run_id))

    # -- runs -----------------------------------------------------------------------------

    async def record(self, run_id: RunId) -> RunRecord | None:
        """Give the record of a run; see `Store.record`."""
        return await self._ask(partial(queries.record_of, run_id=run_id))

    async def runs(
        self,
        wanted: RunFilter = ALL,
        *,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """List runs, the latest first; see `Store.runs`."""
        return await self._ask(partial(finding.records, wanted=wanted, before=before, limit=limit))

    async def due(self, *, after: RunRecord | None = None, limit: int = 100) -> Sequence[RunRecord]:
        """List the runs that have a `due`, the earliest first; see `Store.due`."""
        return await self._ask(partial(finding.due, after=after, limit=limit))

    async def forget(self, run_ids: Collection[RunId]) -> Collection[RunId]:
        """Remove runs that have ended; see `Store.forget`."""
        removed: set[RunId] = set()
        left: list[RunId] = list(dict.fromkeys(run_ids))
        while left:
            before = len(removed)
            for first in range(0, len(left), forgetting.RUNS):
                part = left[first : first + forgetting.RUNS]
                removed.update(await self._write(partial(forgetting.forget, run_ids=part)))
            if len(removed) == before:
                break  # those that stay may be origins of such as went in a later part
            left = [run_id for run_id in left if run_id not in removed]
        await self._sweep()
        return removed

    async def orphans(self) -> Sequence[Orphans]:
        """Look for what belongs to nothing; see `Store.orphans`."""
        return await self._ask(finding.orphans)

    # -- documents and answers ------------------------------------------------------------

    async def put(self, kind: Kind, name: str, data: bytes) -> int:
        """Keep a document; see `Store.put`. Whoever is cancelled loses only the number."""
        return await self._write(partial(put, kind=kind, name=name, data=data), len(data))

    async def documents(self, kind: Kind) -> Sequence[Document]:
        """Give all documents of a kind; see `Store.documents`."""
        return await self._ask(partial(queries.documents_of, kind=kind))

    async def remember(self, key: str, answer: bytes, *, at: datetime) -> bytes:
        """Keep an answer unless there is one; see `Store.remember`.

        Whoever is cancelled loses only the answer: it may be kept.
        """
        when = queries.microseconds(at)
        return await self._write(partial(remember, key=key, answer=answer, at=when), len(answer))

    async def answer(self, key: str) -> bytes | None:
        """Give the answer that is kept under a key; see `Store.answer`."""
        return await self._ask(partial(queries.answer_of, key=key))

    async def forget_answers(self, before: datetime) -> int:
        """Remove the answers that were kept before a time; see `Store.forget_answers`."""
        forget, count = partial(forget_some, before=queries.microseconds(before)), 0
        while some := await self._write(forget):
            count += some
        return count

    # -- room -----------------------------------------------------------------------------

    async def size(self) -> int:
        """Give the bytes of the file and of its log; see `Store.size`."""
        return await self._ask(partial(forgetting.size, path=self.path))

    async def shrink(self) -> None:
        """Give free pages back to the file system; see `Store.shrink`."""
        await self._sweep()
        await self._ask(forgetting.rebuild)
        while await self._write(forgetting.give_back):
            pass
        await self._ask(forgetting.cut_off)

    async def _sweep(self) -> None:
        """Remove what is left of runs that are gone."""
        while await self._write(forgetting.sweep):
            pass

    # -- the threads ----------------------------------------------------------------------

    async def _ask(self, question: Callable[[sqlite3.Cursor], Answer]) -> Answer:
        if self._readers is None or self._writer is None or self._writer.ended is not None:
            raise self._closed()
        try:
            return await self._readers.ask(question)
        except StoreClosed:
            await self._write(lambda _: None)  # who writes finds out too, and saves what there is
            raise

    async def _write(self, question: Callable[[sqlite3.Cursor], Answer], size: int = 0) -> Answer:
        if self._writer is None or self._writer.ended is not None:
            raise self._closed()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._writer.put(Ask(question, future, size))
        try:
            while not (await asyncio.wait([future], timeout=PATIENCE))[0]:
                if self.trouble is not None:
                    raise unavailable(
                        f"{self!r} has not kept this for {PATIENCE:g} s",
                        self.trouble,
                        hint="it goes on trying, and this may still be kept",
                    )
            return future.result()
        finally:
            future.cancel()  # if nobody waits for it any more

    def _closed(self) -> StoreClosed:
        if self._writer is not None and self._writer.ended is not None:
            return self._writer.ended()
        return StoreClosed(
            f"{self!r} is not open",
            hint="`await store.open()` first; an engine opens the store that it is given",
        )


def _whole(path: str | Path) -> Path:
    """Name a file in full: whatever becomes of the folder we are in, or of links to it."""
    return Path(path).resolve()
