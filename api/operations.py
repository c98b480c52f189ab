"""Everything that can be asked over HTTP, as one table.

This module knows which modules answer. The order is that of the description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api import control, forks, graphs, health, listing, reading, runs

if TYPE_CHECKING:
    from api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *graphs.OPERATIONS,
    *runs.OPERATIONS,
    *listing.OPERATIONS,
    *control.OPERATIONS,
    *forks.OPERATIONS,
    *reading.OPERATIONS,
    *health.OPERATIONS,
)
