"""What is in flight in a run: messages, and the activations that hold them.

This module knows how the two refer to each other. It does not know when a node fires
(`firing`), what changes them (`run`), or what is decided about them (`decide`).

They are structs of msgspec for one reason: one of each is made on every hop, and those are
made without running any Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.firing.group import Group
    from engine.graph.plan import Plan
    from engine.ids import ActivationId, Seq
    from engine.place import Place
    from engine.segment import Segment

Rounds: TypeAlias = "Mapping[int, int]"
"""The activations on a path that matter to joins, by number, each under one of two keys.

The number of a node stands for its latest activation: the round of whoever has that node as
its split. `JoinPlan.pass_key` stands for the pass of a join. Both may be of one node, and
differ, where a batch has merged several rounds.
"""

NO_ROUNDS: Final[Rounds] = {}


class Message(msgspec.Struct, eq=False):
    """A message in flight: it waits at a node, or an activation of that node holds it."""

    seq: Seq
    node: int
    slot: int
    """Along which incoming edge it came."""
    head: Segment | None
    """Its history while it waits; then its activation has it."""
    rounds: Rounds
    place: Place
    holder: Activation | None = None
    group: Group | None = None
    """Where it waits for others."""
    claims: list[Group] | None = None
    """The groups that wait because of this message, and look again when it is gone."""


class Activation(msgspec.Struct, eq=False):
    """One firing of a node: it holds the messages that it consumed until it ends.

    Attributes:
        id: The seq of the first message it consumed.
        node: The name of the node.
        attempt: The number of the current attempt, from 1.
    """

    id: ActivationId
    node: str
    position: int
    """The place of the node in node order."""
    number: int
    """Grows in the order of firing."""
    held: tuple[Message, ...]
    head: Segment
    rounds: Rounds
    place: Place
    since: datetime
    """When it fired."""
    attempt: int = 1
    series: int = 1
    """The attempt that the present count of attempts began with."""
    status: Literal["running", "backing_off", "exhausted", "failed"] = "running"
    due: datetime | None = None
    """When the next attempt is made."""
    first: Message | None = None
    """The first message it sent."""
    sent: int = 0

    @property
    def messages(self) -> tuple[Seq, ...]:
        """What it consumed, in the order of the merge."""
        return tuple([message.seq for message in self.held])


def latest(plan: Plan, held: tuple[Message, ...]) -> Rounds:
    """Give the rounds of whatever consumed these messages."""
    rounds = held[0].rounds
    for message in held:
        if message.rounds is not rounds and message.rounds != rounds:
            return _latest(plan, held)
    return rounds


def _latest(plan: Plan, held: tuple[Message, ...]) -> Rounds:
    merged: dict[int, int] = {}
    for message in held:
        for key, number in message.rounds.items():
            if number > merged.get(key, -1):
                merged[key] = number
    for key in merged.keys() & plan.passes.keys():
        split = plan.passes[key].split
        if split in merged:
            # A pass counts only within the round that the messages have together.
            own = merged[split]
            merged[key] = max(m.rounds.get(key, -1) for m in held if m.rounds.get(split) == own)
            if merged[key] < 0:
                del merged[key]
    return merged
