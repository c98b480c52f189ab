"""What a host may tell the core: plain data, each with its own time.

This module knows the words of the seam between core and host. It does not know what the
core answers (`decide`), nor where an input comes from. The same inputs in the same order
make the same log, so everything that a decision may depend on is in here or in the log.

`at` is the UTC time at which the host saw the thing happen; a run's time never goes back.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec reads annotations at run time
from typing import TypeAlias

import msgspec

from engine.entry import Breakpoint, ErrorInfo  # noqa: TC001  # as above
from engine.ids import ActivationId, Json, RunId  # noqa: TC001  # as above


class Input(msgspec.Struct, frozen=True, omit_defaults=True, tag=True):
    """What every input carries."""

    at: datetime


class Start(Input, frozen=True, kw_only=True):
    """Begin a run. `state` overlays the defaults of the graph."""

    run_id: RunId
    state: dict[str, Json] = {}
    tags: dict[str, str] = {}
    breakpoints: tuple[Breakpoint, ...] = ()
    tools: dict[str, int] = {}
    """Which version of each declared tool its nodes are to call."""
    tenant: str = "default"
    actor: str = "anonymous"


class Result(Input, frozen=True):
    """What came of one attempt: a patch (None: an empty one), or an error as a value."""

    activation: ActivationId
    attempt: int
    patch: dict[str, Json] | None = None
    overwrites: tuple[str, ...] = ()
    goto: tuple[str, ...] | None = None
    error: ErrorInfo | None = None
    queued: float | None = None
    took: float | None = None
    cached: bool = False
    """The result came from the cache; the tool was not called."""


class Timer(Input, frozen=True, kw_only=True):
    """The deadline that `deadline(run)` named has come; `at` is that deadline."""


class Command(Input, frozen=True, kw_only=True):
    """What a person or another program asks of a run. Numbered per run, from 1."""

    n: int
    actor: str = "anonymous"


class Pause(Command, frozen=True, kw_only=True):
    """Fire nothing more; attempts that are running go on and are recorded."""


class Resume(Command, frozen=True, kw_only=True):
    """Go on, and give what was paused for being exhausted another series of attempts."""


class Step(Command, frozen=True, kw_only=True):
    """Fire the next node that is due, or the first that will be, and stay paused."""


class SetBreakpoints(Command, frozen=True, kw_only=True):
    """Replace the breakpoints of the run."""

    breakpoints: tuple[Breakpoint, ...]


class Patch(Command, frozen=True, kw_only=True):
    """Set keys of the state of all messages in flight, or of those at `node`."""

    patch: dict[str, Json]
    node: str | None = None


class Skip(Command, frozen=True, kw_only=True):
    """Give the result of an activation in place of its node."""

    activation: ActivationId
    patch: dict[str, Json] = {}


class RaiseLimit(Command, frozen=True, kw_only=True):
    """Give a limit of this run another value."""

    limit: str
    value: int | float | None


class Cancel(Command, frozen=True, kw_only=True):
    """End the run now."""

    reason: str = ""


class Fork(Command, frozen=True, kw_only=True):
    """Begin a run that has the log of another, up to the seq it was folded to, as its past.

    Fed to a run folded from that prefix. What was started and has not returned is due
    again; what had failed gets a new attempt, unless `skip` gives its result.
    """

    run_id: RunId
    patch: dict[str, Json] = {}
    skip: dict[str, Json] | None = None
    """The result to use in place of the activation that failed the run."""
    limits: dict[str, int | float | None] = {}
    keep_keys: bool = True
    """False makes new idempotency keys: effects are made again, as in a what-if."""


AnyInput: TypeAlias = (
    Start
    | Result
    | Timer
    | Pause
    | Resume
    | Step
    | SetBreakpoints
    | Patch
    | Skip
    | RaiseLimit
    | Cancel
    | Fork
)
