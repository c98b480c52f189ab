"""The server process: uvicorn around the application.

This module knows how uvicorn is set up. It does not know what is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

    from starlette.applications import Starlette
    from uvicorn._types import ASGISendEvent

GRACE: Final = 10
"""Seconds that requests get to end when the server stops."""

MAX_FRAME: Final = 64 * 1024
"""Bytes of one message that a WebSocket client may send; it has nothing to say."""


LINGER: Final = 10.0
"""Seconds that a reader gets to take what was sent to it, once it was told to go."""


class StreamProtocol(WSProtocol):
    """uvicorn's WebSocket, which also lets go of readers that do not read.

    As it comes, it waits for such a reader to make room for the close frame, and then for
    ever until all that was sent has been taken.
    """

    cut: asyncio.TimerHandle | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says; a close frame is small and waits for no room."""
        if message["type"] == "websocket.close" and self.cut is None:
            self.writable.set()
            self.cut = self.loop.call_later(LINGER, self.transport.abort)
        await super().send(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline: it is met."""
        if self.cut is not None:
            self.cut.cancel()
        super().connection_lost(exc)


class Server(uvicorn.Server):
    """A server that says where it is as soon as it can be reached.

    Args:
        app: What it serves.
        host: The address to listen on.
        port: The port; 0 lets the system choose one.
        listening: Called with the address once it listens.
    """

    def __init__(
        self, app: Starlette, *, host: str, port: int, listening: Callable[[str], None]
    ) -> None:
        self._listening = listening
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                lifespan="on",
                timeout_graceful_shutdown=GRACE,
                ws=StreamProtocol,
                ws_max_size=MAX_FRAME,
                ws_per_message_deflate=False,  # 70 % more CPU, and some clients break
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        for server in self.servers:
            host, port, *_ = server.sockets[0].getsockname()
            self._listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")
