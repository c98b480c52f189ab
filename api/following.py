"""How a reader follows a run, over whatever it reads: what all live streams have in common.

This module knows what a reader is given, in which order, and how far it has got. It does not
know how the end of a stream is told (`stream` for WebSockets, `events` for server-sent
events).

A reader has a position in the log and little else, so none can hold up a run. It takes what
it lacks from the log, at its own pace, and once it lacks nothing it listens to what comes
(`hub`); if its connection has no room for that, it takes it from the log again. One that
takes nothing at all for `PATIENCE` is let go, with the position from which to come back.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import anyio
import msgspec
import orjson

from api.hub import FULL, Listener
from api.parameter import number
from engine import BEGINNING, Seq

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from api.connection import Direct
    from api.hub import Form, Hub
    from engine import RunHandle

AFTER: Final = number(
    "after", BEGINNING, "The seq of the last entry already read; -1: none."
).or_else(BEGINNING)

PATIENCE: Final = 10.0
"""Seconds for which a reader may take nothing of what is sent to it."""

EPOCH: Final = 0
"""Would rise if entries had to be taken back that were sent; only what is kept is sent."""

_OVER: Final = frozenset({"completed", "failed", "cancelled"})


async def is_over(run: RunHandle) -> bool:
    """Tell whether the log of a run has its last entry."""
    return (await run.record()).status in _OVER


class Reader(Listener):
    """One reader of a run.

    Args:
        run: What it reads.
        after: The last entry that it has.
        form: How its stream is written.
        direct: Its connection, if that is one of ours.
        send: Sends lines, where it is not; told the seq of the first, or `BEGINNING` if they
            are no entries.
    """

    def __init__(
        self,
        run: RunHandle,
        after: Seq,
        form: Form,
        *,
        direct: Direct | None,
        send: Callable[[Sequence[bytes], Seq], Awaitable[None]],
    ) -> None:
        super().__init__(form, after)
        self.at = anyio.current_time()
        self.run = run
        self._direct = direct
        self._send = send
        self._known: Seq = BEGINNING
        """The last entry that the log is known to have."""

    async def follow(self, hub: Hub) -> None:
        """Give all that comes until the log ends, in order: entries, and what tools say.

        Raises:
            TimeoutError: It takes nothing; what it was given ends with `sent`.
        """
        self._known = await self.run.last()
        opened = {"type": "stream.opened", "ephemeral": True, "run_id": self.run.id}
        await self.give([orjson.dumps({**opened, "epoch": EPOCH, "seq": self._known})])
        if self._lacks_nothing(hub):
            await self._listen(hub)
        while await self._catch_up(hub):
            await self._listen(hub)

    async def give(self, lines: Sequence[bytes], first: Seq = BEGINNING) -> None:
        """Send lines: entries from `first` on, or none; raises as `follow`."""
        if self._direct is None:
            await self._give_in_parts(lines, first)
        else:
            if not self._direct.has_room:
                with anyio.fail_after(PATIENCE):
                    await self._direct.room()
            self._direct.write(self.form.write(lines, first))
        self.at = anyio.current_time()

    async def _give_in_parts(self, lines: Sequence[bytes], first: Seq) -> None:
        """Send lines, and know how many of them were taken."""
        parts = [lines] if self.form.breath else [[line] for line in lines]
        for part in parts:
            with anyio.fail_after(PATIENCE):
                await self._send(part, first)
            if first != BEGINNING:
                self.sent = Seq(first + len(part) - 1)
                first = Seq(first + len(part))

    async def _catch_up(self, hub: Hub) -> bool:
        """Give what the log has; tell whether anything may come after that."""
        waiting: list[bytes] = []
        size = 0
        async with aclosing(self.run.frames(self.sent)) as items:
            async for item in items:
                if isinstance(item, tuple):
                    row, seen = item
                    waiting += row.data.split(b"\n")[seen:]
                    size += len(row.data)
                    self._known = max(self._known, row.last)
                    if self.form.breath and size < FULL and row.last < self._target(hub):
                        continue  # it is joined with what is there already
                    await self.give(waiting, Seq(self.sent + 1))
                    waiting, size, self.sent = [], 0, row.last
                    if self._lacks_nothing(hub):
                        return True
                elif self._direct is None:
                    await self.give([msgspec.json.encode(item)])
        return False

    async def _listen(self, hub: Hub) -> None:
        """Hear what comes, until there is no room for it or the log ends."""
        assert self._direct is not None  # noqa: S101  # all others lack something, always
        self.out = anyio.Event()
        hub.join(self.run, self, self._direct, self._known)
        try:
            await self.out.wait()
        finally:
            hub.leave(self.run, self)

    def _lacks_nothing(self, hub: Hub) -> bool:
        """Tell whether it has all that those have who listen, or all there is."""
        return self._direct is not None and self.sent >= self._target(hub)

    def _target(self, hub: Hub) -> Seq:
        position = hub.position(self.run.id)
        return self._known if position is None else position
