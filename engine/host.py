"""Who executes runs: the protocol, its implementations are in `hosts`.

A host is a loop around the core. It feeds inputs to `step`, keeps the batch that comes back,
asks what is active, when the next timer is due and whether the run has ended, and makes the
world agree with the answers. Nothing else crosses that seam.

This module knows what the facade asks of a host. It does not know how hosts execute tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, get_args

from engine.errors import EngineError, Refused
from engine.inputs import (
    Cancel,
    Patch,
    Pause,
    RaiseLimit,
    Resume,
    SetBreakpoints,
    Skip,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.entry import AnyEntry
    from engine.graph import Graph
    from engine.ids import RunId
    from engine.inputs import Fork, Start
    from engine.run import Run
    from engine.store import RunRecord

AnyCommand: TypeAlias = Pause | Resume | Step | SetBreakpoints | Patch | Skip | RaiseLimit | Cancel
"""What can be asked of a run that is driven."""

Durability: TypeAlias = Literal["sync", "async", "exit"]
"""When the batches of a run are kept, and so what a lost process costs.

`sync`: a completed node is kept before its successors begin; nothing that completed is lost.
`async`: batches are kept behind the run, in order; the last ones may be lost, and are redone.
`exit`: the start is kept at once, the rest when the run has ended, rests or is asked
something; a run that was under way begins again.
"""

DURABILITIES: Final[tuple[Durability, ...]] = get_args(Durability)


class EngineClosed(EngineError):
    """Nobody executes runs here any more, or not yet."""

    code: str = "ENGINE_CLOSED"

    def __init__(self) -> None:
        super().__init__(
            "the engine is not running",
            hint="use it inside its block: async with Engine(...) as engine",
        )


class Overloaded(EngineError):
    """As many runs go on here as may; nothing was changed, and later there is room."""

    code: str = "TOO_MANY_RUNS"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most:,} runs go on here, as many as may at once",
            hint="ask again when some have ended, or raise it: Engine(max_runs=...)",
            details={"limit": "max_runs", "value": most},
        )


class RunExists(Refused):
    """There is a run of that name already, and names are never given twice."""

    code: str = "RUN_EXISTS"

    def __init__(self, run_id: RunId) -> None:
        self.run_id: RunId = run_id
        super().__init__(
            f"there is a run '{run_id}' already",
            hint="leave run_id out to have one made up",
            details={"run_id": run_id},
        )


class Host(Protocol):
    """Executes runs, from their start to their end.

    What a host answers is kept: nobody hears of anything that a crash could undo. Whoever is
    cancelled while he waits loses only his waiting.
    """

    async def start(self, graph: Graph, start: Start, *, durability: Durability) -> None:
        """Begin a run and drive it to its end; its first batch is kept on return.

        Raises:
            InvalidValue: The state that it is to start with can't be one.
            RunExists: There is a run of that name already; nothing was changed.
            Overloaded: Too many runs go on here; nothing was changed.
            EngineClosed, StoreClosed: Nobody drives runs here any more.
            StoreUnavailable: The store can't keep it for now; the run may begin later.
        """
        ...

    async def fork(self, origin: Run, fork: Fork) -> None:
        """Begin a run that has the log of another as its past, and drive it to its end.

        Args:
            origin: Folded to where the fork parts from it; it becomes the new run.
            fork: What is different from there on.

        Raises:
            Refused, InvalidValue: It can't be forked like that; nothing was changed.
            RunExists: There is a run of that name already; nothing was changed.
            Overloaded: Too many runs go on here; nothing was changed.
            EngineClosed, StoreClosed: Nobody drives runs here any more.
            StoreUnavailable: The store can't keep it for now; the run may begin later.
        """
        ...

    def adopt(self, run: Run, record: RunRecord) -> None:
        """Drive on a run that was folded from its log, unless it is driven here already."""
        ...

    async def watch(self, wake: Callable[[RunRecord], Awaitable[bool]]) -> int:
        """Have the runs in the store driven when they are due, those that are now at once.

        Runs that rest until a time, or for a person, leave memory only if this was called.

        Args:
            wake: Reads a run and has it adopted; True if that was done. It says itself why a
                run can't go on, and raises only what stands in the way of all of them.

        Returns:
            How many were due, and were adopted.

        Raises:
            EngineError: The store can't be read.
        """
        ...

    async def tell(self, run_id: RunId, *commands: AnyCommand) -> tuple[AnyEntry, ...]:
        """Carry out commands, which the host numbers, and give the batch of the last.

        Nothing comes between them. One that is refused ends it; those before it stand.

        Raises:
            Refused: The run is in no state for it, or has ended; it changed nothing.
            EngineClosed, LogMoved, StoreClosed: The run can't be driven on here.
            StoreUnavailable: The store can't keep it for now; it may be kept later.
        """
        ...

    def driven(self, run_id: RunId) -> Run | None:
        """Give a run that is driven here, to be looked at only; None if it is not.

        It may be ahead of its log: wait for `kept` before anybody hears what was seen.
        """
        ...

    def recent(self, run_id: RunId) -> Run | None:
        """Give a run that ended here not long ago; its log is all kept, and says the same."""
        ...

    def lost(self, run_id: RunId) -> bool:
        """Tell whether a run was let go here, because its log could not be kept any further.

        Somebody else may drive it; whoever asks something of it lets it be driven here again.
        """
        ...

    async def kept(self, run_id: RunId) -> None:
        """Wait until everything that a run has done so far is kept.

        Raises:
            EngineError: It can't be driven on here; its log has what has happened.
        """
        ...

    async def rest(self, run_id: RunId) -> None:
        """Wait until a run does not go on by itself.

        It has ended, or is paused and none of its calls is running.
        """
        ...

    async def end(self, run_id: RunId) -> Run | None:
        """Wait until a run has ended, and give it.

        None if it is not driven here, and has not ended here of late.

        Raises:
            EngineError: The run can't be driven on here; its log has what has happened.
        """
        ...

    async def close(self) -> None:
        """Stop all calls and wait for them; runs that have not ended stay as they are."""
        ...
