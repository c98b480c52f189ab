"""How the state of a run differs between two of its entries.

This module knows states as JSON values. It does not know which run they are of, nor how they
came about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.value import copy_of, same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ids import Json, Seq


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different after one entry from what was so after another, key by key."""

    before: Seq
    """The entry after which the first state was so."""
    after: Seq
    """The entry after which the second was; it may be the earlier one."""
    added: dict[str, Json]
    """Keys that only the second has."""
    removed: dict[str, Json]
    """Keys that only the first has."""
    changed: dict[str, tuple[Json, Json]]
    """Keys of which the two have different values: the first value and the second."""

    def __bool__(self) -> bool:
        """Tell whether anything is different."""
        return bool(self.added or self.removed or self.changed)


def difference(
    a: Mapping[str, Json], b: Mapping[str, Json], *, before: Seq, after: Seq
) -> Difference:
    """Compare two states by their keys, which come in alphabetical order.

    Values are compared as canonical JSON, so `1` and `1.0` differ, and the order of the keys
    of an object does not matter. What is given away are copies.

    Args:
        a: The state after the entry `before`.
        b: The state after the entry `after`.
        before: Where the first state is from.
        after: Where the second is from.
    """
    return Difference(
        before=before,
        after=after,
        added={key: copy_of(b[key]) for key in sorted(b) if key not in a},
        removed={key: copy_of(a[key]) for key in sorted(a) if key not in b},
        changed={
            key: (copy_of(a[key]), copy_of(b[key]))
            for key in sorted(a)
            if key in b and not same(a[key], b[key])
        },
    )
