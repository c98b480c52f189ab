"""How workers are started, listened to and killed: as processes, or as children of one.

This module knows pipes and processes. It does not know what workers say, nor whether it is so.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from engine import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from typing import Self, TypeAlias

    from tests.system.worker import Orders

    Hire: TypeAlias = Callable[[Orders], "Worker"]

ROOT: Final = Path(__file__).parents[2]

_CLOCK: Final = SystemClock()


class Worker(Protocol):
    """Somebody who carries out orders, says what it was told, and is killed."""

    said: list[str]
    """What it has said so far."""
    ready: datetime | None
    """When it said that it was ready, if it did."""

    def wait_for(self, word: str, seconds: float) -> float:
        """Wait until it says `word`, and give the seconds since it was started.

        Raises:
            AssertionError: It ended, or said nothing for too long.
        """
        ...

    def wait_for_the_end(self, seconds: float) -> bool:
        """Wait until it is dead; tell whether it had said that it was finished.

        Raises:
            AssertionError: It still lives after so long.
        """
        ...

    def kill(self) -> None:
        """Kill it, if it still lives, and hear what it had said."""
        ...

    @property
    def complaints(self) -> str:
        """What it wrote about its errors."""
        ...


class Heard:
    """What a worker has said so far."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.ready: datetime | None = None
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._began = time.monotonic()
        self._finished = False

    def kill(self) -> None:
        raise NotImplementedError

    @property
    def complaints(self) -> str:
        raise NotImplementedError

    def hear(self, line: bytes) -> None:
        """Hear a whole line."""
        text = line.decode()
        self.said.append(text)
        if " " not in text:
            if text == "ready":
                self.ready = _CLOCK.now()
            self._finished |= text == "finished"
            self._news.put(text)

    def hear_no_more(self) -> None:
        """Take note that it is dead."""
        self._news.put(None)

    def wait_for(self, word: str, seconds: float) -> float:
        ends = time.monotonic() + seconds
        while True:
            try:
                heard = self._news.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                self.kill()
                raise AssertionError(f"no {word!r} in {seconds} s: {self.complaints}") from None
            if heard == word:
                return time.monotonic() - self._began
            if heard is None:
                self.kill()
                raise AssertionError(f"it ended before {word!r}: {self.complaints}")

    def wait_for_the_end(self, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        try:
            while self._news.get(timeout=max(0.0, ends - time.monotonic())) is not None:
                pass
        except queue.Empty:
            self.kill()
            raise AssertionError(f"it lives after {seconds} s: {self.complaints}") from None
        return self._finished


class Spawned(Heard):
    """A worker that is a process of its own."""

    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self._process = _python("tests.system.worker", stderr=subprocess.PIPE)
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(orders))
        self._process.stdin.close()
        self._complaints: list[bytes] = []
        self._ears = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._overhear, daemon=True),
        ]
        for ear in self._ears:
            ear.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # the last may be cut off
                self.hear(line[:-1])
        self.hear_no_more()

    def _overhear(self) -> None:
        assert self._process.stderr is not None
        self._complaints += self._process.stderr

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for ear in self._ears:
            ear.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    @property
    def complaints(self) -> str:
        return b"".join(self._complaints).decode(errors="replace")[-4_000:]


class Forked(Heard):
    """A worker that is a child of a nursery."""

    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self._file = Path(orders.folder) / "complaints"
        self._pid: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._dead = threading.Event()

    def is_born(self, pid: int) -> None:
        """Hear which process it is."""
        self._pid.put(pid)

    def hear_no_more(self) -> None:
        self._dead.set()
        super().hear_no_more()

    def kill(self) -> None:
        if not self._dead.is_set():
            # Its mother buries it when she has to bear another: the number is nobody else's.
            os.kill(self._pid.get(), signal.SIGKILL)
            self._dead.wait()

    @property
    def complaints(self) -> str:
        return self._file.read_text(errors="replace")[-4_000:] if self._file.exists() else ""


class Nursery:
    """A process that has imported everything, and forks a worker in milliseconds."""

    def __init__(self) -> None:
        self._mother = _python("tests.system.nursery", stderr=None)
        self._child: Forked | None = None
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill mother and child."""
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        if self._child is not None:
            self._child.kill()
        self._mother.stdin.close()
        self._mother.wait()
        self._ear.join()
        self._mother.stdout.close()

    def bear(self, orders: Orders) -> Forked:
        """Have a worker born. The one before is dead."""
        assert self._mother.stdin is not None
        self._child = child = Forked(orders)
        self._mother.stdin.write(msgspec.json.encode(orders) + b"\n")
        self._mother.stdin.flush()
        return child

    def _listen(self) -> None:
        assert self._mother.stdout is not None
        for line in self._mother.stdout:
            child = self._child
            assert child is not None
            if b"\0" in line:
                child.hear_no_more()
            elif line.startswith(b"born "):
                child.is_born(int(line[5:]))
            else:
                child.hear(line[:-1])


def _python(module: str, *, stderr: int | None) -> subprocess.Popen[bytes]:
    """Start a program of ours, to be talked to."""
    return subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )
