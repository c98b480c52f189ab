"""What there is to know about a run.

This module knows what a run consists of. It does not know what an entry does to it (`apply`),
what is decided about it, what time it is, or who executes nodes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine.firing.waiting import Waiting
from engine.history import History
from engine.ids import RunId, Seq
from engine.reducer import REDUCERS

if TYPE_CHECKING:
    from datetime import datetime

    from engine import entry as log
    from engine.entry import Breakpoint, ErrorInfo
    from engine.graph import Graph
    from engine.graph.parts import Limits
    from engine.graph.plan import Plan
    from engine.ids import ActivationId, Json
    from engine.message import Activation, Message
    from engine.segment import Segment

Status: TypeAlias = Literal["new", "running", "paused", "completed", "failed", "cancelled"]

Timer: TypeAlias = "tuple[datetime, int, Purpose, Activation | None, int]"
"""When, a number that makes it unique, what for, of which activation, of which attempt."""

Purpose: TypeAlias = Literal["attempt", "total", "retry", "run"]

OVER: Final = frozenset({"completed", "failed", "cancelled"})

# One of each for all runs: an empty set takes 216 bytes.
_NO_LIMITS: Final[frozenset[str]] = frozenset()
_NO_MESSAGES: Final[frozenset[Seq]] = frozenset()


class Run:
    """What the entries of a log so far have made of a run.

    Attributes:
        id: Empty before the first entry.
        graph: The version that the run was started with.
        status: `new` before the first entry.
        now: The time of the last entry.
        next_seq: How many entries the log has.
        error: Why the run failed, or what it is paused for.
        failing: The error that ends the run as soon as its activations are done.
        messages: What is in flight, by seq.
        activations: What holds messages, by id.
        branches: The branches that have ended, by the activation that ended them.
    """

    __slots__ = (
        "activations",
        "armed",
        "began",
        "branches",
        "breakpoints",
        "commands",
        "consumed",
        "due",
        "error",
        "failing",
        "fired",
        "fresh",
        "given",
        "graph",
        "history",
        "id",
        "initial",
        "limits",
        "messages",
        "met",
        "next_seq",
        "now",
        "passed",
        "plan",
        "raised",
        "root",
        "running",
        "sender",
        "sent",
        "status",
        "steps",
        "tags",
        "timers",
        "tools",
        "unweighable",
        "visits",
        "waiting",
        "weight",
        "withdrawn",
        "writers",
    )

    def __init__(self, graph: Graph) -> None:  # noqa: PLR0915  # one line for each fact
        self.graph: Graph = graph
        self.plan: Plan = graph.plan
        self.id: RunId = RunId("")
        self.root: RunId = RunId("")
        """The run whose idempotency keys this one shares."""
        self.status: Status = "new"
        self.now: datetime | None = None
        self.next_seq: Seq = Seq(0)
        self.error: ErrorInfo | None = None
        self.failing: log.NodeFailed | None = None
        self.limits: Limits = graph.limits
        self.raised: frozenset[str] = _NO_LIMITS
        """The limits that somebody has changed for this run."""
        self.breakpoints: tuple[Breakpoint, ...] = ()
        self.passed: frozenset[Seq] = _NO_MESSAGES
        """Messages whose node has been paused for already."""
        self.steps: int = 0
        """How many nodes a paused run may still fire."""
        self.commands: dict[int, Seq] = {}
        """The commands that have been carried out, and the first entry each caused."""
        self.tags: dict[str, str] = {}
        self.tools: dict[str, int] = {}
        """The version of each declared tool that its nodes call."""
        self.began: datetime | None = None
        self.due: datetime | None = None
        """When the run's own deadline is."""
        self.history: History = History(graph.reducers)
        self.given: dict[str, Json] = {}
        """The initial state."""
        self.initial: Segment | None = None
        """Its history, until the first message has it."""
        self.messages: dict[Seq, Message] = {}
        self.fresh: dict[Seq, Message] = {}
        """Waiting messages that nobody has looked at, in the order of sending."""
        self.activations: dict[ActivationId, Activation] = {}
        self.running: dict[ActivationId, Activation] = {}
        """Those whose tool must be executing."""
        self.branches: dict[ActivationId, Activation] = {}
        self.sender: Activation | None = None
        """Whose messages are being sent."""
        self.waiting: Waiting = Waiting(self.plan, self.messages)
        self.visits: dict[int, int] = {}
        self.fired: int = 0
        self.sent: int = 0
        self.consumed: int = 0
        self.withdrawn: int = 0
        self.timers: list[Timer] = []
        self.armed: int = 0
        """How many timers were ever set: it orders those that are due together."""
        self.writers: dict[str, str] = {}
        """For keys that conditions name: the node that wrote it last, on any path."""
        self.unweighable: bool = any(
            each is not REDUCERS.get(each.name) for each in graph.reducers.values()
        )
        """A reducer of somebody else may make more of a write than was written."""
        self.weight: float = math.inf
        """A memo: bytes that the state has at most; after a fold nobody has measured it."""
        self.met: tuple[tuple[Seq, ...], Segment] | None = None
        """A memo: the meeting that was just looked at, so that it is merged once."""
