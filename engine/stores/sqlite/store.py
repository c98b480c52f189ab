"""The store that users hold.

This module knows who does what: one thread writes, a few read. It does not know how.
"""

from __future__ import annotations

import asyncio
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.ids import BEGINNING, RunId, Seq
from engine.store import StoreClosed
from engine.stores.refusal import FAILED
from engine.stores.sqlite import queries
from engine.stores.sqlite.ledger import put, remember
from engine.stores.sqlite.readers import Readers
from engine.stores.sqlite.task import Ask, Batch
from engine.stores.sqlite.writer import Writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Sequence
    from typing import TypeVar

    from engine.row import Row
    from engine.store import Document, Kept, Kind, RunRecord, Status

    Answer = TypeVar("Answer")


class SQLiteStore:
    """Keeps everything in one file, and in two more beside it while it is open.

    Its promises are those of `engine.store.Store`. What is kept is on the disk: it outlives
    the process, the machine's power, and a full disk. Several processes may open one file; of
    two that write one log, one is told `LogMoved`.

    Args:
        path: The file; made when the store is opened, in a folder that is there, on a disk of
            this machine (not on a network).

    Raises:
        EngineError: It is no path of a file.
    """

    def __init__(self, path: str | Path) -> None:
        if str(path) in ("", ":memory:"):
            raise EngineError(
                f"expected the path of a file, got {str(path)!r}",
                code=FAILED,
                hint="MemoryStore() keeps runs in memory",
            )
        self.path: Path = Path(path)
        self._writer: Writer | None = None
        self._readers: Readers | None = None
        self._line: dict[RunId, Batch] = {}
        """The last batch of each run of which nothing has been told yet."""

    def __repr__(self) -> str:
        """Name the file."""
        return f"SQLiteStore({str(self.path)!r})"

    @property
    def trouble(self) -> str | None:
        """Why nothing can be kept for now; see `Store.trouble`."""
        return None if self._writer is None else self._writer.trouble

    async def open(self) -> None:
        """Open the file, or make it; see `Store.open`.

        Raises:
            EngineError: It is no database of ours, or was written by a later version, or can't
                be opened.
            StoreUnavailable: Another program held its lock for 5 s.
        """
        if self._writer is not None:
            raise EngineError(f"{self!r} is open already", hint="make another for another engine")
        writer = Writer(self.path)
        await writer.open()
        self._writer = writer
        self._readers = Readers(self.path)

    async def close(self) -> None:
        """Write what was handed over, and close the file; see `Store.close`.

        What can't be written within 5 s is given up with `StoreClosed`.
        """
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        try:
            if readers is not None:
                await readers.close()
        finally:
            if writer is not None:
                await writer.close()

    def __del__(self) -> None:
        """Complain if nobody closed what was opened."""
        writer, readers = getattr(self, "_writer", None), getattr(self, "_readers", None)
        if writer is not None:
            writer.stop()
            warnings.warn(f"{self!r} was never closed", ResourceWarning, source=self, stacklevel=1)
        if readers is not None:
            readers.stop()

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
        if self._writer is None:
            raise self._closed()
        columns = None if record is None else queries.columns_of(record)
        batch = Batch(run_id, row, expected=expected, kept=kept, record=columns)
        batch.line_up(self._line)
        self._writer.put(batch)
        return False

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[Row]:
        """Give the rows that hold entries after `after`; see `Store.read`."""
        return await self._ask(partial(queries.log_of, run_id=run_id, after=after, limit=limit))

    async def last(self, run_id: RunId) -> Seq | None:
        """Give the seq of the last entry of a run's log; see `Store.last`."""
        return await self._ask(partial(queries.last_of, run_id=run_id))

    # -- runs -----------------------------------------------------------------------------

    async def record(self, run_id: RunId) -> RunRecord | None:
        """Give the record of a run; see `Store.record`."""
        return await self._ask(partial(queries.record_of, run_id=run_id))

    async def runs(
        self,
        *,
        status: Collection[Status] = (),
        graph: str | None = None,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """List runs, the latest first; see `Store.runs`."""
        return await self._ask(
            partial(queries.records, status=status, graph=graph, before=before, limit=limit)
        )

    # -- documents and answers ------------------------------------------------------------

    async def put(self, kind: Kind, name: str, data: bytes) -> int:
        """Keep a document; see `Store.put`. Whoever is cancelled loses only the number."""
        return await self._write(partial(put, kind=kind, name=name, data=data), len(data))

    async def documents(self, kind: Kind) -> Sequence[Document]:
        """Give all documents of a kind; see `Store.documents`."""
        return await self._ask(partial(queries.documents_of, kind=kind))

    async def remember(self, key: str, answer: bytes) -> bytes:
        """Keep an answer unless there is one; see `Store.remember`.

        Whoever is cancelled loses only the answer: it may be kept.
        """
        return await self._write(partial(remember, key=key, answer=answer), len(answer))

    async def answer(self, key: str) -> bytes | None:
        """Give the answer that is kept under a key; see `Store.answer`."""
        return await self._ask(partial(queries.answer_of, key=key))

    # -- the threads ----------------------------------------------------------------------

    async def _ask(self, question: Callable[[sqlite3.Cursor], Answer]) -> Answer:
        if self._readers is None:
            raise self._closed()
        return await self._readers.ask(question)

    async def _write(self, question: Callable[[sqlite3.Cursor], Answer], size: int) -> Answer:
        if self._writer is None:
            raise self._closed()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._writer.put(Ask(question, future, size))
        return await future

    def _closed(self) -> StoreClosed:
        return StoreClosed(
            f"{self!r} is not open",
            hint="`await store.open()` first; an engine opens the store that it is given",
        )
