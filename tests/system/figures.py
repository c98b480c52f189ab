"""What came of killing processes, in figures.

This module knows what is counted, and which of it must be 0. It does not know how anything is
found out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class Figures:
    """What came of it; all of the first block must be 0."""

    lost: int = 0
    redone: int = 0
    stuck: int = 0
    wrong: int = 0
    """Runs whose log, record or end is not what it must be."""
    kills: int = 0
    runs: int = 0
    acknowledged: int = 0
    """Starts, entries and ends that a worker was told of."""
    recorded: int = 0
    """Activations that were recorded as completed when a worker was killed."""
    executed: int = 0
    """Effects, those of executions that were cut short included."""
    half_full: int = 0
    """Runs that a kill found with a message waiting at a join, and a node running."""
    resting: int = 0
    """Runs that a kill found at rest until a time to come."""
    paused: int = 0
    """Runs that a kill found paused."""
    slowest: float = 0.0
    """Seconds that it took a worker to be ready, recovery included."""
    resumed: float = 0.0
    """Seconds after it was ready until the last of the runs that were cut short went on."""

    def __str__(self) -> str:
        """List them."""
        return ", ".join(f"{name} {value:.4g}" for name, value in asdict(self).items())

    def add(self, other: Figures) -> None:
        """Add what came of something else."""
        for name, value in asdict(other).items():
            mine = getattr(self, name)
            setattr(self, name, max(mine, value) if isinstance(value, float) else mine + value)
