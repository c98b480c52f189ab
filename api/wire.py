"""What is said on the wire: bodies of requests and answers, and how they are read.

This module knows the words of the API. It does not know what follows from a request. A
request is read strictly: whatever is wrong with it is said at once, each thing with a JSON
pointer, and a field that does not exist is refused rather than overlooked.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec reads annotations at run time
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import orjson
from msgspec import Meta, field
from starlette.responses import Response

from engine import AnyEntry, Breakpoint, Durability, ErrorInfo, Json, Problem, Seq, Status

MAX_WAIT: Final = 60.0
"""Seconds that a client may wait for a run to end."""

Position: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""The seq of an entry, or the name of an activation, as a client gives it."""

_Amount: TypeAlias = Annotated[int, Meta(ge=-(2**53), le=2**53)]

LimitValues: TypeAlias = dict[str, _Amount | float | None]
"""Limits by name, and the values they are to have; null: none (of `deadline` only)."""


class Reply(Response):
    """An answer in JSON."""

    media_type: str | None = "application/json"

    def render(self, content: object) -> bytes:
        """Write structs, dataclasses and plain values; times in UTC, with a Z."""
        return orjson.dumps(content, default=msgspec.to_builtins)


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request."""


# -- graphs and runs ----------------------------------------------------------------------


class GraphCreated(msgspec.Struct, frozen=True):
    """A graph has a name and a version."""

    graph_id: str
    version: int
    warnings: tuple[Problem, ...]
    """What is odd about it, though it can be run."""


class RunRequest(_Body, frozen=True):
    """Start a run."""

    graph_id: str
    initial_state: dict[str, Json]
    """Overlays the defaults of the graph; `{}` for nothing but those."""
    version: Annotated[int, Meta(ge=1, le=999_999)] | None = None
    """Of the graph; the newest if left out."""
    run_id: str | None = None
    """Chosen by the client; made up if left out."""
    tags: dict[str, str] = {}
    breakpoints: tuple[Breakpoint, ...] = ()
    """Where the run pauses."""
    durability: Durability | None = None
    """When what the run does is kept; as the server was started if left out."""
    wait: Annotated[float, Meta(ge=0, le=MAX_WAIT)] | None = None
    """Seconds to wait for the run to end or to be paused, before the answer."""


class RunAccepted(msgspec.Struct, frozen=True):
    """A run goes on."""

    run_id: str
    status: Status
    seq: Seq


class BranchState(msgspec.Struct, frozen=True):
    """One of several things in flight."""

    node: str
    seq: Seq
    state: dict[str, Json]


class WaitingNode(msgspec.Struct, frozen=True):
    """A node that waits."""

    node: str
    reason: str = field(name="for")
    """`retry`: for another attempt. `exhausted`: for a person to say what becomes of it."""
    since: datetime
    until: datetime | None


class ActionRequest(msgspec.Struct, frozen=True):
    """What can be done about a failure, as a request that is accepted as it stands."""

    method: Literal["POST"]
    path: str
    body: dict[str, Json]
    says: str
    """What it does."""


class RunError(ErrorInfo, frozen=True, kw_only=True, omit_defaults=True):
    """An error, where it was, and what can be done about it."""

    node: str | None = None
    """Left out: it is an error of the run as a whole, as at its deadline."""
    attempt: int | None = None
    """Of that node; 0: it could not even fire."""
    actions: tuple[ActionRequest, ...] = ()
    """The most useful first; only of the run as it is now."""


class RunState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run after one of its entries."""

    run_id: str
    graph_id: str
    version: int
    status: Status
    seq: Seq
    """The entry after which this is so."""
    state: dict[str, Json]
    waiting: tuple[WaitingNode, ...]
    branches: tuple[BranchState, ...] = ()
    """What is in flight, where that is more than one thing."""
    conflicts: tuple[str, ...] = ()
    """Keys of which branches have different values; the later write is shown."""
    error: RunError | None = None
    """Why the run failed, or what it is paused for."""


# -- commands -----------------------------------------------------------------------------


class PlainRequest(_Body, frozen=True):
    """Nothing needs to be said."""


class CancelRequest(_Body, frozen=True):
    """End a run now."""

    reason: str = ""


class BreakpointsRequest(_Body, frozen=True):
    """Put these breakpoints in place of those there are."""

    breakpoints: tuple[Breakpoint, ...]


class PatchRequest(_Body, frozen=True):
    """Set keys of the state."""

    patch: dict[str, Json]
    node: str | None = None
    """Of what is at this node; of all that is in flight if left out."""


class SkipRequest(_Body, frozen=True):
    """Give the result of a node in its place."""

    patch: dict[str, Json] = {}
    """What it would have written."""
    activation: Position | None = None
    """Which; may be left out where only one can be meant."""


class LimitsRequest(_Body, frozen=True):
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


# -- forks --------------------------------------------------------------------------------


class ForkRequest(_Body, frozen=True):
    """Begin a new run with the log of another, up to an entry, as its past."""

    at: Position | None = None
    """The entry after whose batch to part; the last one if left out."""
    run_id: str | None = None
    """Of the new run; made up if left out."""
    patch: dict[str, Json] = {}
    """Keys of the state to set in everything in flight."""
    skip: dict[str, Json] | None = None
    """What the nodes that had failed are to have written, in place of another attempt."""
    limits: LimitValues = {}
    keep_keys: bool = False
    """Whether idempotency keys of tools stay as they were: true to mend a run, false to try
    what would have been."""


class RetryRequest(_Body, frozen=True):
    """Begin a new run where another one ended."""

    run_id: str | None = None
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


# -- what there is to read ----------------------------------------------------------------


class ListedRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run in a list."""

    run_id: str
    graph_id: str
    version: int | None
    """Of the graph; null where the server does not have it any more."""
    status: Status
    began: datetime
    changed: datetime
    """When its status last changed."""
    error: str | None = None
    """The code of the error it failed with, or is paused for."""
    origin: OriginView | None = None
    """Only of a fork."""
    tags: dict[str, str] = {}


class RunList(msgspec.Struct, frozen=True):
    """A page of the list of runs, the latest first."""

    runs: tuple[ListedRun, ...]
    next: str | None
    """What to give as `before` for the next page; null: this is the last one."""


class LogPage(msgspec.Struct, frozen=True):
    """A page of a log."""

    entries: tuple[AnyEntry, ...]
    """As they stand in the log."""
    next: Seq | None
    """What to give as `after` for the next page; null: there are no more so far."""


class ChangedKey(msgspec.Struct, frozen=True):
    """A key that has another value."""

    before: Json = field(name="from")
    after: Json = field(name="to")


class StateDifference(msgspec.Struct, frozen=True):
    """How the state of a run differs between two of its entries."""

    run_id: str
    before: Seq = field(name="from")
    """The entry after which the first state was so: the last of its batch."""
    after: Seq = field(name="to")
    added: dict[str, Json]
    """Keys that only the second has."""
    removed: dict[str, Json]
    """Keys that only the first has."""
    changed: dict[str, ChangedKey]


class EarlierAttempt(msgspec.Struct, frozen=True):
    """An attempt that failed, and after which another was made."""

    attempt: int
    at: datetime
    error: ErrorInfo


class FailureReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run failed of, or is paused for."""

    run_id: str
    graph_id: str
    status: Literal["failed", "paused"]
    error: ErrorInfo
    state: dict[str, Json]
    """The state that the node ran on, or that of the run."""
    actions: tuple[ActionRequest, ...]
    """What can be done about it, the most useful first."""
    node: str | None = None
    """The node that failed; left out: the run as a whole did, as at its deadline."""
    activation: int | None = None
    attempt: int | None = None
    """0: the node could not even fire."""
    messages: tuple[Seq, ...] = ()
    """What the node ran on."""
    earlier: tuple[EarlierAttempt, ...] = ()
    """The last attempts before that one."""


class Health(msgspec.Struct, frozen=True):
    """The server answers."""

    status: str
    version: str
