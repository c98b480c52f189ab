"""What is said on the wire: bodies of requests and answers, and how they are read.

This module knows the words of the API. It does not know what follows from a request. A
request is read strictly: whatever is wrong with it is said at once, each thing with a JSON
pointer, and a field that does not exist is refused rather than overlooked.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec reads annotations at run time
from typing import Annotated, Final

import msgspec
import orjson
from msgspec import Meta, field
from starlette.responses import Response

from engine import Breakpoint, ErrorInfo, Json, Problem, Seq

MAX_WAIT: Final = 60.0
"""Seconds that a client may wait for a run to end."""


class Reply(Response):
    """An answer in JSON."""

    media_type: str | None = "application/json"

    def render(self, content: object) -> bytes:
        """Write structs, dataclasses and plain values; times in UTC, with a Z."""
        return orjson.dumps(content, default=msgspec.to_builtins)


class GraphCreated(msgspec.Struct, frozen=True):
    """A graph has a name and a version."""

    graph_id: str
    version: int
    warnings: tuple[Problem, ...]
    """What is odd about it, though it can be run."""


class RunRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
    """Where the run pauses. In 0.1.0 it is resumed from Python only (`RunHandle.resume`)."""
    wait: Annotated[float, Meta(ge=0, le=MAX_WAIT)] | None = None
    """Seconds to wait for the run to end or to be paused, before the answer."""


class RunAccepted(msgspec.Struct, frozen=True):
    """A run goes on."""

    run_id: str
    status: str
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


class RunError(ErrorInfo, frozen=True, kw_only=True, omit_defaults=True):
    """An error, and where it was."""

    node: str | None = None
    """Left out: it is an error of the run as a whole, as at its deadline."""
    attempt: int | None = None
    """Of that node; 0: it could not even fire."""


class RunState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run after one of its entries."""

    run_id: str
    graph_id: str
    version: int
    status: str
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


class Health(msgspec.Struct, frozen=True):
    """The server answers."""

    status: str
    version: str
