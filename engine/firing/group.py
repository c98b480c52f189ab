"""Messages that may meet, and who is where.

This module knows what a group has, lacks and wants by its join. It does not know which
messages can still deliver to it (`waiting`), and never changes a message.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from engine.place import path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.graph.join_plan import JoinPlan
    from engine.graph.parts import Join
    from engine.message import Message

Key: TypeAlias = "tuple[int, ...]"
"""The round of a group, and its pass where passes count; -1 is the start, or no pass."""


class Group:
    """Messages that may meet: of one round at one node, or of one pass of it."""

    __slots__ = (
        "arrived",
        "claims",
        "complete",
        "delivered",
        "fired",
        "join",
        "key",
        "node",
        "plan",
        "queues",
        "satisfied",
    )

    def __init__(self, node: int, key: Key, plan: JoinPlan, join: Join | None) -> None:
        self.node: int = node
        self.key: Key = key
        self.plan: JoinPlan = plan
        self.join: Join | None = join
        self.queues: dict[int, list[Message]] = {}
        """Per slot, in order of arrival."""
        self.arrived: int = 0
        """The slots with a message."""
        self.delivered: int = 0
        """The slots that have ever delivered to this group."""
        self.claims: dict[Message, int] = {}
        """Messages that can still deliver, each with the slots it can deliver along."""
        self.fired: bool = False
        """Only for joins whose rest is withdrawn: they fire once."""
        self.complete: bool = False
        """It fired, and nothing can come along an edge that has not delivered."""
        self.satisfied: bool = False
        """Only for `when`: what the condition said when a message came last."""

    @property
    def once(self) -> bool:
        """Whether the group fires once, and the rest of it is withdrawn."""
        return self.join is not None and self.join.batch is None

    @property
    def order(self) -> tuple[int, Key]:
        """Where it stands among the groups that are due."""
        return self.node, self.key

    def lacks(self) -> int:
        """Give the slots along which a delivery would change something."""
        if self.fired:  # once it is complete, it only waits to be forgotten
            return self.plan.full if self.complete else self.plan.full & ~self.delivered
        if self.join is not None and self.join.batch is not None:
            return self.plan.full
        return self.plan.full & ~self.arrived

    def wants(self) -> int:
        """Give how many slots must still be able to deliver, for the group to wait."""
        if not self.fired and self.join is not None and self.join.count is not None:
            return self.join.count - self.arrived.bit_count()
        return 1

    def hopes(self) -> bool:
        """Tell whether what it has claimed is reason enough to wait."""
        claimed = 0
        for slots in self.claims.values():
            claimed |= slots
        return (claimed & self.lacks()).bit_count() >= self.wants()

    def waiting(self) -> list[Message]:
        """List the messages of the group, by slot."""
        return [message for slot in sorted(self.queues) for message in self.queues[slot]]

    def chosen(self) -> list[Message]:
        """List what a firing consumes now, in no particular order."""
        join = self.join
        if join is not None and join.batch is not None:
            return sorted(self.waiting(), key=lambda m: m.seq)[: join.batch]
        heads = [queue[0] for queue in self.queues.values()]
        if join is not None and join.count is not None:
            heads = sorted(heads, key=lambda m: m.seq)[: join.count]
        return heads

    def in_order(self, messages: list[Message]) -> list[Message]:
        """Put messages into the order in which their histories are merged."""
        if self.join is not None and self.join.batch is not None:
            return sorted(messages, key=lambda m: (m.slot, path(m.place)))
        return sorted(messages, key=_slot)  # one of each

    def full_enough(self) -> bool:
        """Tell whether the group can fire without asking who else is coming."""
        join = self.join
        if join is None:
            return self.arrived == self.plan.full
        if join.count is not None:
            return self.arrived.bit_count() >= join.count
        if join.batch is not None:
            return sum(map(len, self.queues.values())) >= join.batch
        return self.satisfied


_slot: Final = attrgetter("slot")


class Index:
    """Who is where, among the messages in flight; kept while there are several."""

    __slots__ = ("at", "busy")

    def __init__(self, messages: Iterable[Message]) -> None:
        self.at: dict[int, dict[Message, None]] = {}
        self.busy: int = 0
        for message in messages:
            self.add(message)

    def add(self, message: Message) -> None:
        """Note a message where it is."""
        here = self.at.get(message.node)
        if here is None:
            here = self.at[message.node] = {}
        if not here:
            self.busy |= 1 << message.node
        here[message] = None

    def remove(self, message: Message) -> None:
        """Forget a message."""
        here = self.at[message.node]
        del here[message]
        if not here:
            self.busy &= ~(1 << message.node)
