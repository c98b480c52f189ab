"""Groups that wait only for each other.

This module knows which group needs which. It does not know why.
Source of the idea: the vicious circles of OR-joins (van der Aalst, Desel, Kindler, 2002).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from engine.firing.group import Group

Needs: TypeAlias = "dict[Group, set[Group] | None]"
"""What each group needs; None: something that moves by itself."""


def circles(needs: Needs) -> list[list[Group]]:
    """Find the smallest sets of groups that need only each other, each in order of firing."""
    closed = _closed(needs)
    reach: dict[Group, set[Group]] = {}
    for group in closed:
        seen: set[Group] = set()
        stack = [group]
        while stack:
            for other in needs[stack.pop()] or ():
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        reach[group] = seen
    found = {
        frozenset(reach[group] | {group})
        for group in closed
        if all(group in reach[other] for other in reach[group])
    }
    return [sorted(circle, key=lambda group: group.order) for circle in found]


def _closed(needs: Needs) -> set[Group]:
    """Find the groups that need nothing, however far one looks, that moves by itself."""
    needed_by: dict[Group, list[Group]] = {}
    for group, needed in needs.items():
        for other in needed or ():
            needed_by.setdefault(other, []).append(group)
    free = [group for group, needed in needs.items() if needed is None]
    closed = set(needs) - set(free)
    while free:
        for group in needed_by.get(free.pop(), ()):
            if group in closed:
                closed.discard(group)
                free.append(group)
    return closed
