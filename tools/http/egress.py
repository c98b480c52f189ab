"""The one way out: HTTP requests whose address somebody else has chosen.

This module knows where a request may go, and how far its answer is read. It does not know why
it is made (`kind`), nor what its answer means (`answer`).

Rules:

- What is checked is what is connected to: a name is looked up once for each connection, every
  address it has is checked, and the connection is made to one of these, with the name in the
  Host header and in the TLS handshake. So a name that changes its address in between
  (DNS rebinding) changes nothing.
- Each redirect is a request like any other, and checked as one. What was sent to one origin
  (scheme, host and port) does not go to another: no body, and of the headers only those that
  tell nobody anything (`TO_ANYBODY`).
- Proxies, cookies and passwords that the environment has are not used: nothing but what
  stands here decides about a request.
- All of a request has one deadline, and an answer is counted as it arrives and as it is
  unpacked: nobody can make us wait for longer or hold more.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import httpx2

from engine import ToolError
from tools.http.addresses import inside
from tools.http.allowance import SETTING, Allowance
from tools.http.intake import read

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from tools.http.addresses import Address

SCHEMES: Final[Mapping[str, int]] = {"http": 80, "https": 443}
"""What may be asked for, and the port that it has if none is named."""

LOWEST_PORT: Final = 1024
"""Below it only 80 and 443 may be reached: what listens there is no HTTP, and some of it (mail)
does what the lines of an HTTP request say."""

CONNECT: Final = 5.0
"""Seconds to connect to one address of a host; then the next is tried."""

MOST_ADDRESSES: Final = 4

_NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Believes nobody: for http, where nobody proves anything."""

_NOT_CONNECTED: Final = (httpx2.ConnectError, httpx2.ConnectTimeout)

_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_BECOMES_GET: Final = frozenset({(301, "POST"), (302, "POST")})
_SEE_OTHER: Final = 303

TO_ANYBODY: Final = frozenset({"accept", "accept-language", "user-agent"})
"""The headers that go along to another origin; any other may be meant for the first alone."""
_OF_CONTENT: Final = frozenset({"content-type", "content-language", "content-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A request, and what may become of it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes | None = None
    secret: bool = False
    """It carries what only its origin may know: it is sent over https only, but for what is
    listed."""
    timeout: float = 30.0
    """Seconds for all of it, redirects included."""
    max_bytes: int = 1024 * 1024
    """Of the answer, unpacked."""
    redirects: int = 5
    """How many are followed; 0: a redirect is an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case; several of one name are joined by commas."""
    content: bytes
    url: str
    """Whose answer it is, after all redirects."""


class Egress:
    """Sends requests to the Internet, and to what is listed.

    Args:
        allow: What may be reached though it is inside; nothing unless something is listed.
        certificates: Whom to believe who they are; whom this machine believes if left out.
    """

    def __init__(
        self, allow: Allowance | None = None, *, certificates: ssl.SSLContext | None = None
    ) -> None:
        self._allow = Allowance() if allow is None else allow
        self._certificates = certificates

    @classmethod
    def from_environment(cls) -> Egress:
        """Make one as the environment of the process says: `AWE_EGRESS_ALLOW`.

        Raises:
            InvalidValue: The setting can't be read.
        """
        return cls(Allowance.read(os.environ.get(SETTING, "")))

    async def send(self, sending: Sending) -> Answer:
        """Send a request, and give its answer, whatever its status.

        Raises:
            ToolError: `EGRESS_REFUSED`: it may not go there. `HOST_NOT_FOUND`,
                `CONNECTION_FAILED`, `HTTP_TIMEOUT`, `TOO_MANY_REDIRECTS`, `ANSWER_TOO_LARGE`,
                `ANSWER_UNREADABLE`.
        """
        within = asyncio.timeout(sending.timeout)
        try:
            async with within:
                return await self._follow(sending)
        except TimeoutError:
            if not within.expired():
                raise
            raise ToolError(
                f"{shown(sending.url)} gave no whole answer within {sending.timeout:g} s",
                code="HTTP_TIMEOUT",
                hint="give it longer by 'timeout', or ask for less",
            ) from None

    async def _follow(self, sending: Sending) -> Answer:
        url = parsed(sending.url)
        for _ in range(sending.redirects + 1):
            method = sending.method
            async with self._asked(url, sending) as response:
                place = response.headers.get("location")
                if not (sending.redirects and place and response.status_code in _MOVED):
                    # The head of an answer to HEAD tells of a body that does not come.
                    limit = sending.max_bytes
                    content = b"" if method == "HEAD" else await read(response, shown(url), limit)
                    return Answer(response.status_code, dict(response.headers), content, str(url))
                status = response.status_code
            url, sending = _moved(url, place, status, sending)
        raise ToolError(
            f"{shown(sending.url)} leads on and on: {sending.redirects} redirects were followed",
            code="TOO_MANY_REDIRECTS",
            hint="ask for the address at the end of them",
            retryable=False,
        )

    @asynccontextmanager
    async def _asked(
        self, url: httpx2.URL, sending: Sending
    ) -> AsyncGenerator[httpx2.Response, None]:
        """Send one request, to an address that was checked, and give the head of its answer."""
        addresses = await self._checked(url, secret=sending.secret)
        certificates = await self._whom_to_believe(url.scheme)
        # A connection serves one request, so that none outlives what was checked for it.
        async with httpx2.AsyncHTTPTransport(verify=certificates, trust_env=False) as transport:
            response = await _first_answer(transport, url, addresses, sending)
            try:
                yield response
            finally:
                await response.aclose()

    async def _whom_to_believe(self, scheme: str) -> ssl.SSLContext:
        if scheme != "https":
            return _NOBODY
        if self._certificates is None:  # to read them takes 0.2 s
            self._certificates = await asyncio.to_thread(httpx2.create_ssl_context)
        return self._certificates

    # -- where it may go ------------------------------------------------------------------

    async def _checked(self, url: httpx2.URL, *, secret: bool) -> list[Address]:
        """Look up the host of a URL, once, and see that every address it has may be reached."""
        host, port = url.raw_host.decode("ascii"), url.port or SCHEMES[url.scheme]
        listed = self._allow.names(host.removesuffix("."), port)
        addresses = await _looked_up(host, port)
        for address in addresses:
            if listed or self._allow.covers(address, port):
                continue
            if what := inside(address):
                raise refused(
                    f"'{host}' is inside: {what}",
                    f"if it is to be reached, start the server with {SETTING}={host}:{port}",
                )
            if port < LOWEST_PORT and port not in SCHEMES.values():
                raise refused(
                    f"port {port} of '{host}' is none of HTTP",
                    f"below {LOWEST_PORT} only 80 and 443 are reached, unless {SETTING} lists them",
                )
            if secret and url.scheme != "https":
                raise refused(
                    f"'{host}' would be told a secret that everybody on the way can read",
                    "ask for it with https",
                )
        return addresses


def parsed(text: str) -> httpx2.URL:
    """Read a URL that may be asked for, wherever it leads.

    Raises:
        ToolError: It is none (`EGRESS_REFUSED`).
    """
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise refused(f"{shown(text)!r} is no URL: {error}", "https://host/path") from None
    if url.scheme not in SCHEMES:
        raise refused(f"{shown(text)!r} is neither http nor https", "https://host/path")
    if url.userinfo:
        raise refused(
            f"the URL of '{url.host}' has a user in it, which hides where it leads",
            "send a header in its place: Authorization",
        )
    if not url.host or "%" in url.host:
        raise refused(f"{shown(text)!r} names no host", "https://host/path")
    return url.copy_with(fragment=None)


async def _looked_up(host: str, port: int) -> list[Address]:
    """Give the addresses of a host, as this machine looks them up."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError) as error:
        raise ToolError(
            f"no address is known of '{host}'",
            code="HOST_NOT_FOUND",
            hint="look at its spelling, and whether this machine can look up names",
        ) from error
    addresses = dict.fromkeys(ip_address(str(place[0])) for *_, place in found)
    return list(addresses)[:MOST_ADDRESSES]


# -- one request --------------------------------------------------------------------------


async def _first_answer(
    transport: httpx2.AsyncHTTPTransport,
    url: httpx2.URL,
    addresses: list[Address],
    sending: Sending,
) -> httpx2.Response:
    """Ask one address after the other, until one can be connected to."""
    problem: Exception | None = None
    for address in addresses:
        try:
            return await transport.handle_async_request(_request(url, address, sending))
        except httpx2.TransportError as error:
            problem = error
            # What was connected to has perhaps heard the request: it is not sent twice.
            if not isinstance(error, _NOT_CONNECTED) or _is_for_good(error):
                break
    raise ToolError(
        f"{shown(url)} can't be asked: {type(problem).__name__}: {problem}",
        code="CONNECTION_FAILED",
        hint="it may answer later; look at its address if it never does",
        retryable=not _is_for_good(problem),
    ) from problem


def _request(url: httpx2.URL, address: Address, sending: Sending) -> httpx2.Request:
    """Write down a request to an address that says which host is meant."""
    kept = {k: v for k, v in sending.headers.items() if k.lower() != "accept-encoding"}
    headers = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "gzip", **kept}
    return httpx2.Request(
        sending.method,
        url.copy_with(host=str(address)),
        headers=headers,
        content=sending.content,
        extensions={
            "sni_hostname": url.raw_host.decode("ascii").removesuffix("."),
            "timeout": {"connect": CONNECT, "read": None, "write": None, "pool": None},
        },
    )


def _is_for_good(problem: Exception | None) -> bool:
    """Tell whether trying again can't help: a certificate, or a request that can't be sent."""
    if isinstance(problem, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        return True
    behind: BaseException | None = problem
    while behind is not None:
        if isinstance(behind, ssl.SSLCertVerificationError):
            return True
        behind = behind.__cause__ or behind.__context__
    return False


# -- redirects ----------------------------------------------------------------------------


def _moved(
    url: httpx2.URL, place: str, status: int, sending: Sending
) -> tuple[httpx2.URL, Sending]:
    """Say what a redirect asks for.

    Raises:
        ToolError: It leads where nothing may follow (`EGRESS_REFUSED`).
    """
    try:
        joined = url.join(place)
    except httpx2.InvalidURL as error:
        problem = f"{shown(url)} leads to what is no URL: {error}"
        raise refused(problem, "whoever runs that server can mend it") from None
    to = parsed(str(joined))
    if url.scheme == "https" and to.scheme != "https":
        raise refused(
            f"{shown(url)} leads from https to {shown(to)}, where everybody can read along",
            "ask for that address if it is meant",
        )
    method, content, headers = sending.method, sending.content, dict(sending.headers)
    if (status == _SEE_OTHER and method != "HEAD") or (status, method) in _BECOMES_GET:
        method, content = "GET", None
        headers = {k: v for k, v in headers.items() if k.lower() not in _OF_CONTENT}
    if _origin(to) != _origin(url):
        if content is not None:
            raise refused(
                f"{shown(url)} leads to {shown(to)}, another host, with all that was sent",
                "ask for that address if it is meant",
            )
        headers = {k: v for k, v in headers.items() if k.lower() in TO_ANYBODY}
    return to, replace(sending, method=method, content=content, headers=headers)


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or SCHEMES[url.scheme]


def shown(url: httpx2.URL | str) -> str:
    """Give a URL as it may stand in a message: without its query, which may hold secrets."""
    text = str(url)
    return text.partition("?")[0][:200]


def refused(message: str, hint: str) -> ToolError:
    """Say that a request may not be made."""
    return ToolError(message, code="EGRESS_REFUSED", hint=hint, retryable=False)
