"""Readers of a log: from any seq, then live, to its end.

This module knows who waits for a run's log to grow. It does not know what the entries say,
nor who writes them.

A reader keeps nothing but its position, so a slow one costs a run nothing. What is kept
while somebody reads goes into a short window that all readers of the run share; one that is
further back than the window takes rows from the store, when it is ready for them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from engine.errors import EngineError
from engine.ids import BEGINNING, RunId, Seq

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence

    from engine.frame import Frame
    from engine.row import Row
    from engine.store import Store

AT_ONCE: Final = 64
"""Rows that a reader takes from the store at a time, and that the window holds."""

FRAMES: Final = 256
"""Frames that wait for a reader; more push out the oldest, for nobody misses them later."""


class Lagging(EngineError):
    """A reader fell further behind than it wanted to; `position` is where to go on.

    Attributes:
        position: The seq of the last entry it was given.
    """

    code: str = "LAGGING"

    def __init__(self, run_id: RunId, position: Seq, last: Seq) -> None:
        self.position: Seq = position
        super().__init__(
            f"the reader of run '{run_id}' is at entry {position}, the log at {last}",
            hint=f"go on with after={position}",
            details={"run_id": run_id, "position": position, "last": last},
        )


class _Reader:
    """One reader of a run, and what it waits for."""

    __slots__ = ("frames", "waiter")

    def __init__(self, *, frames: bool) -> None:
        self.frames: deque[tuple[Seq, Frame]] | None = deque(maxlen=FRAMES) if frames else None
        """Each with the last entry that was kept when it was said: it is read after that."""
        self.waiter: asyncio.Future[None] | None = None

    def said_by(self, after: Seq) -> Sequence[Frame]:
        """Give the frames that a reader may have that has read up to `after`."""
        frames = self.frames
        if not frames:
            return ()
        found: list[Frame] = []
        while frames and frames[0][0] <= after:
            found.append(frames.popleft()[1])
        return found

    async def woken(self) -> None:
        """Wait until there is something to read, or nothing more will come."""
        if not self.frames:
            self.waiter = asyncio.get_running_loop().create_future()
            await self.waiter

    def wake(self) -> None:
        """Let the reader look again."""
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class _Channel:
    """The readers of one run, and the window they share.

    Attributes:
        last: The last entry that was kept since somebody reads; `BEGINNING` if none was.
    """

    __slots__ = ("last", "readers", "rows")

    def __init__(self) -> None:
        self.readers: set[_Reader] = set()
        self.rows: deque[Row] = deque(maxlen=AT_ONCE)
        self.last: Seq = BEGINNING

    def since(self, after: Seq) -> Sequence[Row] | None:
        """Give the rows that hold entries after `after`; None if the window begins later."""
        rows = self.rows
        if not rows or rows[0].first > after + 1:
            return None
        if rows[-1].last <= after:
            return ()
        if rows[-1].first <= after + 1:  # nearly always the only one it lacks
            return (rows[-1],)
        return [row for row in rows if row.last > after]

    def see_that_it_follows(self, run_id: RunId, after: Seq, max_behind: int | None) -> None:
        """Send a reader away that is further behind than it wanted to be."""
        if max_behind is not None and self.last - after > max_behind:
            raise Lagging(run_id, after, self.last)


class Tails:
    """The readers of all logs of a store.

    Args:
        store: What they read.
        live: Tells whether a run may still go on.
    """

    def __init__(self, store: Store, *, live: Callable[[RunId], bool]) -> None:
        self._store = store
        self._live = live
        self._channels: dict[RunId, _Channel] = {}

    @property
    def readers(self) -> int:
        """How many there are."""
        return sum(len(channel.readers) for channel in self._channels.values())

    def watched(self, run_id: RunId) -> bool:
        """Tell whether anybody reads the log of a run."""
        return run_id in self._channels

    def grown(self, run_id: RunId, row: Row | None) -> None:
        """Hear that a row of a run has been kept, or (None) that no more will come here."""
        channel = self._channels.get(run_id)
        if channel is None:
            return
        rows = channel.rows
        if row is None or (rows and row.first != rows[-1].last + 1):
            rows.clear()  # somebody else may write in between: the store has it all
        if row is not None:
            rows.append(row)
            channel.last = row.last
        for reader in channel.readers:
            reader.wake()

    def said(self, frame: Frame) -> None:
        """Hear what a tool says while it runs, for those who read the run just now."""
        channel = self._channels.get(frame.run_id)
        if channel is not None:
            for reader in channel.readers:
                if reader.frames is not None:
                    reader.frames.append((channel.last, frame))
                    reader.wake()

    async def read(
        self,
        run_id: RunId,
        after: Seq = BEGINNING,
        *,
        frames: bool = False,
        max_behind: int | None = None,
    ) -> AsyncGenerator[tuple[Row, int] | Frame, None]:
        """Yield rows with entries after `after`, then new ones as they are kept.

        Each row comes with how many of its entries the reader has seen already: more than
        none only for the first. Leaving at any time costs the run nothing.

        Args:
            run_id: Whose log.
            after: The last entry already seen.
            frames: Whether to yield what tools say, too, in between.
            max_behind: More entries than that behind the log, once it had reached its end,
                the reader is sent away; None: never.

        Raises:
            Lagging: As above.
        """
        caught_up = False
        with self._reader(run_id, frames=frames) as (channel, reader):
            while True:
                # In this order, nothing is missed: a run that is over before we look has
                # had all of its rows kept.
                live = self._live(run_id)
                rows = channel.since(after)
                if rows is None:
                    rows = await self._store.read(run_id, after, limit=AT_ONCE)
                for row in rows:
                    if caught_up:
                        channel.see_that_it_follows(run_id, after, max_behind)
                    for frame in reader.said_by(after):
                        yield frame
                    seen = max(0, after + 1 - row.first)
                    after = row.last
                    yield row, seen
                for frame in reader.said_by(after):
                    yield frame
                if channel.last > after or (rows and (not caught_up or len(rows) >= AT_ONCE)):
                    continue  # there was more, or may have been
                if not live:
                    return
                caught_up = True
                if self._live(run_id):
                    await reader.woken()

    @contextmanager
    def _reader(
        self, run_id: RunId, *, frames: bool
    ) -> Generator[tuple[_Channel, _Reader], None, None]:
        """Let somebody read a run for a while."""
        channel = self._channels.get(run_id)
        if channel is None:
            channel = self._channels[run_id] = _Channel()
        reader = _Reader(frames=frames)
        channel.readers.add(reader)
        try:
            yield channel, reader
        finally:
            channel.readers.discard(reader)
            if not channel.readers and self._channels.get(run_id) is channel:
                del self._channels[run_id]
