"""Processes that are killed again and again, and what must be true of what they leave.

This module knows how the log on disk is held against what workers said and against the effects
their tools had. Checks are counts: each is 0, or something was lost, done twice or left behind.
It does not know how a worker is started (`workers`), nor what the runs do (`fixtures`).

Chance follows from a seed: which moment a worker is killed at, and which runs are followed.
The machine adds its own; a replay meets the same moments, not the same instructions.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine import PostgresStore, SQLiteStore
from engine.ask import view
from engine.entry import (
    TERMINAL,
    MessageWithdrawn,
    NodeCompleted,
    NodeFailed,
    NodeRetrying,
    decode,
)
from engine.run import fold
from tests.system.figures import Figures
from tests.system.fixtures import AGE, FIXTURES, MOMENT, chance, fixture_of, names_of, origin_of
from tests.system.worker import Orders
from tests.system.workers import Spawned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine import RunRecord, Store
    from engine.entry import AnyEntry
    from engine.run import Run
    from tests.system.mortal import Side
    from tests.system.workers import Hire, Worker

UP: Final = 60.0
"""Seconds that a worker gets to be ready, on however busy a machine."""

DOWN: Final = 60.0
"""Seconds that the last worker gets to finish everything."""

SOON: Final = 5.0
"""Seconds after a worker is ready within which every run goes on."""

LATEST: Final = 10.0
"""Moments after it is ready that a worker is killed at the latest."""

EARLY: Final = 0.2
"""What share of the workers is killed while they still open the store and recover."""

LIVES: Final = 6
"""Workers that finish everything at most: some runs rest for longer than one of them lives."""


@dataclass
class Crashes:
    """One database, and the workers that live on it one after the other.

    Attributes:
        folder: Where database and effects are.
        seed: What chance follows from.
        durability: With which the workers run.
        hire: Starts a worker.
        names: The fixtures whose runs take turns.
        at_once: How many runs there are to go on with at any time, without forks.
        most: How many there are in all.
        moment: Seconds that a tool waits at most, twice.
        early: Seconds within which a worker is killed that only begins.
        age: Seconds that a worker's clock is ahead of that of the one before.
        meddled: What share of the runs is paused and resumed by somebody in each life.
        hasty: Whether the workers' store acknowledges before the commit.
        postgres: The database that runs are kept in; none: a file in the folder.
        expected: What workers may complain of, as the beginning of a line.
        problems: What is wrong, in words.
    """

    folder: Path
    seed: int
    durability: str = "sync"
    hire: Hire = Spawned
    names: Sequence[str] = tuple(name for name in FIXTURES if ":" not in name)
    at_once: int = 100
    most: int = sys.maxsize
    moment: float = MOMENT
    early: float = 0.2
    age: float = AGE
    meddled: float = 0.2
    hasty: bool = False
    postgres: str = ""
    expected: str | tuple[str, ...] = ()
    figures: Figures = field(default_factory=Figures)
    problems: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    """Runs that were found on disk, and had not ended."""
    asked: list[str] = field(default_factory=list)
    """Runs whose start nobody acknowledged, and that are not there."""
    logs: dict[str, list[str]] = field(default_factory=dict)
    """What each run had when it was looked at last."""
    paused: set[str] = field(default_factory=set)
    """Those of the unfinished that wait for somebody to resume them."""
    lives: int = 0
    _cut_short: set[str] = field(default_factory=set)
    """Those of the unfinished that must go on by themselves, at once."""
    _done: dict[tuple[str, int], int] = field(default_factory=dict)
    """The attempts that must not be made again: up to which, by run and activation."""
    _ended: set[str] = field(default_factory=set)
    _executed: set[tuple[str, int]] = field(default_factory=set)
    _keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    _key_of: dict[tuple[str, int], str] = field(default_factory=dict)
    _effects: int = 0
    _next: int = 0

    async def kill(self) -> None:
        """Let a worker live for a while, kill it, and look at what it left."""
        worker = self._worker()
        if chance(self.seed, self.lives, "early") < EARLY:
            worker.wait_for("opening", UP)
            time.sleep(self.early * chance(self.seed, self.lives, "moment"))  # noqa: ASYNC251  # no loop's guest
        else:
            self.figures.slowest = max(self.figures.slowest, worker.wait_for("ready", UP))
            time.sleep(LATEST * self.moment * chance(self.seed, self.lives, "moment"))  # noqa: ASYNC251  # as above
        worker.kill()
        self.figures.kills += 1
        await self._look(worker)

    async def die(self, number: int, side: Side) -> bool:
        """Let a worker kill itself at a commit, and look at what it left.

        Returns:
            False: It did all that there is to do for now with fewer commits.
        """
        worker = self._worker(dies=(number, side))
        died = not worker.wait_for_the_end(DOWN)
        worker.kill()
        self.figures.kills += died
        await self._look(worker)
        return died

    async def live(self, *, fresh: int = 0) -> None:
        """Let a worker do all that there is to do for now, with so many new runs."""
        worker = self._worker(fresh=fresh)
        try:
            worker.wait_for("finished", DOWN)
            worker.wait_for_the_end(UP)
        except AssertionError as error:
            self.problems.append(str(error))
        worker.kill()
        await self._look(worker)

    async def finish(self) -> None:
        """Let the last workers finish everything, and look at the ends."""
        for _ in range(LIVES):
            if self.unfinished or self.asked:
                await self.live()
        self._look_at_effects()
        await self._look_at(list(self.logs), {})
        self.figures.stuck += len(self.unfinished) + len(self.asked)
        self.problems += [f"stuck: {run_id}" for run_id in (*self.unfinished, *self.asked)]

    def told(self) -> str:
        """Give the seed and the figures."""
        return f"seed {self.seed}, durability {self.durability}: {self.figures}"

    def check(self) -> None:
        """See that nothing went wrong."""
        assert not self.problems, "\n".join([self.told(), *self.problems[:20]])
        figures = self.figures
        assert (figures.lost, figures.redone, figures.stuck, figures.wrong) == (0, 0, 0, 0)
        assert figures.resumed <= SOON

    # -- workers --------------------------------------------------------------------------

    def _worker(self, *, fresh: int | None = None, dies: tuple[int, Side] | None = None) -> Worker:
        """Start a worker on all that is unfinished, and new runs beside it."""
        if fresh is None:
            there = sum(":" not in each for each in (*self.unfinished, *self.asked))
            fresh = max(0, min(self.at_once - there, self.most - self._next))
        for number in range(self._next, self._next + fresh):
            self.asked += names_of(self.seed, number, self.names[number % len(self.names)])
        self._next += fresh
        self.lives += 1
        return self.hire(
            Orders(
                folder=str(self.folder),
                seed=self.seed,
                life=self.lives,
                durability=self.durability,
                begin=self.asked,
                # The others must go on without anybody who asks for them.
                follow=[
                    each
                    for each in self.unfinished
                    if fixture_of(each).breakpoints or self._picks(each, "follow", 0.5)
                ],
                meddle=[
                    each
                    for each in (*self.unfinished, *self.asked)
                    if self._picks(each, "meddle", self.meddled) and not fixture_of(each).rests
                ],
                moment=self.moment,
                ahead=self.age * self.lives,
                dies=dies,
                hasty=self.hasty,
                postgres=self.postgres,
            )
        )

    def _picks(self, run_id: str, what: str, share: float) -> bool:
        return run_id in self.paused or chance(self.seed, self.lives, run_id, what) < share

    # -- what they left -------------------------------------------------------------------

    async def _look(self, worker: Worker) -> None:
        """Hold what is on disk against what a worker said, and its tools did."""
        lines = worker.complaints.splitlines()
        if complaints := [each for each in lines if not each.startswith(self.expected)]:
            self.problems.append("\n".join(complaints))
        self._look_at_effects()
        before, self._cut_short = self._cut_short, set()
        known = {run_id: len(self.logs[run_id]) for run_id in before}
        said = _sorted(worker.said)
        asked, self.asked = self.asked, []
        await self._look_at([*self.unfinished, *asked], said)
        for run_id, kinds in said.items():
            if run_id not in self.logs or {*kinds} != {"started"}:  # it ended in an earlier life
                self._wrong(run_id, f"nobody asked a worker for it, and it said {kinds}")
        if worker.ready is not None:
            for run_id, entries in known.items():
                self._see_that_it_went_on(run_id, entries, worker)

    async def _look_at(self, run_ids: Sequence[str], said: dict[str, dict[str, list[str]]]) -> None:
        """Look at runs; what is said of them is taken away."""
        self.unfinished = []
        self.paused.clear()
        store: Store = SQLiteStore(self.folder / "runs.db")
        if self.postgres:
            store = PostgresStore(self.postgres)
        await store.open()
        try:
            for run_id in run_ids:
                heard = said.pop(run_id, {})
                rows = await store.read(run_id)
                entries = [entry for row in rows for entry in row.entries]
                lines = [line.decode() for row in rows for line in row.data.split(b"\n")]
                self._compare(run_id, heard, lines, entries)
                if entries:
                    self._look_at_one(run_id, entries, await store.record(run_id))
                else:
                    self.asked.append(run_id)
            due = {each.run_id for each in await store.due(limit=sys.maxsize)}
            for orphans in await store.orphans():
                self._wrong(orphans.example, f"{orphans.count} {orphans.what} belong to nothing")
        finally:
            await store.close()
        for run_id in due.difference(self.unfinished):
            self._wrong(run_id, "somebody is to drive it, though it has ended or nobody began it")
        self.figures.runs = len(self.logs)
        self.figures.recorded = len(self._done)

    def _look_at_one(self, run_id: str, entries: list[AnyEntry], record: RunRecord | None) -> None:
        run = self._folded(run_id, entries)
        if run is None or record is None or record.status != run.status:
            self._wrong(run_id, f"its record says {record}, its log {run and run.status}")
        elif run.status not in ("running", "paused"):
            self._check_end(run_id, run, record)
        else:
            self.unfinished.append(run_id)
            waits = any(each.head is not None for each in run.messages.values())
            self.figures.half_full += waits and bool(run.running)
            if run.status == "paused":
                self.paused.add(run_id)
                self.figures.paused += 1
            elif record.due is None:
                self._wrong(run_id, "it is running, and nobody would ever drive it on")
            elif run.running:
                self._cut_short.add(run_id)
            else:
                self.figures.resting += 1

    def _look_at_effects(self) -> None:
        """See that nothing was done again that had been recorded before this worker."""
        path = self.folder / "effects"
        lines = path.read_bytes().splitlines() if path.exists() else []
        for line in lines[self._effects :]:
            run_id, node, activation, attempt, key = json.loads(line)
            what = (origin_of(run_id), activation)
            self._executed.add(what)
            if run_id in self._ended or attempt <= self._done.get((run_id, activation), 0):
                self.figures.redone += 1
                self.problems.append(f"done again: {run_id} {node} {activation} {attempt}")
            if self._keys.setdefault(key, what) != what:
                self._wrong(run_id, f"the idempotency key {key} is also that of {self._keys[key]}")
            if self._key_of.setdefault(what, key) != key:
                self._wrong(run_id, f"{node} {activation} has the keys {self._key_of[what]}, {key}")
        self._effects = self.figures.executed = len(lines)

    def _compare(
        self,
        run_id: str,
        heard: dict[str, list[str]],
        lines: list[str],
        entries: list[AnyEntry],
    ) -> None:
        """See that what was acknowledged, or was there before, is there, byte for byte."""
        known = self.logs.get(run_id, [])
        if lines[: len(known)] != known:
            self.figures.lost += 1
            self.problems.append(f"lost: {run_id} had {len(known)} entries, and has not now")
        if lines:
            self.logs[run_id] = lines
        for kind, told in heard.items():
            self.figures.acknowledged += len(told)
            for line in told:
                there = bool(lines) and (
                    kind == "started"
                    or (kind == "ended" and isinstance(entries[-1], TERMINAL))
                    or (kind == "entry" and lines[json.loads(line)["seq"] :][:1] == [line])
                )
                if not there:
                    self.figures.lost += 1
                    self.problems.append(f"lost: {kind} {run_id} {line}")
        for entry in entries:
            self._is_recorded(run_id, entry)

    def _is_recorded(self, run_id: str, entry: AnyEntry) -> None:
        """Take note of what must not be done again."""
        match entry:
            case NodeCompleted(activation=activation):
                self._done[run_id, activation] = sys.maxsize
                if (origin_of(run_id), activation) not in self._executed:
                    self._wrong(run_id, f"completed and never executed: {entry}")
            case MessageWithdrawn(activation=int(activation)):
                self._done[run_id, activation] = sys.maxsize
            case (
                NodeRetrying(activation=activation, attempt=attempt)
                | NodeFailed(activation=activation, attempt=attempt)
            ):
                before = self._done.get((run_id, activation), 0)
                self._done[run_id, activation] = max(before, attempt)
            case _ if isinstance(entry, TERMINAL) and entry.run_id == run_id:
                self._ended.add(run_id)
            case _:
                pass

    def _see_that_it_went_on(self, run_id: str, known: int, worker: Worker) -> None:
        """See that a run that was cut short went on soon after a worker was ready."""
        assert worker.ready is not None
        if self.logs[run_id][known:]:
            at = decode(self.logs[run_id][known].encode()).at
            after = (at - worker.ready).total_seconds() - self.age * self.lives
            self.figures.resumed = max(self.figures.resumed, after)

    def _folded(self, run_id: str, entries: list[AnyEntry]) -> Run | None:
        """Fold a log, if it is one."""
        if [entry.seq for entry in entries] != list(range(len(entries))):
            self._wrong(run_id, "its log has gaps")
            return None
        try:
            return fold(fixture_of(run_id).graph, entries)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            self._wrong(run_id, f"its log does not fold: {error!r}")
            return None

    def _check_end(self, run_id: str, run: Run, record: RunRecord) -> None:
        """See that a run ended as it does undisturbed."""
        state = dict(view(run).state)
        state["trail"] = sorted(state.get("trail", []))
        wanted = fixture_of(run_id)
        error = None if run.error is None else run.error.code
        if (run.status, error, state) != (wanted.status, wanted.error, wanted.state):
            found = f"{run.status} {error} with {state!r:.300}"
            self._wrong(run_id, f"{found}, expected {wanted!r:.600}")
        if record.due is not None or record.error != error:
            self._wrong(run_id, f"it has ended, and its record is {record}")

    def _wrong(self, run_id: str, what: str) -> None:
        self.figures.wrong += 1
        self.problems.append(f"{run_id}: {what}")


def _sorted(said: list[str]) -> dict[str, dict[str, list[str]]]:
    """Sort what a worker said by run and by kind."""
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for line in said:
        kind, _, rest = line.partition(" ")
        if rest:
            run_id, _, what = rest.partition(" ")
            found[run_id][kind].append(what)
    return {run_id: dict(kinds) for run_id, kinds in found.items()}
