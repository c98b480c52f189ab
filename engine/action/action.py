"""One thing that can be done about a run, as whoever carries it out is told.

This module knows the words. It does not know when an action is offered, nor what it causes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from engine.ids import Json

Name: TypeAlias = Literal[
    "retry", "fork", "resume", "step", "skip", "raise_limits", "patch", "cancel"
]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done about a run; it was tried out before it was offered."""

    name: Name
    """The method of `RunHandle` that carries it out."""
    arguments: dict[str, Json]
    """Its keyword arguments, as JSON has them."""
    says: str
    """What it does, in one sentence."""
