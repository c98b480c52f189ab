"""What is found when something is looked at: well or not, and what to do about it.

This module knows the words. It does not know what is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from api.commands.store import Place

Verdict: TypeAlias = Literal["ok", "note", "wrong"]
"""`note`: it works, but something is odd about it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    verdict: Verdict
    says: str
    cure: str = ""
    """What to do, for what is not well."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at, where there is a choice."""

    store: Place | None
    """Where runs are kept; None: in memory."""
    port: int
    """The port that a server is to have."""
    repair: bool = False
    """Whether what can be mended without loss is."""
