"""Where everything that must outlive the process is kept: the protocol of stores.

This module knows what is kept: logs as rows (`row`), one record for each run, documents
(graphs, tools) and answers under a key. A store does not know what any of it says. The
implementations are in `stores`; `tests/stores/conformance.py` is what each of them passes.

Promises of every store:

- A batch is there as a whole or not at all, and once it is there it stays.
- Who appends says how long the log was when it decided; if somebody else has written
  since, nothing is kept and `LogMoved` says so. There is no other lock.
- To append what is there already, byte for byte, is success: a writer may repeat itself.
- The batches of one run are kept in the order in which they were handed over.
- What can't be kept for now (a full disk, a locked database) is tried again until it can be,
  and nothing that was handed over later for the same run overtakes it. Only closing the
  store gives it up, with `StoreClosed`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from engine.errors import EngineError
from engine.ids import BEGINNING, RunId, Seq

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from engine.row import Row

Status: TypeAlias = Literal["running", "paused", "completed", "failed", "cancelled"]

Kind: TypeAlias = Literal["graph", "tool"]

Kept: TypeAlias = "Callable[[EngineError | None], None]"
"""Told that a batch is kept (None), or why it never will be."""


class StoreClosed(EngineError):
    """The store was closed before it could keep or read this."""

    code: str = "STORE_CLOSED"


class StoreUnavailable(EngineError):
    """The store can't keep anything for now; what was handed over may be kept later."""

    code: str = "STORE_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the log of a fork begins: with that of another run, up to one of its entries."""

    run_id: RunId
    seq: Seq
    """The last entry of a batch of that log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is known of a run without reading its log."""

    run_id: RunId
    graph: str
    version: str
    """The hash of the version of the graph."""
    status: Status
    began: datetime
    changed: datetime
    """When its status last changed."""
    error: str | None = None
    """The code of the error it failed with, or is paused for."""
    origin: Origin | None = None
    """Only of a fork."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    tenant: str = "default"


@dataclass(frozen=True, slots=True)
class Document:
    """A graph or a tool, as it was put into the store."""

    name: str
    number: int
    """Its version, from 1, in the order in which they were put."""
    data: bytes


class Store(Protocol):
    """Keeps what must outlive the process."""

    @property
    def trouble(self) -> str | None:
        """Why nothing can be kept for now, in words; None while all is well."""
        ...

    async def open(self) -> None:
        """Get ready; called once, before anything else, on the loop that will use it.

        Raises:
            EngineError: What is there can't be read, or was written by a later version.
        """
        ...

    async def close(self) -> None:
        """Keep everything that was handed over, if that is possible, and let go of all.

        What can't be kept is given up with `StoreClosed`. A store that is closed may be
        opened again.
        """
        ...

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
        """Hand over one batch of a run's log, without waiting.

        Args:
            run_id: Whose log; its first batch makes the log.
            row: The batch.
            expected: The seq of the last entry before this batch, `BEGINNING` if none; for
                the first batch of a fork, the seq of its origin. What was handed over behind
                a batch of the same run that is refused is refused, too: it was decided on it.
            kept: Called on the loop, once, after the batch is kept, or can't ever be; not if
                this returns True. For the batches of one run it is called in their order.
            record: The run's record, kept together with the batch; given with the first
                batch, where it says when the run began and what a fork comes from, which
                never changes, and whenever something else in it does.

        Returns:
            True: it is kept already. False: `kept` will be called, with None, or with
            `LogMoved` if the log does not end at `expected` and what follows is not this
            row, or with `StoreClosed`, or with an error of code `STORE_FAILED` if this batch
            can never be kept, as one that is too large.

        Raises:
            LogMoved: As above, where the store knows at once; nothing was kept. The first
                batch of a fork never goes on with a run that is there already.
            StoreClosed: The store is not open; nothing was kept.
            EngineError: The first batch of a run has no record (`STORE_FAILED`).
        """
        ...

    async def read(
        self, run_id: RunId, after: Seq = BEGINNING, *, limit: int | None = None
    ) -> Sequence[Row]:
        """Give the rows that hold entries after `after`, in order, at most `limit` of them.

        The first row may begin at or before `after`: rows are never cut. The log of a fork
        begins with the rows of its origin. A run that is not there has no rows.
        """
        ...

    async def last(self, run_id: RunId) -> Seq | None:
        """Give the seq of the last entry of a run's log, or None if there is no such run."""
        ...

    # -- runs -----------------------------------------------------------------------------

    async def record(self, run_id: RunId) -> RunRecord | None:
        """Give the record of a run, or None if there is no such run."""
        ...

    async def runs(
        self,
        *,
        status: Collection[Status] = (),
        graph: str | None = None,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """List runs, the latest first (by `began`, then by `run_id`, both descending).

        Args:
            status: Only those in one of these; empty: in any.
            graph: Only those of the graph of this name.
            before: Only those that come after this one in the list; where to go on.
            limit: At most so many.
        """
        ...

    # -- documents and answers ------------------------------------------------------------

    async def put(self, kind: Kind, name: str, data: bytes) -> int:
        """Keep a document; give its number, from 1 for each kind and name.

        A document that is there already, byte for byte, keeps the number it has.
        """
        ...

    async def documents(self, kind: Kind) -> Sequence[Document]:
        """Give all documents of a kind, by name and number."""
        ...

    async def remember(self, key: str, answer: bytes) -> bytes:
        """Keep an answer under a key if there is none yet; give the one that is kept.

        However many ask at once, in however many processes: all get the same.
        """
        ...

    async def answer(self, key: str) -> bytes | None:
        """Give the answer that is kept under a key, or None."""
        ...
