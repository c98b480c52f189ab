"""What git knows of files: whether a change of them could be undone.

This module knows one question to git. It does not know why it is asked.
"""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PATIENCE: Final = 30
"""Seconds that git gets to answer."""

_AT_ONCE: Final = 200
"""Files that git is asked about at a time: the words of a program have at most 2 MiB."""

_STATES: Final = {"??": "git does not know it yet", "!!": "git is told to overlook it"}

_CHANGED: Final = "it has changes that are not committed"

NOWHERE: Final = "it is in no git repository"
"""Why git could not bring a file back that nobody ever gave it."""

NO_GIT: Final = "no git program is installed"
"""Why nobody knows what git could bring back."""


class _Silent(Exception):
    """Git does not say what it was asked; why, in words."""


def unsaved(paths: Iterable[Path]) -> dict[Path, str]:
    """Say of which files git could not bring back what is in them now, and why.

    Git is asked once for each repository, and for 200 files at a time. What git does not answer
    for can't be brought back: that of files in no repository, or of all where there is no git.

    Args:
        paths: Files by their real paths, with no link in them: a path that was resolved here
            once more might lead to another file than the one that is meant.
    """
    given = list(paths)
    rooms: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in given:
        rooms[_room(path)].append(path)
    found: dict[Path, str] = {}
    for room, there in rooms.items():
        try:
            found |= _unsaved(room, there)
        except _Silent as error:
            found |= dict.fromkeys(there, str(error))
    return {path: found[path] for path in given if path in found}


def _room(path: Path) -> Path:
    """Give the folder to ask git in: that of the repository, or else of the file."""
    inside = (each for each in path.parents if each.name == ".git" or (each / ".git").exists())
    return next(inside, path.parent)


def _unsaved(room: Path, paths: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Ask git about files of one repository."""
    top = Path(os.fsdecode(_git(room, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    for first in range(0, len(paths), _AT_ONCE):
        try:
            names = {path: path.relative_to(top) for path in paths[first:][:_AT_ONCE]}
        except ValueError as error:
            raise _Silent(f"git keeps another folder: {error}") from None
        words = ("status", "--porcelain", "-z", "--no-renames", "--ignored", "-uall", "--")
        states = _states(_git(top, *words, *map(str, names.values())))
        for path, name in names.items():
            state = _state(states, name)
            if state is not None:
                yield path, _STATES.get(state, _CHANGED)


def _states(said: bytes) -> dict[PurePath, str]:
    """Take apart what git says: two letters for each name that there is something to say of."""
    lines = os.fsdecode(said).split("\0")
    return {PurePath(line[3:]): line[:2] for line in lines if line}


def _state(states: Mapping[PurePath, str], name: PurePath) -> str | None:
    """Give what git says of a file, or of the folder that it names in its place."""
    return next((states[each] for each in (name, *name.parents) if each in states), None)


def _git(room: Path, *words: str) -> bytes:
    """Give what git answers.

    Raises:
        _Silent: It does not.
    """
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603  # git, as the user has it
            ["git", "--literal-pathspecs", *words],  # noqa: S607  # as above
            cwd=room,
            env=quiet,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise _Silent(NO_GIT) from None
    except OSError as error:
        raise _Silent(f"git can't be asked: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise _Silent(f"git did not answer in {_PATIENCE} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        if any("not a git repository" in line for line in said):
            raise _Silent(NOWHERE)
        raise _Silent(f"git does not tell: {said[0] if said else f'status {done.returncode}'}")
    return done.stdout
