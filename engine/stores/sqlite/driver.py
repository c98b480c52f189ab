"""Which process drives the runs of a file: one, until it lets go or ends.

This module knows the lock, which the kernel frees when the process ends, however it does, and
keeps while the process is stopped. It does not know runs, nor what else is done with the file:
whoever only reads asks nobody.

The lock is on a file of its own, `NAME-driver` beside the database: SQLite's own locks are on
the database, and no one else may touch them. It is of the kind of `flock`, which another store
of the same process does not get either, and which closing any other descriptor does not free.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from engine.errors import EngineError
from engine.store import StoreInUse, StoreUnavailable
from engine.stores.refusal import FAILED, FULL, READ_ONLY

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST: Final = 1_000
"""Bytes that are read of what a driver says of itself."""

_LOOKS: Final = 5
_BLINK: Final = 0.01
"""How often, and every how many seconds, it is looked for what a driver says of itself."""

_CODES: Final = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: READ_ONLY,
    errno.EPERM: READ_ONLY,
}
"""Of what keeps the lock file from being made."""


class Driver:
    """The claim of this process on the runs of a file, once it was taken.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._database = path
        self.path: Path = path.with_name(f"{path.name}-driver")
        """The file that is locked; there only while somebody has it."""
        self._descriptor: int | None = None

    def take(self, who: str, *, take_over: bool = False) -> None:
        """Be the one that drives, until `let_go`.

        Args:
            who: What others are told, with the process, its machine and the time.
            take_over: Of no use here, and said to be when somebody else has the claim.

        Raises:
            StoreInUse: Another store has it, of this process or another.
            EngineError: The lock can't be made.
        """
        if self._descriptor is not None:
            return
        while self._descriptor is None:
            descriptor = self._opened()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                refusal = self._refusal(descriptor, take_over=take_over)
                os.close(descriptor)
                raise refusal from None
            except OSError as error:
                os.close(descriptor)
                raise self._unmade(error) from error
            if self._is_at_its_place(descriptor):
                self._descriptor = descriptor
            else:  # whoever had it let go, and took the file with him
                os.close(descriptor)
        _held.add(self)
        self._say(who)

    def let_go(self) -> None:
        """Let others drive; nothing happens if it was not taken."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if self._is_at_its_place(descriptor):
            self.path.unlink(missing_ok=True)  # before it is unlocked: then it is another's
        os.close(descriptor)

    def leave_to_parent(self) -> None:
        """Let go of it in a process that was forked; in the one it came from it stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise self._unmade(error) from error

    def _unmade(self, error: OSError) -> EngineError:
        """Say why there is no lock."""
        code = _CODES.get(error.errno or 0, FAILED)
        kind = EngineError if code == FAILED else StoreUnavailable
        return kind(
            f"'{self.path}' can't be made, whose lock says who drives the runs of "
            f"'{self._database}': {error.strerror}",
            code=code,
            hint="see that this user may write the folder, that there is room, and that the "
            "disk is one of this machine",
            details={"path": str(self.path)},
        )

    def _is_at_its_place(self, descriptor: int) -> bool:
        """Tell whether the file that is open is the one that others find."""
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _say(self, who: str) -> None:
        """Write down who this is, for whoever is refused."""
        descriptor = self._descriptor
        assert descriptor is not None  # noqa: S101  # it was just taken
        said = f"{os.getpid()} {platform.node() or 'this machine'} {who}\n"
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, said.encode(errors="replace"), 0)
        except OSError:  # on a full disk the lock holds all the same
            os.ftruncate(descriptor, 0)

    def _refusal(self, descriptor: int, *, take_over: bool) -> StoreInUse:
        """Say who has it."""
        said = ""
        for _ in range(_LOOKS):
            said = os.pread(descriptor, _LARGEST, 0).decode(errors="replace").strip()
            if said:
                break
            time.sleep(_BLINK)  # it was locked this very moment
        process, host, who = (*said.split(" ", 2), "", "", "")[:3]
        since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
        it = "that process"
        if process.isdecimal():
            it = f"process {process} on {host}, at it since {since:%Y-%m-%d %H:%M:%S} UTC"
        hint = f"end {it}; or use another file"
        if take_over:
            hint = (
                "nothing can be taken over of an SQLite file, whose claim ends with its process: "
                f"end {it}; with kill -9 if it does not answer"
            )
        return StoreInUse(f"'{self._database}'", who or "a process that did not say", hint=hint)


_held: Final[WeakSet[Driver]] = WeakSet()
"""What this process has: a child that it forks must not keep it when this one ends."""


def _forget_in_child() -> None:
    for driver in tuple(_held):
        driver.leave_to_parent()


os.register_at_fork(after_in_child=_forget_in_child)
