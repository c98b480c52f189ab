"""The way that a run has taken through its graph, so far.

This module knows which entries of a log tell of nodes and edges. It does not know how a way
is drawn, nor what the entries do to a run.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from engine import entry as log
from engine.ids import BEGINNING
from engine.run import OVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from engine.entry import AnyEntry
    from engine.handle import RunHandle
    from engine.ids import ActivationId, Seq
    from engine.store import Status

NodeStatus: TypeAlias = Literal["waiting", "running", "completed", "failed", "withdrawn", "stopped"]
"""How it is with a node now.

`waiting`: messages wait there, or an attempt or a person is waited for. `withdrawn`: what was
there was not wanted any more. `stopped`: the run ended before the node did.
"""

AT_ONCE: Final = 1_024
"""Entries that are read before the loop has its turn."""


@dataclass(frozen=True, slots=True)
class NodePath:
    """What happened at one node."""

    status: NodeStatus
    visits: int
    """How often it fired."""


@dataclass(frozen=True, slots=True)
class RunPath:
    """What a run did, node by node and edge by edge, up to one of its entries."""

    run_id: str
    status: Status
    seq: Seq
    """The last entry that was read."""
    nodes: Mapping[str, NodePath]
    """Those that something came to."""
    edges: Mapping[tuple[str | None, str | None], int]
    """How many messages went along each edge: from None, the start; to None, branches that
    ended at the node."""

    @classmethod
    def of(cls, entries: Iterable[AnyEntry]) -> RunPath:
        """Read it from a log, from the first entry on.

        Raises:
            ValueError: There is no entry.
        """
        reader = _Reader()
        for each in entries:
            reader.read(each)
        return reader.path()


async def path_of(run: RunHandle) -> RunPath:
    """Read what a run has done up to now; one that goes on is not waited for."""
    reader = _Reader()
    last = await run.last()
    async with aclosing(run.tail(BEGINNING)) as entries:
        async for each in entries:
            reader.read(each)
            if each.seq >= last:
                break
            if not each.seq % AT_ONCE:
                await asyncio.sleep(0)
    return reader.path()


class _Reader:
    """Takes note of what each entry says."""

    def __init__(self) -> None:
        self.last: AnyEntry | None = None
        self.status: Status = "running"
        self.edges: Counter[tuple[str | None, str | None]] = Counter()
        self.visits: Counter[str] = Counter()
        self.waiting: dict[Seq, str] = {}
        """Messages that no activation has consumed, and where they are."""
        self.activations: dict[ActivationId, tuple[str, NodeStatus]] = {}
        """Each as it was last heard of, the latest last."""
        self.senders: set[ActivationId] = set()
        self.over: dict[ActivationId, str] = {}
        """Those that have sent all they will, and of which node each is."""
        self.unfired: set[str] = set()
        """Nodes that could not even fire."""
        self.emptied: set[str] = set()
        """Nodes from which messages were withdrawn that nothing had consumed."""

    def read(self, entry: AnyEntry) -> None:
        """Take note of the next entry; most types say nothing of the way."""
        self.last = entry
        if isinstance(entry, log.RunForked):
            self.unfired.clear()  # its messages meet again
        if status := _STATUSES.get(type(entry)):
            self.status = status
        elif note := _NOTES.get(type(entry)):
            note(self, entry)

    def sent(self, entry: log.MessageSent) -> None:
        self.edges[entry.source, entry.to] += 1
        self.waiting[entry.seq] = entry.to
        if entry.activation is not None:
            self.senders.add(entry.activation)

    def started(self, entry: log.NodeStarted) -> None:
        for seq in entry.messages:
            self.waiting.pop(seq, None)
        if entry.activation not in self.activations:
            self.visits[entry.node] += 1
        self._is(entry.activation, entry.node, "running")

    def completed(self, entry: log.NodeCompleted | log.NodeSkipped) -> None:
        self._is(entry.activation, entry.node, "completed")
        self.over[entry.activation] = entry.node

    def retrying(self, entry: log.NodeRetrying) -> None:
        self._is(entry.activation, entry.node, "waiting")

    def failed(self, entry: log.NodeFailed) -> None:
        if entry.attempt == 0:
            self.unfired.add(entry.node)
            return
        self._is(entry.activation, entry.node, "waiting" if entry.then == "paused" else "failed")
        if entry.then == "routed":
            self.over[entry.activation] = entry.node

    def withdrawn(self, entry: log.MessageWithdrawn) -> None:
        for seq in entry.messages:
            self.waiting.pop(seq, None)
        if entry.activation is None:
            self.emptied.add(entry.node)
        else:
            self._is(entry.activation, entry.node, "withdrawn")

    def _is(self, activation: ActivationId, node: str, status: NodeStatus) -> None:
        self.activations.pop(activation, None)
        self.activations[activation] = (node, status)

    def path(self) -> RunPath:
        """Put together what was read."""
        if self.last is None:
            raise ValueError("expected the entries of a log, got none: a log has at least one")
        edges = Counter(self.edges)
        for activation, node in self.over.items():
            if activation not in self.senders:
                edges[node, None] += 1
        nodes = {
            node: NodePath(status, self.visits[node]) for node, status in self._statuses().items()
        }
        return RunPath(
            run_id=self.last.run_id,
            status=self.status,
            seq=self.last.seq,
            nodes=MappingProxyType(nodes),
            edges=MappingProxyType(dict(edges)),
        )

    def _statuses(self) -> dict[str, NodeStatus]:
        """Say how it is with each node: what goes on there counts before what is over."""
        found: dict[str, NodeStatus] = dict.fromkeys(self.emptied, "withdrawn")
        found |= dict(self.activations.values())
        found |= dict.fromkeys(self._with("waiting"), "waiting")
        found |= dict.fromkeys(self.waiting.values(), "waiting")
        found |= dict.fromkeys(self._with("running"), "running")
        if self.status in OVER:
            going = [node for node, status in found.items() if status in ("waiting", "running")]
            found |= dict.fromkeys(going, "stopped")
            found |= dict.fromkeys(self._with("failed"), "failed")
        found |= dict.fromkeys(self.unfired, "failed")
        return found

    def _with(self, status: NodeStatus) -> Iterator[str]:
        """Name the nodes of activations of some status that have not ended for good."""
        for activation, (node, own) in self.activations.items():
            if own == status and activation not in self.over:
                yield node


_NOTES: Final[dict[type, Callable[[_Reader, Any], None]]] = {  # type: ignore[explicit-any]  # each takes its own type
    log.MessageSent: _Reader.sent,
    log.MessageWithdrawn: _Reader.withdrawn,
    log.NodeStarted: _Reader.started,
    log.NodeCompleted: _Reader.completed,
    log.NodeSkipped: _Reader.completed,
    log.NodeRetrying: _Reader.retrying,
    log.NodeFailed: _Reader.failed,
}

_STATUSES: Final[dict[type, Status]] = {
    log.RunStarted: "running",
    log.RunForked: "running",
    log.RunPaused: "paused",
    log.RunResumed: "running",
    log.RunCompleted: "completed",
    log.RunFailed: "failed",
    log.RunCancelled: "cancelled",
}
