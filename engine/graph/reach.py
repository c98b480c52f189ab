"""Graph algorithms on numbered nodes: dominators, components, what can be reached.

This module knows numbers and lists of successors, and nothing of workflows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def immediate_dominators(
    entry: int, out: Sequence[Sequence[int]], into: Sequence[Sequence[int]]
) -> list[int]:
    """Give each node the last other node that every path to it passes; -1 is the start.

    Every node must be reachable from `entry`. Cooper, Harvey, Kennedy: A Simple, Fast
    Dominance Algorithm (2001); a path is walked up twice, never a set copied.
    """
    order = _postorder(entry, out)
    rank = {node: i for i, node in enumerate(order)}
    start = -1
    rank[start] = len(order)
    parent: dict[int, int] = {start: start, entry: start}
    changed = True
    while changed:
        changed = False
        for node in reversed(order):
            best: int | None = None
            for source in into[node]:
                if source not in parent:
                    continue
                if best is None:
                    best = source
                    continue
                other = source
                while best != other:
                    if rank[best] < rank[other]:
                        best = parent[best]
                    else:
                        other = parent[other]
            assert best is not None  # noqa: S101  # a node in the order has a reached source
            if parent.get(node) != best:
                parent[node] = best
                changed = True
    return [parent[node] for node in range(len(out))]


def _postorder(entry: int, out: Sequence[Sequence[int]]) -> list[int]:
    order: list[int] = []
    tried = [0] * len(out)
    """For each node, how many of its edges were walked, plus one; 0: it was not seen."""
    tried[entry] = 1
    path = [entry]
    while path:
        node = path[-1]
        successors = out[node]
        for i in range(tried[node] - 1, len(successors)):
            if not tried[successors[i]]:
                tried[node] = i + 2
                tried[successors[i]] = 1
                path.append(successors[i])
                break
        else:
            order.append(path.pop())
    return order


def components(out: Sequence[Sequence[int]]) -> list[int]:  # noqa: C901  # one algorithm
    """Number the strongly connected components: same number, same component.

    A component gets a smaller number than those that lead to it. Tarjan (1972), without
    recursion: graphs have up to 10,000 nodes in one line.
    """
    count = len(out)
    found = [-1] * count
    low = [0] * count
    tried = [0] * count
    """For each node, how many of its edges were walked."""
    component = [-1] * count
    path: list[int] = []
    clock = number = 0
    for root in range(count):
        if found[root] >= 0:
            continue
        found[root] = low[root] = clock
        clock += 1
        path.append(root)
        stack = [root]
        while stack:
            node = stack[-1]
            successors = out[node]
            lowest = low[node]
            for i in range(tried[node], len(successors)):
                successor = successors[i]
                if found[successor] < 0:
                    tried[node] = i + 1
                    found[successor] = low[successor] = clock
                    clock += 1
                    path.append(successor)
                    stack.append(successor)
                    break
                if component[successor] < 0 and found[successor] < lowest:
                    lowest = found[successor]
            else:
                stack.pop()
                if stack and lowest < low[stack[-1]]:
                    low[stack[-1]] = lowest
                if lowest == found[node]:
                    while True:
                        member = path.pop()
                        component[member] = number
                        if member == node:
                            break
                    number += 1
            low[node] = lowest
    return component


def intervals(split: Sequence[int]) -> tuple[list[int], list[int]]:
    """Number the tree of splits so that a node is above those within its interval."""
    below: dict[int, list[int]] = {}
    for node, above in enumerate(split):
        below.setdefault(above, []).append(node)
    first, last = [0] * len(split), [0] * len(split)
    clock = 0
    stack = list(reversed(below[-1]))
    while stack:
        node = stack.pop()
        if node < 0:
            last[~node] = clock - 1
            continue
        first[node] = clock
        clock += 1
        stack.append(~node)
        stack.extend(reversed(below.get(node, ())))
    return first, last
