"""Whether our packages are the ones that are found under their names.

This module knows what is said of one that is not. It does not know how it is found
(`shadowing`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from api.commands import shadowing
from api.commands.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked


def examine(_: Asked) -> Iterator[Finding]:
    """Look for what hides a package of ours, or would hide it from scripts that start here."""
    hiding = shadowing.in_the_way()
    for shadow in hiding:
        yield Finding("wrong", str(shadow), shadow.cure)
    for shadow in shadowing.lying_about(Path.cwd()):
        if shadow not in hiding:
            yield Finding(
                "note",
                f"{shadow} from scripts in that folder, and from python -m api",
                "give it another name, or start awe by the command awe",
            )
    if not hiding:
        yield Finding("ok", f"{', '.join(shadowing.PACKAGES)} in {shadowing.HOME}")
