"""What is said of graphs."""

from __future__ import annotations

import msgspec

from engine import Problem


class GraphCreated(msgspec.Struct, frozen=True):
    """A graph has a name and a version."""

    graph_id: str
    version: int
    warnings: tuple[Problem, ...]
    """What is odd about it, though it can be run."""
