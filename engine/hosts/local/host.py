"""Steps of runs: decided, kept, and carried out.

This module knows the loop around the core (`engine.host`). It does not know how a tool is
called (`actor`) or how time passes (`timers`).

Rules:

- Decide, apply and hand-over to the store are one step without an await (`_advance`), so no
  cancellation can come between a run and its log.
- What a run may not begin yet waits in order, and never anybody with it.
- Every task has an owner that waits for it: when `close` returns, they are gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from msgspec.structs import replace

from engine.ask import active, deadline, ended
from engine.decide.step import step
from engine.entry import MessageSent, NodeCompleted, NodeStarted, encode_batch
from engine.errors import InvalidValue, Refused, RunOver
from engine.host import EngineClosed, RunExists
from engine.hosts.local.actor import Actor, Call
from engine.hosts.local.timers import Timers
from engine.hosts.local.turn import Turn
from engine.ids import Seq
from engine.inbox import SIZE
from engine.inputs import Result, Timer
from engine.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from engine.call import Outcome
    from engine.clock import Clock
    from engine.entry import Entry
    from engine.graph import Graph
    from engine.host import AnyCommand
    from engine.ids import ActivationId, Json, RunId
    from engine.inputs import AnyInput, Start
    from engine.store import LogStore
    from engine.tool import AnyTool

log: Final = logging.getLogger(__name__)

THREADS: Final = 32
"""Plain tools at a time."""

PATIENCE: Final = 10.0
"""Seconds that calls get to end after they were cancelled, when the host closes."""

_PLAIN: Final = frozenset({MessageSent, NodeStarted, NodeCompleted})
"""Entries that change nothing about the calls but what they say themselves."""

_Crew: TypeAlias = dict[str, Actor]
"""The actors of a graph version, by node; each is spawned when its first message arrives."""


class _Driven:
    """A run that is driven here, and what is being done for it."""

    __slots__ = ("calls", "commands", "crew", "due", "ends", "later", "placed", "rests", "run")

    def __init__(self, run: Run, crew: _Crew) -> None:
        self.run = run
        self.crew = crew
        self.calls: dict[ActivationId, Call] = {}
        self.placed = 0
        """How many of the calls are in an inbox or running."""
        self.later: deque[Call] = deque()
        """Those that the run's own `max_parallel` holds back."""
        self.due: datetime | None = None
        self.commands = 0
        self.rests: list[asyncio.Future[None]] = []
        self.ends: list[asyncio.Future[Run]] = []


class LocalHost:
    """Executes runs in this process; does what `engine.host.Host` says.

    Args:
        store: Where batches are kept.
        tools: The tools that nodes name.
        clock: Says what time it is.
        appended: Called after each batch of a run has been kept, or the run was let go.
        inbox: How many calls the inbox of a node holds.
    """

    def __init__(
        self,
        *,
        store: LogStore,
        tools: Mapping[str, AnyTool],
        clock: Clock,
        appended: Callable[[RunId], None],
        inbox: int = SIZE,
    ) -> None:
        self._store = store
        self._tools = tools
        self._clock = clock
        self._appended = appended
        self._inbox = inbox
        self._loop = asyncio.get_running_loop()
        self._turn = Turn(self._loop)
        self._timers: Timers[_Driven] = Timers(
            loop=self._loop, clock=clock, turn=self._turn, come=self._come
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tool")
        self._runs: dict[RunId, _Driven] = {}
        self._crews: dict[str, _Crew] = {}
        self._closed = False

    # -- what the facade asks -------------------------------------------------------------

    def start(self, graph: Graph, start: Start) -> None:
        """Begin a run and drive it to its end; see `Host.start`."""
        if self._closed:
            raise EngineClosed
        if start.run_id in self._runs:
            raise RunExists(start.run_id)
        driven = _Driven(Run(graph), self._crews.setdefault(graph.version, {}))
        self._runs[start.run_id] = driven
        try:
            self._advance(driven, start)
        except BaseException:
            self._runs.pop(start.run_id, None)
            raise

    def tell(self, run_id: RunId, command: AnyCommand) -> tuple[Entry, ...]:
        """Carry out a command; see `Host.tell`."""
        driven = self._runs.get(run_id)
        if driven is None:
            raise RunOver(f"run '{run_id}' has ended", details={"run_id": run_id})
        batch = self._advance(driven, replace(command, n=driven.commands + 1))
        driven.commands += 1
        return batch

    def driven(self, run_id: RunId) -> Run | None:
        """Give a run that is driven here; see `Host.driven`."""
        driven = self._runs.get(run_id)
        return driven.run if driven else None

    async def rest(self, run_id: RunId) -> None:
        """Wait until a run does not go on by itself; see `Host.rest`."""
        driven = self._runs.get(run_id)
        if driven is not None and driven.run.status == "running":
            waiter: asyncio.Future[None] = self._loop.create_future()
            driven.rests.append(waiter)
            await waiter

    async def end(self, run_id: RunId) -> Run | None:
        """Wait until a run has ended; see `Host.end`."""
        driven = self._runs.get(run_id)
        if driven is None:
            return None
        waiter: asyncio.Future[Run] = self._loop.create_future()
        driven.ends.append(waiter)
        return await waiter

    async def close(self) -> None:
        """Stop all calls and wait for them; see `Host.close`."""
        self._closed = True
        self._timers.close()
        for driven in list(self._runs.values()):
            self._let_go(driven, EngineClosed())
        tasks: set[asyncio.Task[None]] = set()
        for crew in self._crews.values():
            for actor in crew.values():
                tasks |= actor.close()
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=PATIENCE)
            for task in left:
                log.warning("%r did not end within %s s of being cancelled", task, PATIENCE)
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- one step -------------------------------------------------------------------------

    def _advance(self, driven: _Driven, given: AnyInput) -> tuple[Entry, ...]:
        """Decide, apply, keep, and make the world agree, with no await in between."""
        run = driven.run
        try:
            batch = step(run, given)
            expected = Seq(batch[0].seq - 1)
            self._store.append(run.id, encode_batch(batch), expected=expected)
        except (Refused, InvalidValue):
            raise  # nothing was changed
        except BaseException as error:
            # What was applied may not be in the log: this copy of the run is worth nothing.
            self._let_go(driven, error)
            raise
        plain = True
        for entry in batch:
            if type(entry) is NodeStarted:
                self._begin(driven, entry.node, entry.activation, entry.attempt)
            elif type(entry) not in _PLAIN:
                plain = False
        if not plain:
            self._agree(driven)
        due = deadline(run)
        if due != driven.due:
            driven.due = due
            if due is not None:
                self._timers.set(driven, due)
        self._appended(run.id)
        if run.status != "running":
            self._settle(driven)
        return batch

    def _feed(self, driven: _Driven, given: AnyInput) -> None:
        """Take a step that nobody waits for."""
        try:
            self._advance(driven, given)
        except Refused as refusal:
            # The run went on, or ended, without it.
            log.debug("run '%s': %s", driven.run.id, refusal)
        except Exception:  # whatever it is, those who wait for the run have heard of it
            log.exception("run '%s' can't be driven on", driven.run.id)

    def _agree(self, driven: _Driven) -> None:
        """Begin what must be executing, and stop what no longer must."""
        wanted = active(driven.run)
        for each in list(driven.calls.values()):
            found = wanted.get(each.activation)
            if found is None or found.attempt != each.attempt:
                self._stop(driven, each)
        for activation in wanted.values():
            if activation.id not in driven.calls:
                self._begin(driven, activation.node, activation.id, activation.attempt)

    def _settle(self, driven: _Driven) -> None:
        """Tell those who wait that the run does not go on by itself."""
        rests, driven.rests = driven.rests, []
        for rest in rests:
            if not rest.done():
                rest.set_result(None)
        if ended(driven.run):
            self._runs.pop(driven.run.id, None)
            for end in driven.ends:
                if not end.done():
                    end.set_result(driven.run)

    def _let_go(self, driven: _Driven, why: BaseException) -> None:
        """Drive a run no further; its log stays as it is."""
        self._runs.pop(driven.run.id, None)
        driven.later.clear()
        for each in list(driven.calls.values()):
            self._stop(driven, each)
        waiters: list[asyncio.Future[None] | asyncio.Future[Run]] = [*driven.rests, *driven.ends]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(why)
                waiter.exception()  # or the loop complains when nobody is left to ask
        self._appended(driven.run.id)

    # -- calls ----------------------------------------------------------------------------

    def _begin(self, driven: _Driven, node: str, activation: ActivationId, attempt: int) -> None:
        """Give an attempt to the actor of its node, unless the run has too many already."""
        if activation in driven.calls:  # the attempt before this one ran out of time
            self._stop(driven, driven.calls[activation])
        each = Call(driven.run, node, activation, attempt, self._loop.time())
        driven.calls[activation] = each
        driven.later.append(each)
        self._place(driven)

    def _place(self, driven: _Driven) -> None:
        """Put what the run may begin into the inboxes, in the order in which it became due."""
        while driven.later and driven.placed < driven.run.limits.max_parallel:
            each = driven.later.popleft()
            if each.stopped:
                continue
            actor = driven.crew.get(each.node)
            if actor is None:
                actor = driven.crew[each.node] = self._actor(driven.run.graph, each.node)
            each.placed = True
            driven.placed += 1
            actor.put(each)

    def _actor(self, graph: Graph, name: str) -> Actor:
        node = graph.nodes[name]
        return Actor(
            node,
            self._tools[node.tool],
            inbox=self._inbox,
            threads=self._threads,
            turn=self._turn,
            returned=self._returned,
        )

    def _stop(self, driven: _Driven, each: Call) -> None:
        """Stop a call whose result nobody wants: cancel it, or never begin it."""
        if each.actor is not None:
            each.actor.stop(each)
        each.stopped = True
        self._over(driven, each)

    def _over(self, driven: _Driven, each: Call) -> None:
        """Forget a call, and place the next."""
        del driven.calls[each.activation]
        if each.placed:
            driven.placed -= 1
            self._place(driven)

    def _returned(self, each: Call, outcome: Outcome, began: float) -> None:
        """Tell the run what came of a call."""
        driven = self._runs[each.run.id]
        self._over(driven, each)
        self._feed(
            driven,
            Result(
                at=self._clock.now(),
                activation=each.activation,
                attempt=each.attempt,
                # The core checks it at the door, where its limits are known.
                patch=cast("dict[str, Json] | None", outcome.patch),
                overwrites=outcome.overwrites,
                goto=outcome.goto,
                error=outcome.error,
                queued=round(began - each.since, 6),  # the clock is no finer
                took=round(self._loop.time() - began, 6),
            ),
        )

    # -- time -----------------------------------------------------------------------------

    def _come(self, driven: _Driven, due: datetime) -> None:
        """Tell the run that its deadline has come, if it still is its deadline."""
        if driven.due == due and driven.run.id in self._runs:
            driven.due = None
            self._feed(driven, Timer(at=due))
