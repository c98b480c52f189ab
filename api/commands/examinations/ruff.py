"""The program ruff, which reviews code.

This module knows how it is found, and that it can be run. It does not know what it is asked in
a review.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

# ruff says nothing of its types.
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from api.commands.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked

_PATIENCE = 10
"""Seconds that it gets to say its version."""


def examine(_: Asked) -> Iterator[Finding]:
    """Look for the program, and run it."""
    cure = f"{sys.executable} -m pip install --force-reinstall ruff"
    try:
        path = find_ruff_bin()
    except FileNotFoundError as error:
        yield Finding("wrong", f"the program is not there: {error}", cure)
        return
    try:
        done = subprocess.run(  # noqa: S603  # the program that was found
            [path, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding("wrong", f"{path} can't be run: {error}", cure)
    else:
        yield Finding("ok", f"{done.stdout.strip()}, {path}")
