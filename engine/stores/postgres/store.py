"""The store that users hold.

This module knows who does what: one connection writes, a few read. It does not know how.
"""

from __future__ import annotations

import warnings
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError
from engine.ids import BEGINNING, RunId, Seq
from engine.store import ALL, StoreClosed
from engine.stores.postgres import documents, migration, queries, upkeep
from engine.stores.postgres.address import Address
from engine.stores.postgres.changes import Changes
from engine.stores.postgres.readers import CONNECTIONS, Readers
from engine.stores.postgres.server import Server
from engine.stores.postgres.step import Batch, Rest
from engine.stores.postgres.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
    from datetime import datetime
    from typing import TypeVar

    from engine.row import Row
    from engine.store import Document, Kept, Kind, Orphans, RunFilter, RunRecord, Trouble
    from engine.stores.postgres.claim import Claim
    from engine.stores.postgres.driver import Connection
    from engine.stores.postgres.step import Step

    Answer = TypeVar("Answer")

_MAINTENANCE: Final = "be tidied up"


class PostgresStore:
    """Keeps everything in the schema `awe` of a PostgreSQL database.

    Its promises are those of `engine.store.Store`. What is kept is on the disk of the server:
    it outlives the process, and a server that is killed. While the server can't be reached,
    what is handed over waits, and questions are asked again for 10 s. Several processes may
    open one database; of two that write one log, one is told `LogMoved`.

    Needs asyncpg: `pip install 'agent-workflow-engine[postgres]'`.

    Args:
        url: `postgresql://user:password@host:port/database`; what is left out is taken from
            `PGHOST`, `PGUSER`, `PGPASSWORD` and so on, as `psql` does.
        connections: How many are made at most to read; one more writes, and one more listens
            while somebody waits for `changed`.

    Raises:
        EngineError: It is no such address.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self._address = Address(url)
        self._connections = max(connections, 1)
        self._writer: Writer | None = None
        self._readers: Readers | None = None
        self._changes: Changes | None = None
        self._line: dict[RunId, Step] = {}
        """The last step of each run of which nothing has been told yet."""

    def __repr__(self) -> str:
        """Name the database, without its password."""
        return f"PostgresStore({self.name!r})"

    @property
    def name(self) -> str:
        """The address, without its password."""
        return self._address.shown

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be kept for now; see `Store.trouble`."""
        return None if self._writer is None else self._writer.trouble

    async def open(self) -> None:
        """Connect, and make the tables if they are not there; see `Store.open`.

        Raises:
            EngineError: asyncpg is not installed, or the server refuses, or the tables were
                made by a later version or by something else, or can't be made.
            StoreUnavailable: The server did not answer for 5 s.
        """
        if self._writer is not None:
            raise EngineError(f"{self!r} is open already", hint="make another for another engine")
        server = Server(self._address)
        await server.first(partial(migration.migrate, name=server.name))
        readers = Readers(server, self._connections)
        await readers.open()
        changes = Changes(server)
        writer = Writer(server, changes.notice)
        writer.start()
        self._writer, self._readers, self._changes = writer, readers, changes

    async def migrate(self) -> Sequence[str]:
        """Bring the tables up to date, as `open` does; give the names of what was executed.

        Raises:
            EngineError, StoreUnavailable: As `open`.
        """
        return await Server(self._address).first(partial(migration.migrate, name=self.name))

    async def pending(self) -> Sequence[str]:
        """Give the names of what `migrate` would execute; nothing is changed.

        Raises:
            EngineError, StoreUnavailable: As `open`.
        """
        return await Server(self._address).first(partial(migration.pending, name=self.name))

    async def close(self) -> None:
        """Write what was handed over, and disconnect; see `Store.close`.

        What can't be written within 5 s is given up with `StoreClosed`.
        """
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        changes, self._changes = self._changes, None
        try:
            if changes is not None:
                await changes.close()
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

    async def claim(self, who: str, *, take_over: bool = False) -> None:
        """Be the one engine that drives its runs; see `Store.claim`.

        From when another one has taken the store over, nothing that this one hands over is
        ever kept: it is told `StoreClosed` with the code `STORE_FENCED`, as whoever asks it.

        Args:
            who: What others are told who ask for it.
            take_over: End the session of whoever has it.

        Raises:
            StoreInUse: Another has it.
            StoreClosed: The store is not open.
            StoreUnavailable: The server did not answer for 5 s.
        """
        await self._open_writer().claim(who, take_over=take_over)

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
            StoreClosed: The store is not open, or another engine has taken it over.
        """
        writer = self._open_writer()
        writer.put(Batch(run_id, row, expected=expected, record=record, kept=kept, line=self._line))
        return False

    def rest(self, record: RunRecord, *, at: Seq, kept: Kept) -> bool:
        """Hand the record of a run that rests to the writer; see `Store.rest`.

        Returns:
            False: `kept` will be called.

        Raises:
            StoreClosed: The store is not open, or another engine has taken it over.
        """
        writer = self._open_writer()
        writer.put(Rest(record, at=at, kept=kept, line=self._line))
        return False

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[Row]:
        """Give the rows that hold entries after `after`; see `Store.read`."""
        return await self._ask(partial(queries.log_of, run_id=run_id, after=after, limit=limit))

    async def blob(self, digest: str) -> bytes | None:
        """Give a large value of a row; see `Store.blob`."""
        return await self._ask(partial(queries.blob_of, digest=digest))

    async def last(self, run_id: RunId) -> Seq | None:
        """Give the seq of the last entry of a run's log; see `Store.last`."""
        return await self._ask(partial(queries.last_of, run_id=run_id))

    async def changed(self) -> AsyncGenerator[frozenset[RunId] | None]:
        """Yield the runs that other processes have written to, as they do.

        The first thing it yields is None, which means: any of them. From then on nothing is
        missed, so read what you have to know, and wait for the next. None comes again after
        the server was away, or if too many were written to. A run may come though nothing is
        new in it. It ends when the store is closed.

        Raises:
            StoreClosed: The store is not open.
        """
        if self._changes is None:
            raise self._closed()
        async with aclosing(self._changes.listen()) as heard:
            async for runs in heard:
                yield runs

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
        return await self._ask(partial(queries.records, wanted=wanted, before=before, limit=limit))

    async def due(self, *, after: RunRecord | None = None, limit: int = 100) -> Sequence[RunRecord]:
        """List the runs that have a `due`, the earliest first; see `Store.due`."""
        return await self._ask(partial(queries.due, after=after, limit=limit))

    async def forget(self, run_ids: Collection[RunId]) -> Collection[RunId]:
        """Remove runs that have ended; see `Store.forget`."""
        removed: set[RunId] = set()
        if run_ids:
            await self._ask(partial(upkeep.forget, run_ids=run_ids, removed=removed), _MAINTENANCE)
        return removed

    async def orphans(self) -> Sequence[Orphans]:
        """Look for what belongs to nothing; see `Store.orphans`."""
        return await self._ask(upkeep.orphans)

    # -- documents and answers ------------------------------------------------------------

    async def put(self, kind: Kind, name: str, data: bytes) -> int:
        """Keep a document; see `Store.put`. Whoever is cancelled loses only the number."""
        return await self._write(partial(documents.put, kind=kind, name=name, data=data))

    async def documents(self, kind: Kind) -> Sequence[Document]:
        """Give all documents of a kind; see `Store.documents`."""
        return await self._ask(partial(queries.documents_of, kind=kind))

    async def remember(self, key: str, answer: bytes, *, at: datetime) -> bytes:
        """Keep an answer unless there is one; see `Store.remember`.

        Whoever is cancelled loses only the answer: it may be kept.
        """
        return await self._write(partial(documents.remember, key=key, answer=answer, at=at))

    async def answer(self, key: str) -> bytes | None:
        """Give the answer that is kept under a key; see `Store.answer`."""
        return await self._ask(partial(queries.answer_of, key=key))

    async def forget_answers(self, before: datetime) -> int:
        """Remove the answers that were kept before a time; see `Store.forget_answers`."""
        return await self._ask(partial(documents.forget_answers, before=before), _MAINTENANCE)

    # -- room -----------------------------------------------------------------------------

    async def size(self) -> int:
        """Give how many bytes its tables take on the server; see `Store.size`."""
        return await self._ask(upkeep.size)

    async def shrink(self) -> None:
        """Vacuum the tables; see `Store.shrink`.

        Free pages at their ends are given back, all others are used again. To have all of them
        given back: `VACUUM FULL`, while no engine runs.
        """
        await self._ask(upkeep.shrink, _MAINTENANCE)

    # -- who does it ----------------------------------------------------------------------

    async def _ask(
        self, question: Callable[[Connection], Awaitable[Answer]], doing: str = "be read"
    ) -> Answer:
        self._open_writer()  # or nothing is asked of it any more, either
        if self._readers is None:
            raise self._closed()
        return await self._readers.ask(question, doing)

    async def _write(self, what: Callable[[Connection, Claim], Awaitable[Answer]]) -> Answer:
        """Write what belongs to no log."""
        claim = self._open_writer().claimed
        return await self._ask(lambda connection: what(connection, claim), "keep this")

    def _open_writer(self) -> Writer:
        """Give the writer, if the store is open and nobody has taken it over."""
        writer = self._writer
        if writer is None:
            raise self._closed()
        if writer.closed_by is not None:
            raise writer.refusal()
        return writer

    def _closed(self) -> StoreClosed:
        return StoreClosed(
            f"{self!r} is not open",
            hint="`await store.open()` first; an engine opens the store that it is given",
        )
