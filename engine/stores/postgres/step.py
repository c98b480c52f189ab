"""What is handed over to be kept of a run: a batch of its log, or its record alone.

This module knows how each is told what came of it. It does not know how it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.errors import EngineError
    from engine.ids import RunId, Seq
    from engine.row import Row
    from engine.store import Kept, Origin, RunRecord


class _Step:
    """Something that is kept after all that was handed over for the same run before it.

    Attributes:
        run_id: Which run.
        expected: The last entry of its log before this.
        before: What was handed over for the run before this, if what came of it had not been
            told yet: whoever decided on this one reckoned with it.
        error: Why it was not kept.
        size: How many bytes are to be written.
    """

    __slots__ = ("_line", "before", "error", "expected", "kept", "run_id", "size")

    def __init__(
        self,
        run_id: RunId,
        expected: Seq,
        kept: Kept,
        line: dict[RunId, Step],
    ) -> None:
        self.run_id: RunId = run_id
        self.expected: Seq = expected
        self.kept: Kept = kept
        self.size: int = 0
        self.error: EngineError | None = None
        self.before: Step | None = line.get(run_id)
        self._line = line

    def tell(self) -> None:
        """Say what came of it."""
        self.before = None
        if self._line.get(self.run_id) is self:
            del self._line[self.run_id]
        self.kept(self.error)


class Batch(_Step):
    """A batch of a run's log, and the run's record if it is to be written with it.

    It is encoded where it is made: whoever gave what can't be encoded hears of it at once.

    Args:
        line: The last step of each run of which nothing has been told yet.
    """

    __slots__ = ("blobs", "data", "last", "record")

    def __init__(  # noqa: PLR0913  # what belongs to a batch
        self,
        run_id: RunId,
        row: Row,
        *,
        expected: Seq,
        record: RunRecord | None,
        kept: Kept,
        line: dict[RunId, Step],
    ) -> None:
        super().__init__(run_id, expected, kept, line)
        self.record: RunRecord | None = record
        self.last: Seq = row.last
        self.data: bytes = row.data
        self.blobs: Mapping[str, bytes] = row.blobs
        self.size: int = len(self.data) + sum(map(len, self.blobs.values()))
        line[run_id] = self

    @property
    def forks(self) -> Origin | None:
        """What a fork comes from, if this is its first batch.

        Such a batch begins a log. It never goes on with one, not even with one that ends where
        the fork begins.
        """
        origin = None if self.record is None else self.record.origin
        return origin if origin is not None and origin.seq == self.expected else None


class Rest(_Step):
    """The record of a run whose log does not change."""

    __slots__ = ("record",)

    def __init__(self, record: RunRecord, *, at: Seq, kept: Kept, line: dict[RunId, Step]) -> None:
        super().__init__(record.run_id, at, kept, line)
        self.record: RunRecord = record
        line[record.run_id] = self


Step: TypeAlias = Batch | Rest
