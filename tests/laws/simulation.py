"""A seeded host around the core: random order, virtual time, crashes after a batch.

This module knows the seam between core and host: inputs, `step`, `active`, `deadline`,
`ended`, and that a log can be folded. It does not know what a run should do (`compare`).
The same chance makes the same run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from engine.ask import active, deadline, ended, state_of, view
from engine.decide import step
from engine.entry import ErrorInfo, MessageSent, NodeStarted, decode_batch, encode_batch
from engine.errors import Refused
from engine.ids import ActivationId, RunId
from engine.inputs import AnyInput, Patch, Pause, Result, Resume, Skip, Start, Timer
from engine.run import Run, fold
from tests.laws.flight import FIRST_MESSAGE, named
from tests.laws.tools import Answer, call, plain, value

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from engine.entry import AnyEntry, Entry
    from engine.graph import Graph
    from tests.laws.furnish import Case

BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
MOST_ACTIVATIONS: Final = 300
"""A run that goes on longer is left there: its counters are bounded, their product is not."""


watch: list[Callable[[Host], object]] = []
"""Who is told of every host that is made."""


class Mismatch(AssertionError):
    """A law does not hold."""


class Host:
    """One run on the core, driven by chance.

    Attributes:
        inputs: What was fed, in order.
        rows: What was written: the bytes of each batch.
        names: The name of each message and activation, by the seq that names it in the log;
            a name says what it is and does not depend on the schedule.
    """

    most = MOST_ACTIVATIONS

    def __init__(self, case: Case, graph: Graph, chance: Random, *, crashes: float = 0.0) -> None:
        self.case = case
        self.graph = graph
        self.chance = chance
        self.crashes = crashes
        self.run = Run(graph)
        self.now = BEGAN
        self.inputs: list[AnyInput] = []
        self.rows: list[bytes] = []
        self.names: dict[int, str] = {}
        self.messages: dict[int, str] = {}
        self.firings: list[str] = []
        self.late = chance.random() < 0.1
        """Whether this host may bring a result before a timer that has been due for longer."""
        self.people = case.flavour == "anything" and chance.random() < 0.2
        """Whether somebody pauses, patches and skips; that is a matter of timing, by nature."""
        self.commands = 0
        self.answers: dict[tuple[ActivationId, int], Answer] = {}
        self.order = {node: chance.random() for node in case.document["nodes"]}
        """Which nodes are fast; in half of the runs none is."""
        if chance.random() < 0.5:
            self.order = {}
        for told in watch:
            told(self)

    # ── the life of a host ────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin the run."""
        self.feed(Start(run_id=RunId("run"), state=self.case.state, at=self.now))

    def play(self) -> None:
        """Go on until the run has ended, or is too long."""
        while not ended(self.run) and len(self.firings) <= self.most:
            self.go()

    @property
    def cut(self) -> bool:
        """Say whether the run was left before its end."""
        return not ended(self.run)

    def go(self) -> None:
        """Feed one input that chance chooses."""
        self.now += timedelta(microseconds=self.chance.choice((1, 1000, 700_000)))
        if self.people and self.chance.random() < 0.15:
            self.feed(self.command())
            return
        due = deadline(self.run)
        waiting = [(id_, answer) for id_ in active(self.run) if (answer := self.answer(id_))]
        if due is not None and (
            not waiting
            or (
                not self.patient(waiting)
                and (
                    (due <= self.now and not self.late)
                    or self.chance.random() < (0.3 if due <= self.now else 0.05)
                )
            )
        ):
            self.now = max(self.now, due)
            self.feed(Timer(at=due))
        elif waiting:
            id_, answer = self.choose(waiting)
            self.feed(self.result(id_, answer))
        elif self.run.status == "paused":
            self.feed(self.resume())
        else:
            message = f"nothing to do, no timer, and the run is {self.run.status}"
            raise Mismatch(message)

    def patient(self, waiting: list[tuple[ActivationId, Answer]]) -> bool:
        """Say whether to wait for an answer, which a lawful run must not lose to a timer."""
        nodes, policies = active(self.run), self.case.document["nodes"]
        return self.case.flavour == "lawful" and any(
            "timeout" in policies[nodes[id_].node] for id_, _ in waiting
        )

    def choose(self, waiting: list[tuple[ActivationId, Answer]]) -> tuple[ActivationId, Answer]:
        """Choose whose result comes next."""
        if not self.order:
            return self.chance.choice(waiting)
        nodes = active(self.run)
        return min(waiting, key=lambda each: (self.order[nodes[each[0]].node], each[0]))

    def answer(self, id_: ActivationId) -> Answer | None:
        """Give what the tool of an activation gives back, if it does."""
        activation = active(self.run)[id_]
        known = (id_, activation.attempt)
        if known not in self.answers:
            state = state_of(self.run, id_)
            self.answers[known] = call(
                self.case, activation.node, self.names[id_], state, activation.attempt
            )
        return None if self.answers[known].hangs else self.answers[known]

    def command(self) -> AnyInput:
        """Do what people do."""
        self.answers.clear()  # they may depend on what is patched
        if self.run.status == "paused" and self.chance.random() < 0.6:
            return self.resume()
        self.commands += 1
        running = active(self.run)
        match self.chance.choice(("pause", "patch", "patch", "skip")):
            case "patch":
                key = self.chance.choice([k for k in self.case.kinds if k.startswith("k")])
                kind = self.case.kinds[key]
                patch = {key: plain(kind, value(kind, key, self.chance))}
                nodes = [None, *sorted({each.node for each in running.values()})]
                node = self.chance.choice(nodes)
                return Patch(at=self.now, n=self.commands, patch=patch, node=node)
            case "skip" if running:
                id_ = self.chance.choice(sorted(running))
                return Skip(at=self.now, n=self.commands, activation=id_, patch={"k0": 2})
            case _ if self.run.status != "paused":
                return Pause(at=self.now, n=self.commands)
            case _:
                return Resume(at=self.now, n=self.commands)

    def resume(self) -> AnyInput:
        """Let a paused run go on."""
        self.commands += 1
        return Resume(at=self.now, n=self.commands)

    def result(self, id_: ActivationId, answer: Answer) -> Result:
        """Say it to the core."""
        error = ErrorInfo(code=answer.code, message="as the script says") if answer.code else None
        return Result(
            at=self.now,
            activation=id_,
            attempt=active(self.run)[id_].attempt,
            patch=answer.patch,
            overwrites=answer.overwrites,
            goto=answer.goto,
            error=error,
        )

    def feed(self, given: AnyInput) -> tuple[Entry, ...]:
        """Feed one input, keep what was written, and crash if chance has it."""
        batch = step(self.run, given)
        self.inputs.append(given)
        self.rows.append(encode_batch(batch))
        for entry in batch:
            self.name(entry)
        if self.crashes and self.chance.random() < self.crashes:
            self.crash()
        return batch

    def name(self, entry: Entry) -> None:
        """Name what an entry speaks of."""
        match entry:
            case MessageSent(activation=None):
                self.messages[entry.seq] = FIRST_MESSAGE
            case MessageSent(activation=int(sender), to=to):
                self.messages[entry.seq] = named(self.names[sender], to)
            case NodeStarted(activation=id_) if id_ not in self.names:
                parts = (self.messages[seq] for seq in entry.messages)
                self.names[id_] = named(entry.node, *parts)
                self.firings.append(self.names[id_])
            case _:
                pass

    def crash(self) -> None:
        """Forget the run and fold it from what was written."""
        before = seen(self.run)
        self.run = fold(self.graph, log(self.rows))
        if seen(self.run) != before:
            message = f"a fold differs from what it was:\n  {before}\n  {seen(self.run)}"
            raise Mismatch(message)


def log(rows: list[bytes]) -> list[AnyEntry]:
    """Read a log."""
    return [entry for row in rows for entry in decode_batch(row)]


def seen(run: Run) -> tuple[object, ...]:
    """Give all that anybody sees of a run."""
    if run.status == "new":
        return ("new",)
    states = [(id_, each.attempt, state_of(run, id_)) for id_, each in sorted(active(run).items())]
    return run.status, run.now, run.next_seq, run.error, states, deadline(run), view(run)


def replayed(graph: Graph, inputs: list[AnyInput]) -> tuple[Run, list[bytes]]:
    """Feed inputs to a fresh run; give it, and what it wrote."""
    run = Run(graph)
    return run, [encode_batch(step(run, given)) for given in inputs]


def refused(run: Run, given: AnyInput) -> bool:
    """Say whether an input is refused, and that it changes nothing if so."""
    before = seen(run)
    try:
        step(run, given)
    except Refused:
        if seen(run) != before:
            message = f"a refused {given!r} changed the run"
            raise Mismatch(message) from None
        return True
    return False
