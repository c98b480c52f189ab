"""How often something is measured: so many rounds, unless that takes too long.

This module knows the clock. It does not know what is measured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Rounds:
    """Counts rounds, each time it is iterated.

    Attributes:
        most: How many there are.
        seconds: No round begins later than this after the first, but for the `least` first.
        least: How many there are in any case.
    """

    most: int
    seconds: float
    least: int = 3

    def __iter__(self) -> Iterator[int]:
        """Go on until there were enough, or it takes too long."""
        began = time.monotonic()
        for count in range(self.most):
            if count >= self.least and time.monotonic() - began > self.seconds:
                return
            yield count


QUICK = Rounds(most=1, seconds=0)
"""Enough to see it work."""
