"""What the log of a run proves, worked out without the core, for `story` to compare with.

This module knows entries, and which questions a run answers. It does not know what is being
tested: it describes entries in words, counts messages from entries alone, and takes pictures
of runs that can be compared.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from engine import entry as log
from engine.ask import active, deadline, state_of, view
from engine.condition import Condition
from engine.graph import Graph
from engine.graph.join_plan import JoinPlan
from engine.graph.plan import Plan
from engine.reducer import Reducer

if TYPE_CHECKING:
    from engine.entry import AnyEntry
    from engine.run import Run

_APART: Final = (Graph, Plan, JoinPlan, Condition, Reducer)
"""What belongs to the graph, and is shared by its runs."""


def describe(entry: AnyEntry) -> str:  # noqa: PLR0911  # one line for each type
    """Say in a few words what an entry states."""
    kind = str(entry.__struct_config__.tag)
    match entry:
        case log.MessageSent():
            return f"{kind} {entry.source or ''} -> {entry.to}".replace("  ", " ")
        case log.MessageWithdrawn():
            how = "" if entry.reason == "late" else " (cancel)"
            return f"{kind} {entry.node} by {entry.by}{how}"
        case log.NodeStarted():
            return f"{kind} {entry.node}" + (f" {entry.attempt}" if entry.attempt > 1 else "")
        case log.NodeFailed():
            return f"{kind} {entry.node} {entry.error.code} {entry.then}"
        case log.NodeRetrying():
            return f"{kind} {entry.node} {entry.error.code}"
        case log.NodeCompleted() | log.NodeSkipped():
            return f"{kind} {entry.node}"
        case log.BreakpointHit():
            return f"{kind} {entry.where} {entry.node}"
        case log.RunPaused():
            return f"{kind} {entry.reason}"
        case log.RunFailed():
            return f"{kind} {entry.error.code}"
        case _:
            return kind


class Ledger:
    """Where every message is, by the entries alone."""

    def __init__(self) -> None:
        self.waiting: set[int] = set()
        self.held: dict[int, tuple[int, ...]] = {}
        self.sent = self.consumed = self.withdrawn = 0
        self.over = False

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Messages sent, consumed, withdrawn, open."""
        flying = len(self.waiting) + sum(map(len, self.held.values()))
        return self.sent, self.consumed, self.withdrawn, flying

    def read(self, entry: AnyEntry) -> None:
        """Take note of an entry, and see that it can be."""
        assert not self.over or isinstance(entry, log.RunForked), "something follows the end"
        match entry:
            case log.MessageSent():
                self.sent += 1
                self.waiting.add(entry.seq)
            case log.NodeStarted() if entry.attempt == 1:
                assert int(entry.activation) == entry.messages[0]
                assert self.waiting.issuperset(entry.messages), "consumed what does not wait"
                self.waiting.difference_update(entry.messages)
                self.held[entry.activation] = entry.messages
            case log.NodeStarted():
                assert self.held[entry.activation] == entry.messages
            case log.NodeCompleted() | log.NodeSkipped():
                self.consumed += len(self.held.pop(entry.activation))
            case log.NodeFailed() if entry.then == "routed":
                self.consumed += len(self.held.pop(entry.activation))
            case log.MessageWithdrawn():
                self._withdraw(entry)
            case log.RunForked():
                self.over = False
            case log.RunCompleted() | log.RunFailed() | log.RunCancelled():
                self.over = True
                told = entry.messages
                assert (told.sent, told.consumed, told.withdrawn, told.open) == self.counts
            case _:
                pass

    def _withdraw(self, entry: log.MessageWithdrawn) -> None:
        self.withdrawn += len(entry.messages)
        if entry.activation is None:
            assert self.waiting.issuperset(entry.messages), "withdrew what does not wait"
            self.waiting.difference_update(entry.messages)
        else:
            assert self.held.pop(entry.activation) == entry.messages

    def balances(self, run: Run) -> None:
        """See that a run counts its messages as the entries do."""
        sent, consumed, withdrawn, flying = self.counts
        assert sent == consumed + withdrawn + flying
        assert (run.sent, run.consumed, run.withdrawn, len(run.messages)) == self.counts
        assert self.waiting.union(*self.held.values()) == set(run.messages)
        assert set(self.held) == set(run.activations)
        assert self.over == (run.status in ("completed", "failed", "cancelled"))
        if run.status == "completed":
            assert flying == 0


def picture(run: Run) -> bytes:
    """Give everything that can be asked of a run, as JSON."""
    seen = view(run)
    told = {
        "id": run.id,
        "root": run.root,
        "status": run.status,
        "now": run.now,
        "next": run.next_seq,
        "error": run.error,
        "limits": asdict(run.limits),
        "breakpoints": run.breakpoints,
        "commands": sorted(run.commands.items()),
        "deadline": deadline(run),
        "counts": (run.sent, run.consumed, run.withdrawn, sorted(run.messages)),
        "fired": run.fired,
        "visits": sorted(run.visits.items()),
        "active": sorted((i, a.node, a.attempt, state_of(run, i)) for i, a in active(run).items()),
        "held": sorted(
            (i, a.node, a.attempt, a.status, a.messages) for i, a in run.activations.items()
        ),
        "state": seen.state,
        "conflicts": seen.conflicts,
        "branches": [(branch.node, branch.seq, branch.state) for branch in seen.branches],
    }
    return msgspec.json.encode(told, order="deterministic")


def fingerprint(thing: object, known: dict[int, int] | None = None) -> object:
    """Give everything that hangs on a thing, in a form that can be compared."""
    known = {} if known is None else known
    if thing is None or isinstance(thing, bool | int | float | str | datetime):
        return type(thing).__name__, thing
    if id(thing) in known:
        return "seen", known[id(thing)]
    known[id(thing)] = len(known)
    return [type(thing).__name__, *(fingerprint(part, known) for part in _parts(thing))]


def _parts(thing: object) -> list[object]:
    if isinstance(thing, dict):
        return [part for pair in thing.items() for part in pair]
    if isinstance(thing, list | tuple):
        return list(thing)
    if isinstance(thing, set | frozenset):
        return sorted(thing)
    if isinstance(thing, _APART) or not type(thing).__module__.startswith("engine"):
        return []
    names = [n for kind in type(thing).__mro__ for n in getattr(kind, "__slots__", ())]
    names += getattr(thing, "__dict__", {})
    names += getattr(thing, "__struct_fields__", ())
    return [getattr(thing, name, None) for name in names]
