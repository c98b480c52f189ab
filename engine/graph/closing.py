"""Which edges close a loop (`docs/semantics.md` 1.6), found for all nodes in one go.

An edge can close a loop only if its target comes back to its source without passing the split
of the target. Asked node by node, that takes the square of a graph. But a path that does not
pass a split stays among what the split dominates, and it comes into what a node dominates only
by that node. So it is enough to know which children of one split lead to each other: for each
split a small graph of its children, all of them together no larger than the graph itself.

This module knows numbered nodes, as `reach` does, and nothing of workflows.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.graph.reach import components

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_START: Final = -1


@dataclass(frozen=True, slots=True)
class Shape:
    """A graph, its components, and its tree of splits."""

    out: Sequence[Sequence[int]]
    """For each node, where its edges lead."""
    sure: Sequence[Sequence[int]]
    """For each node, where it always leads."""
    into: Sequence[Sequence[int]]
    """For each node, where its edges come from; the start is -1."""
    split: Sequence[int]
    """For each node, its immediate dominator; the start is -1."""
    component: Sequence[int]
    """For each node, the number of its strongly connected component."""
    first: Sequence[int]
    last: Sequence[int]
    """For each node, its interval in the tree of splits (`reach.intervals`)."""

    def dominates(self, above: int, node: int) -> bool:
        """Tell whether every path to `node` passes `above` (or they are the same)."""
        return self.first[above] <= self.first[node] <= self.last[above]


class _Question(NamedTuple):
    """Whether the edge from `source` into a slot of `node` closes a loop."""

    node: int
    slot: int
    source: int
    child: int
    """The sibling of `node` that is `source`, or stands above it."""


def closing_slots(shape: Shape) -> list[int]:
    """Give for each node its slots whose edges close a loop, as bits."""
    masks = [0] * len(shape.out)
    open_: list[tuple[int, int, int]] = []
    component, split = shape.component, shape.split
    for node, sources in enumerate(shape.into):
        for slot, source in enumerate(sources):
            if source == _START or component[source] != component[node]:
                continue
            if source == split[node] or node in shape.sure[source]:
                continue
            if shape.dominates(node, source):  # it stands before its source, and reaches it
                masks[node] |= 1 << slot
            else:
                open_.append((node, slot, source))
    if open_:
        _answer(open_, _Siblings(shape), masks)
    return masks


def _answer(asked: list[tuple[int, int, int]], siblings: _Siblings, masks: list[int]) -> None:
    """Add the edges from what their node does not dominate, but comes back to."""
    shape = siblings.shape
    led: list[list[int]] = [[] for _ in shape.out]
    for source, target in siblings.crossing(shape.out):
        led[siblings.above(source, shape.split[target])].append(target)
    circle = components(led)
    questions = [
        _Question(node, slot, source, siblings.above(source, shape.split[node]))
        for node, slot, source in asked
    ]
    questions = [each for each in questions if circle[each.child] == circle[each.node]]
    backward = [each for each in questions if each.source < each.node]
    surely = frozenset(siblings.surely(backward)) if backward else frozenset[_Question]()
    for each in questions:
        if each.node < each.source or each in surely:
            masks[each.node] |= 1 << each.slot


class _Siblings:
    """The tree of splits: whose child is above a node, and which of them lead to each other."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.children: dict[int, list[int]] = {}
        self._firsts: dict[int, list[int]] = {}
        for node in sorted(range(len(shape.split)), key=shape.first.__getitem__):
            self.children.setdefault(shape.split[node], []).append(node)
            self._firsts.setdefault(shape.split[node], []).append(shape.first[node])

    def above(self, node: int, split: int) -> int:
        """Give the child of `split` that dominates `node`, which `split` dominates strictly."""
        if self.shape.split[node] == split:
            return node
        at = bisect_right(self._firsts[split], self.shape.first[node]) - 1
        return self.children[split][at]

    def crossing(self, out: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
        """Give the edges that lead from beneath one child of a split to another child of it."""
        split, dominates = self.shape.split, self.shape.dominates
        return [
            (source, target)
            for source, targets in enumerate(out)
            for target in targets
            if split[target] not in {_START, source} and not dominates(target, source)
        ]

    def surely(self, questions: Sequence[_Question]) -> Iterable[_Question]:
        """Give those whose node always comes to its source, without passing their split."""
        split, sure = self.shape.split, self.shape.sure
        crossing: dict[int, list[tuple[int, int]]] = {}
        for source, target in self.crossing(sure):
            crossing.setdefault(split[target], []).append((source, target))
        asked: dict[int, list[_Question]] = {}
        for each in questions:
            asked.setdefault(split[each.node], []).append(each)
        # The highest node that always comes to it, with only its own subtree in between. What
        # lies deeper is done first, so that it is known how far up a child is come from.
        top = list(range(len(split)))
        splits = sorted(self.children.keys() - {_START}, key=self.shape.first.__getitem__)
        for here in reversed(splits):
            led: dict[int, list[int]] = {}
            for source, target in crossing.get(here, ()):
                child = self.above(source, here)
                if _top(source, top) == child:
                    led.setdefault(child, []).append(target)
            if here in asked:
                reached = _reached(self.children[here], led)
                for each in asked[here]:
                    if (
                        reached[each.node] >> each.child & 1
                        and _top(each.source, top) == each.child
                    ):
                        yield each
            for child in _from([target for target in sure[here] if split[target] == here], led):
                top[child] = here


def _top(node: int, top: list[int]) -> int:
    """Follow a node up as far as is known, and make the way short for the next."""
    above = node
    while top[above] != above:
        above = top[above]
    while top[node] != above:
        top[node], node = above, top[node]
    return above


def _from(starts: Iterable[int], led: Mapping[int, list[int]]) -> set[int]:
    """Give what is led to from some nodes, themselves included."""
    found = set(starts)
    waiting = list(found)
    while waiting:
        for target in led.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def _reached(nodes: Sequence[int], led: Mapping[int, list[int]]) -> dict[int, int]:
    """Give for each node what is led to from it, itself included, as bits."""
    number = {node: i for i, node in enumerate(nodes)}
    out = [[number[target] for target in led.get(node, ())] for node in nodes]
    component = components(out)
    bits = [0] * len(nodes)
    for i in sorted(range(len(nodes)), key=component.__getitem__):
        here = component[i]
        bits[here] |= 1 << nodes[i]
        for target in out[i]:
            bits[here] |= bits[component[target]]
    return {node: bits[component[i]] for i, node in enumerate(nodes)}
