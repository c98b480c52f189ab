"""What one node that may have to wait for others needs to know.

This module knows which messages can still deliver to a node, and along which of its slots
(`docs/semantics.md` 3.1). It does not know messages. The answers depend on the graph alone,
but take as long as the part of it that leads to the node is large, and a join that never has
to wait needs none: each is found when it is first asked for, and kept with the version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph.reach import components

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class JoinPlan:
    """A node with several incoming edges, or with a join.

    Attributes:
        full: All its slots.
        closing: Its slots whose edge closes a loop.
        split: Its split; -1 is the start, and what a join that sets rounds aside has.
        asks_pass: Whether it matters if a message has been through this node before.
        pass_key: Under what a message carries its pass (`engine.message.Rounds`).
        strays: Its slots along which a message may come that nobody may wait for.
        rivals: All such nodes with which it shares a loop, itself included.
    """

    __slots__ = (
        "_circular",
        "_delivers",
        "_feeds",
        "_into",
        "asks_pass",
        "closing",
        "full",
        "node",
        "pass_key",
        "rivals",
        "split",
        "strays",
    )

    def __init__(self, node: int, split: int, closing: int, into: Sequence[Sequence[int]]) -> None:
        self.node: int = node
        self.split: int = split
        self.closing: int = closing
        self.full: int = (1 << len(into[node])) - 1
        self.asks_pass: bool = False
        self.pass_key: int = len(into) + node
        self.strays: int = 0
        self.rivals: list[JoinPlan] = [self]
        self._into = into
        self._feeds: int | None = None
        self._delivers: Mapping[int, int] | None = None
        self._circular: bool | None = None

    @property
    def feeds(self) -> int:
        """The nodes at which a message can still deliver to this one."""
        if self._feeds is None:
            seen = self._beside(self.node)
            stack = list(seen)
            while stack:
                more = [source for source in self._beside(stack.pop()) if source not in seen]
                seen.update(more)
                stack += more
            self._feeds = _mask(seen)
        return self._feeds

    @property
    def delivers(self) -> Mapping[int, int]:
        """For each of those nodes, the slots it can deliver along."""
        if self._delivers is None:
            self._delivers = self._find_delivers()
        return self._delivers

    @property
    def circular(self) -> bool:
        """Whether it can be part of a circle of nodes that wait for each other."""
        if self._circular is None:
            position = {join.node: i for i, join in enumerate(self.rivals)}
            needs = [
                [at for node, at in position.items() if join.feeds >> node & 1]
                if len(self.rivals) > 1
                else []
                for join in self.rivals
            ]
            found = components(needs)
            for join, number in zip(self.rivals, found, strict=True):
                join._circular = found.count(number) > 1  # noqa: SLF001  # found for all at once
        return bool(self._circular)

    def _beside(self, node: int) -> set[int]:
        """Give the sources of a node, but for what no message of a round passes."""
        return {s for s in self._into[node] if s >= 0 and s not in (self.node, self.split)}

    def _find_delivers(self) -> dict[int, int]:
        # Nodes that reach each other can deliver along the same slots, so what goes round is
        # taken as one: then each edge is looked at once, however dense the graph.
        region = bits(self.feeds)
        number = {node: i for i, node in enumerate(region)}
        out: list[list[int]] = [[] for _ in region]
        for node in region:
            for source in self._beside(node):
                out[number[source]].append(number[node])
        own = [0] * len(region)
        for slot, source in enumerate(self._into[self.node]):
            if source in number:
                own[number[source]] |= 1 << slot
        component = components(out)
        slots = [0] * len(region)
        for here in sorted(range(len(region)), key=component.__getitem__):
            slots[component[here]] |= own[here]
            for after in out[here]:
                slots[component[here]] |= slots[component[after]]
        return {node: slots[component[i]] for i, node in enumerate(region)}


def bits(mask: int) -> list[int]:
    """List the numbers whose bits are set, ascending."""
    written = bin(mask)
    return [i for i, bit in enumerate(reversed(written)) if bit == "1"]


def _mask(numbers: set[int]) -> int:
    """Give the bit-set of numbers, in a time that does not grow with its square."""
    if not numbers:
        return 0
    octets = bytearray(max(numbers) // 8 + 1)
    for number in numbers:
        octets[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(octets, "little")
