"""What follows from the edges of a graph: computed once per version, read on every step.

This module knows nodes as numbers (their place in node order, the start being -1) and sets
of nodes or edges as bits of an int. It does not know messages, state or conditions; what it
computes is defined in `docs/semantics.md`, sections 1 and 3.

A *slot* of a node is one of its incoming edges, numbered in the order of their sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine.graph.closing import Shape, closing_slots
from engine.graph.join_plan import JoinPlan, bits
from engine.graph.reach import components, immediate_dominators, intervals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.graph.parts import Join, Node, Routing, Rule

BEFORE_ALL: Final = -1
"""The start of a run, as the source of the edge into the entry."""


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
    """The nodes of which messages carry an activation along, for a round or a pass."""
    marks: tuple[tuple[int, ...], ...]
    """For each node: the keys under which messages then carry its activation (`Rounds`)."""
    renews: tuple[frozenset[int], ...]
    """For each node: the keys of passes that begin anew with its activation."""
    passes: Mapping[int, JoinPlan]
    """For each key of a pass: the join that asks for it."""
    askers: Mapping[int, Sequence[JoinPlan]]
    """For each key: the joins that ask for it."""
    _matters: dict[int, bytes]
    """For each key that was asked about: where messages must carry it, by bits."""
    component: tuple[int, ...]
    """Two nodes that reach each other have the same number."""
    closing: frozenset[tuple[str, str]]
    """The edges that close a loop, by name."""
    declared: tuple[Join | None, ...]
    """For each node: what it says about its join."""
    always: tuple[tuple[str, ...] | None, ...]
    """For each node: its targets after every success; None: rules have to be asked."""
    successes: tuple[tuple[Rule, ...], ...]
    """For each node: its rules for a success, in their order."""
    asked: frozenset[str]
    """The keys of the state that conditions name."""
    timed: bool
    """Whether any node has a time-out."""

    @classmethod
    def of(cls, nodes: Mapping[str, Node], routing: Mapping[str, Routing], entry: str) -> Plan:
        """Compute the plan of a graph whose nodes are given in node order."""
        return _Planner(nodes, routing, entry).plan()

    def carried(self, rounds: Mapping[int, int], node: int) -> Mapping[int, int]:
        """Give what of `rounds` still matters to a message at `node`."""
        known, byte, bit = self._matters, node >> 3, 1 << (node & 7)
        for key in rounds:
            if not (known.get(key) or self._where(key))[byte] & bit:
                return {each: rounds[each] for each in rounds if self._where(each)[byte] & bit}
        return rounds

    def _where(self, key: int) -> bytes:
        found = self._matters.get(key)
        if found is None:
            where = 0
            for join in self.askers[key]:
                where |= join.feeds | 1 << join.node
            found = self._matters[key] = where.to_bytes(len(self.names) // 8 + 1, "little")
        return found


def successes(routing: Routing) -> tuple[Rule, ...]:
    """Give the rules that count when the node succeeded."""
    return tuple(rule for rule in routing.rules if rule.on is None)


def unconditional_targets(node: Node, routing: Routing) -> tuple[str, ...]:
    """Name the targets that every successful completion of `node` sends to."""
    if node.routes:
        return ()
    rules = successes(routing)
    if routing.every:
        return tuple(t for rule in rules if rule.when is None for t in rule.to)
    return rules[0].to if rules and rules[0].when is None else ()


def sure_targets(routing: Routing) -> tuple[str, ...] | None:
    """Name the targets of every success where the tool names none; None: rules are asked."""
    rules = successes(routing)
    taken = rules if routing.every else rules[:1]
    if any(rule.when is not None for rule in taken):
        return None
    return tuple(dict.fromkeys(target for rule in taken for target in rule.to))


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
        first, last = intervals(self.split)
        self.shape = Shape(self.out, self.sure, self.into, self.split, self.component, first, last)
        self.dominates = self.shape.dominates

    def plan(self) -> Plan:
        closing = closing_slots(self.shape)
        joins: list[JoinPlan | None] = []
        for number, node in enumerate(self.nodes):
            join, sources = node.join, self.into[number]
            if (join is None and len(sources) == 1) or (join is not None and join.batch == 1):
                joins.append(None)
            elif join is not None and join.batch is not None:
                joins.append(self._join(number, closing=0, split=BEFORE_ALL))
            else:
                joins.append(self._join(number, closing[number], self.split[number]))
        self._keep_passes_apart(joins, closing)
        self._set_rivals(joins)
        renews, askers = self._tracking(joins)
        marks: list[tuple[int, ...]] = [() for _ in self.nodes]
        for key in sorted(askers):
            marks[key % len(marks)] += (key,)
        return Plan(
            names=self.names,
            index=self.index,
            slots=tuple({s: slot for slot, s in enumerate(into)} for into in self.into),
            joins=tuple(joins),
            split=tuple(self.split),
            tracked=frozenset(node for node, keys in enumerate(marks) if keys),
            marks=tuple(marks),
            renews=renews,
            passes={join.pass_key: join for join in joins if join is not None and join.asks_pass},
            askers=askers,
            _matters={},
            component=tuple(self.component),
            closing=frozenset(
                (self.names[self.into[node][slot]], self.names[node])
                for node, mask in enumerate(closing)
                for slot in bits(mask)
            ),
            declared=tuple(node.join for node in self.nodes),
            always=tuple(sure_targets(self.routing[node.name]) for node in self.nodes),
            successes=tuple(successes(self.routing[node.name]) for node in self.nodes),
            asked=frozenset(
                name
                for ways in self.routing.values()
                for rule in ways.rules
                if rule.when is not None
                for name in rule.when.names
            ),
            timed=any(n.timeout is not None or n.total_timeout is not None for n in self.nodes),
        )

    def _join(self, node: int, closing: int, split: int) -> JoinPlan:
        planned = JoinPlan(node, split, closing, self.into)
        join = self.nodes[node].join
        if join is None:
            for slot in bits(closing):
                if not self.dominates(node, self.into[node][slot]):
                    planned.strays |= 1 << slot
            planned.asks_pass = planned.strays != 0
        elif join.batch is None:
            planned.asks_pass = self._in_loop(node)
        return planned

    def _keep_passes_apart(self, joins: Sequence[JoinPlan | None], closing: Sequence[int]) -> None:
        """Let messages meet within one pass only, wherever strays can go round.

        A stray is a thread of its own in the same round; where it meets the others would
        depend on who is faster.
        """
        open_at = {
            self.component[node]
            for node, mask in enumerate(closing)
            if any(not self.dominates(node, self.into[node][slot]) for slot in bits(mask))
        }
        for join in joins:
            if join is None or self.component[join.node] not in open_at:
                continue
            if self.nodes[join.node].join is None and self._in_loop(join.node):
                join.asks_pass = True

    def _in_loop(self, node: int) -> bool:
        mine = self.component[node]
        return any(self.component[target] == mine for target in self.out[node])

    def _set_rivals(self, joins: Sequence[JoinPlan | None]) -> None:
        rivals: dict[int, list[JoinPlan]] = {}
        for node, join in enumerate(joins):
            if join is not None:
                join.rivals = rivals.setdefault(self.component[node], [])
                join.rivals.append(join)

    def _tracking(
        self, joins: Sequence[JoinPlan | None]
    ) -> tuple[tuple[frozenset[int], ...], dict[int, list[JoinPlan]]]:
        """Find what messages must carry, for which joins, and where passes begin anew."""
        renews: list[set[int]] = [set() for _ in joins]
        askers: dict[int, list[JoinPlan]] = {}
        for node, join in enumerate(joins):
            own = self.nodes[node].join
            if join is None or (own is not None and own.batch is not None):
                continue
            if join.split != BEFORE_ALL:
                askers.setdefault(join.split, []).append(join)
            if join.asks_pass:
                askers.setdefault(join.pass_key, []).append(join)
                if join.split != BEFORE_ALL:
                    renews[join.split].add(join.pass_key)
        return tuple(map(frozenset, renews)), askers
