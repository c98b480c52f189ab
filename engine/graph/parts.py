"""The parts of a graph, as they are after parsing: frozen, complete, already checked.

This module knows what a graph consists of. It does not know how a document spells it
(`document`), what is wrong with one (`check`), or what follows from its edges (`plan`).
Durations are seconds, sizes bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Never

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.condition import Condition, Expression
    from engine.ids import Json


def _nothing() -> Mapping[str, Never]:
    """Give what a policy says that was left out."""
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rule:
    """One way out of a node: where to, for which outcome, under which condition."""

    to: tuple[str, ...]
    """The targets; none ends the branch."""
    on: str | None = None
    """None: the node succeeded. An error code, or `error` for any of them."""
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """The ways out of a node, in the order in which they are tried."""

    rules: tuple[Rule, ...] = ()
    every: bool = False
    """True takes every rule that holds, False the first."""


@dataclass(frozen=True, slots=True)
class Join:
    """When a node fires, where it is not the ordinary rule. Exactly one of the three is set."""

    count: int | None = None
    when: Condition | None = None
    batch: int | None = None
    rest: Literal["ignore", "cancel", "block"] = "ignore"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and after which pause a failed attempt is made again."""

    max_attempts: int = 1
    delay: float = 1.0
    """Before the second attempt; 0 retries at once."""
    factor: float = 2.0
    max_delay: float = 60.0
    jitter: float = 0.1
    """A share of the delay, by which it is stretched; derived from the run, never drawn."""
    on: tuple[str, ...] = ()
    """Error codes worth another attempt; none means every code."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Which calls of a node are alike, so that the result of one does for all."""

    key: Expression | None = None
    """Calls with the same value are alike; None: those with the same arguments."""
    ttl: float | None = None
    """Seconds for which a result is kept; None: as long as there is room."""
    scope: Literal["run", "graph", "tool"] = "tool"
    """Who shares results: calls of one run, those of all runs of graphs of one name, or those
    of the tool in whatever graph."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node and its policies."""

    name: str
    tool: str
    args: Mapping[str, Json] = field(default_factory=_nothing)
    inputs: Mapping[str, Expression] = field(default_factory=_nothing)
    outputs: Mapping[str, str] = field(default_factory=_nothing)
    output: str | None = None
    join: Join | None = None
    retry: Retry = Retry()
    timeout: float | None = None
    """Of one attempt."""
    total_timeout: float | None = None
    """Of all attempts and the pauses between them."""
    on_exhausted: Literal["fail", "pause"] = "fail"
    on_limit: Literal["fail", "pause"] = "fail"
    max_visits: int | None = None
    """Overrides the graph's limit for this node."""
    max_parallel: int | None = None
    cache: CachePolicy | None = None
    """None calls the tool each time."""
    routes: tuple[str, ...] = ()
    """The nodes that the tool itself may name as successors."""


@dataclass(frozen=True, slots=True)
class StateSpec:
    """What is said about the state: values to begin with, and how writes of a key meet."""

    schema: Mapping[str, Json] = field(default_factory=_nothing)
    defaults: Mapping[str, Json] = field(default_factory=_nothing)
    reducers: Mapping[str, str] = field(default_factory=_nothing)
    """Key to the name of its reducer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a run is stopped before it does harm; `docs/graphs.md` has them in a table."""

    max_visits: int = 1_000
    """Activations of one node."""
    max_activations: int = 1_000_000
    max_in_flight: int = 100_000
    """Messages."""
    deadline: float | None = None
    max_state: int = 16 * 1024 * 1024
    max_patch: int = 4 * 1024 * 1024
    max_depth: int = 64
    max_parallel: int = 64
    """Attempts of one run at a time; kept by the host."""
