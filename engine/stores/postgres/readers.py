"""The connections that read, and write what belongs to no log.

This module knows how a question is asked again while there is trouble that may pass. It does
not know what is asked.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeVar

from engine.errors import EngineError
from engine.store import StoreClosed, StoreUnavailable, Trouble
from engine.stores.postgres.failure import (
    BUSY,
    SERIALIZATION,
    failed,
    passing,
    state_of,
    unavailable,
)
from engine.stores.postgres.server import FIRST_PAUSE, LONGEST_PAUSE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.stores.postgres.driver import Connection, Pool
    from engine.stores.postgres.server import Server

CONNECTIONS: Final = 4
"""Connections at most, so that a list over all runs holds up nobody who reads a log."""

PATIENCE: Final = 10.0
"""Seconds that a question is asked again while the server does not answer it."""

SLOW: Final = 60.0
"""Seconds that an answer may take."""

GRACE: Final = 1.0
"""Seconds that questions get to be answered when the store closes."""

Answer = TypeVar("Answer")


class Readers:
    """Ask questions, over several connections at once.

    Args:
        server: Who is asked.
        most: Connections at most.
    """

    def __init__(self, server: Server, most: int) -> None:
        self._server = server
        self._most = most
        self._pool: Pool | None = None

    async def open(self) -> None:
        """Get ready; connections are made when they are needed."""
        self._pool = await self._server.pool(self._most)

    async def ask(
        self, question: Callable[[Connection], Awaitable[Answer]], doing: str = "be read"
    ) -> Answer:
        """Ask, and again if the server fails meanwhile; whoever is cancelled loses only that.

        Args:
            question: May be asked several times, each time as a whole.
            doing: What it is for, in messages.

        Raises:
            StoreUnavailable: There was no answer for 10 s, or no connection was free.
            StoreClosed: The store was closed meanwhile.
            EngineError: What is there can't be read.
        """
        until = time.monotonic() + PATIENCE
        pause = 0.0
        while True:
            trouble: Trouble | None
            try:
                return await self._once(question, until - time.monotonic())
            except (EngineError, asyncio.CancelledError):
                raise
            except Exception as error:
                if self._pool is None:
                    continue  # it was closed meanwhile, and is said to be
                trouble = passing(error)
                if trouble is None:
                    raise failed(self._server.name, error, doing) from error
                if time.monotonic() + pause > until:
                    raise unavailable(self._server.name, trouble, doing) from error
                if state_of(error) == SERIALIZATION:
                    pause = 0.0
            await asyncio.sleep(pause)  # at first at once: only the connection may be old
            pause = min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)

    async def _once(
        self, question: Callable[[Connection], Awaitable[Answer]], patience: float
    ) -> Answer:
        if self._pool is None:
            raise StoreClosed(
                f"the database {self._server.name} was closed before it could answer",
                hint="open the store again",
            )
        free = asyncio.timeout(max(patience, FIRST_PAUSE))
        try:
            async with free, self._pool.acquire() as connection:
                free.reschedule(asyncio.get_running_loop().time() + SLOW)
                return await question(connection)
        except TimeoutError as error:
            if free.expired():
                raise self._busy() from error
            raise

    def _busy(self) -> StoreUnavailable:
        return unavailable(
            self._server.name,
            Trouble(
                f"all {self._most} connections are busy, or the server hangs",
                code=BUSY,
                hint="try again later, or give it more: PostgresStore(..., connections=...)",
            ),
            "be read",
        )

    async def close(self) -> None:
        """Answer what was asked, and end the connections."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(GRACE):
                await pool.close()
        except BaseException as error:
            pool.terminate()
            if not isinstance(error, TimeoutError):
                raise

    def stop(self) -> None:
        """End the connections at once."""
        if self._pool is not None:
            self._pool.terminate()
