"""Ruff as a process: what it is asked, and what becomes of it when it can't answer.

This module knows the command line of ruff and what it writes. It does not know which rules matter
(`rules`), nor what a finding is worth.

It is called from tools that run in processes of their own, and blocks there: whoever gives one of
them up kills ruff with it. Ruff has no limits of its own, and hostile code finds that out (`a=a=a=`
5,000 times: 100 s and more; 100,000 brackets: its stack overflows), so each call has a limit on
time, memory and what it writes.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from functools import lru_cache
from math import ceil
from typing import IO, TYPE_CHECKING, Final

import msgspec
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # it has no types

from engine import ToolError
from tools.code_review import budget

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CPU: Final = 3
"""Seconds of the CPU for one call, if the step has as much left; 20,000 lines take 0.2."""
TIME: Final = 30.0
"""Seconds on the clock, should it hang."""
MEMORY: Final = 2 << 30
OUTPUT: Final = 64 << 20
"""Bytes that a call may write; a finding takes 400."""

VERSIONS: Final = ("py37", "py38", "py39", "py310", "py311", "py312", "py313", "py314")
"""Versions of Python that code can be reviewed for."""

_FINDINGS: Final = 1
"""The exit code of `ruff check` that means: there are findings. 2 means that it failed."""


class GaveUp(Exception):
    """Ruff could not finish with a text; says why."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What ruff is told about the code.

    Attributes:
        target_version: The oldest Python it is to run on, one of `VERSIONS`.
        line_length: Characters of a line.
        first_party: Modules that stand beside the file; their imports make the last block.
        filename: The name of its file.
    """

    target_version: str
    line_length: int
    first_party: tuple[str, ...] = ()
    filename: str


class Place(msgspec.Struct, frozen=True):
    """A place in a text; both count characters from 1."""

    row: int
    column: int


class Edit(msgspec.Struct, frozen=True):
    """A piece of a fix: what stands between two places becomes `content`."""

    location: Place
    end_location: Place
    content: str | None = None


class Fix(msgspec.Struct, frozen=True):
    """What would mend a finding."""

    applicability: str
    """`safe`, `unsafe` (may change what the code does) or `display` (for people)."""
    edits: list[Edit]
    message: str | None = None


class Diagnostic(msgspec.Struct, frozen=True):
    """A finding, as ruff writes it."""

    code: str
    name: str
    message: str
    location: Place
    end_location: Place
    fix: Fix | None = None


_decode: Final = msgspec.json.Decoder(Diagnostic).decode


def wide(settings: Settings, line_length: int) -> Settings:
    """Give the same settings with another length of lines."""
    return msgspec.structs.replace(settings, line_length=line_length)


def check(code: str, settings: Settings, *, select: str, ignore: str = "") -> list[Diagnostic]:
    """Look for findings.

    Raises:
        GaveUp: There are too many, or ruff can't read it.
        ToolError: Ruff is not there or does not take these settings.
    """
    ignored = ("--ignore", ignore) if ignore else ()
    asked = ("check", "--output-format", "json-lines", "--select", select, *ignored)
    written = _run(asked, code, settings, fine=(0, _FINDINGS))
    try:
        return [_decode(line) for line in written.splitlines() if line]
    except msgspec.DecodeError as error:
        raise _failed(f"ruff wrote what is no finding: {error}") from error


def fixed(
    code: str,
    settings: Settings,
    *,
    select: str,
    ignore: str = "",
    spared: Sequence[str] = (),
) -> str:
    """Apply the safe fixes of some rules.

    Args:
        code: What to mend.
        settings: What ruff is told about it.
        select: The rules.
        ignore: Those of them that are left out.
        spared: Imports, by their full names, that stay though nobody uses them.

    Raises:
        GaveUp: Ruff can't read it.
        ToolError: Ruff is not there or does not take these settings.
    """
    ignored = ("--ignore", ignore) if ignore else ()
    names = ",".join(f'"{name}"' for name in spared)
    kept = ("--config", f"lint.pyflakes.allowed-unused-imports=[{names}]") if spared else ()
    asked = ("check", "--fix-only", "--select", select, *ignored, *kept)
    return _run(asked, code, settings, fine=(0, _FINDINGS)).decode()


def formatted(code: str, settings: Settings) -> str:
    """Give the text as the formatter writes it.

    Raises:
        GaveUp: Ruff can't read it.
        ToolError: Ruff is not there or does not take these settings.
    """
    return _run(("format",), code, settings, fine=(0,)).decode()


def lines_to_format(code: str, settings: Settings) -> int:
    """Count the lines that the formatter would change, or put between others.

    Raises:
        GaveUp: Ruff can't read it.
        ToolError: Ruff is not there or does not take these settings.
    """
    difference = _run(("format", "--diff"), code, settings, fine=(0, 1))
    return sum(removed or added for removed, added in _changes(difference))


def _changes(difference: bytes) -> Iterator[tuple[int, int]]:
    """Go through the changes in a difference: how many lines each takes away, and puts there."""
    removed = added = 0
    inside = False
    for line in difference.splitlines():
        inside = inside or line.startswith(b"@@")  # before that stand the names of the files
        if inside and line.startswith(b"-"):
            removed += 1
        elif inside and line.startswith(b"+"):
            added += 1
        elif removed or added:
            yield removed, added
            removed = added = 0
    if removed or added:
        yield removed, added


def _run(asked: Sequence[str], code: str, settings: Settings, *, fine: tuple[int, ...]) -> bytes:
    """Have ruff do something with a text, within its limits.

    Raises:
        GaveUp: It could not finish.
        ToolError: It is not there or does not take these settings.
    """
    left = budget.left()
    if left <= 0:
        raise GaveUp("there is no time left for it")
    cpu = min(CPU, ceil(left))
    quoted = ",".join(f'"{name}"' for name in settings.first_party)
    command = [
        _ruff(),
        *asked,
        "--isolated",
        "--no-cache",
        *("--target-version", settings.target_version),
        *("--line-length", str(settings.line_length)),
        # Nothing that happens to lie where we run is first-party.
        *("--config", "src=[]", "--config", f"lint.isort.known-first-party=[{quoted}]"),
        f"--stdin-filename={settings.filename}",
        "-",
    ]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603  # its path is known, and no shell reads what it is given
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd="/",
            env={"NO_COLOR": "1", "RAYON_NUM_THREADS": "1"},
        ) as process,
    ):
        late = threading.Event()
        written = _exchanged(process, code.encode(), late, cpu)
        said.seek(0)
        words = said.read(2_000).decode(errors="replace").strip()
    if late.is_set() or process.returncode == -signal.SIGXCPU:
        raise GaveUp(f"it took longer than {cpu} s")
    if written is None:
        raise GaveUp(f"it wrote more than {OUTPUT >> 20} MiB")
    if process.returncode in fine:
        return written
    if process.returncode < 0 or "overflowed its stack" in words or "panicked" in words:
        raise GaveUp("it crashed: " + (words.partition("\n")[0] or f"signal {-process.returncode}"))
    if "Failed to parse" in words or "Failed to read" in words:
        raise GaveUp(words.partition("\n")[0])
    raise _failed(f"ruff failed with exit code {process.returncode}: {words[:300]}")


def _exchanged(
    process: subprocess.Popen[bytes], text: bytes, late: threading.Event, cpu: int
) -> bytes | None:
    """Give a process its text, and take what it writes; None if that is too much.

    Ruff reads all of its input before it writes anything, so neither side waits for the other.
    """

    def stop() -> None:
        late.set()
        process.kill()

    with suppress(ProcessLookupError):
        resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (cpu, cpu + 1))
    watch = threading.Timer(TIME, stop)
    watch.start()
    try:
        assert process.stdin is not None  # noqa: S101  # both were asked for above
        assert process.stdout is not None  # noqa: S101
        with suppress(BrokenPipeError), process.stdin as taken:
            taken.write(text)
        written = _read(process.stdout)
        if written is None:
            process.kill()
        process.wait()
    finally:
        watch.cancel()
    return written


def _read(stream: IO[bytes]) -> bytes | None:
    """Read all that a process writes, or None if it is too much."""
    written = bytearray()
    while piece := stream.read(1 << 20):
        written += piece
        if len(written) > OUTPUT:
            return None
    return bytes(written)


@lru_cache(maxsize=1)
def _ruff() -> str:
    """Find the program.

    Raises:
        ToolError: It is not there.
    """
    try:
        return str(find_ruff_bin())
    except FileNotFoundError as error:
        raise ToolError(
            f"the program ruff is not where its package puts it: {error}",
            code="RUFF_MISSING",
            hint="install it into the same environment: pip install --force-reinstall ruff",
            retryable=False,
        ) from error


def _failed(message: str) -> ToolError:
    return ToolError(
        message,
        code="RUFF_FAILED",
        hint="see that the ruff of this environment is the one that pyproject.toml asks for",
        retryable=False,
    )
