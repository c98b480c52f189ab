"""The templates of graphs that installed packages offer.

This module knows that they can be loaded, or not. It does not know what is made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.commands.finding import Finding
from engine import InvalidTemplate, installed_templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked


def examine(_: Asked) -> Iterator[Finding]:
    """Load them, as a server does."""
    try:
        found = installed_templates()
    except InvalidTemplate as error:
        yield Finding("wrong", error.message, error.hint)
        return
    if found:
        yield Finding("ok", f"{len(found)}: {', '.join(each.name for each in found)}")
    else:
        yield Finding("wrong", "there are none", "install awe again: it brings some along")
