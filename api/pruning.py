"""Runs that ended long ago, removed regularly while a server runs.

This module knows how often. Which runs go, and how, the engine knows.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio

from engine import EngineError

if TYPE_CHECKING:
    from engine import Engine, Retention

log: Final = logging.getLogger(__name__)

PAUSE: Final = 3_600.0
"""Seconds between two times."""


async def prune_regularly(engine: Engine, retention: Retention, pause: float = PAUSE) -> None:
    """Remove what may go, now and then again and again, until it is cancelled.

    Trouble with the store ends it for this time only.
    """
    while True:
        try:
            done = await engine.prune(retention)
        except EngineError as error:
            log.warning("runs that ended long ago can't be removed for now: %s", error)
        else:
            if done.removed:
                log.info("%d runs that ended long ago were removed", done.removed)
        await anyio.sleep(pause)
