"""Everything that can be asked over HTTP, as one table.

This module knows which modules answer. The order is that of the description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api import (
    blobs,
    control,
    diagrams,
    events,
    forks,
    graphs,
    health,
    listing,
    reading,
    runs,
    templates,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.operation import Operation

GROUPS: Final[Mapping[str, tuple[Operation, ...]]] = {
    "Graphs": (*graphs.OPERATIONS, *diagrams.OPERATIONS),
    "Runs": (
        *runs.OPERATIONS,
        *listing.OPERATIONS,
        *reading.OPERATIONS,
        *blobs.OPERATIONS,
        *events.OPERATIONS,
    ),
    "Control of runs": (*control.OPERATIONS, *forks.OPERATIONS),
    "Tools": tools.OPERATIONS,
    "Templates": templates.OPERATIONS,
    "Server": health.OPERATIONS,
}
"""By what it is about."""
