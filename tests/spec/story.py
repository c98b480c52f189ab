"""A tiny language for tests about runs: what is done to one, and what it then says.

A `Story` feeds inputs to `step`, without event loop, clock or tools, and reads like the
sentence that its test is named after. It knows the seam between core and host and nothing of
what is inside. After every step it checks by itself what holds for every run:

- entries are numbered without a gap, in one batch, at one time that never goes back;
- the log, written down and read again, folds to the same run, which decides the same next;
- a second run that is fed the same inputs, and asked nothing, writes the same bytes;
- messages are conserved, counted here from the entries alone;
- nothing follows a terminal entry, and an input that is refused changes nothing.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from engine import inputs
from engine.ask import active, deadline, ended, state_of, view
from engine.decide import step
from engine.entry import (
    ErrorInfo,
    MessageSent,
    NodeStarted,
    decode,
    decode_batch,
    encode,
    encode_batch,
)
from engine.errors import InvalidValue, Refused
from engine.graph import Graph
from engine.ids import ActivationId, RunId
from engine.run import Run, fold
from tests.spec.evidence import Ledger, describe, fingerprint, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.ask import RunView
    from engine.entry import AnyEntry, Breakpoint
    from engine.errors import EngineError
    from engine.ids import Json
    from engine.inputs import AnyInput

NOON: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""When every story begins; each input but a timer comes a second after the one before."""

C = TypeVar("C", bound=inputs.Command)


def workflow(
    edges: Mapping[str, object], nodes: Mapping[str, object] | None = None, **rest: object
) -> Graph:
    """Make a graph of edges, and of what is to be said about some of the nodes.

    The first key of `edges` is the entry, unless `rest` names another.
    """
    names = dict.fromkeys([*edges, *_targets(list(edges.values())), *(nodes or {})])
    found = {name: (nodes or {}).get(name, {}) for name in names}
    document = {"entry": next(iter(edges)), **rest, "nodes": found, "edges": dict(edges)}
    return Graph.parse(document)


def _targets(way: object) -> list[str]:
    """List the nodes that an edge value leads to."""
    match way:
        case str():
            return [way]
        case list():
            return [target for each in way for target in _targets(each)]
        case dict():
            return _targets(way.get("to", way.get("all")))
        case _:
            return []


def error(code: str, **more: object) -> ErrorInfo:
    """Make an error as a host reports it."""
    given = {"code": code, "message": "it broke", **more}
    return ErrorInfo(**given)  # type: ignore[arg-type]  # a test knows its fields


class Story:
    """One run and what happens to it.

    Args:
        graph: A graph, or a document of one.
        state: What the run is started with; given as keywords it reads better.
        breakpoints: As in `Start`.
        past: The log of another run to begin from; then nothing is started.
        begin: False does not start the run.
    """

    def __init__(
        self,
        graph: object,
        state: Mapping[str, Json] | None = None,
        *,
        breakpoints: Sequence[Breakpoint] = (),
        past: Sequence[AnyEntry] = (),
        begin: bool = True,
    ) -> None:
        self.graph = graph if isinstance(graph, Graph) else Graph.parse(graph)
        self.now = past[-1].at if past else NOON - timedelta(seconds=1)
        self.entries: list[AnyEntry] = list(past)
        self.batch: tuple[AnyEntry, ...] = ()
        self.commands = 0
        self.run = fold(self.graph, past)
        self._twin = fold(self.graph, past)
        self._recovered = fold(self.graph, past)
        self._lines = [encode(each) for each in past]
        self._ledger = Ledger()
        for each in past:
            self._ledger.read(each)
        if begin and not past:
            given = dict(state or {})
            self.feed(
                inputs.Start(
                    at=self._tick(), run_id=RunId("r"), state=given, breakpoints=tuple(breakpoints)
                )
            )

    # -- what happens ---------------------------------------------------------------------

    def completes(self, node: str, /, **patch: Json) -> Story:
        """Let the first active activation of `node` (or the n-th: `node#n`) give a patch."""
        return self.feed(self.result(node, patch=patch))

    def overwrites(self, node: str, /, **patch: Json) -> Story:
        """The same, with every key of the patch as an `Overwrite`."""
        return self.feed(self.result(node, patch=patch, overwrites=tuple(patch)))

    def goes(self, node: str, /, *targets: str, **patch: Json) -> Story:
        """The same, with the tool naming its successors."""
        return self.feed(self.result(node, patch=patch, goto=targets))

    def fails(self, node: str, code: str, /, **more: object) -> Story:
        """Let an attempt fail with an error value."""
        return self.feed(self.result(node, error=error(code, **more)))

    def time_passes(self) -> Story:
        """Let the time come that the run waits for."""
        due = self.due
        assert due is not None, f"the run has no deadline; {self}"
        self.now = max(self.now, due)
        return self.feed(inputs.Timer(at=due))

    def later(self, seconds: float) -> Story:
        """Let time pass in which nothing happens to the run."""
        self.now += timedelta(seconds=seconds)
        return self

    def does(self, command: type[C], /, **fields: object) -> Story:
        """Carry out a command, with the next number."""
        return self.feed(self.command(command, **fields))  # type: ignore[arg-type]  # C is one of them

    def plays(self, *moves: str) -> Story:
        """Carry out moves, each with what follows from it.

        A move is `node key=json ... -> what follows`. `node!CODE` fails, `node#2` is its second
        active activation, `time` lets time pass, and nothing does nothing. What follows are the
        nodes that are active then, or `completed`, or `failed CODE`.
        """
        for move in moves:
            done, arrow, after = move.partition("->")
            assert arrow, f"what follows from {move!r}?"
            name, *patch = done.split() or [""]
            node, fails, code = name.partition("!")
            if fails:
                self.fails(node, code)
            elif node == "time":
                self.time_passes()
            elif node:
                pairs = (pair.split("=", 1) for pair in patch)
                self.completes(node, **{key: json.loads(value) for key, value in pairs})
            code = self.error.code if self.error is not None else ""
            follows = " ".join(self.active) if self.status == "running" else self.status
            told = f"{follows} {code}".strip()
            assert told.split() == after.split(), f"after {done.strip()!r}; {self}"
        return self

    def forks(self, *, at: int | None = None, **fields: object) -> Story:
        """Begin the story of a fork of this run as it was at a seq, by default as it is now."""
        end = self.entries[-1].seq if at is None else self.entries[at].batch
        fork = Story(self.graph, past=self.entries[: end + 1])
        fork.commands = 1
        given = {
            "at": fork._tick(),
            "n": 1,
            "run_id": f"{self.run.id} forked" if self.run.id == "fork" else "fork",
            **fields,
        }
        return fork.feed(inputs.Fork(**given))  # type: ignore[arg-type]  # a test knows its fields

    def feed(self, given: AnyInput) -> Story:
        """Take one step, and check everything that always holds."""
        was, seen = self.run.status, len(self.entries)
        self.batch = step(self.run, given)
        assert was not in ("completed", "failed", "cancelled") or isinstance(given, inputs.Fork)
        row = encode_batch(self.batch)
        assert encode_batch(step(self._twin, given)) == row, "the same inputs, other bytes"
        assert encode_batch(step(self._recovered, given)) == row, "decided otherwise after a fold"
        assert encode_batch(decode_batch(row)) == row
        assert [each.seq for each in self.batch] == list(range(seen, seen + len(self.batch)))
        assert {(each.at, each.run_id) for each in self.batch} == {(self.run.now, self.run.id)}
        if self.entries:
            assert self.batch[0].at >= self.entries[-1].at
        self.entries += self.batch
        for each in self.batch:
            self._ledger.read(each)
        self._lines += row.split(b"\n")
        assert list(map(encode, self.entries)) == self._lines, "what was written has changed"
        self._recovered = fold(self.graph, map(decode, self._lines))
        assert picture(self._recovered) == picture(self.run), "the fold of the log is another run"
        self._ledger.balances(self.run)
        return self

    def refuses(self, given: AnyInput) -> EngineError:
        """See that an input is refused, everywhere alike, and changes nothing."""
        found = []
        for run in (self.run, self._twin, self._recovered):
            before = fingerprint(run)
            try:
                batch = step(run, given)
            except (Refused, InvalidValue) as refusal:
                found.append(refusal)
            else:
                raise AssertionError(f"{given} was taken: {list(map(describe, batch))}")
            assert fingerprint(run) == before, f"{found[0]!r} has changed the run"
        assert len({(type(refusal), str(refusal)) for refusal in found}) == 1, found
        return found[0]

    # -- what is fed ----------------------------------------------------------------------

    def result(self, node: str, /, **fields: object) -> inputs.Result:
        """Make the result of an activation; `node` as in `completes`."""
        chosen = self.activation(node)
        attempt = self.run.activations[chosen].attempt
        given = {"at": self._tick(), "activation": chosen, "attempt": attempt, **fields}
        return inputs.Result(**given)  # type: ignore[arg-type]  # bad results are what is tested

    def command(self, command: type[C], /, **fields: object) -> C:
        """Make a command, with the next number unless `n` is given."""
        self.commands += 1
        given = {"at": self._tick(), "n": self.commands, **fields}
        return command(**given)  # type: ignore[arg-type]  # a test knows its fields

    def activation(self, node: str) -> ActivationId:
        """Name the first active activation of a node, or the n-th with `node#n`."""
        name, _, nth = node.partition("#")
        found = sorted(each.id for each in active(self.run).values() if each.node == name)
        which = int(nth or 1) - 1
        assert which < len(found), f"{node} is not active; {self}"
        return found[which]

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    # -- what it then says ----------------------------------------------------------------

    @property
    def active(self) -> list[str]:
        """The nodes that must be executing, in alphabetical order."""
        return sorted(each.node for each in active(self.run).values())

    def reads(self, node: str) -> dict[str, Json]:
        """Give what an active node reads."""
        return state_of(self.run, self.activation(node))

    @property
    def status(self) -> str:
        """Where the run is."""
        assert ended(self.run) == (self.run.status in ("completed", "failed", "cancelled"))
        return self.run.status

    @property
    def view(self) -> RunView:
        """The run as people see it."""
        return view(self.run)

    @property
    def state(self) -> dict[str, Json]:
        """The state as people see it."""
        return self.view.state

    @property
    def error(self) -> ErrorInfo | None:
        """Why the run failed, or what it is paused for."""
        return self.run.error

    @property
    def code(self) -> str:
        """The code of that error."""
        return self.error.code if self.error is not None else ""

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Messages sent, consumed, withdrawn, open."""
        return self._ledger.counts

    @property
    def due(self) -> datetime | None:
        """When the run wants to be woken."""
        return deadline(self.run)

    def wait(self) -> float | None:
        """In how many seconds that is."""
        return None if self.due is None else (self.due - self.now).total_seconds()

    @property
    def last(self) -> list[str]:
        """The last batch in words."""
        return [describe(each) for each in self.batch]

    @property
    def log(self) -> list[str]:
        """All entries in words."""
        return [describe(each) for each in self.entries]

    @property
    def fired(self) -> list[str]:
        """The nodes in the order in which they fired."""
        return [each.node for each in self._firings()]

    def firings(self, node: str) -> list[list[str]]:
        """For each firing of a node: from where the messages came that it consumed."""
        sent = {e.seq: e.source or "" for e in self.entries if isinstance(e, MessageSent)}
        return [[sent[seq] for seq in e.messages] for e in self._firings() if e.node == node]

    def _firings(self) -> list[NodeStarted]:
        started = (each for each in self.entries if isinstance(each, NodeStarted))
        return [each for each in started if each.attempt == 1]

    def __str__(self) -> str:
        """Tell the story so far, for the message of a test that fails."""
        return f"{self.status} with {self.active}, {self.error}:\n  " + "\n  ".join(self.log)


def started(graph: Graph) -> Run:
    """Give a run without a story: for tests that count work."""
    run = Run(graph)
    step(run, inputs.Start(at=NOON, run_id=RunId("r")))
    return run


def outcomes(graph: Graph, tool: Callable[[str, dict[str, Json]], dict[str, Json]]) -> set[str]:
    """Run a graph under every schedule; give all ends that could be told apart.

    What is told: how the run ended, how often each node fired, the state.
    """
    found: set[str] = set()
    schedules: list[list[int]] = [[]]
    while schedules:
        schedule = schedules.pop()
        run, at = started(graph), 0
        while found_active := sorted(active(run).items()):
            if at == len(schedule):
                others = range(1, len(found_active))
                schedules += [[*schedule, other] for other in others]
                schedule.append(0)
            chosen, activation = found_active[schedule[at]]
            patch = tool(activation.node, state_of(run, chosen))
            step(run, inputs.Result(at=NOON, activation=chosen, attempt=1, patch=patch))
            at += 1
        assert len(schedules) < 5_000, "too many schedules to look at"
        fired = sorted((run.plan.names[node], times) for node, times in run.visits.items())
        found.add(json.dumps([run.status, fired, view(run).state], sort_keys=True))
    return found
