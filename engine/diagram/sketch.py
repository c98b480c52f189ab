"""What there is to draw of a graph: boxes with notes, and arrows with labels.

This module knows what a reader of a diagram wants to see of nodes and rules, in words. It does
not know any language of diagrams, nor where anything is placed.

Rules of one node that lead to the same target are one arrow, as they are one edge. An arrow
from None comes from the start; one to None is a branch that ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine.graph.reach import intervals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.graph import Graph, Join, Node, Routing, Rule

OTHERWISE: Final = "otherwise"

Kind: TypeAlias = Literal["way", "error", "choice"]
"""`error`: only errors go this way; `choice`: only if the tool says so."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node."""

    name: str
    tool: str
    """Empty if it has the name of the node."""
    notes: tuple[str, ...]
    """Its policies, in a few words each."""
    split: str | None
    """The node whose branches meet here."""
    splits: bool
    """Whether branches part here that meet again."""


@dataclass(slots=True)
class Arrow:
    """An edge, with the labels of all its rules."""

    source: str | None
    target: str | None
    labels: dict[str, None] = field(default_factory=dict[str, None])
    """In their order, each once."""
    kind: Kind = "way"
    loop: bool = False
    """Whether it leads back."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """A graph as it is drawn: nodes in their order, arrows in the order of their sources."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def sketch(graph: Graph) -> Sketch:
    """Say what there is to draw of a graph."""
    return _Sketcher(graph).sketch()


class _Sketcher:
    """Looks at one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.plan = graph.plan
        self.first, self.last = intervals(graph.plan.split)
        parting = [0] * (len(graph.nodes) + 1)
        for name, node in graph.nodes.items():
            parting[self.first[self.plan.index[name]] + 1] = _parts(node, graph.routing[name])
        self.parting = list(accumulate(parting))
        """How many nodes at which branches part stand before each place of the tree of splits."""

    def sketch(self) -> Sketch:
        graph = self.graph
        met = {name: self._split(name) for name in graph.nodes}
        splits = {split for split in met.values() if split is not None}
        boxes = [
            Box(
                name=node.name,
                tool="" if node.tool == node.name else node.tool,
                notes=tuple(notes(node, met[node.name])),
                split=met[node.name],
                splits=node.name in splits,
            )
            for node in graph.nodes.values()
        ]
        arrows = [Arrow(None, graph.entry)]
        for name in graph.nodes:
            arrows += self._arrows(name)
        return Sketch(graph.name, tuple(boxes), tuple(arrows))

    def _split(self, name: str) -> str | None:
        """Name the node whose branches meet at `name`, if there can be several at once.

        A loop that comes back to the node is no branch.
        """
        plan = self.plan
        number = plan.index[name]
        join, split = self.graph.nodes[name].join, plan.split[number]
        if plan.joins[number] is None or split < 0 or (join is not None and join.batch is not None):
            return None
        ahead = [s for s in plan.slots[number] if s < 0 or not self._dominates(number, s)]
        between = self._parting_below(split) - self._parting_below(number)
        return plan.names[split] if len(ahead) > 1 and between else None

    def _parting_below(self, node: int) -> int:
        """Count the nodes at which branches part among those that a node dominates."""
        return self.parting[self.last[node] + 1] - self.parting[self.first[node]]

    def _dominates(self, above: int, node: int) -> bool:
        """Tell whether every path to `node` has passed `above` (or they are the same)."""
        return self.first[above] <= self.first[node] <= self.last[above]

    def _arrows(self, name: str) -> list[Arrow]:
        """Give the ways out of a node: one arrow for each target, and one for where it ends."""
        routing, node = self.graph.routing[name], self.graph.nodes[name]
        successes = [rule for rule in routing.rules if rule.on is None]
        asked = [rule for rule in successes if rule.when is not None]
        ways: list[tuple[str | None, str, Kind]] = []
        number = 0
        for rule in routing.rules:
            label = _label(rule, after=bool(asked) and not routing.every)
            if len(asked) > 1 and not routing.every and rule.on is None and rule.when is not None:
                number += 1
                label = f"{number}. {label}"
            kind: Kind = "way" if rule.on is None else "error"
            ways.extend((target, label, kind) for target in rule.to or (None,))
        choice: Kind = "choice"
        ways.extend((target, "the tool's choice", choice) for target in node.routes)
        if not successes:
            ways.append((None, OTHERWISE if node.routes else "", "way"))
        elif asked == successes and all(self._returns(name, rule) for rule in successes):
            ways.append((None, OTHERWISE, "way"))  # the loop is left: docs/semantics.md 5.5
        return self._one_for_each_target(name, ways)

    def _one_for_each_target(
        self, name: str, ways: list[tuple[str | None, str, Kind]]
    ) -> list[Arrow]:
        arrows: dict[str | None, Arrow] = {}
        for target, label, kind in ways:
            arrow = arrows.get(target)
            if arrow is None:
                loop = target is not None and self._is_loop(name, target)
                arrow = arrows[target] = Arrow(name, target, kind=kind, loop=loop)
            elif arrow.kind != kind:
                arrow.kind = "way"
            if label:
                arrow.labels.setdefault(label)
        return [*arrows.values()]

    def _is_loop(self, source: str, target: str) -> bool:
        """Tell whether an edge leads back to where the run has been."""
        index = self.plan.index
        closing = (source, target) in self.plan.closing
        return closing or self._dominates(index[target], index[source])

    def _returns(self, name: str, rule: Rule) -> bool:
        """Tell whether every target of a rule leads back to its node."""
        component, index = self.plan.component, self.plan.index
        together = (component[index[target]] == component[index[name]] for target in rule.to)
        return bool(rule.to) and all(together)


def _parts(node: Node, routing: Routing) -> bool:
    """Tell whether a node can send several messages at once."""
    several = any(len(rule.to) > 1 for rule in routing.rules)
    return several or len(node.routes) > 1 or (routing.every and len(routing.rules) > 1)


def _label(rule: Rule, *, after: bool) -> str:
    """Say when a rule is taken."""
    when = "" if rule.when is None else rule.when.text
    if rule.on is not None:
        return f"on {rule.on}" + (f" when {when}" if when else "")
    return when or (OTHERWISE if after else "")


# -- notes --------------------------------------------------------------------------------


def notes(node: Node, split: str | None) -> Iterator[str]:
    """Say which branches meet at a node, and what it does other than nodes do by themselves."""
    yield from _join(node.join, "" if split is None else f"what parts at {split}")
    if node.retry.max_attempts > 1:
        on = f" on {', '.join(node.retry.on)}" if node.retry.on else ""
        yield f"{node.retry.max_attempts} attempts{on}"
    if node.timeout is not None:
        yield f"at most {duration(node.timeout)}"
    if node.total_timeout is not None:
        yield f"{duration(node.total_timeout)} in all"
    if node.cache is not None:
        yield "cached" if node.cache.ttl is None else f"cached for {duration(node.cache.ttl)}"
    if node.max_parallel is not None:
        yield f"{node.max_parallel:,} at a time"
    if node.max_visits is not None:
        yield f"at most {node.max_visits:,} visit{'' if node.max_visits == 1 else 's'}"
    if node.on_exhausted == "pause":
        yield "pauses when it fails"
    if node.on_limit == "pause":
        yield "pauses at a limit"


def _join(join: Join | None, branches: str) -> Iterator[str]:
    """Say what a node waits for."""
    if join is None:
        if branches:
            yield f"joins {branches}"
        return
    if join.batch is not None:
        yield "runs for each message" if join.batch == 1 else f"runs for {join.batch:,} messages"
        return
    first = "the first" if join.count == 1 else f"the first {join.count}"
    if join.when is None:
        yield f"joins {first} of {branches}" if branches else f"joins {first} to come"
    else:
        yield f"joins {branches or 'what comes'}"
        yield f"when {join.when.text}"
    if rest := {"ignore": "", "cancel": "cancels the rest", "block": "round by round"}[join.rest]:
        yield rest


def duration(seconds: float) -> str:
    """Write a duration as a person would: 90 s, 1.5 h."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (seconds >= size and not seconds % size):
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1_000:g} ms"
