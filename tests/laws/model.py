"""The reference model: a run by the letter of `docs/semantics.md`, slow and obvious.

Messages and activations are plain objects that carry their whole past; every question is
answered from scratch by going through all of them. This module decides what happens in a run
(sections 2, 3 and 5); `flight` answers what can still come, `shape` knows section 1, `writes`
section 4. All four were written from that page without looking at the core, know nothing of
`engine`, and must stay so: two mistakes that agree prove nothing.

Nothing here is numbered by a log. A message is named by who sent it and where to, an
activation by its node and what it consumed, so that names do not depend on a schedule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.laws.flight import FIRST_MESSAGE, Activation, Fired, Flight, Group, Message, named
from tests.laws.shape import START, Shape
from tests.laws.writes import Clash, History, State, Write, fold, met

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.laws.flight import Test


class NodeFault(Exception):
    """What came of an attempt is a node error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Branch:
    """A branch that ended."""

    activation: Activation
    history: History


class Model:
    """One run of one graph.

    Args:
        document: The graph.
        tests: For the text of each condition in it, what that text means.
    """

    def __init__(self, document: dict[str, Any], tests: Mapping[str, Test]) -> None:
        self.shape = Shape(document)
        self.tests = tests
        self.reducers: dict[str, str] = document["state"].get("reducers", {})
        self.defaults: State = document["state"].get("defaults", {})
        self.drains = document.get("on_failure") == "drain"
        self.flight = Flight(self.shape, tests, self.reducers)
        self.status = "new"
        self.error: tuple[str, str | None, tuple[str, ...]] | None = None
        """Code, node and keys of what failed the run."""
        self.final: State | None = None
        self.branches: list[Branch] = []
        self.firings: list[Activation] = []
        self.writes: list[Write] = []
        self.sent = self.consumed = self.withdrawn = 0
        self.draining = self.paused = False
        self.seen: set[str] = set()
        self._came: set[tuple[str, str, Activation | None, Activation | None]] = set()

    # ── what a host does ──────────────────────────────────────────────────────────────────

    def start(self, state: State) -> None:
        """Begin."""
        self.flight.initial = {**self.defaults, **state}
        self.status = "running"
        self._arrives(Message(FIRST_MESSAGE, START, self.shape.entry, (), frozenset(), ()))
        self._settle()

    def active(self) -> list[Activation]:
        """Give the activations of which an attempt is to be running."""
        if self.over:
            return []
        held = {m.held for m in self.flight.messages if m.held and m.held.stage == "running"}
        return sorted(held, key=lambda a: a.number)

    def complete(
        self,
        activation: Activation,
        patch: State,
        sets: Iterable[str] = (),
        goto: tuple[str, ...] | None = None,
    ) -> None:
        """Take what a tool gave back.

        Raises:
            NodeFault: It is a node error; nothing has changed.
        """
        if not all(map(storable, patch.values())):
            raise NodeFault("BAD_OUTPUT")
        history, write = activation.history, None
        if patch:
            write = Write(patch, frozenset(history), frozenset(sets))
            history = (*history, write)
        try:
            state = self._fold(history)
        except Clash as clash:
            raise NodeFault(clash.code) from clash
        targets = self._route(activation.node, state, goto)
        self.writes += [write] if write else []
        self._end(activation, history, targets)
        self._after_the_step()

    def fail(self, activation: Activation, code: str) -> None:
        """Take the error of a last attempt."""
        self.fail_together([(activation, code)])

    def fail_together(self, failed: Iterable[tuple[Activation, str]]) -> None:
        """Take the errors of the last attempts that one step brings, in their order."""
        for activation, code in failed:
            self._fail_one(activation, code)
        self._after_the_step()

    def _fail_one(self, activation: Activation, code: str) -> None:
        shape, node = self.shape, activation.node
        state = self._fold(activation.history)
        rules = [rule for rule in shape.rules[node] if rule.on in (code, "error")]
        rules = [rule for rule in rules if self._holds(rule.when, state)]
        if rules:
            self.seen.add("error taken by a rule")
            rules = rules if shape.every[node] else rules[:1]
            self._end(activation, activation.history, [t for rule in rules for t in rule.to])
        else:
            activation.stage = "failed"
            self._fail(code, node)

    def rest(self, activation: Activation) -> None:
        """Take the error of an attempt that is not the last: the activation is in back-off."""
        activation.stage = "resting"

    def again(self, activation: Activation) -> None:
        """Begin another attempt."""
        activation.stage = "running"

    def pause(self) -> None:
        """Fire nothing until `resume`."""
        self.paused = True

    def resume(self) -> None:
        """Fire what became due."""
        self.paused = False
        self._settle()

    def patch(self, patch: State, node: str | None = None) -> None:
        """Write what a person wrote, for all messages in flight or those at a node."""
        write = Write(patch, frozenset(self.writes), frozenset(patch), personal=True)
        self.writes.append(write)
        named_ones = [m for m in self.flight.messages if node in (None, m.target)]
        for m in named_ones:
            m.history = (*m.history, write)
        for a in {m.held for m in named_ones if m.held}:
            a.history = (*a.history, write)
            a.state = self._fold(a.history)
        self._settle()

    def cancel(self) -> None:
        """End the run."""
        self.status = "cancelled"

    @property
    def over(self) -> bool:
        """Say whether the run has ended."""
        return self.status in ("completed", "failed", "cancelled")

    @property
    def happened(self) -> set[str]:
        """Give what happened, for the figures of the tests."""
        found = set(self.seen)
        if self.shape.loops:
            found.add("a loop")
        if self.error:
            found |= {"a failure", self.error[0]}
        if self.draining:
            found.add("draining")
        return found

    @property
    def open(self) -> int:
        """Count the messages in flight."""
        return len(self.flight.messages)

    # ── routing and sending ───────────────────────────────────────────────────────────────

    def _fold(self, history: History) -> State:
        return fold(self.flight.initial, self.reducers, history)

    def _holds(self, when: str | None, state: State) -> bool:
        try:
            return when is None or self.tests[when](state)
        except KeyError as missing:
            raise NodeFault("CONDITION_MISSING_KEY") from missing

    def _route(self, node: str, state: State, goto: tuple[str, ...] | None) -> list[str]:
        shape = self.shape
        if goto is not None:
            if not set(goto) <= set(shape.routes[node]):
                raise NodeFault("ROUTE_NOT_DECLARED")
            return list(goto)
        rules = [rule for rule in shape.rules[node] if rule.on is None]
        taken = []
        for rule in rules:
            if self._holds(rule.when, state):
                taken.append(rule)
                if not shape.every[node]:
                    break
        if rules and not taken:
            if not all(rule.to and all(shape.reaches(t, node) for t in rule.to) for rule in rules):
                raise NodeFault("NO_ROUTE")
            self.seen.add("a loop was left for want of a rule")
        return [t for rule in taken for t in rule.to]

    def _end(self, activation: Activation, history: History, targets: list[str]) -> None:
        """End an activation and send its messages."""
        self.flight.messages = [m for m in self.flight.messages if m.held is not activation]
        self.consumed += len(activation.messages)
        path = activation.path | {activation}
        targets = list(dict.fromkeys(targets))
        if not targets:
            self.branches.append(Branch(activation, history))
        for i, target in enumerate(targets):
            place = activation.place if len(targets) == 1 else (*activation.place, i)
            name = named(activation.name, target)
            self._arrives(Message(name, activation.node, target, history, path, place))

    def _after_the_step(self) -> None:
        """See what is due, now that every message of the step is sent."""
        self._settle()
        self._drained()

    def _arrives(self, m: Message) -> None:
        self.sent += 1
        self.flight.messages.append(m)
        if self.open > 1:
            self.seen.add("two messages in flight")
        t = m.target
        came = (t, m.source, self.flight.round(m, t), self.flight.lap(m, t))
        if came in self._came:
            self.seen.add("a second message of a round and pass on an edge")
        self._came.add(came)
        if self.shape.tested(t) and self.flight.alone(m):
            self.seen.add("a stray")

    # ── firing ────────────────────────────────────────────────────────────────────────────

    @property
    def _still(self) -> bool:
        return self.over or self.draining or self.paused

    def _settle(self) -> None:
        """Fire everything that is due."""
        flight = self.flight
        for m, fired in [] if self._still else flight.late():
            fired.delivered.add(m.source)
            self._withdraw([m])
            self.seen.add("a late message")
        for m in list(flight.messages):
            if not m.held and not self._still and flight.alone(m):
                self._fire(m.target, [m])
        while not self._still:
            if any(flight.satisfied(g) and flight.blocking(g.node) for g in flight.groups()):
                self.seen.add("a blocked group")
            due = [g for g in flight.groups() if flight.can_fire(g) or flight.unsatisfiable(g)]
            if due:
                self._take_turns(due)
                continue
            circle = flight.first_circle()
            if not circle:
                break
            self._resolve(circle)
        if not flight.messages and not self.over:
            self._finish()

    def _take_turns(self, due: list[Group]) -> None:
        flight = self.flight
        for rank in map(flight.rank, due):
            for group in flight.groups():  # as they are now: one before may have withdrawn some
                if flight.rank(group) != rank or self._still:
                    continue
                if flight.can_fire(group):
                    self._fire_group(group)
                elif flight.unsatisfiable(group):
                    self._fail("JOIN_UNSATISFIABLE", group.node)

    def _fire_group(self, group: Group) -> None:
        join = self.shape.joins[group.node]
        first = {s: queue[0] for s, queue in group.queues.items()}
        if join is None:
            self.seen.add("a default join")
            self._fire(group.node, list(first.values()))
        elif join.batch:
            self.seen.add("batch")
            self._fire(group.node, group.arrivals[: join.batch])
        else:
            self.seen.add("count" if join.count else "when")
            chosen = list(first.values())[: join.count]  # queues stand as their firsts arrived
            if self._fire(group.node, chosen):
                self._leave_rest(group, chosen, cancel=join.rest == "cancel")

    def _fire(self, t: str, messages: list[Message]) -> bool:
        place = self.shape.position
        messages.sort(key=lambda m: (place[m.source], m.place))
        history = met(m.history for m in messages)
        try:
            state = self._fold(history)
        except Clash as clash:
            self._fail(clash.code, t, clash.keys)
            return False
        path = frozenset().union(*(m.path for m in messages))
        name = named(t, *(m.name for m in messages))
        activation = Activation(
            name, len(self.firings), t, tuple(messages), history, state, path, messages[0].place
        )
        self.firings.append(activation)
        for m in messages:
            m.held = activation
        return True

    def _leave_rest(self, group: Group, chosen: list[Message], *, cancel: bool) -> None:
        flight = self.flight
        fired = Fired(group.node, group.round, group.lap, set(group.queues))
        flight.fired.append(fired)
        self._withdraw([m for m in group.arrivals if m not in chosen])
        if cancel:
            others = flight.deliverers(fired, self.shape.sources[group.node])
            holders = {m.held for m in others if m.held}
            self._withdraw([m for m in flight.messages if m in others or m.held in holders])
            if others:
                self.seen.add("cancel withdrew")

    def _withdraw(self, messages: list[Message]) -> None:
        self.withdrawn += len(messages)
        self.flight.messages = [m for m in self.flight.messages if m not in messages]

    def _resolve(self, circle: list[Group]) -> None:
        self.seen.add("a circle")
        for group in circle:
            join = self.shape.joins[group.node]
            if join is None or join.batch:
                self._fire_group(group)
                return
        for group in circle:
            if self.flight.satisfied(group):
                self.seen.add("a circle of blocked groups")
                self._fire_group(group)
                return
        self._fail("JOIN_UNSATISFIABLE", circle[0].node)

    # ── endings ───────────────────────────────────────────────────────────────────────────

    def _finish(self) -> None:
        place = self.shape.position
        self.branches.sort(key=lambda b: (place[b.activation.node], b.activation.place))
        try:
            self.final = self._fold(met(b.history for b in self.branches))
        except Clash as clash:
            self.error = self.error or (clash.code, None, clash.keys)
        self.status = "failed" if self.error else "completed"

    def _fail(self, code: str, node: str | None, keys: tuple[str, ...] = ()) -> None:
        self.error = self.error or (code, node, keys)
        if self.drains:
            self.draining = True
            self._drained()
        else:
            self.status = "failed"

    def _drained(self) -> None:
        """Fail a failing run when all that had started has finished."""
        held = [m.held for m in self.flight.messages if m.held]
        if self.draining and all(activation.stage == "failed" for activation in held):
            self.status = "failed"


def storable(value: Any) -> bool:
    """Say whether a value can be in a state, as far as random tools go wrong."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(storable, value.values()))
    return not isinstance(value, list) or all(map(storable, value))
