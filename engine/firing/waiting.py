"""Which waiting messages are due: groups that meet at a node, and what they wait for.

This module knows the plan of a graph and what is in flight. It does not know state, time or
the log: it answers which groups can fire, and never fires one. What it answers is defined in
`docs/semantics.md`, section 3.

Everything in here follows from the messages in flight and from which groups have fired, and
is built again from them after a fold. It is kept because looking for it costs: a waiting
group *claims* messages that can still deliver to it, one per edge it hopes for, and is
looked at again only when such a message is gone or a new one has come. A join of a thousand
branches is so looked at a thousand times and not a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.firing.circle import circles
from engine.firing.group import Group, Index
from engine.graph.plan import BEFORE_ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.firing.circle import Needs
    from engine.firing.group import Key
    from engine.graph.parts import Join
    from engine.graph.plan import Plan
    from engine.ids import Seq
    from engine.message import Message

NONE: Final = -1
"""The round of the start, and the pass of what has not been through a node."""


class Waiting:
    """The groups of one run."""

    __slots__ = ("groups", "index", "messages", "nodes", "plan", "stuck", "touched")

    def __init__(self, plan: Plan, messages: Mapping[Seq, Message]) -> None:
        self.plan: Plan = plan
        self.nodes: tuple[Join | None, ...] = plan.declared
        """What each node says about its join."""
        self.messages: Mapping[Seq, Message] = messages
        """All messages in flight, by seq; shared with the run."""
        self.groups: dict[int, dict[Key, Group]] = {}
        self.touched: dict[Group, None] = {}
        """Groups to look at."""
        self.stuck: dict[Group, None] = {}
        """Groups that wait for a message that itself waits: perhaps a circle."""
        self.index: Index | None = None

    # -- what happens ---------------------------------------------------------------------

    def came(self, message: Message) -> None:
        """Take note of a new message in flight."""
        if self.index is not None:
            self.index.add(message)

    def gone(self, message: Message) -> None:
        """Take note that a message is in flight no longer."""
        if self.index is not None:
            if len(self.messages) > 1:
                self.index.remove(message)
            else:
                self.index = None
        if message.group is not None:
            self._leave(message, message.group)
        if message.claims is not None:
            for group in message.claims:
                if group.claims.pop(message, None) is not None:
                    self.touched[group] = None
            message.claims = None

    def held(self, message: Message) -> None:
        """Take note that a message waits no longer, but is held at its node."""
        if message.group is not None:
            self._leave(message, message.group)

    def fired(self, node: int, messages: tuple[Message, ...]) -> None:
        """Take note that a group fired, where that matters to what comes later."""
        join = self.nodes[node]
        if join is None or join.batch is not None:
            return
        group = self._group(messages[0])
        group.fired = True
        for message in messages:
            group.delivered |= 1 << message.slot
        self._disclaim(group)
        self.touched[group] = None

    def late(self, message: Message) -> None:
        """Take note that a message came for a group that has fired, and was withdrawn."""
        group = self._find(message)
        if group is not None:
            group.delivered |= 1 << message.slot
            self.touched[group] = None

    def alone(self, message: Message) -> bool:
        """Tell whether a message fires its node by itself, as soon as it comes."""
        plan = self.plan.joins[message.node]
        if plan is None:
            return True
        return bool(
            plan.strays & 1 << message.slot and message.rounds.get(plan.pass_key, NONE) == NONE
        )

    def conditional(self, message: Message) -> bool:
        """Tell whether a message waits at a join that asks a condition."""
        join = self.nodes[message.node]
        return message.group is not None and join is not None and join.when is not None

    def arrive(self, message: Message) -> Group:
        """Give the group of a message that came to a node with a join.

        It is added to the group, unless that has fired: then it is late.
        """
        group = self._group(message)
        if not group.fired:
            slot = message.slot
            message.group = group
            queue = group.queues.get(slot)
            if queue is None:
                group.queues[slot] = [message]
            else:
                queue.append(message)
            group.arrived |= 1 << slot
            group.delivered |= 1 << slot
            if not self._hopes_still(group):
                self.touched[group] = None
        return group

    @staticmethod
    def _hopes_still(group: Group) -> bool:
        """Tell whether looking at a group would only show that it waits, as it did before."""
        plan = group.plan
        lacks = plan.full & ~group.arrived
        if lacks and group.join is None and group.claims and not plan.circular:
            for slots in group.claims.values():
                if slots & lacks:
                    return True
        return False

    # -- what follows ---------------------------------------------------------------------

    def ready(self) -> list[Group]:
        """List the groups that can fire, in the order in which they do.

        They stay touched until they have fired; all others are looked at.
        """
        if not self.touched:
            return []
        ready: dict[Group, None] = {}
        todo = list(self.touched)
        for group in todo:  # which may grow, and name one twice
            if self.groups.get(group.node, {}).get(group.key) is not group:
                continue
            if group.fired:
                todo += self._look_at_fired(group)
            elif self._waits(group):
                self.touched.pop(group, None)
            elif not group.queues:
                self._forget(group)
            elif not self.blockers(group):
                ready[group] = None
            else:
                self.touched.pop(group, None)
                if group.plan.circular:
                    self.stuck[group] = None
        return sorted(ready, key=lambda group: group.order)

    def is_ready(self, group: Group) -> bool:
        """Tell whether a group that was ready still is."""
        return (
            bool(group.queues)
            and not group.fired
            and not self._waits(group)
            and not self.blockers(group)
        )

    def unsatisfiable(self, group: Group) -> bool:
        """Tell whether a ready group is ready only because it never can fire."""
        return group.once and not group.full_enough()

    def blockers(self, group: Group) -> list[Group]:
        """List the groups that must be complete before this one may fire."""
        if group.join is None or group.join.rest != "block" or not group.full_enough():
            return []
        others = self.groups[group.node].values()
        return [other for other in others if other.fired and not other.complete]

    def remaining(self, group: Group) -> list[Message]:
        """List every message that can still deliver to a group, along any edge."""
        return sorted((m for m, _ in self._deliverers(group, group.plan.full)), key=lambda m: m.seq)

    def circle(self) -> tuple[Group, bool] | None:
        """Find the first circle, and the group of it that is to be let through.

        Returns:
            The group, and whether it can fire; if not, it is unsatisfiable. None: there is
            no circle.
        """
        if not self.stuck:
            return None
        found = circles(self._needs([g for g in self.stuck if g.queues and not g.fired]))
        if not found:
            return None
        circle = min(found, key=lambda groups: groups[0].order)
        for group in circle:
            if not group.once:
                return group, True
        for group in circle:
            if group.full_enough():
                return group, True
        return circle[0], False

    # -- the rule -------------------------------------------------------------------------

    def _waits(self, group: Group) -> bool:
        """Tell whether the group has reason to wait; claims what it waits for."""
        if not group.fired and (not group.queues or group.full_enough()):
            return False
        if group.plan.circular and not group.fired:
            return self._waits_in_circle(group)
        if group.claims and group.hopes():
            return True
        for message, slots in self._deliverers(group, group.lacks()):
            if self._claim(group, message, slots) and group.hopes():
                return True
        return False

    def _waits_in_circle(self, group: Group) -> bool:
        """Prefer to wait for what is held: that will move by itself."""
        self._disclaim(group)
        self.stuck.pop(group, None)
        waiting: list[tuple[Message, int]] = []
        for message, slots in self._deliverers(group, group.lacks()):
            if message.group is not None:
                waiting.append((message, slots))
            elif self._claim(group, message, slots) and group.hopes():
                return True
        for message, slots in waiting:
            if self._claim(group, message, slots) and group.hopes():
                self.stuck[group] = None
                return True
        return False

    def _deliverers(self, group: Group, lacks: int) -> Iterator[tuple[Message, int]]:
        """Find the messages that can still deliver, with the slots of `lacks` they can take."""
        plan, node = group.plan, group.node
        if self.index is None:
            self.index = Index(self.messages.values())
        split = plan.split
        whole = self.nodes[node]
        rounds_apart = whole is None or whole.batch is None
        candidates = self.index.busy & plan.feeds
        while candidates:
            # From the last on: nodes tend to finish in their order, and who waits for the last
            # of them need not look again each time.
            place = candidates.bit_length() - 1
            candidates ^= 1 << place
            slots = plan.delivers[place] & lacks
            if not slots:
                continue
            for message in self.index.at[place]:
                if (
                    rounds_apart
                    and split != BEFORE_ALL
                    and message.rounds.get(split, NONE) != group.key[0]
                ):
                    continue
                can = slots
                if plan.asks_pass:
                    been = message.rounds.get(plan.pass_key, NONE)
                    if been != group.key[1]:
                        continue
                    if been == NONE and not group.complete:  # a stray may be late, too
                        can &= ~plan.closing
                if can:
                    yield message, can

    # -- groups ---------------------------------------------------------------------------

    def _key(self, message: Message) -> Key:
        node = message.node
        plan, join = self.plan.joins[node], self.nodes[node]
        assert plan is not None  # noqa: S101  # only such nodes have groups
        if join is not None and join.batch is not None:
            return ()
        own = NONE if plan.split == BEFORE_ALL else message.rounds.get(plan.split, NONE)
        if join is None and not plan.asks_pass:
            return (own,)
        return (own, message.rounds.get(plan.pass_key, NONE) if plan.asks_pass else NONE)

    def _find(self, message: Message) -> Group | None:
        return self.groups.get(message.node, {}).get(self._key(message))

    def _group(self, message: Message) -> Group:
        node, key = message.node, self._key(message)
        at = self.groups.get(node)
        if at is None:
            at = self.groups[node] = {}
        group = at.get(key)
        if group is None:
            plan = self.plan.joins[node]
            assert plan is not None  # noqa: S101  # only such nodes have groups
            group = at[key] = Group(node, key, plan, self.nodes[node])
        return group

    def _leave(self, message: Message, group: Group) -> None:
        message.group = None
        slot = message.slot
        queue = group.queues[slot]
        if len(queue) == 1:
            del group.queues[slot]
            group.arrived &= ~(1 << slot)
        else:
            queue.remove(message)
        self.touched[group] = None

    @staticmethod
    def _claim(group: Group, message: Message, slots: int) -> bool:
        """Put down that a message can deliver along these slots; tell whether that is new."""
        known = group.claims.get(message)
        if known is None:
            if message.claims is None:
                message.claims = []
            message.claims.append(group)
            known = 0
        elif not slots & ~known:
            return False
        group.claims[message] = known | slots
        return True

    def _disclaim(self, group: Group) -> None:
        for message in group.claims:
            if message.claims is not None:
                message.claims.remove(group)
        group.claims.clear()

    def _look_at_fired(self, group: Group) -> list[Group]:
        """See whether a group that has fired is complete, and whether it can be forgotten.

        Returns:
            The groups that it no longer blocks.
        """
        self.touched.pop(group, None)
        freed: list[Group] = []
        if not group.complete and not self._waits(group):
            group.complete = True
            at = self.groups[group.node].values()
            freed = [other for other in at if not other.fired]
            self.touched.update(dict.fromkeys(freed))
        if group.complete and not self._waits(group):
            self._forget(group)
        return freed

    def _forget(self, group: Group) -> None:
        self._disclaim(group)
        self.touched.pop(group, None)
        self.stuck.pop(group, None)
        at = self.groups[group.node]
        del at[group.key]
        if not at:
            del self.groups[group.node]

    # -- circles --------------------------------------------------------------------------

    def _needs(self, suspects: list[Group]) -> Needs:
        """Give what each suspect needs, what those need, and so on."""
        needs: Needs = {}
        while suspects:
            group = suspects.pop()
            if group not in needs:
                needs[group] = self._needed(group)
                suspects.extend(needs[group] or ())
        return needs

    def _needed(self, group: Group) -> set[Group] | None:
        needed: set[Group] = set()
        for one in self.blockers(group) or [group]:
            for message, _ in self._deliverers(one, one.lacks()):
                if message.group is None:
                    return None
                needed.add(message.group)
        return needed
