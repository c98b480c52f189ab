"""Where a message stands among those it parted from, whatever the schedule was.

This module knows forks and their branches. It does not know messages. Places are defined in
`docs/semantics.md` 2.6; histories meet in their order where edges don't tell.

A fork of which one branch is left is taken out of the way, so that a loop that splits and
joins does not grow with its passes. That changes no order: nobody else stands under it.
"""

from __future__ import annotations

from typing import TypeAlias


class Fork:
    """A completion that sent several messages."""

    __slots__ = ("branches", "place")

    def __init__(self, place: Place) -> None:
        self.place: Place = place
        """Where the fork itself stands."""
        self.branches: int = 2
        """How many of its branches something still stands on."""


Place: TypeAlias = "tuple[Fork, int] | None"
"""A fork and the number of a branch of it; None is the place of the first message."""


def leave(place: Place) -> None:
    """Take note that nothing stands at a place, or under it, any more."""
    while place is not None:
        fork = place[0]
        fork.branches -= 1
        if fork.branches > 0:
            return
        place = fork.place


def shortest(place: Place) -> Place:
    """Give the same place without the forks that nobody else stands under."""
    while place is not None and place[0].branches == 1:
        place = place[0].place
    return place


def path(place: Place) -> list[int]:
    """Write a place out, so that places compare like lists."""
    steps: list[int] = []
    while place is not None:
        fork, step = place
        steps.append(step)
        place = fork.place
    steps.reverse()
    return steps
