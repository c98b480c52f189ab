"""Whether the files that were opened are still those that the path names.

This module knows what belongs to a database: the file, its write-ahead log and the memory that
its users share, and whatever else it is told to watch. It does not know what is done when one
of them has gone.

A file that was deleted can still be written by whoever has it open, and is gone with the last
of them: a commit would be told as kept, and be lost. So this is asked after each commit. Mostly
that is one look at the folder: while nothing was made, renamed or removed in it, every file is
where it was. It takes 2 us, and 10 of CPU right behind an fsync, which takes more than 100.

The files themselves are never opened here: when any descriptor of a file is closed, the kernel
takes all of the process's locks from it, SQLite's too.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

_SETTLED: Final = 1_000_000_000
"""Nanoseconds after which a folder's time has surely passed: the kernel's ticks are of 1-10 ms,
and two changes within one tick have one time."""

Identity: TypeAlias = tuple[int, int]
"""Device and inode: what a file is, whatever it is called."""


class Presence:
    """What was there when it was opened, to be compared with what is there now.

    Where the file is none of the disk's, as with a file system of SQLite's own, nothing is
    watched.

    Args:
        path: The database, which is open and has been read: its files are there.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._files: dict[Path, Identity] = {}
        self._quiet: tuple[int, int, int] | None = None
        """The folder, and its time, when everything was in its place."""
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            with suppress(FileNotFoundError):
                self.watch(path.with_name(name))

    def watch(self, path: Path) -> None:
        """Watch one more file of the folder, which is there."""
        self._files = {**self._files, path: _identity(path)}

    def missing(self) -> str | None:
        """Say which of the files is no longer there, and what is; None while all are."""
        if not self._files:
            return None
        folder = None
        with suppress(OSError):  # then the files will say
            status = self._folder.stat()
            folder = (status.st_dev, status.st_ino, status.st_mtime_ns)
            if folder == self._quiet:
                return None
        for path, opened in self._files.items():
            try:
                if _identity(path) != opened:
                    return f"another file was put in the place of '{path}' while it was open"
            except (FileNotFoundError, NotADirectoryError):
                return f"'{path}' was deleted or moved while it was open"
            except OSError:  # nobody can tell at present
                return None
        if folder is not None and time.time_ns() - folder[-1] > _SETTLED:
            self._quiet = folder
        return None


def _identity(path: Path) -> Identity:
    """Give what a path names.

    Raises:
        OSError: There is nothing, or it can't be reached.
    """
    status = path.stat()
    return status.st_dev, status.st_ino
