"""Tools that run in a process of their own: what they do to it, and what they give back."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine import Command, Overwrite, ToolError, tool

if TYPE_CHECKING:
    from engine import Json


@dataclass
class Finding:
    """What was found, and where."""

    line: int
    words: list[str] = field(default_factory=list)


@tool(name="heavy.square", execution="process")
def square(n: int) -> dict[str, Json]:
    """Square a number."""
    return {"square": n * n, "pid": os.getpid()}


@tool(execution="process")
def collect(findings: list[Finding], factor: float = 2.0) -> dict[str, object]:
    """Give back what came in, as what it became."""
    assert all(isinstance(each, Finding) for each in findings)
    return {"last": findings[-1], "all": findings, "factor": type(factor).__name__}


@tool(execution="process")
def whole() -> Finding:
    """Give one thing that has fields."""
    return Finding(7, ["seven"])


@tool(execution="process")
def decide() -> Command:
    """Write, and say where to go."""
    return Command(update={"words": Overwrite([]), "n": 1}, goto=["a", "b"])


@tool(execution="process")
def spin(pids: str) -> None:
    """Take the CPU for ever, after a child was begun that does not end either."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with Path(pids).open("w") as pipe:
        pipe.write(f"{os.getpid()} {child.pid}\n")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


@tool(execution="process")
def leave(code: int) -> None:
    """End the process."""
    os._exit(code)


@tool(execution="process")
def leave_twice(marks: str) -> dict[str, Json]:
    """End the process, but not the third time."""
    path = Path(marks)
    times = len(path.read_text()) + 1 if path.exists() else 1
    path.write_text("x" * times)
    if times <= 2:
        os._exit(9)
    return {"times": times}


@tool(execution="process")
def crash() -> None:
    """Read where nothing is."""
    ctypes.string_at(0)


@tool(execution="process")
def hang_up() -> None:
    """Close what is open, and stay."""
    os.closerange(3, 256)
    threading.Event().wait()


@tool(execution="process")
def fork_and_leave() -> None:
    """End the process, but leave a fork of it behind that has everything open."""
    if os.fork() == 0:
        threading.Event().wait()
    os._exit(4)


@tool(execution="process")
def linger() -> None:
    """Return, but leave a thread behind that the process waits for when it is to end."""
    threading.Thread(target=threading.Event().wait, daemon=False).start()


@tool(execution="process")
def leave_by_exit() -> None:
    """Exit as scripts do."""
    sys.exit(3)


class Unpicklable(Exception):
    """An exception that can't be sent anywhere."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)
        self.two = two
        self.lock = threading.Lock()


@tool(execution="process")
def fail() -> None:
    """Raise what can't be pickled."""
    message = "out of luck"
    raise Unpicklable(message, "really")


@tool(execution="process")
def refuse() -> None:
    """Fail with a code."""
    raise ToolError("no", code="NO", hint="ask later", retryable=False, retry_after=2.5)


@tool(execution="process")
def give_a_lambda() -> dict[str, object]:
    """Return what can't be sent."""
    return {"function": [lambda: 1]}


@tool(execution="process")
def give_much(size: int) -> dict[str, Json]:
    """Return a long text."""
    return {"text": "ä" * size}


@tool(execution="process")
def environment() -> dict[str, Json]:
    """Say what the process looks like from inside."""
    return {"leader": os.getpgrp() == os.getpid(), "main": sys.modules["__main__"].__name__}


def plain(n: int) -> dict[str, Json]:
    """Square a number; not a tool where it stands."""
    return {"square": n * n}


@tool(name="heavy.forks", execution="process")
def forks() -> dict[str, Json]:
    """Fork, and let the child come back to whoever called."""
    if os.fork() == 0:
        return {"child": 1}
    return {"parent": 1}


@tool(name="heavy.spin_in_c", execution="process")
def spin_in_c() -> None:
    """Compute in C for ever, without letting go of the interpreter."""
    pow(10**9_999_999, 10**6, 10**9_999_989)
