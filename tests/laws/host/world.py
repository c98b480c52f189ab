"""What outlives the engines of one seed: a store, its runs, and what is known of them.

This module knows how to run programs that embed the engine, one after the other, each on a
loop of its own, and that each must leave nothing behind. It does not know when they are
stopped, or why (`laws`).
"""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections import ChainMap
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from unittest.mock import patch

from engine import (
    Command,
    Context,
    Engine,
    Graph,
    MemoryStore,
    NotFound,
    Overwrite,
    Refused,
    RunCancelled,
    RunFailed,
    RunId,
    Seq,
    Tool,
    ToolError,
)
from engine.hosts.local import rested
from engine.store import UNFINISHED
from tests.laws.compare import differ
from tests.laws.host.live import Forked, Live, watched
from tests.laws.host.loop import LoopClock, SeededLoop, tasks_of
from tests.laws.host.stores import LateStore
from tests.laws.simulation import Mismatch
from tests.laws.tools import Answer, call, plain, value

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Sequence

    from engine import RunHandle
    from engine.host import Durability
    from tests.laws.furnish import Case

    Program: TypeAlias = Callable[[], Coroutine[Any, Any, Any]]
    Plan: TypeAlias = Callable[[SeededLoop, asyncio.Task[Any]], object]
    """What is to happen to the task of a program, and when."""

T = TypeVar("T")

Ending: TypeAlias = tuple[str, object]
"""How a run ended, and its final state or the code of its error."""

LONGEST: Final = 0.15
"""Seconds that a tool takes at most. The shortest `timeout` of a random graph is 1 second, and
a call that is cut off a few times must not run into it."""


@dataclass(frozen=True)
class Setting:
    """How the runs of a world are run, and who is with them."""

    runs: int = 1
    late: bool = False
    """Whether the store takes its time."""
    durability: Durability = "sync"
    readers: bool = False
    """Whether each run has a slow reader."""
    people: bool = False
    """Whether somebody pauses, resumes and patches; what comes of that is a matter of timing."""
    parks: bool = False
    """Whether runs leave the memory whenever they rest, and nobody waits for them there."""


class World:
    """The graph of a seed, runs of it, and the store that they are kept in.

    Attributes:
        setting: How they are run.
        lives: The runs.
        forks: Forks of them.
        store: Where they are kept.
        calls: Every call of the tool: its run, its activation, its attempt.
        inside: The calls that are being made and were not cancelled.
        hasty: The calls that were made before their beginning was kept.
        keys: The idempotency keys of each activation of a run, over all attempts.
        told: What those who waited for a run were told.
        began_in: Which engine began each run, counting from 0.
        acknowledged: The runs whose start has returned.
        asked: The last entry of each run that somebody was given who asked something of it.
        lines: What readers have seen of the logs.
        now: The virtual time.
        steps: How many steps each program took.
    """

    def __init__(
        self, case: Case, seed: object, setting: Setting = Setting(), graph: Graph | None = None
    ) -> None:
        self.case = case
        self.seed = seed
        self.setting = setting
        self.graph = graph or Graph.parse(case.document)
        names = [RunId(f"run-{n}") for n in range(setting.runs)]
        self.lives = {name: Live(case, self.graph, Random(0)) for name in names}
        self.forks: dict[RunId, Forked] = {}
        self.store = LateStore(Random(f"{seed} store")) if setting.late else MemoryStore()
        self.calls: list[tuple[RunId, int, int]] = []
        self.inside: list[tuple[RunId, int, int]] = []
        self.hasty: list[tuple[RunId, int, int]] = []
        self.keys: dict[tuple[RunId, int], set[str]] = {}
        self.told: dict[RunId, Ending] = {}
        self.began_in: dict[RunId, int] = {}
        self.acknowledged: set[RunId] = set()
        self.asked: dict[RunId, int] = {}
        self.lines: dict[RunId, list[bytes]] = {name: [] for name in names}
        self.now = 0.0
        self.steps: list[int] = []
        self.tool = Tool(self.work, name="work")

    # ── programs ──────────────────────────────────────────────────────────────────────────

    def run(self, program: Program, plan: Plan | None = None) -> None:
        """Run a program on a new loop, and see that it leaves nothing behind.

        Raises:
            Mismatch: Something was left, or the loop complained.
        """
        loop = SeededLoop(f"{self.seed} {len(self.steps)}", began=self.now)
        unheard: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: unheard.append(context))
        with (
            warnings.catch_warnings(record=True) as said,
            watched(ChainMap[RunId, Any](self.lives, self.forks)),
            resting(parks=self.setting.parks),
        ):
            warnings.simplefilter("always")
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._whole(loop, program, plan))
            gc.collect()  # a task that failed complains when it goes, if nobody asked it why
        if unheard or said:
            message = f"the loop complains: {unheard or [str(each.message) for each in said]}"
            raise Mismatch(message)

    async def _whole(self, loop: SeededLoop, program: Program, plan: Plan | None) -> None:
        task = loop.create_task(program(), name="program")
        if plan:
            plan(loop, task)
        await asyncio.wait([task])
        self.now = loop.time()
        self.steps.append(loop.steps)
        await self._nothing_is_left(loop)
        if not task.cancelled():
            task.result()

    async def _nothing_is_left(self, loop: SeededLoop) -> None:
        """See that nobody is still at work, and that nothing happens any more."""
        if left := tasks_of(loop, but=asyncio.current_task()):
            message = f"tasks are left: {left}"
            raise Mismatch(message)
        rows, calls = self.rows(), len(self.calls)
        for _ in range(3):
            await asyncio.sleep(0)
        if waiting := loop.waiting():
            message = f"the loop still has something to do: {waiting}"
            raise Mismatch(message)
        if rows != self.rows() or calls != len(self.calls):
            message = "something went on after the engine was closed"
            raise Mismatch(message)

    async def embed(self) -> None:
        """Start all runs, or find them, and wait for their ends."""
        async with self.engine() as engine, asyncio.TaskGroup() as others:
            handles = [await self.begun(engine, run_id) for run_id in self.lives]
            for handle in handles:
                if self.setting.readers:
                    others.create_task(self._read(handle), name="reader")
                if self.setting.people:
                    others.create_task(self._meddle(handle), name="person")
            for handle in handles:
                if self.setting.parks:
                    await self._until_over(handle.id)
                self.told[handle.id] = await ending(handle)
            for _ in range(3):  # whoever was cancelled hears of it in the next turn
                await asyncio.sleep(0)
            if self.inside:
                message = f"all runs have ended, and calls go on: {self.inside}"
                raise Mismatch(message)

    async def _until_over(self, run_id: RunId) -> None:
        """Look at the record of a run now and then, until it has ended: nothing holds it."""
        while (  # noqa: ASYNC110  # whoever waited for it would keep it in memory
            record := await self.store.record(run_id)
        ) is None or record.status in UNFINISHED:
            await asyncio.sleep(LONGEST)

    async def _meddle(self, handle: RunHandle) -> None:
        """Do what people do with a run, and leave it going on."""
        chance = Random(f"{self.seed} person {handle.id} {len(self.steps)}")
        for _ in range(chance.randint(1, 6)):
            await a_while(chance)
            await self._ask(handle, chance.choice(("pause", "resume", "patch")), chance)
        await handle.rest()
        while (await handle.snapshot()).status == "paused":
            await self._ask(handle, "resume", chance)
            await handle.rest()

    async def _ask(self, handle: RunHandle, what: str, chance: Random) -> None:
        """Ask one thing of a run; it may be in no state for it."""
        try:
            match what:
                case "pause":
                    entry = await handle.pause()
                case "patch":
                    key = chance.choice([key for key in self.case.kinds if key.startswith("k")])
                    kind = self.case.kinds[key]
                    entry = await handle.patch({key: plain(kind, value(kind, key, chance))})
                case _:
                    entry = await handle.resume()
            self.asked[handle.id] = entry.seq
        except Refused:
            pass

    async def _read(self, handle: RunHandle) -> None:
        """Read the log of a run as it comes, slowly."""
        lines = self.lines[handle.id]
        chance = Random(f"{self.seed} reader {handle.id} {len(lines)}")
        async with aclosing(handle.lines(Seq(len(lines) - 1))) as coming:
            async for line in coming:
                lines.append(line)
                await a_while(chance)

    async def begun(self, engine: Engine, run_id: RunId) -> RunHandle:
        """Find a run, or start it."""
        try:
            return await engine.find(run_id)
        except NotFound:
            graph = await engine.create(self.graph)
            self.began_in[run_id] = len(self.steps)
            handle = await engine.start(
                graph, self.case.state, run_id=run_id, durability=self.setting.durability
            )
            self.acknowledged.add(run_id)
            return handle

    def engine(self) -> Engine:
        """Make an engine on the store and the loop."""
        clock = LoopClock(asyncio.get_running_loop())
        return Engine(tools=[self.tool], store=self.store, clock=clock)

    # ── the tool of all nodes ─────────────────────────────────────────────────────────────

    async def work(self, state: dict[str, Any], context: Context) -> object:
        """Do what the script of the node says, after a while."""
        run_id = RunId(context.run_id)
        me = (run_id, context.activation, context.attempt)
        chance = Random(f"{self.seed} {me} {self.calls.count(me)}")
        self.calls.append(me)
        self.keys.setdefault(me[:2], set()).add(context.idempotency_key)
        run = self.forks.get(run_id) or self.lives[run_id]
        if isinstance(run, Live) and run.began[me[1:]] > self._may_be_ahead(run_id):
            self.hasty.append(me)
        name = run.names[context.activation]
        answer = call(self.case, context.node, name, state, context.attempt)
        self.inside.append(me)
        try:
            await a_while(chance)
            if answer.hangs:
                await asyncio.get_running_loop().create_future()
            self.inside.remove(me)
        except asyncio.CancelledError:
            self.inside.remove(me)
            if chance.random() < 0.2:
                await a_while(chance)  # to clean up
            if chance.random() < 0.9 or answer.hangs:
                raise
            # This one refuses to be cancelled, and nobody may hear of what it did.
        return given_back(answer)

    def _may_be_ahead(self, run_id: RunId) -> float:
        """Give the last entry that calls may follow from: the last that is kept.

        Only the engine that began a run is told otherwise; those that go on with it are not.
        """
        began_here = self.began_in.get(run_id) == len(self.steps)
        if self.setting.durability != "sync" and began_here:
            return inf
        last = at_once(self.store.last(run_id))
        return -1 if last is None else last

    # ── what must be so ───────────────────────────────────────────────────────────────────

    def rows(self) -> dict[RunId, list[bytes]]:
        """Read the logs of all runs."""
        return {
            run_id: [row.data for row in at_once(self.store.read(run_id))] for run_id in self.lives
        }

    def agree(self) -> None:
        """See that the logs are what was decided, and that those who waited heard of that.

        Raises:
            Mismatch: They did not.
        """
        rows = self.rows()
        if self.hasty:
            message = f"called before it was kept that they begin: {self.hasty}"
            raise Mismatch(message)
        if several := {each: keys for each, keys in self.keys.items() if len(keys) > 1}:
            message = f"activations with several idempotency keys: {several}"
            raise Mismatch(message)
        for run_id, live in self.lives.items():
            the_same(f"the log of {run_id}", rows[run_id], live.rows)
            model = live.model
            said = (model.status, model.error[0] if model.error else model.final)
            differ(f"what was told of {run_id}", self.told[run_id], said)
            if self.setting.readers:
                lines = [line for row in rows[run_id] for line in row.split(b"\n")]
                the_same(f"what was read of {run_id}", self.lines[run_id], lines)


@contextmanager
def resting(*, parks: bool) -> Generator[None, None, None]:
    """Let runs leave the memory as soon as they rest, however shortly, or as they do anyway."""
    with ExitStack() as changes:
        if parks:
            changes.enter_context(patch.object(rested, "RESTING", 0))
            changes.enter_context(patch.object(rested, "SOON", 0.0))
        yield


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what is a coroutine by its type only, and waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    message = f"{coroutine!r} waits"
    raise Mismatch(message)


def the_same(what: str, found: Sequence[bytes], wanted: Sequence[bytes]) -> None:
    """Complain if two sequences of bytes differ, and say where they begin to."""
    if found != wanted:
        pairs = enumerate(zip_longest(found, wanted, fillvalue=b"(nothing)"))
        i, (ours, theirs) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
        message = f"{what}, at {i}:\n  found  {ours!r}\n  wanted {theirs!r}"
        raise Mismatch(message)


async def a_while(chance: Random) -> None:
    """Take no time, some turns of the loop, or some virtual time."""
    match chance.randrange(4):
        case 0:
            pass
        case 1:
            for _ in range(chance.randrange(1, 6)):
                await asyncio.sleep(0)
        case _:
            await asyncio.sleep(chance.random() * LONGEST)


async def ending(handle: RunHandle) -> Ending:
    """Wait for the end of a run, and say what it was."""
    try:
        return "completed", await handle.result()
    except RunFailed as failed:
        return "failed", failed.code
    except RunCancelled:
        return "cancelled", None


def given_back(answer: Answer) -> object:
    """Return what a tool returns, or raise what it raises."""
    if answer.code:
        message = "as the script says"
        raise ToolError(message, code=answer.code)
    patch = dict(answer.patch or {})
    for key in answer.overwrites:
        patch[key] = Overwrite(patch[key])
    return patch if answer.goto is None else Command(update=patch, goto=answer.goto)
