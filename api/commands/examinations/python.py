"""The Python that runs awe, and the SQLite that comes with it.

This module knows which Python is needed: what the package says of itself. It does not know
what for.
"""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import metadata
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet

from api.commands.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked


def examine(_: Asked) -> Iterator[Finding]:
    """Look at the version of Python, and the system it runs on."""
    wanted = metadata("agent-workflow-engine")["Requires-Python"]
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if platform.python_version() in SpecifierSet(wanted, prereleases=True):
        yield Finding("ok", f"{found}, with SQLite {sqlite3.sqlite_version}")
    else:
        yield Finding(
            "wrong",
            f"{found}, {wanted} is needed",
            "make .venv anew: rm -rf .venv && make install PYTHON=python3.12",
        )
    if platform.system() != "Linux":
        yield Finding(
            "note", f"awe is tried on Linux; this is {platform.system()}", "use a container, or WSL"
        )
