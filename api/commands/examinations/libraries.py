"""The libraries that awe stands on, at the versions it needs.

This module knows what an installed package says that it needs. It does not know why.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from api.commands.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked


def examine(_: Asked) -> Iterator[Finding]:
    """Look for each library, and whether its version is one that we know to work with."""
    needed = [Requirement(each) for each in requires("agent-workflow-engine") or ()]
    needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    misfits = [misfit for each in needed if (misfit := _misfit(each)) is not None]
    yield from misfits
    if not misfits:
        yield Finding("ok", f"{len(needed)} libraries, at versions that fit")


def _misfit(needed: Requirement) -> Finding | None:
    """Say what is wrong with a library, if anything is."""
    cure = f"{sys.executable} -m pip install '{needed}'"
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        return Finding("wrong", f"{needed.name} is not installed", cure)
    if needed.specifier.contains(found, prereleases=True):
        return None
    return Finding("wrong", f"{needed.name} is {found}, {needed.specifier} is needed", cure)
