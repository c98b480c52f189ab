"""What is said of new runs that begin where another one was."""

from __future__ import annotations

import msgspec

from api.wire.positions import LimitValues, NewRunName, Position
from api.wire.reply import Body
from engine import Json, Seq, Status


class ForkRequest(Body, frozen=True):
    """Begin a new run with the log of another, up to an entry, as its past."""

    at: Position | None = None
    """The entry after whose batch to part; the last one if left out."""
    run_id: NewRunName | None = None
    """Of the new run; made up if left out."""
    patch: dict[str, Json] = {}
    """Keys of the state to set in everything in flight."""
    skip: dict[str, Json] | None = None
    """What the nodes that had failed are to have written, in place of another attempt."""
    limits: LimitValues = {}
    keep_keys: bool = False
    """Whether idempotency keys of tools stay as they were: true to mend a run, false to try
    what would have been."""


class RetryRequest(Body, frozen=True):
    """Begin a new run where another one ended."""

    run_id: NewRunName | None = None
    """Of the new run; made up if left out."""


class OriginView(msgspec.Struct, frozen=True):
    """Where a fork parted from another run."""

    run_id: str
    seq: Seq


class NewRun(msgspec.Struct, frozen=True):
    """A new run goes on where another one was."""

    run_id: str
    status: Status
    seq: Seq
    origin: OriginView
