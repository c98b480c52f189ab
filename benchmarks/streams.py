"""What a server's CPU costs per message to a subscriber, and per run that is asked for.

This module knows sockets, and the server (`serving`) that it asks. What clients use is not
counted: they are here, and the server is another process. What counts is the CPU time of that
process, the kernel's share of it included: on this machine nearly all of a packet's way.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import select
import socket
import subprocess
import sys
import time
from contextlib import closing
from typing import IO, TYPE_CHECKING, Final, Self, cast

from benchmarks.rounds import Rounds
from benchmarks.serving import BARE, SHORT
from benchmarks.table import Line, Section, over

if TYPE_CHECKING:
    from types import TracebackType

ROUNDS: Final = Rounds(most=7, seconds=25)

LENGTHS: Final = {1: 2_000, 100: 150, 1_000: 40}
"""Nodes of a run, by how many subscribers follow it."""

ENTRIES: Final = 3
"""Entries of a node: completed, sent, started."""

REQUESTS: Final = 400

FULL: Final = 1 << 20
"""Bytes that are read at once."""

KINDS: Final = {"a frame for each": ("", 9.0), "joined (?batch=1)": ("?batch=1", 3.5)}


class Asked:
    """A server in a process of its own. Used by `with`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._words, self._answers = _pipes(self._process)
        self.port = int(self._answers.readline().rpartition(":")[2])

    def __enter__(self) -> Self:
        """Keep it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it end."""
        self._process.communicate()

    def tell(self, *words: object) -> object:
        """Tell it something, and give its answer."""
        print(*words, file=self._words, flush=True)
        return json.loads(self._answers.readline())

    def seconds(self, *words: object) -> float:
        """Tell it something that is answered with seconds."""
        return cast("float", self.tell(*words))

    def connect(self) -> socket.socket:
        """Open a connection."""
        made = socket.create_connection(("127.0.0.1", self.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def follow(self, run: str, query: str) -> socket.socket:
        """Open a WebSocket to a run; its answer is still to be read."""
        made = self.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET /api/v1/ws/workflow/{run}{query} HTTP/1.1\r\nHost: localhost\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        )
        made.sendall(head.encode())
        return made


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    """Give what leads to a process, and what comes from it."""
    if process.stdin is None or process.stdout is None:
        raise ValueError(process.args)
    return process.stdin, process.stdout


def _unexpected(said: bytes) -> RuntimeError:
    return RuntimeError(f"the server did not go on as expected: {said[-500:]!r}")


def read_until(readers: list[socket.socket], word: bytes) -> None:
    """Read from all until each has said a word, at ease, so that it does not cost the server."""
    with closing(select.epoll()) as poll:
        left = {reader.fileno(): reader for reader in readers}
        for number in left:
            poll.register(number, select.EPOLLIN)
        tails = dict.fromkeys(left, b"")
        while left:
            for number, _ in poll.poll():
                found = left[number].recv(FULL)
                if not found:
                    raise _unexpected(tails[number])
                tails[number] = (tails[number] + found)[-2_000:]
                if word in tails[number]:
                    del left[number]
                    poll.unregister(number)
            time.sleep(0.001)


def followed(server: Asked, subscribers: int, query: str) -> float:
    """Give the CPU seconds of a run with so many subscribers, from the first node to the last."""
    run = cast("str", server.tell("run", LENGTHS[max(subscribers, 1)]))
    readers = [server.follow(run, query) for _ in range(subscribers)]
    try:
        read_until(readers, b'"node":"gate"')
        server.tell("go")
        read_until(readers, b'"node":"last"')
        return server.seconds("used")
    finally:
        for reader in readers:
            reader.close()


def alone(server: Asked, subscribers: int) -> float:
    """Give the CPU seconds of the same run when nobody follows it."""
    server.tell("run", LENGTHS[subscribers])
    server.tell("go")
    return server.seconds("used")


def posted(server: Asked, path: str) -> float:
    """Give the CPU seconds of a POST, one after the other on one connection."""
    body = json.dumps({"graph_id": SHORT.name, "initial_state": {}}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    before = server.seconds("cpu")
    with server.connect() as connection:
        for _ in range(REQUESTS):
            connection.sendall(head.encode() + body)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(FULL)
            if not answer.startswith(b"HTTP/1.1 202"):
                raise _unexpected(answer)
    return (server.seconds("over") - before) / REQUESTS  # with what the last one has begun


async def measure(rounds: Rounds) -> list[Section]:
    """Measure all of them, in turns."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found: dict[tuple[str, int], list[float]] = {
        (kind, many): [] for kind in KINDS for many in LENGTHS
    }
    bare: list[float] = []
    runs: list[float] = []
    engine: list[float] = []
    with Asked() as server:
        for _ in rounds:
            for (kind, many), figures in found.items():
                before = alone(server, many)
                watched = followed(server, many, KINDS[kind][0])
                added = watched - (before + alone(server, many)) / 2
                figures.append(added / many / (ENTRIES * LENGTHS[many]) * 1e6)
            bare.append(posted(server, BARE) * 1e6)
            runs.append(posted(server, "/api/v1/graph/run") * 1e6)
            engine.append(server.seconds("alone", REQUESTS) / REQUESTS * 1e6)
    messages = [
        Line(
            f"{kind}, {many:,} subscriber{'s' if many > 1 else ''}",
            figures,
            "us",
            goal=KINDS[kind][1],
        )
        for (kind, many), figures in found.items()
    ]
    return [
        Section("CPU of the server per delivered WebSocket message", messages),
        Section(
            "CPU of the server per POST /graph/run of a run of 3 nodes, the run included",
            [
                Line("a bare Starlette route that answers as many bytes", bare, "us"),
                Line("the same run, started by the engine without HTTP", engine, "us"),
                Line("POST /graph/run", runs, "us", over(runs, bare), goal=1.5),
            ],
        ),
    ]
