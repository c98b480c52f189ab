"""What there is to read: lists of runs, logs, differences, reports."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import field

from api.wire.forks import OriginView
from api.wire.runs import ActionRequest
from engine import AnyEntry, ErrorInfo, Json, Seq, Status


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
