"""Where results are kept that need not be worked out again, as a command line says it.

This module knows how a Redis is named. It does not know what is kept there.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from engine import RedisCache

RedisOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--redis",
        envvar="AWE_REDIS",
        metavar="URL",
        help="A Redis that keeps results of nodes with a cache, for all who ask the same one; "
        "one with a password is better named in AWE_REDIS, as others can read command lines.",
        show_default=False,
    ),
]
"""How a command is told of a Redis."""


def cache_at(url: str | None) -> RedisCache | None:
    """Make a cache, which is connected when it is needed; None: none was named.

    Raises:
        EngineError: The address is none, or the client of Redis is not installed.
    """
    return RedisCache(url) if url else None
