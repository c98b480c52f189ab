"""Which edges close a loop, held against the words of docs/semantics.md 1.6, node by node."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from engine.graph.closing import Shape, closing_slots
from engine.graph.reach import components, immediate_dominators, intervals

if TYPE_CHECKING:
    from collections.abc import Sequence


def shape_of(out: Sequence[Sequence[int]], sure: Sequence[Sequence[int]]) -> Shape:
    """Give the shape of a graph whose entry is 0, from which all of it is reached."""
    into: list[list[int]] = [[] for _ in out]
    into[0].append(-1)
    for source, targets in enumerate(out):
        for target in targets:
            into[target].append(source)
    split = immediate_dominators(0, out, into)
    return Shape(out, sure, into, split, components(out), *intervals(split))


def reached(node: int, out: Sequence[Sequence[int]], avoid: int) -> set[int]:
    """Give what a node reaches without passing another."""
    found = {node}
    waiting = [node]
    while waiting:
        more = [t for t in out[waiting.pop()] if t != avoid and t not in found]
        found.update(more)
        waiting += more
    return found


def by_definition(shape: Shape) -> list[int]:
    """Ask for each edge by itself whether it closes a loop."""
    masks = [0] * len(shape.out)
    for node, sources in enumerate(shape.into):
        split = shape.split[node]
        for slot, source in enumerate(sources):
            if source in {-1, split} or node in shape.sure[source]:
                continue
            if source not in reached(node, shape.out, split):
                continue
            surely = source in reached(node, shape.sure, split)
            if surely or node < source or shape.dominates(node, source):
                masks[node] |= 1 << slot
    return masks


def drawn(seed: int) -> Shape:
    """Draw a graph: its nodes in the order of a search from the entry, as those of a plan."""
    chance = Random(seed)
    size = chance.randint(2, 14)
    edges: list[set[int]] = [set() for _ in range(size)]
    for node in range(1, size):
        edges[chance.randrange(node)].add(node)
    for _ in range(chance.randint(0, 2 * size)):
        edges[chance.randrange(size)].add(chance.randrange(size))
    order = [0]
    for node in order:  # grows while it is walked
        order += [t for t in sorted(edges[node]) if t not in order]
    number = {node: i for i, node in enumerate(order)}
    out = [sorted(number[t] for t in edges[node]) for node in order]
    share = chance.random()
    sure = [[t for t in targets if chance.random() < share] for targets in out]
    return shape_of(out, sure)


@pytest.mark.parametrize("block", range(10))
def test_the_edges_that_close_a_loop_are_those_the_definition_names(block: int) -> None:
    closing = 0
    for seed in range(block * 300, block * 300 + 300):
        shape = drawn(seed)
        found = closing_slots(shape)
        assert found == by_definition(shape), seed
        closing += sum(map(int.bit_count, found))
    assert closing > 300
