"""Where everything that must outlive the process is kept: the protocol of stores.

This module knows what is kept: logs as rows (`row`), one `record` for each run, documents
(graphs, tools) and answers under a key. A store does not know what any of it says, but for
what it finds runs by, which is in their records. The implementations are in `stores`;
`tests/stores/conformance` is what each of them passes.

Promises of every store:

- A batch is there as a whole or not at all, and once it is there it stays.
- Who appends says how long the log was when it decided; if somebody else has written
  since, nothing is kept and `LogMoved` says so. There is no other lock.
- To append what is there already, byte for byte, is success: a writer may repeat itself.
- The batches of one run are kept in the order in which they were handed over.
- What can't be kept for now (a full disk, a locked database) is tried again until it can be,
  and nothing that was handed over later for the same run overtakes it. Only closing the
  store gives it up, with `StoreClosed`.
- Only what has ended is ever forgotten, and only when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from engine.errors import EngineError
from engine.ids import BEGINNING, RunId, Seq
from engine.record import ALL, ENDED, UNFINISHED, Origin, RunFilter, RunRecord, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from typing import Self

    from engine.ids import Json
    from engine.row import Row

__all__ = [
    "ALL",
    "ENDED",
    "UNFINISHED",
    "Document",
    "Kept",
    "Kind",
    "Origin",
    "Orphans",
    "RunFilter",
    "RunRecord",
    "Status",
    "Store",
    "StoreClosed",
    "StoreInUse",
    "StoreUnavailable",
    "Trouble",
]

Kind: TypeAlias = Literal["graph", "tool"]

Kept: TypeAlias = "Callable[[EngineError | None], None]"
"""Told that a batch is kept (None), or why it never will be."""


class StoreClosed(EngineError):
    """The store was closed before it could keep or read this."""

    code: str = "STORE_CLOSED"


class StoreUnavailable(EngineError):
    """The store can't keep anything for now; what was handed over may be kept later."""

    code: str = "STORE_UNAVAILABLE"


class Trouble(str):
    """Why nothing can be kept for now, in words; `code` and `hint` are those of the error.

    Whoever answers somebody who waited raises `StoreUnavailable` with them.
    """

    __slots__ = ("code", "hint")

    code: str
    hint: str
    """What a person can do about it."""

    def __new__(cls, words: str, *, code: str = StoreUnavailable.code, hint: str = "") -> Self:
        """Say it."""
        trouble = super().__new__(cls, words)
        trouble.code, trouble.hint = code, hint
        return trouble


def unavailable(
    message: str, trouble: str | None, *, hint: str, details: Mapping[str, Json] | None = None
) -> StoreUnavailable:
    """Tell somebody who waits for a store that it can't, with its trouble and the code of that.

    Args:
        message: What could not be done.
        trouble: What the store says, if anything.
        hint: What he can do.
        details: The facts behind the message.
    """
    if not isinstance(trouble, Trouble):
        trouble = Trouble(trouble or "")
    return StoreUnavailable(
        f"{message}: {trouble}" if trouble else message,
        code=trouble.code,
        hint=f"{trouble.hint}; {hint}" if trouble.hint else hint,
        details=details,
    )


class StoreInUse(EngineError):
    """Another engine drives the runs of this store; `details["by"]` says which."""

    code: str = "STORE_IN_USE"

    def __init__(self, store: str, by: str, *, hint: str) -> None:
        super().__init__(
            f"the runs of {store} are driven by another engine already: {by}",
            hint=hint,
            details={"by": by},
        )


@dataclass(frozen=True, slots=True)
class Orphans:
    """What in a store leads to nothing, or has nothing that leads to it."""

    what: Literal["rows", "forks", "tags", "blobs", "uses"]
    """Rows of no run; forks whose origin is not there; tags of no run; blobs that no run
    uses; uses, by a run, of a blob that is not there."""
    count: int
    example: str
    """One of them, as its store names it."""


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
        """Why nothing can be kept for now, in words; None while all is well.

        It is a `Trouble` where the store can tell what it is by a code. What will never pass is
        no trouble: then the store is closed, and `StoreClosed` says why, by its code.
        """
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

    async def claim(self, who: str, *, take_over: bool = False) -> None:
        """Be the one engine that drives the runs of this store, until it is closed.

        Nothing else needs it: without a claim everything can be read and written as ever. A
        process that dies lets go of its claim.

        Args:
            who: What others are told who ask for it, such as a process and its machine.
            take_over: Take it from another one that has not let go of it, where the store is
                able to; what that one has handed over and was not told of may be kept or not.

        Raises:
            StoreInUse: Another has it, and `take_over` was not given, or is of no use here.
            StoreClosed: The store is not open.
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
            row: The batch; its `blobs` are kept with it, each once however many rows have it.
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

    def rest(self, record: RunRecord, *, at: Seq, kept: Kept) -> bool:
        """Hand over the record of a run that changes without a batch, without waiting.

        A run that does nothing until `record.due` rests in the store, and leaves memory. That
        is no entry, so the record changes by itself; but never over what has happened since.
        In all else this is like `append`: what was handed over for the run before comes first,
        what is handed over later comes after, and who repeats himself has success.

        Args:
            record: All of it, as it is to be; when the run began, and what a fork comes from,
                stays as it is. Its `due` stays until another record of the run is kept.
            at: The seq of the last entry of the run's log.
            kept: Called as `append` does.

        Returns:
            As `append`: False: `kept` will be called, with `LogMoved` if the log does not end
            at `at`, or if there is no such run.

        Raises:
            LogMoved: As above, where the store knows at once; nothing was kept.
            StoreClosed: The store is not open; nothing was kept.
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

    async def blob(self, digest: str) -> bytes | None:
        """Give a large value that a row keeps outside of its bytes (`Row.blobs`), or None.

        It is there as long as a run is whose rows have it.
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
        wanted: RunFilter = ALL,
        *,
        before: RunRecord | None = None,
        limit: int = 100,
    ) -> Sequence[RunRecord]:
        """List runs, the latest first (by `began`, then by `run_id`, both descending).

        Args:
            wanted: Only these.
            before: Only those that come after this one in the list: where to go on. It may
                have changed since, or be gone.
            limit: At most so many.
        """
        ...

    async def due(self, *, after: RunRecord | None = None, limit: int = 100) -> Sequence[RunRecord]:
        """List the runs that have a `due`, the earliest first (by `due`, then by `run_id`).

        Args:
            after: Only those that come after this one in the list: where to go on. It may have
                changed since.
            limit: At most so many.
        """
        ...

    async def forget(self, run_ids: Collection[RunId]) -> Collection[RunId]:
        """Remove runs that have ended, each with its log and its record; give those removed.

        A run goes as a whole or not at all, and its name is free again. What stays: a run that
        has not ended; one that is not there, of course; and one that the log of a fork begins
        with, as long as any such fork stays (those of the same call go first). Several may ask
        at once, in several processes.

        Whoever is cancelled may have removed some of them.

        Raises:
            StoreClosed, StoreUnavailable: Some of them may have been removed.
        """
        ...

    async def orphans(self) -> Sequence[Orphans]:
        """Look through everything for what belongs to nothing; it reads the whole store.

        None of it is ever seen by who reads runs. There is none unless the store was changed
        by another program, or is damaged.
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

    async def remember(self, key: str, answer: bytes, *, at: datetime) -> bytes:
        """Keep an answer under a key if there is none yet; give the one that is kept.

        However many ask at once, in however many processes: all get the same.

        Args:
            key: What was asked.
            answer: What is to be answered whenever the same is asked.
            at: What time it is, for `forget_answers`.
        """
        ...

    async def answer(self, key: str) -> bytes | None:
        """Give the answer that is kept under a key, or None."""
        ...

    async def forget_answers(self, before: datetime) -> int:
        """Remove the answers that were kept before a time; give how many there were."""
        ...

    # -- room -----------------------------------------------------------------------------

    async def size(self) -> int:
        """Give how many bytes are taken up where this is kept, free ones included.

        0 for what is not kept outside of this process.
        """
        ...

    async def shrink(self) -> None:
        """Give room that was freed back to whoever it was taken from, as far as that can be.

        It is done in parts, and what is handed over meanwhile waits for one part at most.

        Raises:
            StoreClosed, StoreUnavailable: Some of it may have been given back.
        """
        ...
