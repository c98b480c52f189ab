"""What is said to a run that goes on, or is paused."""

from __future__ import annotations

import msgspec

from api.wire.positions import LimitValues, Position
from api.wire.reply import Body
from engine import AnyEntry, Breakpoint, Json, Seq, Status


class PlainRequest(Body, frozen=True):
    """Nothing needs to be said."""


class CancelRequest(Body, frozen=True):
    """End a run now."""

    reason: str = ""


class BreakpointsRequest(Body, frozen=True):
    """Put these breakpoints in place of those there are."""

    breakpoints: tuple[Breakpoint, ...]


class PatchRequest(Body, frozen=True):
    """Set keys of the state."""

    patch: dict[str, Json]
    node: str | None = None
    """Of what is at this node; of all that is in flight if left out."""


class SkipRequest(Body, frozen=True):
    """Give the result of a node in its place."""

    patch: dict[str, Json] = {}
    """What it would have written."""
    activation: Position | None = None
    """Which; may be left out where only one can be meant."""


class LimitsRequest(Body, frozen=True):
    """Give limits other values."""

    limits: LimitValues
    resume: bool = False
    """Let the run go on with them at once."""


class CommandDone(msgspec.Struct, frozen=True):
    """A command was carried out."""

    run_id: str
    status: Status
    """Of the run after that, as is `seq`."""
    seq: Seq
    entry: AnyEntry
    """The entry that the command caused."""
