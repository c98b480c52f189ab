"""A process of ours, and the socket that leads to it: begun, asked, killed and buried.

This module knows one process. It does not know why it is asked (`processes`), nor what goes on
inside it (`worker`).

It is forked from a fork server: a process without threads that has the engine loaded and does
nothing else. A fork of the engine itself would inherit locks that its threads hold and nobody
will ever release; a process begun anew takes 0.4 s of CPU to load the engine, and needs all of
its memory once more. The fork server ends with the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import threading
from multiprocessing import forkserver, spawn
from typing import TYPE_CHECKING, Final, cast

from engine.errors import NodeError
from engine.hosts.local import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from multiprocessing.context import ForkServerProcess

    from engine.hosts.local.threads import Threads

_LAST_WORDS: Final = 0.2
"""Seconds to read what a process that has ended said before; it is in the socket already."""

_forks: Final = multiprocessing.get_context("forkserver")

_NAME: Final = "awe-tool"

_prepared: Final = spawn.get_preparation_data


def _without_script(name: str) -> dict[str, object]:
    """Tell a new process of ours nothing of the script that runs here.

    multiprocessing has every process run it again. Whoever starts an engine in a script, and
    calls a tool of a package in a process, would start it once more in there.
    """
    prepared: dict[str, object] = _prepared(name)
    if name == _NAME:
        for key in ("init_main_from_name", "init_main_from_path"):
            prepared.pop(key, None)
    return prepared


# There is no other way to say so; processes of others are begun as ever.
spawn.get_preparation_data = _without_script


_SAFE_PATH: Final = "PYTHONSAFEPATH"

_one: Final = threading.Lock()
"""Two engines of one process begin processes in two threads, and the environment is one."""


@contextlib.contextmanager
def _safe_path() -> Generator[bool, None, None]:
    """See that a fork server which is begun in here loads nothing from the present folder.

    It is begun as `python -c`, which looks for modules there before anywhere else: a file
    `json.py` of whoever has his code reviewed would be run. Gives whether it was asked for.
    """
    with _one:
        asked = os.environ.get(_SAFE_PATH)
        os.environ[_SAFE_PATH] = "1"
        try:
            forkserver.ensure_running()
            yield bool(asked)
        finally:
            if asked is None:
                del os.environ[_SAFE_PATH]
            else:
                os.environ[_SAFE_PATH] = asked


class Died(Exception):
    """A process ended in the middle of a call, and nobody had asked it to."""


class Child(asyncio.Protocol):
    """A process that answers one call after the other. Made by `begin`.

    Attributes:
        pid: Its number in the system.
        ready: Whether it has ever been ready to be asked.
        gone: Done when it has ended and nothing is left of it; says how it ended.
    """

    def __init__(self, ended: Callable[[Child], None]) -> None:
        self.pid: int = 0
        self.ready: bool = False
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[str] = self._loop.create_future()
        self._when_gone = ended
        self._link: asyncio.Transport | None = None
        self._heard = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._how = ""
        """How the process has ended; it may have said something before that is not read yet."""

    @classmethod
    async def begin(cls, starter: Threads, ended: Callable[[Child], None]) -> Child:
        """Begin a process. Cancelled, it leaves none: who is not connected ends.

        Args:
            starter: A thread to wait for the fork server in, which takes 0.5 s the first time.
            ended: Told when it is gone.

        Raises:
            OSError, EOFError: The system refuses.
            NodeError: There is no thread to wait in, or the starter has been closed.
        """
        if worker.is_reading_script():
            raise NodeError(
                "this process runs the script again to find a tool that is written in it, and "
                "may begin no others",
                hint='what starts the engine belongs behind if __name__ == "__main__":',
            )
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            child = cls(ended)
            await child._loop.create_unix_connection(lambda: child, sock=ours)
        except BaseException:
            ours.close()
            theirs.close()
            raise

        # Whoever takes it out closes it: the thread that begins the process, or we, if that has
        # not come to it when nobody wants the process any more.
        held = [theirs]

        def start() -> ForkServerProcess:
            with held.pop() as theirs, _safe_path() as asked:
                given = (theirs, asked)
                process = _forks.Process(target=worker.serve, args=given, name=_NAME)
                process.start()
                return process

        try:
            # Nothing of the kind has been begun yet, or this changes nothing.
            _forks.set_forkserver_preload([worker.__name__])
            child._watch(cast("ForkServerProcess", await starter.call(start, {})))
        except BaseException:
            child._hang_up()
            with contextlib.suppress(IndexError):
                held.pop().close()
            raise
        return child

    @property
    def ended(self) -> bool:
        """Whether it can't be asked any more."""
        return bool(self._how) or self._link is None

    # -- what is done with it -------------------------------------------------------------

    async def ask(self, message: bytes) -> bytes:
        """Send a message and give the answer. Cancelled, it leaves the process as it is.

        Raises:
            Died: There will be no answer.
        """
        link = self._link
        if link is None or self.ended:
            raise Died
        self._answer = self._loop.create_future()
        link.write(worker.framed(message))
        try:
            return await self._answer
        finally:
            self._answer = None
            self._hang_up_if_over()

    async def end(self, patience: float) -> str:
        """Wait until it is gone, and say how it ended."""
        await asyncio.wait({self.gone}, timeout=patience)
        return self.gone.result() if self.gone.done() else "it does not end"

    def after(self, seconds: float, then: Callable[[Child], None]) -> None:
        """Do something with it after some time, unless it is kept."""
        self.keep()
        self._timer = self._loop.call_later(seconds, then, self)

    def keep(self) -> None:
        """Do nothing of that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave(self, patience: float) -> None:
        """Let it end by itself, which it does when nobody can ask it any more."""
        self._hang_up()
        if not self._how:
            self.after(patience, Child.kill)

    def kill(self) -> None:
        """End it now, with all that it has started. Once it has ended, this does nothing."""
        if self.pid and not self._how:
            self._signal_group()
            # It may not have got as far as to be the first of a group of its own.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._hang_up()

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _hang_up_if_over(self) -> None:
        if self._how:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.abort()

    # -- what becomes of it ---------------------------------------------------------------

    def _watch(self, process: ForkServerProcess) -> None:
        """Have the loop tell when the process ends.

        Its end closes the socket, but not if a process that the tool has forked holds it open;
        the fork server always tells.
        """
        self.pid = cast("int", process.pid)
        self._loop.add_reader(process.sentinel, self._bury, process)

    def _bury(self, process: ForkServerProcess) -> None:
        """Take note of the end of the process, which leaves nobody behind."""
        self._loop.remove_reader(process.sentinel)
        self._signal_group()
        process.join()
        self._how = _how(process.exitcode)
        process.close()
        self.keep()
        if self._answer is None:
            self._hang_up()
        else:  # that is what it may have said before
            self._timer = self._loop.call_later(_LAST_WORDS, self._hang_up)
        self._leave_if_over()

    def _leave_if_over(self) -> None:
        if self._how and self._link is None and not self.gone.done():
            self.keep()
            self.gone.set_result(self._how)
            self._when_gone(self)

    # -- asyncio.Protocol -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the link."""
        self._link = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Put together what is said."""
        heard = self._heard
        heard += data
        while len(heard) >= worker.HEADER:
            size = int.from_bytes(heard[: worker.HEADER])
            if len(heard) < worker.HEADER + size:
                return
            message = bytes(memoryview(heard)[worker.HEADER : worker.HEADER + size])
            del heard[: worker.HEADER + size]
            if not size:
                self.ready = True
            elif self._answer is not None and not self._answer.done():
                self._answer.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the end says more
        """Take note that nothing more will be said; who can't be asked need not live."""
        self._link = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Died())
        if self._timer is None:  # it was not asked to leave
            self.kill()
        self._leave_if_over()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
