"""The one thread that writes.

This module knows the queue between the loop and the thread, what is written together, and
what is done about trouble that passes. It does not know the tables (`ledger`).

Everything that waits is written in one transaction, up to `ROWS` tasks or `SIZE` bytes, and
told by one callback on the loop: a hop between threads costs as much as a commit does of CPU,
so one of them is for many.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from engine.store import StoreClosed
from engine.stores.sqlite.failure import failed, passing
from engine.stores.sqlite.ledger import Ledger
from engine.stores.sqlite.schema import open_for_writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine.errors import EngineError
    from engine.stores.sqlite.task import Task

log: Final = logging.getLogger(__name__)

ROWS: Final = 512
"""Tasks that are written together, at most."""

SIZE: Final = 1024 * 1024
"""Bytes after which nothing more is taken into a group."""

FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts to write while there is trouble; each pause is twice the last."""

PATIENCE: Final = 5.0
"""Seconds that trouble gets to pass when the store closes."""

GRACE: Final = 1.0
"""Seconds that the thread gets to end after it was told to give up."""


class Writer:
    """Writes what is put into its queue, in order, until it is closed.

    Args:
        path: The file.

    Attributes:
        put: Takes a task, from any thread, without waiting.
        trouble: Why nothing can be written at present, or None.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Task | None] = SimpleQueue()
        self.put: Callable[[Task], None] = self._queue.put
        self.trouble: str | None = None
        self._giving_up = threading.Event()
        self._gave_up = False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._work, name=f"awe-writer-{path.name}", daemon=True
        )

    async def open(self) -> None:
        """Begin to write.

        Raises:
            EngineError: The file can't be opened, or is none of ours.
        """
        self._thread.start()
        try:
            await self._opened
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Have the thread end when it has written what was put so far."""
        self._queue.put(None)

    async def close(self) -> None:
        """Write what was put, or give it up after a while, and end the thread."""
        self.stop()
        try:
            await asyncio.wait([self._ended], timeout=PATIENCE)
        finally:
            self._giving_up.set()
        if not self._ended.done():
            await asyncio.wait([self._ended], timeout=GRACE)
        if not self._ended.done():
            log.warning(
                "the thread that writes '%s' did not end within %g s: a call of the file system "
                "does not return",
                self._path,
                PATIENCE + GRACE,
            )
        else:
            self._thread.join()  # it has said its last word: microseconds are left of it

    # -- in the thread --------------------------------------------------------------------

    def _work(self) -> None:
        try:
            connection = open_for_writing(self._path)
        except Exception as error:  # noqa: BLE001  # whatever it is, who opens hears of it
            self._say(partial(_settle, self._opened, error))
        else:
            self._say(partial(_settle, self._opened))
            try:
                self._write(Ledger(connection, self._path))
            finally:
                connection.close()  # the last one to close a file checkpoints it
        self._say(partial(_settle, self._ended))

    def _write(self, ledger: Ledger) -> None:
        more = True
        while more:
            group, more = self._take()
            if group:
                self._keep(ledger, group)
                self._say(partial(_tell, group))

    def _take(self) -> tuple[list[Task], bool]:
        """Wait for something to write; give all that is there, and whether more may come."""
        queue = self._queue
        group: list[Task] = []
        size = 0
        while not group or (len(group) < ROWS and size < SIZE and not queue.empty()):
            task = queue.get()
            if task is None:
                return group, False
            group.append(task)
            size += task.size
        return group, True

    def _keep(self, ledger: Ledger, group: Sequence[Task]) -> None:
        """Write a group, again and again while there is trouble that may pass."""
        pause = FIRST_PAUSE
        while not self._gave_up:
            is_last = self._giving_up.is_set()
            try:
                ledger.keep(group)
            except (sqlite3.Error, MemoryError) as error:
                trouble = passing(error)
                if trouble is None:
                    self._fail(group, partial(failed, self._path, error))
                    return
                self._begins(trouble)
                self._gave_up = is_last
                for task in group:
                    task.error = None
            except Exception as error:
                log.exception("'%s': a group of %d can't be kept", self._path, len(group))
                self._fail(group, partial(failed, self._path, error))
                return
            else:
                self._is_over()
                return
            self._giving_up.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        words = f"the database '{self._path}' was closed before it could keep this: {self.trouble}"
        hint = "see to that, then open the store again: what was kept is there, this is not"
        self._fail(group, partial(StoreClosed, words, hint=hint))

    def _fail(self, group: Sequence[Task], error: Callable[[], EngineError]) -> None:
        for task in group:
            task.error = error()

    def _begins(self, trouble: str) -> None:
        if self.trouble is None:
            log.warning("'%s' can't be written, which is tried again: %s", self._path, trouble)
        self.trouble = trouble

    def _is_over(self) -> None:
        if self.trouble is not None:
            log.warning("'%s' can be written again", self._path)
            self.trouble = None

    def _say(self, what: Callable[[], None]) -> None:
        """Have something called on the loop."""
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # the loop was closed, and nobody waits any more
            log.debug("'%s': the loop has gone", self._path)


# -- on the loop --------------------------------------------------------------------------


def _settle(future: asyncio.Future[None], error: BaseException | None = None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _tell(group: Sequence[Task]) -> None:
    for task in group:
        try:
            task.tell()
        except Exception:  # the others have to hear of theirs all the same
            log.exception("the news of a batch could not be taken")
