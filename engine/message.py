"""What is in flight in a run: messages, and the activations that hold them.

This module knows how the two refer to each other. It does not know when a node fires
(`firing`), what changes them (`run`), or what is decided about them (`decide`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from engine.place import shortest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.firing.group import Group
    from engine.graph.plan import Plan
    from engine.ids import ActivationId, Seq
    from engine.place import Place
    from engine.segment import Segment

Rounds: TypeAlias = "Mapping[int, int]"
"""Node to the number of its latest activation on a path, for the nodes that matter there."""

NO_ROUNDS: Final[Rounds] = {}


class Message:
    """A message in flight: it waits at a node, or an activation of that node holds it."""

    __slots__ = ("claims", "group", "head", "holder", "node", "place", "rounds", "seq", "slot")

    def __init__(  # noqa: PLR0913, PLR0917  # one is made for every edge passed: no keywords
        self, seq: Seq, node: int, slot: int, head: Segment, rounds: Rounds, place: Place
    ) -> None:
        self.seq: Seq = seq
        self.node: int = node
        self.slot: int = slot
        """Along which incoming edge it came."""
        self.head: Segment | None = head
        """Its history while it waits; then its activation has it."""
        self.rounds: Rounds = rounds
        self.place: Place = place
        self.holder: Activation | None = None
        self.group: Group | None = None
        """Where it waits for others."""
        self.claims: list[Group] | None = None
        """The groups that wait because of this message, and look again when it is gone."""


class Activation:
    """One firing of a node: it holds the messages that it consumed until it ends.

    Attributes:
        id: The seq of the first message it consumed.
        node: The name of the node.
        attempt: The number of the current attempt, from 1.
    """

    __slots__ = (
        "attempt",
        "due",
        "first",
        "head",
        "held",
        "id",
        "node",
        "number",
        "place",
        "position",
        "rounds",
        "sent",
        "series",
        "since",
        "status",
    )

    def __init__(  # noqa: PLR0913  # these are its facts, and one place makes it
        self,
        *,
        id: ActivationId,  # noqa: A002  # the field's name
        node: str,
        position: int,
        number: int,
        held: tuple[Message, ...],
        head: Segment,
        rounds: Rounds,
        since: datetime,
    ) -> None:
        self.id: ActivationId = id
        self.node: str = node
        self.position: int = position
        """The place of the node in node order."""
        self.number: int = number
        """Grows in the order of firing."""
        self.held: tuple[Message, ...] = held
        self.head: Segment = head
        self.rounds: Rounds = rounds
        self.place: Place = shortest(held[0].place)
        self.attempt: int = 1
        self.series: int = 1
        """The attempt that the present count of attempts began with."""
        self.status: Literal["running", "backing_off", "exhausted", "failed"] = "running"
        self.since: datetime = since
        """When it fired."""
        self.due: datetime | None = None
        """When the next attempt is made."""
        self.first: Message | None = None
        """The first message it sent."""
        self.sent: int = 0

    @property
    def messages(self) -> tuple[Seq, ...]:
        """What it consumed, in the order of the merge."""
        return tuple(message.seq for message in self.held)


def latest(plan: Plan, held: tuple[Message, ...]) -> Rounds:
    """Give the rounds of whatever consumed these messages."""
    rounds = held[0].rounds
    if all(message.rounds is rounds or message.rounds == rounds for message in held):
        return rounds
    merged: dict[int, int] = {}
    for message in held:
        for node, number in message.rounds.items():
            if number > merged.get(node, -1):
                merged[node] = number
    for node in list(merged):
        join = plan.joins[node]
        if join is not None and join.asks_pass and join.split in merged:
            # A pass counts only within the round that the messages have together.
            own = merged[join.split]
            passes = [m.rounds.get(node, -1) for m in held if m.rounds.get(join.split) == own]
            merged[node] = max(passes)
            if merged[node] < 0:
                del merged[node]
    return merged
