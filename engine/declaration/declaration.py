"""A declaration of a tool: its name, its kind, and the arguments it takes.

This module knows what every declaration says. What more it says is up to its kind (`kind`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ids import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is said of a tool, whatever its kind."""

    name: str
    """What nodes call it."""
    kind: str
    description: str = ""
    input: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """The JSON Schema of the object of its arguments."""
    parameters: Mapping[str, bool] | None = None
    """By name: whether an argument is always there, being required or having a default.
    None: `input` can't be read, which is reported already, and nothing is known of them."""
    defaults: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """The arguments that are there if nobody gives them."""
    document: Mapping[str, Json] = field(default_factory=dict[str, "Json"])
    """The declaration as it was given."""
