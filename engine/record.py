"""What is known of a run without reading its log, and how runs are looked for by it.

This module knows the facts that lists show. It does not know who keeps them (`store`), nor when
they change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from engine.ids import RunId, Seq

Status: TypeAlias = Literal["running", "paused", "completed", "failed", "cancelled"]

UNFINISHED: Final[tuple[Status, ...]] = ("running", "paused")
"""Of runs that may still do something; they are never forgotten."""

ENDED: Final[tuple[Status, ...]] = ("completed", "failed", "cancelled")
"""Of runs whose log has its last entry."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the log of a fork begins: with that of another run, up to one of its entries."""

    run_id: RunId
    seq: Seq
    """The last entry of a batch of that log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is known of a run without reading its log."""

    run_id: RunId
    graph: str
    version: str
    """The hash of the version of the graph."""
    status: Status
    began: datetime
    changed: datetime
    """When its status last changed."""
    error: str | None = None
    """The code of the error it failed with, or is paused for."""
    origin: Origin | None = None
    """Only of a fork."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    tenant: str = "default"
    due: datetime | None = None
    """From when on somebody has to drive it: at once for one that is running, later for one
    that rests until a time. None: it has ended, or waits for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs are wanted; what is left out does not matter.

    Raises:
        InvalidValue: A time has no time zone.
    """

    status: Collection[Status] = ()
    """Those in one of these; empty: in any."""
    graph: str | None = None
    """Those of the graph of this name."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those that have all of these, with just these values; they may have more."""
    error: str | None = None
    """Those whose record has this code."""
    since: datetime | None = None
    """Those that began then or later."""
    until: datetime | None = None
    """Those that began before."""

    def __post_init__(self) -> None:
        """See that the times can be compared with others."""
        for name, at in (("since", self.since), ("until", self.until)):
            if at is not None and at.tzinfo is None:
                raise InvalidValue(
                    f"expected a time with its time zone, got {at}",
                    path=name,
                    hint="as in datetime.now(UTC)",
                )

    def matches(self, record: RunRecord) -> bool:
        """Tell whether a run is wanted; stores that have indexes find them otherwise."""
        return (
            (not self.status or record.status in self.status)
            and self.graph in (None, record.graph)
            and self.error in (None, record.error)
            and (self.since is None or record.began >= self.since)
            and (self.until is None or record.began < self.until)
            and self.tags.items() <= record.tags.items()
        )


ALL: Final = RunFilter()
"""Every run there is."""
