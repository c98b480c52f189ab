"""The one thread that writes.

This module knows the queue between the loop and the thread, what is written together, and
what is done about trouble that passes and about what never will. It does not know the tables
(`ledger`).

Everything that waits is written in one transaction, up to `ROWS` tasks or `SIZE` bytes, and
told by one callback on the loop: a hop between threads costs as much as a commit does of CPU,
so one of them is for many.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from engine.store import StoreClosed
from engine.stores.refusal import BUSY, CORRUPT, FULL, GONE
from engine.stores.sqlite.copying import saved
from engine.stores.sqlite.failure import failed, is_damage, passing
from engine.stores.sqlite.ledger import Ledger
from engine.stores.sqlite.opening import open_for_writing
from engine.stores.sqlite.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engine.errors import EngineError
    from engine.store import Trouble
    from engine.stores.sqlite.opening import Connect
    from engine.stores.sqlite.task import Task

log: Final = logging.getLogger(__name__)

ROWS: Final = 512
"""Tasks that are written together, at most."""

SIZE: Final = 1024 * 1024
"""Bytes after which nothing more is taken into a group."""

FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts to write while there is trouble; each pause is twice the last,
but for a lock, which SQLite itself waits for meanwhile."""

PATIENCE: Final = 5.0
"""Seconds that trouble gets to pass when the store closes."""

GRACE: Final = 1.0
"""Seconds that the thread gets to end after it was told to give up."""


class Writer:
    """Writes what is put into its queue, in order, until it is closed.

    Args:
        path: The file, named in full.
        connect: How connections to it are made.

    Attributes:
        put: Takes a task, from any thread, without waiting.
        trouble: Why nothing can be written at present, or None.
        ended: Makes the error that says why nothing can be written ever again, or None.
        presence: Whether the file is still there; set when it is open.
    """

    presence: Presence

    def __init__(self, path: Path, connect: Connect) -> None:
        self._path = path
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Task | None] = SimpleQueue()
        self.put: Callable[[Task], None] = self._queue.put
        self.trouble: Trouble | None = None
        self.ended: Callable[[], StoreClosed] | None = None
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
            connection = open_for_writing(self._path, self._connect)
            self.presence = Presence(self._path)
        except Exception as error:  # noqa: BLE001  # whatever it is, who opens hears of it
            self._say(partial(_settle, self._opened, error))
        else:
            self._say(partial(_settle, self._opened))
            try:
                self._write(connection)
            finally:
                connection.close()  # the last one to close a file checkpoints it
        self._say(partial(_settle, self._ended))

    def _write(self, connection: sqlite3.Connection) -> None:
        ledger = Ledger(connection, self._path)
        more = True
        while more:
            group, more = self._take()
            if self.ended is None:
                if group:
                    self._keep(connection, ledger, group)
                self._see_that_it_is_there(connection)
            if self.ended is not None:
                self._fail(group, self.ended)
            if group:
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

    def _keep(self, connection: sqlite3.Connection, ledger: Ledger, group: Sequence[Task]) -> None:
        """Write a group, again and again while there is trouble that may pass."""
        pause = FIRST_PAUSE
        while not self._gave_up:
            is_last = self._giving_up.is_set()
            try:
                ledger.keep(group)
            except (sqlite3.Error, MemoryError) as error:
                trouble = passing(error, self._path)
                if trouble is None:
                    if is_damage(error):
                        self._ends(failed(self._path, error, "be written"), CORRUPT)
                    self._fail(group, partial(failed, self._path, error))
                    return
                if self.presence.missing() is not None:  # which is why, and will not pass
                    self._fail(group, partial(failed, self._path, error))
                    return
                self._begins(trouble)
                if trouble.code == FULL:
                    _make_room(connection)
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
            pause = _longer(pause, trouble)
        words = f"the database '{self._path}' was closed before it could keep this: {self.trouble}"
        hint = "see to that, then open the store again: what was kept is there, this is not"
        self._fail(group, partial(StoreClosed, words, hint=hint))

    def _fail(self, group: Sequence[Task], error: Callable[[], EngineError]) -> None:
        for task in group:
            task.error = error()

    def _see_that_it_is_there(self, connection: sqlite3.Connection) -> None:
        """End everything if what was written went into a file that nobody finds again."""
        missing = self.presence.missing()
        if missing is not None:
            self._ends(saved(connection, self._path, self._connect, missing), GONE)

    def _ends(self, why: EngineError, code: str) -> None:
        """Keep nothing more, ever: say why to whoever wants to have something kept."""
        log.error("'%s' is closed for good: %s", self._path, why)
        self.trouble = None
        self.ended = partial(
            StoreClosed, why.message, code=code, hint=why.hint, details=why.details
        )

    def _begins(self, trouble: Trouble) -> None:
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


def _longer(pause: float, trouble: Trouble) -> float:
    """Say how long to wait before the next attempt.

    Whoever lets go of a lock may take it again at once: with long pauses we would always miss it.
    """
    return pause if trouble.code == BUSY else min(2 * pause, LONGEST_PAUSE)


def _make_room(connection: sqlite3.Connection) -> None:
    """Give back what the write-ahead log takes, and the file has.

    It takes up to 64 MiB, and SQLite empties it only behind a commit, which there is no room
    for: on a small disk it would be its own trouble, and never pass.
    """
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


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
