"""Whether our packages can be found, or something else of the same name is in the way.

This module knows where Python looks for packages. It imports none of them: it runs before
anything else, and says why the rest could not.

A folder is in the way only as a package: with an `__init__.py`, or as `engine.py`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PACKAGES: Final = ("api", "engine", "tools")
"""What is installed under these names."""

HOME: Final = Path(__file__).resolve().parents[2]
"""The folder that our packages are in."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """Something that is found in place of a package of ours, or would be."""

    package: str
    path: Path

    def __str__(self) -> str:
        """Say what hides what."""
        what = "folder" if self.path.is_dir() else "file"
        return f"the {what} {self.path} hides the package '{self.package}' of awe"

    @property
    def cure(self) -> str:
        """What to do so that it does not."""
        folder = self.path.parent
        if _is_first(folder) and not _is_named(folder):
            return "use the command awe, or python -P -m api: python -m looks in this folder first"
        if _is_named(folder):
            return f"take {folder} out of PYTHONPATH, or rename that {self.path.name}"
        return (
            f"another program was installed into {folder} under that name: give awe an "
            "environment of its own (python3 -m venv)"
        )


def in_the_way() -> list[Shadow]:
    """Find what would be imported in place of a package of ours, in this very process."""
    found: list[Shadow] = []
    for package in PACKAGES:
        there = _found(package)
        if there is not None and there.parent != HOME:
            found.append(Shadow(package, there))
    return found


def lying_about(folder: Path) -> list[Shadow]:
    """Find what would be in the way of programs that are started in a folder."""
    if folder.resolve() == HOME:
        return []
    return [
        Shadow(package, path)
        for package in PACKAGES
        for path in (folder / package, folder / f"{package}.py")
        if (path / "__init__.py").is_file() or (path.suffix == ".py" and path.is_file())
    ]


def _found(package: str) -> Path | None:
    """Tell where a package would be imported from: its folder, or the file that it is."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # what is there is broken, which shows when it is used
        return None
    if spec is None or spec.origin is None:  # not there, or a folder without `__init__.py`
        return None
    origin = Path(spec.origin).resolve()
    return origin.parent if origin.name == "__init__.py" else origin


def _is_first(folder: Path) -> bool:
    """Tell whether Python looks there first, as it does for `python -m` and for scripts."""
    return Path(sys.path[0] or ".").resolve() == folder


def _is_named(folder: Path) -> bool:
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return any(Path(each or ".").resolve() == folder for each in named if each or len(named) > 1)
