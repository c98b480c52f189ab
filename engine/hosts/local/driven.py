"""A run that is driven here, and what is being done for it.

This module knows how far a run is applied, handed to the store and kept, who waits for what
of it, and which calls are made for it. It does not know how anything of that comes about.

A run is ahead of its log: what a step decided is applied at once and kept a little later.
Whoever was told something of the run before it was kept could be told something that never
happened, so everybody waits for the position that they have seen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable
    from datetime import datetime
    from types import EllipsisType

    from engine.entry import AnyEntry
    from engine.errors import EngineError
    from engine.host import Durability
    from engine.hosts.local.actor import Actor, Call
    from engine.ids import ActivationId, Seq
    from engine.row import Row
    from engine.run import Run
    from engine.store import Origin

    Batch = tuple[AnyEntry, ...]
    Crew = dict[str, Actor]

T = TypeVar("T")


async def beside(waiters: list[asyncio.Future[T]]) -> T:
    """Wait beside others for the same; cancelled, leave no trace."""
    waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    waiters.append(waiter)
    try:
        return await waiter
    finally:
        if waiter in waiters:
            waiters.remove(waiter)


class Driven:
    """One run, from its start here to its end here.

    Attributes:
        run: As far as it is applied.
        crew: The actors of its graph version.
        durability: When its batches are kept.
        origin: Where its log begins, if it is a fork.
        calls: The calls that are due, waiting in an inbox or running, by activation.
        placed: How many of them are in an inbox or running.
        later: Those that the run's own `max_parallel` holds back, if there were any.
        due: The deadline that is set for it.
        commands: The number of the last command.
        status: Its status as the store knows it; empty before its first batch.
        changed: When that last changed.
        rests_until: The `due` that its record has for it, as far as is known here; `...`: none
            that it rests by.
        began_at: The last entry that its log had when it was driven here first.
        handed: The last entry that the store was given.
        kept: The last entry that the store has kept.
        pending: Batches that the store was given and has not kept yet, in order, and whether
            what follows from each has been carried out already.
        held: Batches that the store is to be given at the end (`durability="exit"`).
    """

    __slots__ = (
        "__weakref__",
        "_waits",
        "began_at",
        "calls",
        "changed",
        "commands",
        "crew",
        "due",
        "durability",
        "ends",
        "handed",
        "held",
        "kept",
        "later",
        "origin",
        "pending",
        "placed",
        "rests",
        "rests_until",
        "run",
        "status",
        "tell_kept",
    )

    def __init__(  # its facts, most by name
        self,
        run: Run,
        crew: Crew,
        *,
        durability: Durability,
        kept: Callable[[Driven, EngineError | None], None],
        at: Seq,
    ) -> None:
        self.run: Run = run
        self.crew: Crew = crew
        self.durability: Durability = durability
        self.origin: Origin | None = None
        self.calls: dict[ActivationId, Call] = {}
        self.placed: int = 0
        self.later: deque[Call] | None = None  # made when needed: empty it has 760 bytes
        self.due: datetime | None = None
        self.commands: int = max(run.commands, default=0)
        self.status: str = ""
        self.changed: datetime | None = None
        self.rests_until: datetime | EllipsisType | None = ...
        self.began_at: Seq = at
        self.handed: Seq = at
        self.kept: Seq = at
        self.pending: list[tuple[Batch, Row, bool]] = []  # one for each call in flight, mostly
        self.held: list[Row] = []
        self.rests: list[asyncio.Future[None]] = []
        self.ends: list[asyncio.Future[Run]] = []
        self.tell_kept: Callable[[EngineError | None], None] = lambda error: kept(self, error)
        self._waits: list[tuple[Seq, asyncio.Future[None]]] = []

    @property
    def is_all_kept(self) -> bool:
        """Whether the log has everything that the run has done."""
        return self.kept == self.run.next_seq - 1

    @property
    def at_rest(self) -> bool:
        """Whether it does not go on by itself, and everything that it has done is kept."""
        return self.run.status != "running" and not self.calls and self.is_all_kept

    @property
    def is_quiet(self) -> bool:
        """Whether it goes no further before a timer or a person says so."""
        return not self.run.running and self.run.status in ("running", "paused")

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done for it and nobody waits for anything: its log is all of it."""
        return (
            self.is_quiet
            and self.is_all_kept
            and not (self.calls or self.rests or self.ends or self._waits)
        )

    def wait_until_kept(self, seq: Seq, waiter: asyncio.Future[None]) -> None:
        """Resolve a future when entry `seq` is kept; nobody waits for less than others did."""
        self._waits.append((seq, waiter))

    def is_kept(self, seq: Seq) -> None:
        """Take note that everything up to `seq` is kept, and tell those who wait for it."""
        self.kept = seq
        waits = self._waits
        while waits and waits[0][0] <= seq:
            _, waiter = waits.pop(0)
            if not waiter.done():
                waiter.set_result(None)

    def fail_waiters(self, why: BaseException) -> None:
        """Tell everybody who waits for anything of this run that it won't come."""
        waiters: list[asyncio.Future[None] | asyncio.Future[Run]] = [
            *self.rests,
            *self.ends,
            *(waiter for _, waiter in self._waits),
        ]
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(why)
                waiter.exception()  # or the loop complains when nobody is left to ask
