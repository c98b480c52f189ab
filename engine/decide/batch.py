"""The batch that a step is writing.

This module knows how entries are numbered, dated and applied as they are decided. It does
not know what is decided.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import force_setattr

from engine.entry import (
    Counts,
    Entry,
    MessageSent,
    NodeCompleted,
    NodeStarted,
    RunFailed,
    RunForked,
)
from engine.ids import ActivationId, Seq
from engine.run import OVER, apply, hop, pass_on

if TYPE_CHECKING:
    from datetime import datetime

    from engine.entry import AnyEntry, ErrorInfo
    from engine.ids import Json, RunId
    from engine.inputs import Result
    from engine.message import Activation
    from engine.run import Run

E = TypeVar("E", bound=Entry)


class Batch(msgspec.Struct, eq=False):
    """Entries decided in one step: each is applied at once, all are sealed together.

    The entries that every hop has are written by methods that name the fields one by one:
    `emit` carries them through two dicts, which costs far more than the entry does.
    """

    run: Run
    at: datetime
    run_id: RunId
    entries: list[AnyEntry] = []

    @classmethod
    def begin(cls, run: Run, at: datetime, run_id: RunId | None = None) -> Batch:
        """Begin a batch. A run's time never goes back."""
        now = run.now
        return cls(
            run, at if now is None or at > now else now, run.id if run_id is None else run_id
        )

    def emit(self, kind: type[E], **fields: Any) -> E:  # type: ignore[explicit-any]  # the struct's own
        """Write an entry, and apply it."""
        run = self.run
        assert run.status not in OVER or kind is RunForked, "a terminal entry is final"  # noqa: S101
        entry = kind(seq=run.next_seq, batch=run.next_seq, at=self.at, run_id=self.run_id, **fields)
        self.add(entry)  # type: ignore[arg-type]  # every subclass is in the union
        return entry

    def add(self, entry: AnyEntry) -> None:
        """Take an entry into the batch, and apply it."""
        self.entries.append(entry)
        apply(self.run, entry)

    def completed(
        self,
        activation: Activation,
        result: Result,
        patch: dict[str, Json],
        goto: tuple[str, ...] | None,
    ) -> NodeCompleted:
        """Make the entry of a node that completed; it is not in the batch yet."""
        seq, named, queued, took = (
            self.run.next_seq, result.overwrites, result.queued, result.took,
        )  # fmt: skip
        return NodeCompleted(  # in the order of its fields: by name, they cost half as much again
            seq,
            seq,
            self.at,
            self.run_id,
            activation.node,
            activation.id,
            activation.attempt,
            patch,
            tuple([key for key in patch if key in named]) if named else (),
            goto,
            None if queued is None else seconds(queued),
            None if took is None else seconds(took),
            bool(result.cached),
        )

    def pass_on(self, completed: NodeCompleted, to: str) -> None:
        """Write a completion, and the only message it sent."""
        seq = Seq(completed.seq + 1)
        force_setattr(completed, "batch", seq)  # where the batch ends if nothing fires
        sent = MessageSent(seq, seq, self.at, self.run_id, to, completed.node, completed.activation)
        self.entries += (completed, sent)
        pass_on(self.run, completed, sent)

    def hop(self, completed: NodeCompleted, to: str) -> None:
        """Write a completion, the only message it sent, and the start of the node it fires."""
        at, run_id, seq = self.at, self.run_id, Seq(completed.seq + 1)
        last = Seq(seq + 1)
        force_setattr(completed, "batch", last)  # most often the batch ends here
        sent = MessageSent(seq, last, at, run_id, to, completed.node, completed.activation)
        started = NodeStarted(last, last, at, run_id, to, ActivationId(seq), (seq,))
        self.entries += (completed, sent, started)
        hop(self.run, completed, sent, started)

    def send(self, source: Activation, to: str) -> None:
        """Write that a message was sent."""
        run = self.run
        seq = run.next_seq
        entry = MessageSent(seq, seq, self.at, self.run_id, to, source.node, source.id)
        self.entries.append(entry)
        apply(run, entry)

    def start(
        self, node: str, activation: ActivationId, messages: tuple[Seq, ...], attempt: int = 1
    ) -> None:
        """Write that a node was started."""
        run = self.run
        seq = run.next_seq
        entry = NodeStarted(seq, seq, self.at, self.run_id, node, activation, messages, attempt)
        self.entries.append(entry)
        apply(run, entry)

    def seal(self) -> tuple[AnyEntry, ...]:
        """Tell every entry where the batch ends, which nobody knew before, and give them."""
        entries = self.entries
        last = entries[-1].seq
        if entries[0].batch != last:
            for entry in entries:
                force_setattr(entry, "batch", last)
        return tuple(entries)

    @property
    def over(self) -> bool:
        """Whether the run has ended in this batch."""
        return self.run.status in OVER

    def fail_run(self, error: ErrorInfo, **where: Any) -> None:  # type: ignore[explicit-any]  # as above
        """End the run with an error."""
        self.emit(RunFailed, error=error, messages=counts(self.run), **where)


def seconds(measured: float) -> float | None:
    """Give a duration that a host measured, if it can be one."""
    return measured if 0 <= measured < math.inf else None


def counts(run: Run) -> Counts:
    """Count the messages of a run for its terminal entry."""
    return Counts(
        sent=run.sent, consumed=run.consumed, withdrawn=run.withdrawn, open=len(run.messages)
    )
