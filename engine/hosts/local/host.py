"""Steps of runs: decided, handed to the store, and carried out when they are kept.

This module knows the loop around the core (`engine.host`). It does not know how calls are
made (`calls`), how time passes (`timers`), or how batches come into the store (`keeping`).

Rules:

- Decide, apply and hand-over to the store are one step without an await (`_advance`), so no
  cancellation can come between a run and its log.
- What follows from a batch, calls above all, begins when it is kept (`_carry_out`); only
  deciding reads ahead, and the durability of a run may let its calls do so too.
- What a run may not begin yet waits in order, and never anybody with it.
- Every task has an owner that waits for it: `close` returns when they are gone, or warns.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from weakref import ref

from msgspec.structs import replace

from engine.ask import deadline, ended
from engine.decide.step import step
from engine.entry import MessageSent, NodeCompleted, NodeStarted, RunForked
from engine.errors import EngineError, LogMoved, Refused, RunOver
from engine.host import EngineClosed, Overloaded, RunExists
from engine.hosts.local.calls import Calls
from engine.hosts.local.driven import Driven, beside
from engine.hosts.local.keeping import Keeping
from engine.hosts.local.parked import Parked
from engine.hosts.local.rested import Rested
from engine.hosts.local.timers import Timers
from engine.hosts.local.turn import Turn
from engine.ids import Seq
from engine.inbox import SIZE
from engine.inputs import Result, Timer
from engine.row import Row
from engine.run import Run
from engine.store import Origin, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from engine.cache import Cache
    from engine.clock import Clock
    from engine.entry import AnyEntry
    from engine.frame import Frame
    from engine.graph import Graph
    from engine.host import AnyCommand, Durability
    from engine.hosts.local.actor import Call
    from engine.ids import Json, RunId
    from engine.inputs import AnyInput, Fork, Start
    from engine.outcome import Outcome
    from engine.store import RunRecord, Store
    from engine.tool import AnyTool

log: Final = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds that calls get to end when the host closes."""

MOST_RUNS: Final = 10_000
"""Runs that may go on at once."""

_PLAIN: Final = frozenset({MessageSent, NodeStarted, NodeCompleted})
"""Entries that stop no call but the one that has just returned."""

_Batch: TypeAlias = "tuple[AnyEntry, ...]"


class LocalHost:
    """Executes runs in this process; does what `engine.host.Host` says.

    Args:
        store: Where batches are kept.
        tools: Finds a tool by its name, and the version that a run is bound to, if it is.
        clock: Says what time it is.
        cache: Where results of nodes that have a `cache` are kept.
        appended: Called with each row of a run that has been kept, and with None when a run
            is driven no further.
        said: Called with what tools say while they run, which is not kept.
        watched: Tells whether somebody reads the log of a run just now.
        durability: Of runs that are adopted or forked.
        inbox: How many calls the inbox of a node holds.
        most: How many runs may go on at once, but for those found in the store.
    """

    def __init__(  # noqa: PLR0913  # the engine's parts, each by name
        self,
        *,
        store: Store,
        tools: Callable[[str, int | None], AnyTool | None],
        clock: Clock,
        cache: Cache,
        appended: Callable[[RunId, Row | None], None],
        said: Callable[[Frame], None],
        watched: Callable[[RunId], bool],
        durability: Durability = "sync",
        inbox: int = SIZE,
        most: int = MOST_RUNS,
    ) -> None:
        self._clock = clock
        self._appended = appended
        self._durability: Durability = durability
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._turn = Turn(self._loop)
        # Weak, as a run that leaves is to take nothing with it but its place in the heap.
        self._timers: Timers[ref[Driven]] = Timers(
            loop=self._loop,
            clock=clock,
            turn=self._turn,
            stands=lambda owner, due: (driven := owner()) is not None and driven.due == due,
            come=self._ring,
        )
        self._calls = Calls(
            tools=tools,
            cache=cache,
            turn=self._turn,
            returned=self._returned,
            said=said,
            inbox=inbox,
        )
        self._keeping = Keeping(
            store, carry_out=self._carry_out, kept=self._tell_readers, lost=self._let_go
        )
        self._parked = Parked(store, clock)
        self._runs: dict[RunId, Driven] = {}
        self._rested = Rested(
            self._runs, keeping=self._keeping, parked=self._parked, clock=clock, watched=watched
        )
        self._lost: set[RunId] = set()
        self._closed = False

    # -- what the facade asks -------------------------------------------------------------

    async def start(self, graph: Graph, start: Start, *, durability: Durability) -> None:
        """Begin a run and drive it to its end; see `Host.start`."""
        await self._begin_run(self._of(Run(graph), durability), start)

    async def fork(self, origin: Run, fork: Fork) -> None:
        """Begin a run where another one was; see `Host.fork`."""
        driven = self._of(origin, self._durability)
        driven.origin = Origin(origin.id, driven.kept)
        driven.commands = 1
        await self._begin_run(driven, fork)

    def adopt(self, run: Run, record: RunRecord) -> None:
        """Drive on a run that was folded from its log; see `Host.adopt`."""
        if self._closed:
            raise EngineClosed
        if run.id in self._runs or ended(run):
            return
        driven = self._of(run, self._durability)
        driven.status, driven.changed, driven.origin = record.status, record.changed, record.origin
        if record.due is None or record.due > self._clock.now():
            driven.rests_until = record.due
        self._runs[run.id] = driven
        self._lost.discard(run.id)
        self._calls.begin_all(driven)
        self._set_timer(driven)
        if driven.is_quiet:
            self._rested.stay(driven)

    async def watch(self, wake: Callable[[RunRecord], Awaitable[bool]]) -> int:
        """Have runs driven when they are due; see `Host.watch`."""
        return await self._parked.watch(wake)

    async def tell(self, run_id: RunId, *commands: AnyCommand) -> tuple[AnyEntry, ...]:
        """Carry out commands, one right after the other; see `Host.tell`."""
        driven = self._runs.get(run_id)
        if driven is None:
            raise RunOver(
                f"run '{run_id}' has ended, or is not driven here",
                hint="fork it: that makes a new run",
                details={"run_id": run_id},
            )
        batch: _Batch = ()
        try:
            for command in commands:
                batch = self._advance(driven, replace(command, n=driven.commands + 1))
                driven.commands += 1
        except Refused:  # it says what the run is, which a crash must not undo
            await self.kept(run_id)
            raise
        self._keeping.flush(driven)
        await self._keeping.until_kept(driven)
        return batch

    def driven(self, run_id: RunId) -> Run | None:
        """Give a run that is driven here; see `Host.driven`."""
        driven = self._runs.get(run_id)
        return driven.run if driven else None

    def recent(self, run_id: RunId) -> Run | None:
        """Give a run that ended here not long ago; see `Host.recent`."""
        return self._rested.ended(run_id)

    def lost(self, run_id: RunId) -> bool:
        """Tell whether a run was let go here; see `Host.lost`."""
        return run_id in self._lost

    async def kept(self, run_id: RunId) -> None:
        """Wait until everything that a run has done so far is kept; see `Host.kept`."""
        driven = self._runs.get(run_id)
        if driven is not None:
            self._keeping.flush(driven)
            await self._keeping.until_kept(driven)

    async def rest(self, run_id: RunId) -> None:
        """Wait until a run does not go on by itself; see `Host.rest`."""
        driven = self._runs.get(run_id)
        if driven is not None and not driven.at_rest:
            await beside(driven.rests)

    async def end(self, run_id: RunId) -> Run | None:
        """Wait until a run has ended; see `Host.end`."""
        driven = self._runs.get(run_id)
        if driven is None:
            return self._rested.ended(run_id)
        return await beside(driven.ends)

    async def close(self) -> None:
        """Stop all calls and wait for them; see `Host.close`."""
        self._closed = True
        self._timers.close()
        await self._parked.close()
        try:
            await self._calls.cancel(PATIENCE)
            for driven in list(self._runs.values()):
                with suppress(EngineError):  # those who wait for this run are told
                    self._keeping.flush(driven)
        finally:
            for driven in list(self._runs.values()):
                self._let_go(driven, EngineClosed())
            await self._calls.close()

    # -- one step -------------------------------------------------------------------------

    def _of(self, run: Run, durability: Durability) -> Driven:
        """Make what is known of a run while it is driven, from where its log is now."""
        return Driven(
            run,
            self._calls.crew(run.graph),
            durability=durability,
            kept=self._keeping.heard,
            at=Seq(run.next_seq - 1),
        )

    async def _begin_run(self, driven: Driven, given: Start | Fork) -> None:
        """Take the first step of a run of this host."""
        if self._closed:
            raise EngineClosed
        run_id = given.run_id
        if (there := self._runs.get(run_id)) is not None:
            await self._keeping.until_begun(there)  # or a crash could undo it
            raise RunExists(run_id)
        if len(self._runs) >= self._most:
            raise Overloaded(self._most)
        self._runs[run_id] = driven
        self._rested.begin(run_id)
        try:
            batch = self._advance(driven, given)
            if driven.pending:
                await self._keeping.until_kept(driven, batch[-1].seq)
        except LogMoved:
            self._lost.discard(run_id)  # it is somebody else's, and was never ours
            raise RunExists(run_id) from None
        except BaseException:
            if not driven.status:  # it was refused
                del self._runs[run_id]
            raise

    def _advance(self, driven: Driven, given: AnyInput) -> _Batch:
        """Decide, apply and hand over, with no await in between; carry out what is kept."""
        batch = step(driven.run, given)  # refusing, it has changed nothing
        self._keeping.keep(driven, batch, Row(batch))
        return batch

    def _carry_out(self, driven: Driven, batch: _Batch) -> None:
        """Make the world agree with a batch: begin calls, stop calls, set the timer."""
        plain = True
        running = driven.run.running
        for entry in batch:
            if type(entry) is NodeStarted:
                found = running.get(entry.activation)
                # What was decided since may have withdrawn it, or given it a later attempt.
                if found is not None and found.attempt == entry.attempt:
                    self._calls.begin(driven, entry.node, entry.activation, entry.attempt)
            elif type(entry) not in _PLAIN:
                plain = False
        if not plain:
            self._calls.stop_what_is_over(driven)
            self._calls.place_what_waits(driven)  # a limit may have been raised
            if type(batch[0]) is RunForked:  # what had begun in the origin is due again
                self._calls.begin_all(driven)
        if driven.run.timers or driven.due is not None:
            self._set_timer(driven)

    def _tell_readers(self, driven: Driven, row: Row) -> None:
        """Tell everybody that a row is kept: those who read the log, and who wait for the run."""
        run = driven.run
        if run.status != "running":
            if driven.is_all_kept:
                self._settle(driven)
        elif driven.due is not None and driven.is_quiet:
            self._rested.rest(driven)
        self._appended(run.id, row)

    def _feed(self, driven: Driven, given: AnyInput) -> None:
        """Take a step that nobody waits for."""
        try:
            batch = step(driven.run, given)
            self._keeping.keep(driven, batch, Row(batch))
        except Refused as refusal:
            log.debug("run '%s' went on, or ended, without it: %s", driven.run.id, refusal)
        except Exception as error:
            if isinstance(error, LogMoved | StoreClosed):
                log.warning("run '%s' is driven no further here: %s", driven.run.id, error)
            else:
                log.exception("run '%s' can't be driven on", driven.run.id)
            self._let_go(driven, error)

    def _settle(self, driven: Driven) -> None:
        """Tell those who wait that the run does not go on by itself."""
        if driven.at_rest:
            for rest in driven.rests:
                if not rest.done():
                    rest.set_result(None)
        if not ended(driven.run):
            self._rested.rest(driven)
            return
        driven.due = None
        self._runs.pop(driven.run.id, None)
        self._rested.end(driven.run)
        for end in driven.ends:
            if not end.done():
                end.set_result(driven.run)

    def _let_go(self, driven: Driven, why: BaseException) -> None:
        """Drive a run no further; its log stays as it is."""
        if self._runs.get(driven.run.id) is driven:
            del self._runs[driven.run.id]
            self._lost.add(driven.run.id)
            self._rested.forget(driven.run.id)
        driven.due = None
        driven.pending.clear()
        driven.held.clear()
        self._calls.stop_all(driven)
        driven.fail_waiters(why)
        self._appended(driven.run.id, None)

    def _returned(self, each: Call, outcome: Outcome, began: float) -> None:
        """Tell the run what came of a call."""
        driven, now = each.driven, self._clock.now()
        if driven.due is not None and driven.due <= now:
            self._come(driven, driven.due)  # the loop was held up, and the timer comes first
            if each.stopped:
                return
        self._feed(
            driven,
            Result(
                now,
                each.activation,
                each.attempt,
                # The core checks it at the door, where its limits are known.
                cast("dict[str, Json] | None", outcome.patch),
                outcome.overwrites,
                outcome.goto,
                outcome.error,
                int((began - each.since) * 1e6) / 1e6,  # the clock is no finer; and
                int((self._loop.time() - began) * 1e6) / 1e6,  # round() takes 0.4 us
                outcome.cached,
            ),
        )

    # -- time -----------------------------------------------------------------------------

    def _set_timer(self, driven: Driven) -> None:
        due = deadline(driven.run)
        if due != driven.due:
            driven.due = due
            if due is not None:
                self._timers.set(ref(driven), due)

    def _ring(self, owner: ref[Driven], due: datetime) -> None:
        if (driven := owner()) is not None:
            self._come(driven, due)

    def _come(self, driven: Driven, due: datetime) -> None:
        """Tell the run that its deadline has come."""
        driven.due = None
        self._feed(driven, Timer(at=due))
        if driven.due is None and driven.run.id in self._runs:
            self._set_timer(driven)
