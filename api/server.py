"""The server process: uvicorn around the application.

This module knows how uvicorn is set up. It does not know what is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import uvicorn

from api.connection import RequestProtocol, StreamProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.applications import Starlette

GRACE: Final = 10
"""Seconds that requests get to end when the server stops."""

MAX_FRAME: Final = 64 * 1024
"""Bytes of one message that a WebSocket client may send; it has nothing to say."""


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
                access_log=False,  # it would be made for every request, and then thrown away
                proxy_headers=False,  # nobody stands before us whose word counts
                server_header=False,
                lifespan="on",
                timeout_graceful_shutdown=GRACE,
                http=RequestProtocol,
                ws=StreamProtocol,
                ws_max_size=MAX_FRAME,
                ws_per_message_deflate=False,  # 70 % more CPU, and some clients break
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        # Where a name has several addresses, all have the same port, and one says enough.
        host, port, *_ = self.servers[0].sockets[0].getsockname()
        self._listening(f"http://{f'[{host}]' if ':' in host else host}:{port}")
