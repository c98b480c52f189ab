"""Where something is in a document.

This module knows JSON pointers. It does not know what is there.
"""

from __future__ import annotations

from typing import TypeAlias

Steps: TypeAlias = "tuple[str | int, ...]"
"""The way to a place in a document: keys and indexes."""


def pointer(*steps: str | int) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
