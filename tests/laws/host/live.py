"""A run on the engine, and the same run on the model, compared at every step of the engine.

This module knows the seam between host and core: every input of a host goes through `step`,
and that is where it listens. It does not know how a host comes to its inputs.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.decide import step
from engine.entry import NodeStarted
from engine.hosts.local import host as local
from engine.inputs import Cancel, Fork, Start
from tests.laws.compare import Lockstep
from tests.laws.simulation import Host, Mismatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

    from engine.entry import Entry
    from engine.graph import Graph
    from engine.ids import RunId
    from engine.inputs import AnyInput
    from engine.run import Run
    from tests.laws.furnish import Case


class Live(Lockstep):
    """A run whose host is the engine's: what it is fed comes from there.

    Attributes:
        too_long: Whether it was left because it had too many activations.
        began: The entry that says so, for each attempt of an activation that has begun.
    """

    too_long = False

    def __init__(self, case: Case, graph: Graph, chance: Random) -> None:
        super().__init__(case, graph, chance)
        self.began: dict[tuple[int, int], int] = {}

    def fed(self, run: Run, given: AnyInput) -> tuple[Entry, ...]:
        """Take a step for a host, whose run it may have folded again from the log."""
        if len(self.firings) > self.most:
            self.too_long = True
            message = f"more than {self.most} activations"
            raise Mismatch(message)
        self.run = run
        if isinstance(given, Cancel):
            batch = Host.feed(self, given)
            self.model.cancel()
            return batch
        return self.feed(given)

    def name(self, entry: Entry) -> None:
        """Name what an entry speaks of, and remember where attempts began."""
        super().name(entry)
        if isinstance(entry, NodeStarted):
            self.began[entry.activation, entry.attempt] = entry.seq

    def until(self, rows: int) -> Live:
        """Give what this run was after so many batches: what came later was lost."""
        other = Live(self.case, self.graph, self.chance)
        for given in self.inputs[:rows]:
            other.feed(given)
        return other


class Forked(Host):
    """A fork of a run on the engine; it has no model, but its activations have names."""

    def __init__(self, origin: Host) -> None:
        super().__init__(origin.case, origin.graph, origin.chance)
        self.names = dict(origin.names)
        self.messages = dict(origin.messages)

    def fed(self, run: Run, given: AnyInput) -> tuple[Entry, ...]:
        """Take a step for a host."""
        self.run = run
        return self.feed(given)


@contextmanager
def watched(lives: Mapping[RunId, Live | Forked]) -> Iterator[None]:
    """Listen to the steps of some runs, in the local host."""

    def watching(run: Run, given: AnyInput) -> tuple[Entry, ...]:
        begins = isinstance(given, Start | Fork)
        live = lives.get(given.run_id if begins else run.id)
        return live.fed(run, given) if live else step(run, given)

    if local.step is not step:
        message = "the local host takes its steps elsewhere: listen there"
        raise Mismatch(message)
    local.step = watching
    try:
        yield
    finally:
        local.step = step
