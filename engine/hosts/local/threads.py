"""Threads for plain tools: a few, kept for the next call, and lost without harm.

This module knows functions and the loop they are called from. It does not know tools.

A thread can't be stopped. One whose call was given up is written off at once: another takes
its place, and it ends when its function returns, if ever. The threads are daemons, so a tool
that hangs does not keep the process from ending. (`ThreadPoolExecutor` fails at both: 32
hanging tools stop all others for good, and the interpreter waits for them when it exits.)
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from engine.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Context

    from engine.tool import Function

log: Final = logging.getLogger(__name__)

LIMIT: Final = 32
"""Calls at a time."""


class _Job:
    """A call: what is called, and who waits for it."""

    __slots__ = ("answer", "arguments", "context", "error", "function", "result", "thread")

    def __init__(
        self, function: Function, arguments: Mapping[str, object], result: asyncio.Future[object]
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.context: Context = copy_context()
        self.result = result
        self.answer: object = None
        self.error: BaseException | None = None
        self.thread: _Thread | None = None
        """Who makes it; None while it waits for one."""


class _Thread:
    """A thread and what it is given to do, one job after the other."""

    __slots__ = ("jobs",)

    def __init__(self, name: str, threads: Threads) -> None:
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        """None: it is to end."""
        threading.Thread(target=threads.work, args=(self.jobs,), name=name, daemon=True).start()


class Threads:
    """Calls functions in threads of its own, in the order in which they are asked for.

    Belongs to the loop it was made in; only `work` runs elsewhere.

    Args:
        limit: Calls at a time; more wait.
        brief: What is called returns soon in any case, so nobody is warned of what was given up.
    """

    def __init__(self, limit: int = LIMIT, *, brief: bool = False) -> None:
        self._limit = limit
        self._brief = brief
        self._loop = asyncio.get_running_loop()
        self._busy = 0
        """Calls that are being made and have not been given up."""
        self._waiting: deque[_Job] = deque()
        self._idle: list[_Thread] = []
        self._made = 0
        self._lost = 0
        """Threads that are still in a call that was given up."""
        self._told = limit
        self._closed = False
        # Threads put what they have done here and wake the loop, unless it is awake already.
        self._done: deque[_Job] = deque()
        self._awake = False

    async def call(self, function: Function, arguments: Mapping[str, object]) -> object:
        """Call `function(**arguments)` in a thread, with the context variables of the caller.

        Cancelled, it leaves the call to itself, and whoever waits has its place at once.

        Raises:
            NodeError: There is no thread to be had (`WORKER_LOST`), or this has been closed.
            BaseException: Whatever the function raises.
        """
        if self._closed:
            raise _none("threads have been closed")
        job = _Job(function, arguments, self._loop.create_future())
        if self._busy < self._limit and not self._waiting:
            self._begin(job)
        else:
            self._waiting.append(job)
        try:
            await job.result
        except asyncio.CancelledError:
            self._give_up(job)
            raise
        if job.error is not None:
            try:
                raise job.error
            finally:
                job.error = None  # it refers to this frame, which refers to it
        return job.answer

    def close(self) -> None:
        """Let idle threads end. Those in a call end when it returns; nothing waits for that."""
        self._closed = True
        idle, self._idle = self._idle, []
        for thread in idle:
            thread.jobs.put(None)
        for job in self._waiting:
            self._fail(job, _none("threads have been closed"))
        self._waiting.clear()

    # -- on the loop ----------------------------------------------------------------------

    def _begin(self, job: _Job) -> bool:
        """Give a call to a thread, made for it if none is idle; False: it has to wait for one."""
        if self._idle:
            thread = self._idle.pop()
        else:
            try:
                thread = _Thread(f"awe-tool-{self._made}", self)
            except RuntimeError as error:  # the system has no more of them
                if self._busy:
                    self._waiting.appendleft(job)
                    return False
                self._fail(job, _none(str(error)))
                return True
            self._made += 1
        self._busy += 1
        job.thread = thread
        thread.jobs.put(job)
        return True

    def _give_up(self, job: _Job) -> None:
        """Write off a call, and the thread that makes it."""
        thread, job.thread = job.thread, None
        if thread is None:  # it waits, and is passed over when its turn comes; or it is done
            return
        thread.jobs.put(None)
        self._lost += 1
        if self._lost >= self._told and not self._brief:
            self._told *= 2
            log.warning(
                "%d calls of tools were given up and still run: a thread can't be stopped, let "
                'tools look at Context.cancelled, or run in a process (execution="process")',
                self._lost,
            )
        self._free()

    def _free(self) -> None:
        """Take note that there is a place, and give it to the next."""
        self._busy -= 1
        while self._waiting and self._busy < self._limit:
            job = self._waiting.popleft()
            if not job.result.done() and not self._begin(job):
                return

    def _collect(self) -> None:
        """Hand out what threads have done."""
        self._awake = False  # before looking: what comes now wakes the loop again
        while self._done:
            job = self._done.popleft()
            thread, job.thread = job.thread, None
            if thread is None:  # it was given up, and its thread ends
                self._lost -= 1
                continue
            if self._closed:
                thread.jobs.put(None)
            else:
                self._idle.append(thread)
            if not job.result.done():
                job.result.set_result(None)
            self._free()

    def _fail(self, job: _Job, error: BaseException) -> None:
        job.error = error
        if not job.result.done():
            job.result.set_result(None)

    # -- in a thread ----------------------------------------------------------------------

    def work(self, jobs: SimpleQueue[_Job | None]) -> None:
        """Do what one thread is given, until it is told to end."""
        while (job := jobs.get()) is not None:
            try:
                job.answer = job.context.run(job.function, **job.arguments)
            except BaseException as error:  # noqa: BLE001  # whoever waits is told
                job.error = error
            self._done.append(job)
            del job  # or what it holds lives until the next one comes
            if not self._awake:
                self._awake = True
                try:
                    self._loop.call_soon_threadsafe(self._collect)
                except RuntimeError:  # the loop has been closed: nobody is left to be told
                    return


def _none(why: str) -> NodeError:
    return NodeError(
        f"there is no thread for the tool: {why}",
        code="WORKER_LOST",
        hint="let the process have more threads, or call fewer tools at a time",
    )
