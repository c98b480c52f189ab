"""Connections, as our server speaks them: uvicorn's protocols, and what they lack.

This module knows sockets and frames. It does not know what is asked or answered. ASGI has no
words for what a live stream needs: to write the same bytes to many readers without making
them anew for each, to know beforehand whether there is room for them, and to let go of a
reader that takes nothing. Our connections offer that in the `extensions` of the scope, under
`DIRECT`; on another server it is missing, and streams do without.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto.connection import ConnectionState
from wsproto.events import RejectConnection
from wsproto.utilities import RemoteProtocolError

from api.problem import MEDIA_TYPE, BadRequest, document
from api.wire.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, MutableMapping
    from typing import TypeAlias

    from starlette.requests import Request
    from uvicorn._types import ASGISendEvent

    _Scope: TypeAlias = MutableMapping[str, dict[str, object]]

DIRECT: Final = "awe.direct"
"""The extension."""

LINGER: Final = 10.0
"""Seconds that a reader gets to take what was sent to it, once it was told to go."""

MAX_HEAD: Final = 64 * 1024
"""Bytes of the line and the headers of a request, about."""

_HEAD_TOO_LARGE: Final = BadRequest(
    f"the line and the headers of the request are larger than {MAX_HEAD:,} bytes",
    code="HEAD_TOO_LARGE",
    status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    hint="leave headers out, cookies above all: nothing here asks for any",
)

_NO_REQUEST: Final = BadRequest(
    "what came is no HTTP/1.1 request",
    code="BAD_HTTP",
    hint="speak plain HTTP/1.1 to this port, and write the address with %-escapes",
)

_HANDSHAKE: Final = (
    "open it with a WebSocket client: it sends Upgrade, Connection, Sec-WebSocket-Key and "
    "Sec-WebSocket-Version: 13 by itself"
)

_SHORT: Final = 126
_LONG: Final = 1 << 16


class Direct(Protocol):
    """What our connections offer beside ASGI.

    Attributes:
        has_room: Whether what is written goes out, and does not pile up here.
        on_stop: Called when the server stops; what does not end by itself is to end then.
    """

    has_room: bool
    on_stop: Callable[[], None] | None

    @property
    def is_complete(self) -> bool:
        """Whether all of a request is here, so that reading its body waits for nobody."""
        ...

    async def room(self) -> None:
        """Wait until there is room, or nobody is there any more."""
        ...

    def write(self, data: bytes) -> None:
        """Write bytes as they are; dropped if the connection is closing."""
        ...

    def abort(self) -> None:
        """Close at once, whatever has not been taken yet."""
        ...


def direct_of(scope: MutableMapping[str, object]) -> Direct | None:
    """Give what the connection of a request offers, if our server made it."""
    extensions = cast("dict[str, dict[str, Direct]]", scope.get("extensions") or {})
    return extensions.get(DIRECT, {}).get("connection")


@contextmanager
def when_stopped(request: Request, then: Callable[[], None]) -> Generator[None, None, None]:
    """Have something called if the server stops while this is entered."""
    direct = direct_of(request.scope)
    if direct is None:
        yield
        return
    direct.on_stop = then
    try:
        yield
    finally:
        direct.on_stop = None


def text_frames(texts: Iterable[bytes]) -> bytes:
    """Write texts as WebSocket frames, one for each; the same for every reader."""
    parts: list[bytes] = []
    for text in texts:
        size = len(text)
        if size < _SHORT:
            parts.append(b"\x81" + size.to_bytes(1))
        elif size < _LONG:
            parts.append(b"\x81\x7e" + size.to_bytes(2))
        else:
            parts.append(b"\x81\x7f" + size.to_bytes(8))
        parts.append(text)
    return b"".join(parts)


def chunk(data: bytes) -> bytes:
    """Write a part of the body of an answer whose length is not known beforehand."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _refusal(error: BadRequest, *headers: str) -> bytes:
    """Write an answer to what never got as far as the application, which ends the connection."""
    body = bytes(Reply(document(error, "")).body)
    head = (
        f"HTTP/1.1 {error.status} {error.status.phrase}",
        *headers,
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "x-content-type-options: nosniff",
        "connection: close",
        "\r\n",
    )
    return "\r\n".join(head).encode() + body


class _Flowing(asyncio.Protocol):
    """What all our connections offer: how full they are, and how they are let go."""

    transport: asyncio.Transport
    has_room: bool = True
    on_stop: Callable[[], None] | None = None

    def pause_writing(self) -> None:
        """Hear that what is written piles up."""
        self.has_room = False
        super().pause_writing()

    def resume_writing(self) -> None:
        """Hear that it has been taken."""
        self.has_room = True
        super().resume_writing()

    def abort(self) -> None:
        """Close at once."""
        self.transport.abort()


class StreamProtocol(_Flowing, WSProtocol):
    """uvicorn's WebSocket, which offers more than ASGI, and lets go of readers that do not read.

    As it comes, it waits for such a reader to make room for the close frame, and then for
    ever until all that was sent has been taken.
    """

    cut: asyncio.TimerHandle | None = None

    async def run_asgi(self) -> None:
        """Run the application, and let it write to the connection itself."""
        cast("_Scope", self.scope)["extensions"][DIRECT] = {"connection": self}
        await super().run_asgi()

    @property
    def is_complete(self) -> bool:
        """A handshake has no body."""
        return True

    def data_received(self, data: bytes) -> None:
        """Take in what a client sends; as it comes, a handshake that is none gets no words."""
        if self.conn.state is not ConnectionState.CONNECTING:
            super().data_received(data)
            return
        try:
            self.conn.receive_data(data)
        except RemoteProtocolError as error:
            self._refuse(str(error), error.event_hint)
        except UnicodeError:
            self._refuse("its Host can't be read", None)
        else:
            self.handle_events()

    def _refuse(self, why: str, answer: object) -> None:
        """Answer with a problem document, and close."""
        meant = answer if isinstance(answer, RejectConnection) else RejectConnection()
        error = BadRequest(
            f"this is no handshake of a WebSocket: {why}",
            code="BAD_HANDSHAKE",
            status=HTTPStatus(meant.status_code),
            hint=_HANDSHAKE,
        )
        told = (f"{name.decode()}: {value.decode()}" for name, value in meant.headers)
        self.transport.write(_refusal(error, *told))
        self.transport.close()

    async def room(self) -> None:
        """Wait until there is room, or nobody is there any more."""
        await self.writable.wait()

    def write(self, data: bytes) -> None:
        """Write whole frames; uvicorn's own pings come before or after them."""
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(data)

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


class _TooLarge(Exception):
    """The head of a request is larger than `MAX_HEAD`."""


class RequestProtocol(_Flowing, HttpToolsProtocol):
    """uvicorn's HTTP, which offers more than ASGI, and tells long answers when the server stops.

    As it comes, it waits for them for as long as the server may take to stop.
    """

    _head: int | None = 0
    """Bytes that came of a head that has not come to its end; None: it has."""
    _read = 0
    """Bytes that came last."""

    @property
    def is_complete(self) -> bool:
        """Whether the last request is here; one before it is in any case."""
        return not self.cycle.more_body

    def data_received(self, data: bytes) -> None:
        """Take in what a client sends, as long as it comes to the point."""
        self._read = len(data)
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                self._refuse(_HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Hear that a head has come to its end."""
        head, self._head = self._head or 0, None
        if head + self._read > MAX_HEAD:  # otherwise there is nothing to count
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > MAX_HEAD:
                raise _TooLarge  # the parser stops at once
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words are not ours
        """Say that this is no request, or none that is read to its end."""
        stopped = sys.exception()
        too_large = stopped is not None and isinstance(stopped.__context__, _TooLarge)
        self._refuse(_HEAD_TOO_LARGE if too_large else _NO_REQUEST)

    def _refuse(self, error: BadRequest) -> None:
        """Answer with a problem document, and close: nobody knows where the next request begins."""
        self.transport.write(_refusal(error))
        self.transport.close()

    def on_message_begin(self) -> None:
        """Hear that a request begins."""
        super().on_message_begin()
        self._head = 0
        cast("_Scope", self.scope)["extensions"] = {DIRECT: {"connection": self}}

    async def room(self) -> None:
        """Wait until there is room, or nobody is there any more."""
        await self.flow.drain()

    def write(self, data: bytes) -> None:
        """Write whole chunks of an answer that has begun."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def shutdown(self) -> None:
        """Hear that the server stops."""
        super().shutdown()
        if self.on_stop is not None:
            self.on_stop()
