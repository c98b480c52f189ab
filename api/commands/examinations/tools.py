"""The tools that installed packages offer, and the kinds that tools can be declared in.

This module knows that they can be loaded, or not. It does not know what they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.commands.finding import Finding
from engine import InvalidTool, Tools, installed_tool_kinds, installed_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked


def examine(_: Asked) -> Iterator[Finding]:
    """Load them, as a server does."""
    try:
        found = Tools(installed_tools())
        kinds = sorted(each.name for each in installed_tool_kinds())
    except InvalidTool as error:
        yield Finding("wrong", error.message, error.hint)
        return
    if found:
        yield Finding("ok", f"{len(found)}: {', '.join(sorted(found))}")
    else:
        yield Finding("wrong", "there are none", "install awe again: it brings some along")
    if kinds:
        yield Finding("ok", f"declared as one of {len(kinds)} kinds: {', '.join(kinds)}")
