"""Who executes runs: the protocol, its implementations are in `hosts`.

A host is a loop around the core. It feeds inputs to `step`, keeps the batch that comes back,
asks what is active, when the next timer is due and whether the run has ended, and makes the
world agree with the answers. Nothing else crosses that seam.

This module knows what the facade asks of a host. It does not know how hosts execute tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

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
    from engine.entry import Entry
    from engine.graph import Graph
    from engine.ids import RunId
    from engine.inputs import Start
    from engine.run import Run

AnyCommand: TypeAlias = Pause | Resume | Step | SetBreakpoints | Patch | Skip | RaiseLimit | Cancel
"""What can be asked of a run that is driven."""


class EngineClosed(EngineError):
    """Nobody executes runs here any more, or not yet."""

    code: str = "ENGINE_CLOSED"

    def __init__(self) -> None:
        super().__init__(
            "the engine is not running",
            hint="use it inside its block: async with Engine(...) as engine",
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
    """Executes runs, from their start to their end."""

    def start(self, graph: Graph, start: Start) -> None:
        """Begin a run and drive it to its end; its first batch is kept on return.

        Raises:
            InvalidValue: The state that it is to start with can't be one.
            RunExists: A run of that name is driven here.
            LogMoved: There is a log of that name already; nothing was changed.
        """
        ...

    def tell(self, run_id: RunId, command: AnyCommand) -> tuple[Entry, ...]:
        """Carry out a command, which the host numbers, and give the batch it caused.

        Raises:
            Refused: The run is in no state for it, or has ended; nothing was changed.
        """
        ...

    def driven(self, run_id: RunId) -> Run | None:
        """Give a run that is driven here, to be looked at only; None if it has ended."""
        ...

    async def rest(self, run_id: RunId) -> None:
        """Wait until a run does not go on by itself: it has ended or is paused."""
        ...

    async def end(self, run_id: RunId) -> Run | None:
        """Wait until a run has ended, and give it; None if it had ended before.

        Raises:
            EngineError: The run can't be driven on here; its log has what has happened.
        """
        ...

    async def close(self) -> None:
        """Stop all calls and wait for them; runs that have not ended stay as they are."""
        ...
