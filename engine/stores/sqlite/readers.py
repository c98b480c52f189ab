"""The threads that read.

This module knows the queue between the loop and the threads. It does not know what is asked
(`queries`). Readers see what was committed before they ask, and neither wait for the writer
nor make it wait.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TypeVar

from engine.errors import EngineError
from engine.store import StoreClosed
from engine.stores.refusal import GONE
from engine.stores.sqlite.failure import failed, passing, unavailable
from engine.stores.sqlite.opening import open_for_reading
from engine.stores.sqlite.task import Ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.stores.sqlite.opening import Connect
    from engine.stores.sqlite.presence import Presence

log: Final = logging.getLogger(__name__)

THREADS: Final = 3
"""Threads that read, so that a list over all runs holds up nobody who reads a log."""

GRACE: Final = 1.0
"""Seconds that questions get to be answered when the store closes."""

Answer = TypeVar("Answer")


class Readers:
    """Answer questions about a file, in threads.

    Args:
        path: The file, named in full.
        connect: How connections to it are made.
        presence: Whether it is still there.
    """

    def __init__(self, path: Path, connect: Connect, presence: Presence) -> None:
        self._path = path
        self._connect = connect
        self._presence = presence
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Ask | None] = SimpleQueue()
        self._ended = [self._loop.create_future() for _ in range(THREADS)]
        self._threads = [
            threading.Thread(
                target=self._work,
                args=(ended,),
                name=f"awe-reader-{number}-{path.name}",
                daemon=True,
            )
            for number, ended in enumerate(self._ended)
        ]
        for thread in self._threads:
            thread.start()

    async def ask(self, question: Callable[[sqlite3.Cursor], Answer]) -> Answer:
        """Ask, and wait for the answer; whoever is cancelled loses only that.

        Raises:
            StoreUnavailable: The file can't be read at present.
            StoreClosed: It has gone (`STORE_GONE`).
            EngineError: What is there can't be read.
        """
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._queue.put(Ask(question, future))
        return await future

    def stop(self) -> None:
        """Have the threads end when they have answered what was asked so far."""
        for _ in self._ended:
            self._queue.put(None)

    async def close(self) -> None:
        """Answer what was asked, and end the threads."""
        self.stop()
        await asyncio.wait(self._ended, timeout=GRACE)
        for thread, ended in zip(self._threads, self._ended, strict=True):
            if ended.done():
                thread.join()  # it has said its last word: microseconds are left of it

    # -- in the threads -------------------------------------------------------------------

    def _work(self, ended: asyncio.Future[None]) -> None:
        connection: sqlite3.Connection | None = None
        while (ask := self._queue.get()) is not None:
            try:
                if connection is None:
                    connection = open_for_reading(self._path, self._connect)
                ask.ask(connection.cursor())
                self._see_that_it_is_there()  # else it may be another file that was read
            except sqlite3.Error as error:
                ask.error = self._told(error)
            except EngineError as error:
                ask.error = error
            except Exception as error:
                log.exception("'%s': a question can't be answered", self._path)
                ask.error = failed(self._path, error, "be read")
            self._say(ask.tell)
        if connection is not None:
            connection.close()
        self._say(partial(_end, ended))

    def _see_that_it_is_there(self) -> None:
        missing = self._presence.missing()
        if missing is not None:
            raise StoreClosed(missing, code=GONE, hint="put it back, and open the store again")

    def _told(self, error: sqlite3.Error) -> EngineError:
        trouble = passing(error, self._path)
        if trouble is None:
            return failed(self._path, error, "be read")
        try:
            self._see_that_it_is_there()
        except StoreClosed as gone:
            return gone
        told = unavailable(self._path, trouble, "be read")
        told.__cause__ = error
        return told

    def _say(self, what: Callable[[], None]) -> None:
        """Have something called on the loop."""
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # the loop was closed, and nobody waits any more
            log.debug("'%s': the loop has gone", self._path)


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
