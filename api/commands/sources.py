"""Files of Python: which there are, what is written in them, and how they are written back.

This module knows folders, encodings and ends of lines. It does not know what code is good.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import tokenize
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.commands.failure import WRONG, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENVIRONMENT: Final = "pyvenv.cfg"
"""The file that makes a folder a virtual environment."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of a file that is read; a graph may take less."""

_ENDS: Final = ("\r\n", "\r", "\n")


class Unreadable(Exception):
    """A file can't be read as Python; why, in words."""


class NoText(Unreadable):
    """What is in the file was never meant to be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file, and all that it takes to write another in its place."""

    path: Path
    data: bytes
    """As it was read."""
    code: str
    """With a line feed at the end of each line."""
    encoding: str
    end: str
    """What ends a line in the file; where there are several, the most frequent."""

    def encoded(self, code: str) -> bytes:
        """Write a text as this file is written."""
        return code.replace("\n", self.end).encode(self.encoding)


@dataclass(slots=True)
class Found:
    """Files to review, and how many were left out, by the reason."""

    paths: list[Path] = field(default_factory=list[Path])
    skipped: Counter[str] = field(default_factory=Counter[str])


def find(given: Iterable[str]) -> Found:
    """Find the files to review: those that are named, and all `*.py` in folders that are.

    Raises:
        Failure: One that is named is not there, or can't be looked into.
    """
    found = Found()
    for each in given:
        path = Path(each)
        if path.is_dir():
            _look_into(path, found)
        elif path.exists():
            found.paths.append(path)
        else:
            raise Failure(f"there is no '{each}'", hint="name files or folders", status=WRONG)
    found.paths = list(dict.fromkeys(found.paths))
    return found


def read(path: Path) -> Source:
    """Read a file as Python would: by its byte order mark, its coding cookie, or as UTF-8.

    Raises:
        Unreadable: It can't be read, or there is no text in it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Unreadable(f"it has {size:,} bytes, and up to {MAX_BYTES:,} are read")
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror}") from error
    if b"\0" in data:
        raise NoText("no text")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise Unreadable(f"not Python: {_why(data, error)}") from error
    end = _end_of(text)
    code = text.replace("\r\n", "\n").replace("\r", "\n")
    return Source(path, data, code, encoding, end)


def write(source: Source, code: str) -> None:
    """Put another text in the place of a file, which is there as a whole all the time.

    Raises:
        Failure: The file is not what was read any more, or can't be written.
    """
    target = source.path.resolve()  # a link stays a link
    try:
        if target.read_bytes() != source.data:
            raise Failure(
                f"'{source.path}' was changed while it was reviewed, and left as it is now",
                hint="review it again",
            )
        _replace(target, source.encoded(code))
    except OSError as error:
        raise Failure(f"can't write '{source.path}': {error.strerror}") from error


def _replace(target: Path, data: bytes) -> None:
    """Write beside a file, and put that in its place with its rights and its owner."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, beside)
        there = target.stat()
        with suppress(PermissionError):  # only root may give a file away
            os.chown(beside, there.st_uid, there.st_gid)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _look_into(folder: Path, found: Found) -> None:
    """Find the Python files of a folder and of those in it; links to folders lead nowhere new."""

    def stop(error: OSError) -> None:
        raise Failure(f"can't look into '{error.filename}': {error.strerror}", status=WRONG)

    for here, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(_open_folders(Path(here), folders, found.skipped))
        for name in sorted(files):
            if name.startswith("."):
                found.skipped["hidden"] += 1
            elif name.endswith(".py"):
                found.paths.append(Path(here, name))
            else:
                found.skipped["not .py"] += 1


def _open_folders(here: Path, folders: Iterable[str], skipped: Counter[str]) -> Iterator[str]:
    for name in folders:
        if name.startswith("."):
            skipped["hidden"] += 1
        elif (here / name / ENVIRONMENT).exists():
            skipped["virtual environments"] += 1
        else:
            yield name


def _why(data: bytes, error: SyntaxError | UnicodeDecodeError) -> str:
    """Say why a file can't be decoded; Python tells no place for its first two lines."""
    encoding = "UTF-8"
    if isinstance(error, SyntaxError):
        try:
            data.decode()
        except UnicodeDecodeError as place:
            error = place
        else:
            return str(error.msg)
    else:
        encoding = error.encoding
    line = data.count(b"\n", 0, error.start) + 1
    return f"line {line} is not {encoding}, and no coding cookie says what else it is"


def _end_of(text: str) -> str:
    """Tell what ends the lines of a text, or most of them."""
    windows = text.count("\r\n")
    counts = (windows, text.count("\r") - windows, text.count("\n") - windows)
    return _ENDS[max(range(len(_ENDS)), key=lambda each: (counts[each], each))]
