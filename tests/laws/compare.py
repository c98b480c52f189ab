"""Core and model side by side: the same inputs to both, and a look at both after each step.

This module knows both and says where they differ. It does not know how either comes to its
answer, nor what else a run has to keep to (`laws`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.ask import active, ended, state_of, view
from engine.entry import (
    TERMINAL,
    Counts,
    NodeFailed,
    NodeRetrying,
    NodeStarted,
    RunFailed,
)
from engine.inputs import AnyInput, Patch, Pause, Result, Resume, Skip, Start, Timer
from tests.laws.alone import final
from tests.laws.model import Model, NodeFault
from tests.laws.simulation import Host, Mismatch, refused
from tests.laws.writes import canonical

if TYPE_CHECKING:
    from random import Random

    from engine.entry import Entry
    from engine.graph import Graph
    from engine.ids import ActivationId
    from tests.laws.flight import Activation
    from tests.laws.furnish import Case


class Lockstep(Host):
    """A run on the core, and the same run on the model, compared after every step."""

    def __init__(self, case: Case, graph: Graph, chance: Random, *, crashes: float = 0.0) -> None:
        super().__init__(case, graph, chance, crashes=crashes)
        self.model = Model(case.document, case.tests)
        self.twins: dict[str, Activation] = {}
        self.started: dict[str, Any] = {}
        """When the attempt that is running was started, by the name of its activation."""
        self.seen: set[str] = set()

    def feed(self, given: AnyInput) -> tuple[Entry, ...]:
        """Feed one input to both, and compare."""
        if isinstance(given, Skip) and not self.skipped(given):
            return ()
        attempts = {id_: each.attempt for id_, each in active(self.run).items()}
        batch = super().feed(given)
        self.tell(given, batch, attempts)
        self.seen.add(type(given).__name__)
        for activation in self.model.firings[len(self.twins) :]:
            self.twins[activation.name] = activation
        for entry in batch:
            if isinstance(entry, NodeStarted):
                self.node_started(entry)
        self.compare(batch)
        return batch

    def tell(
        self, given: AnyInput, batch: tuple[Entry, ...], attempts: dict[ActivationId, int]
    ) -> None:
        """Tell the model what the core was told."""
        match given:
            case Start(state=state):
                self.model.start(state)
            case Result():
                self.result_came(given, batch)
            case Patch():
                self.model.patch(given.patch, given.node)
            case Pause():
                self.model.pause()
            case Resume():
                self.model.resume()
            case Timer():
                self.timer_came(given, batch, attempts)
            case _:
                pass  # the model knew of it before

    def policy(self, node: str) -> dict[str, Any]:
        policies: dict[str, Any] = self.case.document["nodes"][node]
        return policies

    def result_came(self, given: Result, batch: tuple[Entry, ...]) -> None:
        """Tell the model what a tool gave back."""
        twin = self.twins[self.names[given.activation]]
        code = given.error.code if given.error else None
        if code is None:
            try:
                self.model.complete(twin, given.patch or {}, given.overwrites, given.goto)
            except NodeFault as fault:
                code = fault.code
        if code is not None and self.gives_up(twin, code, given.attempt, batch):
            self.model.fail(twin, code)

    def skipped(self, given: Skip) -> bool:
        """Tell the model what a person gives in place of a tool; say whether it is taken."""
        try:
            self.model.complete(self.twins[self.names[given.activation]], given.patch)
        except NodeFault as fault:
            if not refused(self.run, given):
                message = f"{given} was taken, which makes the node fail with {fault.code}"
                raise Mismatch(message) from fault
            return False
        return True

    def timer_came(
        self, given: AnyInput, batch: tuple[Entry, ...], attempts: dict[ActivationId, int]
    ) -> None:
        """Tell the model which attempts took too long."""
        expired = [e for e in batch if isinstance(e, NodeFailed | NodeRetrying) and e.attempt]
        last: list[tuple[Activation, str]] = []
        for entry in expired:
            name = self.names[entry.activation]
            twin = self.twins[name]
            limit = self.policy(twin.node).get("timeout")
            if limit is None or self.started[name] + timedelta(seconds=limit) != given.at:
                message = f"{twin.node} was timed out at {given.at}, not when it was due"
                raise Mismatch(message)
            self.seen.add("a timeout")
            if self.gives_up(twin, entry.error.code, attempts[entry.activation], batch):
                last.append((twin, entry.error.code))
        if len(last) > 1:
            self.seen.add("several errors in one step")
        self.model.fail_together(last)

    def gives_up(self, twin: Activation, code: str, attempt: int, batch: tuple[Entry, ...]) -> bool:
        """Say whether a failed attempt was the last; it is as the policy of its node has it."""
        retry = self.policy(twin.node).get("retry", {})
        written = [
            e
            for e in batch
            if isinstance(e, NodeFailed | NodeRetrying)
            and self.names.get(e.activation) == twin.name
        ]
        last = final(self.policy(twin.node), code, attempt)
        kind = NodeFailed if last else NodeRetrying
        if [(type(e), e.error.code, e.attempt) for e in written] != [(kind, code, attempt)]:
            message = f"expected {kind.__name__} of {twin.node} with {code}, got {written}"
            raise Mismatch(message)
        if last:
            return True
        self.seen.add("a retry")
        delay = min(retry["delay"] * retry.get("factor", 2.0) ** (attempt - 1), 60.0)
        assert isinstance(written[0], NodeRetrying)
        pause = (written[0].due - written[0].at).total_seconds()
        if not delay - 1e-5 <= pause <= delay * (1 + retry["jitter"]) + 1e-5:
            message = f"{twin.node} is to pause for {delay} s and some, not for {pause} s"
            raise Mismatch(message)
        self.model.rest(twin)
        return False

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
            differ(
                f"state of {theirs[name].node}", state_of(self.run, ours[name]), theirs[name].state
            )
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
            code, node, keys = model.error or ("", None, ())
            differ("error", (last.error.code, last.node), (code, node))
            if code == "STATE_CONFLICT" and last.error.details["key"] not in keys:
                message = (
                    f"the core has a conflict of {last.error.details['key']}, the model {keys}"
                )
                raise Mismatch(message)
        else:
            differ("final state", view(self.run).state, model.final)

    @property
    def happened(self) -> set[str]:
        """Give what happened, for the figures of the tests."""
        found = self.seen | self.model.happened | self.case.features
        if self.crashes:
            found.add("crashes")
        return found


def differ(what: str, ours: object, theirs: object) -> None:
    """Complain if core and model differ; `1` and `1.0` do."""
    same = ours == theirs
    if same and isinstance(ours, dict):
        same = canonical(ours) == canonical(theirs)
    if not same:
        message = f"{what}:\n  core  {ours}\n  model {theirs}"
        raise Mismatch(message)
