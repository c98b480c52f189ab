"""Files of Python: which there are, what is written in them, and how they are written back.

This module knows folders, encodings and ends of lines. It does not know what code is good.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import tokenize
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from api.commands.failure import WRONG, Failure

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

ENVIRONMENT: Final = "pyvenv.cfg"
"""The file that makes a folder a virtual environment."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of a file that is read; a graph may take less."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How files are opened: without waiting, should one have become a pipe."""

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

# With O_PATH, which not every system has, a folder may be passed that can't be listed.
_FOLDER: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_ENDS: Final = ("\r\n", "\r", "\n")


class Unreadable(Exception):
    """A file can't be read as Python; why, in words."""


class NoText(Unreadable):
    """What is in the file was never meant to be read."""


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file, and all that it takes to write another in its place."""

    path: Path
    """As it was named."""
    real: Path
    """Where it was read, with no link in it."""
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

    Links are followed only if they are named, and no file is found twice by several names.

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
    real: dict[str, Path] = {}
    for path in found.paths:
        real.setdefault(os.path.realpath(path), path)
    found.paths = [*real.values()]
    return found


def read(path: Path) -> Source:
    """Read a file as Python would: by its byte order mark, its coding cookie, or as UTF-8.

    Raises:
        Unreadable: It can't be read, or there is no text in it.
    """
    try:
        real = Path(os.path.realpath(path, strict=True))
        with _opened(real.parent) as folder:
            data, _ = _content(real.name, folder)
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
    return Source(path, real, data, code, encoding, end)


def write(source: Source, code: str) -> None:
    """Put another text in the place of a file, which is there as a whole all the time.

    It is written where it was read: what leads elsewhere by now is left alone.

    Raises:
        Failure: The file is not what was read any more, or can't be written.
    """
    try:
        if Path(os.path.realpath(source.path, strict=True)) != source.real:
            raise _moved(source)
        with _opened(source.real.parent) as folder:
            data, there = _content(source.real.name, folder)
            if data != source.data:
                raise _changed(source)
            _replace(source.real.name, folder, source.encoded(code), there)
    except Unreadable:
        raise _changed(source) from None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:  # a link where none was
            raise _moved(source) from error
        raise Failure(f"can't write '{source.path}': {error.strerror}") from error


def _changed(source: Source) -> Failure:
    return Failure(
        f"'{source.path}' was changed while it was reviewed, and left as it is now",
        hint="review it again",
    )


def _moved(source: Source) -> Failure:
    return Failure(
        f"'{source.path}' leads to another file than the one that was reviewed; "
        "both were left as they are",
        hint="review it again",
    )


@contextmanager
def _opened(folder: Path) -> Generator[int, None, None]:
    """Open a folder by its real path: one with a link in it is none, whoever put it there."""
    handle = os.open(folder.anchor, _FOLDER)
    try:
        for name in folder.parts[1:]:
            inner = os.open(name, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _content(name: str, folder: int) -> tuple[bytes, os.stat_result]:
    """Read a file in an open folder.

    Raises:
        Unreadable: It is no regular file, or too large.
    """
    # Looked at before it is opened: to open a device may do something.
    _see_regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
    with os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as file:
        there = os.fstat(file.fileno())
        _see_regular(there)
        if there.st_size > MAX_BYTES:
            raise Unreadable(f"it has {there.st_size:,} bytes, and up to {MAX_BYTES:,} are read")
        return file.read(), there


def _see_regular(there: os.stat_result) -> None:
    if not stat.S_ISREG(there.st_mode):
        raise Unreadable("it is no regular file")


def _replace(name: str, folder: int, data: bytes, there: os.stat_result) -> None:
    """Write beside a file, and put that in its place with its rights and its owner."""
    beside = f".awe-{secrets.token_hex(8)}"
    handle = os.open(beside, _NEW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(handle, stat.S_IMODE(there.st_mode))
            with suppress(PermissionError):  # only root may give a file away
                os.fchown(handle, there.st_uid, there.st_gid)
            os.fsync(handle)
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=folder)
        raise


def _look_into(folder: Path, found: Found) -> None:
    """Find the Python files of a folder and of those in it, but for what is behind links."""

    def stop(error: OSError) -> None:
        raise Failure(f"can't look into '{error.filename}': {error.strerror}", status=WRONG)

    for here, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(_open_folders(Path(here), folders, found.skipped))
        for name in sorted(files):
            if name.startswith("."):
                found.skipped["hidden"] += 1
            elif not name.endswith(".py"):
                found.skipped["not .py"] += 1
            elif (why := _no_file(Path(here, name))) is not None:
                found.skipped[why] += 1
            else:
                found.paths.append(Path(here, name))


def _open_folders(here: Path, folders: Iterable[str], skipped: Counter[str]) -> Iterator[str]:
    for name in folders:
        if name.startswith("."):
            skipped["hidden"] += 1
        elif (here / name).is_symlink():
            skipped["links"] += 1
        elif (here / name / ENVIRONMENT).exists():
            skipped["virtual environments"] += 1
        else:
            yield name


def _no_file(path: Path) -> str | None:
    """Say what a name in a folder stands for in place of a regular file, or None: it is one."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None  # whoever reads it says why it can't be
    if stat.S_ISLNK(mode):
        return "links"
    return None if stat.S_ISREG(mode) else "no regular files"


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
