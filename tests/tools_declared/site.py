"""Real servers on loopback: one that answers as it is told, one that tells names."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from engine import Json

CRLF = b"\r\n"


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """Its body."""
        return json.loads(self.body)


def answer(
    body: bytes | str = b"",
    status: int = 200,
    kind: str | None = "text/plain; charset=utf-8",
    **headers: str,
) -> bytes:
    """Write down an answer; headers are written with `_` for `-`."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + CRLF + CRLF + content


def as_json(value: Json, status: int = 200, **headers: str) -> bytes:
    """Write down an answer in JSON."""
    return answer(json.dumps(value), status, "application/json", **headers)


@dataclass
class Site:
    """A server: it counts who connects, keeps what is asked, and answers by path."""

    host: str
    port: int = 0
    connections: int = 0
    asked: list[Asked] = field(default_factory=list)
    pages: dict[str, bytes | Callable[[asyncio.StreamWriter], object]] = field(default_factory=dict)
    tasks: set[asyncio.Task[object]] = field(default_factory=set)

    def at(self, path: str, scheme: str = "http", host: str | None = None) -> str:
        """Give the URL of a page."""
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{scheme}://{name}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            pass  # by `listening`; streams of Python 3.11 complain of a handler that ends by it
        finally:
            writer.close()
            self.tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(CRLF + CRLF)).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        pairs = [line.split(": ", 1) for line in head[1:] if line]
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(Asked(method, path, headers, body))
        page = self.pages.get(path.partition("?")[0], answer(f"you asked {path}"))
        if isinstance(page, bytes):
            writer.write(page)
            await writer.drain()
        else:
            await page(writer)


@asynccontextmanager
async def listening(
    host: str = "127.0.0.1", port: int = 0, *, certificate: ssl.SSLContext | None = None
) -> AsyncGenerator[Site, None]:
    """Serve on an address of loopback."""
    site = Site(host)
    server = await asyncio.start_server(site.serve, host, port, ssl=certificate)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for task in site.tasks:
            task.cancel()
        if site.tasks:
            await asyncio.wait(site.tasks)


# -- names --------------------------------------------------------------------------------

REAL = socket.getaddrinfo


class Names(asyncio.DatagramProtocol):
    """A DNS server: it answers each name by its list, one after the other, the last for ever."""

    def __init__(self, told: dict[str, list[tuple[str, ...]]]) -> None:
        self.told = {name: list(turns) for name, turns in told.items()}
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question for addresses of IPv4."""
        name, end = _name(data)
        self.asked.append(name)
        turns = self.told.get(name, [()])
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        head = data[:2] + struct.pack(
            ">HHHHH", 0x8180 if addresses else 0x8183, 1, len(addresses), 0, 0
        )
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(each)
            for each in addresses
        )
        self.transport.sendto(head + data[12 : end + 4] + records, addr)  # type: ignore[attr-defined]  # of datagrams


def _name(packet: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while size := packet[at]:
        labels.append(packet[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return ".".join(labels), at + 1


@asynccontextmanager
async def telling(
    told: dict[str, list[tuple[str, ...]]],
) -> AsyncGenerator[tuple[Names, Callable[..., object]], None]:
    """Serve names, and give a `getaddrinfo` that asks for them there.

    What is an address already, in whatever spelling, the system reads as it always does.
    """
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(
        lambda: Names(told), local_addr=("127.0.0.1", 0)
    )
    server = transport.get_extra_info("sockname")

    def getaddrinfo(host: object, port: object, *args: int, **kwargs: int) -> object:
        text = host.decode() if isinstance(host, bytes) else str(host)
        try:
            return REAL(text, port, *args[:3], flags=socket.AI_NUMERICHOST, **kwargs)
        except socket.gaierror:
            pass
        found = _ask(server, text.rstrip(".").lower())
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [each for address in found for each in REAL(address, port, *args, **kwargs)]

    try:
        yield names, getaddrinfo
    finally:
        transport.close()


def _ask(server: tuple[str, int], name: str) -> list[str]:
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    packet = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(5)
        link.sendto(packet, server)
        reply = link.recv(512)
    count = struct.unpack(">H", reply[6:8])[0]
    first = len(packet)
    return [
        socket.inet_ntoa(reply[at + 12 : at + 16]) for at in range(first, first + 16 * count, 16)
    ]
