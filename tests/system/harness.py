"""Processes that are killed again and again, and what must be true of what they leave.

This module knows how a worker is started, killed and listened to, and how the log on disk is
held against what the worker said and against the effects its tools had. Checks are counts:
each is 0, or something was lost, done twice or left behind.

Chance follows from a seed: which moment a worker is killed at, and which runs are followed.
The machine adds its own; a replay meets the same moments, not the same instructions.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from engine import SQLiteStore
from engine.ask import view
from engine.entry import NodeCompleted, NodeRetrying, encode
from engine.run import fold
from tests.system.fixtures import ENDS, GRAPHS, chance, graph_of
from tests.system.worker import Orders

if TYPE_CHECKING:
    from engine.entry import AnyEntry
    from engine.run import Run

ROOT: Final = Path(__file__).parents[2]

UP: Final = 20.0
"""Seconds that a worker gets to be ready, and what is left when it does not."""

DOWN: Final = 60.0
"""Seconds that the last worker gets to finish everything."""

LATEST: Final = 1.0
"""Seconds after it is ready that a worker is killed at the latest."""

EARLY: Final = 0.2
"""What share of the workers is killed while they still open the store and recover."""


class Worker:
    """A process, and what it has said so far."""

    def __init__(self, orders: Orders) -> None:
        self.said: list[str] = []
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.system.worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(orders))
        self._process.stdin.close()
        self._complaints: list[bytes] = []
        self._ears = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._overhear, daemon=True),
        ]
        for ear in self._ears:
            ear.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # the last may be cut off
                text = line[:-1].decode()
                self.said.append(text)
                if " " not in text:
                    self._news.put(text)
        self._news.put(None)

    def _overhear(self) -> None:
        assert self._process.stderr is not None
        self._complaints += self._process.stderr

    def wait_for(self, word: str, seconds: float) -> float:
        """Wait until it says `word`, and give the seconds since it was started.

        Raises:
            AssertionError: It ended, or said nothing for too long.
        """
        ends = time.monotonic() + seconds
        while True:
            try:
                heard = self._news.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                self.kill()
                raise AssertionError(f"no {word!r} in {seconds} s: {self.complaints}") from None
            if heard is None:
                self.kill()
                raise AssertionError(f"it ended before {word!r}: {self.complaints}")
            if heard == word:
                return time.monotonic() - self.began

    def kill(self) -> None:
        """Kill it, if it still lives, and hear what it had said."""
        self._process.kill()
        self._process.wait()
        for ear in self._ears:
            ear.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    @property
    def complaints(self) -> str:
        """What it wrote about its errors."""
        return b"".join(self._complaints).decode(errors="replace")[-4_000:]


@dataclass
class Figures:
    """What came of it; all of the first block must be 0."""

    lost: int = 0
    redone: int = 0
    stuck: int = 0
    wrong: int = 0
    """Runs whose log, record or end is not what it must be."""
    kills: int = 0
    runs: int = 0
    acknowledged: int = 0
    """Starts, entries and ends that a worker was told of."""
    recorded: int = 0
    """Activations that were recorded as completed when a worker was killed."""
    executed: int = 0
    """Effects, those of executions that were cut short included."""
    slowest: float = 0.0
    """Seconds that it took a worker to be ready, imports and recovery included."""


@dataclass
class Crashes:
    """One database, and the workers that live on it one after the other.

    Attributes:
        folder: Where database and effects are.
        seed: What chance follows from.
        durability: With which the workers run.
        at_once: How many runs there are to go on with at any time.
        problems: What is wrong, in words.
    """

    folder: Path
    seed: int
    durability: str = "sync"
    at_once: int = 100
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
    _done: dict[tuple[str, int], int] = field(default_factory=dict)
    """The attempts that must not be made again: up to which, by run and activation."""
    _executed: set[tuple[str, int]] = field(default_factory=set)
    _keys: dict[str, tuple[str, int]] = field(default_factory=dict)
    _effects: int = 0
    _next: int = 0

    async def kill(self) -> None:
        """Let a worker live for a while, kill it, and look at what it left."""
        worker = self._worker()
        life = self.figures.kills
        if chance(self.seed, life, "early") < EARLY:
            worker.wait_for("opening", UP)
            time.sleep(EARLY * chance(self.seed, life, "moment"))  # noqa: ASYNC251  # no loop's guest
        else:
            ready = worker.wait_for("ready", UP)
            self.figures.slowest = max(self.figures.slowest, ready)
            time.sleep(LATEST * chance(self.seed, life, "moment"))  # noqa: ASYNC251  # as above
        worker.kill()
        self.figures.kills += 1
        self._complain(worker)
        await self._look(worker)

    async def finish(self) -> None:
        """Let a last worker finish everything, and look at the ends."""
        worker = self._worker()
        try:
            worker.wait_for("finished", DOWN)
        except AssertionError as error:
            self.problems.append(str(error))
        worker.kill()
        self._complain(worker)
        await self._look(worker, everything=True)
        self.figures.stuck += len(self.unfinished) + len(self.asked)
        self.problems += [f"stuck: {run_id}" for run_id in (*self.unfinished, *self.asked)]

    def told(self) -> str:
        """Give the seed and the figures."""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in asdict(self.figures).items())
        return f"seed {self.seed}, durability {self.durability}: {figures}"

    def _complain(self, worker: Worker) -> None:
        if worker.complaints:
            self.problems.append(worker.complaints)

    def _worker(self) -> Worker:
        """Start a worker on all that is unfinished, and new runs beside it."""
        fresh = self.at_once - len(self.unfinished) - len(self.asked)
        self.asked += [f"{self.seed}-{self._next + i}" for i in range(fresh)]
        self._next += max(0, fresh)
        life = self.figures.kills
        return Worker(
            Orders(
                folder=str(self.folder),
                seed=self.seed,
                life=life,
                durability=self.durability,
                begin=self.asked,
                # The others must go on without anybody who asks for them.
                follow=[each for each in self.unfinished if self._picks(each, "follow", 0.5)],
                # Commands would have what is held back for the end written before it.
                meddle=[
                    each
                    for each in (*self.unfinished, *self.asked)
                    if self._picks(each, "meddle", 0.0 if self.durability == "exit" else 0.2)
                ],
            )
        )

    def _picks(self, run_id: str, what: str, share: float) -> bool:
        return run_id in self.paused or chance(self.figures.kills, run_id, what) < share

    # -- what it left ---------------------------------------------------------------------

    async def _look(self, worker: Worker, *, everything: bool = False) -> None:
        """Hold what is on disk against what the worker said, and its tools did.

        What has ended is looked at again only if `everything` is.
        """
        self._look_at_effects()
        said = _sorted(worker.said)
        asked, self.asked = self.asked, []
        before = [*self.logs] if everything else self.unfinished
        self.unfinished = []
        self.paused.clear()
        store = SQLiteStore(self.folder / "runs.db")
        await store.open()
        try:
            for run_id in (*before, *asked):
                heard = said.pop(run_id, {})
                entries = [entry for row in await store.read(run_id) for entry in row.entries]
                self._compare(run_id, heard, entries)
                if not entries:
                    self.asked.append(run_id)
                    continue
                run = self._folded(run_id, entries)
                record = await store.record(run_id)
                if run is None or record is None or record.status != run.status:
                    self._wrong(run_id, f"its record says {record}, its log {run and run.status}")
                elif run.status in ("running", "paused"):
                    self.unfinished.append(run_id)
                    if run.status == "paused":
                        self.paused.add(run_id)
                else:
                    self._check_end(run_id, run)
        finally:
            await store.close()
        self.figures.runs = len(self.logs)
        self.figures.recorded = len(self._done)
        for run_id in said:
            self._wrong(run_id, "a worker spoke of a run that nobody asked for")

    def _look_at_effects(self) -> None:
        """See that nothing was done again that had been recorded before this worker."""
        path = self.folder / "effects"
        lines = path.read_bytes().splitlines() if path.exists() else []
        for line in lines[self._effects :]:
            run_id, node, activation, attempt, key = json.loads(line)
            self._executed.add((run_id, activation))
            if attempt <= self._done.get((run_id, activation), 0):
                self.figures.redone += 1
                self.problems.append(f"done again: {run_id} {node} {activation} {attempt}")
            if self._keys.setdefault(key, (run_id, activation)) != (run_id, activation):
                self._wrong(run_id, f"the idempotency key {key} is also that of {self._keys[key]}")
        self._effects = self.figures.executed = len(lines)

    def _compare(self, run_id: str, heard: dict[str, list[str]], entries: list[AnyEntry]) -> None:
        """See that what was acknowledged, or was there before, is there, byte for byte."""
        lines = [encode(entry).decode() for entry in entries]
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
                    or (kind == "ended" and lines[-1].startswith('{"type":"run.completed"'))
                    or (kind == "entry" and lines[json.loads(line)["seq"] :][:1] == [line])
                )
                if not there:
                    self.figures.lost += 1
                    self.problems.append(f"lost: {kind} {run_id} {line}")
        for entry in entries:
            match entry:
                case NodeCompleted(activation=activation):
                    self._done[run_id, activation] = sys.maxsize
                    if (run_id, activation) not in self._executed:
                        self._wrong(run_id, f"completed and never executed: {entry}")
                case NodeRetrying(activation=activation, attempt=attempt):
                    before = self._done.get((run_id, activation), 0)
                    self._done[run_id, activation] = max(before, attempt)

    def _folded(self, run_id: str, entries: list[AnyEntry]) -> Run | None:
        """Fold a log, if it is one."""
        if [entry.seq for entry in entries] != list(range(len(entries))):
            self._wrong(run_id, "its log has gaps")
            return None
        try:
            return fold(GRAPHS[graph_of(run_id)], entries)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            self._wrong(run_id, f"its log does not fold: {error!r}")
            return None

    def _check_end(self, run_id: str, run: Run) -> None:
        """See that a run ended as it does undisturbed."""
        state = dict(view(run).state)
        state["trail"] = sorted(state.get("trail", []))
        wanted = ENDS[graph_of(run_id)]
        if run.status != "completed" or state != wanted:
            self._wrong(run_id, f"{run.status} with {state}, expected {wanted}")

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
