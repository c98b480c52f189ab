"""What git knows of files: whether a change of one could be undone.

This module knows one question to git. It does not know why it is asked.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE: Final = 30
"""Seconds that git gets to answer."""

_STATES: Final = {"??": "git does not know it yet", "!!": "git is told to overlook it"}


def unsaved(path: Path) -> str | None:
    """Say why git could not bring back a file as it is; None if it could, or there is no git.

    Who has no git, or keeps this file elsewhere, has chosen to do without.
    """
    there = path.resolve()
    words = ["git", "status", "--porcelain", "--ignored", "--", f":(literal){there.name}"]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603  # git, as the user has it
            words, cwd=there.parent, env=quiet, capture_output=True, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired:
        return f"git did not answer in {_PATIENCE} s"
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        if any("not a git repository" in line for line in said):
            return None
        return f"git does not tell: {said[0] if said else f'status {done.returncode}'}"
    state = done.stdout[:2].decode()
    return _STATES.get(state, "it has changes that are not committed") if state else None
