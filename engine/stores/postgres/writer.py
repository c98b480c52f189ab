"""The one task that writes, and its connection.

This module knows the queue of what is to be written, what is written together, and what is
done about trouble that passes. It does not know the tables (`ledger`).

Everything that waits is written in one transaction, up to `ROWS` steps or `SIZE` bytes. While
one group is on its way, the next one gathers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from engine.store import StoreClosed, StoreUnavailable, Trouble
from engine.stores.postgres.claim import Claim
from engine.stores.postgres.failure import (
    STANDBY,
    Fenced,
    concerns_all,
    failed,
    passing,
    state_of,
    unavailable,
)
from engine.stores.postgres.ledger import Ledger
from engine.stores.postgres.server import FIRST_PAUSE, LONGEST_PAUSE, ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.errors import EngineError
    from engine.stores.postgres.changes import Notice
    from engine.stores.postgres.driver import Connection
    from engine.stores.postgres.server import Server
    from engine.stores.postgres.step import Step

log: Final = logging.getLogger(__name__)

ROWS: Final = 512
"""Steps that are written together, at most."""

SIZE: Final = 1024 * 1024
"""Bytes after which nothing more is taken into a group."""

SLOW: Final = 30.0
SLOWEST: Final = 1024 * 1024
"""Seconds that a group may take, and as many more as it takes at so many bytes a second, before
that counts as trouble and it is repeated."""

PATIENCE: Final = 5.0
"""Seconds that trouble gets to pass when the store closes, or is claimed."""


class Writer:
    """Writes what is put into its queue, in order, until it is closed.

    Args:
        server: Where to.
        notice: How others are told what was written.

    Attributes:
        trouble: Why nothing can be written at present, or None.
        claimed: The claim, if there is one.
        closed_by: Why nothing will ever be written again, or None.
    """

    def __init__(self, server: Server, notice: Notice) -> None:
        self._server = server
        self._ledger = Ledger(notice)
        self.claimed: Claim = Claim(server.name)
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        """Of who uses the connection."""
        self._queue: deque[Step] = deque()
        self._woken = asyncio.Event()
        self._closing = False
        self._giving_up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.trouble: Trouble | None = None
        self.closed_by: StoreClosed | None = None

    def start(self) -> None:
        """Begin to write; the first connection is made when it is needed."""
        # `close` waits for it.
        self._task = asyncio.get_running_loop().create_task(self._work(), name="awe writer")

    def put(self, step: Step) -> None:
        """Take a step, without waiting."""
        self._queue.append(step)
        self._woken.set()

    async def claim(self, who: str, *, take_over: bool) -> None:
        """Claim the store, in the session that writes.

        Raises:
            StoreInUse: Another has it.
            StoreUnavailable: The server did not answer for 5 s.
        """

        async def make(connection: Connection) -> None:
            await self.claimed.make(connection, who, take_over=take_over)

        pause = FIRST_PAUSE
        until = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                await self._use(make)
            except Exception as error:
                trouble = passing(error)
                if trouble is None:
                    raise
                if asyncio.get_running_loop().time() + pause > until:
                    raise unavailable(self._server.name, trouble, "be claimed") from error
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def close(self) -> None:
        """Write what was put, or give it up after a while, and let go of the claim."""
        self._closing = True
        self._woken.set()
        try:
            if self._task is not None:
                await self._end_of(self._task)
            self._give_up()
            await self._end()
        except BaseException:
            self.stop()
            raise

    async def _end_of(self, task: asyncio.Task[None]) -> None:
        """Wait until everything is written, or for a while."""
        await asyncio.wait([task], timeout=PATIENCE)
        self._giving_up.set()
        if not task.done():
            await asyncio.wait([task], timeout=FIRST_PAUSE)
        if not task.done():
            task.cancel()  # the server does not answer
            await asyncio.wait([task])

    def stop(self) -> None:
        """End it at once, with whatever waits."""
        if self._task is not None and not self._task.get_loop().is_closed():
            self._task.cancel()
        if self._connection is not None:
            self._connection.terminate()

    async def _end(self) -> None:
        """End the connection, and with it the claim."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(1.0):
                if self.claimed.epoch is not None and self.closed_by is None:
                    await self.claimed.let_go(connection)
        except Exception as error:  # noqa: BLE001  # the server lets go when the session ends
            log.debug("%s: the claim ends with its session: %s", self._server.name, error)
        await ended(connection)

    # -- the task -------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            group = self._take()
            if group or self._is_cut_off():
                try:
                    await self._keep(group)
                except BaseException:  # whoever cancels this gives all up
                    self._fail(group, self.refusal)
                    raise
                finally:
                    _tell(group)
            elif self._closing:
                return
            else:
                self._woken.clear()
                await self._woken.wait()

    def _is_cut_off(self) -> bool:
        """Tell whether the session has ended that has the claim, and is wanted again.

        Who has nothing to write may go on reading for hours: others must not take it for dead,
        and it must hear of it if they have.
        """
        claims = self.claimed.epoch is not None and self.closed_by is None and not self._closing
        return claims and (self._connection is None or self._connection.is_closed())

    def _take(self) -> list[Step]:
        """Give what is to be written together."""
        group: list[Step] = []
        size = 0
        while self._queue and len(group) < ROWS and size < SIZE:
            step = self._queue.popleft()
            group.append(step)
            size += step.size
        return group

    async def _keep(self, group: Sequence[Step]) -> None:
        """Write a group, again and again while there is trouble that may pass."""
        pause = FIRST_PAUSE
        is_last = False
        while self.closed_by is None and not is_last:
            is_last = self._giving_up.is_set()
            try:
                size = sum(step.size for step in group)
                await self._use(partial(self._write, group), SLOW + size / SLOWEST)
            except Fenced as error:
                self._is_fenced(error)
                continue
            except asyncio.CancelledError:
                self._fail(group, self.refusal)
                raise
            except Exception as error:  # noqa: BLE001  # who handed over hears of it
                failure = error
            else:
                self._is_over()
                return
            trouble = _trouble(failure)
            if trouble is None:
                await self._one_by_one(group, failure)
                return
            self._begins(trouble)
            if not is_last:
                await self._pause(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        self._fail(group, self.refusal)

    async def _one_by_one(self, group: Sequence[Step], error: Exception) -> None:
        """Find out which of them can't be kept, so that it stops no other."""
        if len(group) > 1 and not concerns_all(error):
            half = len(group) // 2
            await self._keep(group[:half])
            await self._keep(group[half:])
            return
        if not isinstance(error, ValueError) and not state_of(error):
            log.error("%s: a batch can't be kept", self._server.name, exc_info=error)
        self._fail(group, partial(failed, self._server.name, error))

    async def _write(self, group: Sequence[Step], connection: Connection) -> None:
        if not await self._ledger.keep(connection, group, self.claimed.epoch):
            raise await self.claimed.lost(connection)

    async def _use(
        self, what: Callable[[Connection], Awaitable[None]], patience: float = SLOW
    ) -> None:
        """Do something with the connection, which is made anew if it was lost."""
        async with self._turn:
            if self.closed_by is not None:
                raise self.refusal()
            try:
                async with asyncio.timeout(patience):
                    await what(await self._connected())
            except BaseException as error:
                self._ledger.forget()
                if isinstance(error, TimeoutError | asyncio.CancelledError):
                    self._lose()  # nobody knows what it is doing
                if state_of(error) == STANDBY:
                    self._lose()  # another server may be the primary now
                raise

    async def _connected(self) -> Connection:
        connection = self._connection
        if connection is None or connection.is_closed():
            self._lose()
            self._ledger.forget()
            connection = await self._server.connect(writes=True)
            connection.add_termination_listener(lambda _: self._woken.set())
            try:
                if self.claimed.epoch is not None:
                    await self.claimed.renew(connection)
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection
        return connection

    def _lose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    # -- what becomes of it ---------------------------------------------------------------

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._giving_up.wait()
        except TimeoutError:
            pass

    def _fail(self, group: Sequence[Step], error: Callable[[], EngineError]) -> None:
        for step in group:
            step.error = error()

    def refusal(self) -> StoreClosed:
        """Say why nothing is kept any more."""
        if (by := self.closed_by) is not None:
            return StoreClosed(by.message, code=by.code, hint=by.hint, details=by.details)
        why = self.trouble or "the server did not answer in time"
        return StoreClosed(
            f"the database {self._server.name} was closed before it could keep this: {why}",
            hint="see to that, then open the store again: what was kept is there, this may be",
        )

    def _give_up(self) -> None:
        """Tell everybody who still waits."""
        while self._queue:
            group = self._take()
            self._fail(group, self.refusal)
            _tell(group)

    def _is_fenced(self, error: Fenced) -> None:
        log.error("%s", error)
        self.closed_by = error
        self.trouble = None

    def _begins(self, trouble: Trouble) -> None:
        if self.trouble is None:
            log.warning("%s can't be written, which is tried again: %s", self._server.name, trouble)
        self.trouble = trouble

    def _is_over(self) -> None:
        if self.trouble is not None:
            log.warning("%s can be written again", self._server.name)
            self.trouble = None


def _trouble(error: Exception) -> Trouble | None:
    if isinstance(error, StoreUnavailable):
        return Trouble(error.message, code=error.code, hint=error.hint)
    return passing(error)


def _tell(group: Sequence[Step]) -> None:
    for step in group:
        try:
            step.tell()
        except Exception:  # the others have to hear of theirs all the same
            log.exception("the news of a batch could not be taken")
