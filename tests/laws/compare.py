"""Core and model side by side, and the laws that every random run has to keep.

This module knows both and says where they differ. It does not know how either comes to its
answer. `check` is everything that is done with one seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from engine.ask import active, ended, state_of, view
from engine.decide import step
from engine.entry import (
    TERMINAL,
    Counts,
    NodeFailed,
    NodeRetrying,
    NodeStarted,
    RunFailed,
)
from engine.graph import Graph
from engine.inputs import Cancel, Fork, Input, Patch, Pause, Result, Resume, Skip, Start
from engine.run import Run, fold
from tests.laws.furnish import Case
from tests.laws.graphs import case
from tests.laws.flight import Activation
from tests.laws.model import Model, NodeFault
from tests.laws.simulation import Host, Mismatch, log, refused, replayed, seen
from tests.laws.writes import canonical

if TYPE_CHECKING:
    from engine.entry import Entry
    from engine.ids import ActivationId


ROUTING_ERRORS: Final = ("NO_ROUTE", "ROUTE_NOT_DECLARED")
"""What is not retried, beside conditions that can't be evaluated."""


class Lockstep(Host):
    """A run on the core, and the same run on the model, compared after every step."""

    def __init__(self, case: Case, graph: Graph, chance: Random, *, crashes: float = 0.0) -> None:
        super().__init__(case, graph, chance, crashes=crashes)
        self.model = Model(case.document, case.tests)
        self.twins: dict[str, Activation] = {}
        self.started: dict[str, Any] = {}
        """When the attempt that is running was started, by the name of its activation."""
        self.seen: set[str] = set()

    def feed(self, given: Input) -> tuple[Entry, ...]:
        """Feed one input to both, and compare."""
        attempts = {id_: each.attempt for id_, each in active(self.run).items()}
        batch = super().feed(given)
        match given:
            case Start(state=state):
                self.model.start(state)
            case Result(activation=id_):
                self.result_came(given, batch)
            case Skip(activation=id_):
                self.skipped(given, batch)
            case Patch():
                self.model.patch(given.patch, given.node)
            case Pause():
                self.model.pause()
            case Resume():
                self.model.resume()
            case _:
                self.timer_came(given, batch, attempts)
        self.seen.add(type(given).__name__)
        for activation in self.model.firings[len(self.twins) :]:
            self.twins[activation.name] = activation
        for entry in batch:
            if isinstance(entry, NodeStarted):
                self.node_started(entry)
        self.compare(batch)
        return batch

    def policy(self, node: str) -> dict[str, Any]:
        policies: dict[str, Any] = self.case.document["nodes"][node]
        return policies

    def result_came(self, given: Result, batch: tuple[Entry, ...]) -> None:
        """Tell the model what a tool gave back."""
        twin = self.twins[self.names[given.activation]]
        if given.error:
            self.failed(twin, given.error.code, given.attempt, batch, given)
            return
        try:
            self.model.complete(twin, given.patch or {}, given.overwrites, given.goto)
        except NodeFault as fault:
            self.failed(twin, fault.code, given.attempt, batch, given)

    def skipped(self, given: Skip, batch: tuple[Entry, ...]) -> None:
        """Tell the model what a person gave in place of a tool."""
        twin = self.twins[self.names[given.activation]]
        try:
            self.model.complete(twin, given.patch)
        except NodeFault as fault:
            self.failed(twin, fault.code, active(self.run)[given.activation].attempt, batch, given)

    def timer_came(
        self, given: Input, batch: tuple[Entry, ...], attempts: dict[ActivationId, int]
    ) -> None:
        """Tell the model which attempts took too long."""
        expired = [e for e in batch if isinstance(e, NodeFailed | NodeRetrying) and e.attempt]
        for entry in expired:
            name = self.names[entry.activation]
            twin = self.twins[name]
            limit = self.policy(twin.node).get("timeout")
            if limit is None or self.started[name] + timedelta(seconds=limit) != given.at:
                message = f"{twin.node} was timed out at {given.at}, not when it was due"
                raise Mismatch(message)
            self.seen.add("a timeout")
            self.failed(twin, entry.error.code, attempts[entry.activation], batch, given)

    def failed(
        self, twin: Activation, code: str, attempt: int, batch: tuple[Entry, ...], given: Input
    ) -> None:
        """Tell the model of an attempt that failed, as the policy of its node has it."""
        retry = self.policy(twin.node).get("retry", {})
        written = [
            e
            for e in batch
            if isinstance(e, NodeFailed | NodeRetrying) and self.names.get(e.activation) == twin.name
        ]
        routing = code in ROUTING_ERRORS or code.startswith("CONDITION_")
        final = routing or attempt >= retry.get("max_attempts", 1) or code not in retry.get("on", [code])
        kind = NodeFailed if final else NodeRetrying
        if [(type(e), e.error.code, e.attempt) for e in written] != [(kind, code, attempt)]:
            message = f"expected {kind.__name__} of {twin.node} with {code}, got {written}"
            raise Mismatch(message)
        if final:
            self.model.fail(twin, code)
            return
        self.seen.add("a retry")
        delay = min(retry["delay"] * retry.get("factor", 2.0) ** (attempt - 1), 60.0)
        pause = (written[0].due - written[0].at).total_seconds()
        if not delay - 1e-5 <= pause <= delay * (1 + retry["jitter"]) + 1e-5:
            message = f"{twin.node} is to pause for {delay} s and some, not for {pause} s"
            raise Mismatch(message)
        self.model.rest(twin)

    def node_started(self, entry: NodeStarted) -> None:
        """Note the beginning of an attempt."""
        name = self.names[entry.activation]
        self.started[name] = entry.at
        twin = self.twins.get(name)
        if twin is not None and entry.attempt > 1:
            self.model.again(twin)

    def compare(self, batch: tuple[Entry, ...]) -> None:
        """Say where core and model differ now."""
        model = self.model
        ours = {self.names[id_]: id_ for id_ in active(self.run)}
        theirs = {a.name: a for a in model.active()}
        if ours.keys() != theirs.keys():
            extra = [active(self.run)[ours[name]].node for name in ours.keys() - theirs]
            lacking = [theirs[name].node for name in theirs.keys() - ours]
            message = f"active in the core only: {extra}, in the model only: {lacking}"
            raise Mismatch(message)
        paused = model.paused and not model.over
        differ("status", self.run.status, "paused" if paused else model.status)
        begun = {self.names[e.activation] for e in batch if isinstance(e, NodeStarted)}
        if isinstance(self.inputs[-1], Patch):
            begun = set(theirs)
        for name in begun & theirs.keys():
            differ(f"state of {theirs[name].node}", state_of(self.run, ours[name]), theirs[name].state)
        if model.open > 1:
            self.seen.add("two messages in flight")
        if ended(self.run):
            self.compare_ends(batch[-1])

    def compare_ends(self, last: Entry) -> None:
        """Say where core and model differ in the end."""
        model = self.model
        if not isinstance(last, TERMINAL):
            message = f"a run that has ended ends with {last}"
            raise Mismatch(message)
        counts = Counts(
            sent=model.sent, consumed=model.consumed, withdrawn=model.withdrawn, open=model.open
        )
        differ("counts", last.messages, counts)
        if isinstance(last, RunFailed):
            differ("error", (last.error.code, last.node), (model.error or ("",))[:2])
        else:
            differ("final state", view(self.run).state, model.final)

    @property
    def happened(self) -> set[str]:
        """Give what happened, for the figures of the tests."""
        found = self.seen | self.model.seen | self.case.features
        if self.model.shape.loops:
            found.add("a loop")
        if self.model.error:
            found |= {"a failure", self.model.error[0]}
        if self.rows and self.crashes:
            found.add("crashes")
        if self.model.draining:
            found.add("draining")
        return found


def differ(what: str, ours: object, theirs: object) -> None:
    """Complain if core and model differ; `1` and `1.0` do."""
    same = ours == theirs
    if same and isinstance(ours, dict):
        same = canonical(ours) == canonical(theirs)
    if not same:
        message = f"{what}:\n  core  {ours}\n  model {theirs}"
        raise Mismatch(message)


# ── one seed ──────────────────────────────────────────────────────────────────────────────


@dataclass
class Outcome:
    """What came of one seed."""

    happened: set[str]
    activations: int


def check(seed: int) -> Outcome:
    """Keep a random graph to every law.

    Raises:
        Mismatch: It breaks one.
    """
    return check_case(case(seed))


def check_case(case: Case) -> Outcome:
    """Keep a graph to every law."""
    chance = Random(f"{case.seed} {case.schedule}")
    graph = Graph.parse(case.document)
    crashes = chance.choice((0.0, 0.0, 0.0, 0.2))
    first = Lockstep(case, graph, chance, crashes=crashes)
    first.start()
    first.play()
    happened = first.happened
    the_log_follows_from_its_inputs(first)
    the_fold_is_the_run(first)
    if first.cut:
        return Outcome(happened | {"cut"}, len(first.firings))
    nothing_comes_after_the_end(first)
    if case.flavour == "lawful" and chance.random() < 0.5:
        happened |= the_law(first, chance)
    if chance.random() < 0.1:
        happened |= a_cancelled_run_can_be_forked(first, chance)
    return Outcome(happened, len(first.firings))


def the_log_follows_from_its_inputs(host: Host) -> None:
    """The same inputs write the same bytes, whether or not the first host crashed."""
    _, rows = replayed(host.graph, host.inputs)
    for i, (ours, again) in enumerate(zip(host.rows, rows, strict=True)):
        if ours != again:
            message = f"batch {i} is not the same again:\n  {ours!r}\n  {again!r}"
            raise Mismatch(message)


def the_fold_is_the_run(host: Host) -> None:
    """What is read back is what was there."""
    again = fold(host.graph, log(host.rows))
    differ("the fold of the whole log", seen(again), seen(host.run))
    if host.chance.random() < 0.6:
        return
    part = host.chance.randrange(len(host.rows)) + 1
    live, _ = replayed(host.graph, host.inputs[:part])
    differ("the fold of a part", seen(fold(host.graph, log(host.rows[:part]))), seen(live))


def nothing_comes_after_the_end(host: Host) -> None:
    """An ended run refuses everything."""
    given = host.chance.choice(host.inputs)
    late = replace_at(given, host)
    if not refused(host.run, late):
        message = f"a run that has ended took {late!r}"
        raise Mismatch(message)


def replace_at(given: Input, host: Host) -> Input:
    """Say it once more, now."""
    return type(given)(**{name: getattr(given, name) for name in given.__struct_fields__} | {"at": host.now})


def the_law(first: Lockstep, chance: Random) -> set[str]:
    """With default joins, another schedule makes the same firings and states."""
    second = Lockstep(first.case, first.graph, chance)
    second.start()
    second.play()
    if second.cut or "a second message of a round and pass on an edge" in (
        first.model.seen | second.model.seen
    ):
        return set()
    differ("how it ends under another schedule", second.run.status, first.run.status)
    if first.run.status == "completed":
        differ("state under another schedule", view(second.run).state, view(first.run).state)
        differ("firings under another schedule", sorted(second.firings), sorted(first.firings))
    return {"two schedules"}


def a_cancelled_run_can_be_forked(first: Lockstep, chance: Random) -> set[str]:
    """Cancel at any step conserves; a fork from there ends as the run would have."""
    part = chance.randrange(len(first.inputs)) + 1
    run, rows = replayed(first.graph, first.inputs[:part])
    if ended(run):
        return set()
    last = step(run, Cancel(at=run.now, n=first.commands + 1))[-1]
    counts = last.messages
    if counts.sent != counts.consumed + counts.withdrawn + counts.open:
        message = f"a cancelled run lost messages: {counts}"
        raise Mismatch(message)
    if not ended(run):
        raise Mismatch("a cancelled run goes on")
    return {"a cancelled run"} | a_fork_goes_on(first, rows, chance)


def a_fork_goes_on(first: Lockstep, rows: list[bytes], chance: Random) -> set[str]:
    """A fork of a lawful run ends as the run did."""
    fork = Host(first.case, first.graph, chance)
    fork.run = fold(first.graph, log(rows))
    for entry in log(rows):
        fork.name(entry)
    fork.rows = list(rows)
    fork.now = fork.run.now
    fork.feed(Fork(run_id=type(fork.run.id)("fork"), at=fork.now, n=first.commands + 1))
    fork.play()
    if fork.cut or first.case.flavour != "lawful" or "a second message of a round and pass on an edge" in first.model.seen:
        return {"a fork"}
    differ("how a fork ends", fork.run.status, first.run.status)
    if first.run.status == "completed":
        differ("state of a fork", view(fork.run).state, view(first.run).state)
    return {"a fork", "a lawful fork"}


__all__ = ["Lockstep", "Outcome", "Run", "check", "check_case", "replace"]
