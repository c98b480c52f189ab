"""A run in the hands of those who started or found it.

This module knows how to ask a run and its log, wherever the run is: driven here, at rest, or
ended and folded again from its log. It does not know how runs are executed.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from engine.ask import ended, skippable, view
from engine.decide.command import check_limits
from engine.diagnosis import diagnose
from engine.difference import Difference, difference
from engine.errors import EngineError, NotApplicable, Refused, RunOver
from engine.host import RunExists
from engine.ids import BEGINNING, ActivationId, Json, RunId, Seq
from engine.inputs import (
    Cancel,
    Fork,
    Patch,
    Pause,
    RaiseLimit,
    Resume,
    SetBreakpoints,
    Skip,
    Step,
)
from engine.recovery import fold_log
from engine.report import RunCancelled, RunFailed
from engine.run_names import run_name
from engine.snapshot import Snapshot
from engine.value import copy_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping
    from datetime import datetime

    from engine.catalog import GraphVersion
    from engine.entry import AnyEntry, Breakpoint
    from engine.frame import Frame
    from engine.host import AnyCommand
    from engine.parts import Parts
    from engine.report import Report
    from engine.row import Row
    from engine.run import Run
    from engine.store import RunRecord, Status


class RunHandle:
    """One run: its log, its state, its result, and what can be asked of it.

    Whatever it answers is kept by the store: no crash makes it untrue. Who is cancelled while
    he waits for a command loses only his waiting; the command is on its way.

    Attributes:
        id: Its name.
        graph: The version of the graph that it was started with.
    """

    __slots__ = ("_parts", "graph", "id")

    def __init__(self, run_id: RunId, graph: GraphVersion, parts: Parts) -> None:
        self.id: RunId = run_id
        self.graph: GraphVersion = graph
        self._parts = parts

    def __repr__(self) -> str:
        """Name the run and its graph."""
        return f"<RunHandle {self.id} of {self.graph.graph_id} {self.graph.version}>"

    # -- its log --------------------------------------------------------------------------

    async def tail(
        self, after: Seq = BEGINNING, *, max_behind: int | None = None
    ) -> AsyncGenerator[AnyEntry, None]:
        """Yield the entries of the log after `after`, then new ones as they are kept.

        Each is yielded once, in order, and the iteration ends with the log. Leaving it at
        any time costs the run nothing, and a slow reader slows nobody.

        Args:
            after: The last position already seen; `BEGINNING` means from the first entry.
            max_behind: Where a reader is of no use that is more entries than that behind;
                counted from when it has first reached the end of the log. None: never.

        Raises:
            Lagging: The reader is further behind; `error.position` is where to go on.
        """
        await self._follow()
        reader = self._parts.tails.read(self.id, after, max_behind=max_behind)
        async with aclosing(reader):  # or it is closed when the garbage collector finds it
            async for item in reader:
                if isinstance(item, tuple):
                    row, seen = item
                    for entry in row.entries[seen:]:
                        yield entry

    async def frames(self, after: Seq = BEGINNING) -> AsyncGenerator[tuple[Row, int] | Frame, None]:
        """Do as `tail` does, but yield rows, each with how many of its entries have been seen.

        In between comes what tools say: a `Frame`, missed by who was not there.
        """
        await self._follow()
        async with aclosing(self._parts.tails.read(self.id, after, frames=True)) as reader:
            async for item in reader:
                yield item

    async def lines(self, after: Seq = BEGINNING) -> AsyncGenerator[bytes, None]:
        """Do as `tail` does, but yield each entry as it stands in the log: a line of JSON."""
        await self._follow()
        async with aclosing(self._parts.tails.read(self.id, after)) as reader:
            async for item in reader:
                if isinstance(item, tuple):
                    row, seen = item
                    for line in row.data.split(b"\n")[seen:]:
                        yield line

    async def record(self) -> RunRecord:
        """Give what lists show of it: its status, when it began, where a fork comes from."""
        await self._parts.host.kept(self.id)
        record = await self._parts.store.record(self.id)
        assert record is not None  # noqa: S101  # there is a handle of it
        return record

    async def last(self) -> Seq:
        """Give the seq of the last entry so far."""
        last = await self._parts.store.last(self.id)
        return BEGINNING if last is None else last

    async def progress(self) -> tuple[Status, Seq]:
        """Give its status and its last entry, but no state, which may be large."""
        host = self._parts.host
        run = host.driven(self.id) or host.recent(self.id)
        if run is None or run.status == "new":
            return (await self.record()).status, await self.last()
        seen: tuple[Status, Seq] = run.status, Seq(run.next_seq - 1)
        await host.kept(self.id)
        return seen

    # -- its state ------------------------------------------------------------------------

    async def snapshot(self, at: int | None = None) -> Snapshot:
        """Give the run as it is now, or as it was after the batch that holds entry `at`.

        Raises:
            NotFound: The log has no entry `at`.
        """
        host = self._parts.host
        run = host.driven(self.id) or host.recent(self.id) if at is None else None
        if run is None and at is None:
            return await self._parts.snapshots.of(self.id, self.graph)
        if run is None:
            return Snapshot.of(await self._fold(at), self.graph)
        seen = Snapshot.of(run, self.graph)
        await host.kept(self.id)
        return seen

    async def state(self, at: int | None = None) -> dict[str, Json]:
        """Give the state of `snapshot`; raises what that does."""
        return (await self.snapshot(at)).state

    async def diff(self, before: int, after: int | None = None) -> Difference:
        """Compare the state after entry `before` with that after `after`, or now; as `state`."""
        one, other = await self.snapshot(before), await self.snapshot(after)
        return difference(one.state, other.state, before=one.seq, after=other.seq)

    async def report(self) -> Report | None:
        """Say why the run failed or is paused, and what to do about it; None if it is well."""
        run = await self._fold()
        if run.status != "failed" and not (run.status == "paused" and run.error is not None):
            return None
        return await diagnose(self._parts.store, run)

    # -- its end --------------------------------------------------------------------------

    async def rest(self) -> None:
        """Wait until the run does not go on by itself.

        It has ended, or is paused and none of its calls is running.
        """
        await self._follow()
        await self._parts.host.rest(self.id)

    async def result(self) -> dict[str, Json]:
        """Wait until the run has ended, and give its final state.

        A paused run has not ended: this waits until somebody resumes or cancels it; `rest`
        does not.

        Raises:
            RunFailed: It failed; `error.report` says where, on what, and what can be done.
            RunCancelled: It was cancelled.
            EngineError: It can't be driven on here, so that it will not end.
        """
        run = await self._parts.host.end(self.id)
        if run is None:
            await self._follow()
            run = await self._parts.host.end(self.id) or await self._fold()
        if not ended(run):
            raise EngineError(
                f"run '{self.id}' has not ended, and nobody drives it here",
                code="RUN_ABANDONED",
                hint="its log has what has happened; find it again: await engine.find(...)",
                details={"run_id": self.id, "seq": run.next_seq - 1},
            )
        if run.status == "failed":
            raise RunFailed(await diagnose(self._parts.store, run))
        if run.status == "cancelled":
            raise RunCancelled(self.id)
        return {key: copy_of(value) for key, value in view(run).state.items()}

    # -- what can be asked of it while it goes on, or is paused --------------------------

    async def cancel(self, reason: str = "") -> AnyEntry:
        """End the run now; the tools that are running are stopped.

        Gives the entry that this caused, as all of these do. Raises `RunOver` if it has ended.
        """
        return await self._tell(Cancel(at=self._now(), n=0, reason=reason))

    async def pause(self) -> AnyEntry:
        """Let no further node begin; the calls that are running go on and are recorded.

        Raises:
            Refused: It is paused already, or has ended.
        """
        return await self._tell(Pause(at=self._now(), n=0))

    async def resume(self) -> AnyEntry:
        """Let a paused run go on; a node that was given up gets another series of attempts.

        Raises:
            Refused: It is not paused, or has ended.
        """
        return await self._tell(Resume(at=self._now(), n=0))

    async def step(self) -> AnyEntry:
        """Let a paused run fire one node, now or once one is due; raises what `resume` does."""
        return await self._tell(Step(at=self._now(), n=0))

    async def set_breakpoints(self, breakpoints: Iterable[Breakpoint]) -> AnyEntry:
        """Put these breakpoints in place of those there are; none takes all away.

        Raises:
            NotApplicable: One names no node, or its condition does not compile.
            RunOver: The run has ended.
        """
        return await self._tell(SetBreakpoints(at=self._now(), n=0, breakpoints=tuple(breakpoints)))

    async def patch(self, patch: Mapping[str, Json], *, node: str | None = None) -> AnyEntry:
        """Set keys of the state of what is in flight, or of what is at `node`.

        A tool that is running has its own copy, and does not see it.

        Raises:
            NotApplicable: Nothing is in flight there, or the patch is empty.
            InvalidValue: A value can't be in a state.
            RunOver: The run has ended: `fork(patch=...)` makes a new one.
        """
        return await self._tell(Patch(at=self._now(), n=0, patch=dict(patch), node=node))

    async def skip(
        self, patch: Mapping[str, Json] | None = None, *, activation: int | None = None
    ) -> AnyEntry:
        """Give the result of a node in its place, and stop it if it is running.

        Args:
            patch: What it would have written; nothing if left out.
            activation: Which activation; may be left out where only one is exhausted, or,
                if none is, only one is there at all.

        Raises:
            NotApplicable: There is no such activation, or its rules can't take that result.
            RunOver: The run has ended: `fork(skip=...)` makes a new one.
        """
        run = await self._driven()
        number = skippable(run) if activation is None else ActivationId(activation)
        return await self._tell(
            Skip(at=self._now(), n=0, activation=number, patch=dict(patch or {}))
        )

    async def raise_limits(
        self, limits: Mapping[str, int | float | None], *, resume: bool = False
    ) -> AnyEntry:
        """Give limits of this run other values; with `resume`, let it go on with them.

        Gives the last entry that this caused.

        Raises:
            NotApplicable: There is no such limit, or it can't have that value.
            RunOver: The run has ended: `fork(limits=...)` makes a new one.
        """
        if not limits:
            raise NotApplicable("no limit is named", hint='as in {"max_visits": 2000}')
        run, now = await self._driven(), self._now()
        try:
            check_limits(run, dict(limits), resume=resume)  # all or none
        except Refused:
            await self._parts.host.kept(self.id)  # it says what the run is, which must be so
            raise
        commands: list[AnyCommand] = [
            RaiseLimit(at=now, n=0, limit=limit, value=value) for limit, value in limits.items()
        ]
        if resume:
            commands.append(Resume(at=now, n=0))
        return (await self._parts.host.tell(self.id, *commands))[0]

    # -- new runs that begin where this one was -------------------------------------------

    async def retry(self, *, run_id: str | None = None) -> RunHandle:
        """Begin a new run where this one ended, with its keys: what failed gets another attempt.

        Raises:
            NotApplicable: It has not ended, or nothing was in flight when it did.
            RunExists: There is a run of that name already.
        """
        record = await self.record()
        if record.status in ("running", "paused"):
            raise NotApplicable(
                f"run '{self.id}' is {record.status}: there is nothing to retry yet",
                hint="resume it if it is paused; fork it to try something beside it",
            )
        return await self.fork(run_id=run_id, keep_keys=True)

    async def fork(  # noqa: PLR0913  # each by name, each with a default
        self,
        at: int | None = None,
        *,
        run_id: str | None = None,
        patch: Mapping[str, Json] | None = None,
        skip: Mapping[str, Json] | None = None,
        limits: Mapping[str, int | float | None] | None = None,
        keep_keys: bool = False,
    ) -> RunHandle:
        """Begin a new run with the log of this one, up to an entry, as its past.

        What had begun there and not returned is due again; what had failed gets another
        attempt. This run is not changed by it, and may be going on.

        Args:
            at: The entry after whose batch to part; the last one if left out.
            run_id: The name of the new run; made up if left out.
            patch: Keys of the state to set in everything in flight.
            skip: What the nodes that had failed are to have written, in place of another
                attempt.
            limits: Limits to give other values.
            keep_keys: Whether idempotency keys stay as they were, so that effects are not
                repeated: right for mending a run, wrong for trying what would have been.

        Raises:
            NotFound: The log has no entry `at`.
            NotApplicable: Nothing was in flight there, or it can't be changed like that.
            RunExists: There is a run of that name already.
        """
        name = run_name(run_id)
        if run_id is not None and await self._parts.store.last(name) is not None:
            raise RunExists(name)
        origin = await self._fold(at)
        fork = Fork(
            at=self._now(),
            n=1,
            run_id=name,
            patch=dict(patch or {}),
            skip=None if skip is None else dict(skip),
            limits=dict(limits or {}),
            keep_keys=keep_keys,
        )
        await self._parts.host.fork(origin, fork)
        return RunHandle(name, self.graph, self._parts)

    # -- how ------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._parts.clock.now()

    async def _follow(self) -> None:
        if self._parts.host.driven(self.id) is None:
            await self._parts.recovery.follow(self.id, self.graph.graph)

    async def _driven(self) -> Run:
        """See that the run is driven here."""
        await self._parts.recovery.adopt(self.id, self.graph.graph)
        run = self._parts.host.driven(self.id)
        if run is None:
            raise RunOver(
                f"run '{self.id}' has ended: nothing can be added to its log",
                hint="fork it, or retry it if it failed: that makes a new run",
                details={"run_id": self.id},
            )
        return run

    async def _tell(self, command: AnyCommand) -> AnyEntry:
        await self._driven()
        batch = await self._parts.host.tell(self.id, command)
        return batch[0]

    async def _fold(self, at: int | None = None) -> Run:
        return await fold_log(self._parts.store, self.graph.graph, self.id, at)
