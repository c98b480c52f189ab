"""The past of messages: who wrote what after what, and what state follows from it.

This module knows writes, and how pasts that parted meet again. It does not know messages,
nodes or time. What it computes is defined in `docs/semantics.md`, section 4.

A *segment* is a stretch of history that nobody parted from: its writes are always together
in a history, or all absent. Segments form a graph by their parents. Whoever is the only
holder of a segment adds to it in place; a segment that is shared, or has children, never
changes again. So a run with one message in flight has a single segment, the state itself,
and costs one dict update per write; and where branches meet, only what was written since
they parted is looked at.

Rule: a value that came in with a patch is never changed in place. Lists and objects that a
reducer builds are, while their segment is the only one that has them (`owned`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.compaction import ROOT_BIT, Bits, make_root, release, settle
from engine.errors import NodeError
from engine.segment import Segment
from engine.value import same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.ids import Json
    from engine.reducer import Reducer
    from engine.segment import Operation


class Conflict(Exception):  # a fact, turned into an error where it is told
    """Writes that nobody superseded have different values.

    Attributes:
        key: The key of the state.
        writes: Who wrote which value, in the order of the history.
    """

    def __init__(self, key: str, writes: Sequence[tuple[str, Json]]) -> None:
        super().__init__(key)
        self.key = key
        self.writes: tuple[tuple[str, Json], ...] = tuple(writes)


class History:
    """All segments of one run: they share bits, and the reducers of its graph."""

    __slots__ = ("_bits", "_patches", "reducers")

    def __init__(self, reducers: Mapping[str, Reducer]) -> None:
        self.reducers: Mapping[str, Reducer] = reducers
        self._bits = Bits()
        self._patches: list[Segment] = []
        """The patches by persons that stand in more than one history."""

    def begin(self, state: Mapping[str, Json]) -> Segment:
        """Make the root: the initial state, with one holder."""
        root = Segment(self.reducers, (), ROOT_BIT)
        root.values = {
            key: self.reducers[key].start(value) if key in self.reducers else value
            for key, value in state.items()
        }
        return root

    # -- writing --------------------------------------------------------------------------

    def write(
        self,
        segment: Segment,
        patch: Mapping[str, Json],
        author: str,
        overwrites: Sequence[str] = (),
    ) -> Segment:
        """Add a write to the history of its only writer, and give the history after it.

        The caller gives up its hold on `segment` and has one on the result.
        """
        if not patch:
            return segment
        bits = self._bits
        if segment.refs > 1 or segment.bit & bits.named:
            segment = self._child((segment,))  # the hold of the caller becomes the child's
        elif segment.parents:
            settle(segment, bits)
        if self.reducers:
            self._put(segment, patch, author, overwrites)
        else:
            segment.values.update(patch)
            if segment.bit != ROOT_BIT:
                for key, value in patch.items():
                    segment.writes[key] = (author, value)
        return segment

    def imagine(self, segment: Segment, patch: Mapping[str, Json]) -> Segment:
        """Give the history as it would be after a patch by a person; nobody holds it."""
        imagined = Segment(self.reducers, (segment,), bit=-1)
        for key, value in patch.items():
            reducer = self.reducers.get(key)
            imagined.values[key] = value if reducer is None else reducer.start(value)
        return imagined

    def patch_all(
        self,
        segments: Sequence[Segment],
        patch: Mapping[str, Json],
        author: str,
        *,
        alive: Sequence[Segment],
    ) -> list[Segment]:
        """Add one and the same write, that sets its keys, to several histories.

        It supersedes everything written so far in any history that is `alive`. The caller
        gives up its hold on each of `segments` and has one on each result.
        """
        if len(alive) == 1:
            return [self.write(segments[0], patch, author, tuple(patch))]
        shared = Segment(self.reducers, (), self._bits.take())
        shared.refs = 0
        for segment in alive:
            shared.past |= segment.ancestors | segment.bit
        self._patches.append(shared)
        self._bits.named |= shared.past
        for key, value in patch.items():
            if key in self.reducers:
                shared.operations[key] = [(True, value)]
            else:
                shared.writes[key] = (author, value)
        patched: list[Segment] = []
        for segment in segments:
            child = self._child((segment, shared))
            shared.refs += 1
            for key, value in patch.items():
                reducer = self.reducers.get(key)
                child.values[key] = value if reducer is None else reducer.start(value)
                child.origins[key] = (shared,)
            patched.append(child)
        return patched

    def _put(
        self,
        segment: Segment,
        patch: Mapping[str, Json],
        author: str,
        overwrites: Sequence[str],
    ) -> None:
        kept = segment.bit != ROOT_BIT
        reducers = self.reducers
        for key, value in patch.items():
            reducer = reducers.get(key)
            if reducer is None:
                segment.values[key] = value
                if kept:
                    segment.writes[key] = (author, value)
                continue
            sets = key in overwrites
            self._reduce(segment, key, reducer, (sets, value))
            if kept:
                segment.operations.setdefault(key, []).append((sets, value))

    @staticmethod
    def _reduce(segment: Segment, key: str, reducer: Reducer, operation: Operation) -> None:
        sets, value = operation
        if sets:
            segment.values[key] = reducer.start(value)
            segment.owned -= {key}  # it is the patch's own value
        else:
            own = key in segment.owned
            segment.values[key] = reducer.add(segment.find(key), value, own=own)
            if not own:
                segment.owned |= {key}

    # -- meeting --------------------------------------------------------------------------

    def meet(self, segments: Sequence[Segment], conflicts: set[str] | None = None) -> Segment:
        """Merge histories, in this order, without touching them.

        The result is one of `segments`, or a new one that nobody holds yet; `adopt` makes
        it the history of whoever consumed the messages.

        Args:
            segments: The histories, at least one.
            conflicts: Where given, clashing keys are put in here and the later write is
                taken; otherwise the first clash is raised.

        Raises:
            Conflict: Writes that nobody superseded have different values.
            NodeError: A reducer can't take a value (`REDUCER_FAILED`).
        """
        first = segments[0]
        seen = first.ancestors | first.bit
        missing: list[Segment] = []
        for segment in segments:
            if segment.bit and not segment.bit & seen:
                seen = self._collect(segment, seen, missing)
        if not missing:
            return first
        met = Segment(self.reducers, self._distinct(segments), bit=-1)
        met.refs = 0
        patches = [patch for patch in self._patches if patch.bit & seen]
        self._merge_plain(met, missing, patches, conflicts)
        for segment in missing:
            for key, operations in segment.operations.items():
                if any(segment.bit & p.past and key in p.operations for p in patches):
                    continue  # a person has set the key since, on whatever branch
                try:
                    for operation in operations:
                        self._reduce(met, key, self.reducers[key], operation)
                except NodeError:
                    if conflicts is None:
                        raise
                    conflicts.add(key)
        return met

    def adopt(self, met: Segment, segments: Sequence[Segment]) -> Segment:
        """Make `met`, the meeting of `segments`, the history of one holder.

        The caller gives up its holds on `segments` and has one on the result.
        """
        if met.bit != -1:
            met.refs += 1
            for segment in segments:
                release(segment, self._bits)
            return met
        met.bit = self._bits.take()
        met.refs = 1
        ancestors = 0
        for parent in met.parents:
            ancestors |= parent.ancestors | parent.bit
            parent.refs += 1
        met.ancestors = met.past = ancestors
        for segment in segments:  # never the last hold on it: `met` has one now
            segment.refs -= 1
        settle(met, self._bits)
        return met

    def _collect(self, segment: Segment, seen: int, missing: list[Segment]) -> int:
        """Append what `segment` has and `seen` has not, in the order of its history."""
        if not segment.ancestors & ~seen:  # it parted from what is there, as most branches do
            missing.append(segment)
            return seen | segment.bit
        stack = [(segment, iter(segment.parents))]
        while stack:
            here, parents = stack[-1]
            for parent in parents:
                if parent.bit and not parent.bit & seen:
                    stack.append((parent, iter(parent.parents)))
                    break
            else:
                stack.pop()
                if not here.bit & seen:
                    seen |= here.bit
                    missing.append(here)
        return seen

    def _merge_plain(
        self,
        met: Segment,
        missing: Sequence[Segment],
        patches: Sequence[Segment],
        conflicts: set[str] | None,
    ) -> None:
        written: dict[str, list[Segment]] = {}
        for segment in missing:
            for key in segment.writes:
                written.setdefault(key, []).append(segment)
        for key, candidates in written.items():
            before = self._frontier(met.parents[0], key)
            standing = candidates
            if before or patches or len(candidates) > 1:
                standing = self._standing(key, [*before, *candidates], candidates, patches)
            if not standing:  # the first history has a patch that supersedes them all
                continue
            writes = [s.writes[key] for s in standing]
            last = writes[-1][1]
            if not all(same(value, last) for _, value in writes):
                if conflicts is None:
                    raise Conflict(key, writes)
                conflicts.add(key)
            met.values[key] = last
            met.origins[key] = tuple(standing)

    @staticmethod
    def _standing(
        key: str,
        known: Sequence[Segment],
        candidates: Sequence[Segment],
        patches: Sequence[Segment],
    ) -> list[Segment]:
        """Find the writes of `key` that neither a candidate nor a patch has superseded."""
        superseded = 0
        for segment in candidates:
            superseded |= segment.past
        for patch in patches:
            if key in patch.writes:
                superseded |= patch.past
        return [segment for segment in known if not segment.bit & superseded]

    @staticmethod
    def _frontier(segment: Segment, key: str) -> tuple[Segment, ...]:
        """Find where `key` was written so that nobody in this history superseded it."""
        while True:
            if key in segment.writes:
                return (segment,)
            if key in segment.origins:
                return segment.origins[key]
            if not segment.parents:
                return ()
            segment = segment.parents[0]

    @staticmethod
    def _distinct(segments: Sequence[Segment]) -> tuple[Segment, ...]:
        return tuple(dict.fromkeys(segments))

    def release(self, segment: Segment) -> None:
        """Give up a hold; what nobody holds any more is forgotten."""
        release(segment, self._bits)

    def alone(self, segment: Segment) -> None:
        """Make the only history that is left the root: nothing can differ from it any more."""
        if segment.parents:
            segment.values = segment.materialize()
            make_root(segment)
            self._bits = Bits()
            self._patches.clear()

    def _child(self, parents: tuple[Segment, ...]) -> Segment:
        ancestors = 0
        for parent in parents:
            ancestors |= parent.ancestors | parent.bit
        return Segment(self.reducers, parents, self._bits.take(), ancestors, ancestors)
