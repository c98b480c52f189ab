"""A Redis of the tests, as the system has it.

This module knows how it is started on a free port of this machine, killed, frozen and ended
with the tests, however those end. It does not know what is kept in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from typing import Final

from tests.servers.server import UP, ServerMissing, free_port, lives

DATABASES: Final = 64
"""Numbered databases of one server."""


class Redis:
    """A Redis that keeps nothing on disk, until it is closed.

    Raises:
        ServerMissing: It is not installed.
    """

    def __init__(self) -> None:
        self._program = shutil.which("redis-server")
        if self._program is None:
            raise ServerMissing("there is no redis-server: apt-get install redis-server")
        self.port: int = free_port()
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the server
        self._life: subprocess.Popen[str] | None = None
        self.pid: int = 0
        for attempt in count(1):
            try:
                self.start()
            except AssertionError:
                if attempt == 2:
                    self.close()
                    raise
                self.port = free_port()  # somebody was quicker
            else:
                break

    def __repr__(self) -> str:
        """Name the port."""
        return f"<Redis on port {self.port}>"

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.is_up():
            return
        self.kill()
        assert self._program is not None
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "no",
            "databases": DATABASES,
            "dir": "/",  # it writes nothing
            "loglevel": "warning",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        # Kills it when the tests end, be they killed: then the pipe is closed.
        life = self._life = subprocess.Popen(
            [
                *("sh", "-c", '"$@" >&2 & echo $!; cat >/dev/null; kill -9 $!; wait'),
                *("redis", self._program, *options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,  # ^C is for the tests
        )
        assert life.stdout is not None
        self.pid = int(life.stdout.readline())
        ends = time.monotonic() + UP
        while not self.is_up():
            if time.monotonic() > ends or not lives(self.pid):
                self.kill()
                self._log.seek(0)
                raise AssertionError(self._log.read())
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it, if it runs; all that it holds is gone."""
        life, self._life = self._life, None
        if life is not None:
            assert life.stdin is not None
            assert life.stdout is not None
            life.stdin.close()
            life.wait()
            life.stdout.close()

    def freeze(self) -> None:
        """Have it stand still: it takes connections and answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill it."""
        self.kill()
        self._log.close()

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return self.ask("PING") == ["+PONG"]
        except OSError:
            return False

    def ask(self, *commands: str) -> list[str]:
        """Send commands, one after the other; give the first line of each answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall("".join(f"{each}\r\n" for each in commands).encode())
            with connection.makefile("rb") as answers:
                return [answers.readline().decode().strip() for _ in commands]

    def url(self, number: int = 0) -> str:
        """Give the address of a numbered database."""
        return f"redis://127.0.0.1:{self.port}/{number}"
