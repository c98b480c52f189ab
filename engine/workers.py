"""Where plain tools run, away from the loop: the protocol. A host has its own (`hosts`).

This module knows functions and their arguments. It does not know nodes, nor what becomes of
what a tool returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.entry import ErrorInfo
    from engine.ids import Json
    from engine.tool import AnyTool, Function


class Workers(Protocol):
    """Runs functions in threads and tools in processes."""

    async def in_thread(self, function: Function, arguments: Mapping[str, object]) -> object:
        """Call a function in a thread, with the context variables of the caller.

        Cancelled, the caller goes at once; the function runs on, and its result is dropped.

        Raises:
            NodeError: There is no thread to be had (`WORKER_LOST`).
            BaseException: Whatever the function raises.
        """
        ...

    async def in_process(
        self, tool: AnyTool, arguments: Mapping[str, Json]
    ) -> tuple[object, ErrorInfo | None]:
        """Call a tool in a process, and give its result, or what went wrong.

        The arguments are written down before anything is waited for. Cancelled, the process is
        killed, with all that it has started. A process that dies by itself is replaced and the
        tool called again, three times in all (`WORKER_LOST`).
        """
        ...
