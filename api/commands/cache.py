"""`awe cache purge`: have results forgotten that a Redis keeps.

This module knows what is said about it. It does not know how results are kept.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands import stoppable
from api.commands.embedded import told
from api.commands.failure import WRONG, Failure
from api.commands.redis import RedisOption, cache_at
from api.commands.screen import hang, output, styled

if TYPE_CHECKING:
    from engine import RedisCache


class Act(Enum):
    """What can be done."""

    PURGE = "purge"


def command(
    act: Annotated[Act, typer.Argument(help="What to do: forget results.", show_default=False)],
    prefix: Annotated[
        str,
        typer.Argument(
            metavar="PREFIX",
            help="Those whose keys begin so: text.longest/ means those of the tool text.longest; "
            "without it all of them, and all snapshots.",
            show_default=False,
        ),
    ] = "",
    *,
    redis: RedisOption = None,
) -> int:
    """Forget results that are kept in a Redis; runs work them out again."""
    assert act is Act.PURGE  # noqa: S101  # there is nothing else
    with told():
        cache = cache_at(redis)
        if cache is None:
            raise Failure(
                "no Redis is named, and results in the memory of a server go with it",
                hint="as in awe cache purge --redis redis://127.0.0.1:6379, or by AWE_REDIS",
                status=WRONG,
            )
        stoppable.run(_purge(cache, prefix))
    what = f"what begins with {prefix}" if prefix else "everything"
    hang(output(), styled(""), styled(f"{what} is forgotten by Redis at {cache.place}"))
    return 0


async def _purge(cache: RedisCache, prefix: str) -> None:
    async with cache:
        await cache.purge(prefix)
