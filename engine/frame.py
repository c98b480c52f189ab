"""What is said while a node runs: frames, which are shown to whoever looks on and not kept.

This module knows the words. It does not know who says them (`context`) nor who hears them. A
frame has no number: no log holds it, and a reader that comes later does not get it.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from engine.ids import ActivationId, Json, RunId  # noqa: TC001  # msgspec reads them at run time


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every frame carries: which attempt it came from."""

    run_id: RunId
    node: str
    activation: ActivationId
    attempt: int
    ephemeral: bool = True
    """Always true, so that a reader can tell it from an entry by one look."""


class NodeProgressed(Frame, frozen=True, kw_only=True, tag="node.progressed"):
    """A tool said how far it is."""

    done: float
    total: float | None = None
    """What `done` will be in the end, if the tool knows."""
    message: str = ""


class NodeStreamed(Frame, frozen=True, kw_only=True, tag="node.streamed"):
    """A tool gave a piece of what it is making: a token, a line, a preview."""

    data: Json


AnyFrame: TypeAlias = NodeProgressed | NodeStreamed
"""Every type of frame."""
