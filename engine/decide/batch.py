"""The batch that a step is writing.

This module knows how entries are numbered, dated and applied as they are decided. It does
not know what is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import force_setattr

from engine.entry import Counts, Entry, RunFailed, RunForked
from engine.run import OVER, apply

if TYPE_CHECKING:
    from datetime import datetime

    from engine.entry import AnyEntry, ErrorInfo
    from engine.ids import RunId
    from engine.run import Run

E = TypeVar("E", bound=Entry)


class Batch:
    """Entries decided in one step: each is applied at once, all are sealed together."""

    __slots__ = ("at", "entries", "run", "run_id")

    def __init__(self, run: Run, at: datetime, run_id: RunId | None = None) -> None:
        self.run: Run = run
        self.at: datetime = at if run.now is None or at > run.now else run.now
        """A run's time never goes back."""
        self.run_id: RunId = run.id if run_id is None else run_id
        self.entries: list[AnyEntry] = []

    def emit(self, kind: type[E], **fields: Any) -> E:  # type: ignore[explicit-any]  # the struct's own
        """Write an entry, and apply it."""
        run = self.run
        assert run.status not in OVER or kind is RunForked, "a terminal entry is final"  # noqa: S101
        entry = kind(seq=run.next_seq, batch=run.next_seq, at=self.at, run_id=self.run_id, **fields)
        self.entries.append(entry)  # type: ignore[arg-type]  # every subclass is in the union
        apply(run, entry)  # type: ignore[arg-type]  # as above
        return entry

    def seal(self) -> tuple[AnyEntry, ...]:
        """Tell every entry where the batch ends, which nobody knew before, and give them."""
        last = self.entries[-1].seq
        for entry in self.entries:
            force_setattr(entry, "batch", last)
        return tuple(self.entries)

    @property
    def over(self) -> bool:
        """Whether the run has ended in this batch."""
        return self.run.status in OVER

    def fail_run(self, error: ErrorInfo, **where: Any) -> None:  # type: ignore[explicit-any]  # as above
        """End the run with an error."""
        self.emit(RunFailed, error=error, messages=counts(self.run), **where)


def counts(run: Run) -> Counts:
    """Count the messages of a run for its terminal entry."""
    return Counts(
        sent=run.sent, consumed=run.consumed, withdrawn=run.withdrawn, open=len(run.messages)
    )
