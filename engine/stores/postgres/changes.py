"""What other processes write, heard as it is committed (LISTEN and NOTIFY).

This module knows the channel, and what is said on it. It does not know what is done about it.

What is heard wakes up whoever waits, and is no news itself: it may come twice, or for nothing,
and what happened has to be read. After a connection was lost, anything may have happened.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from engine.ids import RunId
from engine.stores.postgres.failure import passing
from engine.stores.postgres.server import FIRST_PAUSE, LONGEST_PAUSE, ended

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from engine.stores.postgres.driver import Connection
    from engine.stores.postgres.server import Server

    Notice: TypeAlias = Callable[[Iterable[RunId]], str]
    """Says which runs were written to."""

log: Final = logging.getLogger(__name__)

CHANNEL: Final = "awe_runs"

LARGEST: Final = 7_500
"""Bytes that are said at most; PostgreSQL takes 8,000. If more were written to, nobody is named."""

MOST: Final = 1_000
"""Runs that wait for who is slow to ask; after more of them, any may have changed."""

_decode: Final = msgspec.json.Decoder(list[str]).decode
_encode: Final = msgspec.json.Encoder().encode


class _Ear:
    """What one listener has not been told yet."""

    def __init__(self) -> None:
        self.any = False
        self.runs: set[RunId] = set()
        self.woken = asyncio.Event()

    def hear(self, runs: Iterable[RunId] | None) -> None:
        if runs is not None:
            self.runs.update(runs)
        self.any = self.any or runs is None or len(self.runs) > MOST
        self.woken.set()

    def told(self) -> frozenset[RunId] | None:
        runs, self.runs = self.runs, set()
        told = None if self.any else frozenset(runs)
        self.any = False
        self.woken.clear()
        return told


class Changes:
    """Hears what others have written, while anybody listens.

    Args:
        server: Where the logs are.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._me = secrets.token_hex(4)
        self._ears: set[_Ear] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_up = False
        self._closed = False

    def notice(self, runs: Iterable[RunId]) -> str:
        """Say which runs this store has written to, as it is put on the channel."""
        said = _encode([self._me, *runs])
        return said.decode() if len(said) <= LARGEST else _encode([self._me]).decode()

    async def listen(self) -> AsyncGenerator[frozenset[RunId] | None]:
        """Yield the runs that others have written to since the last time; None: any of them."""
        ear = _Ear()
        self._ears.add(ear)
        try:
            if self._task is None:
                # `close` waits for it.
                self._task = asyncio.get_running_loop().create_task(
                    self._work(), name="awe changes"
                )
            elif self._is_up:
                ear.hear(None)
            while not self._closed:
                await ear.woken.wait()
                if not self._closed:
                    yield ear.told()
        finally:
            self._ears.discard(ear)

    async def close(self) -> None:
        """Hear nothing more; whoever listens comes to the end."""
        self._closed = True
        self._all_hear(None)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _all_hear(self, runs: Iterable[RunId] | None) -> None:
        for ear in self._ears:
            ear.hear(runs)

    async def _work(self) -> None:
        """Listen, again and again."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._until_lost()
                pause = FIRST_PAUSE
            except Exception as error:
                if passing(error) is None:
                    log.exception("%s: nobody hears what others write", self._server.name)
            self._is_up = False
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _until_lost(self) -> None:
        lost = asyncio.Event()
        connection = await self._server.connect()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._heard)
            self._is_up = True
            self._all_hear(None)  # from here on nothing is missed
            await lost.wait()
        finally:
            await ended(connection)

    def _heard(self, _: Connection, _pid: int, _channel: str, said: str) -> None:
        try:
            by, *runs = _decode(said)
        except (msgspec.DecodeError, ValueError):  # somebody else's
            self._all_hear(None)
            return
        if by != self._me:
            self._all_hear([RunId(each) for each in runs] or None)
