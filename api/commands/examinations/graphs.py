"""The graphs that a fresh server has.

This module knows that they can be created. It does not know what is in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.commands import shipped, stoppable
from api.commands.embedded import engine_here
from api.commands.failure import Failure
from api.commands.finding import Finding
from engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.commands.finding import Asked


def examine(_: Asked) -> Iterator[Finding]:
    """Create them, as a server does."""
    try:
        shipped.review()
        names = stoppable.run(_created())
    except (EngineError, Failure) as error:
        yield Finding("wrong", error.message, error.hint)
    else:
        yield Finding("ok", ", ".join(names))


async def _created() -> list[str]:
    async with engine_here() as engine:
        return [(await engine.create(each)).graph_id for each in shipped.documents()]
