"""The parts of an engine that handles of runs ask.

This module knows that they belong together, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.host import Host
    from engine.recovery import Recovery
    from engine.snapshot_cache import SnapshotCache
    from engine.store import Store
    from engine.tail import Tails


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is made when an engine is entered."""

    host: Host
    store: Store
    tails: Tails
    clock: Clock
    recovery: Recovery
    snapshots: SnapshotCache
