"""Keeping histories small: what nobody can part from any more becomes one segment.

This module knows who holds a segment, and when two may become one. It does not know what is
written, nor what it means that histories meet (`history`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ids import Json
    from engine.segment import Operation, Segment

ROOT_BIT: Final = 0
"""The root is in every history, so no bit-set needs to name it."""


class Bits:
    """The bits by which segments name each other; one is given out again when it is free."""

    __slots__ = ("_free", "_next", "named")

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0
        self.named: int = 0
        """What a patch by a person supersedes. The patch may outlive these segments and must
        not mistake another one for them, so nothing is given out again, and they stay apart."""

    def take(self) -> int:
        """Give a bit that nobody has."""
        if self._free:
            return self._free.pop()
        self._next += 1
        return 1 << (self._next - 1)

    def give_back(self, bit: int) -> None:
        """Take a bit back."""
        if bit > 0 and not self.named:
            self._free.append(bit)


def release(segment: Segment, bits: Bits) -> None:
    """Give up a hold; what nobody holds any more is forgotten."""
    stack = [segment]
    while stack:
        here = stack.pop()
        here.refs -= 1
        if here.refs == 0:
            bits.give_back(here.bit)
            stack.extend(here.parents)


def settle(segment: Segment, bits: Bits) -> None:
    """Take in the ancestors that only this history has: they can't part any more.

    `segment` has no children, so no other bit-set names what it takes in.
    """
    while segment.parents:
        bases = {
            s for s in segment.parents if s.refs > 1 or len(s.parents) != 1 or s.bit & bits.named
        }
        own = [s for s in segment.parents if s not in bases]
        bases.update(s.parents[0] for s in own)
        if len(bases) == 1 and own:
            _take_in_branches(segment, own, bases.pop(), bits)
        elif len(segment.parents) == 1 and _only_holder(segment.parents[0], bits):
            _take_in_parent(segment, segment.parents[0], bits)
        else:
            return


def _only_holder(parent: Segment, bits: Bits) -> bool:
    return parent.refs == 1 and not parent.bit & bits.named


def make_root(segment: Segment) -> None:
    """Make a segment, whose values are complete, the one that every history has."""
    segment.parents = ()
    segment.bit = ROOT_BIT
    segment.ancestors = segment.past = 0
    segment.writes = {}
    segment.operations = {}
    segment.origins = {}


def _take_in_branches(segment: Segment, own: Sequence[Segment], base: Segment, bits: Bits) -> None:
    """Take in parents that nobody else holds and that all parted from `base`."""
    if segment.parents[0] in own:
        first = segment.parents[0]
        segment.owned |= first.owned - segment.values.keys()
        first.values.update(segment.values)
        segment.values = first.values
        first.origins.update(segment.origins)
        segment.origins = first.origins
    writes: dict[str, tuple[str, Json]] = {}
    operations: dict[str, list[Operation]] = {}
    for part in [*own, segment]:
        writes.update(part.writes)
        for key, each in part.operations.items():
            operations.setdefault(key, []).extend(each)
    for part in own:
        segment.ancestors &= ~part.bit
        bits.give_back(part.bit)
        part.bit = segment.bit  # whoever remembers it as an origin means us now
        base.refs -= 1
    for key in writes:  # what is written here now stands for the branches
        segment.origins.pop(key, None)
    segment.writes = writes
    segment.operations = operations
    if base not in segment.parents:
        base.refs += 1
    segment.parents = (base,)
    segment.past = segment.ancestors


def _take_in_parent(segment: Segment, parent: Segment, bits: Bits) -> None:
    segment.owned |= parent.owned - segment.values.keys()
    parent.values.update(segment.values)
    segment.values = parent.values
    parent.origins.update(segment.origins)
    segment.origins = parent.origins
    for key in segment.writes:
        segment.origins.pop(key, None)
    segment.parents = parent.parents
    if parent.bit == ROOT_BIT and not parent.parents:
        bits.give_back(segment.bit)
        make_root(segment)
        return
    parent.writes.update(segment.writes)
    segment.writes = parent.writes
    for key, each in segment.operations.items():
        parent.operations.setdefault(key, []).extend(each)
    segment.operations = parent.operations
    segment.ancestors &= ~parent.bit
    segment.past = segment.ancestors
    bits.give_back(parent.bit)
    parent.bit = segment.bit
