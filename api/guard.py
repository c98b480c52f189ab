"""Who may speak to this server at all, and what browsers are told about its answers.

This module knows host names, origins and headers. It does not know what is asked.

Any web page can make a browser send requests to 127.0.0.1, and open a WebSocket there. Two
checks keep it out. The `Origin` of a request must be this server itself. And the `Host` must
be a name of it: a page whose own name is made to point here (DNS rebinding) would otherwise
have the right origin. No header ever allows another origin to read an answer.
"""

from __future__ import annotations

import os
import re
import socket
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.websockets import WebSocket

from api.problem import BadRequest, bad_request

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS: Final = "AWE_ALLOWED_HOSTS"
ORIGINS: Final = "AWE_ALLOWED_ORIGINS"
"""Variables of the environment: names and origins beside our own, with commas between."""

ANY: Final = "*"
"""Among the allowed: all of them."""

REFUSED: Final = 4403
"""The code with which a WebSocket of another origin is closed."""

MISDIRECTED: Final = 4421
"""The code with which a WebSocket that names another host is closed."""

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.%]*\]|[^:\[\]]*)(?::[0-9]{0,5})?")
"""A name or an address, and a port."""

_OWN: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # a name, not a binding

_POLICY: Final = (
    "default-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
)
"""What a browser may do with an answer: nothing but what this server gives it."""

HEADERS: Final = (
    (b"content-security-policy", "; ".join(_POLICY).encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""What every answer says, unless it says something else of the same name itself."""


_NAMES: Final = frozenset(name for name, _ in HEADERS)

_ANSWERS: Final = frozenset({"http.response.start", "websocket.http.response.start"})
"""Messages that begin an answer; the second refuses a handshake."""


class Guard:
    """Lets through what may be asked here, and sees that every answer has its headers.

    Args:
        app: What answers.
        host: The address that the server was told to listen on, if it was.
        hosts: Names that are ours, beside those that always are.
        origins: Origins that may ask, beside our own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str | None,
        hosts: Collection[str],
        origins: Collection[str],
    ) -> None:
        self._app = app
        names = {*_OWN, *(_name(each.lower()) for each in hosts)}
        self._everywhere = host in _EVERYWHERE
        if self._everywhere:
            names.add(socket.gethostname().lower())
        elif host is not None:
            names.add(f"[{host}]" if ":" in host else host.lower())
        self._any_host = ANY in names
        self._any_origin = ANY in origins
        self._names = frozenset(names)
        self._origins = frozenset(each.lower().rstrip("/") for each in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)

        async def guarded(message: Message) -> None:
            if message["type"] in _ANSWERS:
                given = message["headers"]
                own = _NAMES & {name for name, _ in given}
                added = [each for each in HEADERS if each[0] not in own] if own else HEADERS
                message["headers"] = [*given, *added]
            await send(message)

        if refusal is None:
            await self._app(scope, receive, guarded)
        elif kind == "websocket":
            await _refuse(WebSocket(scope, receive, send), refusal)
        else:
            answer = await bad_request(Request(scope), refusal)
            await answer(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> BadRequest | None:
        """Say why something may not be asked, if it may not."""
        hosts: list[bytes] = []
        origins: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"origin":
                origins.append(value)
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        if not self._is_own(host):
            return _foreign_host(host)
        for each in origins:
            origin = each.decode("latin-1").lower()
            scheme, _, authority = origin.partition("://")
            own = authority == host and scheme in ("http", "https")
            if not own and not self._any_origin and origin not in self._origins:
                return _foreign_origin(origin)
        return None

    def _is_own(self, host: str) -> bool:
        """Tell whether a `Host` is a name of this server, whatever the port."""
        name = _name(host)
        if name in self._names:
            return True
        # No name can be made to point here where there is none, but an address.
        return bool(name) and (self._any_host or (self._everywhere and _is_address(name)))


def allowed(variable: str) -> frozenset[str]:
    """Read a list in the environment."""
    return frozenset(filter(None, map(str.strip, os.environ.get(variable, "").split(","))))


def _name(host: str) -> str:
    """Take the port off a host."""
    named = _HOST.fullmatch(host)
    return named["name"] if named else ""


@lru_cache(maxsize=64)
def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _foreign_host(host: str) -> BadRequest:
    shown = _name(host)[:100]
    if not shown:
        return BadRequest(
            "the request does not say, once, which host it is for",
            code="FOREIGN_HOST",
            status=HTTPStatus.MISDIRECTED_REQUEST,
            hint="send the header Host with the address of this server",
        )
    return BadRequest(
        f"'{shown}' is no name of this server",
        code="FOREIGN_HOST",
        status=HTTPStatus.MISDIRECTED_REQUEST,
        hint=f"ask http://127.0.0.1, or start the server with {HOSTS}={shown}",
        details={"host": shown},
    )


def _foreign_origin(origin: str) -> BadRequest:
    shown = origin[:100]
    return BadRequest(
        f"a page of '{shown}' may ask nothing here",
        code="FOREIGN_ORIGIN",
        status=HTTPStatus.FORBIDDEN,
        hint=f"if it is yours, start the server with {ORIGINS}={shown}",
        details={"origin": shown},
    )


async def _refuse(websocket: WebSocket, refusal: BadRequest) -> None:
    """Accept first: a browser can't read why a handshake was refused."""
    await websocket.accept()
    code = REFUSED if refusal.status is HTTPStatus.FORBIDDEN else MISDIRECTED
    await websocket.close(code, refusal.message[:100])
