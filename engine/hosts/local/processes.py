"""Processes for tools that take the CPU for long, and that can be stopped: they are killed.

This module knows which process makes which call, and how often. It does not know what a
process is made of (`child`), nor what goes on inside one (`worker`).

Why not pebble's pool, which can kill one call as well: its workers take calls from a common
queue, and what a worker was taking when it died is lost. Of 68 calls that ended their process
while the main thread was busy, 14 were never heard of again (pebble 5.2.3; its issue 153 is the
same). It also looks for news ten times a second, all day. Here each worker has a socket of its
own, which the loop reads like any other: an idle one costs no CPU, and the end of one concerns
one call.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.entry import ErrorInfo
from engine.errors import NodeError
from engine.hosts.local.child import Child, Died
from engine.hosts.local.threads import Threads
from engine.hosts.local.worker import Task, decode_reply, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ids import Json
    from engine.tool import AnyTool, Function

log: Final = logging.getLogger(__name__)

ATTEMPTS: Final = 3
"""How often a call is made whose process dies of itself."""

IDLE: Final = 60.0
"""Seconds after which a process that nobody needs is let go, and its memory with it."""

PATIENCE: Final = 5.0
"""Seconds that processes get to end when all are closed."""


class Processes:
    """Calls tools in processes, as many at a time as there are CPUs.

    Belongs to the loop it was made in. Nothing is begun before the first call.

    Args:
        size: Processes at a time; more calls wait in order.
        idle: Seconds after which one that nobody needs is let go.
    """

    def __init__(self, size: int | None = None, *, idle: float = IDLE) -> None:
        self._places = asyncio.Semaphore(size or os.cpu_count() or 1)
        self._idle_for = idle
        self._children: set[Child] = set()
        self._idle: list[Child] = []
        self._starter = Threads(1, brief=True)
        self._asked = 0
        self._begun = False
        self._closed = False

    async def call(
        self, tool: AnyTool, arguments: Mapping[str, Json]
    ) -> tuple[object, ErrorInfo | None]:
        """Call a tool in a process, and give its result, or what went wrong.

        Cancelled, it kills the process, with all that it has started.
        """
        self._asked += 1
        number = self._asked
        module, script = _place(tool.function)
        task = encode(
            Task(
                module=module,
                script=script,
                qualname=str(getattr(tool.function, "__qualname__", tool.name)),
                name=tool.name,
                arguments=dict(arguments),
                number=number,
            )
        )
        ends: list[str] = []
        refused: list[str] = []
        ready = False
        async with self._places:
            while len(ends) + len(refused) < ATTEMPTS and not self._closed:
                try:
                    child = await self._child()
                except NodeError as error:  # no thread to begin one in, unless all are closed
                    refused += [] if self._closed else [error.message]
                    continue
                except (OSError, EOFError) as error:  # no more processes, files or memory
                    refused.append(str(error) or "the fork server died")
                    continue
                try:
                    reply = decode_reply(await child.ask(task))
                except Died:
                    ready = ready or child.ready
                    ends.append(await child.end(PATIENCE))
                    continue
                except BaseException:
                    child.kill()
                    raise
                if reply.number == number:
                    self._put_back(child)
                    return reply.returned(), reply.error
                child.kill()  # somebody speaks in its name: what it says can't be trusted
                ends.append("it gave an answer to another call")
        return None, _lost(tool, ends, refused, ready=ready)

    async def close(self, patience: float = PATIENCE) -> None:
        """Let idle processes end, kill those that are in a call, and wait for all of them.

        Args:
            patience: Seconds for those that are let go; then they are killed. Seconds again
                for those that were killed: the system can be slow to end a process.
        """
        self._closed = True
        self._starter.close()
        idle, self._idle = self._idle, []
        for child in self._children:
            if child in idle:
                child.leave(patience)
            else:
                child.kill()
        for _ in range(2):
            if gone := {child.gone for child in self._children}:
                await asyncio.wait(gone, timeout=patience)
            for child in self._children:
                child.kill()
        for child in self._children:
            log.warning("process %d did not end %g s after it was killed", child.pid, patience)
        atexit.unregister(self._kill_all)

    async def _child(self) -> Child:
        """Give a process that is idle, or begin one.

        Raises:
            OSError, EOFError, NodeError: The system refuses.
        """
        if self._idle:
            child = self._idle.pop()
            child.keep()
            return child
        if not self._begun:
            # So late that it runs before the exit handler of multiprocessing, which waits for
            # every child.
            self._begun = True
            atexit.register(self._kill_all)
        child = await Child.begin(self._starter, self._ended)
        self._children.add(child)
        return child

    def _put_back(self, child: Child) -> None:
        """Keep a process for the next call, but not for ever."""
        if self._closed or child.ended:
            child.leave(PATIENCE)
        else:
            self._idle.append(child)
            child.after(self._idle_for, self._let_go)

    def _let_go(self, child: Child) -> None:
        self._idle.remove(child)
        child.leave(PATIENCE)

    def _ended(self, child: Child) -> None:
        """Forget a process, which may have ended while it had nothing to do."""
        self._children.discard(child)
        if child in self._idle:
            self._idle.remove(child)

    def _kill_all(self) -> None:
        """Leave nothing behind when the interpreter exits without `close`."""
        for child in self._children:
            child.kill()


def _place(function: Function) -> tuple[str, str]:
    """Say where a function is written: the module, and its file if that is a script."""
    module = str(function.__module__)
    if module != "__main__":
        return module, ""
    main = sys.modules[module]
    if main.__spec__ is not None:  # python -m
        return main.__spec__.name, ""
    file = getattr(main, "__file__", None)
    return module, "" if file is None else str(Path(file).resolve())


def _lost(tool: AnyTool, ends: list[str], refused: list[str], *, ready: bool) -> ErrorInfo:
    """Say how often a process died, and how; and what the system said when it gave none."""
    said: list[str] = []
    hint = ""
    if ends:
        said.append(f"the process of tool '{tool.name}' died {_times(ends)}")
        hint = (
            "it crashed, was killed for its memory, or called os._exit: try its function by itself"
            if ready
            else "it died before the tool was called, which what it wrote to the error output may "
            "explain; it may have found no memory"
        )
    if refused:
        said.append(f"the system gave no process for tool '{tool.name}' {_times(refused)}")
        hint = (
            "let the engine have more processes, open files and memory (ulimit -a shows how "
            "many), or call fewer tools at a time"
        )
    return ErrorInfo(
        code="WORKER_LOST",
        message="; ".join(said)
        or f"the processes have been closed before tool '{tool.name}' was called",
        hint=hint,
        details={"ends": [*ends], "refused": [*refused]},
    )


def _times(what: list[str]) -> str:
    times = "once" if len(what) == 1 else f"{len(what)} times"
    return f"{times}: {', '.join(what)}"
