"""Small steps that many graphs need, and nobody should have to write.

This module knows nothing of any domain.
"""

from __future__ import annotations

from engine import Json, tool


@tool(execution="inline")
def set_values(values: dict[str, Json]) -> dict[str, Json]:
    """Write `values` into the state: a default, a mark, the answer to fall back on."""
    return values
