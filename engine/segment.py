"""A stretch of history, and the state that follows from it.

This module knows what was written in a stretch and how to read the state at its end. It does
not know how stretches part and meet: that is `history`, the only module that changes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from engine.reducer import MISSING

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, Sequence

    from engine.ids import Json
    from engine.reducer import Reducer

Operation: TypeAlias = "tuple[bool, Json]"
"""Whether it sets the value, and what was written."""


class Segment(msgspec.Struct, eq=False):
    """A stretch of history that nobody parted from."""

    reducers: Mapping[str, Reducer]
    parents: tuple[Segment, ...]
    bit: int
    """This segment in bit-sets; 0 for the root, which is in every history."""
    ancestors: int = 0
    """The segments of this history besides itself."""
    past: int = 0
    """What its writes supersede: its ancestors, and more for a patch by a person."""
    refs: int = 1
    """Messages and activations that have it as their history, and its children."""
    values: dict[str, object] = {}
    """What differs from the first parent: accumulators of reducers, and plain values."""
    owned: frozenset[str] = frozenset()
    """Keys whose accumulator this segment made and may change in place."""
    writes: dict[str, tuple[str, Json]] = {}
    """The last write of each key without a reducer, and who wrote it. The root has none."""
    operations: dict[str, list[Operation]] = {}
    """All writes of each key with a reducer, in order. The root has none."""
    origins: dict[str, tuple[Segment, ...]] = {}
    """Where writes met: the segments whose writes of a key nobody superseded."""

    def find(self, key: str) -> object:
        """Give the accumulator or value of `key`, or MISSING."""
        segment = self
        while True:
            if key in segment.values:
                return segment.values[key]
            if not segment.parents:
                return MISSING
            segment = segment.parents[0]

    def materialize(self) -> dict[str, object]:
        """Give all accumulators and values, as a new dict."""
        if not self.parents:
            return self.values.copy()
        chain: list[Segment] = [self]
        while chain[-1].parents:
            chain.append(chain[-1].parents[0])
        merged: dict[str, object] = {}
        for segment in reversed(chain):
            merged.update(segment.values)
        return merged


class State(Mapping[str, "Json"]):
    """The state that follows from a history: a live, read-only view.

    Values are those of the log: whoever hands them on makes a copy first.
    """

    __slots__ = ("_reducers", "_segment")

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._reducers = segment.reducers

    def __getitem__(self, key: str) -> Json:
        """Give the value of `key`; KeyError if there is none."""
        found = self._segment.find(key)
        if found is MISSING:
            raise KeyError(key)
        reducer = self._reducers.get(key)
        return found if reducer is None else reducer.value(found)  # type: ignore[return-value]  # plain values are Json

    def __contains__(self, key: object) -> bool:
        """Tell whether the state has `key`."""
        return isinstance(key, str) and self._segment.find(key) is not MISSING

    def __iter__(self) -> Iterator[str]:
        """Go through the keys."""
        return iter(self._segment.materialize())

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._segment.materialize())

    def items(self) -> ItemsView[str, Json]:
        """Give keys and values, worked out together."""
        return self.whole().items()

    def whole(self) -> dict[str, Json]:
        """Give the whole state as a new dict (its values are still those of the log)."""
        found = self._segment.materialize()
        for key, reducer in self._reducers.items():
            if key in found:
                found[key] = reducer.value(found[key])
        return found  # type: ignore[return-value]  # what is left are plain values, which are Json


class AfterWrite(Mapping[str, "Json"]):
    """The state as it will be after a patch: what rules read before anything is decided."""

    __slots__ = ("_overwrites", "_patch", "_reducers", "_segment")

    def __init__(
        self, segment: Segment, patch: Mapping[str, Json], overwrites: Sequence[str]
    ) -> None:
        self._segment = segment
        self._reducers = segment.reducers
        self._patch = patch
        self._overwrites = overwrites

    def __getitem__(self, key: str) -> Json:
        """Give the value of `key` after the patch; KeyError if there is none."""
        reducer = self._reducers.get(key)
        if key in self._patch and (reducer is None or key in self._overwrites):
            return self._patch[key]
        found = self._segment.find(key)
        if reducer is not None and key in self._patch:
            return reducer.value(reducer.add(found, self._patch[key], own=False))
        if found is MISSING:
            raise KeyError(key)
        return found if reducer is None else reducer.value(found)  # type: ignore[return-value]  # plain values are Json

    def __contains__(self, key: object) -> bool:
        """Tell whether the state will have `key`."""
        return key in self._patch or (
            isinstance(key, str) and self._segment.find(key) is not MISSING
        )

    def __iter__(self) -> Iterator[str]:
        """Go through the keys."""
        return iter({**self._segment.materialize(), **self._patch})

    def __len__(self) -> int:
        """Count the keys."""
        return len({**self._segment.materialize(), **self._patch})

    def items(self) -> ItemsView[str, Json]:
        """Give keys and values, worked out together."""
        return self.whole().items()

    def whole(self) -> dict[str, Json]:
        """Give the whole state as a new dict (its values are those of the log and the patch)."""
        found = self._segment.materialize()
        found.update(self._patch)
        if self._reducers:
            return {key: self[key] for key in found}
        return found  # type: ignore[return-value]  # plain values are Json
