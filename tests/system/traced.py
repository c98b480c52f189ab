"""What a process wrote and synced, as strace saw it.

This module knows what strace prints. It does not know what is done with what it finds (`power`).

A write counts from when it was called, as some of it may be on the disk from then on; a sync
counts from when it returned; what was said counts from when it was called, as somebody may
have heard it from then on.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.system.power import Named, Sync, Told, Write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.system.power import Event

ROOT: Final = Path(__file__).parents[2]

_CALLS: Final = "pwrite64,write,fsync,fdatasync,ftruncate,openat,unlink"

_LINE: Final = re.compile(
    r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<rest>.*)"
)

_FILE: Final = re.compile(r"(?P<number>\d+)<(?P<path>[^>]*)>(?:, )?(?P<rest>.*)")

_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


def traced(trace: Path, *arguments: str) -> None:
    """Run a module of ours in a process that is watched.

    Raises:
        subprocess.CalledProcessError: It failed, or may not be watched here.
    """
    subprocess.run(
        [
            *("strace", "-f", "-y", "-xx", "-s", "10000000", "-e", f"trace={_CALLS}"),
            *("-o", str(trace), sys.executable, "-m", *arguments),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=100,
    )


def events(trace: Path, folder: Path) -> Iterator[Event]:
    """Read what happened to the files of a folder, and what was said on standard output.

    Memory that is shared through a file is none of a disk's: files `-shm` are left out.
    """
    names: set[str] = set()
    waiting: dict[str, Event] = {}
    for line in trace.read_text().splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        thread = found["thread"]
        if found["resumed"]:
            if thread in waiting:
                yield waiting.pop(thread)
            continue
        read = _named if found["call"] in ("openat", "unlink") else _written
        event = read(found["call"], found["rest"], folder)
        match event:
            case None:
                continue
            case Named(name, is_there):
                if is_there == (name in names):
                    continue  # it was opened, or was not there
                names ^= {name}
            case _:
                pass
        if isinstance(event, Sync) and line.endswith("<unfinished ...>"):
            waiting[thread] = event
        else:
            yield event


def _named(call: str, rest: str, folder: Path) -> Event | None:
    """Read a call that names a file."""
    name = _name(_texts(rest)[0].decode(), folder)
    if not name or "= -1 " in rest or (call == "openat" and "O_CREAT" not in rest):
        return None
    return Named(name, is_there=call == "openat")


def _written(call: str, rest: str, folder: Path) -> Event | None:
    """Read a call on an open file."""
    file = _FILE.match(rest)
    if file is None:
        return None
    if call == "write":
        said = file["number"] == "1"
        return Told(_texts(file["rest"])[0].decode().strip()) if said else None
    path = _unescaped(file["path"]).decode()
    name = "" if path == str(folder) else _name(path, folder)
    if name is None:
        return None
    numbers = [int(each) for each in re.findall(r"(?:^|, )(\d+)", file["rest"])]
    match call:
        case "pwrite64":
            return Write(name, numbers[1], _texts(file["rest"])[0])
        case "ftruncate":
            return Write(name, numbers[0], None)
        case _:
            return Sync(name)


def _name(path: str, folder: Path) -> str | None:
    """Give the name of a file that belongs to a database in a folder."""
    found = Path(path)
    if found.parent != folder or not re.fullmatch(r"runs\.db(-wal|-journal)?", found.name):
        return None
    return found.name


def _texts(rest: str) -> Sequence[bytes]:
    return [_unescaped(each) for each in _TEXT.findall(rest)]


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
