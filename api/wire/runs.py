"""What a run is told to begin with, and how it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, field

from api.wire.positions import NewRunName
from api.wire.reply import Body
from engine import Breakpoint, Durability, ErrorInfo, Json, Seq, Status

MAX_WAIT: Final = 60.0
"""Seconds that a client may wait for a run to end."""


class RunRequest(Body, frozen=True):
    """Start a run."""

    graph_id: str
    initial_state: dict[str, Json]
    """Overlays the defaults of the graph; `{}` for nothing but those."""
    version: Annotated[int, Meta(ge=1, le=999_999)] | None = None
    """Of the graph; the newest if left out."""
    run_id: NewRunName | None = None
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
