"""What tests wait for that nobody tells."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

END: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ 'awe .*'"
)

"""Ends the sessions of all stores."""


async def until(so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not so():  # noqa: ASYNC110  # it is looked at, and nobody tells
        await asyncio.sleep(0.005)


async def until_waiting(foreign: asyncpg.Connection, count: int) -> None:
    """Wait until so many sessions wait for a lock."""
    while await foreign.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < count:
        pass
