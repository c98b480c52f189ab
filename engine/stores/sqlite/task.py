"""What is handed to the threads: something to keep of a run, or something to ask.

This module knows how each is told what came of it, on the loop. It does not know how it is
written or read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from engine.ids import RunId

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Callable, Mapping

    from engine.errors import EngineError
    from engine.ids import Seq
    from engine.row import Row
    from engine.store import Kept

Answer = TypeVar("Answer")


class Columns(NamedTuple):
    """The record of a run, as its table has it; times are microseconds since 1970, UTC."""

    run_id: str
    graph: str
    version: str
    status: str
    began: int
    changed: int
    error: str | None
    origin: str | None
    origin_seq: int | None
    tags: str
    tenant: str
    due: int | None


class Step:
    """What changes a run, in its order: a batch of its log, or its record alone.

    Attributes:
        run_id: Which run.
        expected: The last entry of its log before this.
        before: The step of the same run that was handed over before this one, if what came of
            it had not been told yet: whoever decided on this one reckoned with it.
        error: Why it was not kept.
        size: How many bytes are to be written.
    """

    __slots__ = ("_line", "before", "error", "expected", "kept", "run_id", "size")

    def __init__(self, run_id: RunId, *, expected: Seq, kept: Kept, size: int) -> None:
        self.run_id: RunId = run_id
        self.expected: Seq = expected
        self.kept: Kept = kept
        self.size: int = size
        self.error: EngineError | None = None
        self.before: Step | None = None
        self._line: dict[RunId, Step] = {}

    def line_up(self, line: dict[RunId, Step]) -> None:
        """Take the place of the last one of this run of which nothing has been told yet."""
        self.before = line.get(self.run_id)
        self._line = line
        line[self.run_id] = self

    def tell(self) -> None:
        """Say on the loop what came of it."""
        self.before = None
        if self._line.get(self.run_id) is self:
            del self._line[self.run_id]
        self.kept(self.error)


class Batch(Step):
    """A batch of a run's log, and the run's record if it is to be written with it.

    It is encoded where it is made, on the loop: the row belongs to the loop, and whoever gave
    what can't be encoded hears of it at once.
    """

    __slots__ = ("blobs", "data", "last", "record")

    def __init__(
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        kept: Kept,
        record: Columns | None,
    ) -> None:
        data = row.data
        blobs = row.blobs
        size = len(data) + sum(map(len, blobs.values())) if blobs else len(data)
        super().__init__(run_id, expected=expected, kept=kept, size=size)
        self.last: Seq = row.last
        self.data: bytes = data
        self.blobs: Mapping[str, bytes] = blobs
        self.record: Columns | None = record

    @property
    def is_plain(self) -> bool:
        """Whether it is a row and nothing else."""
        return self.record is None and not self.blobs


class Rest(Step):
    """The record of a run whose log does not change."""

    __slots__ = ("record",)

    def __init__(self, record: Columns, *, at: Seq, kept: Kept) -> None:
        super().__init__(RunId(record.run_id), expected=at, kept=kept, size=len(record.tags))
        self.record: Columns = record


class Ask:
    """Anything else: a question, and the future of its answer.

    Attributes:
        size: How many bytes are to be written.
        error: Why there is no answer.
    """

    __slots__ = ("_ask", "_done", "_fail", "_give", "error", "size")

    def __init__(
        self,
        question: Callable[[sqlite3.Cursor], Answer],
        future: asyncio.Future[Answer],
        size: int = 0,
    ) -> None:
        def ask(cursor: sqlite3.Cursor) -> Callable[[], None]:
            answer = question(cursor)
            return lambda: future.set_result(answer)

        self._ask = ask
        self._give: Callable[[], None] | None = None
        self._done = future.done
        self._fail = future.set_exception
        self.size: int = size
        self.error: EngineError | None = None

    def ask(self, cursor: sqlite3.Cursor) -> None:
        """Ask, and keep the answer until it is told."""
        self._give = self._ask(cursor)

    def tell(self) -> None:
        """Give the answer on the loop, if somebody still waits for it."""
        if self._done():
            return
        if self.error is not None:
            self._fail(self.error)
        elif self._give is not None:
            self._give()


Task: TypeAlias = Batch | Rest | Ask
