"""Something between a store and its server that cuts the line when it is told to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Proxy:
    """Passes on what both sides say.

    Attributes:
        port: Where it listens.
        cuts: How often it has cut a line.
        made: How many lines there were.
        refuses: Whether it takes no more of them.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._words: bytes | None = None
        self._after = False
        self._lines: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.refuses = False
        self.cuts = 0
        self.made = 0

    def cut(self, words: bytes, *, after: bool) -> None:
        """Cut the line when the store next says `words`.

        Args:
            words: What is said.
            after: The server hears them, does what it is asked, and its answer is lost;
                otherwise they are lost themselves.
        """
        self._words, self._after = words, after

    def cut_all(self) -> None:
        """Cut all lines now."""
        for line in self._lines:
            for side in line:
                side.transport.abort()
        self.cuts += len(self._lines)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Proxy]:
        """Listen, until the end of the block."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut_all()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.made += 1
        try:
            if self.refuses:
                raise ConnectionRefusedError
            there, back = await asyncio.open_connection("127.0.0.1", self._server_port)
            line = (writer, back)
            self._lines.add(line)
            lost = asyncio.Event()  # set when the answer is to be lost
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._to_server(reader, back, line, lost))
                    both.create_task(self._to_store(there, writer, line, lost))
            finally:
                self._lines.discard(line)
                for side in line:
                    side.transport.abort()
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _to_server(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        line: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        lost: asyncio.Event,
    ) -> None:
        said = b""
        with suppress(OSError):
            while data := await reader.read(65_536):
                said = (said + data)[-200_000:]
                if self._words is not None and self._words in said:
                    self._words = None
                    if not self._after:
                        self._hang_up(line)
                        return
                    lost.set()
                writer.write(data)
                await writer.drain()
        if not lost.is_set():
            self._abort(line)

    async def _to_store(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        line: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        lost: asyncio.Event,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if lost.is_set():  # it has answered: whatever it was asked is done
                    self._hang_up(line)
                    return
                writer.write(data)
                await writer.drain()
        self._abort(line)

    def _hang_up(self, line: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self.cuts += 1
        self._abort(line)

    def _abort(self, line: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        for side in line:
            side.transport.abort()
