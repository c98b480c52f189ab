"""The readers of runs that have all there is, and how each new entry gets to them.

This module knows who listens, and hands on what comes. It does not know what entries say, nor
how a reader gets what it lacks (`following`).

However many listen to a run, its log is read once, and what is new is written once for all
streams of one form and put into each connection without waking anybody. Nothing waits here
for a slow reader: one whose connection has no room is let out, and what it lacks it takes
from the log, when it is ready. So what is held for a reader is what its connection holds.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from engine import BEGINNING, Seq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from anyio.abc import TaskGroup

    from api.connection import Direct
    from engine import Row, RunHandle, RunId

log: Final = logging.getLogger(__name__)

FULL: Final = 64 * 1024
"""Bytes after which no more is joined; one entry may be larger."""


@dataclass(frozen=True, slots=True)
class Form:
    """How lines of a log are written on one kind of stream."""

    write: Callable[[Sequence[bytes], Seq], bytes]
    """Writes lines; is told the seq of the first, or `BEGINNING` if they are no entries."""
    breath: float = 0.0
    """Seconds between two writes, for streams that want what waits joined."""


class Listener:
    """A reader, and how far it is.

    Attributes:
        form: How its stream is written.
        sent: The last entry that it was given.
        at: When something was last written to it, by the loop's clock.
        out: Set when it is let out.
    """

    def __init__(self, form: Form, sent: Seq) -> None:
        self.form = form
        self.sent = sent
        self.at = 0.0
        self.out = anyio.Event()


class Hub:
    """The listeners of all runs.

    Args:
        tasks: Where logs are read; cancelled when the server stops.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._broadcasts: dict[RunId, _Broadcast] = {}

    @property
    def listeners(self) -> int:
        """How many there are."""
        return sum(each.listeners for each in self._broadcasts.values())

    def position(self, run_id: RunId) -> Seq | None:
        """Tell what whoever listens to a run has; None if nobody does."""
        broadcast = self._broadcasts.get(run_id)
        return None if broadcast is None else broadcast.position

    def join(self, run: RunHandle, listener: Listener, direct: Direct, position: Seq) -> None:
        """Take somebody in who lacks nothing, until he is let out.

        He is let out when the log ends, too, and when it can't be read.

        Args:
            run: What he reads.
            listener: Who he is.
            direct: His connection.
            position: The last entry of the log, as far as he knows.
        """
        broadcast = self._broadcasts.get(run.id)
        if broadcast is None:
            broadcast = self._broadcasts[run.id] = _Broadcast(run, position)
            self._tasks.start_soon(self._broadcast, broadcast)
        broadcast.admit(listener, direct)

    def leave(self, run: RunHandle, listener: Listener) -> None:
        """Let go of somebody, whether he was let out or not."""
        broadcast = self._broadcasts.get(run.id)
        if broadcast is not None and not broadcast.leave(listener):
            del self._broadcasts[run.id]
            broadcast.scope.cancel()

    async def _broadcast(self, broadcast: _Broadcast) -> None:
        """Read a log for all who listen, as long as there is anybody, and anything to come."""
        try:
            with broadcast.scope:
                await broadcast.read()
        except Exception:
            log.exception("the log of run '%s' can't be read", broadcast.run.id)
        if self._broadcasts.get(broadcast.run.id) is broadcast:
            del self._broadcasts[broadcast.run.id]
        broadcast.end()


class _Broadcast:
    """The listeners of one run.

    Attributes:
        position: The last entry that was handed on.
        scope: Of the task that reads.
    """

    def __init__(self, run: RunHandle, position: Seq) -> None:
        self.run = run
        self.position = position
        self.scope = anyio.CancelScope()
        self._waited = True
        """Whether what comes has been waited for."""
        self._choirs: dict[Form, _Choir] = {}

    @property
    def listeners(self) -> int:
        """How many there are."""
        return sum(len(each.who) for each in self._choirs.values())

    def admit(self, listener: Listener, direct: Direct) -> None:
        """Take somebody in."""
        choir = self._choirs.get(listener.form)
        if choir is None:
            choir = self._choirs[listener.form] = _Choir(listener.form)
        choir.flush()  # he has that already
        choir.who[listener] = direct

    def leave(self, listener: Listener) -> bool:
        """Let go of somebody; tell whether anybody is left."""
        choir = self._choirs.get(listener.form)
        if choir is not None:
            choir.who.pop(listener, None)
            if not choir.who:
                choir.flush()
                del self._choirs[listener.form]
        return bool(self._choirs)

    async def read(self) -> None:
        """Hand on what comes, until the log ends."""
        loop = asyncio.get_running_loop()
        async with aclosing(self.run.frames(self.position)) as items:
            async for item in items:
                if isinstance(item, tuple):
                    row, _ = item
                    self.position = row.last
                    for choir in self._choirs.values():
                        choir.row(row)
                else:
                    line = msgspec.json.encode(item)
                    for choir in self._choirs.values():
                        choir.said(line)
                if self._waited and (breath := self._breath()):
                    # To be woken by each row costs more than to read it, and nobody here
                    # gets it any sooner.
                    self._waited = False
                    await anyio.sleep(breath)
                    loop.call_soon(self._waits)  # called as soon as there is no more to read

    def _breath(self) -> float:
        """Give the seconds that all who listen leave between two writes."""
        return min((each.form.breath for each in self._choirs.values()), default=0.0)

    def _waits(self) -> None:
        self._waited = True

    def end(self) -> None:
        """Let everybody out, with all there was."""
        for choir in self._choirs.values():
            choir.flush()
            choir.let_out(choir.who)


class _Choir:
    """The listeners of one run whose streams have one form."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.who: dict[Listener, Direct] = {}
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._size = 0
        self._rows: tuple[Seq, Seq] | None = None
        """The first and the last entry of those that wait."""
        self._timer: asyncio.TimerHandle | None = None
        self._flushed = 0.0

    def row(self, row: Row) -> None:
        """Hand on a row."""
        if self.form.breath:
            first = row.first if self._rows is None else self._rows[0]
            self._rows = (first, row.last)
            self._hold(row.data)
        else:
            data = self.form.write(row.data.split(b"\n"), row.first)
            self._hand_on(data, (row.first, row.last))

    def said(self, line: bytes) -> None:
        """Hand on what a tool says."""
        if self.form.breath:
            self._hold(line)
        else:
            self._hand_on(self.form.write((line,), BEGINNING), None)

    def flush(self) -> None:
        """Hand on what waits to be joined with what comes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            lines, rows = self._waiting, self._rows
            self._waiting, self._size, self._rows = [], 0, None
            self._flushed = self._loop.time()
            self._hand_on(self.form.write(lines, rows[0] if rows else BEGINNING), rows)

    def let_out(self, some: Iterable[Listener]) -> None:
        """Tell listeners that they will get nothing more here."""
        for each in list(some):
            del self.who[each]
            each.out.set()

    def _hold(self, lines: bytes) -> None:
        self._waiting.append(lines)
        self._size += len(lines)
        if self._size >= FULL:
            self.flush()
        elif self._timer is None:
            due = max(self._loop.time(), self._flushed + self.form.breath)
            self._timer = self._loop.call_at(due, self.flush)

    def _hand_on(self, data: bytes, rows: tuple[Seq, Seq] | None) -> None:
        """Give something to all that lack just that, and let out those that can't take it."""
        now = self._loop.time()
        if rows is None:
            for each, direct in self.who.items():
                if direct.has_room:  # who is slow misses what tools say, and no entry
                    direct.write(data)
                    each.at = now
            return
        first, last = rows
        late: list[Listener] = []
        for each, direct in self.who.items():
            if each.sent + 1 == first and direct.has_room:
                direct.write(data)
                each.sent = last
                each.at = now
            elif each.sent < last:
                late.append(each)
        self.let_out(late)
