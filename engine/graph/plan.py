"""What follows from the edges of a graph: computed once per version, read on every step.

This module knows nodes as numbers (their place in node order, the start being -1) and sets
of nodes or edges as bits of an int. It does not know messages, state or conditions; what it
computes is defined in `docs/semantics.md`, sections 1 and 3.

A *slot* of a node is one of its incoming edges, numbered in the order of their sources.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from engine.graph.reach import components, immediate_dominators, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.graph.parts import Node, Routing

BEFORE_ALL: Final = -1
"""The start of a run, as the source of the edge into the entry."""


@dataclass(frozen=True, slots=True, eq=False)
class JoinPlan:
    """What one node that may have to wait needs to know."""

    full: int
    """All its slots."""
    closing: int
    """Its slots whose edge closes a loop."""
    split: int
    feeds: int
    """The nodes at which a message can still deliver to this one."""
    delivers: Mapping[int, int]
    """For each of those nodes, the slots it can deliver along."""
    asks_pass: bool
    """Whether it matters if a message has been through this node before."""
    strays: int
    """Its slots along which a message may come that nobody may wait for."""
    circular: bool
    """Whether it can be part of a circle of nodes that wait for each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The shape of a graph, as the firing rule reads it."""

    names: tuple[str, ...]
    index: Mapping[str, int]
    slots: tuple[Mapping[int, int], ...]
    """For each node: source to slot."""
    joins: tuple[JoinPlan | None, ...]
    """For each node: None if it fires for each message as it comes."""
    split: tuple[int, ...]
    tracked: frozenset[int]
    """The nodes whose latest activation messages carry along."""
    renews: tuple[frozenset[int], ...]
    """For each node: the tracked nodes that begin a new round with its activation."""
    carries: tuple[frozenset[int], ...]
    """For each node: the tracked nodes that still matter to a message there."""
    component: tuple[int, ...]
    """Two nodes that reach each other have the same number."""
    closing: frozenset[tuple[str, str]]
    """The edges that close a loop, by name."""
    asked: frozenset[str]
    """The keys of the state that conditions name."""
    timed: bool
    """Whether any node has a time-out."""

    @classmethod
    def of(cls, nodes: Mapping[str, Node], routing: Mapping[str, Routing], entry: str) -> Plan:
        """Compute the plan of a graph whose nodes are given in node order."""
        return _Planner(nodes, routing, entry).plan()


def bits(mask: int) -> list[int]:
    """List the numbers whose bits are set, ascending."""
    found: list[int] = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def unconditional_targets(node: Node, routing: Routing) -> tuple[str, ...]:
    """Name the targets that every successful completion of `node` sends to."""
    if node.routes:
        return ()
    successes = [rule for rule in routing.rules if rule.on is None]
    if routing.every:
        return tuple(t for rule in successes if rule.when is None for t in rule.to)
    return successes[0].to if successes and successes[0].when is None else ()


class _Planner:
    """Carries the lists that the steps of planning share."""

    def __init__(
        self, nodes: Mapping[str, Node], routing: Mapping[str, Routing], entry: str
    ) -> None:
        self.nodes = list(nodes.values())
        self.routing = routing
        self.names = tuple(nodes)
        self.index = {name: i for i, name in enumerate(self.names)}
        self.entry = self.index[entry]
        self.out: list[list[int]] = []
        self.sure: list[list[int]] = []
        for node in self.nodes:
            ways = routing[node.name]
            targets = [t for rule in ways.rules for t in rule.to] + list(node.routes)
            self.out.append(sorted({self.index[t] for t in targets}))
            self.sure.append(sorted({self.index[t] for t in unconditional_targets(node, ways)}))
        self.into: list[list[int]] = [[] for _ in self.nodes]
        self.into[self.entry].append(BEFORE_ALL)
        for source, targets_of in enumerate(self.out):
            for target in targets_of:
                self.into[target].append(source)
        self.split = immediate_dominators(self.entry, self.out, self.into)
        self.component = components(self.out)
        self.depth = self._depths()

    def _depths(self) -> list[int]:
        depth = [-1] * len(self.split)
        for each in range(len(depth)):
            node = each
            chain: list[int] = []
            while node != BEFORE_ALL and depth[node] < 0:
                chain.append(node)
                node = self.split[node]
            below = 0 if node == BEFORE_ALL else depth[node] + 1
            for above in reversed(chain):
                depth[above] = below
                below += 1
        return depth

    def dominates(self, above: int, node: int) -> bool:
        """Tell whether every path to `node` passes `above` (or they are the same)."""
        while self.depth[node] > self.depth[above]:
            node = self.split[node]
        return node == above

    def plan(self) -> Plan:
        closing = [self._closing(node) for node in range(len(self.nodes))]
        joins: list[JoinPlan | None] = []
        for number, node in enumerate(self.nodes):
            join, sources = node.join, self.into[number]
            if (join is None and len(sources) == 1) or (join is not None and join.batch == 1):
                joins.append(None)
            elif join is not None and join.batch is not None:
                joins.append(self._join(number, closing=0, split=BEFORE_ALL))
            else:
                joins.append(self._join(number, closing[number], self.split[number]))
        joins = self._mark_circles(joins)
        tracked, renews, carries = self._tracking(joins)
        return Plan(
            names=self.names,
            index=self.index,
            slots=tuple({s: slot for slot, s in enumerate(into)} for into in self.into),
            joins=tuple(joins),
            split=tuple(self.split),
            tracked=tracked,
            renews=renews,
            carries=carries,
            component=tuple(self.component),
            closing=frozenset(
                (self.names[self.into[node][slot]], self.names[node])
                for node, mask in enumerate(closing)
                for slot in bits(mask)
            ),
            asked=frozenset(
                name
                for ways in self.routing.values()
                for rule in ways.rules
                if rule.when is not None
                for name in rule.when.names
            ),
            timed=any(n.timeout is not None or n.total_timeout is not None for n in self.nodes),
        )

    def _closing(self, node: int) -> int:
        """Find the slots of `node` whose edges close a loop (semantics 1.6)."""
        mine, split = self.component[node], self.split[node]
        suspects = [
            (slot, source)
            for slot, source in enumerate(self.into[node])
            if source != BEFORE_ALL
            and self.component[source] == mine
            and node not in self.sure[source]
            and source != split
        ]
        if not suspects:
            return 0
        reached = span(node, self.out, avoid=split, within=(self.component, mine))
        surely = span(node, self.sure, avoid=split, within=(self.component, mine))
        mask = 0
        for slot, source in suspects:
            if source in reached and (source in surely or node < source):
                mask |= 1 << slot
        return mask

    def _join(self, node: int, closing: int, split: int) -> JoinPlan:
        delivers = self._delivers(node, split)
        feeds = 0
        for source in delivers:
            feeds |= 1 << source
        join = self.nodes[node].join
        strays = 0
        if join is None:
            for slot in bits(closing):
                if not self.dominates(node, self.into[node][slot]):
                    strays |= 1 << slot
            asks = strays != 0
        else:
            asks = join.batch is None and self._comes_back(node, split)
        return JoinPlan(
            full=(1 << len(self.into[node])) - 1,
            closing=closing,
            split=split,
            feeds=feeds,
            delivers=delivers,
            asks_pass=asks,
            strays=strays,
            circular=False,
        )

    def _delivers(self, node: int, split: int) -> dict[int, int]:
        """Find from where a message can still deliver to `node`, and along which slots."""
        stop = (BEFORE_ALL, node, split)
        delivers: dict[int, int] = {}
        heap: list[int] = []  # sinks first, so that in a graph without loops each is seen once
        for slot, source in enumerate(self.into[node]):
            if source not in stop:
                delivers[source] = 1 << slot
                heapq.heappush(heap, -source)
        queued = set(delivers)
        while heap:
            here = -heapq.heappop(heap)
            queued.discard(here)
            for source in self.into[here]:
                known = delivers.get(source, 0)
                if source in stop or known | delivers[here] == known:
                    continue
                delivers[source] = known | delivers[here]
                if source not in queued:
                    queued.add(source)
                    heapq.heappush(heap, -source)
        return delivers

    def _comes_back(self, node: int, split: int) -> bool:
        mine = self.component[node]
        reached = span(node, self.out, avoid=split, within=(self.component, mine))
        return any(node in self.out[other] for other in reached)

    def _mark_circles(self, joins: Sequence[JoinPlan | None]) -> list[JoinPlan | None]:
        """Mark the joins that can wait for each other, in a circle."""
        waiting = 0
        for node, join in enumerate(joins):
            if join is not None:
                waiting |= 1 << node
        needs = [bits(join.feeds & waiting) if join else [] for join in joins]
        component = components(needs)
        size: dict[int, int] = {}
        for number in component:
            size[number] = size.get(number, 0) + 1
        marked: list[JoinPlan | None] = []
        for node, join in enumerate(joins):
            if join is not None and size[component[node]] > 1:
                marked.append(replace(join, circular=True))
            else:
                marked.append(join)
        return marked

    def _tracking(
        self, joins: Sequence[JoinPlan | None]
    ) -> tuple[frozenset[int], tuple[frozenset[int], ...], tuple[frozenset[int], ...]]:
        """Find what messages must carry, where it is renewed, and how far it matters."""
        tracked: set[int] = set()
        renews: list[set[int]] = [set() for _ in joins]
        carries: list[set[int]] = [set() for _ in joins]
        for node, join in enumerate(joins):
            own = self.nodes[node].join
            if join is None or (own is not None and own.batch is not None):
                continue
            keys: set[int] = set()
            if join.split != BEFORE_ALL:
                keys.add(join.split)
            if join.asks_pass:
                keys.add(node)
                if join.split != BEFORE_ALL:
                    renews[join.split].add(node)
            tracked |= keys
            for place in [node, *join.delivers]:
                carries[place] |= keys
        return frozenset(tracked), tuple(map(frozenset, renews)), tuple(map(frozenset, carries))
