"""What is found when something is looked at: well or not, and what to do about it.

This module knows the words. It does not know what is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

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

    store: Path | None
    """The file that runs are kept in; None: they are kept in memory."""
    port: int
    """The port that a server is to have."""
