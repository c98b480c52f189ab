"""Where plain tools run in the local host: threads and processes of its own.

This module knows that there are two kinds. It does not know how either works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.hosts.local.processes import Processes
from engine.hosts.local.threads import LIMIT, Threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.entry import ErrorInfo
    from engine.ids import Json
    from engine.tool import AnyTool, Function


class LocalWorkers:
    """Does what `engine.workers.Workers` says. Made in the loop that uses it.

    Args:
        threads: Calls in threads at a time.
        processes: Calls in processes at a time; None: as many as there are CPUs.
    """

    def __init__(self, *, threads: int = LIMIT, processes: int | None = None) -> None:
        self._threads = Threads(threads)
        self._processes = Processes(processes)

    async def in_thread(self, function: Function, arguments: Mapping[str, object]) -> object:
        """Call a function in a thread; see `Workers.in_thread`."""
        return await self._threads.call(function, arguments)

    async def in_process(
        self, tool: AnyTool, arguments: Mapping[str, Json]
    ) -> tuple[object, ErrorInfo | None]:
        """Call a tool in a process; see `Workers.in_process`."""
        return await self._processes.call(tool, arguments)

    async def close(self) -> None:
        """Let go of threads and processes. Calls should have been cancelled before.

        Waits a few seconds at most for processes, and for no thread.
        """
        self._threads.close()
        await self._processes.close()
