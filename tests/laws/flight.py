"""What is in flight in the reference model, and what can still come: the questions of section 3.

This module knows messages, activations and groups, and answers every question by going through
all of them. It decides nothing and changes nothing (`model`), and knows nothing of `engine`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from tests.laws.writes import History, State, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.laws.shape import Shape

    Test: TypeAlias = Callable[[Mapping[str, Any]], bool]


def named(*parts: str) -> str:
    """Make one name of several, the same for the same."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=9).hexdigest()


FIRST_MESSAGE: Final = named("the first message")


@dataclass(eq=False)
class Activation:
    """A firing: what it consumed, and everything it stems from."""

    name: str
    number: int
    node: str
    messages: tuple[Message, ...]
    history: History
    state: State
    path: frozenset[Activation] = field(repr=False)
    place: tuple[int, ...]
    stage: Literal["running", "resting", "failed"] = "running"
    """Whether an attempt is being made, the next one is to come, or the last one failed."""
    rounds: dict[str, Activation | None] = field(default_factory=dict, repr=False)
    """What was found out already: a path never changes."""


@dataclass(eq=False)
class Message:
    """What went along an edge; it waits, or is held, at its target."""

    name: str
    source: str
    target: str
    history: History
    path: frozenset[Activation] = field(repr=False)
    place: tuple[int, ...]
    held: Activation | None = None
    rounds: dict[str, Activation | None] = field(default_factory=dict, repr=False)
    laps: dict[str, Activation | None] = field(default_factory=dict, repr=False)


@dataclass(eq=False)
class Group:
    """Waiting messages of one node that belong together, one queue for each edge."""

    node: str
    round: Activation | None
    lap: Activation | None
    """The pass."""
    queues: dict[str, list[Message]] = field(default_factory=dict)
    arrivals: list[Message] = field(default_factory=list)


@dataclass(eq=False)
class Fired:
    """A `count` or `when` group that has fired, for its `rest`."""

    node: str
    round: Activation | None
    lap: Activation | None
    delivered: set[str]


class Flight:
    """The messages in flight, in order of sending, and the groups that have fired."""

    def __init__(self, shape: Shape, tests: Mapping[str, Test], reducers: dict[str, str]) -> None:
        self.shape = shape
        self.tests = tests
        self.reducers = reducers
        self.initial: State = {}
        self.messages: list[Message] = []
        self.fired: list[Fired] = []

    # ── rounds and passes ─────────────────────────────────────────────────────────────────

    def round(self, of: Message | Activation, t: str) -> Activation | None:
        """Give the round at t of a message or activation; None stands for the start."""
        if t not in of.rounds:
            split = self.shape.split[t]
            of.rounds[t] = latest(a for a in of.path if a.node == split)
        return of.rounds[t]

    def lap(self, m: Message, t: str) -> Activation | None:
        """Give the pass of a message at t."""
        if t not in m.laps:
            own = self.round(m, t)
            m.laps[t] = latest(a for a in m.path if a.node == t and self.round(a, t) is own)
        return m.laps[t]

    def alone(self, m: Message) -> bool:
        """Say whether m fires by itself: at a node without a test, or as a stray."""
        shape, t = self.shape, m.target
        if not shape.tested(t):
            return True
        return shape.joins[t] is None and (m.source, t) in shape.open and self.lap(m, t) is None

    def counts_laps(self, t: str) -> bool:
        """Say whether the groups of a node are of one pass."""
        join = self.shape.joins[t]
        if join is None:
            return t in self.shape.tangled
        return not join.batch

    # ── what can still come ───────────────────────────────────────────────────────────────

    def deliverers(self, group: Group | Fired, edges: Iterable[str]) -> list[Message]:
        """Give the messages that can still deliver to a group along edges from these nodes."""
        return [m for m in self.messages if any(self._can_deliver(m, s, group) for s in edges)]

    def _can_deliver(self, m: Message, s: str, group: Group | Fired) -> bool:
        shape, t, x = self.shape, group.node, m.target
        around = frozenset({t, shape.split[t]})
        return (
            shape.reaches(x, s, avoiding=around)
            and self.round(m, t) is group.round
            and ((s, t) not in shape.loops or self.lap(m, t) is not None)
            and (not self.counts_laps(t) or self.lap(m, t) is group.lap)
        )

    def late(self) -> list[tuple[Message, Fired]]:
        """Give the waiting messages whose group has fired."""
        found = []
        for m in self.messages:
            t = m.target
            here = (t, self.round(m, t), self.lap(m, t))
            if m.held is None:
                found += [(m, f) for f in self.fired if (f.node, f.round, f.lap) == here]
        return found

    # ── groups ────────────────────────────────────────────────────────────────────────────

    def groups(self) -> list[Group]:
        """Give all groups with a waiting message, in order of node, round, pass."""
        found: dict[tuple[Any, ...], Group] = {}
        for m in self.messages:
            t = m.target
            if m.held or self.alone(m):
                continue
            join = self.shape.joins[t]
            round_ = None if join and join.batch else self.round(m, t)
            lap = self.lap(m, t) if self.counts_laps(t) else None
            group = found.setdefault((t, round_, lap), Group(t, round_, lap))
            group.queues.setdefault(m.source, []).append(m)
            group.arrivals.append(m)
        return sorted(found.values(), key=self.rank)

    def rank(self, group: Group) -> tuple[int, int, int]:
        """Give what groups are ordered by; no two have the same."""
        return self.shape.position[group.node], number(group.round), number(group.lap)

    def lacking(self, group: Group) -> list[str]:
        """Give the sources of the edges that have brought nothing."""
        return [s for s in self.shape.sources[group.node] if s not in group.queues]

    def satisfied(self, group: Group) -> bool:
        """Say whether a `count` or `when` group has what it wants."""
        join = self.shape.joins[group.node]
        if join is None or join.batch:
            return False
        if join.count:
            return len(group.queues) >= join.count
        edges = self.shape.sources[group.node]
        messages = [
            {"node": s, "state": fold(self.initial, self.reducers, group.queues[s][0].history)}
            for s in edges
            if s in group.queues
        ]
        facts = {"arrived": len(group.queues), "total": len(edges), "messages": messages}
        return self.tests[str(join.when)](facts)

    def unsatisfiable(self, group: Group) -> bool:
        """Say whether a `count` or `when` group can't get what it wants any more."""
        join = self.shape.joins[group.node]
        if join is None or join.batch or self.satisfied(group):
            return False
        coming = [s for s in self.lacking(group) if self.deliverers(group, [s])]
        if join.count:
            return len(group.queues) + len(coming) < join.count
        return not coming

    def blocking(self, t: str) -> list[Fired]:
        """Give the groups of a node that hold up its others."""
        join = self.shape.joins[t]
        if join is None or join.rest != "block":
            return []
        return [group for group in self.fired if group.node == t and self.missing(group)]

    def missing(self, group: Fired) -> list[Message]:
        """Give the messages for want of which a group is not complete."""
        edges = self.shape.sources[group.node]
        return self.deliverers(group, [s for s in edges if s not in group.delivered])

    def needs(self, group: Group) -> list[Message]:
        """Give the messages that a group waits for."""
        t = group.node
        join = self.shape.joins[t]
        if join and join.batch:
            return [m for m in self.messages if m.target != t and self.shape.reaches(m.target, t)]
        if self.satisfied(group):
            return [m for fired in self.blocking(t) for m in self.missing(fired)]
        return self.deliverers(group, self.lacking(group))

    def can_fire(self, group: Group) -> bool:
        """Say whether a group fires as things stand."""
        join = self.shape.joins[group.node]
        if join is None:
            return not self.needs(group)
        if join.batch:
            return len(group.arrivals) >= join.batch or not self.needs(group)
        return self.satisfied(group) and not self.blocking(group.node)

    def first_circle(self) -> list[Group]:
        """Give the first smallest set of groups that wait only for each other, if there is one."""
        groups = self.groups()
        home = {m: group for group in groups for m in group.arrivals}
        needed = {group: [home.get(m) for m in self.needs(group)] for group in groups}

        def closure(group: Group) -> list[Group | None]:
            found: list[Group | None] = [group]
            for other in found:  # grows while it is walked
                found += (
                    [g for g in dict.fromkeys(needed[other]) if g not in found] if other else []
                )
            return found

        for group in groups:
            circle = [g for g in closure(group) if g is not None]
            if None not in closure(group) and all(group in closure(g) for g in circle):
                return sorted(circle, key=self.rank)
        return []


def latest(activations: Iterable[Activation]) -> Activation | None:
    """Give the one with the highest number."""
    return max(activations, key=number, default=None)


def number(activation: Activation | None) -> int:
    """Give the number by which activations are ordered; the start and none stand first."""
    return -1 if activation is None else activation.number
