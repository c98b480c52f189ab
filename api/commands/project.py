"""What a project says of its code: the oldest Python it runs on, and the length of a line.

This module knows pyproject.toml. It does not know what is done with either.
"""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from packaging.specifiers import InvalidSpecifier, SpecifierSet

if TYPE_CHECKING:
    from pathlib import Path

_PYTHONS: Final = range(7, 15)
"""The minor versions of Python 3 that code can be reviewed for."""

_LINES: Final = range(40, 321)
"""The lengths of lines that code can be reviewed for."""


def settings_of(path: Path) -> dict[str, str | int]:
    """Give what the project of a file says, as the graph `code-review` calls it.

    Nothing where there is no project, or it does not say, or can't be read.
    """
    return dict(_settings(path.resolve().parent))


@cache
def _settings(folder: Path) -> tuple[tuple[str, str | int], ...]:
    """Look into a folder, and into those around it until there is a project."""
    described = folder / "pyproject.toml"
    if not described.is_file():
        return () if folder == folder.parent else _settings(folder.parent)
    try:
        said: dict[str, object] = tomllib.loads(described.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    ruff = _table(_table(said, "tool"), "ruff")
    oldest = ruff.get("target-version") or _oldest(_table(said, "project").get("requires-python"))
    length = ruff.get("line-length")
    found: list[tuple[str, str | int]] = []
    if oldest in {f"py3{minor}" for minor in _PYTHONS}:
        found.append(("target_version", str(oldest)))
    if isinstance(length, int) and length in _LINES:
        found.append(("line_length", length))
    return tuple(found)


def _oldest(wanted: object) -> str | None:
    """Give the oldest Python that fits, as ruff calls it."""
    try:
        fits = SpecifierSet(str(wanted)) if wanted else None
    except InvalidSpecifier:
        return None
    if fits is None:
        return None
    # The last release of a minor version stands for it: `>=3.8.1` is Python 3.8.
    return next((f"py3{minor}" for minor in _PYTHONS if fits.contains(f"3.{minor}.99")), None)


def _table(said: dict[str, object], name: str) -> dict[str, object]:
    found = said.get(name)
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}
