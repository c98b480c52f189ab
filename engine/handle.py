"""A run in the hands of those who started or found it.

This module knows how to ask a run and its log, wherever the run is: driven here, or ended
and folded again from its log. It does not know how runs are executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.ask import ended, view
from engine.entry import decode, decode_batch
from engine.errors import EngineError, NotFound
from engine.ids import BEGINNING, Json, RunId, Seq
from engine.inputs import Cancel, Pause, Resume
from engine.report import Report, RunCancelled, RunFailed
from engine.run import Run, fold
from engine.snapshot import Snapshot
from engine.value import copy_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine.catalog import GraphVersion
    from engine.clock import Clock
    from engine.entry import AnyEntry, Entry
    from engine.host import AnyCommand, Host
    from engine.store import LogStore
    from engine.tail import Tails


class RunHandle:
    """One run: its log, its state, its result, and what can be asked of it.

    Attributes:
        id: Its name.
        graph: The version of the graph that it was started with.
    """

    __slots__ = ("_clock", "_host", "_store", "_tails", "graph", "id")

    def __init__(  # noqa: PLR0913  # the engine's parts, each by name
        self,
        run_id: RunId,
        graph: GraphVersion,
        *,
        host: Host,
        store: LogStore,
        tails: Tails,
        clock: Clock,
    ) -> None:
        self.id: RunId = run_id
        self.graph: GraphVersion = graph
        self._host = host
        self._store = store
        self._tails = tails
        self._clock = clock

    def __repr__(self) -> str:
        """Name the run and its graph."""
        return f"<RunHandle {self.id} of {self.graph.graph_id} {self.graph.version}>"

    # -- its log --------------------------------------------------------------------------

    async def tail(self, after: Seq = BEGINNING) -> AsyncGenerator[AnyEntry, None]:
        """Yield the entries of the log after `after`, then new ones as they are written.

        Each is yielded once, in order, and the iteration ends with the log. Leaving it at
        any time costs the run nothing, and a slow reader slows nobody.

        Args:
            after: The last position already seen; `BEGINNING` means from the first entry.
        """
        async for line in self._tails.read(self.id, after):
            yield decode(line)

    def lines(self, after: Seq = BEGINNING) -> AsyncGenerator[bytes, None]:
        """Do as `tail` does, but yield each entry as it stands in the log: a line of JSON."""
        return self._tails.read(self.id, after)

    async def last(self) -> Seq:
        """Give the seq of the last entry so far."""
        last = await self._store.last(self.id)
        return BEGINNING if last is None else last

    # -- its state ------------------------------------------------------------------------

    async def snapshot(self, at: int | None = None) -> Snapshot:
        """Give the run as it is now, or as it was after the batch that holds entry `at`.

        Raises:
            NotFound: The log has no entry `at`.
        """
        run = self._host.driven(self.id) if at is None else None
        return Snapshot.of(run or await self._fold(at), self.graph)

    async def state(self, at: int | None = None) -> dict[str, Json]:
        """Give the state as it is now, or as it was after the batch that holds entry `at`.

        Raises:
            NotFound: The log has no entry `at`.
        """
        return (await self.snapshot(at)).state

    # -- its end --------------------------------------------------------------------------

    async def rest(self) -> None:
        """Wait until the run does not go on by itself: it has ended or is paused."""
        await self._host.rest(self.id)

    async def result(self) -> dict[str, Json]:
        """Wait until the run has ended, and give its final state.

        A paused run has not ended: this waits until somebody resumes or cancels it; `rest`
        does not.

        Raises:
            RunFailed: It failed; `error.report` says where, and on what.
            RunCancelled: It was cancelled.
            EngineError: It can't be driven on here, so that it will not end.
        """
        run = await self._host.end(self.id) or await self._fold()
        if not ended(run):
            raise EngineError(
                f"run '{self.id}' has not ended, and nobody drives it any more",
                code="RUN_ABANDONED",
                hint="its log has what has happened; start another run",
                details={"run_id": self.id, "seq": run.next_seq - 1},
            )
        if run.status == "failed":
            raise RunFailed(Report.of(run))
        if run.status == "cancelled":
            raise RunCancelled(self.id)
        return {key: copy_of(value) for key, value in view(run).state.items()}

    # -- what can be asked of it ----------------------------------------------------------

    async def cancel(self, reason: str = "") -> None:
        """End the run now; the tools that are running are stopped.

        Raises:
            RunOver: It has ended already.
        """
        self._tell(Cancel(at=self._clock.now(), n=0, reason=reason))

    async def pause(self) -> None:
        """Let no further node begin; the calls that are running go on and are recorded.

        Raises:
            Refused: It is paused already, or has ended.
        """
        self._tell(Pause(at=self._clock.now(), n=0))

    async def resume(self) -> None:
        """Let a paused run go on.

        Raises:
            Refused: It is not paused, or has ended.
        """
        self._tell(Resume(at=self._clock.now(), n=0))

    def _tell(self, command: AnyCommand) -> tuple[Entry, ...]:
        return self._host.tell(self.id, command)

    # -- its past -------------------------------------------------------------------------

    async def _fold(self, at: int | None = None) -> Run:
        """Read the log again, to its end or to the end of the batch that holds entry `at`."""
        batches = [decode_batch(row) for row in await self._store.read(self.id)]
        last = batches[-1][-1].seq
        if at is not None:
            if not 0 <= at <= last:
                raise NotFound(
                    f"run '{self.id}' has no entry {at}",
                    code="SEQ_NOT_FOUND",
                    hint=f"its log has the entries 0 to {last}",
                    details={"run_id": self.id, "seq": at, "last": last},
                )
            batches = [batch for batch in batches if batch[0].seq <= at]
        return fold(self.graph.graph, (entry for batch in batches for entry in batch))
